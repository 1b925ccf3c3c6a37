//! Requests that do not take part as others do.

use actix_web::{Error, HttpRequest, HttpResponse};
use cache_page::{Reason, cache_page};

use super::paused;
use crate::support::{Crowd, Origin};

/// The response to `HEAD` has no body that could be stored.
#[actix_web::test]
async fn head_requests_run_side_by_side() {
    let app = paused().start().await;
    let crowd = Crowd::send(app.head("/").times(2)).await;
    assert_eq!(app.waiting().len(), 2);
    app.finish(2).await;
    for response in crowd.responses().await {
        response.assert_not_stored(Reason::Head);
    }
}

#[actix_web::test]
async fn head_request_follows_and_does_not_take_the_lead() {
    let app = paused().start().await;
    let mut crowd = Crowd::send([app.get("/"), app.head("/"), app.get("/"), app.head("/")]).await;
    assert_eq!(app.waiting().len(), 1);
    crowd.abort(0).await;
    assert_eq!(app.waiting().len(), 2, "the HEAD request for itself, the GET request for those behind it");
    app.finish(2).await;
    let responses = crowd.responses().await;
    responses[0].assert_not_stored(Reason::Head).assert_fwd("miss");
    responses[1].assert_stored().assert_fwd("miss").assert_ttl(60);
    responses[2].assert_collapsed().assert_fwd("miss").assert_ttl(60);
}

#[cache_page(60)]
async fn anonymous_only(origin: Origin, #[anonymous] _request: HttpRequest) -> Result<HttpResponse, Error> {
    origin.respond().await
}

#[actix_web::test]
async fn request_with_credentials_neither_follows_nor_leads() {
    let app = paused().route("/", anonymous_only).start().await;
    let with_cookie = |value| app.get("/").header("cookie", value);
    let crowd = Crowd::send([with_cookie("id=1"), app.get("/"), with_cookie("id=2"), app.get("/")]).await;
    assert_eq!(app.waiting().len(), 3);
    app.finish(3).await;
    for (response, body) in crowd.responses().await.iter().zip(["page 1", "page 2", "page 3", "page 2"]) {
        response.assert_body(body);
    }
}

/// What it gets is stored for the others.
#[actix_web::test]
async fn no_cache_request_runs_the_handler_beside_a_stored_page() {
    let app = paused().cache(|cache| cache.honor_request_cache_control(true)).start().await;
    app.finish(1).await;
    app.get("/").await.assert_body("page 1");
    let crowd = Crowd::send([app.get("/").header("cache-control", "no-cache"), app.get("/")]).await;
    assert_eq!((app.waiting().len(), crowd.answered()), (1, 1));
    app.finish(1).await;
    let responses = crowd.responses().await;
    responses[0].assert_body("page 2");
    responses[1].assert_hit().assert_body("page 1");
    app.get("/").await.assert_hit().assert_body("page 2");
}
