//! Lifetimes that the response gives itself.

use std::time::{Duration, SystemTime};

use actix_web::http::header::HttpDate;

use crate::support::{TestApp, ok_with};

/// Checks that the response is stored, and fresh for exactly that many seconds.
async fn assert_fresh_for(headers: &[(&str, &str)], seconds: u64) {
    let app = TestApp::with_handler(ok_with(headers)).await;
    app.get("/").await.assert_stored().assert_fwd("miss").assert_ttl(seconds as i64);
    app.advance_by(Duration::from_secs(seconds) - Duration::from_nanos(1));
    app.get("/").await.assert_hit();
    app.advance_by(Duration::from_nanos(1));
    app.get("/").await.assert_stored();
    assert_eq!(app.runs(), 2, "{headers:?}");
}

#[actix_web::test]
async fn explicit_lifetime_overrides_the_ttl() {
    for (value, seconds) in
        [("public", 60), ("max-age=5", 5), ("max-age=600", 600), ("max-age=5, s-maxage=7", 7)]
    {
        assert_fresh_for(&[("cache-control", value)], seconds).await;
    }
    assert_fresh_for(&[], 60).await;
}

#[actix_web::test]
async fn age_header_shortens_the_lifetime() {
    assert_fresh_for(&[("cache-control", "max-age=30"), ("age", "10")], 20).await;
}

#[actix_web::test]
async fn response_with_expires_gets_no_cache_control() {
    let in_a_minute = HttpDate::from(SystemTime::now() + Duration::from_secs(60)).to_string();
    let app = TestApp::with_handler(ok_with(&[("expires", &in_a_minute)])).await;
    app.get("/").await.assert_stored();
    app.get("/").await.assert_hit().assert_no_header("cache-control");
}
