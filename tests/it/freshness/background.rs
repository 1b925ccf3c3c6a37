//! Refreshes in the background of a request that is answered with a stale page.

use std::time::Duration;

use actix_web::{
    Error, HttpResponse,
    body::BoxBody,
    middleware::{Next, from_fn},
};
use cache_page::{Reason, cache_page, testing::ManualClock};

use crate::support::{Origin, TestApp, settle};

#[cache_page(60, stale_while_revalidate = 30)]
async fn refreshed(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

/// The handler waits until the stale answer left the outer services, and that time is not its own.
#[actix_web::test]
async fn fill_time_of_a_refresh_starts_with_its_handler() {
    let clock = ManualClock::new();
    let slow = clock.clone();
    let app = TestApp::builder()
        .clock(&clock)
        .route("/refreshed", refreshed)
        .wrap(move || {
            let clock = slow.clone();
            from_fn(move |request, next: Next<BoxBody>| {
                let clock = clock.clone();
                async move {
                    let response = next.call(request).await;
                    clock.advance(Duration::from_secs(5));
                    response
                }
            })
        })
        .start()
        .await;
    app.get("/refreshed").await.assert_stored();
    app.advance(60);
    app.get("/refreshed").await.assert_stale(Reason::StaleWhileRevalidate);
    settle().await;
    assert_eq!(app.runs(), 2);
    let stats = app.cache().stats();
    let fill_time: Duration = stats.handlers().map(|(_, counts)| counts.fill_time()).sum();
    assert_eq!(fill_time, Duration::ZERO);
}
