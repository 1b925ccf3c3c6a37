//! Caches that another one names, what goes for all handlers of one, and how a user tests that.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_http::Request;
use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    dev::{Service, ServiceResponse},
    http::header::HeaderName,
    test::{TestRequest, call_service, init_service},
    web,
};
use cache_page::{
    CacheStatusHeader, Outcome, PageCache, PageCacheBuilder, PageCacheMiddleware, Reason, cache_page,
    testing::{ManualClock, assert_hit, assert_miss, assert_stale},
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::legacy::{Runs, asking, get, send, settle};

#[cache_page(60)]
async fn plain(runs: web::Data<Runs>) -> String {
    runs.count().to_string()
}

#[cache_page(60, cache = "big", name = "big")]
async fn big(runs: web::Data<Runs>) -> String {
    runs.count().to_string()
}

#[cache_page(60, cache = "big", key_prefix = "own")]
async fn prefixed(runs: web::Data<Runs>) -> String {
    runs.count().to_string()
}

async fn uncached(runs: web::Data<Runs>) -> String {
    runs.count().to_string()
}

async fn app(
    cache: &PageCache,
) -> (impl Service<Request, Response = ServiceResponse, Error = Error> + use<>, Runs) {
    let runs = Runs::default();
    let app = App::new()
        .app_data(cache.clone())
        .app_data(web::Data::new(runs.clone()))
        .route("/plain", web::to(plain))
        .route("/big", web::to(big))
        .route("/prefixed", web::to(prefixed))
        .service(
            web::scope("/site")
                .wrap(PageCacheMiddleware::new(60).cache("big"))
                .default_service(web::to(uncached)),
        )
        .service(web::scope("/own").wrap(PageCacheMiddleware::new(60)).default_service(web::to(uncached)));
    (init_service(app).await, runs)
}

/// Each has its own pages, counts and limits.
#[actix_web::test]
async fn named() {
    let big = PageCache::builder().build();
    let cache =
        PageCache::builder().named_cache("big", big.clone()).named_cache("small", PageCache::new()).build();
    let (app, runs) = app(&cache).await;
    for path in ["/plain", "/big", "/prefixed", "/site/a", "/own/a"] {
        assert!(get(&app, path).await.is_stored(), "{path}");
        assert!(get(&app, path).await.is_hit(), "{path}");
    }
    assert_eq!(runs.get(), 5);
    assert_eq!((cache.stats().pages(), big.stats().pages()), (2, 3));
    assert_eq!((cache.stats().requests(), big.stats().requests()), (4, 6));
    assert_eq!(cache.named("small").unwrap().stats().pages(), 0);
    assert!(cache.named("other").is_none() && big.named("big").is_none());
    // A handle of the same cache, by whichever name it goes.
    assert_eq!(cache.named("big").unwrap().stats().pages(), 3);
}

/// What is purged here is purged there, and not the other way round.
#[actix_web::test]
async fn purged_with_the_one_that_names_them() {
    let big = PageCache::new();
    let cache = PageCache::builder().named_cache("big", big.clone()).build();
    let (app, _) = app(&cache).await;
    let fill = async || {
        for path in ["/plain", "/big", "/site/a"] {
            get(&app, path).await;
        }
        (cache.stats().pages(), big.stats().pages())
    };
    assert_eq!(fill().await, (1, 2));
    assert_eq!(cache.purge_path("/big").await.unwrap().pages(), 1);
    assert_eq!(cache.purge_handler("big").await.unwrap().pages(), 0);
    assert_eq!(fill().await, (1, 2));
    assert_eq!(cache.purge_prefix("/site/").await.unwrap().pages(), 1);
    assert_eq!(fill().await, (1, 2));
    assert_eq!(cache.purge_url("/site/a").await.unwrap().pages(), 1);
    assert_eq!(fill().await, (1, 2));
    cache.expire_all().await.unwrap();
    assert!(get(&app, "/big").await.outcome().starts_with("cache_page; fwd=stale"));
    assert_eq!(fill().await, (1, 2));
    cache.purge_all().await.unwrap();
    assert_eq!((cache.stats().pages(), big.stats().pages()), (0, 0));
    assert_eq!(fill().await, (1, 2));
    big.purge_all().await.unwrap();
    assert_eq!((cache.stats().pages(), big.stats().pages()), (1, 0));
}

/// A page that one has no room for is kept in the other, and their clocks and words are their own.
#[actix_web::test]
async fn limits_of_their_own() {
    #[cache_page(60)]
    async fn long() -> HttpResponse {
        HttpResponse::Ok().body(vec![b'x'; 10_000])
    }
    #[cache_page(60, cache = "big")]
    async fn long_in_big() -> HttpResponse {
        HttpResponse::Ok().body(vec![b'x'; 10_000])
    }
    let clock = ManualClock::new();
    let big = PageCache::builder().clock(clock.clone()).cache_status(CacheStatusHeader::Minimal).build();
    let cache = PageCache::builder().max_bytes(40_000).named_cache("big", big.clone()).build();
    let app = App::new()
        .app_data(cache.clone())
        .route("/long", web::to(long))
        .route("/big", web::to(long_in_big))
        .service(
            web::scope("/site")
                .wrap(PageCacheMiddleware::new(60).cache("big"))
                .default_service(web::to(async || HttpResponse::Ok().body(vec![b'x'; 10_000]))),
        );
    let app = init_service(app).await;
    for _ in 0..2 {
        assert_eq!(get(&app, "/long").await.outcome(), "cache_page; fwd=miss; detail=body-too-large");
    }
    for path in ["/big", "/site/a"] {
        assert_eq!(get(&app, path).await.outcome(), "cache_page; fwd=miss");
        assert_eq!(get(&app, path).await.outcome(), "cache_page; hit");
        clock.advance(Duration::from_secs(60));
        assert_eq!(get(&app, path).await.outcome(), "cache_page; fwd=stale");
    }
    // Credentials are asked of the cache that is meant.
    let tenant = HeaderName::from_static("x-tenant");
    let big = PageCache::builder().credential_header(tenant).build();
    let cache = PageCache::builder().named_cache("big", big).build();
    let (app, _) = self::app(&cache).await;
    for (path, passes) in [("/site/b", true), ("/own/b", false)] {
        let answer = send(&app, asking(path, &[("x-tenant", "a")])).await;
        assert_eq!(answer.outcome().ends_with("credentials"), passes, "{path}");
    }
}

/// The page is sent, not kept, and the log tells what to do: once, however many ask.
#[actix_web::test]
async fn a_name_that_is_not_there() {
    let (clock, errors) = (ManualClock::new(), Errors::default());
    let _guard = tracing::subscriber::set_default(errors.clone());
    let cache = PageCache::builder().clock(clock.clone()).named_cache("other", PageCache::new()).build();
    let (app, runs) = app(&cache).await;
    for path in ["/big", "/site/a"] {
        let before = runs.get();
        for number in 1..5 {
            let answer = get(&app, path).await;
            assert_eq!(answer.outcome(), "cache_page; fwd=bypass; detail=unknown-cache", "{path}");
            assert_eq!((answer.status, answer.text()), (200, &*(before + number).to_string()));
            assert_eq!((answer.header("etag"), answer.header("cache-control")), (None, None));
        }
        let told = errors.take();
        assert_eq!(told.len(), 1, "{path}: {told:?}");
        assert!(
            told[0].contains("no cache named \"big\"") && told[0].contains(".named_cache(\"big\""),
            "{told:?}"
        );
        clock.advance(Duration::from_secs(61));
        get(&app, path).await;
        assert_eq!(errors.take().len(), 1, "{path}: once a minute");
    }
    assert_eq!(send(&app, TestRequest::post().uri("/site/a")).await.status, 200);
    // It is the App's cache that tells of it.
    assert_eq!(cache.stats().count(Outcome::Bypass(Reason::UnknownCache)), 10);
    assert_eq!((cache.stats().pages(), cache.named("other").unwrap().stats().requests()), (0, 0));
}

#[test]
#[should_panic(expected = "a cache named \"big\" was added before")]
fn a_name_given_twice() {
    drop(
        PageCache::builder()
            .named_cache("big", PageCache::new())
            .named_cache("big", PageCache::new())
            .build(),
    );
}

#[test]
#[should_panic(expected = "the name of a cache must not be empty")]
fn a_name_that_is_empty() {
    drop(PageCache::builder().named_cache("", PageCache::new()).build());
}

/// A prefix makes other pages of all that have none of their own.
#[actix_web::test]
async fn key_prefix() {
    let big = |prefix| PageCache::builder().key_prefix(prefix).build();
    let cache = PageCache::builder().key_prefix("v1").named_cache("big", big("v1")).build();
    let (app, runs) = app(&cache).await;
    for path in ["/plain", "/big", "/prefixed", "/own/a", "/site/a"] {
        assert!(get(&app, path).await.is_stored() && get(&app, path).await.is_hit(), "{path}");
    }
    assert_eq!(runs.get(), 5);
    assert_eq!(cache.purge_path("/own/a").await.unwrap().pages(), 1, "what is purged has no prefix");
    // "a" and then "b" is not "ab" and then nothing: the page of one App is not that of another.
    #[cache_page(60)]
    async fn path(request: HttpRequest) -> String {
        request.path().to_owned()
    }
    let cache = PageCache::builder().key_prefix("http").build();
    let app = App::new().app_data(cache).default_service(web::to(path));
    let app = init_service(app).await;
    assert!(get(&app, "/a").await.is_stored() && get(&app, "/a").await.is_hit());
}

/// A header of which each value has a page, of all handlers.
#[actix_web::test]
async fn vary() {
    let header = HeaderName::from_static("x-theme");
    let build = |builder: PageCacheBuilder| builder.vary(header.clone()).vary(header.clone());
    let cache = build(PageCache::builder()).named_cache("big", build(PageCache::builder()).build()).build();
    let (app, runs) = app(&cache).await;
    for path in ["/plain", "/big", "/own/a", "/site/a"] {
        let before = runs.get();
        for is_hit in [false, true] {
            for theme in ["dark", "light", ""] {
                let answer = send(&app, asking(path, &[("x-theme", theme)])).await;
                assert_eq!(answer.is_hit(), is_hit, "{path} {theme}");
                let vary = answer.header("vary").unwrap();
                assert_eq!(vary.matches("x-theme").count(), 1, "{path}: {vary}");
            }
            assert_eq!(get(&app, path).await.is_hit(), is_hit, "{path}");
        }
        assert_eq!(runs.get(), before + 4, "{path}");
    }
    // Credentials of which each value has a page are none that pass by.
    let cache = PageCache::builder().vary(actix_web::http::header::AUTHORIZATION).build();
    let (app, _) = self::app(&cache).await;
    for is_hit in [false, true] {
        for name in ["alice", "bob"] {
            assert_eq!(send(&app, asking("/own/a", &[("authorization", name)])).await.is_hit(), is_hit);
        }
    }
}

/// Switched off, everything is as if there were none, but for what is told.
#[actix_web::test]
async fn switched_off() {
    let on = PageCache::new();
    for cache in [
        PageCache::disabled(),
        PageCache::builder().enabled(false).build(),
        PageCache::builder().enabled(true).enabled(false).named_cache("big", PageCache::disabled()).build(),
    ] {
        let (app, runs) = app(&cache).await;
        for path in ["/plain", "/own/a", "/big", "/site/a"] {
            let before = runs.get();
            for number in 1..4 {
                let answer = get(&app, path).await;
                assert_eq!(answer.outcome(), format!("cache_page; fwd=bypass; detail=disabled"), "{path}");
                assert_eq!((answer.text(), answer.header("etag")), (&*(before + number).to_string(), None));
            }
            let known = send(&app, asking(path, &[("if-none-match", "*")])).await;
            assert_eq!(known.status, 200, "{path}");
            assert!(send(&app, TestRequest::post().uri(path)).await.outcome().ends_with("fwd=method"));
        }
        assert_eq!((cache.stats().pages(), cache.purge_all().await.unwrap().pages()), (0, 0));
    }
    // One that names another does not speak for it.
    let cache = PageCache::builder().enabled(false).named_cache("big", on.clone()).build();
    let (app, _) = app(&cache).await;
    assert!(get(&app, "/big").await.is_stored() && get(&app, "/big").await.is_hit());
    assert!(get(&app, "/plain").await.outcome().ends_with("detail=disabled"));
    assert!(get(&self::app(&PageCache::builder().enabled(true).build()).await.0, "/plain").await.is_stored());
}

/// A user's test.
#[actix_web::test]
async fn how_a_user_tests() {
    #[cache_page(60, stale_while_revalidate = 30)]
    async fn news(runs: web::Data<Runs>) -> String {
        format!("news {}", runs.count())
    }
    let clock = ManualClock::new();
    let cache = PageCache::builder().clock(clock.clone()).build();
    let app = App::new()
        .app_data(cache)
        .app_data(web::Data::new(Runs::default()))
        .route("/news", web::get().to(news));
    let app = init_service(app).await;
    let news = async || call_service(&app, TestRequest::get().uri("/news").to_request()).await;

    assert_miss!(news().await);
    clock.advance(Duration::from_secs(59));
    assert_hit!(news().await, "a second before its time is over");
    clock.advance(Duration::from_secs(1));
    assert_stale!(news().await);
    settle().await;
    assert_hit!(&news().await);
    clock.advance(Duration::from_secs(90));
    assert_miss!(news().await, "after {} seconds", 90);
}

/// The same of what is in a middleware.
#[actix_web::test]
async fn how_a_user_tests_a_site() {
    let clock = ManualClock::new();
    let cache = PageCache::builder().clock(clock.clone()).build();
    let page = PageCacheMiddleware::new(60).stale_while_revalidate(Duration::from_secs(30));
    let app = App::new()
        .app_data(cache)
        .app_data(web::Data::new(Runs::default()))
        .wrap(page)
        .default_service(web::to(uncached));
    let app = init_service(app).await;
    let ask = async |request: TestRequest| call_service(&app, request.to_request()).await;

    assert_miss!(ask(TestRequest::get()).await);
    assert_hit!(ask(TestRequest::get()).await);
    assert_miss!(ask(asking("/", &[("cookie", "a=b")])).await);
    clock.advance(Duration::from_secs(60));
    assert_stale!(ask(TestRequest::get()).await);
    settle().await;
    assert_hit!(ask(TestRequest::get()).await);
    assert_miss!(ask(TestRequest::post()).await);
    assert_miss!(ask(TestRequest::get()).await, "it was changed");
}

/// A failing assertion tells what was expected, what became of the request, and the header that tells it.
#[actix_web::test]
async fn what_a_failing_assertion_tells() {
    let fails = |assert: &dyn Fn()| {
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(assert)).unwrap_err();
        panic.downcast_ref::<String>().cloned().unwrap()
    };
    let cache = PageCache::new();
    let (app, _) = app(&cache).await;
    let ask = async |request: TestRequest| call_service(&app, request.to_request()).await;
    let plain = || TestRequest::get().uri("/plain");

    let miss = ask(plain()).await;
    assert_eq!(
        fails(&|| assert_hit!(miss)),
        "expected a hit, but the handler ran and its response was stored (fwd=miss)\n  cache-status: cache_page; fwd=miss; stored; ttl=60"
    );
    let told = fails(&|| assert_stale!(&miss, "round {}", 1));
    assert!(
        told.starts_with(
            "round 1: expected a stale response, but the handler ran and its response was stored"
        ),
        "{told}"
    );
    assert_miss!(miss);
    let hit = ask(plain()).await;
    let told = fails(&|| assert_miss!(hit));
    assert!(told.starts_with("expected a miss, but a fresh stored response was served"), "{told}");
    assert_hit!(hit);
    // The client's own copy is a fresh page, too.
    assert_hit!(ask(plain().insert_header(("if-none-match", "*"))).await);

    let passed = ask(asking("/own/a", &[("cookie", "a=b")])).await;
    assert_miss!(passed);
    let told = fails(&|| assert_hit!(passed));
    assert!(told.starts_with("expected a hit, but the request bypassed the cache: credentials"), "{told}");
    let posted = ask(TestRequest::post().uri("/plain")).await;
    let told = fails(&|| assert_hit!(posted));
    assert!(told.contains("neither GET nor HEAD"), "{told}");

    // Nobody knows of what no cached handler answered.
    let nothing = ask(TestRequest::get().uri("/nothing")).await;
    let asserts: [&dyn Fn(); 3] =
        [&|| assert_hit!(nothing), &|| assert_miss!(nothing), &|| assert_stale!(nothing)];
    for assert in asserts {
        assert!(fails(assert).contains("there is no Cache-Status header"));
    }
    let brief = PageCache::builder().cache_status(CacheStatusHeader::Minimal).build();
    let (app, _) = self::app(&brief).await;
    let miss = call_service(&app, plain().to_request()).await;
    assert!(fails(&|| assert_miss!(miss)).contains("must be `CacheStatusHeader::Full`"));
}

/// The lines that are told as errors.
#[derive(Clone, Default)]
struct Errors(Arc<Mutex<Vec<String>>>);

impl Errors {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Subscriber for Errors {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "cache_page" && *metadata.level() == Level::ERROR
    }

    fn event(&self, event: &Event<'_>) {
        struct Message(String);
        impl Visit for Message {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        self.0.lock().unwrap().push(message.0);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}
