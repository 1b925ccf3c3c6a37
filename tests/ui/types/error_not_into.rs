use actix_web::{Responder, get};
use cache_page::cache_page;

#[derive(Debug)]
struct AppError;

#[get("/")]
#[cache_page(60)]
async fn home() -> Result<impl Responder, AppError> {
    if cfg!(test) {
        return Err(AppError);
    }
    Ok("page")
}

fn main() {}
