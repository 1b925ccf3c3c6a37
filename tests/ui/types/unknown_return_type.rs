use actix_web::get;
use cache_page::cache_page;

type Text = &'static str;

#[get("/")]
#[cache_page(60)]
async fn home() -> Txt {
    "page"
}

fn main() {}
