//! The attribute's cache as a middleware.

use std::{cell::Cell, rc::Rc, time::Duration};

use actix_http::Request;
use actix_web::{
    App, Error, HttpMessage as _, HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    dev::{Service, ServiceResponse},
    http::{Method, StatusCode, header::HeaderName},
    test::{TestRequest, init_service},
    web,
};
use cache_page::{
    Outcome, Page, PageCache, PageCacheMiddleware, PageControl, Reason, cache_page, testing::ManualClock,
};
use tokio::sync::Semaphore;

use crate::legacy::{Answer, Crowd, Runs, asking, get, send, settle};

mod alike;
mod apart;
mod change;
mod refresh;

/// A cache with a clock that is moved by hand.
fn by_hand() -> (PageCache, ManualClock) {
    let clock = ManualClock::new();
    (PageCache::builder().clock(clock.clone()).build(), clock)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A handler that knows nothing of a cache, and shows all that it could have read.
async fn shown(runs: web::Data<Runs>, request: HttpRequest) -> HttpResponse {
    HttpResponse::Ok().body(format!("{} {} {:?}", runs.count(), request.uri(), request.headers()))
}

type Alone = (Rc<dyn Fn() -> HttpResponse>, Runs);

/// An App that gives one answer on all paths and to all methods, with this around it.
async fn around(
    cache: &PageCache,
    page: PageCacheMiddleware,
    answer: impl Fn() -> HttpResponse + 'static,
) -> (Rc<impl Service<Request, Response = ServiceResponse, Error = Error>>, Runs) {
    let runs = Runs::default();
    let data: web::Data<Alone> = web::Data::new((Rc::new(answer), runs.clone()));
    let handler = async |alone: web::Data<Alone>| {
        alone.1.count();
        (alone.0)()
    };
    let app = App::new().app_data(cache.clone()).app_data(data).wrap(page).default_service(web::to(handler));
    (Rc::new(init_service(app).await), runs)
}

/// An App that shows requests on all paths, with this around it.
async fn showing(
    cache: &PageCache,
    page: PageCacheMiddleware,
) -> (Rc<impl Service<Request, Response = ServiceResponse, Error = Error> + use<>>, Runs) {
    let runs = Runs::default();
    let app = App::new()
        .app_data(cache.clone())
        .app_data(web::Data::new(runs.clone()))
        .wrap(page)
        .default_service(web::to(shown));
    (Rc::new(init_service(app).await), runs)
}

/// Around an App, a scope or a resource, and with each way to say for how long.
#[actix_web::test]
async fn around_an_app_a_scope_or_a_resource() {
    async fn whole<B: actix_web::body::MessageBody>(
        app: impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
        clock: &ManualClock,
        ttl: Option<u64>,
    ) {
        let miss = get(&app, "/a/b?c").await;
        let told = ttl.map_or(String::new(), |ttl| format!("; ttl={ttl}"));
        assert_eq!(miss.outcome(), format!("cache_page; fwd=miss; stored{told}"));
        let etag = miss.header("etag").unwrap();
        assert!(etag.starts_with("W/\""), "{etag}");
        clock.advance(seconds(5));
        let hit = get(&app, "/a/b?c").await;
        assert!(hit.is_hit() && hit.body == miss.body && miss.text() == "1 /a/b?c", "{}", hit.text());
        assert_eq!(hit.lasting_headers(), miss.lasting_headers());
        assert_eq!((miss.header("age"), hit.header("age").as_deref()), (None, Some("5")));
        let vary = hit.header("vary").unwrap();
        assert!(vary.contains("cookie") && vary.contains("authorization"), "{vary}");

        let head = send(&app, TestRequest::default().method(Method::HEAD).uri("/a/b?c")).await;
        // Servers send no body then.
        assert_eq!((head.status, head.is_hit()), (200, true));
        assert_eq!(head.lasting_headers(), miss.lasting_headers());
        let known = send(&app, asking("/a/b?c", &[("if-none-match", &etag)])).await;
        assert_eq!((known.status, known.is_hit(), known.text()), (304, true, ""));
        let part = send(&app, asking("/a/b?c", &[("range", "bytes=2-4")])).await;
        assert_eq!((part.status, part.is_hit(), part.text()), (206, true, "/a/"));

        // A visitor who knows the page already is told so on a miss, too: the whole page is kept.
        clock.advance(seconds(1_000_000_000));
        let known = send(&app, asking("/a/b?c", &[("if-none-match", "*")])).await;
        assert_eq!((known.status, known.is_stored()), (304, ttl.is_some()));
        assert_eq!(get(&app, "/a/b?c").await.text(), if ttl.is_some() { "2 /a/b?c" } else { "1 /a/b?c" });
    }
    async fn handler(runs: web::Data<Runs>, request: HttpRequest) -> String {
        format!("{} {}", runs.count(), request.uri())
    }
    let pages = || {
        [
            (PageCacheMiddleware::new(60), Some(60)),
            (PageCacheMiddleware::new(Duration::from_millis(90_500)), Some(91)),
            (PageCacheMiddleware::new(Some(Duration::from_secs(7))), Some(7)),
            (PageCacheMiddleware::new(None), None),
        ]
    };
    let app = |cache| App::new().app_data(cache).app_data(web::Data::new(Runs::default()));
    for (page, ttl) in pages() {
        let (cache, clock) = by_hand();
        whole(init_service(app(cache).wrap(page).route("/a/{b}", web::to(handler))).await, &clock, ttl).await;
    }
    for (page, ttl) in pages() {
        let (cache, clock) = by_hand();
        let scope = web::scope("/a").wrap(page).route("/{b}", web::to(handler));
        whole(init_service(app(cache).service(scope)).await, &clock, ttl).await;
    }
    for (page, ttl) in pages() {
        let (cache, clock) = by_hand();
        let resource = web::resource("/a/{b}").wrap(page).to(handler);
        whole(init_service(app(cache).service(resource)).await, &clock, ttl).await;
    }
}

#[test]
#[should_panic(expected = "a TTL of zero")]
fn for_no_time() {
    drop(PageCacheMiddleware::new(0));
}

/// What is inside does not even look at the request; what is outside does.
#[actix_web::test]
async fn nothing_inside_runs_on_a_hit() {
    struct Extracted;
    impl actix_web::FromRequest for Extracted {
        type Error = Error;
        type Future = std::future::Ready<Result<Self, Error>>;

        fn from_request(request: &HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
            request.app_data::<[Runs; 4]>().unwrap()[1].count();
            std::future::ready(Ok(Self))
        }
    }
    async fn handler(_: Extracted, request: HttpRequest) -> &'static str {
        request.app_data::<[Runs; 4]>().unwrap()[0].count();
        "page"
    }
    let runs = <[Runs; 4]>::default();
    let (inner, outer) = (runs[2].clone(), runs[3].clone());
    let app = App::new()
        .app_data(PageCache::new())
        .app_data(runs.clone())
        .wrap_fn(move |request, service| {
            inner.count();
            service.call(request)
        })
        .wrap(PageCacheMiddleware::new(60))
        .wrap_fn(move |request, service| {
            outer.count();
            service.call(request)
        })
        .default_service(web::to(handler));
    let app = init_service(app).await;
    for number in 0..5 {
        assert_eq!(get(&app, "/").await.is_hit(), number > 0);
    }
    assert_eq!(runs.map(|runs| runs.get()), [1, 1, 1, 5]);
}

