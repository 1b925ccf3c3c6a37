//! What followers get of the leader's response.

use actix_web::HttpResponse;
use cache_page::{Outcome, PageCacheBuilder, Reason};

use super::{bodies, paused};
use crate::support::{Crowd, TestResponse};

#[actix_web::test]
async fn concurrent_requests_run_the_handler_once() {
    let app = paused().start().await;
    let crowd = Crowd::send(app.get("/").times(200)).await;
    assert_eq!((app.runs(), crowd.answered(), app.cache().stats().fills_in_flight()), (1, 0, 1));
    app.finish(1).await;
    let responses = crowd.responses().await;
    assert_eq!((app.runs(), app.cache().stats().fills_in_flight()), (1, 0));
    responses[0].assert_stored().assert_fwd("miss").assert_ttl(60);
    for follower in &responses[1..] {
        follower.assert_collapsed().assert_fwd("miss").assert_ttl(60).assert_age(0).assert_body("page 1");
        assert_eq!(follower.stored_headers(), responses[0].stored_headers());
    }
}

#[actix_web::test]
async fn coalesced_requests_are_counted_one_by_one_and_the_fill_once() {
    let app = paused().start().await;
    let crowd = Crowd::send(app.get("/").times(200)).await;
    app.finish(1).await;
    drop(crowd.responses().await);
    let stats = app.cache().stats();
    assert_eq!((app.count(Outcome::Stored), app.count(Outcome::Collapsed), stats.requests()), (1, 199, 200));
    assert_eq!(stats.handlers().map(|(_, handler)| handler.fills()).sum::<u64>(), 1);
}

#[actix_web::test]
async fn requests_for_other_pages_run_side_by_side() {
    let app = paused().start().await;
    let crowd = Crowd::send(["/", "/a", "/b", "/a?c"].map(|uri| app.get(uri))).await;
    assert_eq!(app.waiting().len(), 4);
    app.finish(4).await;
    crowd.responses().await.iter().for_each(|response| {
        response.assert_stored();
    });
}

#[actix_web::test]
async fn conditions_and_ranges_of_followers_are_evaluated_as_on_a_hit() {
    let app = paused()
        .handler(|_| HttpResponse::Ok().insert_header(("etag", "\"a\"")).body("0123456789"))
        .start()
        .await;
    let crowd = Crowd::send([
        app.get("/"),
        app.get("/").header("if-none-match", "\"a\""),
        app.get("/").header("range", "bytes=2-3"),
        app.head("/"),
    ])
    .await;
    app.finish(1).await;
    let responses = crowd.responses().await;
    responses[0].assert_stored().assert_status(200).assert_body("0123456789");
    responses[1].assert_collapsed().assert_status(304).assert_body("");
    responses[2].assert_collapsed().assert_status(206).assert_body("23");
    responses[3].assert_collapsed().assert_status(200);
    assert_eq!(app.runs(), 1);
}

#[actix_web::test]
async fn page_that_is_too_large_to_store_is_shared_in_flight() {
    let limits: [fn(PageCacheBuilder) -> PageCacheBuilder; 2] =
        [|cache| cache.max_body(4), |cache| cache.max_bytes(500).max_body(100)];
    for limit in limits {
        let app = paused()
            .cache(limit)
            .handler(|call| HttpResponse::Ok().insert_header(("x-run", call.run.to_string())).body("12345"))
            .start()
            .await;
        for run in 1..=2 {
            let crowd = Crowd::send(app.get("/").times(10)).await;
            assert_eq!(app.waiting().len(), 1);
            app.finish(1).await;
            let responses = crowd.responses().await;
            responses[0].assert_not_stored(Reason::BodyTooLarge).assert_fwd("miss");
            for follower in &responses[1..] {
                follower.assert_collapsed().assert_ttl(60).assert_body("12345");
                // The cache adds no headers to a response that it does not store.
                follower.assert_no_header("etag");
                assert_eq!(follower.stored_headers(), responses[0].stored_headers());
            }
            assert_eq!((app.runs(), app.pages()), (run, 0));
        }
    }
}

/// The response to a condition is for one client; a follower runs the handler for the others.
#[actix_web::test]
async fn partial_response_of_the_handler_is_not_shared() {
    let app = paused()
        .handler(|call| {
            let is_range = call.request.headers().contains_key("range");
            let mut response = if is_range { HttpResponse::PartialContent() } else { HttpResponse::Ok() };
            response.body(format!("page {}", call.run))
        })
        .start()
        .await;
    let mut requests = vec![app.get("/").header("range", "bytes=0-0")];
    requests.extend(app.get("/").times(9));
    let crowd = Crowd::send(requests).await;
    app.finish(1).await;
    assert_eq!(app.waiting(), [2]);
    app.finish(1).await;
    let responses: Vec<TestResponse> = crowd.responses().await;
    responses[0].assert_not_stored(Reason::Status).assert_fwd("miss").assert_body("page 1");
    assert_eq!((bodies(&responses[1..]), app.runs()), (["page 2"].into(), 2));
}
