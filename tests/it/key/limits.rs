//! Clients choose the length of a URL, so keys are limited to 8 KiB.

use cache_page::Reason;

use crate::support::TestApp;

#[actix_web::test]
async fn request_with_a_key_that_is_too_long_bypasses_the_cache() {
    let app = TestApp::new().await;
    let uri = format!("/?{}", "x".repeat(60_000));
    for run in 1..=2 {
        app.get(&uri).await.assert_bypass(Reason::KeyTooLong);
        assert_eq!(app.runs(), run);
    }
    app.get(&uri[..8192]).await.assert_bypass(Reason::KeyTooLong);
    app.get(&uri[..8000]).await.assert_stored();
}
