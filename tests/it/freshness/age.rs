//! `Age` and `Date` of a stored response (RFC 9111 4.2.3).

use std::time::{Duration, SystemTime};

use actix_web::{Error, HttpResponse, http::header::HttpDate};
use cache_page::{PageControl, Reason, cache_page};

use crate::support::{Origin, TestApp, ok_with};

#[cache_page(60)]
async fn page(origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
    origin.respond_with(&control).await
}

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

/// A worker answers requests for a popular page from a copy of its own, with values that it remembers until they change.
#[actix_web::test]
async fn age_and_ttl_of_a_popular_page_follow_the_clock() {
    // Age and lifetime change together, or at different times.
    for (own_ttl, own_age) in [(7_000, 0), (9_000, 2), (7_300, 0), (6_999, 0), (7_001, 0)] {
        let app = TestApp::builder().route("/", page).handler(move |call| {
            call.control().ttl(Duration::from_millis(own_ttl));
            ok_with(&[("age", &own_age.to_string())])(call)
        });
        let app = app.start().await;
        app.get("/").await.assert_stored();
        let mut millis = 0;
        for step in [0, 1, 298, 1, 1, 698, 1, 1, 999, 2_500, 2_000] {
            app.advance_by(Duration::from_millis(step));
            millis += step;
            let age = own_age + millis / 1000;
            let left = i64::try_from((own_ttl - millis).div_ceil(1000)).unwrap();
            for _ in 0..6 {
                app.get("/").await.assert_hit().assert_age(age).assert_ttl(left);
            }
            app.get("/")
                .header("if-none-match", "*")
                .await
                .assert_status(304)
                .assert_age(age)
                .assert_ttl(left);
        }
    }
}
