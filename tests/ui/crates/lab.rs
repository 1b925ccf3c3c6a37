use actix_web::{Responder, get};
use actix_web_lab::extract::{Bytes, Json, UrlEncodedForm};
use cache_page::cache_page;

#[get("/json")]
#[cache_page(60)]
async fn json(body: Json<u64>) -> impl Responder {
    body.to_string()
}

#[get("/bytes")]
#[cache_page(60)]
async fn bytes(body: Bytes) -> impl Responder {
    body.0
}

#[get("/form")]
#[cache_page(60)]
async fn form(body: Option<UrlEncodedForm<u64>>) -> impl Responder {
    body.is_some().to_string()
}

fn main() {}