/// A middleware around it sees the request that it sent in, with all that is in it, whether it was a hit or not.
#[actix_web::test]
async fn the_request_comes_back() {
    struct Mark;
    let app = App::new()
        .app_data(PageCache::new())
        .app_data(web::Data::new(Runs::default()))
        .wrap(PageCacheMiddleware::new(60))
        .wrap_fn(|request, service| {
            request.extensions_mut().insert(Mark);
            let answer = service.call(request);
            async move {
                let response = answer.await?;
                assert!(response.request().extensions().contains::<Mark>());
                assert_eq!(response.request().uri(), "/a?b");
                assert!(response.request().app_data::<PageCache>().is_some());
                Ok(response)
            }
        })
        .default_service(web::to(shown));
    let app = init_service(app).await;
    for is_hit in [false, true, true] {
        assert_eq!(get(&app, "/a?b").await.is_hit(), is_hit);
    }
}

/// What the router answers itself is not kept, unless that is wanted.
#[actix_web::test]
async fn what_is_not_found() {
    for (statuses, stored) in [(&[][..], false), (&[404, 405], true)] {
        let cache = PageCache::new();
        let app = App::new()
            .app_data(cache.clone())
            .wrap(PageCacheMiddleware::new(60).statuses(statuses))
            .service(web::resource("/post").route(web::post().to(async || "posted")));
        let app = init_service(app).await;
        for (uri, code) in [("/nothing", 404), ("/post", 405)] {
            let first = get(&app, uri).await;
            assert_eq!((first.status, first.is_stored()), (code, stored), "{}", first.outcome());
            let second = get(&app, uri).await;
            assert_eq!((second.status, second.is_hit()), (code, stored), "{}", second.outcome());
        }
        assert_eq!(cache.stats().pages(), if stored { 2 } else { 0 });
    }
}

mod coalescing {
    use super::*;

    /// Runs that wait until the test lets them go.
    struct Gated {
        runs: Runs,
        gate: Semaphore,
        status: Cell<u16>,
        cookie: Cell<bool>,
    }

    async fn handler(site: web::Data<Gated>) -> HttpResponse {
        let run = site.runs.count();
        site.gate.acquire().await.unwrap().forget();
        let mut response = HttpResponse::build(StatusCode::from_u16(site.status.get()).unwrap());
        if site.cookie.get() {
            response.insert_header(("set-cookie", format!("id={run}")));
        }
        response.body(format!("page {run}"))
    }

