use actix_web::{Responder, error::Error, get, web};
use cache_page::cache_page;

fn render() -> Result<String, Error> {
    Ok(String::new())
}

#[get("/{id}")]
#[cache_page(60)]
async fn post(id: web::Path<u32>) -> Result<impl Responder, Error> {
    if *id == 0 {
        return Ok("none");
    }
    let page: Result<String, Error> = render();
    page
}

fn main() {}
