use std::time::Duration;

use cache_page::cache_page;

const NO_EXPIRY: Option<Duration> = None;

#[cache_page(60, browser_ttl = None)]
async fn no_expiry() -> &'static str {
    "page"
}

#[cache_page(60, browser_ttl = NO_EXPIRY)]
async fn no_expiry_constant() -> &'static str {
    "page"
}

#[cache_page(60, browser_ttl = -1)]
async fn negative() -> &'static str {
    "page"
}

#[cache_page(60, browser_ttl = "10")]
async fn no_unit() -> &'static str {
    "page"
}

#[cache_page(60, browser_ttl = "soon")]
async fn string() -> &'static str {
    "page"
}

#[cache_page(60, browser_ttl = 99999999999999999999)]
async fn huge() -> &'static str {
    "page"
}

#[cache_page(60, browser_ttl = )]
async fn missing() -> &'static str {
    "page"
}

fn main() {}
