//! Why a request is a hit or a miss.

use actix_web::HttpResponse;
use cache_page::Reason;
use serde_json::Value;

use super::{api, builder, builder_with, local};
use crate::support::{Call, TestApp};

async fn explain(app: &TestApp, url: &str, headers: &str) -> Value {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let fields = format!("url={}&headers={}", encode(url), encode(headers));
    let response = local(app.post("/cache/api/explain")).body(fields).await;
    response.assert_status(200);
    serde_json::from_slice(&response.body).unwrap()
}

#[actix_web::test]
async fn verdict_is_that_of_the_next_request() {
    let app = builder().start().await;
    let url = "http://localhost/posts/1?a=1";
    assert_eq!(explain(&app, url, "").await["verdict"], "miss");
    app.get("/posts/1?a=1").header("host", "localhost").await.assert_stored();
    assert_eq!(explain(&app, url, "").await["verdict"], "hit");
    assert_eq!(api(&app, "/explain?url=/posts/1?a=1").await["verdict"], "hit");
    app.advance(60);
    assert_eq!(explain(&app, url, "").await["verdict"], "miss");
}

#[actix_web::test]
async fn difference_to_the_nearest_page_is_named() {
    let app = builder().start().await;
    app.get("/posts/1?a=1").header("host", "localhost").await.assert_stored();
    for (url, differs) in [
        ("http://localhost/posts/1?a=2", "query"),
        ("/posts/1", "query"),
        ("http://other.example/posts/1?a=1", "scheme or host"),
        ("https://localhost/posts/1?a=1", "scheme or host"),
    ] {
        let value = explain(&app, url, "").await;
        assert_eq!(
            (&value["verdict"], &value["entries"][0]["differs"][0]),
            (&"miss".into(), &differs.into()),
            "{url}"
        );
        assert!(value["summary"].as_str().unwrap().contains(differs));
    }
}

#[actix_web::test]
async fn variant_is_selected_by_the_given_headers() {
    let handler = |_: &Call| HttpResponse::Ok().insert_header(("vary", "x-theme")).body("page");
    let app = builder().handler(handler).start().await;
    app.get("/").header("x-theme", "dark").await.assert_stored();
    assert_eq!(explain(&app, "/", "X-Theme: dark").await["verdict"], "hit");
    let other = explain(&app, "/", "X-Theme: light\n").await;
    assert_eq!(
        (&other["verdict"], &other["entries"][0]["differs"][0]),
        (&"miss".into(), &"headers in Vary".into())
    );
}

#[actix_web::test]
async fn credentials_bypass_an_anonymous_only_page() {
    let app = builder().start().await;
    app.get("/account").await.assert_stored();
    assert_eq!(explain(&app, "/account", "").await["verdict"], "hit");
    for header in ["Cookie: session=1", "Authorization: Bearer 1", "X-Api-Key: 1"] {
        let value = explain(&app, "/account", header).await;
        assert_eq!(value["verdict"], "bypass", "{header}: {value}");
        assert!(!value.to_string().contains("Bearer"));
    }
    assert_eq!(explain(&app, "/account", "Cookie: _ga=1").await["verdict"], "hit");
}

#[actix_web::test]
async fn unknown_host_bypasses() {
    let app = builder_with(|cache| cache.allowed_hosts(["example.com"]), |inspector| inspector).start().await;
    let value = explain(&app, "http://evil.example/", "").await;
    assert_eq!(value["verdict"], "bypass");
    assert!(value["summary"].as_str().unwrap().contains("unknown-host"));
    assert_eq!(explain(&app, "http://example.com/", "").await["verdict"], "miss");
}

#[actix_web::test]
async fn reasons_of_the_handlers_are_given_for_a_miss() {
    let app = builder().start().await;
    app.get("/missing").await;
    let value = explain(&app, "/missing", "").await;
    let reason = &value["reasons"][0];
    assert_eq!((&reason["handler"], &reason["reason"]), (&"missing".into(), &"status".into()));
    assert!(reason["advice"].as_str().unwrap().contains("statuses"));
}

#[actix_web::test]
async fn latest_requests_of_the_path_say_why_it_is_no_hit() {
    let app = builder().start().await;
    app.get("/missing").await;
    app.get("/posts/1").await.assert_stored();
    app.advance(7);
    app.get("/missing?token=hidden").await;
    app.get("/account").header("cookie", "session=1").await.assert_bypass(Reason::Credentials);
    let value = explain(&app, "/missing", "").await;
    let recent = value["recent"].as_array().unwrap();
    assert_eq!(recent.len(), 2);
    assert_eq!((&recent[0]["outcome"], &recent[0]["seconds_ago"]), (&"not-stored: status".into(), &0.into()));
    assert_eq!((&recent[1]["handler"], &recent[1]["seconds_ago"]), (&"missing".into(), &7.into()));
    assert!(value["summary"].as_str().unwrap().contains("was not stored: status"), "{value}");
    assert!(!value.to_string().contains("hidden"));
    let account = explain(&app, "/account", "").await;
    assert!(account["summary"].as_str().unwrap().contains("bypassed the cache: credentials"), "{account}");
    app.cache().purge_path("/posts/1").await.unwrap();
    let purged = explain(&app, "/posts/1", "").await;
    assert!(
        purged["summary"].as_str().unwrap().contains("a purge has removed it since (by path)"),
        "{purged}"
    );
    assert_eq!(explain(&app, "/never", "").await["recent"].as_array().unwrap().len(), 0);
}

#[actix_web::test]
async fn number_of_remembered_requests_is_limited() {
    let app = builder().start().await;
    for number in 0..300 {
        app.get(&format!("/posts/{number}")).await.assert_stored();
    }
    assert_eq!(explain(&app, "/posts/1", "").await["recent"].as_array().unwrap().len(), 0);
    assert_eq!(explain(&app, "/posts/299", "").await["recent"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn invalid_questions_are_errors() {
    let app = builder().start().await;
    for fields in [
        "",
        "url=",
        "url=posts",
        "url=/%23fragment",
        "url=/a%20b",
        "url=/&headers=x",
        "url=/&headers=%00:1",
        "url=http://",
    ] {
        local(app.post("/cache/api/explain")).body(fields).await.assert_status(400);
        local(app.post("/cache/explain")).body(fields).await.assert_status(200);
    }
}
