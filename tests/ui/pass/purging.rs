//! Purging handlers, uncached handlers, and tags.

#![deny(warnings)]

use actix_web::{Error, HttpRequest, Responder, delete, get, post, put, route, web};
use cache_page::{cache_page, purge_page};

#[cache_page("5m", tags = ["posts", "post:{id}"], cache = "big")]
#[get("/posts/{id}")]
async fn page(id: web::Path<u64>) -> impl Responder {
    id.to_string()
}

#[get("/{tenant}")]
#[cache_page(60, tags = ["{tenant}:{scope_id}"])]
async fn scope_parameter() -> &'static str {
    "page"
}

#[post("/posts")]
#[purge_page(tags = ["posts"])]
async fn create() -> impl Responder {
    "created"
}

#[purge_page(tags = ["post:{id}", "posts"], paths = ["/posts", "/posts/{id}"])]
#[put("/posts/{id}")]
async fn edit(id: web::Path<u64>, body: web::Bytes) -> Result<impl Responder, Error> {
    if body.is_empty() {
        return Err(actix_web::error::ErrorBadRequest("nothing"));
    }
    Ok(id.to_string())
}

#[purge_page(paths = [r"/archive/{year}"], cache = "big", name = "remove", crate = ::cache_page)]
#[delete(r"/archive/{year:\d{4}}")]
async fn remove(request: HttpRequest) -> String {
    request.path().to_owned()
}

#[cache_page(uncached)]
#[get("/login")]
async fn login(request: HttpRequest) -> Result<String, Error> {
    Ok(request.query_string().to_owned())
}

#[post("/login")]
#[cache_page(uncached, crate = ::cache_page)]
async fn logged_in() -> impl Responder {
    "welcome"
}

#[route("/refresh", method = "GET", method = "POST")]
#[purge_page(tags = ["posts"])]
#[cache_page(uncached)]
async fn refresh() -> &'static str {
    "refreshed"
}

#[cache_page(uncached)]
#[purge_page(tags = ["posts"])]
async fn refresh_by_hand<T: Responder + Default + 'static>(_: web::Data<T>) -> T {
    T::default()
}

macro_rules! writing {
    ($name:ident, $path:literal, $tag:literal, $returned:ty, $page:expr) => {
        #[purge_page(tags = [$tag], paths = [$path])]
        #[post($path)]
        async fn $name() -> $returned {
            $page
        }
    };
}
writing!(comment, "/comments/{id}", "comment:{id}", Result<&'static [u8], Error>, Ok(b"saved"));

fn main() {
    let _ = (page, scope_parameter, create, edit, remove, login, logged_in, refresh, comment);
    let _ = refresh_by_hand::<String>;
}
