use actix_web::{Responder, get};
use cache_page::cache_page;

#[get("/")]
#[cache_page(60)]
async fn hello() -> impl Responder {
    "Hello World"
}

fn main() {
    let _ = hello;
}
