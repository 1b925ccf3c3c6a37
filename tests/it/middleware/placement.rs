//! Where a middleware can be placed, and what runs outside and inside it.

use std::{
    future::{Ready, ready},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use actix_web::{
    Error, FromRequest, HttpMessage as _, HttpRequest, HttpResponse,
    body::BoxBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    middleware::{Condition, Next, from_fn},
    web::{self, ServiceConfig},
};
use cache_page::{PageCache, PageCacheMiddleware, Reason, cache_page};

use super::{around, plain, seconds, shown};
use crate::support::{Call, Origin, TestApp, TestAppBuilder};

type Middleware = fn() -> PageCacheMiddleware;

/// All forms of a TTL, each with the one that is reported.
const TTLS: [(Middleware, Option<i64>); 4] = [
    (|| PageCacheMiddleware::new(60), Some(60)),
    (|| PageCacheMiddleware::new(Duration::from_millis(90_500)), Some(91)),
    (|| PageCacheMiddleware::new(Some(Duration::from_secs(7))), Some(7)),
    (|| PageCacheMiddleware::new(None), None),
];

const PAGE: &str = "/a/b?c";

/// A middleware around an App, around a scope and around a resource.
fn places(middleware: Middleware) -> [TestAppBuilder; 3] {
    let builder = |configure: fn(&mut ServiceConfig, Middleware)| {
        let handler = |call: &Call| HttpResponse::Ok().body(format!("{} {}", call.run, call.request.uri()));
        TestApp::builder().handler(handler).configure(move |config| configure(config, middleware))
    };
    let app = builder(|config, _| {
        config.route("/a/{b}", web::to(plain));
    });
    let scope = builder(|config, middleware| {
        config.service(web::scope("/a").wrap(middleware()).route("/{b}", web::to(plain)));
    });
    let resource = builder(|config, middleware| {
        config.service(web::resource("/a/{b}").wrap(middleware()).to(plain));
    });
    [app.wrap(middleware), scope, resource]
}

/// All places with all forms of a TTL.
async fn apps() -> Vec<(TestApp, Option<i64>)> {
    let mut apps = Vec::new();
    for (middleware, ttl) in TTLS {
        for app in places(middleware) {
            apps.push((app.start().await, ttl));
        }
    }
    apps
}

#[actix_web::test]
async fn response_is_stored_for_the_ttl_of_the_middleware() {
    for (app, ttl) in apps().await {
        app.get(PAGE).await.assert_stored().assert_fwd("miss").assert_ttl(ttl).assert_no_header("age");
        app.advance(5);
        let hit = app.get(PAGE).await;
        hit.assert_hit().assert_ttl(ttl.map(|ttl| ttl - 5)).assert_age(5).assert_body("1 /a/b?c");
        app.advance(1_000_000_000);
        assert_eq!(app.get(PAGE).await.is_hit(), ttl.is_none(), "a TTL of {ttl:?}");
    }
}

#[actix_web::test]
async fn hit_has_the_headers_of_the_miss() {
    for (app, _) in apps().await {
        let (miss, hit) = (app.get(PAGE).await, app.get(PAGE).await);
        assert_eq!(hit.stored_headers(), miss.stored_headers());
        assert!(hit.header("etag").unwrap().starts_with("W/\""), "{hit:?}");
        let vary = hit.header("vary").unwrap();
        assert!(vary.contains("cookie") && vary.contains("authorization"), "{hit:?}");
    }
}

#[actix_web::test]
async fn head_conditional_and_range_requests_are_hits() {
    for (app, _) in apps().await {
        let miss = app.get(PAGE).await;
        let head = app.head(PAGE).await;
        head.assert_hit().assert_status(200);
        assert_eq!(head.stored_headers(), miss.stored_headers());
        let known = app.get(PAGE).header("if-none-match", miss.header("etag").unwrap()).await;
        known.assert_hit().assert_status(304).assert_body("");
        let range = app.get(PAGE).header("range", "bytes=2-4").await;
        range.assert_hit().assert_status(206).assert_body("/a/");
        assert_eq!(app.runs(), 1);
    }
}

#[actix_web::test]
async fn conditional_request_that_is_a_miss_stores_the_page() {
    for (app, ttl) in apps().await {
        app.get(PAGE).header("if-none-match", "*").await.assert_stored().assert_status(304);
        app.get(PAGE).await.assert_hit().assert_ttl(ttl).assert_status(200).assert_body("1 /a/b?c");
    }
}

#[test]
#[should_panic(expected = "a TTL of zero")]
fn ttl_of_zero_panics() {
    drop(PageCacheMiddleware::new(0));
}

/// How often a service was called. Each test has its own.
struct Calls(AtomicU64);

impl Calls {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    fn count(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

static EXTRACTOR: Calls = Calls::new();
static INNER: Calls = Calls::new();
static OUTER: Calls = Calls::new();

struct Extracted;

impl FromRequest for Extracted {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        EXTRACTOR.count();
        ready(Ok(Self))
    }
}

async fn extracting(_: Extracted, origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

async fn count_inner(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    INNER.count();
    next.call(request).await
}

async fn count_outer(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    OUTER.count();
    next.call(request).await
}

#[actix_web::test]
async fn hit_runs_the_outer_services_only() {
    let app = TestApp::builder()
        .route("/", extracting)
        .wrap(|| from_fn(count_inner))
        .wrap(|| PageCacheMiddleware::new(60))
        .wrap(|| from_fn(count_outer))
        .start()
        .await;
    app.get("/").await.assert_stored();
    for _ in 0..4 {
        app.get("/").await.assert_hit();
    }
    assert_eq!((OUTER.get(), INNER.get(), EXTRACTOR.get(), app.runs()), (5, 1, 1, 1));
}

struct Mark;

async fn check_request(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    request.extensions_mut().insert(Mark);
    let response = next.call(request).await?;
    assert!(response.request().extensions().contains::<Mark>());
    assert_eq!(response.request().uri(), "/a?b");
    assert!(response.request().app_data::<PageCache>().is_some());
    Ok(response)
}

#[actix_web::test]
async fn outer_service_gets_its_own_request_back() {
    let app = around(|| PageCacheMiddleware::new(60)).wrap(|| from_fn(check_request)).start().await;
    for is_hit in [false, true, true] {
        assert_eq!(app.get("/a?b").await.is_hit(), is_hit);
    }
}

#[cache_page(60)]
async fn own() -> &'static str {
    "own"
}

/// Nothing distinguishes the App from others; a handler inside knows more of its App.
#[actix_web::test]
async fn app_that_is_unknown_stores_the_pages_of_its_handlers_only() {
    let middleware =
        || PageCacheMiddleware::new(60).stale_while_revalidate(seconds(60)).stale_if_error(seconds(60));
    let app = TestApp::builder()
        .without_cache()
        .handler(shown)
        .configure(|config| {
            let scope = web::scope("/scope").route("/{id}", web::to(plain));
            config.service(scope.route("/{id}/own", web::to(own)));
        })
        .wrap(middleware)
        .start()
        .await;
    for run in 1..4 {
        let response = app.get("/scope/1").await;
        response.assert_bypass(Reason::UnknownApp);
        assert!(response.text().starts_with(&run.to_string()), "{response:?}");
        let own = app.get("/scope/1/own").await;
        own.assert_body("own");
        assert_eq!(own.is_hit(), run > 1, "{own:?}");
    }
    app.post("/scope/1").await.assert_status(200);
}

/// The address of the server identifies the App.
#[actix_web::test]
async fn app_of_a_server_needs_no_cache_of_its_own() {
    let serve = |is_around_the_app: bool| {
        TestApp::builder()
            .without_cache()
            .configure(move |config| {
                let middleware = Condition::new(!is_around_the_app, PageCacheMiddleware::new(600));
                config.service(web::scope("/a").wrap(middleware).default_service(web::to(plain)));
            })
            .wrap(move || Condition::new(is_around_the_app, PageCacheMiddleware::new(600)))
    };
    let one = serve(true).serve();
    let other = serve(false).share_handler(&one).serve();
    for (app, body) in [(one, "page 1"), (other, "page 2")] {
        for is_hit in [false, true, true, true] {
            let response = app.get("/a/b").await;
            response.assert_body(body);
            assert_eq!(response.is_hit(), is_hit, "{response:?}");
        }
    }
}
