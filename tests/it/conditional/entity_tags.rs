//! The entity tags that pages have.

use actix_web::HttpResponse;

use super::{Handler, tagged};
use crate::support::{Call, TestApp};

/// Returns the entity tag of a page, which a hit and a second run repeat.
async fn entity_tag(handler: Handler) -> Option<String> {
    let app = TestApp::with_handler(handler).await;
    let tag = app.get("/").await.header("etag");
    assert_eq!(app.get("/").await.header("etag"), tag, "on a hit");
    app.advance(61);
    assert_eq!(app.get("/").await.header("etag"), tag, "after the next run");
    tag
}

#[actix_web::test]
async fn page_gets_a_weak_tag_that_depends_on_its_body() {
    let one = entity_tag(|_| HttpResponse::Ok().body("one")).await.unwrap();
    assert!(one.starts_with("W/\"") && one.ends_with('"'), "{one}");
    assert_eq!(entity_tag(|_| HttpResponse::Ok().body("one")).await.as_ref(), Some(&one));
    assert_ne!(entity_tag(|_| HttpResponse::Ok().body("eno")).await.as_ref(), Some(&one));
}

#[actix_web::test]
async fn entity_tag_of_the_handler_is_not_replaced() {
    assert_eq!(entity_tag(tagged).await.as_deref(), Some("\"v1\""));
}

#[actix_web::test]
async fn response_that_is_not_200_gets_no_tag() {
    assert_eq!(entity_tag(|_| HttpResponse::MovedPermanently().body("one")).await, None);
    let not_found =
        |_: &Call| HttpResponse::NotFound().insert_header(("cache-control", "max-age=600")).body("one");
    assert_eq!(entity_tag(not_found).await, None);
}

#[actix_web::test]
async fn malformed_tag_of_the_handler_confirms_nothing() {
    let malformed = |_: &Call| HttpResponse::Ok().insert_header(("etag", "v1")).body("one");
    let app = TestApp::with_handler(malformed).await;
    for _ in 0..2 {
        let response = app.get("/").header("if-none-match", "v1").await;
        assert_eq!((response.status, response.header("etag").as_deref()), (200, Some("v1")));
    }
}
