use actix_web::get;
use cache_page::cache_page;

#[get("/")]
#[cache_page(60)]
async fn home(#[unkeyed] count: u32) -> String {
    count.to_string()
}

fn main() {}
