use actix_web::{Responder, get, web::ReqData};
use cache_page::cache_page;

#[derive(Clone)]
struct CurrentUser {
    id: u64,
}

#[get("/")]
#[cache_page(60)]
async fn home(#[key] user: ReqData<CurrentUser>) -> impl Responder {
    user.id.to_string()
}

#[get("/option")]
#[cache_page(60)]
async fn option(#[key] user: Option<ReqData<CurrentUser>>) -> impl Responder {
    user.map(|user| user.id).unwrap_or_default().to_string()
}

#[get("/exact")]
#[cache_page(60)]
async fn exact(#[key] share: Float) -> impl Responder {
    share.0.to_string()
}

/// A type of another crate.
#[get("/foreign")]
#[cache_page(60)]
async fn foreign(#[key] details: actix_web_grants::authorities::AuthDetails) -> impl Responder {
    details.authorities.len().to_string()
}

#[get("/by")]
#[cache_page(60)]
async fn by(#[key(by = |share| share.0)] share: Float) -> impl Responder {
    share.0.to_string()
}

struct Float(f64);

impl actix_web::FromRequest for Float {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(_: &actix_web::HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        std::future::ready(Ok(Self(0.5)))
    }
}

fn main() {}
