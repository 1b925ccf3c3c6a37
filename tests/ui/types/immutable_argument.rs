use actix_web::{get, web};
use cache_page::cache_page;

#[get("/{name}")]
#[cache_page(60)]
async fn greet(name: web::Path<String>) -> String {
    name.push('!');
    name.into_inner()
}

fn main() {}
