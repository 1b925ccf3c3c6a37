//! How a handler is registered.

use actix_web::{App, test::TestRequest, test::init_service, web};
use cache_page::cache_page;

use crate::{
    legacy::{get, send},
    shapes::{kept, kept_by, run},
};

/// Handlers that differ in nothing but where `#[cache_page]` stands.
mod by_attribute {
    use actix_web::{get, guard::GuardContext, middleware::DefaultHeaders, route, routes};
    use cache_page::cache_page;

    use crate::shapes::run;

    pub(super) fn is_asked_for_a_page(context: &GuardContext<'_>) -> bool {
        context.head().uri.query() == Some("page")
    }

    #[cache_page(60)]
    #[route(
        "/route",
        method = "GET",
        method = "HEAD",
        wrap = "DefaultHeaders::new().add((\"x-wrap\", \"1\"))"
    )]
    pub(super) async fn route_above() -> String {
        format!("run {}", run())
    }

    #[route(
        "/route",
        method = "GET",
        method = "HEAD",
        wrap = "DefaultHeaders::new().add((\"x-wrap\", \"1\"))"
    )]
    #[cache_page(60)]
    pub(super) async fn route_below() -> String {
        format!("run {}", run())
    }

    #[cache_page(60)]
    #[actix_web::get("/options/{id}", name = "options", guard = "is_asked_for_a_page")]
    pub(super) async fn options_above() -> String {
        format!("run {}", run())
    }

    #[actix_web::get("/options/{id}", name = "options", guard = "is_asked_for_a_page")]
    #[cache_page(60)]
    pub(super) async fn options_below() -> String {
        format!("run {}", run())
    }

    #[cache_page(60)]
    #[routes]
    #[get("/one")]
    #[get("/other")]
    pub(super) async fn routes_above() -> String {
        format!("run {}", run())
    }

    #[routes]
    #[cache_page(60)]
    #[get("/one")]
    #[get("/other")]
    pub(super) async fn routes_below() -> String {
        format!("run {}", run())
    }

    #[routes]
    #[get("/one")]
    #[cache_page(60)]
    #[get("/other")]
    pub(super) async fn routes_between() -> String {
        format!("run {}", run())
    }

    #[routes]
    #[get("/one")]
    #[get("/other")]
    #[cache_page(60)]
    pub(super) async fn routes_last() -> String {
        format!("run {}", run())
    }

    #[cache_page(60)]
    #[get("/type")]
    pub(super) async fn r#type() -> String {
        format!("run {}", run())
    }

    #[get("/match/{id}")]
    #[cache_page(60)]
    pub(super) async fn r#match(r#in: actix_web::web::Path<u32>) -> String {
        format!("{in}, run {}", run())
    }
}

macro_rules! tests {
    ($($name:ident: $handler:ident at $uri:literal => $text:literal;)*) => {$(
        #[actix_web::test]
        async fn $name() {
            assert_eq!(kept(by_attribute::$handler, $uri).await.text(), $text);
        }
    )*};
}

tests! {
    route_is_kept_above: route_above at "/route" => "run 1";
    route_is_kept_below: route_below at "/route" => "run 1";
    options_are_kept_above: options_above at "/options/7?page" => "run 1";
    options_are_kept_below: options_below at "/options/7?page" => "run 1";
    routes_are_kept_above: routes_above at "/one" => "run 1";
    routes_are_kept_below: routes_below at "/one" => "run 1";
    routes_are_kept_between: routes_between at "/one" => "run 1";
    routes_are_kept_last: routes_last at "/other" => "run 1";
    raw_names_are_kept_above: r#type at "/type" => "run 1";
    raw_names_are_kept_below: r#match at "/match/7" => "7, run 1";
}

#[actix_web::test]
async fn head_is_answered_from_the_page_of_get() {
    let app = init_service(App::new().service(by_attribute::route_below)).await;
    let page = kept_by(&app, || TestRequest::get().uri("/route")).await;
    let head = send(&app, TestRequest::with_uri("/route").method(actix_web::http::Method::HEAD)).await;
    assert!(head.is_hit(), "{}", head.outcome());
    assert_eq!(head.status, page.status);
    assert_eq!(head.header("x-wrap").as_deref(), Some("1"));
}

/// The paths of one handler are pages of their own.
#[actix_web::test]
async fn paths_of_one_handler_do_not_share_a_page() {
    let app = init_service(App::new().service(by_attribute::routes_between)).await;
    let one = kept_by(&app, || TestRequest::get().uri("/one")).await;
    let other = kept_by(&app, || TestRequest::get().uri("/other")).await;
    assert_eq!((one.text(), other.text()), ("run 1", "run 1"));
}

/// A guard stays in front of the cache.
#[actix_web::test]
async fn guards_are_asked_before_a_hit() {
    let app = init_service(App::new().service(by_attribute::options_above)).await;
    assert_eq!(kept_by(&app, || TestRequest::get().uri("/options/7?page")).await.status, 200);
    assert_eq!(get(&app, "/options/7").await.status, 404);
}

#[actix_web::scope("/api")]
mod scoped {
    use actix_web::get;
    use cache_page::cache_page;

    use crate::shapes::run;

    #[cache_page(60)]
    #[get("/above/{id}")]
    pub(super) async fn above(id: actix_web::web::Path<u32>) -> String {
        format!("{id}, run {}", run())
    }

    #[get("/below/{id}")]
    #[cache_page(60)]
    pub(super) async fn below(id: actix_web::web::Path<u32>) -> String {
        format!("{id}, run {}", run())
    }
}

#[actix_web::test]
async fn scoped_handlers_are_kept() {
    assert_eq!(kept(scoped::above, "/api/above/7").await.text(), "7, run 1");
    assert_eq!(kept(scoped::below, "/api/below/7").await.text(), "7, run 1");
}

#[cache_page(60)]
async fn by_hand(id: web::Path<u32>) -> String {
    format!("{id}, run {}", run())
}

#[actix_web::test]
async fn handlers_registered_by_hand_are_kept() {
    let services = [
        web::resource("/{id}").to(by_hand),
        web::resource("/{id}").route(web::get().to(by_hand)),
        web::resource("/{id}").route(web::route().to(by_hand)),
    ];
    for service in services {
        assert_eq!(kept(service, "/7").await.text(), "7, run 1");
    }
    assert_eq!(
        kept(web::scope("/a").route("/{id}", web::get().to(by_hand)), "/a/7").await.text(),
        "7, run 1"
    );
}

/// An item in the body of a function, which no other function can name.
#[actix_web::test]
async fn handlers_in_a_function_are_kept() {
    #[cache_page(60)]
    #[actix_web::get("/")]
    async fn above() -> String {
        format!("run {}", run())
    }

    #[actix_web::get("/")]
    #[cache_page(60)]
    async fn below() -> String {
        format!("run {}", run())
    }

    assert_eq!(kept(above, "/").await.text(), "run 1");
    assert_eq!(kept(below, "/").await.text(), "run 1");
}