    async fn gated(
        cache: &PageCache,
    ) -> (Rc<impl Service<Request, Response = ServiceResponse, Error = Error> + use<>>, web::Data<Gated>)
    {
        let site = web::Data::new(Gated {
            runs: Runs::default(),
            gate: Semaphore::new(0),
            status: Cell::new(200),
            cookie: Cell::new(false),
        });
        let app = App::new()
            .app_data(cache.clone())
            .app_data(site.clone())
            .wrap(PageCacheMiddleware::new(60))
            .default_service(web::to(handler));
        (Rc::new(init_service(app).await), site)
    }

    fn many(count: usize) -> impl Iterator<Item = TestRequest> {
        (0..count).map(|_| TestRequest::get().uri("/"))
    }

    #[actix_web::test]
    async fn one_run_for_all_who_ask_meanwhile() {
        let cache = PageCache::new();
        let (app, site) = gated(&cache).await;
        let crowd = Crowd::send(&app, many(20)).await;
        assert_eq!((crowd.answered(), site.runs.get(), cache.stats().fills_in_flight()), (0, 1, 1));
        site.gate.add_permits(1);
        let answers = crowd.all().await;
        assert!(answers[0].is_stored());
        for answer in &answers[1..] {
            assert!(answer.outcome().starts_with("cache_page; fwd=miss; collapsed"), "{}", answer.outcome());
            assert_eq!(answer.text(), "page 1");
        }
        assert_eq!((site.runs.get(), cache.stats().count(Outcome::Collapsed)), (1, 19));
    }

    /// The client of the first one goes away; nobody asks in vain, and nobody asks twice.
    #[actix_web::test]
    async fn a_leader_that_goes_away_hands_over() {
        let cache = PageCache::new();
        let (app, site) = gated(&cache).await;
        let mut crowd = Crowd::send(&app, many(5)).await;
        crowd.abort(0).await;
        assert_eq!((crowd.answered(), site.runs.get()), (0, 2));
        site.gate.add_permits(1);
        for answer in crowd.all().await {
            assert_eq!(answer.text(), "page 2");
        }
        assert_eq!((site.runs.get(), cache.stats().count(Outcome::NotStored(Reason::ClientGone))), (2, 1));
        assert_eq!((cache.stats().fills_in_flight(), cache.stats().pages()), (0, 1));
    }

    #[actix_web::test]
    async fn what_is_not_kept_is_not_shared() {
        let make: [fn(&Gated); 2] = [|site| site.cookie.set(true), |site| site.status.set(500)];
        for make in make {
            let cache = PageCache::new();
            let (app, site) = gated(&cache).await;
            make(&site);
            let crowd = Crowd::send(&app, many(4)).await;
            assert_eq!(site.runs.get(), 1);
            site.gate.add_permits(1);
            settle().await;
            assert_eq!(site.runs.get(), 4, "all others run at once");
            site.gate.add_permits(3);
            let mut pages: Vec<_> = crowd.all().await.iter().map(|answer| answer.text().to_owned()).collect();
            pages.sort();
            pages.dedup();
            assert_eq!(pages.len(), 4);
        }
    }

    /// Requests that pass by neither wait for others nor are waited for.
    #[actix_web::test]
    async fn credentials_wait_for_nobody() {
        let cache = PageCache::new();
        let (app, site) = gated(&cache).await;
        let with = |name: &str| asking("/", &[(name, "alice")]);
        let requests =
            [with("cookie"), with("authorization"), TestRequest::get(), with("x-api-key"), with("cookie")];
        let crowd = Crowd::send(&app, requests).await;
        assert_eq!((site.runs.get(), cache.stats().fills_in_flight()), (5, 1));
        site.gate.add_permits(5);
        let answers = crowd.all().await;
        for (number, answer) in answers.iter().enumerate() {
            assert_eq!(answer.is_stored(), number == 2, "{}", answer.outcome());
        }
    }

    /// Somebody asks by another method, while the page is made: neither gets what is the other's.
    #[actix_web::test]
    async fn other_methods_wait_for_nobody() {
        let cache = PageCache::new();
        let (app, site) = gated(&cache).await;
        let method = |name: &str| TestRequest::default().method(Method::from_bytes(name.as_bytes()).unwrap());
        let crowd = Crowd::send(&app, ["GET", "POST", "OPTIONS", "GET"].map(method)).await;
        assert_eq!(site.runs.get(), 3);
        site.gate.add_permits(3);
        assert_eq!(crowd.all().await[3].text(), "page 1");
    }
}

mod options {
    use super::*;

    #[actix_web::test]
    async fn name() {
        let (cache, _) = by_hand();
        let (app, _) = showing(&cache, PageCacheMiddleware::new(60).name("docs")).await;
        get(&*app, "/").await;
        assert_eq!(cache.stats().handlers().map(|(name, _)| name).collect::<Vec<_>>(), ["docs"]);
        assert_eq!(cache.purge_handler("docs").await.unwrap().pages(), 1);
        let (app, _) = showing(&cache, PageCacheMiddleware::new(60)).await;
        get(&*app, "/").await;
        assert_eq!(cache.purge_handler("PageCacheMiddleware").await.unwrap().pages(), 1);
    }

