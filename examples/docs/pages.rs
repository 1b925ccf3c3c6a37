//! The handlers. Each page is generated at most once a minute.

use std::collections::HashMap;

use actix_web::{
    Responder,
    error::{ErrorInternalServerError, ErrorNotFound},
    get,
    web::{self, Html},
};
use cache_page::cache_page;

use super::{html, site::Site};

#[get("/")]
#[cache_page("1m")]
pub(crate) async fn index(site: web::Data<Site>) -> impl Responder {
    Html::new(html::document("Pages", &html::links(site.paths())))
}

#[get("/page/{path:.*}")]
#[cache_page("1m")]
pub(crate) async fn page(
    path: web::Path<String>,
    site: web::Data<Site>,
) -> actix_web::Result<impl Responder> {
    // An error is not stored.
    let file = site.file(&path).ok_or_else(|| ErrorNotFound("There is no such page.\n"))?;
    let text = web::block(move || std::fs::read_to_string(file)).await?.map_err(ErrorInternalServerError)?;
    Ok(Html::new(html::document(&path, &html::from_markdown(&text))))
}

#[get("/search")]
#[cache_page("1m")]
pub(crate) async fn search(
    query: web::Query<HashMap<String, String>>,
    site: web::Data<Site>,
) -> actix_web::Result<impl Responder> {
    let text = query.get("q").map_or("", |q| q.trim()).to_owned();
    let title = format!("Pages with “{text}”");
    let paths = web::block(move || site.find(&text)).await?;
    Ok(Html::new(html::document(&title, &html::links(paths.iter().map(String::as_str)))))
}
