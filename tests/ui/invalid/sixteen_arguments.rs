use actix_web::http::Method;
use cache_page::cache_page;

#[cache_page(60)]
#[rustfmt::skip]
async fn home(
    _: Method, #[cfg(true)] _: Method, _: Method, #[cfg(true)] _: Method,
    _: Method, #[cfg(true)] _: Method, _: Method, #[cfg(true)] _: Method,
    _: Method, #[cfg(true)] _: Method, _: Method, #[cfg(true)] _: Method,
    _: Method, #[cfg(true)] _: Method, _: Method, #[cfg(true)] _: Method,
) -> &'static str {
    "page"
}

fn main() {}
