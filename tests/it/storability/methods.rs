//! Only `GET` stores; only `GET` and `HEAD` are answered from the cache.

use actix_web::http::Method;
use cache_page::Reason;

use crate::support::TestApp;

#[actix_web::test]
async fn head_request_stores_nothing() {
    let app = TestApp::new().await;
    app.head("/").await.assert_not_stored(Reason::Head).assert_fwd("miss");
    app.get("/").await.assert_stored();
    assert_eq!(app.runs(), 2);
}

#[actix_web::test]
async fn head_request_is_answered_with_the_page_of_a_get() {
    let app = TestApp::new().await;
    app.get("/").await.assert_stored();
    app.head("/").await.assert_hit();
    assert_eq!(app.runs(), 1);
}

#[actix_web::test]
async fn other_methods_bypass_the_cache() {
    let app = TestApp::new().await;
    app.get("/").await.assert_stored();
    let methods = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "PURGE"];
    for method in methods {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        app.request(method, "/").await.assert_bypass(Reason::Method).assert_fwd("method");
    }
    assert_eq!(app.runs(), 1 + methods.len() as u64);
    app.get("/").await.assert_hit();
}

#[actix_web::test]
async fn websocket_handshake_bypasses_the_cache() {
    let app = TestApp::new().await;
    app.get("/").await.assert_stored();
    for protocols in ["websocket", "WebSocket", "h2c, websocket"] {
        let handshake =
            app.get("/").header("upgrade", protocols).header("sec-websocket-key", "x3JJHMbDL1EzLkh9GBhXDw==");
        handshake.await.assert_bypass(Reason::Upgrade);
    }
    app.get("/").await.assert_hit();
    for other in
        [("upgrade", "h2c"), ("upgrade", "websocket"), ("sec-websocket-key", "x3JJHMbDL1EzLkh9GBhXDw==")]
    {
        app.get("/").header(other.0, other.1).await.assert_hit();
    }
}
