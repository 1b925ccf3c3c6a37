#![deny(warnings)]

use actix_web::get;
use cache_page::cache_page;

fn render() -> Result<(), std::fmt::Error> {
    Ok(())
}

#[get("/")]
#[cache_page(60)]
async fn home() -> &'static str {
    let unused = 5;
    render();
    "page"
}

fn main() {
    let _ = home;
}
