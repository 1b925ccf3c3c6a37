//! Options of the attribute that decide what is stored, and what the response says about it.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    error::InternalError,
    http::{StatusCode, header::WARNING},
    web,
};
use cache_page::{Page, Policy, Reason, cache_page};

use crate::support::{Origin, TestApp};

#[cache_page(60, statuses = [404, 503])]
async fn by_status(code: web::Path<u16>) -> HttpResponse {
    HttpResponse::new(StatusCode::from_u16(*code).unwrap())
}

#[actix_web::test]
async fn statuses_are_stored_beside_those_of_the_default() {
    let app = TestApp::builder().route("/{code}", by_status).start().await;
    for code in [200, 301, 308, 404, 503] {
        let uri = format!("/{code}");
        app.get(&uri).await.assert_stored().assert_fwd("miss").assert_ttl(60);
        app.get(&uri).await.assert_hit().assert_status(code);
    }
    for code in [201, 302, 403, 410, 500] {
        app.get(&format!("/{code}")).await.assert_not_stored(Reason::Status).assert_fwd("miss");
    }
    app.advance(60);
    app.get("/404").await.assert_stored();
}

const BRIEF: Duration = Duration::from_secs(3);

#[cache_page(60, statuses = [410, 404 => "5s", 403 => BRIEF, 451 => None, 200 => 7])]
async fn by_status_ttl(path: web::Path<(u16, bool)>) -> Result<HttpResponse, actix_web::Error> {
    let (code, is_error) = path.into_inner();
    let status = StatusCode::from_u16(code).unwrap();
    if is_error { Err(InternalError::new("fails", status).into()) } else { Ok(HttpResponse::new(status)) }
}

#[actix_web::test]
async fn status_can_have_a_ttl_of_its_own() {
    let app = TestApp::builder().route("/{code}/{is_error}", by_status_ttl).start().await;
    for (code, ttl, cache_control) in [
        (200, Some(7), "max-age=7"),
        (301, Some(60), "max-age=60"),
        (403, Some(3), "max-age=3"),
        (404, Some(5), "max-age=5"),
        (410, Some(60), "max-age=60"),
        (451, None, "no-cache"),
    ] {
        for is_error in [false, true] {
            let uri = format!("/{code}/{is_error}");
            let response = app.get(&uri).await;
            if is_error && code == 301 {
                response.assert_not_stored(Reason::Status);
                continue;
            }
            response.assert_stored().assert_ttl(ttl);
            response.assert_header("cache-control", cache_control);
            app.get(&uri).await.assert_hit().assert_status(code);
        }
    }
    app.advance(5);
    app.get("/404/true").await.assert_stored();
    app.get("/410/true").await.assert_hit();
}

#[actix_web::test]
async fn statuses_of_the_attribute_replace_those_of_its_policy() {
    const POLICY: Policy = Policy::new(60).statuses(&[410]).status_ttls(&[(404, Some(BRIEF))]);

    #[cache_page(policy = POLICY)]
    async fn inherited(code: web::Path<u16>) -> HttpResponse {
        HttpResponse::new(StatusCode::from_u16(*code).unwrap())
    }
    #[cache_page(policy = POLICY, statuses = [404])]
    async fn replaced(code: web::Path<u16>) -> HttpResponse {
        HttpResponse::new(StatusCode::from_u16(*code).unwrap())
    }
    let app = TestApp::builder().route("/a/{code}", inherited).route("/b/{code}", replaced).start().await;
    app.get("/a/404").await.assert_stored().assert_ttl(3);
    app.get("/a/410").await.assert_stored().assert_ttl(60);
    app.get("/b/404").await.assert_stored().assert_ttl(60);
    app.get("/b/410").await.assert_not_stored(Reason::Status);
}

fn is_preview(request: &HttpRequest) -> bool {
    request.headers().contains_key("x-preview")
}

#[cache_page(60, bypass_if = is_preview)]
async fn bypass_by_function(origin: Origin) -> String {
    origin.count().to_string()
}

#[cache_page(60, bypass_if = |request| request.headers().contains_key("x-preview"))]
async fn bypass_by_closure(origin: Origin) -> String {
    origin.count().to_string()
}

#[actix_web::test]
async fn bypass_if_runs_the_handler() {
    let app = TestApp::builder()
        .route("/function", bypass_by_function)
        .route("/closure", bypass_by_closure)
        .start()
        .await;
    for uri in ["/function", "/closure"] {
        let page = app.get(uri).await;
        page.assert_stored();
        for _ in 0..2 {
            let preview = app.get(uri).header("x-preview", "1").await;
            preview.assert_bypass(Reason::BypassIf).assert_no_header("etag");
            assert_ne!(preview.body, page.body);
        }
        app.get(uri).await.assert_hit().assert_body(page.body);
    }
}

fn is_empty(_: &HttpRequest, page: &Page) -> bool {
    page.body() == b"[]"
}

#[cache_page(60, no_store_if = is_empty)]
async fn no_store_by_function(body: web::Path<String>) -> HttpResponse {
    HttpResponse::Ok().body(body.into_inner())
}

