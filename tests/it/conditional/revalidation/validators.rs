//! The validators that a handler gets, and which 304 refers to them.

use actix_web::HttpResponse;
use cache_page::Reason;
use futures_util::FutureExt as _;

use super::{KEPT_ON_ERROR, app, page, tagged};
use crate::support::Call;

fn not_modified(_: &Call) -> HttpResponse {
    HttpResponse::NotModified().finish()
}

#[actix_web::test]
async fn validators_are_none_without_a_stored_page() {
    let app = app(|call| {
        assert_eq!(call.control().validators(), None);
        page(call)
    })
    .await;
    app.get(KEPT_ON_ERROR).await.assert_stored();
    app.cache().purge_all().await.unwrap();
    app.get(KEPT_ON_ERROR).await.assert_stored();
}

#[actix_web::test]
async fn etag_that_the_cache_generated_is_a_validator() {
    let app = app(page).await;
    let etag = app.get(KEPT_ON_ERROR).await.header("etag").unwrap();
    let expected = etag.clone();
    app.set_handler(move |call| {
        let validators = call.control().validators().expect("there is a stored page");
        assert_eq!(validators.etag().unwrap(), &*expected);
        assert_eq!(validators.last_modified(), None);
        HttpResponse::NotModified().finish()
    });
    app.advance(60);
    let response = app.get(KEPT_ON_ERROR).await;
    response.assert_status(200).assert_body("page 1").assert_header("etag", &etag);
    app.get(KEPT_ON_ERROR).await.assert_hit();
}

/// The body is used as a whole (RFC 9110 8.8.3.2).
#[actix_web::test]
async fn weak_form_of_the_stored_etag_confirms_the_page() {
    let app = app(tagged("\"a\"")).await;
    app.get(KEPT_ON_ERROR).await;
    app.set_handler(|call| {
        drop(call.control().validators());
        HttpResponse::NotModified().insert_header(("etag", "W/\"a\"")).finish()
    });
    app.advance(60);
    app.get(KEPT_ON_ERROR).await.assert_status(200).assert_body("page 1");
}

/// It is about another version, and the client that gets it has not got that version.
#[actix_web::test]
async fn not_modified_with_other_validators_confirms_nothing() {
    for (name, value) in [("etag", "\"b\""), ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")] {
        let app = app(tagged("\"a\"")).await;
        app.get(KEPT_ON_ERROR).await;
        app.set_handler(move |call| {
            assert!(call.control().validators().is_some());
            HttpResponse::NotModified().insert_header((name, value)).finish()
        });
        app.advance(60);
        let response = app.get(KEPT_ON_ERROR).await;
        assert!(!response.is_stored() && response.text() != "page 1", "{name}: {response:?}");
        assert_eq!(response.cache_status().fwd_status(), None, "{name}: {response:?}");
        app.set_handler(tagged("\"c\""));
        app.get(KEPT_ON_ERROR).await.assert_body("page 3");
    }
}

/// Such a 304 answers the condition of the client, whose version may be another one.
#[actix_web::test]
async fn not_modified_confirms_nothing_if_no_validators_were_read() {
    let app = app(page).await;
    app.get(KEPT_ON_ERROR).await;
    app.set_handler(not_modified);
    app.advance(60);
    let response = app.get(KEPT_ON_ERROR).header("if-none-match", "\"any\"").await;
    response.assert_not_stored(Reason::Status).assert_fwd("stale").assert_status(304);
    app.set_handler(page);
    app.get(KEPT_ON_ERROR).await.assert_body("page 3");
}

#[actix_web::test]
async fn validators_that_an_earlier_run_read_do_not_count() {
    let app = app(page).await;
    app.get(KEPT_ON_ERROR).await;
    app.set_handler(|call| {
        drop(call.control().validators());
        page(call)
    });
    app.advance(60);
    app.get(KEPT_ON_ERROR).await.assert_stored();
    app.set_handler(not_modified);
    app.advance(60);
    app.get(KEPT_ON_ERROR).await.assert_not_stored(Reason::Status).assert_fwd("stale");
}

#[actix_web::test]
async fn page_that_is_purged_during_the_run_is_not_stored_again() {
    let app = app(tagged("\"a\"")).await;
    app.get(KEPT_ON_ERROR).await;
    app.advance(60);
    let cache = app.cache().clone();
    app.set_handler(move |call| {
        let purge = cache.purge_path(KEPT_ON_ERROR).now_or_never();
        purge.expect("no remote store").unwrap();
        tagged("\"a\"")(call)
    });
    app.get(KEPT_ON_ERROR).await.assert_not_stored(Reason::Purged).assert_status(200);
    assert_eq!(app.pages(), 0);
    app.set_handler(|call| {
        assert_eq!(call.control().validators(), None);
        page(call)
    });
    app.get(KEPT_ON_ERROR).await.assert_body("page 3");
}
