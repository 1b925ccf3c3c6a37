//! Pages with a `Content-Encoding`, whose handler has not said that they vary by `Accept-Encoding`.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    http::header::{self, HeaderValue},
};
use cache_page::{Outcome, PageCacheMiddleware, PageControl, Reason, cache_page};

use crate::support::{Backend, Call, Crowd, Origin, TestApp, TestAppBuilder, TestRequest};

/// Encodes every page, whatever the client accepts.
fn encoded(call: &Call) -> HttpResponse {
    HttpResponse::Ok().insert_header(("content-encoding", "br")).body(format!("br {}", call.run))
}

/// The same handler in both forms.
fn apps() -> [TestAppBuilder; 2] {
    [
        TestApp::builder().handler(encoded),
        TestApp::builder().handler(encoded).uncached().wrap(|| PageCacheMiddleware::new(60)),
    ]
}

fn accepting(app: &TestApp, coding: &str) -> TestRequest {
    app.get("/").header("accept-encoding", coding)
}

#[actix_web::test]
async fn page_is_only_sent_to_clients_that_accept_its_coding() {
    for app in apps() {
        let app = app.start().await;
        accepting(&app, "gzip, br").await.assert_stored().assert_body("br 1");
        let mut runs = 1;
        for refused in ["", "gzip", "identity", "br;q=0", "*;q=0", "gzip, *;q=0", "br;q=x", "brotli"] {
            runs += 1;
            let response = accepting(&app, refused).await;
            response.assert_bypass(Reason::ContentEncoding).assert_body(format!("br {runs}"));
            response.assert_no_header("etag").assert_no_header("age");
        }
        let response = app.get("/").await;
        response.assert_bypass(Reason::ContentEncoding).assert_body(format!("br {}", runs + 1));
        // None of them has changed what the others get.
        for accepted in ["br", "BR;q=0.1", "*", "gzip;q=0, *;q=0.5", "x-br"] {
            accepting(&app, accepted).await.assert_hit().assert_body("br 1");
        }
    }
}

/// Browsers and proxies know nothing else than `Vary`.
#[actix_web::test]
async fn encoded_page_varies_by_accept_encoding_downstream() {
    let app = TestApp::with_handler(encoded).await;
    for _ in 0..2 {
        accepting(&app, "br").await.assert_header("vary", "accept-encoding");
    }
    app.set_handler(|call: &Call| {
        let mut response = encoded(call);
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        response
    });
    app.advance(60);
    accepting(&app, "br").await.assert_stored().assert_header("vary", "Accept-Encoding");
}

#[actix_web::test]
async fn every_coding_of_a_page_must_be_accepted() {
    let app = TestApp::with_handler(|_| {
        let mut response = HttpResponse::Ok();
        response
            .append_header(("content-encoding", "gzip"))
            .append_header(("content-encoding", "br"))
            .finish()
    })
    .await;
    accepting(&app, "gzip, br").await.assert_stored();
    accepting(&app, "br, x-gzip").await.assert_hit();
    accepting(&app, "br").await.assert_bypass(Reason::ContentEncoding);
}

#[actix_web::test]
async fn page_without_coding_is_sent_to_every_client() {
    for coding in [None, Some("identity"), Some("")] {
        let app = TestApp::with_handler(move |_| {
            let mut response = HttpResponse::Ok();
            if let Some(coding) = coding {
                response.insert_header(("content-encoding", coding));
            }
            response.body("page")
        })
        .await;
        app.get("/").await.assert_stored();
        for accepted in ["br", "identity;q=0, br", "*;q=0"] {
            accepting(&app, accepted).await.assert_hit();
        }
    }
}

/// A hot page has a copy in each worker.
#[actix_web::test]
async fn copy_of_a_hot_page_is_not_sent_either() {
    let app = TestApp::with_handler(encoded).await;
    accepting(&app, "br").await.assert_stored();
    for _ in 0..20 {
        accepting(&app, "br").await.assert_hit();
    }
    app.get("/").await.assert_bypass(Reason::ContentEncoding);
}

#[actix_web::test]
async fn head_and_conditional_requests_need_the_coding_too() {
    let app = TestApp::with_handler(encoded).await;
    let etag = accepting(&app, "br").await.header("etag").unwrap();
    app.head("/").header("accept-encoding", "br").await.assert_hit();
    app.head("/").await.assert_bypass(Reason::ContentEncoding);
    accepting(&app, "br").header("if-none-match", &etag).await.assert_hit().assert_status(304);
    let response = app.get("/").header("if-none-match", &etag).await;
    response.assert_bypass(Reason::ContentEncoding).assert_status(200);
}

#[actix_web::test]
async fn only_if_cached_is_answered_with_504_without_the_coding() {
    let app = TestApp::builder()
        .handler(encoded)
        .cache(|cache| cache.honor_request_cache_control(true))
        .start()
        .await;
    accepting(&app, "br").await.assert_stored();
    let response = app.get("/").header("cache-control", "only-if-cached").await;
    response.assert_bypass(Reason::OnlyIfCached).assert_status(504);
}

