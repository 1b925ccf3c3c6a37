//! Lifetimes of errors that a handler returns.

use std::fmt;

use actix_web::{HttpResponse, ResponseError, http::StatusCode, web};
use cache_page::{Reason, cache_page};

use crate::support::TestApp;

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

#[cache_page(60, statuses = [404])]
async fn failing(path: web::Path<(u16, String)>) -> Result<String, Failure> {
    let (status, lifetime) = path.into_inner();
    Err(Failure { status, cache_control: (lifetime == "explicit").then_some("max-age=5") })
}

async fn app() -> TestApp {
    TestApp::builder().route("/{status}/{lifetime}", failing).start().await
}

#[actix_web::test]
async fn error_without_a_lifetime_is_not_stored() {
    let app = app().await;
    for code in [200, 301, 308, 404] {
        for _ in 0..2 {
            let response = app.get(&format!("/{code}/none")).await;
            response.assert_not_stored(Reason::Status).assert_fwd("miss");
            response.assert_status(code).assert_body("the database is unavailable");
        }
    }
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
