//! Every fix that a message about a session or an identity suggests.

use actix_identity::Identity;
use actix_session::Session;
use actix_web::{Responder, get};
use actix_web_httpauth::extractors::{basic::BasicAuth, bearer::BearerAuth};
use cache_page::cache_page;

#[get("/session")]
#[cache_page(60)]
async fn sessions(
    #[anonymous] anonymous: Session,
    #[key(by = |session| session.get::<String>("user").ok().flatten())] session: Session,
    #[unkeyed] unkeyed: Session,
    #[anonymous] option: Option<Session>,
    #[unkeyed] _: Option<Session>,
) -> impl Responder {
    let lengths = [anonymous, session, unkeyed].map(|session| session.entries().len());
    format!("{lengths:?} {}", option.is_some())
}

#[get("/identity")]
#[cache_page(60)]
async fn identities(
    #[anonymous] anonymous: Option<Identity>,
    #[key(by = |user| user.id().ok())] user: Identity,
    #[unkeyed] unkeyed: Identity,
) -> impl Responder {
    let ids = [user, unkeyed].map(|user| user.id().ok());
    format!("{ids:?} {}", anonymous.is_some())
}

#[get("/auth")]
#[cache_page(60)]
async fn auth(bearer: BearerAuth, basic: Option<BasicAuth>) -> impl Responder {
    format!("{} {}", bearer.token(), basic.is_some())
}

fn main() {}
