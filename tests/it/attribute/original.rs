//! The original function of a cached handler: `uncached = name`.

use actix_web::{Responder, body::to_bytes, get, http::StatusCode, test::TestRequest, web};
use cache_page::cache_page;

use crate::support::TestApp;

/// Returns a greeting.
#[cache_page(60, uncached = original_greeting)]
#[get("/greetings/{name}")]
async fn greeting(name: web::Path<String>, #[key] punctuation: Punctuation) -> impl Responder {
    format!("Hello {name}{}", punctuation.0)
}

#[derive(Hash)]
struct Punctuation(char);

impl actix_web::FromRequest for Punctuation {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(_: &actix_web::HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        std::future::ready(Ok(Self('!')))
    }
}

#[actix_web::test]
async fn original_function_can_be_called_without_a_request() {
    let response = original_greeting(web::Path::from("Ann".to_owned()), Punctuation('?')).await;
    let response = response.respond_to(&TestRequest::default().to_http_request());
    assert_eq!(response.status(), StatusCode::OK);
    let body = to_bytes(response.map_into_boxed_body().into_body()).await.unwrap();
    assert_eq!(body, "Hello Ann?");
}

#[actix_web::test]
async fn handler_with_a_named_original_is_cached() {
    let app = TestApp::builder().configure(|config| {
        config.service(greeting);
    });
    let app = app.start().await;
    app.get("/greetings/Ann").await.assert_stored().assert_body("Hello Ann!");
    app.get("/greetings/Ann").await.assert_hit().assert_body("Hello Ann!");
}

/// Every way to write a route. The original functions are no routes: they can be called.
mod routes {
    use actix_web::{get as fetch, route, routes};
    use cache_page::cache_page;

    #[cache_page(60, uncached = original_get)]
    #[actix_web::get("/get")]
    pub(super) async fn get() -> &'static str {
        "get"
    }

    #[cache_page(60, uncached = original_renamed)]
    #[fetch("/renamed")]
    pub(super) async fn renamed() -> &'static str {
        "renamed"
    }

    #[cache_page(60, uncached = original_route)]
    #[route("/route", method = "GET", method = "HEAD")]
    pub(super) async fn route_() -> &'static str {
        "route"
    }

    #[cache_page(60, uncached = original_routes)]
    #[routes]
    #[get("/routes")]
    #[head("/routes")]
    pub(super) async fn routes_() -> &'static str {
        "routes"
    }

    #[cache_page(60, uncached = original_path_to_routes)]
    #[actix_web::routes]
    #[get("/path-to-routes")]
    #[get("/other")]
    pub(super) async fn path_to_routes() -> &'static str {
        "path-to-routes"
    }

    #[cache_page(60, uncached = original_conditional)]
    #[cfg_attr(true, actix_web::get("/conditional"))]
    pub(super) async fn conditional() -> &'static str {
        "conditional"
    }
}

#[actix_web::test]
async fn original_function_of_a_route_is_no_route() {
    let originals = [
        routes::original_get().await,
        routes::original_renamed().await,
        routes::original_route().await,
        routes::original_routes().await,
        routes::original_path_to_routes().await,
        routes::original_conditional().await,
    ];
    let app = TestApp::builder().configure(|config| {
        config.service(routes::get).service(routes::renamed).service(routes::route_);
        config.service(routes::routes_).service(routes::path_to_routes).service(routes::conditional);
    });
    let app = app.start().await;
    for name in originals {
        app.get(&format!("/{name}")).await.assert_stored().assert_body(name);
    }
}