#[cache_page(60, no_store_if = |_, page| page.header(&WARNING).is_some() && page.status() == 200)]
async fn no_store_by_closure(body: web::Path<String>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if *body == "[]" {
        response.insert_header(("warning", "110"));
    }
    response.body(body.into_inner())
}

#[actix_web::test]
async fn no_store_if_decides_by_the_page() {
    let app = TestApp::builder()
        .route("/function/{body}", no_store_by_function)
        .route("/closure/{body}", no_store_by_closure)
        .start()
        .await;
    for uri in ["/function", "/closure"] {
        for _ in 0..2 {
            let empty = app.get(&format!("{uri}/[]")).await;
            empty.assert_not_stored(Reason::NoStoreIf).assert_fwd("miss");
            empty.assert_body("[]").assert_no_header("etag");
        }
        app.get(&format!("{uri}/full")).await.assert_stored();
        app.get(&format!("{uri}/full")).await.assert_hit();
    }
}

const BROWSERS: Duration = Duration::from_secs(30);

#[cache_page(60, browser_ttl = 10)]
async fn seconds() -> &'static str {
    "page"
}

#[cache_page(60, browser_ttl = "2m")]
async fn text() -> &'static str {
    "page"
}

#[cache_page(60, browser_ttl = BROWSERS)]
async fn constant() -> &'static str {
    "page"
}

#[cache_page(60, browser_ttl = 5 * 60)]
async fn arithmetic() -> &'static str {
    "page"
}

#[cache_page(60, browser_ttl = 0)]
async fn zero() -> &'static str {
    "page"
}

#[cache_page(None, browser_ttl = 10)]
async fn unbounded() -> &'static str {
    "page"
}

#[cache_page(60, browser_ttl = 10)]
async fn explicit() -> HttpResponse {
    HttpResponse::Ok().insert_header(("cache-control", "max-age=50")).finish()
}

async fn browser_ttls() -> TestApp {
    TestApp::builder()
        .route("/seconds", seconds)
        .route("/text", text)
        .route("/constant", constant)
        .route("/arithmetic", arithmetic)
        .route("/zero", zero)
        .route("/unbounded", unbounded)
        .route("/explicit", explicit)
        .start()
        .await
}

#[actix_web::test]
async fn browser_ttl_is_the_max_age_unless_the_handler_sets_one() {
    let app = browser_ttls().await;
    for (uri, cache_control) in [
        ("/seconds", "max-age=10"),
        ("/text", "max-age=120"),
        ("/constant", "max-age=30"),
        ("/arithmetic", "max-age=300"),
        ("/zero", "max-age=0"),
        ("/unbounded", "max-age=10"),
        ("/explicit", "max-age=50"),
    ] {
        app.get(uri).await.assert_stored().assert_header("cache-control", cache_control);
        app.advance(49);
        app.get(uri).await.assert_hit().assert_header("cache-control", cache_control);
    }
}

#[actix_web::test]
async fn browser_ttl_does_not_change_the_ttl_of_the_cache() {
    let app = browser_ttls().await;
    for uri in ["/seconds", "/text", "/unbounded"] {
        app.get(uri).await.assert_stored();
    }
    app.advance(59);
    app.get("/seconds").await.assert_hit();
    app.advance(1);
    app.get("/text").await.assert_stored();
    app.get("/unbounded").await.assert_hit();
}

#[cache_page(60, max_body = 4)]
async fn four_bytes(length: web::Path<usize>) -> String {
    "x".repeat(*length)
}

#[cache_page(60, max_body = 2 * size_of::<u64>())]
async fn sixteen_bytes(length: web::Path<usize>) -> String {
    "x".repeat(*length)
}

#[actix_web::test]
async fn max_body_is_the_length_of_the_longest_body_stored() {
    let app = TestApp::builder()
        .route("/4/{length}", four_bytes)
        .route("/16/{length}", sixteen_bytes)
        .start()
        .await;
    for (path, length, is_stored) in
        [("/4", 0, true), ("/4", 4, true), ("/4", 5, false), ("/16", 16, true), ("/16", 17, false)]
    {
        let uri = format!("{path}/{length}");
        let [first, second] = [app.get(&uri).await, app.get(&uri).await];
        for response in [&first, &second] {
            response.assert_status(200).assert_body("x".repeat(length));
        }
        if is_stored {
            first.assert_stored();
            second.assert_hit();
        } else {
            first.assert_not_stored(Reason::BodyTooLarge).assert_fwd("miss");
            second.assert_not_stored(Reason::BodyTooLarge).assert_fwd("miss");
        }
    }
}

#[actix_web::test]
async fn smaller_limit_of_attribute_and_cache_applies() {
    let app =
        TestApp::builder().cache(|cache| cache.max_body(3)).route("/{length}", four_bytes).start().await;
    app.get("/3").await.assert_stored();
    app.get("/4").await.assert_not_stored(Reason::BodyTooLarge);
}
