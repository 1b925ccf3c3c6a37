use actix_web::{
    Error, Responder, get,
    http::Method,
    web::{Bytes, Form, Json, Payload},
};
use cache_page::cache_page;

#[get("/json")]
#[cache_page(60)]
async fn json(body: Json<u64>) -> impl Responder {
    body.to_string()
}

#[get("/json/option")]
#[cache_page(60)]
async fn json_option(body: Option<Json<u64>>) -> impl Responder {
    body.is_some().to_string()
}

#[get("/form")]
#[cache_page(60)]
async fn form(body: Form<Vec<String>>) -> impl Responder {
    body.0.concat()
}

#[get("/form/result")]
#[cache_page(60)]
async fn form_result(body: Result<Form<Vec<String>>, Error>) -> impl Responder {
    body.is_ok().to_string()
}

#[get("/bytes")]
#[cache_page(60)]
async fn bytes(body: Bytes) -> impl Responder {
    body
}

#[get("/string")]
#[cache_page(60)]
async fn string((_, body): (Method, String)) -> impl Responder {
    body
}

#[get("/payload")]
#[cache_page(60)]
async fn payload(_: Payload) -> impl Responder {
    "page"
}

fn main() {}
