//! Middlewares around a cached handler, which change every response, hits included.

use actix_web::{
    HttpResponse,
    body::MessageBody,
    dev::ServiceResponse,
    http::StatusCode,
    middleware::{DefaultHeaders, ErrorHandlerResponse, ErrorHandlers},
    web,
};
use cache_page::cache_page;

use crate::support::{Origin, TestApp};

#[cache_page(60)]
async fn failing(code: web::Path<u16>, origin: Origin) -> HttpResponse {
    HttpResponse::build(StatusCode::from_u16(*code).unwrap())
        .insert_header(("cache-control", "max-age=60"))
        .body(format!("failure {}", origin.count()))
}

fn replace_body<B: MessageBody>(response: ServiceResponse<B>) -> actix_web::Result<ErrorHandlerResponse<B>> {
    let (request, old) = response.into_parts();
    let mut new = HttpResponse::build(old.status()).body("an error page");
    *new.headers_mut() = old.headers().clone();
    let new = ServiceResponse::new(request, new.map_into_right_body());
    Ok(ErrorHandlerResponse::Response(new))
}

#[actix_web::test]
async fn error_handler_replaces_the_body_of_a_hit_and_not_of_the_page() {
    let app = TestApp::builder()
        .route("/{code}", failing)
        .wrap(|| ErrorHandlers::new().default_handler(replace_body))
        .start()
        .await;
    for code in [404, 503] {
        for is_hit in [false, true] {
            let response = app.get(&format!("/{code}")).await;
            response.assert_status(code).assert_body("an error page");
            assert_eq!(response.is_hit(), is_hit, "{response:?}");
        }
    }
    let without_error_handler = TestApp::builder().share_cache(&app).route("/{code}", failing).start().await;
    without_error_handler.get("/404").await.assert_hit().assert_body("failure 1");
}

#[actix_web::test]
async fn default_headers_are_added_to_hits_and_not_to_the_page() {
    let headers =
        || DefaultHeaders::new().add(("cache-control", "no-store")).add(("x-frame-options", "DENY"));
    let app = TestApp::builder().wrap(headers).start().await;
    let (miss, hit) = (app.get("/").await, app.get("/").await);
    miss.assert_stored();
    hit.assert_hit();
    for response in [miss, hit] {
        // The page already has a `Cache-Control`.
        response.assert_header("cache-control", "max-age=60").assert_header("x-frame-options", "DENY");
    }
    let without_headers = TestApp::builder().share_cache(&app).start().await;
    without_headers.get("/").await.assert_hit().assert_no_header("x-frame-options");
}
