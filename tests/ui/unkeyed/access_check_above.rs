//! An access check above `#[cache_page]` would become part of the cached body and would not run on a hit. The argument
//! that it adds is not part of the key.

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
