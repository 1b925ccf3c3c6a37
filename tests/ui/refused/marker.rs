use actix_web::web::{Bytes, Query};
use cache_page::cache_page;

#[cache_page(60)]
async fn pattern(#[key] Query(page): Query<u32>) -> String {
    page.to_string()
}

#[cache_page(60)]
async fn wildcard(#[key] _: Bytes) -> &'static str {
    "page"
}

#[cache_page(60)]
async fn both(#[key] #[unkeyed] body: Bytes) -> Bytes {
    body
}

#[cache_page(60)]
async fn vary_twice(#[key] #[key] body: Bytes) -> Bytes {
    body
}

#[cache_page(60)]
async fn shared_twice(#[unkeyed] #[unkeyed] body: Bytes) -> Bytes {
    body
}

#[cache_page(60)]
async fn vary_with(#[vary(length)] body: Bytes) -> Bytes {
    body
}

#[cache_page(60)]
async fn shared_with(#[shared = "yes"] body: Bytes) -> Bytes {
    body
}

fn main() {}
