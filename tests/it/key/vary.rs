//! The options `vary` and `vary_by`.

use actix_web::HttpRequest;
use cache_page::cache_page;

use super::assert_own_pages;
use crate::support::{Origin, TestApp};

#[cache_page(60, vary = ["Accept-Language", "x-theme"])]
async fn by_headers(#[unkeyed] request: HttpRequest, origin: Origin) -> String {
    let lines = request.headers().get_all("accept-language").map(|line| line.to_str().unwrap());
    format!("{} {:?}", origin.count(), lines.collect::<Vec<_>>())
}

#[actix_web::test]
async fn vary_has_a_page_for_each_set_of_values() {
    let app = TestApp::builder().route("/", by_headers).start().await;
    let sets: [&[(&str, &str)]; 7] = [
        &[],
        &[("accept-language", "")],
        &[("accept-language", "de")],
        &[("accept-language", "en")],
        &[("x-theme", "de")],
        &[("accept-language", "de"), ("accept-language", "en")],
        &[("accept-language", "de"), ("x-theme", "dark")],
    ];
    assert_own_pages(&app, "/", &sets).await;
    assert_eq!(app.runs(), 7);
}

#[actix_web::test]
async fn vary_is_sent_in_the_header_of_the_same_name() {
    let app = TestApp::builder().route("/", by_headers).start().await;
    for _ in 0..2 {
        let response = app.get("/").await;
        response
            .assert_header("vary", "accept-language, x-theme")
            .assert_header("cache-control", "max-age=60");
    }
}

#[actix_web::test]
async fn vary_ignores_all_other_headers() {
    let app = TestApp::builder().route("/", by_headers).start().await;
    app.get("/").await.assert_stored();
    app.get("/").header("accept", "x").header("cookie", "a=1").await.assert_hit();
}

fn tenant(request: &HttpRequest) -> Option<&str> {
    request.headers().get("x-tenant")?.to_str().ok()
}

#[cache_page(60, vary_by = tenant)]
async fn by_function(#[unkeyed] request: HttpRequest, origin: Origin) -> String {
    format!("{} {:?}", origin.count(), tenant(&request))
}

#[cache_page(60, vary_by = |request| tenant(request).map(str::to_lowercase))]
async fn by_closure(#[unkeyed] request: HttpRequest, origin: Origin) -> String {
    format!("{} {:?}", origin.count(), tenant(&request))
}

async fn tenants() -> TestApp {
    TestApp::builder().route("/function", by_function).route("/closure", by_closure).start().await
}

#[actix_web::test]
async fn vary_by_has_a_page_for_each_value_of_the_function() {
    let app = tenants().await;
    let sets: [&[(&str, &str)]; 4] = [&[], &[("x-tenant", "")], &[("x-tenant", "a")], &[("x-tenant", "A")]];
    assert_own_pages(&app, "/function", &sets).await;
    assert_own_pages(&app, "/closure", &sets[..3]).await;
    // The closure maps both spellings to one value.
    app.get("/closure").header("x-tenant", "A").await.assert_hit().assert_body("7 Some(\"a\")");
    assert_eq!(app.runs(), 7);
}

#[actix_web::test]
async fn vary_by_makes_the_page_private_downstream() {
    let app = tenants().await;
    for uri in ["/function", "/closure"] {
        for _ in 0..2 {
            app.get(uri).header("x-tenant", "a").await.assert_header("cache-control", "private, no-cache");
        }
    }
}
