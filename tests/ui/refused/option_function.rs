use actix_web::{HttpRequest, web};
use cache_page::{Page, cache_page};

fn is_public(_: &HttpRequest) -> bool {
    true
}

fn is_empty(_: &Page) -> bool {
    true
}

fn tenant(_: HttpRequest) -> u8 {
    0
}

#[cache_page(60, bypass_if = "is_public", no_store_if = is_empty(), vary_by = )]
async fn not_named() -> &'static str {
    "page"
}

#[cache_page(60, bypass_if = is_empty, no_store_if = is_public)]
async fn mixed_up() -> &'static str {
    "page"
}

#[cache_page(60, bypass_if = |_| *public)]
async fn captures(public: web::Data<bool>) -> String {
    public.to_string()
}

#[cache_page(60, vary_by = tenant)]
async fn by_value() -> &'static str {
    "page"
}

#[cache_page(60, vary_by = |_| 0.5)]
async fn not_hash() -> &'static str {
    "page"
}

#[cache_page(60, vary_by = tennant)]
async fn unknown() -> &'static str {
    "page"
}

fn main() {}
