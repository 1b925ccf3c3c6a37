//! The bytes of encoded bodies.

use super::{ALL, SHORT, app, get, html_of};
use crate::support::TestApp;

#[actix_web::test]
async fn encoded_body_counts() {
    let app = app(SHORT).await;
    app.get("/").await.assert_stored();
    for coding in ["gzip", "br", "zstd"] {
        let before = app.bytes();
        let length = get(&app, coding).await.assert_coding(coding).body.len();
        let added = app.bytes() - before;
        assert!((length..length + 250).contains(&added), "{length} bytes in {coding} count as {added}");
    }
    app.cache().purge_all().await.unwrap();
    let empty = app.bytes();
    assert!(empty < 1000, "{empty}");
}

const BUDGET: usize = 100_000;

async fn with_small_budget() -> TestApp {
    let app = TestApp::builder().cache(|cache| cache.compress(true).max_bytes(BUDGET));
    app.handler(html_of(SHORT)).start().await
}

#[actix_web::test]
async fn budget_is_never_exceeded() {
    let app = with_small_budget().await;
    for number in 0..200 {
        let path = format!("/{}", number % 70);
        app.get(&path).await.assert_status(200);
        for coding in ["gzip", "br", "zstd"] {
            let response = app.get(&path).header("accept-encoding", coding).await;
            assert!(response.decoded().ends_with("</p>\n"));
            assert!(app.bytes() <= BUDGET, "{}", app.bytes());
        }
    }
}

/// The pages that nobody has requested lately lose their bodies first.
#[actix_web::test]
async fn encoded_bodies_are_evicted_before_pages() {
    let app = with_small_budget().await;
    // More pages than fit.
    for number in 0..100 {
        let path = format!("/{number}");
        app.get(&path).await.assert_stored();
        for coding in ["gzip", "br", "zstd"] {
            app.get(&path).header("accept-encoding", coding).await.assert_coding(coding);
        }
    }
    let encoded = app.cache().stats().encodings();
    let mut kept = 0;
    for number in 0..100 {
        kept += usize::from(app.get(&format!("/{number}")).header("accept-encoding", "br").await.is_hit());
    }
    let again = app.cache().stats().encodings() - encoded;
    assert!(kept > 0 && again > 0, "{kept} pages are still there, {again} of them without their bodies");
}

/// The bodies of popular pages would have to be encoded again for each new page.
#[actix_web::test]
async fn flood_of_new_urls_does_not_evict_bodies_of_popular_pages() {
    let app = with_small_budget().await;
    let popular: Vec<String> = (0..5).map(|number| format!("/popular/{number}")).collect();
    for number in 0..2000 {
        for path in &popular {
            app.get(path).header("accept-encoding", ALL).await;
        }
        app.get(&format!("/flood/{number}")).await.assert_stored();
    }
    let encoded = app.cache().stats().encodings();
    assert!(encoded < 20, "{encoded}");
}
