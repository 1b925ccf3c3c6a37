//! Every fix that a message about an argument suggests, for the type that the message is about.

use std::future::{Ready, ready};

use actix_web::{
    Either, Error, FromRequest, HttpRequest, Responder,
    dev::{ConnectionInfo, Payload, PeerAddr},
    get,
    http::Method,
    web::{Bytes, Data, Form, Json, Path, Query, ReqData},
};
use actix_web_grants::authorities::AuthDetails;
use cache_page::{KeyBuilder, KeyInput, cache_page};

#[derive(Clone)]
struct CurrentUser {
    id: u64,
    name: String,
}

impl CurrentUser {
    fn is_guest(&self) -> bool {
        self.id == 0
    }
}

impl FromRequest for CurrentUser {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self { id: 1, name: String::new() }))
    }
}

struct Theme;

impl FromRequest for Theme {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self))
    }
}

impl KeyInput for Theme {
    fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.header("x-theme");
    }
}

/// As if they were extractors of another crate.
mod foreign {
    pub use std::num::{NonZeroU8 as Clock, NonZeroU16 as Tenant, NonZeroU32 as Region, NonZeroU64 as Offer};
}

fn tenant(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
    key.header("x-tenant");
}

cache_page::key_inputs! {
    AuthDetails => header("authorization"),
    foreign::Clock => unkeyed,
    foreign::Tenant => tenant,
    foreign::Region => cookie("region"),
    Vec<foreign::Offer> => |request, key| key.value(request.path()),
}

#[get("/request")]
#[cache_page(60, vary = ["Accept-Language"])]
async fn unkeyed_request(#[unkeyed] request: HttpRequest) -> impl Responder {
    request.path().to_owned()
}

#[get("/request/anonymous")]
#[cache_page(60, vary = ["accept-language"])]
async fn anonymous_request(#[anonymous] request: HttpRequest) -> impl Responder {
    request.path().to_owned()
}

#[get("/request/option")]
#[cache_page(60)]
async fn requests(
    #[unkeyed] option: Option<HttpRequest>,
    #[anonymous] other: Option<HttpRequest>,
    #[unkeyed] _: Result<HttpRequest, Error>,
    #[unkeyed] (_, _): (Method, HttpRequest),
    #[unkeyed] _: Either<HttpRequest, Method>,
) -> impl Responder {
    format!("{} {}", option.is_some(), other.is_some())
}

#[get("/body")]
#[cache_page(60)]
async fn bodies(
    #[unkeyed] _json: Json<u64>,
    #[unkeyed] _form: Option<Form<u64>>,
    #[unkeyed] _bytes: Result<Bytes, Error>,
    #[key] text: String,
    query: Query<Vec<(String, String)>>,
    path: Path<u64>,
) -> impl Responder {
    format!("{text} {} {path}", query.len())
}

#[get("/connection")]
#[cache_page(60)]
async fn connections(
    info: ConnectionInfo,
    #[unkeyed] other: ConnectionInfo,
    #[unkeyed] address: PeerAddr,
    #[key] peer: PeerAddr,
    #[key] option: Option<PeerAddr>,
) -> impl Responder {
    format!("{} {} {address} {peer} {option:?}", info.host(), other.scheme())
}

#[get("/data")]
#[cache_page(60)]
async fn data(
    #[key] name: ReqData<String>,
    #[key] option: Option<ReqData<String>>,
    #[key(by = |user| user.id)] user: ReqData<CurrentUser>,
    #[anonymous] visitor: Option<ReqData<CurrentUser>>,
    #[anonymous(by = |user| user.is_guest())] guest: ReqData<CurrentUser>,
) -> impl Responder {
    let names = [&*name, &user.name, &guest.name];
    format!("{names:?} {} {}", option.is_some(), visitor.is_some())
}

#[get("/own")]
#[cache_page(60)]
async fn own(
    #[key(by = |user| &user.name)] by_name: CurrentUser,
    #[key(by = |user| user.as_ref().map(|user| user.id))] option: Option<CurrentUser>,
    #[unkeyed] unkeyed: CurrentUser,
    #[anonymous] visitor: Option<CurrentUser>,
    #[anonymous(by = CurrentUser::is_guest)] guest: CurrentUser,
    theme: Theme,
    themes: (Theme, Option<Theme>, Data<u64>),
) -> impl Responder {
    drop((theme, themes));
    let names = [by_name.name, unkeyed.name, guest.name];
    format!("{names:?} {} {}", option.is_some(), visitor.is_some())
}

#[get("/foreign")]
#[cache_page(60)]
async fn listed(
    details: AuthDetails,
    #[key(by = |details| details.authorities.len())] keyed: AuthDetails,
    option: Option<AuthDetails>,
    result: Result<AuthDetails, Error>,
    (theme, tuple): (Theme, AuthDetails),
) -> impl Responder {
    drop((theme, option, result));
    format!("{} {} {}", details.authorities.len(), keyed.authorities.len(), tuple.authorities.len())
}

fn main() {}
