use actix_web::{Responder, get, http::Method, web::ReqData};
use cache_page::cache_page;

#[get("/")]
#[cache_page(60)]
async fn home(number: ReqData<u64>, _: Method, text: ReqData<String>) -> impl Responder {
    format!("{} {}", *number, *text)
}

fn main() {}
