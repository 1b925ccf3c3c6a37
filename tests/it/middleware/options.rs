//! The options of a middleware, each a method with the name of the attribute's option.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use cache_page::{Page, PageCache, PageCacheMiddleware, Reason};

use super::{around, plain, seconds};
use crate::support::{TestApp, ok_with};

#[actix_web::test]
async fn name_is_the_one_in_statistics_and_purges() {
    let app = around(|| PageCacheMiddleware::new(60).name("docs")).start().await;
    app.get("/").await.assert_stored();
    let stats = app.cache().stats();
    assert_eq!(stats.handlers().map(|(name, _)| name).collect::<Vec<_>>(), ["docs"]);
    assert_eq!(app.cache().purge_handler("docs").await.unwrap().pages(), 1);
}

#[actix_web::test]
async fn name_is_that_of_the_type_by_default() {
    let app = around(|| PageCacheMiddleware::new(60)).start().await;
    app.get("/").await.assert_stored();
    assert_eq!(app.cache().purge_handler("PageCacheMiddleware").await.unwrap().pages(), 1);
}

#[test]
#[should_panic(expected = "must not be empty")]
fn empty_name_panics() {
    drop(PageCacheMiddleware::new(60).name(""));
}

/// Both middlewares are created in one place, and would share their pages without the option.
#[actix_web::test]
async fn key_prefix_separates_the_pages_of_one_cache() {
    let prefixed = |prefix: &'static str| around(move || PageCacheMiddleware::new(60).key_prefix(prefix));
    let old = prefixed("old").handler(|_| HttpResponse::Ok().body("old")).start().await;
    let new = prefixed("new").share_cache(&old).handler(|_| HttpResponse::Ok().body("new"));
    let new = new.start().await;
    for is_hit in [false, true] {
        for (app, body) in [(&old, "old"), (&new, "new")] {
            let response = app.get("/").await;
            response.assert_body(body);
            assert_eq!(response.is_hit(), is_hit, "{response:?}");
        }
    }
}

/// The middleware is created before the request is routed.
#[actix_web::test]
async fn tags_take_the_route_parameters_of_inner_scopes() {
    let app = around(|| PageCacheMiddleware::new(60).tags(&["posts", "post:{id}", "{tenant}:{id}"]))
        .configure(|config| {
            config.service(web::scope("/{tenant}").route("/posts/{id}", web::get().to(plain)));
        })
        .start()
        .await;
    for uri in ["/a/posts/1", "/a/posts/2", "/b/posts/1"] {
        app.get(uri).await.assert_stored();
    }
    for (tag, pages) in [("b:2", 0), ("a:1", 1), ("post:1", 1), ("posts", 1)] {
        assert_eq!(app.cache().purge_tag(tag).await.unwrap().pages(), pages, "{tag}");
    }
}

#[actix_web::test]
async fn tag_of_a_parameter_that_the_route_lacks_prevents_storing() {
    let app = around(|| PageCacheMiddleware::new(60).tags(&["post:{id}"])).route("/{other}", plain);
    app.start().await.get("/a").await.assert_not_stored(Reason::InvalidTag).assert_fwd("miss");
}

#[test]
#[should_panic(expected = "must enclose the name")]
fn invalid_tag_panics() {
    drop(PageCacheMiddleware::new(60).tags(&["post:{id"]));
}

#[actix_web::test]
async fn statuses_are_stored_beside_those_of_the_default() {
    for (code, is_stored) in [(200, true), (301, true), (308, true), (404, true), (503, true), (410, false)] {
        let status = StatusCode::from_u16(code).unwrap();
        let app = around(|| PageCacheMiddleware::new(60).statuses(&[404, 503]))
            .handler(move |_| HttpResponse::new(status))
            .start()
            .await;
        for number in 0..2 {
            let response = app.get("/").await;
            response.assert_status(code);
            assert_eq!(response.is_hit(), is_stored && number > 0, "{response:?}");
        }
        assert_eq!(app.runs(), if is_stored { 1 } else { 2 }, "{code}");
    }
}

#[test]
#[should_panic(expected = "never stored")]
fn status_that_is_never_stored_panics() {
    drop(PageCacheMiddleware::new(60).statuses(&[304]));
}

#[actix_web::test]
async fn vary_stores_a_page_for_each_list_of_values() {
    let app = around(|| PageCacheMiddleware::new(60).vary(&["accept-language", "x-theme"])).start().await;
    let requests: [&[(&str, &str)]; 5] = [
        &[],
        &[("accept-language", "")],
        &[("accept-language", "de")],
        &[("x-theme", "de")],
        &[("accept-language", "de"), ("x-theme", "de")],
    ];
    for round in 0..2 {
        for headers in requests {
            let response = app.get("/").headers(headers).await;
            assert_eq!(response.is_hit(), round == 1, "{response:?}");
            let vary = response.header("vary").unwrap();
            assert!(vary.contains("accept-language, x-theme"), "{response:?}");
        }
    }
    assert_eq!(app.runs(), 5);
    app.get("/").header("user-agent", "x").await.assert_hit();
}

#[actix_web::test]
async fn vary_on_a_credential_stores_a_page_for_each_value() {
    let app = around(|| PageCacheMiddleware::new(60).vary(&["authorization"]))
        .handler(|call| {
            HttpResponse::Ok().body(format!("for {}", call.header_values("authorization").concat()))
        })
        .start()
        .await;
    for is_hit in [false, true] {
        for name in ["alice", "bob", ""] {
            let header = (!name.is_empty()).then_some(("authorization", name));
            let response = app.get("/").headers(header.as_slice()).await;
            response.assert_body(format!("for {name}"));
            assert_eq!(response.is_hit(), is_hit, "{response:?}");
        }
    }
    let both = app.get("/").header("authorization", "alice").header("x-api-key", "bob").await;
    both.assert_bypass(Reason::Credentials);
}

