use actix_web::{Responder, get};
use cache_page::cache_page;

#[get("/")]
#[cache_page(60)]
async fn home() -> impl Responder {
    String::from("page");
}

fn main() {}
