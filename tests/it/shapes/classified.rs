//! What the key covers: `#[key]`, `#[unkeyed]`, bodies, an extractor of the user's own.

use std::future::{Ready, ready};

use actix_web::{
    App, FromRequest, HttpRequest,
    dev::Payload,
    http::Method,
    test::{TestRequest, init_service},
    web,
};
use cache_page::{KeyBuilder, KeyInput, cache_page};

use crate::{
    legacy::send,
    shapes::{kept_by, run},
};

/// Two visitors by `x-visitor`.
fn visitor(name: &'static str) -> impl Fn() -> TestRequest {
    move || TestRequest::get().uri("/").insert_header(("x-visitor", name))
}

/// Says nothing of what it reads, so an argument of this type must be classified where it stands.
#[derive(Hash, PartialEq, Eq, Debug)]
struct Visitor {
    name: String,
}

/// The same, and says so.
struct KnownVisitor(Visitor);

impl FromRequest for Visitor {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let header = request.headers().get("x-visitor").and_then(|name| name.to_str().ok());
        ready(Ok(Self { name: header.unwrap_or("nobody").to_owned() }))
    }
}

impl FromRequest for KnownVisitor {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Visitor::from_request(request, payload).into_inner().map(Self))
    }
}

impl KeyInput for KnownVisitor {
    fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.header("x-visitor");
    }
}

mod above {
    use actix_web::{get, web};
    use cache_page::cache_page;

    use crate::shapes::{
        classified::{KnownVisitor, Visitor},
        run,
    };

    #[cache_page(60)]
    #[get("/")]
    pub(super) async fn varied(#[key] visitor: Visitor) -> String {
        format!("{}, run {}", visitor.name, run())
    }

    #[cache_page(60)]
    #[get("/")]
    pub(super) async fn varied_with_more(
        #[cfg(true)]
        #[key]
        #[allow(unused_mut)]
        mut visitor: Visitor,
        _: web::Data<&'static str>,
    ) -> String {
        format!("{}, run {}", visitor.name, run())
    }

    #[cache_page(60)]
    #[get("/")]
    pub(super) async fn known(KnownVisitor(Visitor { name }): KnownVisitor) -> String {
        format!("{name}, run {}", run())
    }

    #[cache_page(60)]
    #[get("/")]
    pub(super) async fn shared(#[unkeyed] Visitor { name }: Visitor) -> String {
        format!("{}, run {}", name.is_empty(), run())
    }
}

mod below {
    use actix_web::{get, web};
    use cache_page::cache_page;

    use crate::shapes::{
        classified::{KnownVisitor, Visitor},
        run,
    };

    #[get("/")]
    #[cache_page(60)]
    pub(super) async fn varied(#[key] visitor: Visitor) -> String {
        format!("{}, run {}", visitor.name, run())
    }

    #[get("/")]
    #[cache_page(60)]
    pub(super) async fn varied_with_more(
        #[cfg(true)]
        #[key]
        #[allow(unused_mut)]
        mut visitor: Visitor,
        _: web::Data<&'static str>,
    ) -> String {
        format!("{}, run {}", visitor.name, run())
    }

    #[get("/")]
    #[cache_page(60)]
    pub(super) async fn known(KnownVisitor(Visitor { name }): KnownVisitor) -> String {
        format!("{name}, run {}", run())
    }

    #[get("/")]
    #[cache_page(60)]
    pub(super) async fn shared(#[unkeyed] Visitor { name }: Visitor) -> String {
        format!("{}, run {}", name.is_empty(), run())
    }
}

/// Every visitor has a page: it is asked for twice, and the other's is still there after it.
macro_rules! one_page_each {
    ($($name:ident: $order:ident::$handler:ident;)*) => {$(
        #[actix_web::test]
        async fn $name() {
            let data = web::Data::new("data");
            let app = init_service(App::new().app_data(data).service($order::$handler)).await;
            assert_eq!(kept_by(&app, visitor("ann")).await.text(), "ann, run 1");
            assert_eq!(kept_by(&app, visitor("bob")).await.text(), "bob, run 1");
            let again = send(&app, visitor("ann")()).await;
            assert!(again.is_hit(), "{}", again.outcome());
            assert_eq!(again.text(), "ann, run 1");
        }
    )*};
}

one_page_each! {
    varied_above: above::varied;
    varied_below: below::varied;
    varied_with_more_above: above::varied_with_more;
    varied_with_more_below: below::varied_with_more;
    known_above: above::known;
    known_below: below::known;
}

#[actix_web::test]
async fn one_page_for_all_above() {
    let app = init_service(App::new().service(above::shared)).await;
    assert_eq!(kept_by(&app, visitor("ann")).await.text(), "false, run 1");
    assert!(send(&app, visitor("bob")()).await.is_hit());
}

#[actix_web::test]
async fn one_page_for_all_below() {
    let app = init_service(App::new().service(below::shared)).await;
    assert_eq!(kept_by(&app, visitor("ann")).await.text(), "false, run 1");
    assert!(send(&app, visitor("bob")()).await.is_hit());
}

in_both_orders! {
    mod shared_body("/", "/") => (200, "0, run 1");
    async fn page(#[unkeyed] body: web::Bytes) -> String {
        format!("{}, run {}", body.len(), run())
    }
    use actix_web::web;
}

in_both_orders! {
    mod shared_json("/", "/") => (200, "none, run 1");
    async fn page(#[unkeyed] json: Option<web::Json<Vec<u32>>>, #[unkeyed] _: HttpRequest) -> String {
        let text = json.map_or("none".into(), |web::Json(numbers)| format!("{numbers:?}"));
        format!("{text}, run {}", run())
    }
    use actix_web::{HttpRequest, web};
}

in_both_orders! {
    mod shared_payload("/", "/") => (200, "0, run 1");
    async fn page(#[unkeyed] payload: web::Payload) -> actix_web::Result<impl Responder> {
        let body = payload.to_bytes().await?;
        Ok(format!("{}, run {}", body.len(), run()))
    }
    use actix_web::{Responder, web};
}

/// A writing request runs the handler, and what it sends is the handler's to read.
#[actix_web::test]
async fn a_body_reaches_the_handler() {
    #[cache_page(60)]
    async fn echo(#[unkeyed] body: web::Bytes, #[key] method: Method) -> String {
        format!("{method} {}, run {}", body.len(), run())
    }
    let app = init_service(App::new().default_service(web::to(echo))).await;
    let posted = send(&app, TestRequest::post().uri("/").set_payload("body")).await;
    assert_eq!(posted.text(), "POST 4, run 1");
    assert_eq!(kept_by(&app, || TestRequest::get().uri("/")).await.text(), "GET 0, run 1");
}
