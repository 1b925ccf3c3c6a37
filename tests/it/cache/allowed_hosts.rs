//! `allowed_hosts`: requests that name another host bypass the cache.

use actix_web::{HttpRequest, http::Version};
use cache_page::{PageCache, Reason, cache_page};

use super::builder;
use crate::support::{TestApp, TestRequest};

#[cache_page(60)]
async fn links(#[anonymous] request: HttpRequest) -> String {
    format!("{} {:?}", request.connection_info().host(), request.headers())
}

const HOST: (&str, &str) = ("host", "shop.example");

async fn app() -> TestApp {
    let cache = |cache: cache_page::PageCacheBuilder| {
        cache.allowed_hosts(["shop.example", ".cdn.example", "localhost:8080"])
    };
    builder().route("/links", links).cache(cache).start().await
}

/// A handler whose arguments contain no header, one that may read every header, and a middleware.
const PATHS: [&str; 3] = ["/plain", "/links", "/own"];

/// Headers that name a host, with a value for this one.
fn naming(host: &str) -> Vec<(&'static str, String)> {
    vec![
        ("host", host.to_owned()),
        ("x-forwarded-host", host.to_owned()),
        ("x-forwarded-host", format!("shop.example, {host}")),
        ("x-forwarded-host", format!("{host}, shop.example")),
        ("forwarded", format!("for=192.0.2.1;host={host}")),
        ("forwarded", format!("host=shop.example, host=\"{host}\"")),
        ("x-forwarded-server", host.to_owned()),
        ("x-host", host.to_owned()),
        ("x-original-host", host.to_owned()),
        ("x-http-host-override", host.to_owned()),
        ("x-original-url", format!("https://{host}/a")),
        ("x-original-uri", format!("//{host}")),
        ("x-rewrite-url", format!("http://{host}?a=//shop.example")),
    ]
}

#[actix_web::test]
async fn request_that_names_another_host_bypasses_the_cache() {
    let app = app().await;
    for path in PATHS {
        let page = app.get(path).headers(&[HOST]).await;
        page.assert_stored();
        for host in
            ["evil.example", "evilshop.example", "shop.example.evil", "shop.example.", "shop.example:x", ""]
        {
            for (name, value) in naming(host) {
                let request = app.get(path).headers(&[HOST]).header(name, &value);
                request.await.assert_bypass(Reason::UnknownHost);
            }
        }
        app.get(path).headers(&[HOST]).await.assert_hit().assert_body(&page.body);
    }
    let targets: [TestRequest; 2] = [
        app.get("http://evil.example/plain").headers(&[HOST]),
        app.get("http://evil.example/plain").version(Version::HTTP_2),
    ];
    for request in targets {
        request.await.assert_bypass(Reason::UnknownHost);
    }
    app.get("/plain")
        .headers(&[HOST])
        .header("x-forwarded-host", b"shop.example\xff")
        .await
        .assert_bypass(Reason::UnknownHost);
    assert_eq!(app.pages(), PATHS.len());
}

/// An attacker would fill the cache with them otherwise.
#[actix_web::test]
async fn hundred_hosts_make_no_page() {
    let app = app().await;
    for number in 0..100 {
        for (name, value) in naming(&format!("h{number}.example")) {
            app.get("/links").headers(&[HOST]).header(name, &value).await.assert_bypass(Reason::UnknownHost);
        }
    }
    assert_eq!(app.pages(), 0);
}

#[actix_web::test]
async fn allowed_hosts_have_pages_of_their_own() {
    let app = app().await;
    for (name, host) in [
        ("host", "shop.example"),
        ("host", "shop.example:8443"),
        ("host", "cdn.example"),
        ("host", "eu.cdn.example"),
        ("host", "localhost:8080"),
        ("x-forwarded-host", "www.eu.cdn.example"),
        ("forwarded", "host=www.eu.cdn.example:81"),
        ("x-original-url", "/path//shop.example"),
        ("x-original-url", "https://shop.example/path"),
    ] {
        let request = app.get("/links").header(name, host);
        request.clone().await.assert_stored();
        request.await.assert_hit();
    }
    app.get("/links").header("host", "localhost").await.assert_bypass(Reason::UnknownHost);
    app.get("/links").header("host", "SHOP.example").await.assert_bypass(Reason::HostSpelling);
}

#[actix_web::test]
async fn request_without_a_host_is_for_that_of_the_server() {
    let app = app().await;
    app.get("/plain").await.assert_stored();
    app.get("/plain").await.assert_hit();
}

/// A proxy may send a fixed host, as it is configured.
#[actix_web::test]
async fn listed_spelling_of_a_host_is_cached() {
    let app = builder().cache(|cache| cache.allowed_hosts(["Backend"])).start().await;
    app.get("/plain").header("host", "Backend").await.assert_stored();
    app.get("/plain").header("host", "Backend").await.assert_hit();
    app.get("/plain").header("host", "BACKEND").await.assert_bypass(Reason::HostSpelling);
}

#[test]
#[should_panic(
    expected = "`allowed_hosts`: \"https://shop.example\" is not a host such as \"example.com\", \
                           \".example.com\" or \"localhost:8080\"; write it without scheme and path"
)]
fn url_panics() {
    drop(PageCache::builder().allowed_hosts(["https://shop.example"]));
}

#[test]
#[should_panic(expected = "`allowed_hosts`: no hosts: every request would bypass the cache")]
fn empty_list_panics() {
    drop(PageCache::builder().allowed_hosts::<&str>([]));
}
