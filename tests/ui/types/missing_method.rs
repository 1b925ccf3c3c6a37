use actix_web::{get, web};
use cache_page::cache_page;

#[get("/{id}")]
#[cache_page(60)]
async fn post(id: web::Path<u32>) -> String {
    id.title()
}

fn main() {}
