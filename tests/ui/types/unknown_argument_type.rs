use actix_web::get;
use cache_page::cache_page;

#[get("/{id}")]
#[cache_page(60)]
async fn post(id: Pth<u32>) -> String {
    id.to_string()
}

fn main() {}
