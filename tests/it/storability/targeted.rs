//! The targeted field of this cache (RFC 9213), in which a handler sets what its `PageControl` could set.

use std::time::Duration;

use actix_web::{
    Error, HttpResponse,
    http::{
        Method, StatusCode,
        header::{AGE, CACHE_CONTROL, EXPIRES, HeaderName, HeaderValue, SET_COOKIE, VARY},
    },
    web,
};
use cache_page::{PageCacheMiddleware, PageControl, Reason, cache_page};

use crate::support::{BodySource, Call, Origin, TestApp, TestAppBuilder, settle};

const FIELD: &str = "acme-cache-control";

#[cache_page(60)]
async fn page(origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
    origin.respond_with(&control).await
}

#[cache_page(60, stale_while_revalidate = 30)]
async fn refreshed(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

#[cache_page(60, stale_if_error = 300)]
async fn kept_on_error(origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
    origin.respond_with(&control).await
}

#[cache_page(uncached)]
async fn uncached(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

async fn plain(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

/// An application whose cache has a targeted field.
fn builder() -> TestAppBuilder {
    without_a_field().cache(|cache| cache.targeted_cache_control(HeaderName::from_static(FIELD)))
}

fn without_a_field() -> TestAppBuilder {
    TestApp::builder()
        .route("/page", page)
        .route("/refreshed", refreshed)
        .route("/kept-on-error", kept_on_error)
        .configure(|config| {
            let middleware = PageCacheMiddleware::new(60).stale_if_error(Duration::from_secs(300));
            let scope = web::scope("/middleware").wrap(middleware);
            let scope = scope.route("/page", web::to(page)).route("/uncached", web::to(uncached));
            config.service(scope.route("/plain", web::to(plain)));
        })
}

async fn app(value: &'static str) -> TestApp {
    builder().handler(page_with(value)).start().await
}

/// Returns a handler that sends this value of the targeted field.
fn page_with(value: &'static str) -> impl Fn(&Call) -> HttpResponse + Send + Sync {
    move |call| HttpResponse::Ok().insert_header((FIELD, value)).body(format!("page {}", call.run))
}

/// As [`page_with`], with a `Cache-Control` for all caches.
fn page_with_both(
    value: &'static str,
    cache_control: &'static str,
) -> impl Fn(&Call) -> HttpResponse + Send + Sync {
    move |call| {
        let mut response = page_with(value)(call);
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cache_control));
        response
    }
}

#[actix_web::test]
async fn targeted_field_sets_the_ttl() {
    for (value, ttl) in [
        ("max-age=5", 5),
        ("max-age=5, s-maxage=7", 7),
        ("max-age=600;why=\"x\", unknown", 600),
        ("no-store=?0", 60),
        ("", 60),
    ] {
        let app = app(value).await;
        let response = app.get("/page").await;
        assert!(response.is_stored(), "{value}: {response:?}");
        response.assert_fwd("miss").assert_ttl(ttl).assert_status(200).assert_body("page 1");
        app.get("/page").await.assert_hit().assert_no_header(FIELD);
    }
}

/// Checks that a page with this value is sent, but not stored.
async fn assert_never_stored(value: &'static str, reason: Reason) {
    let app = app(value).await;
    for body in ["page 1", "page 2"] {
        let response = app.get("/page").await;
        assert!(!response.is_stored(), "{value}: {response:?}");
        response.assert_not_stored(reason).assert_fwd("miss").assert_no_header(FIELD);
        response.assert_status(200).assert_body(body);
    }
}

#[actix_web::test]
async fn targeted_field_can_forbid_to_store() {
    for (value, reason) in [
        ("max-age=0", Reason::Expired),
        ("no-store", Reason::NoStore),
        ("max-age=60, private", Reason::NoStore),
        ("no-cache", Reason::NoStore),
        ("vary=\"*\"", Reason::NoStore),
        ("tags=\"\"", Reason::InvalidTag),
    ] {
        assert_never_stored(value, reason).await;
    }
}

#[actix_web::test]
async fn malformed_targeted_field_stores_nothing() {
    for value in [
        "max-age",
        "max-age=",
        "max-age=-1",
        "max-age=1.5",
        "Max-Age=60",
        "max-age=60,",
        "max-age=60 tags=a",
        "tags=(a b",
        "no-store, max-age=x",
    ] {
        assert_never_stored(value, Reason::InvalidTargetedField).await;
    }
}

#[actix_web::test]
async fn targeted_field_sets_tags() {
    let app = app("tags=(\"posts\" post:1)").await;
    for tag in ["posts", "post:1"] {
        app.get("/page").await.assert_stored();
        assert_eq!(app.cache().purge_tag(tag).await.unwrap().pages(), 1, "{tag}");
    }
}

#[actix_web::test]
async fn targeted_field_sets_what_the_page_varies_by() {
    let app = app("vary=(\"dnt\" accept-language)").await;
    for language in ["de", "en"] {
        let response = app.get("/page").header("accept-language", language).await;
        response.assert_stored().assert_header("vary", "dnt, accept-language").assert_no_header(FIELD);
    }
    app.get("/page").header("accept-language", "de").await.assert_hit().assert_body("page 1");
}

#[actix_web::test]
async fn lines_of_the_targeted_field_are_joined() {
    let handler = |call: &Call| {
        let mut response = HttpResponse::Ok();
        response.append_header((FIELD, "tags=(\"posts\" post:1), vary=(\"dnt\" accept-language)"));
        response.append_header((FIELD, "stale-if-error=40")).body(format!("page {}", call.run))
    };
    let app = builder().handler(handler).start().await;
    let response = app.get("/page").header("accept-language", "de").await;
    response.assert_stored().assert_header("vary", "dnt, accept-language").assert_no_header(FIELD);
    app.get("/page").header("accept-language", "en").await.assert_stored();
    app.set_handler(|_| HttpResponse::InternalServerError().finish());
    app.advance(60 + 39);
    app.get("/page").header("accept-language", "de").await.assert_stale(Reason::StaleIfError);
    assert_eq!(app.cache().purge_tag("post:1").await.unwrap().pages(), 2);
}

#[actix_web::test]
async fn targeted_field_sets_for_how_long_to_serve_on_error() {
    let app = app("stale-if-error=40").await;
    app.get("/page").await;
    app.set_handler(|_| HttpResponse::InternalServerError().finish());
    app.advance(60 + 39);
    app.get("/page").await.assert_status(200).assert_stale(Reason::StaleIfError);
    app.advance(1);
    app.get("/page").await.assert_status(500);
}

#[actix_web::test]
async fn targeted_field_sets_the_window_of_a_background_refresh() {
    let app = app("max-age=10, stale-while-revalidate=5").await;
    app.get("/refreshed").await;
    app.advance(14);
    app.get("/refreshed").await.assert_stale(Reason::StaleWhileRevalidate);
    settle().await;
    app.advance(15);
    app.get("/refreshed").await.assert_body("page 3");
}

#[actix_web::test]
async fn must_revalidate_in_the_targeted_field_closes_the_window() {
    let app = app("max-age=10, must-revalidate").await;
    app.get("/refreshed").await;
    app.advance(10);
    app.get("/refreshed").await.assert_body("page 2");
}

#[actix_web::test]
async fn control_ttl_overrides_the_targeted_field() {
    let handler = |call: &Call| {
        call.control().ttl(Duration::from_secs(100));
        page_with("max-age=5")(call)
    };
    let app = builder().handler(handler).start().await;
    app.get("/page").await.assert_stored().assert_fwd("miss").assert_ttl(100);
}

/// Stored here, and as `Cache-Control` says downstream.
#[actix_web::test]
async fn targeted_field_is_obeyed_alone() {
    for cache_control in ["private", "no-store", "no-cache", "max-age=0", "s-maxage=1, must-revalidate"] {
        for uri in ["/page", "/middleware/plain"] {
            let app = builder().handler(page_with_both("max-age=5", cache_control)).start().await;
            let response = app.get(uri).await;
            response.assert_stored().assert_ttl(5).assert_header("cache-control", cache_control);
            let hit = app.get(uri).await;
            hit.assert_hit().assert_no_header(FIELD).assert_header("cache-control", cache_control);
        }
    }
}

#[actix_web::test]
async fn expires_beside_the_targeted_field_is_for_other_caches() {
    for (value, ttl) in [("max-age=5", 5), ("public", 60)] {
        let handler = move |call: &Call| {
            let mut response = page_with(value)(call);
            response.headers_mut().insert(EXPIRES, HeaderValue::from_static("0"));
            response
        };
        let app = builder().handler(handler).start().await;
        app.get("/page").await.assert_stored().assert_ttl(ttl).assert_header("expires", "0");
    }
}

/// Without a lifetime in the field, that of the attribute applies.
#[actix_web::test]
async fn targeted_field_without_a_lifetime_replaces_cache_control() {
    for value in ["public", "stale-if-error=40", "no-store=?0"] {
        let app = builder().handler(page_with_both(value, "max-age=5")).start().await;
        app.get("/page").await.assert_stored().assert_ttl(60);
    }
}

/// Tags and names do not say that a private response may be stored.
#[actix_web::test]
async fn targeted_field_without_directives_leaves_cache_control() {
    for value in ["tags=a", "vary=dnt", "unknown", ""] {
        for (cache_control, reason) in
            [("private", Reason::Private), ("no-store", Reason::NoStore), ("no-cache", Reason::NoCache)]
        {
            let app = builder().handler(page_with_both(value, cache_control)).start().await;
            app.get("/page").await.assert_not_stored(reason).assert_no_header(FIELD);
        }
        let app = builder().handler(page_with_both(value, "max-age=5")).start().await;
        app.get("/page").await.assert_stored().assert_ttl(5);
    }
}

#[actix_web::test]
async fn targeted_field_does_not_store_what_is_one_visitors() {
    for (name, value, reason) in [(SET_COOKIE, "id=1", Reason::SetCookie), (VARY, "*", Reason::Vary)] {
        let handler = move |call: &Call| {
            let mut response = page_with("max-age=60, public")(call);
            response.headers_mut().insert(name.clone(), HeaderValue::from_static(value));
            response
        };
        let app = builder().handler(handler).start().await;
        app.get("/page").await.assert_not_stored(reason);
    }
}

/// RFC 9111 4.2.3: the response has spent a part of its lifetime elsewhere.
#[actix_web::test]
async fn age_of_the_response_counts_against_the_targeted_field() {
    for (age, ttl) in [("0", Some(100)), ("30", Some(70)), ("100", None), ("7200", None)] {
        let handler = move |call: &Call| {
            let mut response = page_with("max-age=100")(call);
            response.headers_mut().insert(AGE, HeaderValue::from_static(age));
            response
        };
        let app = builder().handler(handler).start().await;
        let response = app.get("/page").await;
        match ttl {
            Some(ttl) => response.assert_stored().assert_ttl(ttl),
            None => response.assert_not_stored(Reason::Expired),
        };
    }
}

/// It answers as `no-store` does elsewhere, and the stale page stays for later failures.
#[actix_web::test]
async fn cache_control_for_others_does_not_remove_the_stale_page() {
    let app = builder().handler(page_with_both("max-age=5, stale-if-error=60", "no-store")).start().await;
    app.get("/kept-on-error").await.assert_stored();
    app.advance(5);
    app.set_handler(|_| HttpResponse::InternalServerError().finish());
    app.get("/kept-on-error")
        .await
        .assert_stale(Reason::StaleIfError)
        .assert_header("cache-control", "no-store");
}

#[actix_web::test]
async fn cache_control_beside_the_targeted_field_is_for_other_caches() {
    let app = builder().handler(page_with_both("max-age=600", "max-age=5")).start().await;
    let response = app.get("/page").await;
    response.assert_stored().assert_fwd("miss").assert_ttl(600).assert_header("cache-control", "max-age=5");
}

#[actix_web::test]
async fn targeted_field_of_a_304_applies_to_the_confirmed_page() {
    let app = builder().start().await;
    app.get("/kept-on-error").await;
    app.set_handler(|call| {
        drop(call.control().validators());
        HttpResponse::NotModified().insert_header((FIELD, "max-age=5, tags=a")).finish()
    });
    app.advance(60);
    let response = app.get("/kept-on-error").await;
    response.assert_stored().assert_fwd("stale").assert_fwd_status(304).assert_ttl(5);
    response.assert_body("page 1").assert_no_header(FIELD);
    assert_eq!(app.cache().purge_tag("a").await.unwrap().pages(), 1);
}

const INTERNAL: &str = "max-age=5, tags=(\"secret\")";

#[actix_web::test]
async fn targeted_field_is_never_sent() {
    let app = builder().start().await;
    for status in [200, 201, 302, 304, 404, 500] {
        app.set_handler(move |_| {
            HttpResponse::build(StatusCode::from_u16(status).unwrap())
                .append_header((FIELD, INTERNAL))
                .finish()
        });
        for method in [Method::POST, Method::DELETE, Method::HEAD, Method::GET, Method::GET] {
            for uri in ["/page", "/kept-on-error", "/refreshed", "/middleware/page", "/middleware/plain"] {
                app.request(method.clone(), uri).await.assert_no_header(FIELD);
            }
        }
        app.advance(3600);
    }
}

#[actix_web::test]
async fn targeted_field_of_a_stream_is_not_sent() {
    let app = builder().start().await;
    app.set_handler(|_| {
        let source = BodySource::new();
        source.push("page").finish();
        HttpResponse::Ok().append_header((FIELD, INTERNAL)).body(source.body())
    });
    app.get("/page").await.assert_no_header(FIELD).assert_body("page");
    app.get("/page").await.assert_hit().assert_no_header(FIELD);
}

#[actix_web::test]
async fn targeted_field_is_not_sent_if_the_cache_is_disabled() {
    let app = builder().cache(|cache| cache.enabled(false)).handler(page_with(INTERNAL)).start().await;
    app.get("/page").await.assert_bypass(Reason::Disabled).assert_no_header(FIELD);
}

/// The middleware around it removes the field.
#[actix_web::test]
async fn targeted_field_of_an_uncached_handler_is_not_sent() {
    app(INTERNAL).await.get("/middleware/uncached").await.assert_no_header(FIELD);
}

#[actix_web::test]
async fn field_is_an_ordinary_header_for_a_cache_without_one() {
    let app = without_a_field().handler(page_with("no-store")).start().await;
    app.get("/page").await.assert_stored();
    app.get("/page").await.assert_hit().assert_header(FIELD, "no-store");
}
