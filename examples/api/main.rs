//! A JSON API with pagination. See `README.md`.

use std::{
    collections::BTreeMap,
    future::{Ready, ready},
    io,
    sync::{PoisonError, RwLock},
};

use actix_web::{
    App, Error, FromRequest, HttpRequest, HttpResponse, HttpServer, Responder, Result, delete,
    dev::Payload,
    error::{ErrorBadRequest, ErrorNotFound, ErrorUnauthorized},
    get, put, web,
};
use cache_page::{PageCache, cache_page, purge_page};
use serde::{Deserialize, Serialize};

#[derive(Clone, Deserialize, Serialize)]
struct Item {
    name: String,
    price: u32,
}

/// Stands for a database.
#[derive(Default)]
pub(crate) struct Items(RwLock<BTreeMap<u64, Item>>);

#[derive(Deserialize)]
struct Paging {
    #[serde(default = "one")]
    page: usize,
    #[serde(default = "twenty")]
    per_page: usize,
}

#[derive(Serialize)]
struct Page {
    items: Vec<Listed>,
    total: usize,
}

#[derive(Serialize)]
struct Listed {
    id: u64,
    #[serde(flatten)]
    item: Item,
}

fn one() -> usize {
    1
}

fn twenty() -> usize {
    20
}

/// Only these parameters are in the key, so that others do not create entries. What the handler reads of the query is checked: a field of
/// `Paging` that `query` lacks would be in the key as well.
#[get("/items")]
#[cache_page("1h", query = ["page", "per_page"], tags = ["items"])]
async fn list(paging: web::Query<Paging>, items: web::Data<Items>) -> Result<impl Responder> {
    let Paging { page, per_page } = paging.into_inner();
    if page == 0 || !(1..=100).contains(&per_page) {
        // An error is not stored.
        return Err(ErrorBadRequest("A page has 1 to 100 items, and the first one is 1.\n"));
    }
    let items = items.0.read().unwrap_or_else(PoisonError::into_inner);
    let first = (page - 1).saturating_mul(per_page);
    let chosen = items.iter().skip(first).take(per_page);
    let chosen = chosen.map(|(id, item)| Listed { id: *id, item: item.clone() }).collect();
    let mut response = HttpResponse::Ok();
    if items.len().saturating_sub(first) > per_page {
        let next = format!("</items?page={}&per_page={per_page}>; rel=\"next\"", page + 1);
        response.insert_header(("link", next));
    }
    Ok(response.json(Page { items: chosen, total: items.len() }))
}

/// Clients that ask for an item which does not exist yet ask often: the 404 is stored too, until the item is written.
#[get("/items/{id:[1-9][0-9]*}")]
#[cache_page("1h", tags = ["item:{id}"], statuses = [404 => "1m"])]
async fn show(id: web::Path<u64>, items: web::Data<Items>) -> Result<impl Responder> {
    let items = items.0.read().unwrap_or_else(PoisonError::into_inner);
    let item = items.get(&id).ok_or_else(|| ErrorNotFound("There is no such item.\n"))?;
    Ok(web::Json(item.clone()))
}

#[put("/items/{id:[1-9][0-9]*}")]
#[purge_page(tags = ["items", "item:{id}"])]
async fn write(
    _: Writer,
    id: web::Path<u64>,
    item: web::Json<Item>,
    items: web::Data<Items>,
) -> impl Responder {
    items.0.write().unwrap_or_else(PoisonError::into_inner).insert(*id, item.into_inner());
    HttpResponse::NoContent()
}

#[delete("/items/{id:[1-9][0-9]*}")]
#[purge_page(tags = ["items", "item:{id}"])]
async fn remove(_: Writer, id: web::Path<u64>, items: web::Data<Items>) -> Result<impl Responder> {
    let removed = items.0.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    // A handler that fails purges nothing.
    removed.map(|_| HttpResponse::NoContent()).ok_or_else(|| ErrorNotFound("There is no such item.\n"))
}

/// Who may write. The argument is extracted before the handler runs, and before anything is purged.
struct Writer;

/// The token of those who may write.
pub(crate) struct Token(pub(crate) String);

impl FromRequest for Writer {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let sent = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let token = request.app_data::<web::Data<Token>>();
        let is_writer = token.is_some_and(|token| sent == Some(&format!("Bearer {}", token.0)));
        ready(if is_writer { Ok(Self) } else { Err(ErrorUnauthorized("Send the token of a writer.\n")) })
    }
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service((list, show, write, remove));
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let token = web::Data::new(Token(std::env::var("API_TOKEN").unwrap_or_else(|_| "secret".to_owned())));
    let items = web::Data::new(Items::default());
    // Browsers and CDNs learn which parameters count.
    let cache = PageCache::builder().no_vary_search(true).build();
    println!("Listening on http://{address}");
    let app = move || {
        App::new()
            .app_data(items.clone())
            .app_data(token.clone())
            .app_data(cache.clone())
            .configure(configure)
    };
    HttpServer::new(app).bind(address)?.run().await
}
