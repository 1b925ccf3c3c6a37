use actix_web::{Error, Responder, get, web::ReqData};
use cache_page::cache_page;

#[derive(Clone)]
struct Visitor {
    name: Option<String>,
}

fn name(visitor: &Visitor) -> Option<&str> {
    visitor.name.as_deref()
}

#[get("/data")]
#[cache_page(60)]
async fn data(#[anonymous] visitor: ReqData<Visitor>) -> impl Responder {
    visitor.name.clone().unwrap_or_default()
}

#[get("/result")]
#[cache_page(60)]
async fn result(#[anonymous] visitor: Result<ReqData<Visitor>, Error>) -> impl Responder {
    visitor.is_ok().to_string()
}

#[get("/not-bool")]
#[cache_page(60)]
async fn not_bool(#[anonymous(by = |visitor| name(visitor))] visitor: ReqData<Visitor>) -> impl Responder {
    visitor.name.clone().unwrap_or_default()
}

#[get("/other-type")]
#[cache_page(60)]
async fn other_type(#[anonymous(by = Option::is_none)] visitor: ReqData<Visitor>) -> impl Responder {
    visitor.name.clone().unwrap_or_default()
}

fn main() {}
