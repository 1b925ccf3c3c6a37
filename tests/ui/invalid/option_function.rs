use actix_web::{HttpRequest, web};
use cache_page::{Page, cache_page};

fn is_private(_: &HttpRequest) -> bool {
    true
}

fn is_empty(_: &HttpRequest, _: &Page) -> bool {
    true
}

fn tenant(_: HttpRequest) -> u8 {
    0
}

#[cache_page(60, bypass_if = "is_private", no_store_if = is_empty(), vary_by = )]
async fn not_a_function() -> &'static str {
    "page"
}

#[cache_page(60, bypass_if = is_empty, no_store_if = is_private)]
async fn swapped() -> &'static str {
    "page"
}

#[cache_page(60, bypass_if = |_| *private)]
async fn captures(private: web::Data<bool>) -> String {
    private.to_string()
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
