//! A key contains URLs, cookies and tokens.

use actix_web::http::header::HeaderName;

use crate::support::{Events, TestApp, ok_with};

#[actix_web::test]
async fn key_is_in_no_header_event_or_statistic() {
    const SECRETS: [&str; 4] = ["path-secret", "query-secret", "host-secret", "header-secret"];
    let app = TestApp::builder()
        .cache(|cache| cache.credential_header(HeaderName::from_static("x-api-key")))
        .handler(ok_with(&[("vary", "x-api-key")]))
        .start()
        .await;
    let events = Events::collect();
    for _ in 0..2 {
        let response = app
            .get("/path-secret?query-secret")
            .header("host", "host-secret")
            .header("x-api-key", "header-secret")
            .header("cookie", "header-secret")
            .await;
        let headers: Vec<_> = response.headers.iter().collect();
        let cache = app.cache();
        let output = format!("{headers:?} {cache:?} {:?} {:?}", cache.stats(), events.take());
        assert!(output.contains("cache_page") && output.contains("outcome"), "{output}");
        for secret in SECRETS {
            assert!(!output.contains(secret), "{secret}: {output}");
        }
    }
}
