//! Concurrent requests for one page behind a middleware.

use std::collections::HashSet;

use actix_web::{HttpResponse, http::Method};
use cache_page::{Outcome, Reason};

use super::around_for_a_minute;
use crate::support::{Call, Crowd, TestApp, TestResponse};

/// An application whose handler runs until the test finishes it.
async fn paused() -> TestApp {
    around_for_a_minute().paused().start().await
}

#[actix_web::test]
async fn concurrent_requests_run_the_inner_service_once() {
    let app = paused().await;
    let crowd = Crowd::send(app.get("/").times(20)).await;
    assert_eq!((crowd.answered(), app.runs(), app.cache().stats().fills_in_flight()), (0, 1, 1));
    app.finish(1).await;
    let responses = crowd.responses().await;
    responses[0].assert_stored();
    for response in &responses[1..] {
        response.assert_collapsed().assert_fwd("miss").assert_body("page 1");
    }
    assert_eq!((app.runs(), app.count(Outcome::Collapsed)), (1, 19));
}

#[actix_web::test]
async fn leader_that_disconnects_is_replaced_by_one_follower() {
    let app = paused().await;
    let mut crowd = Crowd::send(app.get("/").times(5)).await;
    crowd.abort(0).await;
    assert_eq!((crowd.answered(), app.runs()), (0, 2));
    app.finish(1).await;
    for response in crowd.responses().await {
        response.assert_body("page 2");
    }
    assert_eq!((app.runs(), app.count(Outcome::NotStored(Reason::ClientGone))), (2, 1));
    assert_eq!((app.cache().stats().fills_in_flight(), app.pages()), (0, 1));
}

type Handler = fn(&Call) -> HttpResponse;

/// Handlers whose responses are not stored.
const UNCACHEABLE: [(Reason, Handler); 2] = [(Reason::SetCookie, with_a_cookie), (Reason::Status, failing)];

fn with_a_cookie(call: &Call) -> HttpResponse {
    HttpResponse::Ok().insert_header(("set-cookie", "id=1")).body(format!("page {}", call.run))
}

fn failing(call: &Call) -> HttpResponse {
    HttpResponse::InternalServerError().body(format!("page {}", call.run))
}

#[actix_web::test]
async fn response_that_is_not_stored_is_not_shared() {
    for (reason, handler) in UNCACHEABLE {
        let app = paused().await;
        app.set_handler(handler);
        let crowd = Crowd::send(app.get("/").times(4)).await;
        assert_eq!(app.waiting(), [1], "{reason:?}");
        app.finish(1).await;
        assert_eq!(app.waiting(), [2, 3, 4], "{reason:?}");
        app.finish(3).await;
        let responses = crowd.responses().await;
        let bodies: HashSet<_> = responses.iter().map(TestResponse::text).collect();
        assert_eq!(bodies.len(), 4, "{reason:?}");
        for response in &responses {
            response.assert_not_stored(reason);
        }
    }
}

#[actix_web::test]
async fn request_with_credentials_neither_follows_nor_leads() {
    let app = paused().await;
    let with = |name| app.get("/").header(name, "alice");
    let requests = [with("cookie"), with("authorization"), app.get("/"), with("x-api-key"), with("cookie")];
    let crowd = Crowd::send(requests).await;
    assert_eq!((app.runs(), app.cache().stats().fills_in_flight()), (5, 1));
    app.finish(5).await;
    for (position, response) in crowd.responses().await.into_iter().enumerate() {
        assert_eq!(response.is_stored(), position == 2, "{response:?}");
    }
}

#[actix_web::test]
async fn request_of_another_method_neither_follows_nor_leads() {
    let app = paused().await;
    let methods = [Method::GET, Method::POST, Method::OPTIONS, Method::GET];
    let crowd = Crowd::send(methods.map(|method| app.request(method, "/"))).await;
    assert_eq!(app.waiting(), [1, 2, 3]);
    app.finish(3).await;
    let bodies = ["page 1", "page 2", "page 3", "page 1"];
    for (response, body) in crowd.responses().await.into_iter().zip(bodies) {
        response.assert_body(body);
    }
}
