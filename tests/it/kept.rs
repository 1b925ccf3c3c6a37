//! Which responses are kept, and for how long.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    error::ErrorBadGateway,
    http::{Method, StatusCode},
    test::{TestRequest, call_service},
};
use cache_page::PageCache;

use crate::legacy::{app_answering, app_answering_with, get, send};

fn with(lines: &'static [(&'static str, &'static str)]) -> impl Fn() -> HttpResponse + 'static {
    move || {
        let mut response = HttpResponse::Ok();
        for line in lines {
            response.append_header(*line);
        }
        response.body("page")
    }
}

/// Two requests, and the handler answers both.
async fn assert_never_kept(answer: impl Fn() -> HttpResponse + 'static, reason: &str) {
    let (app, runs, _) = app_answering(answer).await;
    for run in 1..=2 {
        let answer = get(&app, "/").await;
        assert_eq!(answer.outcome(), format!("cache_page; fwd=miss; detail={reason}"), "{answer:?}");
        assert_eq!(runs.get(), run, "{answer:?}");
    }
}

/// Kept for exactly so many seconds.
async fn assert_kept_for(answer: impl Fn() -> HttpResponse + 'static, seconds: u64) {
    let (app, runs, clock) = app_answering(answer).await;
    let first = get(&app, "/").await;
    assert_eq!(first.outcome(), format!("cache_page; fwd=miss; stored; ttl={seconds}"), "{first:?}");
    clock.advance(Duration::from_secs(seconds) - Duration::from_nanos(1));
    assert!(get(&app, "/").await.is_hit(), "{first:?}");
    clock.advance(Duration::from_nanos(1));
    assert!(get(&app, "/").await.is_stored(), "{first:?}");
    assert_eq!(runs.get(), 2);
}

#[actix_web::test]
async fn what_is_for_one_visitor_is_never_kept() {
    assert_never_kept(with(&[("set-cookie", "id=1")]), "set-cookie").await;
    assert_never_kept(
        with(&[("set-cookie", "id=1"), ("cache-control", "public, s-maxage=60")]),
        "set-cookie",
    )
    .await;
    for line in ["private", "PRIVATE", "private=\"x-user\"", "public, Private, max-age=60"] {
        assert_never_kept(
            move || HttpResponse::Ok().insert_header(("cache-control", line)).finish(),
            "private",
        )
        .await;
    }
    assert_never_kept(
        with(&[("content-security-policy", "script-src 'nonce-4AEemGb0xJptoIGFP3Nd'")]),
        "csp-nonce",
    )
    .await;
    assert_never_kept(with(&[("content-security-policy-report-only", "script-src 'NONCE-x'")]), "csp-nonce")
        .await;
    assert_never_kept(
        with(&[
            ("content-security-policy", "default-src 'self'"),
            ("content-security-policy", "script-src 'nonce-x'"),
        ]),
        "csp-nonce",
    )
    .await;
}

/// Other headers that are meant for the one who asked, or for the part that was asked for.
#[actix_web::test]
async fn what_other_headers_say_is_for_one_visitor_is_never_kept() {
    for (name, line, reason) in [
        ("clear-site-data", "\"cookies\"", "user-specific-header"),
        ("authentication-info", "nextnonce=\"x\"", "user-specific-header"),
        ("set-cookie2", "id=1", "user-specific-header"),
        ("sec-websocket-accept", "x", "user-specific-header"),
        ("content-range", "bytes 0-3/10", "status"),
    ] {
        for lifetime in ["public", "s-maxage=60"] {
            let answer = move || {
                let mut response = HttpResponse::Ok();
                response.insert_header((name, line)).insert_header(("cache-control", lifetime)).body("page")
            };
            assert_never_kept(answer, reason).await;
        }
    }
}

#[actix_web::test]
async fn what_the_handler_forbids_is_never_kept() {
    for line in ["no-store", "No-Store", "max-age=60, no-store", " no-store ", "x=\"a, no-store"] {
        assert_never_kept(
            move || HttpResponse::Ok().insert_header(("cache-control", line)).finish(),
            "no-store",
        )
        .await;
    }
    for line in ["no-cache", "NO-CACHE", "no-cache=\"set-cookie\"", "max-age=60,no-cache"] {
        assert_never_kept(
            move || HttpResponse::Ok().insert_header(("cache-control", line)).finish(),
            "no-cache",
        )
        .await;
    }
    assert_never_kept(with(&[("cache-control", "max-age=60"), ("cache-control", "no-store")]), "no-store")
        .await;
    for line in ["max-age=0", "s-maxage=0, max-age=60", "max-age=x", "max-age=60, max-age=0"] {
        assert_never_kept(
            move || HttpResponse::Ok().insert_header(("cache-control", line)).finish(),
            "expired",
        )
        .await;
    }
    for line in ["0", "-1", "soon", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        assert_never_kept(move || HttpResponse::Ok().insert_header(("expires", line)).finish(), "expired")
            .await;
    }
}

/// With a semicolon or a space where a comma belongs, as it is often written.
#[actix_web::test]
async fn what_the_handler_meant_to_forbid_is_never_kept() {
    for (line, reason) in [
        ("no-store; max-age=60", "no-store"),
        ("max-age=60; no-store", "no-store"),
        ("no-store;", "no-store"),
        ("no-cache no-store", "no-store"),
        ("no-cache;no-store", "no-store"),
        ("private; max-age=60", "private"),
        ("private max-age=60", "private"),
        ("max-age=60; private", "private"),
        ("private;", "private"),
        ("\"private\"", "private"),
        ("no-cache; max-age=60", "no-cache"),
        ("max-age=0; public", "expired"),
        ("max-age=60 seconds, max-age=0", "expired"),
    ] {
        let answer = move || HttpResponse::Ok().insert_header(("cache-control", line)).finish();
        assert_never_kept(answer, reason).await;
    }
}

#[actix_web::test]
async fn what_may_depend_on_anything_is_never_kept() {
    for line in ["*", " * ", "accept, *", "not a name"] {
        assert_never_kept(move || HttpResponse::Ok().insert_header(("vary", line)).finish(), "vary").await;
    }
    assert_never_kept(with(&[("vary", ""), ("vary", "*")]), "vary").await;
    assert_never_kept(with(&[("vary", "accept"), ("vary", "*")]), "vary").await;
}

#[actix_web::test]
async fn what_is_no_whole_page_is_never_kept() {
    // No final answer; for one request; and what RFC 6585 says must not be stored.
    for code in [100, 102, 103, 199, 206, 304, 412, 416, 417, 428, 429, 431, 511] {
        let answer = move || {
            let mut response = HttpResponse::build(StatusCode::from_u16(code).unwrap());
            response.insert_header(("cache-control", "max-age=60")).finish()
        };
        assert_never_kept(answer, "status").await;
    }
    assert_never_kept(with(&[("content-type", "Text/Event-Stream; charset=utf-8")]), "event-stream").await;
    assert_never_kept(|| HttpResponse::Ok().upgrade("websocket").finish(), "upgrade").await;
    assert_never_kept(|| HttpResponse::SwitchingProtocols().upgrade("websocket").finish(), "upgrade").await;
}

#[actix_web::test]
async fn a_body_over_the_limit_is_sent_whole() {
    let cache = PageCache::builder().max_body(4).build();
    let (app, runs) = app_answering_with(cache, || HttpResponse::Ok().body("12345")).await;
    for run in 1..=2 {
        let answer = get(&app, "/").await;
        assert_eq!((answer.status, answer.text(), runs.get()), (200, "12345", run));
        assert_eq!(answer.outcome(), "cache_page; fwd=miss; detail=body-too-large");
    }
    let cache = PageCache::builder().max_body(5).build();
    let (app, _) = app_answering_with(cache, || HttpResponse::Ok().body("12345")).await;
    assert!(get(&app, "/").await.is_stored());
}

#[actix_web::test]
async fn nothing_is_added_to_a_response_that_is_not_kept() {
    let (app, _, _) = app_answering(with(&[("cache-control", "no-store"), ("x-own", "1")])).await;
    let answer = get(&app, "/").await;
    let names: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"));
    assert_eq!(answer.header("x-own").as_deref(), Some("1"));
    assert_eq!(answer.outcome(), "cache_page; fwd=miss; detail=no-store");
}

/// Every status, with and without the handler's own word.
#[actix_web::test]
async fn statuses() {
    for code in 200..=599 {
        let status = StatusCode::from_u16(code).unwrap();
        let (app, _, _) = app_answering(move || HttpResponse::new(status)).await;
        let kept = [200, 301, 308].contains(&code);
        assert_eq!(get(&app, "/").await.is_stored(), kept, "{code}");
        assert_eq!(get(&app, "/").await.is_hit(), kept, "{code}");

        let said =
            move || HttpResponse::build(status).insert_header(("cache-control", "s-maxage=5")).finish();
        let (app, _, _) = app_answering(said).await;
        let kept = ![206, 304, 412, 416, 417, 428, 429, 431, 511].contains(&code);
        assert_eq!(get(&app, "/").await.is_stored(), kept, "{code}");
        let again = get(&app, "/").await;
        assert_eq!((again.is_hit(), again.status), (kept, code), "{code}");
    }
}

#[actix_web::test]
async fn the_handlers_word_wins_over_the_attribute() {
    assert_kept_for(with(&[]), 60).await;
    assert_kept_for(with(&[("cache-control", "public")]), 60).await;
    assert_kept_for(with(&[("cache-control", "max-age=5")]), 5).await;
    assert_kept_for(with(&[("cache-control", "max-age=600")]), 600).await;
    assert_kept_for(with(&[("cache-control", "max-age=5, s-maxage=7")]), 7).await;
    assert_kept_for(with(&[("cache-control", "max-age=30"), ("age", "10")]), 20).await;
    // It was fresh for a minute, in 1994.
    const LONG_AGO: [(&str, &str); 2] =
        [("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("expires", "Sun, 06 Nov 1994 08:50:37 GMT")];
    assert_never_kept(with(&LONG_AGO), "expired").await;
}

#[actix_web::test]
async fn a_failing_handler_keeps_nothing_and_fails_as_it_would() {
    let (app, runs, _) = app_answering(|| HttpResponse::from_error(ErrorBadGateway("down"))).await;
    for run in 1..=2 {
        let response = call_service(&app, TestRequest::get().to_request()).await;
        assert_eq!(response.response().error().map(ToString::to_string).as_deref(), Some("down"));
        assert_eq!(response.status(), 502);
        assert_eq!(runs.get(), run);
    }
}

/// Only `GET` fills, only `GET` and `HEAD` are answered.
#[actix_web::test]
async fn methods() {
    let (app, runs, _) = app_answering(|| HttpResponse::Ok().body("page")).await;
    let head = send(&app, TestRequest::default().method(Method::HEAD)).await;
    assert_eq!(head.outcome(), "cache_page; fwd=miss; detail=head");
    assert!(get(&app, "/").await.is_stored());
    assert!(send(&app, TestRequest::default().method(Method::HEAD)).await.is_hit());
    assert_eq!(runs.get(), 2);
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "PURGE"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        assert_eq!(
            send(&app, TestRequest::default().method(method)).await.outcome(),
            "cache_page; fwd=method"
        );
    }
    assert_eq!(runs.get(), 10);
    assert!(get(&app, "/").await.is_hit());
}

/// What a client asks for is no way to switch the cache off, or to change what others get.
#[actix_web::test]
async fn request_headers_do_not_matter() {
    let (app, runs, _) = app_answering(|| HttpResponse::Ok().body("page")).await;
    get(&app, "/").await;
    for header in [
        ("cache-control", "no-cache"),
        ("cache-control", "no-store, max-age=0"),
        ("pragma", "no-cache"),
        ("authorization", "Bearer bogus"),
        ("cookie", "session=bogus"),
        ("x-http-method-override", "POST"),
    ] {
        let answer = send(&app, TestRequest::get().append_header(header)).await;
        assert_eq!((answer.is_hit(), answer.text()), (true, "page"), "{header:?}");
    }
    assert_eq!(runs.get(), 1);
}

/// A request head may be long, and whoever sends it chooses what is in it.
#[actix_web::test]
async fn a_key_that_is_too_long_is_nobodys_page() {
    let (app, runs, _) = app_answering(|| HttpResponse::Ok().body("page")).await;
    let uri = format!("/?{}", "x".repeat(60_000));
    for run in 1..=2 {
        assert_eq!(get(&app, &uri).await.outcome(), "cache_page; fwd=bypass; detail=key-too-long");
        assert_eq!(runs.get(), run);
    }
    // A key is at most 8 KiB long, whatever else is in it.
    assert_eq!(get(&app, &uri[..8192]).await.outcome(), "cache_page; fwd=bypass; detail=key-too-long");
    assert!(get(&app, &uri[..8000]).await.is_stored());
}
