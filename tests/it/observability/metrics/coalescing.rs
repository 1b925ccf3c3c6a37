//! Requests that wait for a concurrent one.

use actix_web::HttpResponse;

use super::Values;
use crate::support::{Crowd, TestApp};

/// Returns how many requests have waited, by what they got.
fn waits(app: &TestApp, values: &Values) -> [usize; 4] {
    let stats = app.cache().stats();
    let (handler, _) = stats.handlers().next().expect("a handler has run");
    ["answered", "took-over", "uncoalesced", "client-gone"].map(|result| {
        let labels = format!("cache=site handler={handler} result={result}");
        values.count(&format!("cache_page_coalesce_wait_seconds {labels}"))
    })
}

async fn app() -> TestApp {
    TestApp::builder().cache(|cache| cache.name("site")).paused().start().await
}

#[actix_web::test]
async fn followers_are_counted_and_their_leader_is_not() {
    let values = Values::default();
    let _guard = metrics::set_default_local_recorder(&values);
    let app = app().await;
    let crowd = Crowd::send((0..5).map(|_| app.get("/"))).await;
    app.resume().await;
    crowd.responses().await;
    assert_eq!(waits(&app, &values), [4, 0, 0, 0]);
}

#[actix_web::test]
async fn follower_that_takes_over_is_counted_as_such() {
    let values = Values::default();
    let _guard = metrics::set_default_local_recorder(&values);
    let app = app().await;
    let mut crowd = Crowd::send((0..3).map(|_| app.get("/"))).await;
    crowd.abort(0).await;
    app.resume().await;
    crowd.responses().await;
    assert_eq!(waits(&app, &values), [1, 1, 0, 0]);
}

#[actix_web::test]
async fn followers_of_an_uncacheable_response_run_uncoalesced() {
    let values = Values::default();
    let _guard = metrics::set_default_local_recorder(&values);
    let app = app().await;
    app.set_handler(|_| HttpResponse::Ok().insert_header(("cache-control", "no-store")).body("page"));
    let crowd = Crowd::send((0..3).map(|_| app.get("/"))).await;
    app.resume().await;
    crowd.responses().await;
    assert_eq!(waits(&app, &values), [0, 0, 2, 0]);
}

#[actix_web::test]
async fn follower_whose_client_disconnects_is_gone() {
    let values = Values::default();
    let _guard = metrics::set_default_local_recorder(&values);
    let app = app().await;
    let mut crowd = Crowd::send((0..2).map(|_| app.get("/"))).await;
    crowd.abort(1).await;
    app.resume().await;
    crowd.responses().await;
    assert_eq!(waits(&app, &values), [0, 0, 0, 1]);
}
