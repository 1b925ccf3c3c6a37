use actix_web::get;
use cache_page::cache_page;

#[get("/")]
#[cache_page(60)]
async fn home() -> Vec<u128> {
    vec![1]
}

fn main() {}