    #[test]
    #[should_panic(expected = "must not be empty")]
    fn no_name() {
        drop(PageCacheMiddleware::new(60).name(""));
    }

    /// Two Apps share their cache and their URLs, and not their pages.
    #[actix_web::test]
    async fn key_prefix() {
        let (cache, _) = by_hand();
        let make = |prefix: &'static str| PageCacheMiddleware::new(60).key_prefix(prefix);
        let (old, _) = around(&cache, make("old"), || HttpResponse::Ok().body("old")).await;
        let (new, _) = around(&cache, make("new"), || HttpResponse::Ok().body("new")).await;
        for is_hit in [false, true] {
            for (app, text) in [(&old, "old")] {
                let answer = get(&**app, "/").await;
                assert_eq!((answer.text(), answer.is_hit()), (text, is_hit));
            }
            let answer = get(&*new, "/").await;
            assert_eq!((answer.text(), answer.is_hit()), ("new", is_hit));
        }
    }

    /// Their placeholders are only known when the request was routed, further inside.
    #[actix_web::test]
    async fn tags() {
        let (cache, _) = by_hand();
        let app = App::new()
            .app_data(cache.clone())
            .app_data(web::Data::new(Runs::default()))
            .wrap(PageCacheMiddleware::new(60).tags(&["posts", "post:{id}", "{tenant}:{id}"]))
            .service(web::scope("/{tenant}").route("/posts/{id}", web::get().to(shown)));
        let app = init_service(app).await;
        for uri in ["/a/posts/1", "/a/posts/2", "/b/posts/1"] {
            assert!(get(&app, uri).await.is_stored(), "{uri}");
        }
        for (tag, pages) in [("b:2", 0), ("a:1", 1), ("post:1", 1), ("posts", 1)] {
            assert_eq!(cache.purge_tag(tag).await.unwrap().pages(), pages, "{tag}");
        }
        // No purge would find a page whose tag nobody knows.
        let app = App::new()
            .app_data(cache.clone())
            .wrap(PageCacheMiddleware::new(60).tags(&["post:{id}"]))
            .route("/{other}", web::to(async || "page"));
        let answer = get(&init_service(app).await, "/a").await;
        assert_eq!(answer.outcome(), "cache_page; fwd=miss; detail=invalid-tag");
    }

    #[test]
    #[should_panic(expected = "must enclose the name")]
    fn tags_that_cannot_be() {
        drop(PageCacheMiddleware::new(60).tags(&["post:{id"]));
    }

    #[actix_web::test]
    async fn statuses() {
        let (cache, _) = by_hand();
        for (code, stored) in [(200, true), (301, true), (308, true), (404, true), (503, true), (410, false)]
        {
            let status = StatusCode::from_u16(code).unwrap();
            let page = PageCacheMiddleware::new(60).statuses(&[404, 503]);
            let (app, runs) = around(&cache, page, move || HttpResponse::new(status)).await;
            for number in 0..2 {
                let answer = get(&*app, &format!("/{code}")).await;
                assert_eq!((answer.status, answer.is_hit()), (code, stored && number > 0), "{code}");
            }
            assert_eq!(runs.get(), if stored { 1 } else { 2 }, "{code}");
        }
    }

    #[test]
    #[should_panic(expected = "never stored")]
    fn statuses_that_cannot_be() {
        drop(PageCacheMiddleware::new(60).statuses(&[304]));
    }

    #[actix_web::test]
    async fn vary() {
        let (cache, _) = by_hand();
        let (app, runs) =
            showing(&cache, PageCacheMiddleware::new(60).vary(&["accept-language", "x-theme"])).await;
        let sets: [&[(&str, &str)]; 5] = [
            &[],
            &[("accept-language", "")],
            &[("accept-language", "de")],
            &[("x-theme", "de")],
            &[("accept-language", "de"), ("x-theme", "de")],
        ];
        for round in 0..2 {
            for lines in sets {
                let answer = send(&*app, asking("/", lines)).await;
                assert_eq!(answer.is_hit(), round == 1, "{lines:?}");
                let vary = answer.header("vary").unwrap();
                assert!(vary.contains("accept-language, x-theme"), "{vary}");
            }
        }
        assert_eq!(runs.get(), 5);
        assert!(send(&*app, asking("/", &[("accept", "x")])).await.is_hit());
    }

    #[test]
    #[should_panic(expected = "lower case")]
    fn vary_in_capitals() {
        drop(PageCacheMiddleware::new(60).vary(&["Accept-Language"]));
    }

    /// A header with credentials of which each value has a page is none that passes by.
    #[actix_web::test]
    async fn vary_on_credentials() {
        let (cache, _) = by_hand();
        let (app, _) = showing(&cache, PageCacheMiddleware::new(60).vary(&["authorization"])).await;
        for is_hit in [false, true] {
            for name in ["alice", "bob"] {
                let answer = send(&*app, asking("/", &[("authorization", name)])).await;
                assert!(answer.is_hit() == is_hit && answer.text().contains(name), "{}", answer.text());
            }
            let stranger = get(&*app, "/").await;
            assert!(stranger.is_hit() == is_hit && !stranger.text().contains("alice"));
        }
        let both = send(&*app, asking("/", &[("authorization", "alice"), ("x-api-key", "bob")])).await;
        assert!(both.outcome().ends_with("credentials"));
    }

