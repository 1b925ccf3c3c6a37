//! Who may see the inspector.

use std::net::SocketAddr;

use cache_page::PageCacheMiddleware;

use super::{api, builder, builder_with, form, local, loopback};
use crate::support::TestRequest;

const PATHS: [&str; 9] = [
    "/cache",
    "/cache/",
    "/cache/handlers",
    "/cache/entries",
    "/cache/explain",
    "/cache/purge",
    "/cache/style.css",
    "/cache/api/overview",
    "/cache/api/unknown",
];

async fn assert_refused(request: TestRequest) {
    let response = request.await;
    response.assert_status(404).assert_body("").assert_header("cache-control", "no-store");
    assert_eq!(response.headers.len(), 1, "{response:?}");
}

#[actix_web::test]
async fn only_clients_on_the_same_machine_are_let_in() {
    let app = builder().start().await;
    let peers: [(SocketAddr, bool); 6] = [
        (loopback(), true),
        (([127, 8, 9, 1], 1).into(), true),
        ("[::1]:1".parse().unwrap(), true),
        ("[::ffff:127.0.0.1]:1".parse().unwrap(), true),
        (([192, 168, 0, 1], 1).into(), false),
        ("[fe80::1]:1".parse().unwrap(), false),
    ];
    for path in PATHS {
        for (peer, is_local) in peers {
            let request = app.get(path).header("host", "localhost").peer_addr(peer);
            if is_local {
                let response = request.await;
                let expected = if path.ends_with("unknown") { 404 } else { 200 };
                assert_ne!(response.text(), "page 1", "the default service of the application");
                response.assert_status(expected).assert_header("x-content-type-options", "nosniff");
            } else {
                assert_refused(request).await;
            }
        }
        assert_refused(app.get(path).header("host", "localhost")).await;
    }
}

#[actix_web::test]
async fn forwarded_request_is_refused_whatever_it_says() {
    let app = builder().start().await;
    for (name, value) in [
        ("x-forwarded-for", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1"),
        ("x-real-ip", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "localhost"),
        ("via", "1.1 proxy"),
    ] {
        assert_refused(local(app.get("/cache")).header(name, value)).await;
        let remote = app.get("/cache").header("host", "localhost").peer_addr(([10, 0, 0, 1], 1).into());
        assert_refused(remote.header(name, value)).await;
    }
}

/// DNS rebinding: a page on another host resolves to the loopback address.
#[actix_web::test]
async fn request_to_another_host_is_refused() {
    let app = builder().start().await;
    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "192.168.0.1",
        "",
        "localhost@evil.example",
    ] {
        assert_refused(app.get("/cache").peer_addr(loopback()).header("host", host)).await;
    }
    assert_refused(local(app.get("/cache")).header("host", "evil.example")).await;
    for host in ["localhost", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:8080"] {
        app.get("/cache").peer_addr(loopback()).header("host", host).await.assert_status(200);
    }
}

#[actix_web::test]
async fn allow_decides_instead_of_the_address() {
    let allow = |inspector: cache_page::Inspector| {
        inspector.allow(|request| request.headers().get("x-operator").is_some_and(|value| value == "yes"))
    };
    let app = builder_with(|cache| cache, allow).start().await;
    for path in PATHS {
        assert_refused(local(app.get(path))).await;
        assert_refused(app.get(path).header("x-operator", "no")).await;
    }
    app.get("/cache").header("x-operator", "yes").await.assert_status(200);
}

