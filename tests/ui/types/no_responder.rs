use actix_web::get;
use cache_page::cache_page;

struct Page;

#[get("/")]
#[cache_page(60)]
async fn home() -> Page {
    Page
}

fn main() {}