    /// The handler may read all others: whoever sends one passes by.
    #[actix_web::test]
    async fn vary_cookie() {
        let (cache, _) = by_hand();
        let (app, runs) = showing(&cache, PageCacheMiddleware::new(60).vary_cookie(&["theme"])).await;
        for cookie in ["theme=dark", "theme=dark; id=1", "id=1"] {
            for _ in 0..2 {
                let answer = send(&*app, asking("/", &[("cookie", cookie)])).await;
                assert_eq!(answer.outcome(), "cache_page; fwd=bypass; detail=credentials", "{cookie}");
            }
        }
        assert!(get(&*app, "/").await.is_stored());
        assert!(get(&*app, "/").await.is_hit());
        assert_eq!(runs.get(), 7);
    }

    #[actix_web::test]
    async fn vary_by() {
        let by =
            |request: &HttpRequest| request.headers().get("x-tenant").map(|line| line.as_bytes().to_vec());
        let (cache, _) = by_hand();
        let (app, _) = showing(&cache, PageCacheMiddleware::new(60).vary_by(by)).await;
        for is_hit in [false, true] {
            for tenant in ["a", "b", ""] {
                let answer = send(&*app, asking("/", &[("x-tenant", tenant)])).await;
                assert_eq!(answer.is_hit(), is_hit, "{tenant}");
                assert!(answer.text().contains(&format!("\"{tenant}\"")), "{}", answer.text());
                // Caches further down cannot know what it looks at.
                let said = answer.header("cache-control").unwrap();
                assert!(said.contains("private"), "{said}");
            }
            assert_eq!(get(&*app, "/").await.is_hit(), is_hit);
        }
        assert_eq!(cache.stats().pages(), 4);
    }

    #[actix_web::test]
    async fn query() {
        let (cache, _) = by_hand();
        let (app, _) = showing(&cache, PageCacheMiddleware::new(60).query(&["page", "sort"])).await;
        assert!(get(&*app, "/?page=1&sort=a&utm=1").await.is_stored());
        assert!(get(&*app, "/?sort=a&x=y&page=1").await.is_hit());
        assert!(get(&*app, "/?sort=a&page=2").await.is_stored());
    }

    #[actix_web::test]
    async fn ignore_query() {
        let (cache, _) = by_hand();
        let (app, _) = showing(&cache, PageCacheMiddleware::new(60).ignore_query(&["utm_*", "ref"])).await;
        assert!(get(&*app, "/?page=1&utm_source=a").await.is_stored());
        assert!(get(&*app, "/?ref=x&page=1").await.is_hit());
        assert!(get(&*app, "/?page=1&other=1").await.is_stored());
    }

    #[actix_web::test]
    async fn bypass_if() {
        let (cache, _) = by_hand();
        let is_preview = |request: &HttpRequest| request.headers().contains_key("x-preview");
        let (app, _) = showing(&cache, PageCacheMiddleware::new(60).bypass_if(is_preview)).await;
        for _ in 0..2 {
            let preview = send(&*app, asking("/", &[("x-preview", "1")])).await;
            assert_eq!(preview.outcome(), "cache_page; fwd=bypass; detail=bypass-if");
        }
        assert!(get(&*app, "/").await.is_stored());
    }

    #[actix_web::test]
    async fn no_store_if() {
        let (cache, _) = by_hand();
        let is_empty = |page: &Page| page.body().ends_with(b"nothing");
        let runs = Runs::default();
        let counted = runs.clone();
        let answer =
            move || HttpResponse::Ok().body(if counted.count() < 3 { "nothing" } else { "something" });
        let (app, _) = around(&cache, PageCacheMiddleware::new(60).no_store_if(is_empty), answer).await;
        for told in
            ["fwd=miss; detail=no-store-if", "fwd=miss; detail=no-store-if", "fwd=miss; stored; ttl=60"]
        {
            assert_eq!(get(&*app, "/").await.outcome(), format!("cache_page; {told}"));
        }
        assert_eq!((get(&*app, "/").await.is_hit(), runs.get()), (true, 3));
    }

    #[actix_web::test]
    async fn browser_ttl() {
        let (cache, _) = by_hand();
        let (app, _) = showing(&cache, PageCacheMiddleware::new(60).browser_ttl(seconds(5))).await;
        for _ in 0..2 {
            assert_eq!(get(&*app, "/").await.header("cache-control").as_deref(), Some("max-age=5"));
        }
    }

    #[actix_web::test]
    async fn max_body() {
        let (cache, _) = by_hand();
        for (length, stored) in [(100, true), (101, false)] {
            let page = PageCacheMiddleware::new(60).max_body(100);
            let (app, _) = around(&cache, page, move || HttpResponse::Ok().body(vec![b'x'; length])).await;
            let answer = get(&*app, &format!("/{length}")).await;
            assert_eq!((answer.is_stored(), answer.body.len()), (stored, length), "{}", answer.outcome());
        }
    }

