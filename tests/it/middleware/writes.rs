//! A successful request with an unsafe method purges the pages of its path (RFC 9111 4.4).

use actix_web::{
    Error, HttpResponse,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    error::ErrorConflict,
    http::{Method, StatusCode},
    middleware::{Next, from_fn},
    web,
};
use cache_page::{PageCache, PageCacheMiddleware, Reason, cache_page};

use super::{around, around_for_a_minute};
use crate::support::{Call, Crowd, Origin, Reply, TestApp};

/// An application whose handler sends pages, and responds to other methods with the result of `write`.
pub(super) async fn with_write<R: Reply>(write: impl Fn() -> R + Send + Sync + 'static) -> TestApp {
    around_for_a_minute()
        .cache(|cache| cache.honor_request_cache_control(true))
        .handler(move |call: &Call| match *call.request.method() {
            Method::GET => Ok(HttpResponse::Ok().body(format!("page {}", call.run))),
            _ => write().into_result(),
        })
        .start()
        .await
}

/// Returns the paths whose pages are stored.
async fn stored<'u>(app: &TestApp, uris: &[&'u str]) -> Vec<&'u str> {
    let mut stored = Vec::new();
    for uri in uris {
        // It stores nothing.
        if app.get(uri).header("cache-control", "only-if-cached").await.is_hit() {
            stored.push(*uri);
        }
    }
    stored
}

const URIS: [&str; 7] = ["/a", "/a?b", "/a?c=d", "/a/", "/a/c", "/b", "/"];

/// The pages that a write to `/a` does not change.
const OTHER_URIS: [&str; 3] = ["/a/c", "/b", "/"];

#[actix_web::test]
async fn successful_write_purges_the_pages_of_its_path_on_all_hosts() {
    for (method, code) in [
        ("POST", 200),
        ("POST", 201),
        ("POST", 303),
        ("PUT", 204),
        ("PATCH", 200),
        ("DELETE", 204),
        ("PURGE", 200),
    ] {
        let app = with_write(move || HttpResponse::new(StatusCode::from_u16(code).unwrap())).await;
        for uri in URIS {
            app.get(uri).await.assert_stored();
        }
        app.get("/a").header("host", "other.example").await.assert_stored();
        let response = app.request(Method::from_bytes(method.as_bytes()).unwrap(), "/a?x").await;
        response.assert_bypass(Reason::Method).assert_status(code);
        assert_eq!(stored(&app, &URIS).await, OTHER_URIS, "{method} {code}");
        assert_eq!(app.pages(), OTHER_URIS.len(), "{method} {code}");
    }
}

#[actix_web::test]
async fn failed_write_and_safe_method_purge_nothing() {
    for (method, code) in
        [("POST", 400), ("POST", 404), ("PUT", 500), ("DELETE", 403), ("OPTIONS", 200), ("TRACE", 200)]
    {
        let app = with_write(move || HttpResponse::new(StatusCode::from_u16(code).unwrap())).await;
        for uri in URIS {
            app.get(uri).await.assert_stored();
        }
        app.get("/a").header("host", "other.example").await.assert_stored();
        let response = app.request(Method::from_bytes(method.as_bytes()).unwrap(), "/a?x").await;
        response.assert_bypass(Reason::Method).assert_status(code);
        assert_eq!(stored(&app, &URIS).await, URIS, "{method} {code}");
        assert_eq!(app.pages(), URIS.len() + 1, "{method} {code}");
    }
}

#[actix_web::test]
async fn write_with_credentials_or_of_another_host_purges() {
    for headers in [&[("cookie", "a=b")][..], &[("authorization", "x"), ("x-forwarded-host", "evil.example")]]
    {
        let app = with_write(|| HttpResponse::Ok().finish()).await;
        app.get("/a").await.assert_stored();
        app.post("/a").headers(headers).await.assert_status(200);
        assert_eq!(app.pages(), 0, "{headers:?}");
    }
}

#[actix_web::test]
async fn error_of_a_writing_handler_purges_nothing() {
    let app = with_write(|| Err::<HttpResponse, _>(ErrorConflict("fails on purpose"))).await;
    app.get("/a").await.assert_stored();
    app.post("/a").await.assert_status(409);
    assert_eq!(stored(&app, &["/a"]).await, ["/a"]);
}

/// Rejects writes after their handler ran.
async fn reject_writes(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_write = request.method() == Method::POST;
    let response = next.call(request).await?;
    if is_write { Err(ErrorConflict("fails on purpose")) } else { Ok(response) }
}

#[actix_web::test]
async fn error_of_an_inner_service_purges_nothing() {
    let app = TestApp::builder()
        .uncached()
        .wrap(|| from_fn(reject_writes))
        .wrap(|| PageCacheMiddleware::new(60))
        .start()
        .await;
    app.get("/a").await.assert_stored();
    assert!(app.post("/a").try_call().await.is_err());
    assert_eq!(stored(&app, &["/a"]).await, ["/a"]);
}

/// Every client can start a write and disconnect, whether or not the write would be permitted.
#[actix_web::test]
async fn write_whose_client_disconnects_purges_nothing() {
    let app = with_write(|| HttpResponse::Ok().finish()).await;
    app.get("/a").await.assert_stored();
    app.pause();
    let mut crowd = Crowd::send([app.post("/a")]).await;
    crowd.abort(0).await;
    app.resume().await;
    assert_eq!(stored(&app, &["/a"]).await, ["/a"]);
}

/// The running handler may have read old data.
#[actix_web::test]
async fn write_during_a_fill_prevents_storing_its_response() {
    let app = with_write(|| HttpResponse::Ok().body("changed")).await;
    app.pause();
    let crowd = Crowd::send([app.get("/a"), app.post("/a")]).await;
    app.finish_run(2).await;
    assert_eq!(crowd.answered(), 1);
    app.finish_run(1).await;
    let responses = crowd.responses().await;
    responses[0].assert_not_stored(Reason::Purged).assert_fwd("miss").assert_body("page 1");
    responses[1].assert_body("changed");
    assert_eq!(app.pages(), 0);
}

#[cache_page(60)]
async fn own(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

#[cache_page(60, cache = "big")]
async fn big(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

/// In whichever of the App's caches they are.
#[actix_web::test]
async fn write_purges_the_pages_of_cached_handlers_inside() {
    let middlewares: [fn() -> PageCacheMiddleware; 2] =
        [|| PageCacheMiddleware::new(60), || PageCacheMiddleware::new(60).cache("big")];
    for middleware in middlewares {
        let app = around(middleware)
            .cache(|cache| cache.named_cache("big", PageCache::new()))
            .configure(|config| {
                let write = || web::put().to(async || "changed");
                config.service(web::resource("/own").route(web::get().to(own)).route(write()));
                config.service(web::resource("/big").route(web::get().to(big)).route(write()));
            })
            .start()
            .await;
        for (uri, before, after) in [("/own", "page 1", "page 2"), ("/big", "page 3", "page 4")] {
            app.get(uri).await.assert_stored().assert_body(before);
            app.get(uri).await.assert_hit().assert_body(before);
            app.request(Method::PUT, uri).await.assert_body("changed");
            app.get(uri).await.assert_stored().assert_body(after);
        }
    }
}
