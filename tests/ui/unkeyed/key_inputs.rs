//! Foreign types that are listed wrongly, or that the crate implements the trait for.

use actix_web::Responder;
use cache_page::{KeyBuilder, KeyInput, cache_page};
use std::path::PathBuf;

cache_page::key_inputs! {
    std::time::Instant => headr("x-clock"),
}

cache_page::key_inputs! {
    std::time::SystemTime => header,
}

impl KeyInput for PathBuf {}

fn tenant(key: &mut KeyBuilder<'_>) {
    key.header("x-tenant");
}

cache_page::key_inputs! {
    std::num::NonZeroU8 => tenant,
}

cache_page::key_inputs! {
    std::num::NonZeroU16 => unkeyed,
    std::num::NonZeroU16 => unkeyed,
}

#[cache_page(60)]
async fn listed(number: std::num::NonZeroU32) -> impl Responder {
    number.to_string()
}

fn main() {}
