use actix_web::{
    Responder,
    dev::ConnectionInfo,
    get,
    web::{Bytes, Form, Json, Payload, ReqData},
};
use cache_page::cache_page;

#[get("/data")]
#[cache_page(60)]
async fn data(user: ReqData<u64>) -> impl Responder {
    user.to_string()
}

#[get("/connection")]
#[cache_page(60)]
async fn connection(info: ConnectionInfo) -> impl Responder {
    info.host().to_owned()
}

#[get("/json")]
#[cache_page(60)]
async fn json(body: Json<u64>) -> impl Responder {
    body.to_string()
}

#[get("/form")]
#[cache_page(60)]
async fn form(body: Form<Vec<String>>) -> impl Responder {
    body.0.concat()
}

#[get("/bytes")]
#[cache_page(60)]
async fn bytes(body: Bytes) -> impl Responder {
    body
}

#[get("/payload")]
#[cache_page(60)]
async fn payload(_: Payload) -> impl Responder {
    "page"
}

fn main() {}
