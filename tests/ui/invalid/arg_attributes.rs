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
async fn anonymous_wildcard(#[anonymous] _: Option<Bytes>) -> &'static str {
    "page"
}

#[cache_page(60)]
async fn both(#[key] #[unkeyed] body: Bytes) -> Bytes {
    body
}

#[cache_page(60)]
async fn key_and_anonymous(#[key] #[anonymous] body: Option<Bytes>) -> Bytes {
    body.unwrap_or_default()
}

#[cache_page(60)]
async fn all(#[anonymous] #[unkeyed] #[key] body: Option<Bytes>) -> Bytes {
    body.unwrap_or_default()
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
async fn key_by_field(#[key(body.len())] body: Bytes) -> Bytes {
    body
}

#[cache_page(60)]
async fn key_by_expression(#[key(by = body.len())] body: Bytes) -> Bytes {
    body
}

#[cache_page(60)]
async fn key_by_nothing(#[key(by)] body: Bytes) -> Bytes {
    body
}

#[cache_page(60)]
async fn key_by_two(#[key(by = |body| body.len(), by = Bytes::len)] body: Bytes) -> Bytes {
    body
}

#[cache_page(60)]
async fn key_with_value(#[key = "length"] body: Bytes) -> Bytes {
    body
}

#[cache_page(60)]
async fn unkeyed_with_arguments(#[unkeyed = "yes"] body: Bytes) -> Bytes {
    body
}

#[cache_page(60)]
async fn unkeyed_by(#[unkeyed(by = Bytes::len)] body: Bytes) -> Bytes {
    body
}

#[cache_page(60)]
async fn anonymous_by_string(#[anonymous(by = "is_empty")] body: Bytes) -> Bytes {
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

#[cache_page(60)]
async fn keyed(#[keyed] body: Bytes) -> Bytes {
    body
}

#[cache_page(60)]
async fn unkeyd(#[unkeyd] body: Bytes) -> Bytes {
    body
}

#[cache_page(60)]
async fn anon(#[anon] body: Option<Bytes>) -> Bytes {
    body.unwrap_or_default()
}

#[cache_page(60)]
async fn misspelled(#[anonymus] body: Option<Bytes>) -> Bytes {
    body.unwrap_or_default()
}

fn main() {}
