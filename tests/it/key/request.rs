//! Requests whose difference is not part of the key.

use crate::support::TestApp;

/// No client can switch the cache off for a page, nor choose what others get.
#[actix_web::test]
async fn request_headers_are_not_part_of_the_key() {
    let app = TestApp::new().await;
    app.get("/").await.assert_stored();
    for (name, value) in [
        ("cache-control", "no-cache"),
        ("cache-control", "no-store, max-age=0"),
        ("pragma", "no-cache"),
        ("authorization", "Bearer bogus"),
        ("cookie", "session=bogus"),
        ("x-http-method-override", "POST"),
    ] {
        app.get("/").header(name, value).await.assert_hit().assert_body("page 1");
    }
    assert_eq!(app.runs(), 1);
}
