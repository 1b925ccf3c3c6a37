//! `Cache-Control` and `Pragma` of requests (RFC 9111 5.2.1), which count only where the cache honours them.

use actix_web::{HttpRequest, HttpResponse};
use cache_page::{Outcome, PageCache, Reason, cache_page};

use crate::support::{TestApp, TestResponse};

/// An application that honours request directives.
async fn honoring() -> TestApp {
    TestApp::builder()
        .cache(|cache| cache.honor_request_cache_control(true))
        .handler(|_| HttpResponse::Ok().body("0123456789"))
        .start()
        .await
}

enum Expected {
    Hit,
    Refetch,
    Bypass,
}
use Expected::{Bypass, Hit, Refetch};

/// Requests to a page of 20 seconds' age that is fresh for 60.
const DIRECTIVES: [(&[(&str, &str)], Expected); 17] = [
    (&[("cache-control", "no-cache")], Refetch),
    (&[("cache-control", "No-Cache")], Refetch),
    (&[("cache-control", "x, no-cache")], Refetch),
    (&[("cache-control", "max-age=0")], Refetch),
    (&[("cache-control", "max-age=19")], Refetch),
    (&[("cache-control", "max-age=20")], Hit),
    (&[("cache-control", "max-age=junk")], Refetch),
    (&[("cache-control", "min-fresh=40")], Hit),
    (&[("cache-control", "min-fresh=41")], Refetch),
    (&[("cache-control", "max-stale=100")], Hit),
    (&[("cache-control", "only-if-cached")], Hit),
    (&[("cache-control", "no-store")], Bypass),
    (&[("cache-control", "no-transform"), ("cache-control", "no-store")], Bypass),
    (&[("pragma", "no-cache")], Refetch),
    (&[("pragma", "x")], Hit),
    (&[("pragma", "no-cache"), ("cache-control", "max-age=60")], Hit),
    (&[], Hit),
];

#[actix_web::test]
async fn request_directives_decide_where_they_are_honored() {
    for (headers, expected) in DIRECTIVES {
        let app = honoring().await;
        app.get("/").await;
        app.advance(20);
        let response = app.get("/").headers(headers).await;
        let next = app.get("/").await;
        match expected {
            Hit => response.assert_hit().assert_ttl(40),
            Refetch => response.assert_stored().assert_fwd("request").assert_ttl(60),
            Bypass => response.assert_bypass(Reason::RequestNoStore),
        };
        // The page that one client refuses is there for the others, unless there is a newer one.
        let ttl = if matches!(expected, Refetch) { 60 } else { 40 };
        next.assert_hit().assert_ttl(ttl);
    }
}

#[actix_web::test]
async fn request_directives_are_ignored_by_default() {
    for (headers, _) in DIRECTIVES {
        let app = TestApp::new().await;
        app.get("/").await;
        app.get("/").headers(headers).await.assert_hit();
        assert_eq!(app.runs(), 1, "{headers:?}");
    }
}

#[actix_web::test]
async fn no_store_request_stores_nothing() {
    let app = honoring().await;
    for _ in 0..2 {
        let response = app.get("/").header("cache-control", "no-store").header("range", "bytes=0-0").await;
        response.assert_status(200).assert_body("0123456789").assert_no_header("age");
        assert_eq!(app.pages(), 0);
    }
}

fn assert_gateway_timeout(response: &TestResponse) {
    response.assert_bypass(Reason::OnlyIfCached).assert_fwd("bypass").assert_status(504).assert_body("");
}

#[actix_web::test]
async fn only_if_cached_is_a_504_while_nothing_is_stored() {
    let app = honoring().await;
    for number in 1..=2 {
        assert_gateway_timeout(&app.get("/").header("cache-control", "only-if-cached, max-age=30").await);
        assert_eq!(app.count(Outcome::Bypass(Reason::OnlyIfCached)), number);
    }
    assert_eq!(app.runs(), 0);
}

#[actix_web::test]
async fn only_if_cached_is_a_504_if_the_page_is_too_old() {
    let app = honoring().await;
    let request = app.get("/").header("cache-control", "only-if-cached, max-age=30");
    app.get("/").await.assert_stored();
    request.clone().await.assert_hit();
    app.advance(31);
    assert_gateway_timeout(&request.await);
    app.get("/").await.assert_hit();
}

#[cache_page(60, bypass_if = |request| request.path() == "/never")]
async fn anonymous_page(#[anonymous] _request: HttpRequest) -> &'static str {
    "page"
}

#[actix_web::test]
async fn only_if_cached_is_a_504_if_the_request_bypasses_the_cache() {
    let app = TestApp::builder()
        .cache(|cache| cache.honor_request_cache_control(true))
        .configure(|config| {
            config.default_service(actix_web::web::to(anonymous_page));
        })
        .start()
        .await;
    let too_long = format!("/?{}", "x".repeat(9000));
    for (uri, name, value) in [
        ("/", "x-none", ""),
        ("/never", "x-none", ""),
        (&*too_long, "x-none", ""),
        ("/", "cookie", "a=b"),
        ("/", "cache-control", "no-store"),
    ] {
        let request = app.get(uri).header("cache-control", "only-if-cached").header(name, value);
        assert_gateway_timeout(&request.await);
    }
    app.get("/").await.assert_stored();
    app.get("/").header("cache-control", "only-if-cached").await.assert_hit();
    app.post("/").header("cache-control", "only-if-cached").await.assert_body("page");
}

fn is_admin(request: &HttpRequest) -> bool {
    request.headers().contains_key("x-admin")
}

#[actix_web::test]
async fn directives_are_honored_by_predicate() {
    let app = TestApp::builder().cache(|cache| cache.honor_request_cache_control_if(is_admin)).start().await;
    app.get("/").await.assert_stored().assert_body("page 1");
    for directive in ["no-cache", "no-store", "max-age=0", "only-if-cached"] {
        app.get("/").header("cache-control", directive).await.assert_hit().assert_body("page 1");
    }
    app.get("/").header("x-admin", "1").await.assert_hit().assert_body("page 1");
    let by_admin = |directive| app.get("/").header("x-admin", "1").header("cache-control", directive);
    by_admin("no-cache").await.assert_stored().assert_fwd("request").assert_body("page 2");
    app.get("/").await.assert_hit().assert_body("page 2");
    by_admin("no-store").await.assert_bypass(Reason::RequestNoStore);
    app.advance(60);
    assert_gateway_timeout(&by_admin("only-if-cached").await);
}

#[actix_web::test]
async fn last_choice_of_who_is_honored_counts() {
    for (is_honored, builder) in [
        (
            true,
            PageCache::builder().honor_request_cache_control_if(is_admin).honor_request_cache_control(true),
        ),
        (
            false,
            PageCache::builder().honor_request_cache_control(true).honor_request_cache_control_if(is_admin),
        ),
    ] {
        let app = TestApp::builder().page_cache(builder.build()).start().await;
        app.get("/").await.assert_stored();
        let response = app.get("/").header("cache-control", "no-cache").await;
        assert_eq!(response.is_stored(), is_honored, "{response:?}");
    }
}
