use std::time::Duration;

use cache_page::cache_page;

const FOR_EVER: Option<Duration> = None;

#[cache_page(60, browser_ttl = None)]
async fn for_ever() -> &'static str {
    "page"
}

#[cache_page(60, browser_ttl = FOR_EVER)]
async fn for_ever_by_name() -> &'static str {
    "page"
}

#[cache_page(60, browser_ttl = -1)]
async fn negative() -> &'static str {
    "page"
}

#[cache_page(60, browser_ttl = "10")]
async fn without_a_unit() -> &'static str {
    "page"
}

#[cache_page(60, browser_ttl = "soon")]
async fn text() -> &'static str {
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
