//! `Age` and `Date` of a stored response (RFC 9111 4.2.3).

use std::time::{Duration, SystemTime};

use actix_web::http::header::HttpDate;

use crate::support::{TestApp, ok_with};

#[actix_web::test]
async fn age_is_the_time_since_the_fill() {
    let app = TestApp::new().await;
    app.get("/").await;
    app.advance(42);
    app.get("/").await.assert_hit().assert_age(42);
}

#[actix_web::test]
async fn date_is_that_of_the_fill() {
    // The header has no fractions of a second.
    let earliest = SystemTime::now() - Duration::from_secs(1);
    let app = TestApp::new().await;
    let date = app.get("/").await.header("date").unwrap();
    let filled = SystemTime::from(date.parse::<HttpDate>().unwrap());
    assert!((earliest..=SystemTime::now()).contains(&filled), "{date}");
    app.advance(42);
    app.get("/").await.assert_hit().assert_header("date", &date);
}

#[actix_web::test]
async fn age_header_of_the_handler_is_added() {
    let app = TestApp::with_handler(ok_with(&[("age", "30"), ("cache-control", "max-age=100")])).await;
    app.get("/").await.assert_age(30);
    app.advance(5);
    app.get("/").await.assert_hit().assert_ttl(65).assert_age(35);
}
