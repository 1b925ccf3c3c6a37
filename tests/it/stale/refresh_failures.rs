//! Refreshes that do not result in a page that can be stored.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    error::{ErrorNotFound, ErrorServiceUnavailable},
};
use cache_page::{Outcome, Reason};

use super::{Handler, REFRESHED, page, page_with_a_cookie, panics, site};
use crate::support::{Crowd, settle};

const FAILURES: [(&str, Handler); 7] = [
    ("status 503", |_| Ok(HttpResponse::ServiceUnavailable().finish())),
    ("status 404", |_| Ok(HttpResponse::NotFound().finish())),
    ("error 503", |_| Err(ErrorServiceUnavailable("fails on purpose"))),
    ("error 404", |_| Err(ErrorNotFound("fails on purpose"))),
    ("set-cookie", page_with_a_cookie),
    ("panic", panics),
    ("max-age=0", |_| Ok(HttpResponse::Ok().insert_header(("cache-control", "max-age=0")).finish())),
];

#[actix_web::test]
async fn failed_refresh_keeps_the_stale_page_and_is_spaced() {
    for (name, failure) in FAILURES {
        let app = site().start().await;
        app.get(REFRESHED).await.assert_stored();
        app.set_handler(failure);
        app.advance(60);
        let mut tries = Vec::new();
        for second in 0..30 {
            let runs = app.runs();
            for _ in 0..3 {
                let response = app.get(REFRESHED).await;
                settle().await;
                let expected = Some(Outcome::Stale(Reason::StaleWhileRevalidate));
                assert_eq!(response.outcome(), expected, "{name}, second {second}: {response:?}");
                response.assert_status(200).assert_body("page 1");
            }
            if app.runs() > runs {
                tries.push(second);
                assert_eq!(app.runs(), runs + 1, "{name}, second {second}");
            }
            app.advance(1);
        }
        assert_eq!(tries, [0, 5, 15], "{name}");
    }
}

#[actix_web::test]
async fn failed_refresh_does_not_extend_the_stale_window() {
    for (name, failure) in FAILURES.into_iter().filter(|(name, _)| *name != "panic") {
        let app = site().start().await;
        app.get(REFRESHED).await;
        app.set_handler(failure);
        app.advance(60);
        for seconds in [5, 10, 15] {
            let response = app.get(REFRESHED).await;
            assert_eq!(response.text(), "page 1", "{name}: {response:?}");
            settle().await;
            app.advance(seconds);
        }
        let response = app.get(REFRESHED).await;
        assert_ne!(response.text(), "page 1", "{name}: {response:?}");
        let stats = app.cache().stats();
        assert_eq!(stats.handlers().map(|(_, handler)| handler.refreshes()).sum::<u64>(), 0, "{name}");
    }
}

#[actix_web::test]
async fn failure_of_a_refresh_is_forgotten_after_a_success() {
    for (name, failure) in FAILURES {
        let app = site().start().await;
        app.get(REFRESHED).await;
        app.set_handler(failure);
        app.advance(60);
        app.get(REFRESHED).await;
        settle().await;
        app.set_handler(page);
        app.advance(31);
        let response = app.get(REFRESHED).await;
        assert!(response.is_stored(), "{name}: {response:?}");
        app.advance(60);
        app.get(REFRESHED).await;
        settle().await;
        let response = app.get(REFRESHED).await;
        assert!(response.is_hit(), "{name}: {response:?}");
    }
}

/// Requests that came when the page could not be served any more wait for the refresh.
#[actix_web::test]
async fn followers_of_a_failed_refresh_are_coalesced() {
    for (name, failure) in FAILURES.into_iter().filter(|(name, _)| name.ends_with("503")) {
        let app = site().cache(|cache| cache.coalesce_timeout(Duration::from_secs(60))).start().await;
        app.get(REFRESHED).await.assert_stored();
        app.pause();
        app.advance(80);
        app.get(REFRESHED).await.assert_stale(Reason::StaleWhileRevalidate);
        settle().await;
        assert_eq!(app.waiting(), [2], "{name}");
        app.advance(10);
        let crowd = Crowd::send(app.get(REFRESHED).times(10)).await;
        app.set_handler(move |call| if call.run == 2 { failure(call) } else { page(call) });
        app.finish(1).await;
        assert_eq!((app.waiting(), crowd.answered()), (vec![3], 0), "{name}");
        app.finish(1).await;
        for response in crowd.responses().await {
            response.assert_body("page 3");
        }
        assert_eq!(app.runs(), 3, "{name}");
    }
}