    #[actix_web::test]
    async fn cache_by_name() {
        let (named, _) = by_hand();
        let cache = PageCache::builder().named_cache("docs", named.clone()).build();
        let (app, _) = showing(&cache, PageCacheMiddleware::new(60).cache("docs")).await;
        assert!(get(&*app, "/").await.is_stored() && get(&*app, "/").await.is_hit());
        assert_eq!((named.stats().pages(), cache.stats().pages()), (1, 0));
        assert_eq!((named.stats().requests(), cache.stats().requests()), (2, 0));
        // What is named in it goes with it, for a change as for a purge.
        send(&*app, TestRequest::post().uri("/")).await;
        assert_eq!(named.stats().pages(), 0);
    }
}

/// Handlers inside that say something of their own pages.
mod handlers {
    use super::*;

    #[cache_page(300, name = "own", tags = ["own"])]
    async fn own(#[unkeyed] runs: web::Data<Runs>) -> String {
        runs.count().to_string()
    }

    #[cache_page(uncached)]
    async fn off(runs: web::Data<Runs>) -> String {
        runs.count().to_string()
    }

    async fn no_store(runs: web::Data<Runs>, control: PageControl) -> String {
        control.no_store();
        runs.count().to_string()
    }

    async fn inside(
        cache: &PageCache,
        page: PageCacheMiddleware,
    ) -> Rc<impl Service<Request, Response = ServiceResponse<BoxBody>, Error = Error> + use<>> {
        let app = App::new()
            .app_data(cache.clone())
            .app_data(web::Data::new(Runs::default()))
            .wrap(page)
            .route("/own", web::to(own))
            .route("/off", web::to(off))
            .route("/no-store", web::to(no_store));
        Rc::new(init_service(app).await)
    }

    /// It is kept once, for its own time, told once and counted once.
    #[actix_web::test]
    async fn one_that_is_cached_itself() {
        let (cache, clock) = by_hand();
        let app = inside(&cache, PageCacheMiddleware::new(60)).await;
        let miss = get(&*app, "/own").await;
        assert_eq!(miss.outcome(), "cache_page; fwd=miss; stored; ttl=300");
        assert_eq!(miss.header("cache-control").as_deref(), Some("max-age=300"));
        assert_eq!((cache.stats().pages(), cache.stats().requests()), (1, 1));
        for left in [200, 100] {
            clock.advance(seconds(100));
            let hit = get(&*app, "/own").await;
            assert_eq!(hit.outcome(), format!("cache_page; hit; ttl={left}"));
            assert_eq!(hit.text(), "1");
        }
        // It is covered: who has a cookie gets it as well.
        let known = send(&*app, asking("/own", &[("cookie", "a=b")])).await;
        assert_eq!(known.outcome(), "cache_page; hit; ttl=100");
        let stats = cache.stats();
        assert_eq!((stats.requests(), stats.count(Outcome::Stored), stats.count(Outcome::Hit)), (4, 1, 3));
        assert_eq!(stats.handlers().map(|(name, _)| name).collect::<Vec<_>>(), ["own"]);

        assert_eq!(cache.purge_tag("own").await.unwrap().pages(), 1);
        assert_eq!(get(&*app, "/own").await.text(), "2");
        assert_eq!(cache.purge_handler("own").await.unwrap().pages(), 1);
        assert_eq!(get(&*app, "/own").await.text(), "3");
        // Once more, its time is its own.
        clock.advance(seconds(299));
        assert_eq!(get(&*app, "/own").await.text(), "3");
        clock.advance(seconds(1));
        assert_eq!(get(&*app, "/own").await.text(), "4");
    }

    /// Many ask at once: the handler runs once, as by itself.
    #[actix_web::test]
    async fn one_that_is_cached_itself_and_asked_by_many() {
        #[cache_page(60)]
        async fn gated(#[unkeyed] runs: web::Data<Runs>, #[unkeyed] gate: web::Data<Semaphore>) -> String {
            let run = runs.count();
            gate.acquire().await.unwrap().forget();
            run.to_string()
        }
        let cache = PageCache::new();
        let (runs, gate) = (web::Data::new(Runs::default()), web::Data::new(Semaphore::new(0)));
        let app = App::new()
            .app_data(cache.clone())
            .app_data(runs.clone())
            .app_data(gate.clone())
            .wrap(PageCacheMiddleware::new(60))
            .default_service(web::to(gated));
        let app = Rc::new(init_service(app).await);
        let crowd = Crowd::send(&app, (0..5).map(|_| TestRequest::get())).await;
        gate.add_permits(1);
        for answer in crowd.all().await {
            assert_eq!(answer.text(), "1");
            assert_eq!(answer.outcome().matches("cache_page").count(), 1, "{}", answer.outcome());
        }
        assert_eq!((runs.get(), cache.stats().requests()), (1, 5));
    }

