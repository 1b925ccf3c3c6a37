use actix_web::{Either, Error, Responder, get, http::Method, web::ReqData};
use cache_page::cache_page;

#[get("/option")]
#[cache_page(60)]
async fn option(user: Option<ReqData<u64>>) -> impl Responder {
    user.is_some().to_string()
}

#[get("/result")]
#[cache_page(60)]
async fn result(user: Result<ReqData<u64>, Error>) -> impl Responder {
    user.is_ok().to_string()
}

#[get("/either")]
#[cache_page(60)]
async fn either(_: Either<Method, ReqData<u64>>) -> impl Responder {
    "page"
}

#[get("/tuple")]
#[cache_page(60)]
async fn tuple((_, user): (Method, ReqData<u64>)) -> impl Responder {
    user.to_string()
}

fn main() {}
