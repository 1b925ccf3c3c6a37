use actix_web::{Error, FromRequest, HttpRequest, Responder, dev::Payload, get};
use cache_page::cache_page;
use std::future::{Ready, ready};

struct CurrentUser(u64);

impl FromRequest for CurrentUser {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(1)))
    }
}

#[get("/")]
#[cache_page(60)]
async fn home(user: CurrentUser) -> impl Responder {
    user.0.to_string()
}

fn main() {}
