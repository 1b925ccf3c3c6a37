//! Handlers that come out of another macro, whose tokens have spans of their own.

#![deny(warnings)]

use actix_web::{Error, get, http::Method, web::Bytes};
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
        async fn $name($(#[vary] $argument: $type),*) -> String $body
    };
}
echo!(echo, (body: Bytes, method: Method), { format!("{method} {body:?}") });

fn main() {
    let _ = (home, about, echo);
}
