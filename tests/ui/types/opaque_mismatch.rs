use actix_web::{Responder, get, web};
use cache_page::cache_page;

#[get("/{id}")]
#[cache_page(60)]
async fn post(id: web::Path<u32>) -> impl Responder {
    if *id == 0 {
        return "none";
    }
    String::from("post")
}

fn main() {}
