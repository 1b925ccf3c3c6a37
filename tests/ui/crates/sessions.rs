use actix_identity::Identity;
use actix_session::Session;
use actix_web::{Responder, get};
use cache_page::cache_page;

#[get("/session")]
#[cache_page(60)]
async fn any_session(session: Session) -> impl Responder {
    session.entries().len().to_string()
}

#[get("/session/option")]
#[cache_page(60)]
async fn session_option(session: Option<Session>) -> impl Responder {
    session.is_some().to_string()
}

#[get("/session/key")]
#[cache_page(60)]
async fn keyed_session(#[key] session: Session) -> impl Responder {
    session.entries().len().to_string()
}

#[get("/identity")]
#[cache_page(60)]
async fn identity(user: Identity) -> impl Responder {
    user.id().unwrap_or_default()
}

#[get("/identity/option")]
#[cache_page(60)]
async fn identity_option(user: Option<Identity>) -> impl Responder {
    user.is_some().to_string()
}

#[get("/identity/anonymous")]
#[cache_page(60)]
async fn anonymous_identity(#[anonymous] user: Identity) -> impl Responder {
    user.id().unwrap_or_default()
}

fn main() {}
