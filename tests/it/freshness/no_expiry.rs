//! Pages without expiry, and with one that is years away.

use std::time::Duration;

use cache_page::cache_page;

use crate::support::TestApp;

#[cache_page(None)]
async fn unbounded() -> &'static str {
    "page"
}

#[cache_page(Duration::MAX)]
async fn longest() -> &'static str {
    "page"
}

#[cache_page("1000days")]
async fn thousand_days() -> &'static str {
    "page"
}

#[cache_page("364days")]
async fn within_a_year() -> &'static str {
    "page"
}

async fn app() -> TestApp {
    TestApp::builder()
        .route("/unbounded", unbounded)
        .route("/longest", longest)
        .route("/thousand-days", thousand_days)
        .route("/within-a-year", within_a_year)
        .start()
        .await
}

const DAY: u64 = 24 * 60 * 60;

/// Clients read larger numbers differently.
#[actix_web::test]
async fn max_age_sent_to_clients_is_at_most_a_year() {
    let app = app().await;
    for (path, cache_control) in [
        ("/unbounded", "no-cache"),
        ("/longest", "max-age=31536000"),
        ("/thousand-days", "max-age=31536000"),
        ("/within-a-year", "max-age=31449600"),
    ] {
        app.get(path).await.assert_stored().assert_header("cache-control", cache_control);
    }
}

#[actix_web::test]
async fn ttl_over_a_year_is_not_shortened() {
    let app = app().await;
    let paths =
        [("/unbounded", true), ("/longest", true), ("/thousand-days", true), ("/within-a-year", false)];
    for (path, _) in paths {
        app.get(path).await.assert_stored();
    }
    app.advance(999 * DAY);
    for (path, is_fresh) in paths {
        assert_eq!(app.get(path).await.is_hit(), is_fresh, "{path}");
    }
}

#[actix_web::test]
async fn page_without_expiry_is_fresh_for_as_long_as_the_clock_runs() {
    let app = app().await;
    for path in ["/unbounded", "/longest"] {
        app.get(path).await.assert_stored();
    }
    app.advance_by(Duration::MAX);
    for path in ["/unbounded", "/longest"] {
        app.get(path).await.assert_hit();
    }
}
