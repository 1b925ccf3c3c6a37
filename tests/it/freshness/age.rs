//! `Age` and `Date` of a stored response (RFC 9111 4.2.3).

use std::time::{Duration, SystemTime};

use actix_web::{HttpResponse, http::header::HttpDate};
use cache_page::Reason;

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

/// A cache that joins a field to that of another one puts its own in front (RFC 9111 5.1).
#[actix_web::test]
async fn first_member_of_an_age_list_counts() {
    for lines in [&["0, 7200"][..], &["0", "7200"], &["0,7200", "9000"]] {
        let ages = lines.iter().map(|line| ("age", *line));
        let headers: Vec<_> = ages.chain([("cache-control", "max-age=3600")]).collect();
        let app = TestApp::with_handler(ok_with(&headers)).await;
        app.get("/").await.assert_stored().assert_ttl(3600);
    }
    for line in ["7200, 0", "7200"] {
        let app = TestApp::with_handler(ok_with(&[("age", line), ("cache-control", "max-age=3600")])).await;
        app.get("/").await.assert_not_stored(Reason::Expired);
    }
}

#[actix_web::test]
async fn names_in_dates_are_compared_without_case() {
    for expires in
        ["THU, 18 AUG 2089 02:01:18 GMT", "thu, 18 aug 2089 02:01:18 gmt", "Thu, 18 Aug 2089 02:01:18 Gmt"]
    {
        let app = TestApp::with_handler(|_| HttpResponse::Created().finish()).await;
        app.get("/").await.assert_not_stored(Reason::Status);
        app.set_handler(move |_| HttpResponse::Created().insert_header(("expires", expires)).finish());
        app.get("/").await.assert_stored();
    }
}
