//! Bodies that are too long to be stored.

use actix_web::HttpResponse;
use cache_page::Reason;

use crate::support::TestApp;

#[actix_web::test]
async fn body_over_the_limit_is_sent_in_full_and_not_stored() {
    for (limit, is_stored) in [(4, false), (5, true)] {
        let app = TestApp::builder()
            .cache(|cache| cache.max_body(limit))
            .handler(|_| HttpResponse::Ok().body("12345"))
            .start()
            .await;
        let first = app.get("/").await;
        let second = app.get("/").await;
        for response in [&first, &second] {
            response.assert_status(200).assert_body("12345");
        }
        if is_stored {
            first.assert_stored();
            second.assert_hit();
        } else {
            first.assert_not_stored(Reason::BodyTooLarge).assert_fwd("miss");
            second.assert_not_stored(Reason::BodyTooLarge).assert_fwd("miss");
        }
        assert_eq!(app.runs(), if is_stored { 1 } else { 2 }, "limit {limit}");
    }
}