#[actix_web::test]
async fn purge_needs_post_same_origin_and_token() {
    let app = builder().start().await;
    app.get("/posts/1").await.assert_stored();
    for path in ["/cache/purge", "/cache/api/purge"] {
        let fields = "kind=all";
        let good = form(&app, path, fields).await;
        let token = String::from_utf8(good.clone().body_text()).unwrap();
        let request = || local(app.post(path)).header("content-type", "application/x-www-form-urlencoded");
        let same_origin = || request().header("sec-fetch-site", "same-origin");
        for refused in [
            request().body(token.clone()),
            same_origin().body(fields),
            same_origin().body("kind=all&token=1"),
            same_origin().body("kind=all").header("x-inspector-token", "00000000000000000000000000000000"),
            request().body(token.clone()).header("sec-fetch-site", "cross-site"),
            request().body(token.clone()).header("sec-fetch-site", "same-site"),
            request().body(token.clone()).header("sec-fetch-site", "none"),
            request().body(token.clone()).header("origin", "https://evil.example"),
            request().body(token.clone()).header("origin", "null"),
            same_origin().body(token.clone()).header("sec-fetch-site", "cross-site"),
        ] {
            refused.await.assert_status(403);
            assert_eq!(app.pages(), 1);
        }
        let get = local(app.get(&format!("{path}?{token}"))).header("sec-fetch-site", "same-origin").await;
        assert!(get.status == 200 && path == "/cache/purge" || get.status == 404, "{get:?}");
        assert_eq!(app.pages(), 1, "a GET only shows what would go");
    }
    let by_origin = form(&app, "/cache/purge", "kind=all").await.body_text();
    let request = local(app.post("/cache/purge")).header("origin", "http://localhost:8080");
    request.body(by_origin).await.assert_status(200);
    assert_eq!(app.pages(), 0);
}

#[actix_web::test]
async fn every_response_forbids_scripts_frames_and_caching() {
    let app = builder().start().await;
    for path in PATHS {
        let response = local(app.get(path)).await;
        response.assert_header("cache-control", "no-store");
        response.assert_header("x-content-type-options", "nosniff").assert_header("x-frame-options", "DENY");
        let policy = response.header("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "style-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
        assert!(!response.text().contains("<script"));
    }
}

#[actix_web::test]
async fn middleware_outside_stores_none_of_it() {
    let app = builder().uncached().wrap(|| PageCacheMiddleware::new(60)).start().await;
    for path in PATHS {
        for _ in 0..3 {
            local(app.get(path)).await.assert_header("cache-control", "no-store");
        }
        // What the client before was shown is not shown to others.
        assert_eq!(app.get(path).header("host", "localhost:8080").await.status, 404);
        assert_eq!(app.pages(), 0, "{path}");
    }
}

const SECRET: &str = "0123456789abcdef";

#[actix_web::test]
async fn form_is_valid_in_all_processes_with_one_secret() {
    let app_of =
        |secret: &'static str| builder_with(|cache| cache, move |cache| cache.secret(secret)).start();
    let (one, other, stranger) =
        (app_of(SECRET).await, app_of(SECRET).await, app_of("fedcba9876543210").await);
    let without = builder().start().await;
    let sent = form(&one, "/cache/purge", "kind=all").await.body_text();
    for (app, status) in [(&one, 200), (&other, 200), (&stranger, 403), (&without, 403)] {
        for path in ["/cache/purge", "/cache/api/purge"] {
            let request = || local(app.post(path)).body(sent.clone());
            request().header("sec-fetch-site", "same-origin").await.assert_status(status);
            request().await.assert_status(403);
        }
    }
    let token = api(&one, "/overview").await["token"].as_str().unwrap().to_owned();
    assert!(token.len() == 32 && !token.contains(SECRET), "{token}");
    assert!(
        !format!("{:?}", cache_page::PageCache::new().inspector("/cache").secret(SECRET)).contains("0123")
    );
}

#[test]
#[should_panic(expected = "16 bytes")]
fn short_secret_of_an_inspector_panics() {
    drop(cache_page::PageCache::new().inspector("/cache").secret("0123456789abcde"));
}

#[actix_web::test]
async fn api_says_why_a_purge_is_refused() {
    let app = builder().start().await;
    let post = || local(app.post("/cache/api/purge")).body("kind=all");
    for (request, status, code) in [
        (post(), 403, "other-origin"),
        (post().header("sec-fetch-site", "same-origin"), 403, "wrong-token"),
        (local(app.get("/cache/api/overview?cache=unknown")), 404, "unknown-cache"),
    ] {
        let response = request.await;
        response.assert_status(status).assert_header("content-type", "application/json");
        let answer: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(answer["code"], code);
        assert!(!answer["error"].as_str().unwrap().is_empty());
    }
}
