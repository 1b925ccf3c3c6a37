//! The option `normalize`.

use actix_web::{HttpRequest, HttpResponse};
use cache_page::{PageCacheMiddleware, cache_page, normalize};

use crate::support::{Call, Crowd, Origin, TestApp, TestRequest};

/// Spellings of one preference, and another one.
const SPELLINGS: [&str; 4] = ["de, en", "en,de", "EN ,  de;q=1.0", "De,en;q=1"];
const OTHER: &str = "de, en;q=0.5";

/// Shows what the client sent, and names it in `Vary`.
#[cache_page(60, normalize = ["Accept-Language" => normalize::languages, "x-a" => |a: Option<&str>| a.map(str::len)])]
async fn varying(#[unkeyed] request: HttpRequest, origin: Origin) -> HttpResponse {
    let sent = request.headers().get("accept-language");
    let sent = sent.map(|sent| String::from_utf8_lossy(sent.as_bytes()).into_owned());
    let body = format!("{} {sent:?}", origin.count());
    HttpResponse::Ok().insert_header(("vary", "accept-language")).body(body)
}

#[cache_page(60, normalize = ["accept-language" => normalize::languages])]
async fn constant(origin: Origin) -> String {
    origin.count().to_string()
}

#[cache_page(60, normalize = ["x-user-id" => |user: Option<&str>| user.map(str::len)])]
async fn by_user(#[unkeyed] request: HttpRequest) -> HttpResponse {
    let user = request.headers().get("x-user-id").map(|user| user.to_str().unwrap().to_owned());
    HttpResponse::Ok().insert_header(("vary", "x-user-id")).body(user.unwrap_or_default())
}

async fn app() -> TestApp {
    TestApp::builder().route("/", varying).route("/constant", constant).start().await
}

fn in_language(app: &TestApp, language: &str) -> TestRequest {
    app.get("/").header("accept-language", language)
}

#[actix_web::test]
async fn spellings_with_one_result_select_one_variant() {
    let app = app().await;
    in_language(&app, SPELLINGS[0]).await.assert_stored().assert_fwd("miss");
    for spelling in SPELLINGS {
        in_language(&app, spelling).await.assert_hit().assert_body("1 Some(\"de, en\")");
    }
    in_language(&app, OTHER).await.assert_stored().assert_fwd("vary-miss");
    app.get("/").await.assert_stored().assert_fwd("vary-miss");
    assert_eq!((app.runs(), app.pages()), (3, 3));
}

#[actix_web::test]
async fn response_that_does_not_vary_is_one_page_without_vary() {
    let app = app().await;
    app.get("/constant").header("accept-language", "de").await.assert_stored().assert_no_header("vary");
    app.get("/constant").header("accept-language", "en").await.assert_hit().assert_no_header("vary");
    // The first page varies by the language only, though `x-a` has a function too.
    in_language(&app, "de").header("x-a", "1").await.assert_stored().assert_header("vary", "accept-language");
    in_language(&app, "de").header("x-a", "12").await.assert_hit();
}

/// The handler may read the first line only, so its page is not that of those who send one line.
#[actix_web::test]
async fn repeated_lines_are_a_variant_of_their_own() {
    let app = app().await;
    let lines = in_language(&app, "de").header("accept-language", "en");
    lines.clone().await.assert_stored().assert_body("1 Some(\"de\")");
    in_language(&app, "de, en").await.assert_stored().assert_body("2 Some(\"de, en\")");
    lines.await.assert_hit().assert_body("1 Some(\"de\")");
}

/// As shown by its name, the header may tell visitors apart, and the function of the test makes one value of all with one length.
#[actix_web::test]
async fn headers_with_credentials_are_compared_as_they_are() {
    let app = TestApp::builder().route("/", by_user).start().await;
    for user in ["alice", "carol"] {
        app.get("/").header("x-user-id", user).await.assert_stored().assert_body(user);
        app.get("/").header("x-user-id", user).await.assert_hit().assert_body(user);
    }
}

#[actix_web::test]
async fn values_that_are_not_text_are_variants_of_their_own() {
    let app = app().await;
    for value in [&b"de\xff"[..], b"de\xfe", "de\u{fffd}".as_bytes()] {
        let request = app.get("/").header("accept-language", value);
        request.clone().await.assert_stored();
        request.await.assert_hit();
    }
}

#[actix_web::test]
async fn concurrent_requests_with_one_result_share_a_run() {
    let app = TestApp::builder().paused().route("/", varying).start().await;
    let requests = || (0..20).map(|number| in_language(&app, SPELLINGS[number % 4]));
    for run in 1..=2 {
        let crowd = Crowd::send(requests()).await;
        app.finish(1).await;
        for response in crowd.responses().await {
            assert!(response.text().starts_with(&run.to_string()), "{response:?}");
        }
        app.advance(60);
    }
    assert_eq!(app.runs(), 2);
}

#[actix_web::test]
async fn middleware_normalizes_alike() {
    let by_language = |call: &Call| {
        let sent = call.header_values("accept-language");
        HttpResponse::Ok().insert_header(("vary", "accept-language")).body(format!("{sent:?}"))
    };
    let middleware = || PageCacheMiddleware::new(60).normalize("Accept-Language", normalize::languages);
    let app = TestApp::builder().uncached().handler(by_language).wrap(middleware).start().await;
    in_language(&app, SPELLINGS[0]).await.assert_stored();
    for spelling in SPELLINGS {
        in_language(&app, spelling).await.assert_hit();
    }
    in_language(&app, OTHER).await.assert_stored();
}

#[actix_web::test]
#[should_panic(expected = "tells visitors apart")]
async fn middleware_does_not_normalize_credentials() {
    drop(PageCacheMiddleware::new(60).normalize("Cookie", normalize::list));
}

#[actix_web::test]
#[should_panic(expected = "tells visitors apart")]
async fn middleware_does_not_normalize_what_names_a_user() {
    drop(PageCacheMiddleware::new(60).normalize("X-User-Id", normalize::list));
}
