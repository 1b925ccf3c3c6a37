//! All errors are reported at once, and the function remains: its callers compile.

use actix_web::web::{Bytes, Query};
use cache_page::cache_page;

#[cache_page("60", name = "", nmae = "home", key_prefix = 2, key_prefix = "v2", 120)]
#[cache_page(60)]
fn home(#[key] Query(page): Query<u32>, #[unkeyed] #[unkeyed] _body: Bytes) {
    let _ = page;
}

fn start(page: Query<u32>) {
    home(page, Bytes::new());
}

fn main() {
    start(Query(1));
}
