use actix_web::web::Bytes;
use cache_page::cache_page;

#[cache_page(off, 60)]
async fn time() -> &'static str {
    "page"
}

#[cache_page(60, off)]
async fn behind_a_time() -> &'static str {
    "page"
}

#[cache_page(off, name = "home", tags = ["home"])]
async fn options() -> &'static str {
    "page"
}

#[cache_page(off = true)]
async fn named() -> &'static str {
    "page"
}

#[cache_page("off")]
async fn text() -> &'static str {
    "page"
}

#[cache_page(false)]
async fn no() -> &'static str {
    "page"
}

#[cache_page(Off)]
async fn upper_case() -> &'static str {
    "page"
}

#[cache_page(none)]
async fn none() -> &'static str {
    "page"
}

#[cache_page(off)]
fn home(#[key] _body: Bytes, #[unkeyed] _again: Bytes) {}

#[cache_page(off)]
#[cache_page(60)]
async fn and_kept() -> &'static str {
    "page"
}

#[cache_page(60)]
#[cache_page(off)]
async fn kept_and() -> &'static str {
    "page"
}

fn main() {}