    #[actix_web::test]
    async fn one_that_is_exempt() {
        let cache = PageCache::new();
        // Not even a status that is wanted, or an old page of somebody's.
        let page =
            PageCacheMiddleware::new(60).stale_if_error(seconds(600)).stale_while_revalidate(seconds(60));
        let app = inside(&cache, page).await;
        for number in 1..4 {
            let answer = get(&*app, "/off").await;
            assert_eq!((answer.text(), answer.header("cache-status")), (&*number.to_string(), None));
            assert_eq!((answer.header("etag"), answer.header("cache-control")), (None, None));
        }
        for number in 4..7 {
            let answer = get(&*app, "/no-store").await;
            assert_eq!(answer.text(), number.to_string());
            assert_eq!(answer.outcome(), "cache_page; fwd=miss; detail=no-store");
        }
        assert_eq!((cache.stats().pages(), cache.stats().requests()), (0, 3));
    }

    /// What a handler says in its argument is heard by what is around it.
    #[actix_web::test]
    async fn one_that_speaks_of_its_page() {
        async fn spoken(control: PageControl, request: HttpRequest) -> String {
            control.ttl(seconds(300)).tag("spoken").vary_on(HeaderName::from_static("x-theme"));
            format!("{:?}", request.headers().get("x-theme"))
        }
        let (cache, clock) = by_hand();
        let app =
            App::new().app_data(cache.clone()).wrap(PageCacheMiddleware::new(60)).route("/", web::to(spoken));
        let app = init_service(app).await;
        for theme in ["dark", "light"] {
            let answer = send(&app, asking("/", &[("x-theme", theme)])).await;
            assert!(answer.is_stored() && answer.text().contains(theme), "{}", answer.outcome());
            assert!(answer.header("vary").unwrap().contains("x-theme"));
        }
        clock.advance(seconds(299));
        for theme in ["dark", "light"] {
            let answer = send(&app, asking("/", &[("x-theme", theme)])).await;
            assert!(answer.is_hit() && answer.text().contains(theme), "{}", answer.outcome());
        }
        assert_eq!(cache.purge_tag("spoken").await.unwrap().pages(), 2);
    }

    /// One that finds that its page is as it was says so, and does not make it again.
    #[actix_web::test]
    async fn one_that_knows_its_page() {
        async fn known(runs: web::Data<Runs>, control: PageControl) -> HttpResponse {
            let run = runs.count();
            let Some(validators) = control.validators() else {
                return HttpResponse::Ok().insert_header(("etag", "\"a\"")).body(format!("page {run}"));
            };
            assert_eq!(validators.etag().unwrap(), "\"a\"");
            HttpResponse::NotModified().finish()
        }
        for page in [
            PageCacheMiddleware::new(60).stale_if_error(seconds(60)),
            PageCacheMiddleware::new(60).stale_while_revalidate(seconds(60)),
        ] {
            let (cache, clock) = by_hand();
            let app = App::new().app_data(cache.clone()).app_data(web::Data::new(Runs::default()));
            let app = init_service(app.wrap(page).route("/", web::to(known))).await;
            get(&app, "/").await;
            clock.advance(seconds(60));
            let second = get(&app, "/").await;
            assert_eq!((second.status, second.text()), (200, "page 1"));
            settle().await;
            let third = get(&app, "/").await;
            assert_eq!((third.text(), &*third.outcome()), ("page 1", "cache_page; hit; ttl=60"));
        }
    }

    /// Of two of them, the inner one keeps: the page is there once, for its time, told and counted once.
    #[actix_web::test]
    async fn one_middleware_in_another() {
        let (cache, clock) = by_hand();
        let runs = web::Data::new(Runs::default());
        let scope = web::scope("/scope")
            .wrap(PageCacheMiddleware::new(300).name("inner"))
            .default_service(web::to(shown));
        let app = App::new()
            .app_data(cache.clone())
            .app_data(runs.clone())
            .wrap(PageCacheMiddleware::new(60).name("outer"))
            .service(scope)
            .default_service(web::to(shown));
        let app = Rc::new(init_service(app).await);
        let crowd = Crowd::send(&app, [TestRequest::get().uri("/scope/a")]).await;
        assert_eq!(crowd.answered(), 1, "the inner one waits for the outer one, and that for the inner one");
        let miss = crowd.all().await.remove(0);
        assert_eq!(miss.outcome(), "cache_page; fwd=miss; stored; ttl=300");
        assert_eq!((cache.stats().pages(), cache.stats().requests()), (1, 1));
        clock.advance(seconds(299));
        let hit = get(&*app, "/scope/a").await;
        assert_eq!((hit.outcome().as_str(), runs.get()), ("cache_page; hit; ttl=1", 1));
        assert_eq!(cache.stats().requests(), 2);
        assert_eq!(cache.purge_handler("inner").await.unwrap().pages(), 1);
        // What is only in the outer one is the outer one's.
        assert_eq!(get(&*app, "/b").await.outcome(), "cache_page; fwd=miss; stored; ttl=60");
        assert_eq!(cache.purge_handler("outer").await.unwrap().pages(), 1);
        // Whoever passes by one of them passes by both, and is told so once.
        let known = send(&*app, asking("/scope/a", &[("cookie", "a=b")])).await;
        assert_eq!(known.outcome(), "cache_page; fwd=bypass; detail=credentials");
    }
}

