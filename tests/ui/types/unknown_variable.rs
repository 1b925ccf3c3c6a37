use actix_web::get;
use cache_page::cache_page;

#[get("/")]
#[cache_page(60)]
async fn home() -> String {
    format!("Hello {name}")
}

fn main() {}
