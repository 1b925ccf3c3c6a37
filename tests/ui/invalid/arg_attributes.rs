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
async fn key_twice(#[key] #[key] body: Bytes) -> Bytes {
    body
}

#[cache_page(60)]
async fn unkeyed_twice(#[unkeyed] #[unkeyed] body: Bytes) -> Bytes {
    body
}

#[cache_page(60)]
async fn key_with_arguments(#[key(length)] body: Bytes) -> Bytes {
    body
}

#[cache_page(60)]
async fn unkeyed_with_arguments(#[unkeyed = "yes"] body: Bytes) -> Bytes {
    body
}

#[cache_page(60)]
async fn vary(#[vary] body: Bytes) -> Bytes {
    body
}

#[cache_page(60)]
async fn shared(#[shared] body: Bytes) -> Bytes {
    body
}

fn main() {}
