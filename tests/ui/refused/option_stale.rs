use std::time::Duration;

use cache_page::cache_page;

const FOR_EVER: Option<Duration> = None;
const NOT_AT_ALL: Duration = Duration::ZERO;

#[cache_page(60, stale_while_revalidate = None)]
async fn for_ever() -> &'static str {
    "page"
}

#[cache_page(60, stale_if_error = FOR_EVER)]
async fn for_ever_by_name() -> &'static str {
    "page"
}

#[cache_page(60, stale_while_revalidate = 0, stale_if_error = "0s")]
async fn zero() -> &'static str {
    "page"
}

#[cache_page(60, stale_while_revalidate = NOT_AT_ALL)]
async fn zero_by_name() -> &'static str {
    "page"
}

#[cache_page(60, stale_while_revalidate, stale_if_error = "soon")]
async fn missing() -> &'static str {
    "page"
}

#[cache_page(60, swr = 30)]
async fn short() -> &'static str {
    "page"
}

fn main() {}
