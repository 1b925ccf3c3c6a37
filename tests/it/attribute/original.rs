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
