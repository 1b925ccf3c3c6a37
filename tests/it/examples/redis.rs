//! The example for many processes, on a socket, without a server for Redis.

#[allow(dead_code, reason = "the tests do not call `main`")]
#[path = "../../../examples/redis/main.rs"]
mod example;

use crate::support::TestApp;

#[actix_web::test]
async fn page_is_purged_without_a_remote_store_too() {
    let builder = TestApp::builder().configure(|config| {
        config.service((example::time, example::purge, example::stats));
    });
    let app = builder.serve();
    app.get("/time").await.assert_stored();
    app.get("/time").await.assert_hit();
    app.post("/purge").await.assert_status(200);
    app.get("/time").await.assert_stored();
    assert!(app.get("/stats").await.text().contains("pages: 1"));
}
