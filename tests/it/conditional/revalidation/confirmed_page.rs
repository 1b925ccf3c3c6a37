//! What a page is after a 304 has confirmed it.

use std::time::SystemTime;

use actix_web::{
    HttpResponse,
    http::header::{ACCEPT_CHARSET, DNT, HttpDate},
};

use super::{KEPT_ON_ERROR, PLAIN, VARYING, app, confirming, page, tagged};
use crate::support::{Call, TestApp};

#[actix_web::test]
async fn confirmed_page_is_fresh_again_with_its_body() {
    let app = app(tagged("\"a\"")).await;
    app.get(KEPT_ON_ERROR).await.assert_body("page 1").assert_header("x-run", "1");
    app.advance(70);
    let response = app.get(KEPT_ON_ERROR).await;
    response.assert_stored().assert_fwd("stale").assert_fwd_status(304).assert_ttl(60);
    response.assert_status(200).assert_body("page 1");
    app.advance(59);
    app.get(KEPT_ON_ERROR).await.assert_hit().assert_ttl(1).assert_age(59).assert_body("page 1");
}

#[actix_web::test]
async fn confirmed_page_has_the_headers_of_the_304() {
    let app = app(tagged("\"a\"")).await;
    let first = app.get(KEPT_ON_ERROR).await;
    app.advance(70);
    let confirmed = app.get(KEPT_ON_ERROR).await;
    confirmed.assert_header("x-run", "2").assert_header("etag", "\"a\"");
    assert_ne!(confirmed.header("date"), first.header("date"));
    assert_eq!(confirmed.header("content-type"), first.header("content-type"));
    let hit = app.get(KEPT_ON_ERROR).await;
    assert_eq!(hit.stored_headers(), confirmed.stored_headers());
}

#[actix_web::test]
async fn page_is_confirmed_again_and_again_until_it_changes() {
    let app = app(tagged("\"a\"")).await;
    app.get(KEPT_ON_ERROR).await;
    for _ in 0..3 {
        app.advance(60);
        app.get(KEPT_ON_ERROR).await.assert_stored().assert_fwd_status(304).assert_body("page 1");
    }
    app.set_handler(tagged("\"b\""));
    app.advance(60);
    let response = app.get(KEPT_ON_ERROR).await;
    response.assert_stored().assert_fwd("stale").assert_ttl(60).assert_body("page 5");
    assert_eq!(response.cache_status().fwd_status(), None, "{response:?}");
}

/// Stores a page with many headers, and confirms it by a 304 that has others.
async fn app_after_other_headers() -> TestApp {
    let app = app(|_| {
        let mut response = HttpResponse::Ok();
        response.insert_header(("x-first", "1")).insert_header(("content-type", "text/html"));
        response.append_header(("x-many", "1")).append_header(("x-many", "2")).body("page 1")
    })
    .await;
    app.get(KEPT_ON_ERROR).await.assert_stored();
    app.set_handler(|call| {
        drop(call.control().validators());
        let mut response = HttpResponse::NotModified();
        response.insert_header(("content-type", "text/plain")).insert_header(("content-length", "0"));
        response.insert_header(("content-encoding", "gzip")).insert_header(("x-many", "3"));
        response.insert_header(("cache-control", "max-age=7")).finish()
    });
    app.advance(60);
    app
}

/// These headers describe the body (RFC 9111 3.2), or are not in the 304.
#[actix_web::test]
async fn headers_of_the_body_are_those_of_the_stored_page() {
    let app = app_after_other_headers().await;
    for _ in 0..2 {
        let response = app.get(KEPT_ON_ERROR).await;
        response.assert_body("page 1").assert_header("content-type", "text/html");
        response.assert_no_header("content-length").assert_no_header("content-encoding");
        response.assert_header("x-first", "1");
        assert!(response.header("etag").is_some(), "{response:?}");
    }
}

#[actix_web::test]
async fn header_of_the_304_replaces_all_lines_of_the_stored_page() {
    let app = app_after_other_headers().await;
    for _ in 0..2 {
        app.get(KEPT_ON_ERROR).await.assert_header("x-many", "3");
    }
}

#[actix_web::test]
async fn cache_control_of_the_304_applies_to_the_confirmed_page() {
    let app = app_after_other_headers().await;
    let response = app.get(KEPT_ON_ERROR).await;
    response.assert_stored().assert_fwd("stale").assert_fwd_status(304).assert_ttl(7);
    response.assert_header("cache-control", "max-age=7");
    app.get(KEPT_ON_ERROR).await.assert_hit().assert_ttl(7).assert_header("cache-control", "max-age=7");
}

