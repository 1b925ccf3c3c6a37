//! Responses that must not be stored are not shared, and their keys are remembered as uncacheable for a while.

use actix_web::{HttpRequest, HttpResponse};
use cache_page::{Outcome, Page, Reason, cache_page};

use super::{bodies, paused};
use crate::support::{Crowd, Origin, TestApp};

const REFUSED: [(&str, &str, Reason); 7] = [
    ("set-cookie", "id=1", Reason::SetCookie),
    ("cache-control", "private", Reason::Private),
    ("cache-control", "no-store", Reason::NoStore),
    ("cache-control", "no-cache", Reason::NoCache),
    ("vary", "*", Reason::Vary),
    ("content-type", "text/event-stream", Reason::EventStream),
    ("content-security-policy", "script-src 'nonce-a'", Reason::CspNonce),
];

async fn sending(name: &'static str, value: &'static str) -> TestApp {
    paused()
        .handler(move |call| {
            HttpResponse::Ok().insert_header((name, value)).body(format!("page {}", call.run))
        })
        .start()
        .await
}

#[actix_web::test]
async fn followers_of_an_uncacheable_response_run_at_once() {
    for (name, value, reason) in REFUSED {
        let app = sending(name, value).await;
        let crowd = Crowd::send(app.get("/").times(50)).await;
        assert_eq!(app.waiting().len(), 1, "{reason:?}");
        app.finish(1).await;
        assert_eq!(app.waiting().len(), 49, "{reason:?}");
        app.finish(49).await;
        let responses = crowd.responses().await;
        assert_eq!(bodies(&responses).len(), 50, "{reason:?}");
        for response in &responses {
            response.assert_not_stored(reason).assert_fwd("miss");
        }
    }
}

#[actix_web::test]
async fn uncacheable_key_is_not_coalesced_again() {
    for (name, value, reason) in REFUSED {
        let app = sending(name, value).await;
        app.finish(1).await;
        app.get("/").await.assert_not_stored(reason);
        let crowd = Crowd::send(app.get("/").times(50)).await;
        assert_eq!(app.waiting().len(), 50, "{reason:?}");
        app.finish(50).await;
        assert_eq!(bodies(&crowd.responses().await).len(), 50, "{reason:?}");
    }
}

fn is_refused(_: &HttpRequest, page: &Page) -> bool {
    page.body().starts_with(b"refused")
}

#[cache_page(60, no_store_if = is_refused)]
async fn no_store_if(origin: Origin) -> Result<HttpResponse, actix_web::Error> {
    origin.respond().await
}

/// Whether or not the page would also be too large to store.
#[actix_web::test]
async fn response_refused_by_no_store_if_is_not_shared() {
    for padding in [0, 9_000_000] {
        let app = paused()
            .route("/", no_store_if)
            .handler(move |call| {
                HttpResponse::Ok().body(format!("refused {}{}", call.run, "x".repeat(padding)))
            })
            .start()
            .await;
        let crowd = Crowd::send(app.get("/").times(5)).await;
        app.finish(5).await;
        assert_eq!(bodies(&crowd.responses().await).len(), 5, "{padding} bytes");
    }
}

async fn private_then_public() -> TestApp {
    let app = sending("cache-control", "private").await;
    let crowd = Crowd::send(app.get("/").times(2)).await;
    app.finish(2).await;
    for response in crowd.responses().await {
        response.assert_not_stored(Reason::Private);
    }
    app.set_handler(|call| {
        let mut response = HttpResponse::Ok();
        response.insert_header(("cache-control", "max-age=10")).body(format!("page {}", call.run))
    });
    app
}

#[actix_web::test]
async fn key_is_coalesced_again_after_a_response_was_stored() {
    let app = private_then_public().await;
    let crowd = Crowd::send(app.get("/").times(3)).await;
    assert_eq!(app.waiting().len(), 3);
    app.finish(3).await;
    for response in crowd.responses().await {
        response.assert_stored();
    }
    app.advance(10);
    let crowd = Crowd::send(app.get("/").times(3)).await;
    assert_eq!(app.waiting().len(), 1);
    app.finish(1).await;
    crowd.responses().await[2].assert_collapsed().assert_ttl(10);
}

#[actix_web::test]
async fn uncacheable_key_is_coalesced_again_after_30_seconds() {
    let app = private_then_public().await;
    app.advance(30);
    let crowd = Crowd::send(app.get("/").times(3)).await;
    assert_eq!(app.waiting().len(), 1);
    drop(crowd);
}

#[actix_web::test]
async fn purge_during_a_run_for_an_uncacheable_key_counts() {
    let app = private_then_public().await;
    let crowd = Crowd::send(app.get("/").times(1)).await;
    app.cache().purge_path("/").await.unwrap();
    app.finish(1).await;
    crowd.responses().await[0].assert_not_stored(Reason::Purged);
    assert_eq!(app.pages(), 0);
}

#[actix_web::test]
async fn ended_run_for_an_uncacheable_key_is_reported_once() {
    let app = private_then_public().await;
    let mut crowd = Crowd::send(app.get("/").times(2)).await;
    crowd.abort(1).await;
    assert_eq!(app.count(Outcome::NotStored(Reason::ClientGone)), 1);
    app.set_handler(|call| {
        assert_eq!(call.run, 0, "the handler panics on purpose");
        HttpResponse::Ok().finish()
    });
    app.finish(1).await;
    assert!(crowd.results().await[0].is_none());
    assert_eq!(app.count(Outcome::NotStored(Reason::HandlerPanicked)), 1);
    assert_eq!(app.cache().stats().requests(), 4);
}