/// Without a cache of its own, an App that nothing tells from others keeps nothing; all else is as it was.
#[actix_web::test]
async fn in_no_known_app() {
    #[cache_page(60)]
    async fn own() -> &'static str {
        "own"
    }
    let page = PageCacheMiddleware::new(60).stale_while_revalidate(seconds(60)).stale_if_error(seconds(60));
    let app = App::new()
        .app_data(web::Data::new(Runs::default()))
        .wrap(page)
        .service(web::scope("/scope").route("/{id}", web::to(shown)).route("/{id}/own", web::to(own)));
    let app = init_service(app).await;
    for number in 1..4 {
        let answer = get(&app, "/scope/1").await;
        assert_eq!(answer.outcome(), "cache_page; fwd=bypass; detail=unknown-app");
        assert!(answer.text().starts_with(&number.to_string()));
        // A handler inside may be cached by itself all the same.
        let own = get(&app, "/scope/1/own").await;
        assert_eq!((own.text(), own.is_hit()), ("own", number > 1));
    }
    assert_eq!(send(&app, TestRequest::post().uri("/scope/1")).await.status, 200);
}

/// What comes with a request arrives where it did without the middleware.
#[actix_web::test]
async fn payloads() {
    async fn echo(body: web::Bytes) -> web::Bytes {
        body
    }
    async fn form(form: web::Form<Vec<(String, String)>>) -> impl Responder {
        format!("{:?}", form.into_inner())
    }
    let app = App::new()
        .app_data(PageCache::new())
        .wrap(PageCacheMiddleware::new(60))
        .route("/echo", web::to(echo))
        .route("/form", web::post().to(form));
    let app = init_service(app).await;
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let body = vec![b'x'; 100_000];
        let answer =
            send(&app, TestRequest::default().method(method).uri("/echo").set_payload(body.clone())).await;
        assert!(answer.body == body && answer.outcome() == "cache_page; fwd=method");
    }
    let filled = TestRequest::post().uri("/form").set_form([("a", "1")]);
    assert_eq!(send(&app, filled).await.text(), "[(\"a\", \"1\")]");
}

/// A body that comes piece by piece goes out piece by piece, and its page is kept at the end.
#[actix_web::test]
async fn streams() {
    use actix_web::{body::MessageBody as _, test::call_service};
    use futures_util::{StreamExt as _, stream};

    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<&'static str>();
    let receiver = web::Data::new(Cell::new(Some(receiver)));
    let cache = PageCache::new();
    let app = App::new()
        .app_data(cache.clone())
        .app_data(receiver)
        .wrap(PageCacheMiddleware::new(60))
        .default_service(web::to(
            async |receiver: web::Data<Cell<Option<tokio::sync::mpsc::UnboundedReceiver<&'static str>>>>| {
                let receiver = receiver.take().expect("one run");
                HttpResponse::Ok().streaming(
                    stream::unfold(receiver, async |mut receiver| {
                        let piece = receiver.recv().await?;
                        Some((Ok::<_, Error>(web::Bytes::from_static(piece.as_bytes())), receiver))
                    })
                    .boxed_local(),
                )
            },
        ));
    let app = init_service(app).await;
    let response = call_service(&app, TestRequest::get().to_request()).await;
    assert_eq!(response.headers().get("cache-status").unwrap(), "cache_page; fwd=miss; detail=streamed");
    let mut body = response.into_body();
    let mut next =
        async || std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_next(context)).await;
    for piece in ["one ", "two"] {
        sender.send(piece).unwrap();
        assert_eq!(next().await.unwrap().unwrap(), piece);
        assert_eq!(cache.stats().pages(), 0);
    }
    drop(sender);
    assert!(next().await.is_none());
    assert_eq!(cache.stats().pages(), 1);
    let hit = get(&app, "/").await;
    assert_eq!((hit.text(), hit.is_hit()), ("one two", true));
}

/// Connections that are handed over are nobody's page, and nobody waits for them.
#[actix_web::test]
async fn upgrades() {
    let runs = Runs::default();
    let counted = runs.clone();
    let cache = PageCache::new();
    let (app, _) = around(&cache, PageCacheMiddleware::new(60).statuses(&[200]), move || {
        counted.count();
        HttpResponse::SwitchingProtocols()
            .insert_header(("upgrade", "websocket"))
            .insert_header(("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
            .upgrade("websocket")
            .finish()
    })
    .await;
    // Whether the request says so or not.
    for lines in [&[("connection", "upgrade"), ("upgrade", "websocket")][..], &[]] {
        for _ in 0..3 {
            let before = runs.get();
            let answer: Answer = send(&*app, asking("/", lines)).await;
            assert_eq!((answer.status, runs.get()), (101, before + 1));
            assert!(answer.outcome().ends_with("detail=upgrade"), "{}", answer.outcome());
        }
    }
    assert_eq!(cache.stats().pages(), 0);
}
