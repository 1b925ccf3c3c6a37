//! Tracing events.

use std::time::Duration;

use actix_web::{Error, HttpResponse, error::ErrorServiceUnavailable};
use cache_page::{Outcome, Reason, cache_page};

use super::{SAMPLES, Sample, builder};
use crate::support::{Events, Origin, TestApp, settle};

#[actix_web::test]
async fn each_request_has_one_event_with_its_outcome() {
    let app = builder().start().await;
    let events = Events::collect();
    for Sample { uri, headers, handler, outcome } in SAMPLES {
        app.get(uri).headers(headers).await;
        let event = events.take_one();
        assert_eq!(event.field("handler"), Some(handler), "{uri}");
        assert_eq!(event.field("outcome"), Some(outcome.as_str()), "{uri}");
        assert_eq!(event.field("reason"), outcome.reason().map(Reason::as_str), "{uri}");
    }
}

#[actix_web::test]
async fn event_has_the_age_of_a_hit_or_the_duration_of_a_fill() {
    let app = builder().start().await;
    let events = Events::collect();
    for Sample { uri, headers, outcome, .. } in SAMPLES {
        app.advance(2);
        app.get(uri).headers(headers).await;
        let event = events.take_one();
        let is_hit = matches!(outcome, Outcome::Hit | Outcome::Revalidated);
        assert_eq!(event.field("fill_us").is_some(), !is_hit, "{uri}: {event:?}");
        assert_eq!(event.field("age").is_some(), is_hit, "{uri}: {event:?}");
        if let Some(age) = event.field("age") {
            let age: u64 = age.parse().unwrap();
            assert!(age >= 2 && age.is_multiple_of(2), "{uri}: {event:?}");
        }
    }
}

#[cache_page(60, name = "failing", stale_if_error = 600)]
async fn failing(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

/// The client is sent a page; only the log has the error.
#[actix_web::test]
async fn error_behind_a_stale_page_is_logged() {
    let app = TestApp::builder().route("/", failing).start().await;
    app.get("/").await.assert_stored();
    app.set_handler(|_| -> Result<HttpResponse, Error> {
        Err(ErrorServiceUnavailable("the database is not available"))
    });
    app.advance(60);
    let events = Events::collect();
    app.get("/").await.assert_stale(Reason::StaleIfError).assert_body("page 1");
    let events = events.take();
    let [failure, request] = &events[..] else { panic!("{events:#?}") };
    assert_eq!(failure.field("handler"), Some("failing"));
    assert_eq!(failure.field("error"), Some("the database is not available"));
    assert_eq!((request.field("outcome"), request.field("reason")), (Some("stale"), Some("stale-if-error")));
}

#[cache_page(60, name = "refreshed", stale_while_revalidate = 600)]
async fn refreshed(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

#[actix_web::test]
async fn background_refresh_is_logged_with_its_result() {
    let app = TestApp::builder()
        .route("/", refreshed)
        .handler(|call| {
            let mut response = HttpResponse::Ok();
            if call.run == 2 {
                response.insert_header(("set-cookie", "id=1"));
            }
            response.body("page")
        })
        .start()
        .await;
    app.get("/").await.assert_stored();
    let events = Events::collect();
    for (result, reason) in [("not-stored", Some("set-cookie")), ("stored", None)] {
        app.advance(70);
        app.get("/").await.assert_stale(Reason::StaleWhileRevalidate);
        settle().await;
        let events = events.take();
        let [request, refresh] = &events[..] else { panic!("{result}: {events:#?}") };
        assert_eq!(request.field("outcome"), Some("stale"), "{result}");
        assert_eq!(request.field("reason"), Some("stale-while-revalidate"), "{result}");
        assert_eq!(refresh.field("handler"), Some("refreshed"), "{result}");
        assert_eq!((refresh.field("refresh"), refresh.field("reason")), (Some(result), reason));
        assert!(refresh.field("fill_us").is_some(), "{result}: {refresh:?}");
    }
}

#[actix_web::test]
async fn refresh_that_hangs_is_logged_at_the_fill_timeout() {
    let app = TestApp::builder()
        .cache(|cache| cache.fill_timeout(Duration::from_secs(2)))
        .route("/", refreshed)
        .start()
        .await;
    app.get("/").await.assert_stored();
    app.pause();
    app.advance(70);
    app.get("/").await.assert_stale(Reason::StaleWhileRevalidate);
    settle().await;
    let events = Events::collect();
    app.advance(2);
    settle().await;
    let events = events.take();
    let refresh =
        events.iter().find(|event| event.field("refresh").is_some()).expect("the refresh has ended");
    assert_eq!(
        (refresh.field("refresh"), refresh.field("reason")),
        (Some("not-stored"), Some("fill-timeout"))
    );
}