/// A 304 without a `Date` was made now (RFC 9110 6.6.1), whatever the `Date` of the page is.
#[actix_web::test]
async fn confirmed_page_is_as_old_as_the_304() {
    let app = app(confirming(|call| {
        let date = HttpDate::from(SystemTime::now()).to_string();
        HttpResponse::Ok().insert_header(("date", date)).body(format!("page {}", call.run))
    }))
    .await;
    app.get(KEPT_ON_ERROR).await;
    for _ in 0..3 {
        app.advance(60);
        app.get(KEPT_ON_ERROR).await.assert_stored().assert_fwd_status(304);
        app.get(KEPT_ON_ERROR).await.assert_hit().assert_age(0);
    }
}

/// A handler that confirms its page has not tagged it.
#[actix_web::test]
async fn confirmed_page_has_the_tags_of_the_stored_one() {
    let app = app(confirming(|call| {
        call.control().tag("first");
        page(call)
    }))
    .await;
    app.get(KEPT_ON_ERROR).await;
    for _ in 0..3 {
        app.advance(60);
        app.get(KEPT_ON_ERROR).await;
    }
    assert_eq!((app.runs(), app.pages()), (4, 1));
    assert_eq!(app.cache().purge_tag("first").await.unwrap().pages(), 1);
}

/// Downstream caches would send one variant to all clients.
#[actix_web::test]
async fn confirmed_page_has_the_vary_of_the_stored_one() {
    for lines in [&["dnt"][..], &["dnt", "accept-encoding"]] {
        let app = app(confirming(move |call: &Call| {
            let mut response = HttpResponse::Ok();
            for line in lines {
                response.append_header(("vary", *line));
            }
            response.body(format!("page {}", call.run))
        }))
        .await;
        for uri in [KEPT_ON_ERROR, VARYING] {
            let vary = app.get(uri).header("dnt", "1").await.header("vary").unwrap();
            assert!(vary.contains("dnt"), "{vary}");
            app.advance(60);
            let response = app.get(uri).header("dnt", "1").await;
            response.assert_fwd_status(304).assert_header("vary", &vary);
        }
    }
}

#[actix_web::test]
async fn confirmed_page_has_the_names_that_the_control_added_to_vary() {
    let app = app(confirming(|call| {
        call.control().vary_on(DNT).vary_on(ACCEPT_CHARSET);
        page(call)
    }))
    .await;
    app.get(KEPT_ON_ERROR).await.assert_stored().assert_header("vary", "dnt, accept-charset");
    app.advance(60);
    let response = app.get(KEPT_ON_ERROR).await;
    response.assert_fwd_status(304).assert_header("vary", "dnt, accept-charset");
}

/// The names that the cache adds to `Vary` are not the handler's own.
#[actix_web::test]
async fn confirmed_page_has_the_generated_tag_of_the_stored_one() {
    for lines in [&[][..], &["dnt"], &["dnt", "accept-encoding"]] {
        let app = app(confirming(move |call: &Call| {
            let mut response = HttpResponse::Ok();
            for line in lines {
                response.append_header(("vary", *line));
            }
            response.body(format!("page {}", call.run))
        }))
        .await;
        let first = app.get(VARYING).await;
        for _ in 0..3 {
            app.advance(60);
            let confirmed = app.get(VARYING).await;
            confirmed.assert_fwd_status(304).assert_header("etag", &first.header("etag").unwrap());
            confirmed.assert_header("vary", &first.header("vary").unwrap());
        }
    }
}

#[actix_web::test]
async fn encoded_page_does_not_vary_once_it_is_confirmed() {
    let app = app(confirming(|_: &Call| {
        HttpResponse::Ok().insert_header(("content-encoding", "gzip")).body("encoded")
    }))
    .await;
    app.get(PLAIN).header("accept-encoding", "gzip").await.assert_stored();
    app.advance(60);
    let confirmed = app.get(PLAIN).header("accept-encoding", "gzip").await;
    confirmed.assert_fwd_status(304).assert_header("vary", "accept-encoding");
    app.get(PLAIN).header("accept-encoding", "gzip, br").await.assert_hit();
    assert_eq!(app.pages(), 1);
}
