use std::time::Duration;

use cache_page::cache_page;

const NO_EXPIRY: Option<Duration> = None;
const ZERO: Duration = Duration::ZERO;

#[cache_page(60, stale_while_revalidate = None)]
async fn no_expiry() -> &'static str {
    "page"
}

#[cache_page(60, stale_if_error = NO_EXPIRY)]
async fn no_expiry_constant() -> &'static str {
    "page"
}

#[cache_page(60, stale_while_revalidate = 0, stale_if_error = "0s")]
async fn zero() -> &'static str {
    "page"
}

#[cache_page(60, stale_while_revalidate = ZERO)]
async fn zero_constant() -> &'static str {
    "page"
}

#[cache_page(60, stale_while_revalidate, stale_if_error = "soon")]
async fn missing() -> &'static str {
    "page"
}

#[cache_page(60, swr = 30)]
async fn abbreviation() -> &'static str {
    "page"
}

fn main() {}
