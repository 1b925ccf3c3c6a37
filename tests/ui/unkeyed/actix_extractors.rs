use actix_web::{Either, Error, HttpRequest, Responder, dev::PeerAddr, get, web::ReqData};
use cache_page::cache_page;

#[get("/data")]
#[cache_page(60)]
async fn data(user: ReqData<u64>) -> impl Responder {
    user.to_string()
}

#[get("/peer")]
#[cache_page(60)]
async fn peer(address: PeerAddr) -> impl Responder {
    address.to_string()
}

#[get("/peer/option")]
#[cache_page(60)]
async fn peer_option(address: Option<PeerAddr>) -> impl Responder {
    format!("{address:?}")
}

#[get("/request")]
#[cache_page(60)]
async fn any_request(request: HttpRequest) -> impl Responder {
    request.path().to_owned()
}

#[get("/request/option")]
#[cache_page(60)]
async fn request_option(request: Option<HttpRequest>) -> impl Responder {
    request.is_some().to_string()
}

#[get("/request/either")]
#[cache_page(60)]
async fn request_either(request: Either<HttpRequest, ReqData<u64>>) -> impl Responder {
    drop(request);
    ""
}

#[get("/request/result")]
#[cache_page(60)]
async fn request_result(request: Result<HttpRequest, Error>) -> impl Responder {
    request.is_ok().to_string()
}

fn main() {}
