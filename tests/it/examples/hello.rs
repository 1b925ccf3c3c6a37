//! The shortest example, on a socket.

#[allow(dead_code, reason = "the tests do not call `main`")]
#[path = "../../../examples/hello/main.rs"]
mod example;

use crate::support::TestApp;

#[actix_web::test]
async fn handler_runs_once_a_minute() {
    let builder = TestApp::builder().configure(|config| {
        config.service(example::hello).service(example::runs);
    });
    let app = builder.serve();
    app.head("/").await.assert_status(200);
    app.get("/").await.assert_stored().assert_body("Hello World");
    for _ in 0..10 {
        app.get("/").await.assert_hit().assert_body("Hello World");
    }
    app.head("/").await.assert_hit();
    app.get("/runs").await.assert_body("The handler of / ran 2 times.\n");
    app.advance(60);
    app.get("/").await.assert_fwd("stale");
}