/// Whether or not the page can be stored.
#[actix_web::test]
async fn follower_that_cannot_decode_the_page_gets_its_own() {
    for padding in [0, 9_000_000] {
        for app in apps() {
            let encoded = move |call: &Call| {
                let body = format!("br {} {}", call.run, "x".repeat(padding));
                HttpResponse::Ok().insert_header(("content-encoding", "br")).body(body)
            };
            let app = app.handler(encoded).paused().start().await;
            let requests =
                [accepting(&app, "br"), app.get("/"), accepting(&app, "br"), accepting(&app, "gzip")];
            let crowd = Crowd::send(requests).await;
            assert_eq!(app.waiting(), [1]);
            app.finish(1).await;
            app.finish(2).await;
            let responses = crowd.responses().await;
            for (response, run) in responses.iter().zip(["br 1 ", "br 2 ", "br 1 ", "br 3 "]) {
                assert!(response.text().starts_with(run), "{response:?}");
            }
            responses[2].assert_collapsed();
            assert_eq!(app.runs(), 3);
        }
    }
}

/// The first request may be one that accepts no coding: what it gets is for everybody.
#[actix_web::test]
async fn negotiating_handler_without_vary_sends_what_all_accept() {
    let app = TestApp::with_handler(|call: &Call| {
        let mut response = HttpResponse::Ok();
        if call.header_values("accept-encoding") == ["br"] {
            response.insert_header(("content-encoding", "br"));
        }
        response.body(format!("page {}", call.run))
    })
    .await;
    accepting(&app, "br").await.assert_stored().assert_body("page 1");
    app.get("/").await.assert_bypass(Reason::ContentEncoding).assert_no_header("content-encoding");
    accepting(&app, "br").await.assert_hit().assert_body("page 1");
    app.advance(60);
    app.get("/").await.assert_stored().assert_body("page 3");
    accepting(&app, "br").await.assert_hit().assert_body("page 3");
}

#[cache_page(60, stale_if_error = 600)]
async fn sturdy(origin: Origin) -> Result<HttpResponse, actix_web::Error> {
    origin.respond().await
}

#[cache_page(60, stale_while_revalidate = 600)]
async fn refreshed(origin: Origin) -> Result<HttpResponse, actix_web::Error> {
    origin.respond().await
}

#[actix_web::test]
async fn stale_page_is_not_sent_in_place_of_an_error_either() {
    let app = TestApp::builder().route("/", sturdy).handler(encoded).start().await;
    accepting(&app, "br").await.assert_stored();
    app.advance(60);
    app.set_handler(|_: &Call| HttpResponse::ServiceUnavailable().finish());
    app.get("/").await.assert_status(503);
    accepting(&app, "br").await.assert_stale(Reason::StaleIfError).assert_body("br 1");
    // The refresh has failed, so the page is sent at once, but not to this client.
    app.get("/").await.assert_bypass(Reason::ContentEncoding).assert_status(503);
}

#[actix_web::test]
async fn stale_page_that_is_refreshed_is_not_sent_either() {
    let app = TestApp::builder().route("/", refreshed).handler(encoded).start().await;
    accepting(&app, "br").await.assert_stored();
    app.advance(60);
    app.get("/").await.assert_bypass(Reason::ContentEncoding).assert_body("br 2");
    accepting(&app, "br").await.assert_stale(Reason::StaleWhileRevalidate).assert_body("br 1");
}

#[cache_page(60)]
async fn revalidating(origin: Origin, control: PageControl) -> Result<HttpResponse, actix_web::Error> {
    origin.respond_with(&control).await
}

/// Otherwise the handler would confirm the page, and the client be sent it.
#[actix_web::test]
async fn handler_gets_no_validators_of_a_page_in_a_refused_coding() {
    for (accepted, body) in [("br", "br 1"), ("gzip", "plain 2")] {
        let app = TestApp::builder()
            .route("/", revalidating)
            .handler(|call: &Call| match call.control().validators() {
                Some(_) => HttpResponse::NotModified().finish(),
                None if call.header_values("accept-encoding") == ["br"] => encoded(call),
                None => HttpResponse::Ok().body(format!("plain {}", call.run)),
            })
            .start()
            .await;
        accepting(&app, "br").await.assert_stored().assert_body("br 1");
        app.advance(60);
        accepting(&app, accepted).await.assert_stored().assert_body(body);
    }
}

/// An attacker cannot make the cache forget the page that others get.
#[actix_web::test]
async fn requests_without_the_coding_replace_nothing() {
    let app = TestApp::with_handler(encoded).await;
    accepting(&app, "br").await.assert_stored();
    for _ in 0..50 {
        app.get("/").await.assert_bypass(Reason::ContentEncoding);
    }
    assert_eq!((app.pages(), app.count(Outcome::Stored)), (1, 1));
    app.advance_by(Duration::from_secs(59));
    accepting(&app, "br").await.assert_hit().assert_body("br 1");
}

/// Starts a process that shares the backend, in which no page is sent from local memory if `local_ttl` is zero.
async fn process(backend: &Backend, local_ttl: u64) -> TestApp {
    let local_ttl = Duration::from_secs(local_ttl);
    let builder = TestApp::builder().handler(encoded).remote(backend);
    let app = builder.cache(|cache| cache.local_ttl(local_ttl)).start().await;
    app.wait_available().await;
    app
}

#[actix_web::test]
async fn page_of_the_remote_store_is_not_sent_either() {
    for local_ttl in [60, 0] {
        let backend = Backend::new();
        let (one, other) = (process(&backend, local_ttl).await, process(&backend, local_ttl).await);
        one.fill(accepting(&one, "br")).await;
        other.get("/").await.assert_bypass(Reason::ContentEncoding).assert_body("br 1");
        let response = accepting(&other, "br").await;
        assert!(matches!(response.outcome(), Some(Outcome::Hit | Outcome::RemoteHit)), "{response:?}");
        assert_eq!(other.runs(), 1, "only for the client without the coding");
    }
}
