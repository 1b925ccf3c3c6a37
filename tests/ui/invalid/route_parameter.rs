use actix_web::{get, head, post, route, routes};
use cache_page::{cache_page, purge_page};

#[cache_page(60, tags = ["posts", "post:{slug}", "{id}:{slug}:{lang}"])]
#[get("/posts/{id}")]
async fn other_parameter() -> &'static str {
    "page"
}

#[cache_page(60, tags = ["post:{id}"])]
#[get("/posts")]
async fn no_parameter() -> &'static str {
    "page"
}

#[cache_page(60, tags = ["year:{4}", "{tail}", "{year}"])]
#[actix_web::get(r"/archive/{year:\d{4}}/{tail}*")]
async fn regex() -> &'static str {
    "page"
}

#[cache_page(60, tags = ["post:{slug}"])]
#[routes]
#[get("/posts/{id}")]
#[head("/articles/{article}")]
async fn several() -> &'static str {
    "page"
}

#[cache_page(60, tags = ["post:{slug}"])]
#[routes]
#[get("/posts")]
#[get("/articles")]
async fn several_without_parameters() -> &'static str {
    "page"
}

#[cache_page(60, tags = ["post:{slug}"])]
#[route("/posts/{id}", method = "GET", method = "HEAD")]
async fn methods() -> &'static str {
    "page"
}

#[purge_page(tags = ["post:{slug}"], paths = ["/posts/{slug}", "/posts/{id}"])]
#[post("/posts/{id}")]
async fn edit() -> &'static str {
    "page"
}

fn main() {}
