use actix_web::web;
use cache_page::cache_page;

#[cache_page(60)]
async fn post(id: web::Path<u64>) -> String {
    id.to_string()
}

#[cache_page(60, uncached = original_page)]
async fn page(id: web::Path<u64>) -> String {
    id.to_string()
}

async fn test() {
    // Right: the original function.
    original_page(web::Path::from(7)).await;
    // Wrong: the cached handler needs a request.
    post(web::Path::from(7)).await;
}

fn main() {
    drop(test());
}
