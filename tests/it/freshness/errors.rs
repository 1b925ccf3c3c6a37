//! Lifetimes of errors that a handler returns.

use std::fmt;

use actix_web::{
    Error, HttpResponse, ResponseError,
    error::{ErrorInternalServerError, ErrorNotFound},
    http::StatusCode,
    web,
};
use cache_page::{PageCacheMiddleware, Reason, cache_page};

use crate::support::{Origin, TestApp};

#[derive(Debug)]
struct Failure {
    status: u16,
    cache_control: Option<&'static str>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the database is unavailable")
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(value) = self.cache_control {
            response.insert_header(("cache-control", value));
        }
        response.body(self.to_string())
    }
}

#[cache_page(60, statuses = [404, 502])]
async fn failing(path: web::Path<(u16, String)>) -> Result<String, Failure> {
    let (status, lifetime) = path.into_inner();
    Err(Failure { status, cache_control: (lifetime == "explicit").then_some("max-age=5") })
}

#[cache_page(60, statuses = [404], stale_if_error = 300)]
async fn kept_on_error(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

async fn app() -> TestApp {
    TestApp::builder().route("/{status}/{lifetime}", failing).start().await
}

/// The attribute's TTL is for what the handler makes. An error that redirects to a login page must not be stored for it.
#[actix_web::test]
async fn error_without_a_lifetime_is_not_stored() {
    let app = app().await;
    for code in [200, 301, 308, 403, 410, 500, 503] {
        for _ in 0..2 {
            let response = app.get(&format!("/{code}/none")).await;
            response.assert_not_stored(Reason::Status).assert_fwd("miss");
            response.assert_status(code).assert_body("the database is unavailable");
        }
    }
}

#[actix_web::test]
async fn error_with_a_status_that_statuses_names_is_stored() {
    let app = app().await;
    for code in [404, 502] {
        let uri = format!("/{code}/none");
        app.get(&uri).await.assert_stored().assert_fwd("miss").assert_ttl(60).assert_status(code);
        app.get(&uri).await.assert_hit().assert_status(code).assert_body("the database is unavailable");
    }
}

/// What the handler says of one response is sent by every type that can say it.
#[actix_web::test]
async fn not_found_is_stored_whatever_type_says_so() {
    #[cache_page(60, statuses = [404])]
    async fn none(origin: Origin) -> Option<String> {
        origin.count();
        None
    }
    #[cache_page(60, statuses = [404])]
    async fn io_error(origin: Origin) -> std::io::Result<String> {
        origin.count();
        Err(std::io::ErrorKind::NotFound.into())
    }
    let app = TestApp::builder()
        .route("/none", none)
        .route("/io-error", io_error)
        .configure(|config| {
            let middleware = PageCacheMiddleware::new(60).statuses(&[404]);
            let fails = |origin: Origin| async move {
                origin.count();
                Err::<String, _>(ErrorNotFound("nothing here"))
            };
            config.service(web::resource("/middleware").wrap(middleware).to(fails));
        })
        .start()
        .await;
    for (uri, runs) in [("/none", 1), ("/io-error", 2), ("/middleware", 3)] {
        app.get(uri).await.assert_stored().assert_status(404);
        app.get(uri).await.assert_hit().assert_status(404);
        assert_eq!(app.runs(), runs, "{uri}");
    }
}

#[actix_web::test]
async fn error_that_is_stored_replaces_the_page_when_that_expires() {
    let app = TestApp::builder().route("/page", kept_on_error).start().await;
    app.get("/page").await.assert_stored();
    app.set_handler(|_| Err::<HttpResponse, _>(ErrorNotFound("deleted")));
    app.advance(60);
    app.get("/page").await.assert_stored().assert_status(404);
    app.set_handler(|_| Err::<HttpResponse, _>(ErrorInternalServerError("fails on purpose")));
    app.advance(60);
    app.get("/page").await.assert_status(404).assert_stale(Reason::StaleIfError);
}

#[actix_web::test]
async fn error_with_an_explicit_lifetime_is_stored_for_it() {
    let app = app().await;
    for code in [200, 301, 308, 404] {
        let uri = format!("/{code}/explicit");
        app.get(&uri).await.assert_stored().assert_fwd("miss").assert_ttl(5);
        app.get(&uri).await.assert_hit().assert_status(code);
    }
}
