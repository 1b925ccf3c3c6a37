use actix_web::http::StatusCode;
use cache_page::cache_page;

#[cache_page(60, statuses = [404, 206, 100, 304, 99999, 404])]
async fn elements() -> &'static str {
    "page"
}

#[cache_page(60, statuses = [StatusCode::NOT_FOUND, "410", 404i32])]
async fn not_a_number() -> &'static str {
    let _ = StatusCode::OK;
    "page"
}

#[cache_page(60, statuses = 404)]
async fn one() -> &'static str {
    "page"
}

#[cache_page(60, statuses = [])]
async fn none() -> &'static str {
    "page"
}

#[cache_page(60, statuses(404))]
async fn parentheses() -> &'static str {
    "page"
}

#[cache_page(60, statuses)]
async fn alone() -> &'static str {
    "page"
}

fn main() {}
