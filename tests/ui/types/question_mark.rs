use actix_web::{Responder, error::ResponseError, get};
use cache_page::cache_page;
use std::fmt;

#[derive(Debug)]
struct AppError;

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl ResponseError for AppError {}

#[get("/")]
#[cache_page(60)]
async fn home() -> Result<impl Responder, AppError> {
    let number: u32 = "one".parse()?;
    Ok(number.to_string())
}

fn main() {}
