use actix_web::{FromRequest, Responder};
use cache_page::cache_page;

#[cache_page(60)]
async fn home<T: FromRequest>(_: T) -> impl Responder {
    "page"
}

fn main() {}
