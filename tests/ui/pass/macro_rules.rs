//! Handlers that a `macro_rules!` generates, whose tokens have different spans.

#![deny(warnings)]

use actix_web::{Error, HttpRequest, get, http::Method, web::Bytes};
use cache_page::cache_page;

macro_rules! page {
    ($name:ident, $path:literal, $returned:ty, $page:expr) => {
        #[get($path)]
        #[cache_page(60)]
        async fn $name() -> $returned {
            if cfg!(test) {
                return $page;
            }
            $page
        }
    };
}
page!(home, "/", String, String::new());
page!(about, "/about", Result<&'static [u8], Error>, Ok(b"about"));

macro_rules! echo {
    ($name:ident, ($($argument:ident: $type:ty),*), $body:block) => {
        #[cache_page(60, crate = ::cache_page)]
        #[get("/echo")]
        async fn $name($(#[key] $argument: $type),*) -> String $body
    };
}
echo!(echo, (body: Bytes, method: Method), { format!("{method} {body:?}") });

macro_rules! configured {
    ($name:ident, $ttl:expr, $statuses:expr, $header:literal, $bypass_if:expr, $browser_ttl:expr, $max_body:expr) => {
        #[cache_page($ttl, statuses = $statuses, vary = [$header], bypass_if = $bypass_if, vary_by = $bypass_if,
            browser_ttl = $browser_ttl, max_body = $max_body)]
        async fn $name() -> &'static str {
            "page"
        }
    };
}
configured!(numbers, 60, [404], "accept", |_| false, 0, 64 * 1024);
configured!(texts, "1m", [404, 410], "accept-language", is_private, "10s", usize::MAX);

fn is_private(request: &HttpRequest) -> bool {
    request.path() == "/private"
}

fn main() {
    let _ = (home, about, echo, numbers, texts);
}
