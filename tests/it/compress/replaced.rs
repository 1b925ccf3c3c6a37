//! Encoded bodies of pages that are replaced or purged.

use std::time::Duration;

use actix_web::{HttpResponse, rt::time::sleep};
use cache_page::{PageControl, cache_page};

use super::{ALL, LONG, SHORT, app, get, html, in_coding, with_handler};
use crate::support::{Origin, TestApp};

#[actix_web::test]
async fn encoded_bodies_go_with_their_page() {
    let app = app(SHORT).await;
    for run in 1..=3 {
        app.get("/").await.assert_stored();
        for coding in ["gzip", "br", "zstd"] {
            assert_eq!(get(&app, coding).await.decoded(), html(run, SHORT), "{coding}");
        }
        if run == 1 {
            app.advance(60);
        } else {
            app.cache().purge_path("/").await.unwrap();
            assert_eq!(app.pages(), 0);
        }
    }
}

/// A page that is generated again often has the same content.
#[actix_web::test]
async fn bodies_of_the_same_content_are_not_encoded_again() {
    let app = with_handler(|_| HttpResponse::Ok().body(html(1, SHORT))).await;
    for _ in 0..3 {
        app.get("/").await.assert_stored();
        get(&app, ALL).await.assert_hit().assert_coding("br");
        app.advance(60);
    }
    assert_eq!((app.runs(), app.cache().stats().encodings()), (3, 1));
}

#[actix_web::test]
async fn body_of_a_page_that_is_purged_meanwhile_is_dropped() {
    let app = app(LONG).await;
    app.get("/").await.assert_stored();
    let empty = {
        app.cache().purge_all().await.unwrap();
        app.bytes()
    };
    for times in 1..=5 {
        while app.cache().stats().encodings() < times {
            app.get("/").await.assert_status(200);
            get(&app, ALL).await.assert_hit().assert_coding(None);
            sleep(Duration::from_millis(1)).await;
        }
        // The other thread has begun.
        app.cache().purge_all().await.unwrap();
        assert_eq!((app.pages(), app.bytes()), (0, empty));
    }
    // One body is encoded at a time, so the others have ended.
    app.get("/").await.assert_stored();
    let response = in_coding(&get(&app, ALL), "br").await;
    assert_eq!(response.decoded(), html(app.runs(), LONG));
    app.cache().purge_all().await.unwrap();
    assert_eq!((app.pages(), app.bytes()), (0, empty));
}

/// Answers 304 to the validators of the page.
#[cache_page(60)]
async fn revalidating(origin: Origin, control: PageControl) -> HttpResponse {
    let run = origin.count();
    let is_known = control.validators().is_some_and(|validators| validators.etag().is_some());
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header(("etag", "\"v1\""));
    if is_known { response.finish() } else { response.body(html(run, SHORT)) }
}

#[actix_web::test]
async fn confirmed_page_keeps_its_bodies_and_has_no_variants() {
    let app = TestApp::builder().cache(|cache| cache.compress(true)).route("/", revalidating).start().await;
    for _ in 0..3 {
        app.get("/").await.assert_stored();
        for accepted in [ALL, "br", "br;q=0.9", "identity"] {
            let response = get(&app, accepted).await;
            response.assert_hit().assert_header("vary", "accept-encoding");
            assert_eq!(response.decoded(), html(1, SHORT));
        }
        app.advance(60);
    }
    assert_eq!((app.pages(), app.cache().stats().encodings()), (1, 1));
}
