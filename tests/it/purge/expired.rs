//! Expired pages: stale, but not removed.

use actix_web::HttpResponse;
use cache_page::Reason;

use super::{EXPIRIES, POST, removed, site};
use crate::support::settle;

#[actix_web::test]
async fn expired_page_is_generated_again_on_the_next_request() {
    for (name, expire) in EXPIRIES {
        let app = site().start().await;
        app.get(POST).await;
        assert_eq!(removed(expire(app.cache())).await, 1, "{name}");
        let response = app.get(POST).await;
        assert!(response.is_stored(), "{name}: {response:?}");
        response.assert_fwd("stale").assert_ttl(60);
        assert!(app.get(POST).await.is_hit(), "{name}");
    }
}

#[actix_web::test]
async fn other_pages_are_not_expired() {
    for (name, expire) in EXPIRIES {
        let app = site().start().await;
        app.get(POST).await;
        app.get("/other").await;
        let is_all = name == "expire_all";
        assert_eq!(removed(expire(app.cache())).await, 1 + usize::from(is_all), "{name}");
        assert_eq!(app.get("/other").await.is_hit(), !is_all, "{name}");
    }
}

#[actix_web::test]
async fn page_that_is_expired_is_not_expired_a_second_time() {
    for (name, expire) in EXPIRIES {
        let app = site().start().await;
        app.get(POST).await;
        for expected in [1, 0] {
            assert_eq!(removed(expire(app.cache())).await, expected, "{name}");
        }
    }
}

#[actix_web::test]
async fn expired_page_is_served_stale_while_it_is_refreshed() {
    let app = site().start().await;
    for _ in 0..20 {
        app.get("/refreshed/1").await;
    }
    app.advance(10);
    assert_eq!(removed(app.cache().expire_tag("post:1")).await, 1);
    let response = app.get("/refreshed/1").await;
    response.assert_stale(Reason::StaleWhileRevalidate).assert_ttl(0).assert_age(10).assert_body("page 1");
    settle().await;
    assert_eq!(app.runs(), 2);
    app.get("/refreshed/1").await.assert_hit().assert_ttl(60).assert_body("page 2");
}

#[actix_web::test]
async fn stale_window_of_an_expired_page_starts_at_its_expiry() {
    for (seconds, is_stale) in [(29, true), (30, false)] {
        let app = site().start().await;
        app.get("/refreshed/1").await;
        app.cache().expire_path("/refreshed/1").await.unwrap();
        app.advance(seconds);
        let response = app.get("/refreshed/1").await;
        assert_eq!(response.text() == "page 1", is_stale, "after {seconds} seconds: {response:?}");
        if !is_stale {
            response.assert_stored().assert_fwd("stale").assert_ttl(60);
        }
    }
}

#[actix_web::test]
async fn purged_page_is_not_served_within_its_stale_window() {
    let app = site().start().await;
    app.get("/refreshed/1").await;
    app.cache().expire_tag("post:1").await.unwrap();
    app.cache().purge_tag("post:1").await.unwrap();
    app.get("/refreshed/1").await.assert_stored().assert_fwd("miss").assert_body("page 2");
}

#[actix_web::test]
async fn expired_page_is_served_if_the_handler_fails() {
    let app = site().start().await;
    app.get("/kept-on-error").await;
    app.set_handler(|_| HttpResponse::InternalServerError().finish());
    app.cache().expire_path("/kept-on-error").await.unwrap();
    let response = app.get("/kept-on-error").await;
    response.assert_stale(Reason::StaleIfError).assert_fwd_status(500).assert_ttl(0);
    response.assert_status(200).assert_body("page 1");
    assert_eq!(app.runs(), 2);
}

#[actix_web::test]
async fn purged_page_is_not_served_if_the_handler_fails() {
    let app = site().start().await;
    app.get("/kept-on-error").await;
    app.set_handler(|_| HttpResponse::InternalServerError().finish());
    app.cache().expire_path("/kept-on-error").await.unwrap();
    app.cache().purge_path("/kept-on-error").await.unwrap();
    app.get("/kept-on-error").await.assert_status(500);
}

#[actix_web::test]
async fn expired_page_is_swept_after_its_stale_window() {
    let app = site().start().await;
    app.get("/posts/1").await;
    app.get("/refreshed/1").await;
    assert_eq!(removed(app.cache().expire_all()).await, 2);
    assert_eq!(app.cache().remove_expired(), 1, "the refreshed page may still be served");
    app.advance(30);
    assert_eq!((app.cache().remove_expired(), app.pages()), (1, 0));
}
