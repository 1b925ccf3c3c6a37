use actix_web::{delete, patch, post, put};
use cache_page::cache_page;

#[cache_page(60)]
#[post("/posts")]
async fn create() -> &'static str {
    "page"
}

#[cache_page(60)]
#[put("/posts/1")]
async fn replace() -> &'static str {
    "page"
}

#[cache_page(60)]
#[patch("/posts/1")]
async fn change() -> &'static str {
    "page"
}

#[cache_page(60)]
#[delete("/posts/1")]
async fn remove() -> &'static str {
    "page"
}

#[cache_page(60)]
#[actix_web::post("/comments")]
async fn comment() -> &'static str {
    "page"
}

fn main() {}
