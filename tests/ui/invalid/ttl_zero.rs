use std::time::Duration;

use cache_page::cache_page;

const NEVER: Duration = Duration::ZERO;
const NONE_LEFT: u32 = 60 - 60;

#[cache_page(0)]
async fn number() -> &'static str {
    "page"
}

#[cache_page("0s")]
async fn string() -> &'static str {
    "page"
}

#[cache_page(NEVER)]
async fn constant() -> &'static str {
    "page"
}

#[cache_page(NONE_LEFT)]
async fn constant_seconds() -> &'static str {
    "page"
}

fn main() {}
