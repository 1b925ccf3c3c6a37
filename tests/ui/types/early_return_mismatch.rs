use actix_web::{get, web};
use cache_page::cache_page;

#[get("/{id}")]
#[cache_page(60)]
async fn post(id: web::Path<u32>) -> String {
    if *id == 0 {
        return 404;
    }
    "post".to_owned()
}

fn main() {}
