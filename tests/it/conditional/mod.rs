//! Conditional and range requests (RFC 9110 13 and 14).

use actix_web::HttpResponse;

use crate::support::{Call, TestApp, TestResponse};

mod entity_tags;
mod if_range;
mod not_modified;
mod preconditions;
mod ranges;
mod revalidation;
mod stored_headers;

const CHANGED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

type Handler = fn(&Call) -> HttpResponse;

/// Ten bytes without an entity tag of the handler's.
fn untagged(_: &Call) -> HttpResponse {
    HttpResponse::Ok().insert_header(("last-modified", CHANGED)).body("0123456789")
}

/// Ten bytes with an entity tag.
fn tagged(_: &Call) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("etag", "\"v1\""))
        .insert_header(("last-modified", CHANGED))
        .body("0123456789")
}

/// Returns the responses to the same request on a miss and on a hit.
async fn on_miss_and_hit(handler: Handler, headers: &[(&str, &str)]) -> [TestResponse; 2] {
    let app = TestApp::with_handler(handler).await;
    let miss = app.get("/").headers(headers).await;
    miss.assert_stored();
    let hit = app.get("/").headers(headers).await;
    hit.assert_hit();
    // Whatever part the request asked for, the page is stored in full.
    let full = app.get("/").await;
    full.assert_hit().assert_status(200);
    assert_eq!(full.body, handler_body(handler).await, "{full:?}");
    assert_eq!(app.runs(), 1, "{headers:?}");
    [miss, hit]
}

async fn handler_body(handler: Handler) -> actix_web::web::Bytes {
    TestApp::with_handler(handler).await.get("/").await.body
}
