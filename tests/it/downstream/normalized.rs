//! Headers in `vary` of which a function is in the key.

use actix_web::{HttpRequest, HttpResponse};
use cache_page::{PageCacheMiddleware, Policy, Reason, cache_page};

use crate::support::{Call, Origin, TestApp};

fn language(accepted: Option<&str>) -> &'static str {
    if accepted.is_some_and(|accepted| accepted.trim_start().starts_with("de")) { "de" } else { "en" }
}

fn accepted(request: &HttpRequest) -> Option<&str> {
    request.headers().get("accept-language")?.to_str().ok()
}

#[cache_page(60, vary = ["accept-language" => language])]
async fn by_language(#[unkeyed] request: HttpRequest, origin: Origin) -> String {
    format!("{} {}", origin.count(), language(accepted(&request)))
}

const THEMED: Policy = Policy::new(60).vary(&["x-theme"]);

#[cache_page(policy = THEMED, vary = ["x-region", "Accept-Language" => |accepted| language(accepted) == "de"])]
async fn by_several(origin: Origin) -> String {
    origin.count().to_string()
}

#[cache_page(60, vary = ["cookie" => |cookie: Option<&str>| cookie.map(str::len)])]
async fn by_cookie(#[anonymous] _request: HttpRequest, origin: Origin) -> String {
    origin.count().to_string()
}

#[cache_page(60, vary = ["accept-language" => |lines: Option<&str>| lines.map(str::to_owned)])]
async fn by_whole(origin: Origin) -> String {
    origin.count().to_string()
}

/// The value of a function that reads all languages, in a handler that reads the first line.
#[cache_page(60, vary = ["accept-language" => |lines: Option<&str>| lines.is_some_and(|lines| lines.contains("de"))])]
async fn by_preference(#[unkeyed] request: HttpRequest) -> String {
    accepted(&request).unwrap_or_default().to_owned()
}

#[actix_web::test]
async fn spellings_with_one_result_share_a_page() {
    let app = TestApp::builder().route("/", by_language).start().await;
    app.get("/").header("accept-language", "de-CH,de;q=0.9").await.assert_stored().assert_body("1 de");
    app.get("/").header("accept-language", "de").await.assert_hit().assert_body("1 de");
    app.get("/").header("accept-language", "fr").await.assert_stored().assert_body("2 en");
    app.get("/").await.assert_hit().assert_body("2 en");
}

/// The function sees the same replacement characters in both, the handler sees the bytes.
#[actix_web::test]
async fn values_that_are_not_text_have_pages_of_their_own() {
    let app = TestApp::builder().route("/", by_whole).start().await;
    for value in [&b"de\xff"[..], b"de\xfe", "de\u{fffd}".as_bytes()] {
        app.get("/").header("accept-language", value).await.assert_stored();
        app.get("/").header("accept-language", value).await.assert_hit();
    }
}

/// The value of the header is all that it depends on, so that caches which vary by it may store the page.
#[actix_web::test]
async fn page_is_public_and_names_the_header_in_vary() {
    let app = TestApp::builder().route("/", by_language).start().await;
    for _ in 0..2 {
        let page = app.get("/").await;
        page.assert_header("cache-control", "max-age=60").assert_header("vary", "accept-language");
    }
}

#[actix_web::test]
async fn list_may_have_headers_with_and_without_a_function() {
    let app = TestApp::builder().route("/", by_several).start().await;
    app.get("/").await.assert_stored().assert_header("vary", "x-region, accept-language");
    app.get("/").header("x-region", "eu").await.assert_stored();
    app.get("/").header("accept-language", "de").await.assert_stored();
    app.get("/").header("accept-language", "fr").header("x-theme", "dark").await.assert_hit();
}

/// The function is all that its author says the response depends on.
#[actix_web::test]
async fn vary_of_the_handler_adds_no_variants() {
    let naming = |call: &Call| {
        HttpResponse::Ok().insert_header(("vary", "accept-language")).body(call.run.to_string())
    };
    let middleware = || PageCacheMiddleware::new(60).vary_by_header("accept-language", language);
    let app = TestApp::builder().uncached().handler(naming).wrap(middleware).start().await;
    app.get("/").header("accept-language", "de-CH").await.assert_stored();
    app.get("/").header("accept-language", "de").await.assert_hit();
    app.get("/").header("accept-language", "en").await.assert_stored();
    let vary = app.get("/").await.header("vary").unwrap();
    assert_eq!(vary, "accept-language, cookie, authorization");
}

#[actix_web::test]
async fn middleware_takes_several_functions() {
    let middleware = || {
        PageCacheMiddleware::new(60)
            .vary_by_header("accept-language", language)
            .vary_by_header("x-theme", |theme| theme.map(str::len))
    };
    let app = TestApp::builder().uncached().wrap(middleware).start().await;
    app.get("/").header("accept-language", "de").header("x-theme", "dark").await.assert_stored();
    app.get("/").header("accept-language", "de").header("x-theme", "grey").await.assert_hit();
    app.get("/").header("accept-language", "de").await.assert_stored();
    app.get("/").header("x-theme", "dark").await.assert_stored();
}

#[actix_web::test]
#[should_panic(expected = "not a header name")]
async fn middleware_rejects_an_invalid_header_name() {
    drop(PageCacheMiddleware::new(60).vary_by_header("accept language", language));
}

/// A part of a credential in the key does not make the rest of it harmless.
#[actix_web::test]
async fn function_of_a_credential_does_not_cover_it() {
    let app = TestApp::builder().route("/", by_cookie).start().await;
    app.get("/").await.assert_stored();
    for cookie in ["id=alice", "id=carol"] {
        app.get("/").header("cookie", cookie).await.assert_bypass(Reason::Credentials);
    }
}

#[actix_web::test]
async fn function_gets_all_lines_of_the_header() {
    let app = TestApp::builder().route("/", by_whole).start().await;
    app.get("/").await.assert_stored();
    app.get("/").header("accept-language", "").await.assert_stored();
    let lines = app.get("/").header("accept-language", "de").header("accept-language", "en");
    lines.clone().await.assert_stored();
    lines.await.assert_hit();
    app.get("/").header("accept-language", "de").await.assert_stored();
}

/// The handler sees the first line only. Its page must not be that of those who send the lines as one value.
#[actix_web::test]
async fn repeated_lines_have_a_page_of_their_own() {
    let app = TestApp::builder().route("/", by_preference).start().await;
    let lines = app.get("/").header("accept-language", "en;q=0.1").header("accept-language", "de");
    lines.await.assert_stored().assert_body("en;q=0.1");
    app.get("/").header("accept-language", "en;q=0.1, de").await.assert_stored();
}
