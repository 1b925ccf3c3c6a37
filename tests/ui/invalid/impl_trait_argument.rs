use actix_web::FromRequest;
use cache_page::cache_page;

#[cache_page(60)]
async fn home(_: impl FromRequest, _: Option<impl FromRequest>) -> &'static str {
    "page"
}

fn main() {}
