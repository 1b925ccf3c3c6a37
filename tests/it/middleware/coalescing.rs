//! Concurrent requests for one page behind a middleware.

use std::collections::HashSet;

use actix_web::{
    Error, HttpResponse,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    error::ErrorInternalServerError,
    http::Method,
    middleware::{Condition, Next, from_fn},
    rt::spawn,
};
use cache_page::{Outcome, PageCacheMiddleware, Reason};

use super::around_for_a_minute;
use crate::support::{Call, Crowd, TestApp, TestResponse, settle};

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
const UNCACHEABLE: [(Reason, Handler); 2] = [(Reason::SetCookie, with_a_cookie), (Reason::Status, not_found)];

fn with_a_cookie(call: &Call) -> HttpResponse {
    HttpResponse::Ok().insert_header(("set-cookie", "id=1")).body(format!("page {}", call.run))
}

fn not_found(call: &Call) -> HttpResponse {
    HttpResponse::NotFound().body(format!("page {}", call.run))
}

/// Returns a server error as the error of the service.
async fn return_error(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?;
    if response.status().is_server_error() {
        return Err(ErrorInternalServerError("fails on purpose"));
    }
    Ok(response)
}

/// Whether the inner service responds with the error or returns it.
#[actix_web::test]
async fn inner_service_that_fails_is_run_by_one_follower() {
    for is_returned in [false, true] {
        let app = TestApp::builder()
            .uncached()
            .wrap(move || Condition::new(is_returned, from_fn(return_error)))
            .wrap(|| PageCacheMiddleware::new(60))
            .paused()
            .handler(|call| {
                let mut response =
                    if call.run == 1 { HttpResponse::InternalServerError() } else { HttpResponse::Ok() };
                response.body(format!("page {}", call.run))
            })
            .start()
            .await;
        let mut crowd = Vec::new();
        for _ in 0..10 {
            crowd.push(spawn(app.get("/").try_call()));
            settle().await;
        }
        app.finish(1).await;
        assert_eq!(app.waiting(), [2], "{is_returned}");
        app.finish(1).await;
        for (position, response) in crowd.into_iter().enumerate() {
            let response = response.await.expect("no panic");
            let is_failure = response.map_or(true, |response| response.status().is_server_error());
            assert_eq!(is_failure, position == 0, "{is_returned}");
        }
        assert_eq!(app.runs(), 2, "{is_returned}");
    }
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
