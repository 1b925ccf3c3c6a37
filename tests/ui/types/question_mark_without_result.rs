use actix_web::get;
use cache_page::cache_page;

#[get("/")]
#[cache_page(60)]
async fn home() -> String {
    let number: u32 = "one".parse()?;
    number.to_string()
}

fn main() {}
