use actix_web::web::{Bytes, Query};
use cache_page::cache_page;

#[cache_page(60)]
async fn pattern(#[vary] Query(page): Query<u32>) -> String {
    page.to_string()
}

#[cache_page(60)]
async fn wildcard(#[vary] _: Bytes) -> &'static str {
    "page"
}

#[cache_page(60)]
async fn both(#[vary] #[shared] body: Bytes) -> Bytes {
    body
}

#[cache_page(60)]
async fn vary_twice(#[vary] #[vary] body: Bytes) -> Bytes {
    body
}

#[cache_page(60)]
async fn shared_twice(#[shared] #[shared] body: Bytes) -> Bytes {
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
