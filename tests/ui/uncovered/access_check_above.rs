//! A check that rewrites the function would become part of the cached body, and be skipped on a hit. What it adds to the
//! arguments is not covered by the key.

use actix_web::get;
use actix_web_grants::protect;
use cache_page::cache_page;

#[get("/admin")]
#[protect("admin")]
#[cache_page(60)]
async fn admin() -> &'static str {
    "secret"
}

fn main() {}
