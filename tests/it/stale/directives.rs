//! `Cache-Control` directives of responses about stale pages.

use super::{PLAIN, REFRESHED, page_with, site, status};
use crate::support::settle;

/// Directives of a response that is fresh for 60 seconds, with the last second in which it is served stale.
const DIRECTIVES: [(&str, Option<u64>); 8] = [
    ("max-age=60", Some(29)),
    ("max-age=60, stale-while-revalidate=100", Some(99)),
    ("max-age=60, stale-while-revalidate=10", Some(9)),
    ("max-age=60, stale-while-revalidate=0", None),
    ("max-age=60, must-revalidate", None),
    ("max-age=60, proxy-revalidate, stale-while-revalidate=100", None),
    ("s-maxage=60", None),
    ("s-maxage=60, stale-while-revalidate=100", Some(99)),
];

#[actix_web::test]
async fn directives_of_the_response_override_the_stale_window() {
    for (directives, seconds) in DIRECTIVES {
        let app = site().handler(page_with(directives)).start().await;
        app.get(REFRESHED).await;
        app.advance(60);
        if let Some(seconds) = seconds {
            app.advance(seconds);
            app.set_handler(status(500));
            assert_eq!(app.get(REFRESHED).await.text(), "page 1", "{directives}");
            settle().await;
            app.advance(1);
        }
        assert_ne!(app.get(REFRESHED).await.text(), "page 1", "{directives}");
    }
}

/// Only a handler with the attribute's option can run in the background.
#[actix_web::test]
async fn directives_alone_do_not_enable_background_refreshes() {
    for (directives, _) in DIRECTIVES {
        let app = site().handler(page_with(directives)).start().await;
        app.get(PLAIN).await;
        app.advance(60);
        let response = app.get(PLAIN).await;
        assert!(response.is_stored(), "{directives}: {response:?}");
    }
}

#[actix_web::test]
async fn stale_if_error_directive_needs_no_option() {
    let app = site().handler(page_with("max-age=60, stale-if-error=10")).start().await;
    app.get(PLAIN).await;
    app.set_handler(status(500));
    for (seconds, expected) in [(69, 200), (1, 500)] {
        app.advance(seconds);
        app.get(PLAIN).await.assert_status(expected);
    }
}
