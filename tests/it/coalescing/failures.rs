//! Leaders whose handler fails: one follower takes over, and the others wait for its response.

use actix_web::{HttpResponse, error::ErrorServiceUnavailable};
use cache_page::{Outcome, Reason};

use super::{bodies, paused};
use crate::support::{Crowd, TestApp, ok_with};

type Failure = fn() -> Result<HttpResponse, actix_web::Error>;

/// What a handler may fail with, and why that is not stored.
const FAILURES: [(Failure, Reason); 4] = [
    (|| Ok(HttpResponse::InternalServerError().finish()), Reason::Status),
    (
        || Ok(HttpResponse::ServiceUnavailable().insert_header(("set-cookie", "id=1")).finish()),
        Reason::Status,
    ),
    (
        || Ok(HttpResponse::BadGateway().insert_header(("cache-control", "no-store")).finish()),
        Reason::NoStore,
    ),
    (|| Err(ErrorServiceUnavailable("fails on purpose")), Reason::Status),
];

/// An application whose handler fails in its first runs.
async fn failing(runs: u64, failure: Failure) -> TestApp {
    paused()
        .handler(move |call| {
            let page = || Ok(HttpResponse::Ok().body(format!("page {}", call.run)));
            if call.run <= runs { failure() } else { page() }
        })
        .start()
        .await
}

#[actix_web::test]
async fn leader_that_fails_is_replaced_by_one_follower() {
    for (failure, reason) in FAILURES {
        let app = failing(1, failure).await;
        let crowd = Crowd::send(app.get("/").times(50)).await;
        app.finish(1).await;
        assert_eq!((app.waiting(), crowd.answered()), (vec![2], 1), "{reason:?}");
        app.finish(1).await;
        let responses = crowd.responses().await;
        assert!(responses[0].status >= 500, "{:?}", responses[0]);
        assert_eq!((app.runs(), bodies(&responses[1..])), (2, ["page 2"].into()), "{reason:?}");
        assert_eq!(app.count(Outcome::Collapsed), 48, "{reason:?}");
    }
}

#[actix_web::test]
async fn followers_run_at_once_after_two_failures() {
    for (failure, reason) in FAILURES {
        let app = failing(4, failure).await;
        let crowd = Crowd::send(app.get("/").times(10)).await;
        for run in 1..=2 {
            assert_eq!(app.waiting(), [run], "{reason:?}");
            app.finish(1).await;
        }
        assert_eq!(app.waiting().len(), 8, "{reason:?}");
        app.finish(8).await;
        let responses = crowd.responses().await;
        let failed = responses.iter().filter(|response| response.status >= 500).count();
        assert_eq!((failed, app.runs()), (4, 10), "{reason:?}");
    }
}

/// A failure says nothing about the next response, so the key is not remembered as uncacheable.
#[actix_web::test]
async fn requests_after_a_failure_are_coalesced() {
    for (failure, reason) in FAILURES {
        let app = failing(2, failure).await;
        app.finish(2).await;
        for _ in 0..2 {
            assert!(app.get("/").await.status >= 500, "{reason:?}");
        }
        let crowd = Crowd::send(app.get("/").times(50)).await;
        assert_eq!(app.waiting(), [3], "{reason:?}");
        app.finish(1).await;
        assert_eq!((bodies(&crowd.responses().await), app.runs()), (["page 3"].into(), 3), "{reason:?}");
    }
}

/// A client that can make the handler fail does not make others wait for more than two runs.
#[actix_web::test]
async fn client_whose_requests_fail_delays_others_by_two_runs_only() {
    let app = paused()
        .handler(|call| {
            let is_hostile = call.request.headers().contains_key("x-fail");
            let mut response =
                if is_hostile { HttpResponse::InternalServerError() } else { HttpResponse::Ok() };
            response.body(format!("page {}", call.run))
        })
        .start()
        .await;
    let mut requests = app.get("/").header("x-fail", "1").times(10);
    requests.push(app.get("/"));
    let crowd = Crowd::send(requests).await;
    app.finish(1).await;
    app.finish(1).await;
    assert_eq!(app.waiting().len(), 9);
    app.finish_run(app.runs()).await;
    // The response is for all that still wait for one, and none does: the other runs have started.
    assert_eq!(crowd.answered(), 3);
    app.finish(8).await;
    crowd.responses().await[10].assert_stored();
}

/// A client error may hold for one request only, so no follower waits for another run.
#[actix_web::test]
async fn client_error_is_not_a_failure() {
    let app = paused().handler(|_| HttpResponse::NotFound().finish()).start().await;
    let crowd = Crowd::send(app.get("/").times(10)).await;
    app.finish(1).await;
    assert_eq!(app.waiting().len(), 9);
    drop(crowd);
}

#[actix_web::test]
async fn failure_of_an_uncacheable_key_does_not_prolong_its_mark() {
    let app = paused().handler(ok_with(&[("cache-control", "private")])).start().await;
    app.finish(1).await;
    app.get("/").await.assert_not_stored(Reason::Private);
    app.set_handler(|_| HttpResponse::InternalServerError().finish());
    app.advance(29);
    app.finish(1).await;
    app.get("/").await.assert_not_stored(Reason::Status);
    app.advance(1);
    let crowd = Crowd::send(app.get("/").times(3)).await;
    assert_eq!(app.waiting().len(), 1);
    drop(crowd);
}