/// The handler may read the other cookies.
#[actix_web::test]
async fn vary_cookie_stores_a_page_for_each_value() {
    let app = around(|| PageCacheMiddleware::new(60).vary_cookie(&["theme"])).start().await;
    for is_hit in [false, true] {
        for cookies in ["theme=dark", "theme=light"] {
            assert_eq!(app.get("/").header("cookie", cookies).await.is_hit(), is_hit, "{cookies}");
        }
        assert_eq!(app.get("/").await.is_hit(), is_hit);
    }
    for cookies in ["theme=dark; id=1", "id=1"] {
        app.get("/").header("cookie", cookies).await.assert_bypass(Reason::Credentials);
    }
    assert_eq!(app.runs(), 5);
}

fn theme(request: &HttpRequest) -> Option<Vec<u8>> {
    request.headers().get("x-theme").map(|theme| theme.as_bytes().to_vec())
}

async fn by_theme() -> TestApp {
    around(|| PageCacheMiddleware::new(60).vary_by(theme))
        .handler(|call| HttpResponse::Ok().body(format!("for {:?}", call.header_values("x-theme"))))
        .start()
        .await
}

#[actix_web::test]
async fn vary_by_stores_a_page_for_each_value() {
    let app = by_theme().await;
    for is_hit in [false, true] {
        for theme in [Some("a"), Some("b"), Some(""), None] {
            let header = theme.map(|theme| ("x-theme", theme));
            let response = app.get("/").headers(header.as_slice()).await;
            response.assert_body(format!("for {:?}", theme.as_slice()));
            assert_eq!(response.is_hit(), is_hit, "{response:?}");
        }
    }
    assert_eq!(app.pages(), 4);
}

/// They do not know what the function reads.
#[actix_web::test]
async fn vary_by_forbids_shared_caches_to_store_the_page() {
    let app = by_theme().await;
    for _ in 0..2 {
        let response = app.get("/").header("x-theme", "a").await;
        assert!(response.header("cache-control").unwrap().contains("private"), "{response:?}");
    }
}

#[actix_web::test]
async fn query_selects_the_parameters_of_the_key() {
    let app = around(|| PageCacheMiddleware::new(60).query(&["page", "sort"])).start().await;
    app.get("/?page=1&sort=a&utm=1").await.assert_stored();
    app.get("/?sort=a&x=y&page=1").await.assert_hit();
    app.get("/?sort=a&page=2").await.assert_stored();
}

#[actix_web::test]
async fn ignore_query_leaves_parameters_out_of_the_key() {
    let app = around(|| PageCacheMiddleware::new(60).ignore_query(&["utm_*", "ref"])).start().await;
    app.get("/?page=1&utm_source=a").await.assert_stored();
    app.get("/?ref=x&page=1").await.assert_hit();
    app.get("/?page=1&other=1").await.assert_stored();
}

fn is_preview(request: &HttpRequest) -> bool {
    request.headers().contains_key("x-preview")
}

#[actix_web::test]
async fn bypass_if_lets_requests_bypass_the_cache() {
    let app = around(|| PageCacheMiddleware::new(60).bypass_if(is_preview)).start().await;
    for _ in 0..2 {
        app.get("/").header("x-preview", "1").await.assert_bypass(Reason::BypassIf);
    }
    app.get("/").await.assert_stored();
}

fn has_no_results(_: &HttpRequest, page: &Page) -> bool {
    page.body().ends_with(b"nothing")
}

#[actix_web::test]
async fn no_store_if_prevents_storing() {
    let app = around(|| PageCacheMiddleware::new(60).no_store_if(has_no_results))
        .handler(|call| HttpResponse::Ok().body(if call.run < 3 { "nothing" } else { "something" }))
        .start()
        .await;
    for _ in 0..2 {
        app.get("/").await.assert_not_stored(Reason::NoStoreIf).assert_fwd("miss");
    }
    app.get("/").await.assert_stored().assert_ttl(60);
    app.get("/").await.assert_hit();
    assert_eq!(app.runs(), 3);
}

#[actix_web::test]
async fn browser_ttl_is_the_max_age_that_is_sent() {
    let app = around(|| PageCacheMiddleware::new(60).browser_ttl(seconds(5))).start().await;
    for _ in 0..2 {
        app.get("/").await.assert_header("cache-control", "max-age=5");
    }
}

#[actix_web::test]
async fn max_body_is_the_length_of_the_longest_stored_body() {
    for (length, is_stored) in [(100, true), (101, false)] {
        let app = around(|| PageCacheMiddleware::new(60).max_body(100))
            .handler(move |_| HttpResponse::Ok().body(vec![b'x'; length]))
            .start()
            .await;
        let response = app.get("/").await;
        response.assert_body(vec![b'x'; length]);
        assert_eq!(response.is_stored(), is_stored, "{response:?}");
    }
}

#[actix_web::test]
async fn cache_stores_pages_in_the_named_cache() {
    let named = PageCache::new();
    let docs = named.clone();
    let app = around(|| PageCacheMiddleware::new(60).cache("docs"))
        .cache(|cache| cache.named_cache("docs", docs))
        .handler(ok_with(&[]))
        .start()
        .await;
    app.get("/").await.assert_stored();
    app.get("/").await.assert_hit();
    assert_eq!((named.stats().pages(), app.pages()), (1, 0));
    assert_eq!((named.stats().requests(), app.cache().stats().requests()), (2, 0));
    // A write purges the named caches as well.
    app.post("/").await.assert_status(200);
    assert_eq!(named.stats().pages(), 0);
}
