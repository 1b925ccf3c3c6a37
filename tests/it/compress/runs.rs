//! How often a body is encoded.

use std::thread;

use actix_web::rt::System;

use super::{ALL, LONG, SHORT, encoded, get, html, html_of, in_coding};
use crate::support::{Crowd, TestApp};

#[actix_web::test]
async fn thousand_first_requests_encode_the_page_once() {
    for length in [SHORT, LONG] {
        let app = TestApp::builder().cache(|cache| cache.compress(true)).handler(html_of(length)).paused();
        let app = app.start().await;
        let crowd = Crowd::send(get(&app, ALL).times(1000)).await;
        app.resume().await;
        for response in crowd.responses().await {
            response.assert_status(200);
            assert_eq!(response.decoded(), html(1, length));
        }
        in_coding(&get(&app, ALL), "br").await;
        assert_eq!((app.runs(), app.cache().stats().encodings()), (1, 1), "{length}");
    }
}

#[actix_web::test]
async fn workers_encode_a_page_once() {
    for length in [SHORT, LONG] {
        let app = super::app(length).await;
        app.get("/").await.assert_stored();
        thread::scope(|scope| {
            for _ in 0..4 {
                let (cache, clock) = (app.cache().clone(), app.clock().clone());
                scope.spawn(move || {
                    System::new().block_on(async move {
                        let app = TestApp::builder().page_cache(cache).clock(&clock).start().await;
                        for _ in 0..50 {
                            let response = get(&app, ALL).await;
                            response.assert_hit();
                            assert_eq!(response.decoded(), html(1, length));
                        }
                    });
                });
            }
        });
        in_coding(&get(&app, ALL), "br").await;
        assert_eq!(app.cache().stats().encodings(), 1, "{length}");
    }
}

#[actix_web::test]
async fn body_is_not_encoded_for_clients_that_do_not_accept_it() {
    let app = super::app(LONG).await;
    for _ in 0..3 {
        app.get("/").await.assert_coding(None);
        get(&app, "identity, br;q=0").await.assert_coding(None);
        get(&app, "br").header("if-none-match", "*").await;
    }
    encoded(&app, 1).await;
    assert_eq!(app.cache().stats().encodings(), 1, "for the client of the 304");
}
