use actix_web::web::Bytes;
use cache_page::cache_page;

#[cache_page(uncached, 60)]
async fn before_a_ttl() -> &'static str {
    "page"
}

#[cache_page(60, uncached)]
async fn after_a_ttl() -> &'static str {
    "page"
}

#[cache_page(uncached, name = "home", tags = ["home"])]
async fn with_options() -> &'static str {
    "page"
}

#[cache_page(uncached = true)]
async fn named() -> &'static str {
    "page"
}

#[cache_page("uncached")]
async fn string() -> &'static str {
    "page"
}

#[cache_page(off)]
async fn off() -> &'static str {
    "page"
}

#[cache_page(Off)]
async fn off_in_upper_case() -> &'static str {
    "page"
}

#[cache_page("off")]
async fn off_as_a_string() -> &'static str {
    "page"
}

#[cache_page(60, off)]
async fn off_after_a_ttl() -> &'static str {
    "page"
}

#[cache_page(false)]
async fn boolean() -> &'static str {
    "page"
}

#[cache_page(none)]
async fn none() -> &'static str {
    "page"
}

#[cache_page(uncached)]
fn home(#[key] _body: Bytes, #[unkeyed] _again: Bytes) {}

#[cache_page(uncached)]
#[cache_page(60)]
async fn above_cached() -> &'static str {
    "page"
}

#[cache_page(60)]
#[cache_page(uncached)]
async fn below_cached() -> &'static str {
    "page"
}

fn main() {}
