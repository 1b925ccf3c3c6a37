//! What a handler says of its page: by its argument, in the cache's own header, or by a 304.

use std::{cell::RefCell, rc::Rc, time::Duration};

use actix_http::Request;
use actix_web::{
    App, Error, HttpResponse,
    dev::{Service, ServiceResponse},
    error::{ErrorInternalServerError, ErrorNotFound},
    http::{
        Method, StatusCode,
        header::{self, HeaderName},
    },
    test::{TestRequest, init_service},
    web,
};
use cache_page::{
    PageCache, PageCacheBuilder, PageCacheMiddleware, PageControl, Reason, cache_page, testing::ManualClock,
};

use tokio::sync::Semaphore;

use crate::legacy::{Answer, Crowd, Runs, asking, done, get, send, settle};

type Maker = dyn Fn(u64, &PageControl) -> Result<HttpResponse, Error>;

struct Site {
    cache: PageCache,
    clock: ManualClock,
    runs: Runs,
    /// How many runs of the slow handler may come to their end.
    gate: Semaphore,
    make: RefCell<Box<Maker>>,
}

impl Site {
    fn new(cache: PageCacheBuilder) -> web::Data<Self> {
        let clock = ManualClock::new();
        web::Data::new(Self {
            cache: cache.clock(clock.clone()).build(),
            clock,
            runs: Runs::default(),
            gate: Semaphore::new(1),
            make: RefCell::new(Box::new(|run, _| Ok(numbered(run)))),
        })
    }

    fn makes(&self, make: impl Fn(u64, &PageControl) -> HttpResponse + 'static) {
        self.fails(move |run, control| Ok(make(run, control)));
    }

    fn fails(&self, make: impl Fn(u64, &PageControl) -> Result<HttpResponse, Error> + 'static) {
        *self.make.borrow_mut() = Box::new(make);
    }

    fn make(&self, control: &PageControl) -> Result<HttpResponse, Error> {
        (self.make.borrow())(self.runs.count(), control)
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn numbered(run: u64) -> HttpResponse {
    HttpResponse::Ok().body(format!("page {run}"))
}

#[cache_page(60)]
async fn page(site: web::Data<Site>, control: PageControl) -> Result<HttpResponse, Error> {
    site.make(&control)
}

#[cache_page(60, browser_ttl = 10)]
async fn brief(site: web::Data<Site>, control: PageControl) -> Result<HttpResponse, Error> {
    site.make(&control)
}

#[cache_page(60, stale_while_revalidate = 30)]
async fn refreshed(site: web::Data<Site>, control: PageControl) -> Result<HttpResponse, Error> {
    site.make(&control)
}

#[cache_page(60, stale_if_error = 300)]
async fn sturdy(site: web::Data<Site>, control: PageControl) -> Result<HttpResponse, Error> {
    site.make(&control)
}

#[cache_page(60, stale_if_error = 300)]
async fn slow(site: web::Data<Site>, control: PageControl) -> Result<HttpResponse, Error> {
    site.gate.acquire().await.unwrap().forget();
    site.make(&control)
}

/// A page whose `Vary` the cache adds to.
#[cache_page(60, stale_if_error = 300, vary = ["accept-language"])]
async fn varied(site: web::Data<Site>, control: PageControl) -> Result<HttpResponse, Error> {
    site.make(&control)
}

#[cache_page(uncached)]
async fn exempt(site: web::Data<Site>, control: PageControl) -> Result<HttpResponse, Error> {
    site.make(&control)
}

async fn plain(site: web::Data<Site>, control: PageControl) -> Result<HttpResponse, Error> {
    site.make(&control)
}

async fn app(
    site: &web::Data<Site>,
) -> Rc<impl Service<Request, Response = ServiceResponse, Error = Error> + use<>> {
    let around = web::scope("/around")
        .wrap(PageCacheMiddleware::new(60).stale_if_error(seconds(300)))
        .route("/exempt", web::route().to(exempt))
        .route("/page", web::route().to(page))
        .route("/plain", web::route().to(plain));
    let app = App::new()
        .app_data(site.cache.clone())
        .app_data(site.clone())
        .route("/page", web::route().to(page))
        .route("/brief", web::route().to(brief))
        .route("/refreshed", web::route().to(refreshed))
        .route("/sturdy", web::route().to(sturdy))
        .route("/slow", web::route().to(slow))
        .route("/varied", web::route().to(varied))
        .route("/exempt", web::route().to(exempt))
        .route("/plain", web::route().to(plain))
        .service(around);
    Rc::new(init_service(app).await)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

// The argument.

#[actix_web::test]
async fn a_handler_decides_for_how_long() {
    for (ttl, told) in [(5, 5), (600, 600)] {
        let site = Site::new(PageCache::builder());
        let app = app(&site).await;
        site.makes(move |run, control| {
            control.ttl(seconds(ttl));
            numbered(run)
        });
        let answer = get(&*app, "/page").await;
        assert_eq!(answer.outcome(), format!("cache_page; fwd=miss; stored; ttl={ttl}"));
        // Clients follow it, where the handler does not tell them something else.
        assert_eq!(answer.header("cache-control"), Some(format!("max-age={told}")));
        site.clock.advance(seconds(ttl) - Duration::from_nanos(1));
        assert!(get(&*app, "/page").await.is_hit());
        site.clock.advance(Duration::from_nanos(1));
        assert!(get(&*app, "/page").await.is_stored());
        // The attribute's word to clients is about them, and stays.
        assert_eq!(get(&*app, "/brief").await.header("cache-control").as_deref(), Some("max-age=10"));
    }
}

#[actix_web::test]
async fn for_ever_is_until_it_is_purged_and_for_no_time_is_not_at_all() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    site.makes(|run, control| {
        control.ttl(None);
        numbered(run)
    });
    let answer = get(&*app, "/page").await;
    assert_eq!(answer.outcome(), "cache_page; fwd=miss; stored");
    assert_eq!(answer.header("cache-control").as_deref(), Some("max-age=31536000"));
    site.advance(100 * 365 * 24 * 60 * 60);
    assert!(get(&*app, "/page").await.is_hit());
    site.cache.purge_all().await.unwrap();
    for uri in ["/page", "/refreshed"] {
        site.makes(|run, control| {
            control.ttl(Duration::ZERO);
            numbered(run)
        });
        for _ in 0..2 {
            let answer = get(&*app, uri).await;
            assert_eq!(answer.outcome(), "cache_page; fwd=miss; detail=expired");
            assert_eq!(answer.header("cache-control"), None);
        }
    }
    assert_eq!(site.cache.stats().pages(), 0);
}

/// The response's own words are for everybody; the argument is for this cache.
#[actix_web::test]
async fn the_argument_wins_over_what_the_response_says_and_not_over_what_it_forbids() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    for said in ["max-age=5", "max-age=5, s-maxage=7", "max-age=0", "s-maxage=0"] {
        site.makes(move |run, control| {
            control.ttl(seconds(100));
            let mut response = numbered(run);
            response.headers_mut().insert(header::CACHE_CONTROL, said.parse().unwrap());
            response
        });
        let answer = get(&*app, "/page").await;
        assert_eq!(answer.outcome(), "cache_page; fwd=miss; stored; ttl=100", "{said}");
        assert_eq!(answer.header("cache-control").as_deref(), Some(said));
        site.cache.purge_all().await.unwrap();
    }
    for (name, said, reason) in [
        ("cache-control", "private", "private"),
        ("cache-control", "no-store", "no-store"),
        ("cache-control", "no-cache", "no-cache"),
        ("set-cookie", "id=1", "set-cookie"),
        ("vary", "*", "vary"),
    ] {
        site.makes(move |run, control| {
            control.ttl(seconds(100)).tag("a");
            let mut response = numbered(run);
            response.headers_mut().insert(HeaderName::from_static(name), said.parse().unwrap());
            response
        });
        let answer = get(&*app, "/page").await;
        assert_eq!(answer.outcome(), format!("cache_page; fwd=miss; detail={reason}"));
        site.clock.advance(seconds(60));
    }
}

/// It applies to what is answered, whatever the status.
#[actix_web::test]
async fn a_handler_may_have_any_answer_kept() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    for (status, is_kept) in [(404, true), (302, true), (503, true), (206, false), (304, false), (412, false)]
    {
        site.makes(move |run, control| {
            control.ttl(seconds(5));
            HttpResponse::build(StatusCode::from_u16(status).unwrap()).body(run.to_string())
        });
        assert_eq!(get(&*app, "/page").await.is_stored(), is_kept, "{status}");
        site.cache.purge_all().await.unwrap();
        site.advance(60);
    }
}

/// What a handler says of its page before it fails is not about its failure.
#[actix_web::test]
async fn a_failure_is_not_kept_for_what_was_said_before_it() {
    for fail in [ErrorInternalServerError::<&str> as fn(_) -> Error, ErrorNotFound] {
        let site = Site::new(PageCache::builder());
        let app = app(&site).await;
        site.fails(move |_, control| {
            control.ttl(seconds(600));
            Err(fail("the database is gone"))
        });
        let answer = get(&*app, "/page").await;
        assert_eq!(answer.outcome(), "cache_page; fwd=miss; detail=status", "{}", answer.status);
    }
}

#[actix_web::test]
async fn what_a_handler_says_is_not_to_be_kept_is_neither_kept_nor_shared() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    site.makes(|run, control| {
        control.ttl(seconds(600)).no_store();
        numbered(run)
    });
    let crowd = Crowd::send(&app, (0..5).map(|_| TestRequest::get().uri("/page"))).await;
    let answers = crowd.all().await;
    for (run, answer) in answers.iter().enumerate() {
        assert_eq!(answer.outcome(), "cache_page; fwd=miss; detail=no-store");
        assert_eq!(answer.text(), format!("page {}", run + 1));
    }
    assert_eq!(site.cache.stats().count(cache_page::Outcome::NotStored(Reason::NoStore)), 5);
}

/// The old page may be what must not be sent any more.
#[actix_web::test]
async fn what_is_not_to_be_kept_takes_back_what_was() {
    for uri in ["/sturdy", "/refreshed"] {
        let site = Site::new(PageCache::builder());
        let app = app(&site).await;
        get(&*app, uri).await;
        site.makes(|run, control| {
            control.no_store();
            numbered(run)
        });
        site.advance(60);
        get(&*app, uri).await;
        settle().await;
        assert_eq!((site.runs.get(), site.cache.stats().pages()), (2, 0), "{uri}");
        site.makes(|_, _| HttpResponse::InternalServerError().finish());
        assert_eq!(get(&*app, uri).await.status, 500, "nothing stands in: {uri}");
    }
}

#[actix_web::test]
async fn a_handler_tells_what_its_page_depends_on() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    site.makes(|run, control| {
        control.vary_on(header::ACCEPT_LANGUAGE).vary_on(header::DNT).vary_on(header::DNT);
        numbered(run)
    });
    let requests = || {
        [
            [("accept-language", "de"), ("dnt", "0")],
            [("accept-language", "en"), ("dnt", "0")],
            [("accept-language", "de"), ("dnt", "1")],
        ]
        .map(|headers| asking("/page", &headers))
    };
    for request in requests() {
        let answer = send(&*app, request).await;
        assert!(answer.is_stored());
        assert_eq!(answer.header("vary").as_deref(), Some("accept-language, dnt"));
    }
    for (run, request) in requests().into_iter().enumerate() {
        let answer = send(&*app, request).await;
        assert!(answer.is_hit());
        assert_eq!(answer.text(), format!("page {}", run + 1));
        assert_eq!(answer.header("vary").as_deref(), Some("accept-language, dnt"));
    }
    // Those who come while one of them is made are not sent it.
    site.cache.purge_all().await.unwrap();
    let crowd = Crowd::send(&app, requests()).await;
    let answers = crowd.all().await;
    assert!(answers.iter().all(Answer::is_stored));
}

#[actix_web::test]
async fn a_handler_decides_for_how_long_its_stale_page_is_sent() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    site.makes(|run, control| {
        control.stale_while_revalidate(seconds(5)).ttl(seconds(10));
        numbered(run)
    });
    for uri in ["/refreshed", "/page"] {
        get(&*app, uri).await;
    }
    site.advance(10);
    // Nobody would make it anew in the background.
    assert_eq!(get(&*app, "/page").await.text(), "page 3");
    let answer = get(&*app, "/refreshed").await;
    assert!(answer.outcome().ends_with("detail=stale-while-revalidate"), "{answer:?}");
    settle().await;
    assert_eq!(site.runs.get(), 4);
    // What was said in the background counts for the page that was made there: 10 seconds and 5, not 60 and 30.
    let answer = get(&*app, "/refreshed").await;
    assert_eq!((answer.outcome().as_str(), answer.text()), ("cache_page; hit; ttl=10", "page 4"));
    site.advance(15);
    let answer = get(&*app, "/refreshed").await;
    assert_eq!(
        (answer.outcome().as_str(), answer.text()),
        ("cache_page; fwd=stale; stored; ttl=10", "page 5")
    );
}

#[actix_web::test]
async fn what_is_said_in_the_background_counts() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    site.makes(|run, control| {
        control.tag(format!("run {run}"));
        numbered(run)
    });
    get(&*app, "/refreshed").await;
    site.advance(60);
    get(&*app, "/refreshed").await;
    settle().await;
    assert_eq!(site.cache.purge_tag("run 1").await.unwrap().pages(), 0);
    assert_eq!(site.cache.purge_tag("run 2").await.unwrap().pages(), 1);
}

#[actix_web::test]
async fn what_a_handler_says_that_is_not_cached_goes_unheard() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    site.makes(|run, control| {
        assert_eq!(control.validators(), None);
        control.ttl(seconds(600)).tag("").tag("a").vary_on(header::DNT);
        numbered(run)
    });
    for uri in ["/plain", "/exempt"] {
        for run in 1..=2 {
            let answer = get(&*app, uri).await;
            assert_eq!(
                (answer.status, answer.header("cache-status"), answer.header("vary")),
                (200, None, None),
                "{uri} {run}"
            );
        }
    }
    // Neither is heard what it says of an answer to `POST`.
    let answer = send(&*app, TestRequest::post().uri("/page")).await;
    assert_eq!((answer.outcome().as_str(), answer.header("vary")), ("cache_page; fwd=method", None));
    assert_eq!(site.cache.stats().pages(), 0);
}

// 304.

/// A handler that compares what it is told of its page with what it would make.
fn comparing(etag: &'static str) -> impl Fn(u64, &PageControl) -> HttpResponse {
    move |run, control| {
        let known = control.validators();
        let is_same = known.as_ref().and_then(|known| known.etag()).is_some_and(|known| known == etag);
        let mut response = if is_same { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        response.insert_header(("etag", etag)).insert_header(("x-run", run.to_string()));
        if is_same { response.finish() } else { response.body(format!("page {run}")) }
    }
}

#[actix_web::test]
async fn a_page_that_is_as_it_was_is_fresh_again() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    site.makes(comparing("\"a\""));
    let first = get(&*app, "/sturdy").await;
    assert_eq!((first.text(), first.header("x-run").as_deref()), ("page 1", Some("1")));
    site.advance(70);
    let answer = get(&*app, "/sturdy").await;
    assert_eq!(answer.outcome(), "cache_page; fwd=stale; fwd-status=304; stored; ttl=60");
    assert_eq!((answer.status, answer.text()), (200, "page 1"));
    // The headers that came along are news, and so is the time.
    assert_eq!(answer.header("x-run").as_deref(), Some("2"));
    assert_ne!(answer.header("date"), first.header("date"));
    assert_eq!(answer.header("etag").as_deref(), Some("\"a\""));
    assert_eq!(answer.header("content-type"), first.header("content-type"));
    site.advance(59);
    let hit = get(&*app, "/sturdy").await;
    assert_eq!((hit.outcome().as_str(), hit.text()), ("cache_page; hit; ttl=1", "page 1"));
    assert_eq!(hit.header("age").as_deref(), Some("59"));
    assert_eq!(hit.lasting_headers(), answer.lasting_headers());
    // Again and again, until it changes.
    site.advance(1);
    assert!(get(&*app, "/sturdy").await.outcome().contains("fwd-status=304; stored"));
    site.advance(60);
    site.makes(comparing("\"b\""));
    let answer = get(&*app, "/sturdy").await;
    assert_eq!(
        (answer.outcome().as_str(), answer.text()),
        ("cache_page; fwd=stale; stored; ttl=60", "page 4")
    );
}

#[actix_web::test]
async fn a_page_is_fresh_again_in_the_background_too() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    site.makes(comparing("\"a\""));
    get(&*app, "/refreshed").await;
    site.advance(60);
    get(&*app, "/refreshed").await;
    settle().await;
    let answer = get(&*app, "/refreshed").await;
    assert_eq!((answer.outcome().as_str(), answer.text()), ("cache_page; hit; ttl=60", "page 1"));
    assert_eq!((answer.header("x-run").as_deref(), answer.header("age").as_deref()), (Some("2"), Some("0")));
}

/// Those who wait for a page wait for what is sent, and not for what the handler answered.
#[actix_web::test]
async fn followers_are_sent_the_page_that_is_fresh_again() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    site.makes(comparing("\"a\""));
    get(&*app, "/slow").await;
    site.advance(60);
    let crowd = Crowd::send(&app, (0..3).map(|_| TestRequest::get().uri("/slow"))).await;
    site.gate.add_permits(1);
    let answers = crowd.all().await;
    assert!(answers.iter().all(|answer| (answer.status, answer.text()) == (200, "page 1")), "{answers:?}");
    assert!(answers[1..].iter().all(|answer| answer.outcome().contains("; collapsed")), "{answers:?}");
    assert_eq!(site.runs.get(), 2);
}

/// What is about the body stays as the body does (RFC 9111 3.2).
#[actix_web::test]
async fn a_304_says_nothing_of_the_body() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    site.makes(|_, _| {
        let mut response = HttpResponse::Ok();
        response
            .insert_header(("x-gone", "not said again"))
            .append_header(("x-many", "1"))
            .append_header(("x-many", "2"));
        response.insert_header(("content-type", "text/html")).body("page 1")
    });
    let first = get(&*app, "/sturdy").await;
    site.makes(|_, control| {
        let _ = control.validators();
        let mut response = HttpResponse::NotModified();
        response.insert_header(("content-type", "text/plain")).insert_header(("content-length", "0"));
        response.insert_header(("content-encoding", "gzip")).insert_header(("x-many", "3"));
        response.insert_header(("cache-control", "max-age=7")).finish()
    });
    site.advance(60);
    for outcome in ["cache_page; fwd=stale; fwd-status=304; stored; ttl=7", "cache_page; hit; ttl=7"] {
        let answer = get(&*app, "/sturdy").await;
        assert_eq!((answer.outcome().as_str(), &answer.body), (outcome, &first.body));
        for name in ["content-type", "content-length", "content-encoding", "x-gone", "etag"] {
            assert_eq!(answer.header(name), first.header(name), "{name}");
        }
        assert_eq!(answer.header("x-many").as_deref(), Some("3"), "all lines of a header are replaced");
        assert_eq!(answer.header("cache-control").as_deref(), Some("max-age=7"));
    }
}

/// The tag that the cache made of the body is a validator as good as any.
#[actix_web::test]
async fn the_tag_of_the_cache_can_be_compared_as_well() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    let first = get(&*app, "/sturdy").await;
    let etag = first.header("etag").unwrap();
    let expected = etag.clone();
    site.makes(move |_, control| {
        let known = control.validators().expect("there is an old page");
        assert_eq!(known.etag().unwrap(), &*expected);
        assert_eq!(known.last_modified(), None);
        HttpResponse::NotModified().finish()
    });
    site.advance(60);
    let answer = get(&*app, "/sturdy").await;
    assert_eq!((answer.status, answer.text(), answer.header("etag")), (200, "page 1", Some(etag)));
    assert!(get(&*app, "/sturdy").await.is_hit());
}

/// A page without a right to be sent when it is stale can be compared all the same (RFC 9111 4.3).
#[actix_web::test]
async fn a_page_that_may_not_be_sent_any_more_can_still_be_compared() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    site.makes(comparing("\"a\""));
    get(&*app, "/page").await;
    site.advance(60);
    let answer = get(&*app, "/page").await;
    assert_eq!(answer.outcome(), "cache_page; fwd=stale; fwd-status=304; stored; ttl=60");
    assert_eq!(answer.text(), "page 1");
}

#[actix_web::test]
async fn a_client_that_has_the_page_is_told_so_when_it_is_fresh_again() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    site.makes(comparing("\"a\""));
    get(&*app, "/sturdy").await;
    site.advance(60);
    let answer = send(&*app, asking("/sturdy", &[("if-none-match", "\"a\"")])).await;
    assert_eq!((answer.status, answer.text()), (304, ""));
    assert_eq!(answer.outcome(), "cache_page; fwd=stale; fwd-status=304; stored; ttl=60");
    let answer = get(&*app, "/sturdy").await;
    assert!(answer.is_hit() && answer.text() == "page 1");
    // Another client has another page.
    site.advance(60);
    let answer = send(&*app, asking("/sturdy", &[("if-none-match", "\"b\"")])).await;
    assert_eq!((answer.status, answer.text()), (200, "page 1"));
    // And whoever wants no body gets none.
    site.advance(60);
    let head = send(&*app, TestRequest::default().method(Method::HEAD).uri("/sturdy")).await;
    assert_eq!(head.status, 200);
}

/// It is about something else, and whoever is sent it has nothing that it is about.
#[actix_web::test]
async fn a_304_of_another_page_is_none_of_this_one() {
    for (name, value) in [("etag", "\"b\""), ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")] {
        let site = Site::new(PageCache::builder());
        let app = app(&site).await;
        site.makes(comparing("\"a\""));
        get(&*app, "/sturdy").await;
        site.makes(move |_, control| {
            assert!(control.validators().is_some());
            HttpResponse::NotModified().insert_header((name, value)).finish()
        });
        site.advance(60);
        let answer = get(&*app, "/sturdy").await;
        assert!(!answer.is_stored() && !answer.outcome().contains("fwd-status"), "{answer:?}");
        assert_ne!(answer.text(), "page 1");
        site.makes(comparing("\"c\""));
        assert_eq!(get(&*app, "/sturdy").await.text(), "page 3", "it was not made fresh");
    }
}

/// A weak validator is as good as a strong one for a body that is sent as a whole (RFC 9110 8.8.3.2).
#[actix_web::test]
async fn a_weak_tag_is_the_same_tag() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    site.makes(comparing("\"a\""));
    get(&*app, "/sturdy").await;
    site.makes(|_, control| {
        let _ = control.validators();
        HttpResponse::NotModified().insert_header(("etag", "W/\"a\"")).finish()
    });
    site.advance(60);
    assert_eq!(get(&*app, "/sturdy").await.text(), "page 1");
}

/// It answers to its client, and has not looked at what the cache has.
#[actix_web::test]
async fn a_handler_that_answers_its_client_freshens_nothing() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    get(&*app, "/sturdy").await;
    site.makes(|_, _| HttpResponse::NotModified().finish());
    site.advance(60);
    let answer = send(&*app, asking("/sturdy", &[("if-none-match", "\"whatever\"")])).await;
    assert_eq!((answer.status, answer.outcome().as_str()), (304, "cache_page; fwd=stale; detail=status"));
    site.makes(|run, _| numbered(run));
    assert_eq!(get(&*app, "/sturdy").await.text(), "page 3");
    // Nor where one asked once before: each run asks for itself.
    site.makes(|run, control| {
        let _ = control.validators();
        numbered(run)
    });
    site.advance(60);
    get(&*app, "/sturdy").await;
    site.makes(|_, _| HttpResponse::NotModified().finish());
    site.advance(60);
    assert_eq!(get(&*app, "/sturdy").await.outcome(), "cache_page; fwd=stale; detail=status");
}

/// A handler that has nothing to compare with has its 304 sent, and not kept.
#[actix_web::test]
async fn without_an_old_page_there_is_nothing_to_compare() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    site.makes(|run, control| {
        assert_eq!(control.validators(), None);
        numbered(run)
    });
    assert!(get(&*app, "/sturdy").await.is_stored());
    site.cache.purge_all().await.unwrap();
    assert!(get(&*app, "/sturdy").await.is_stored());
}

#[actix_web::test]
async fn a_page_that_was_purged_meanwhile_is_not_fresh_again() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    site.makes(comparing("\"a\""));
    get(&*app, "/sturdy").await;
    site.advance(60);
    let cache = site.cache.clone();
    let compare = comparing("\"a\"");
    site.makes(move |run, control| {
        done(cache.purge_path("/sturdy")).unwrap();
        compare(run, control)
    });
    let answer = get(&*app, "/sturdy").await;
    assert_eq!((answer.status, site.cache.stats().pages()), (200, 0));
    assert!(answer.outcome().ends_with("detail=purged"), "{answer:?}");
    site.makes(|run, control| {
        assert_eq!(control.validators(), None);
        numbered(run)
    });
    assert_eq!(get(&*app, "/sturdy").await.text(), "page 3");
}

/// A 304 that does not say when it was made was made now, whatever the page said of itself (RFC 9110 6.6.1): caches further
/// down would else take it for old.
#[actix_web::test]
async fn a_page_that_is_fresh_again_is_not_old() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    site.makes(|run, control| {
        if control.validators().is_some() {
            return HttpResponse::NotModified().finish();
        }
        let date = header::HttpDate::from(std::time::SystemTime::now());
        HttpResponse::Ok().insert_header(("date", date.to_string())).body(format!("page {run}"))
    });
    get(&*app, "/sturdy").await;
    for _ in 0..3 {
        site.advance(60);
        assert!(get(&*app, "/sturdy").await.outcome().contains("fwd-status=304; stored"));
        assert_eq!(get(&*app, "/sturdy").await.header("age").as_deref(), Some("0"));
    }
}

/// The body is the old one, and so is what it is about: a handler that compares first says nothing of it again.
#[actix_web::test]
async fn a_page_that_is_fresh_again_keeps_its_tags() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    site.makes(|run, control| {
        if control.validators().is_some() {
            return HttpResponse::NotModified().finish();
        }
        control.tag("said once");
        numbered(run)
    });
    for _ in 0..3 {
        get(&*app, "/sturdy").await;
        site.advance(60);
    }
    get(&*app, "/sturdy").await;
    assert_eq!((site.runs.get(), site.cache.stats().pages()), (4, 1));
    assert_eq!(site.cache.purge_tag("said once").await.unwrap().pages(), 1);
}

/// Caches further down would else send one language to everybody.
#[actix_web::test]
async fn a_page_that_is_fresh_again_depends_on_what_it_did() {
    for lines in [vec!["dnt"], vec!["dnt", "accept-encoding"]] {
        let site = Site::new(PageCache::builder());
        let app = app(&site).await;
        let said = lines.clone();
        site.makes(move |run, control| {
            if control.validators().is_some() {
                return HttpResponse::NotModified().finish();
            }
            let mut response = HttpResponse::Ok();
            for line in &said {
                response.append_header(("vary", *line));
            }
            response.body(format!("page {run}"))
        });
        for uri in ["/sturdy", "/varied"] {
            let first = send(&*app, asking(uri, &[("dnt", "1")])).await.header("vary");
            assert!(first.as_ref().is_some_and(|vary| vary.contains("dnt")), "{first:?}");
            site.advance(60);
            let answer = send(&*app, asking(uri, &[("dnt", "1")])).await;
            assert!(answer.outcome().contains("fwd-status=304"), "{answer:?}");
            assert_eq!(answer.header("vary"), first, "{uri} {lines:?}");
        }
    }
}

/// The same, said by the argument.
#[actix_web::test]
async fn a_page_that_is_fresh_again_depends_on_what_its_handler_told() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    site.makes(|run, control| {
        if control.validators().is_some() {
            return HttpResponse::NotModified().finish();
        }
        control.vary_on(header::DNT).vary_on(header::ACCEPT_CHARSET);
        numbered(run)
    });
    let first = get(&*app, "/sturdy").await.header("vary");
    assert_eq!(first.as_deref(), Some("dnt, accept-charset"));
    site.advance(60);
    let answer = get(&*app, "/sturdy").await;
    assert!(answer.outcome().contains("fwd-status=304"), "{answer:?}");
    assert_eq!(answer.header("vary"), first);
}

// The cache's own header.

fn with_header() -> PageCacheBuilder {
    PageCache::builder().targeted_cache_control(HeaderName::from_static("acme-cache-control"))
}

fn saying(line: &'static str) -> impl Fn(u64, &PageControl) -> HttpResponse {
    move |run, _| HttpResponse::Ok().insert_header(("acme-cache-control", line)).body(format!("page {run}"))
}

const OWN: &str = "acme-cache-control";

#[actix_web::test]
async fn the_header_says_what_the_argument_does() {
    for (line, outcome) in [
        ("max-age=5", "cache_page; fwd=miss; stored; ttl=5"),
        ("max-age=5, s-maxage=7", "cache_page; fwd=miss; stored; ttl=7"),
        ("max-age=600;why=\"x\", unknown", "cache_page; fwd=miss; stored; ttl=600"),
        ("max-age=0", "cache_page; fwd=miss; detail=expired"),
        ("no-store", "cache_page; fwd=miss; detail=no-store"),
        ("max-age=60, private", "cache_page; fwd=miss; detail=no-store"),
        ("no-cache", "cache_page; fwd=miss; detail=no-store"),
        ("no-store=?0", "cache_page; fwd=miss; stored; ttl=60"),
        ("vary=\"*\"", "cache_page; fwd=miss; detail=no-store"),
        ("tags=\"\"", "cache_page; fwd=miss; detail=invalid-tag"),
        ("", "cache_page; fwd=miss; stored; ttl=60"),
        ("max-age", "cache_page; fwd=miss; detail=invalid-targeted-field"),
        ("max-age=", "cache_page; fwd=miss; detail=invalid-targeted-field"),
        ("max-age=-1", "cache_page; fwd=miss; detail=invalid-targeted-field"),
        ("max-age=1.5", "cache_page; fwd=miss; detail=invalid-targeted-field"),
        ("Max-Age=60", "cache_page; fwd=miss; detail=invalid-targeted-field"),
        ("max-age=60,", "cache_page; fwd=miss; detail=invalid-targeted-field"),
        ("max-age=60 tags=a", "cache_page; fwd=miss; detail=invalid-targeted-field"),
        ("tags=(a b", "cache_page; fwd=miss; detail=invalid-targeted-field"),
        ("no-store, max-age=x", "cache_page; fwd=miss; detail=invalid-targeted-field"),
    ] {
        let site = Site::new(with_header());
        let app = app(&site).await;
        site.makes(saying(line));
        let answer = get(&*app, "/page").await;
        assert_eq!(answer.outcome(), outcome, "{line}");
        assert_eq!((answer.status, answer.text(), answer.header(OWN)), (200, "page 1", None), "{line}");
        let answer = get(&*app, "/page").await;
        assert_eq!((answer.is_hit(), answer.header(OWN)), (outcome.contains("stored"), None), "{line}");
    }
}

#[actix_web::test]
async fn the_header_has_tags_and_what_the_page_depends_on() {
    let site = Site::new(with_header());
    let app = app(&site).await;
    site.makes(|run, _| {
        HttpResponse::Ok()
            .append_header((OWN, "tags=(\"posts\" post:1), vary=(\"dnt\" accept-language)"))
            .append_header((OWN, "stale-if-error=40"))
            .body(format!("page {run}"))
    });
    let german = || asking("/page", &[("accept-language", "de")]);
    let english = || asking("/page", &[("accept-language", "en")]);
    for tag in ["posts", "post:1"] {
        let answer = send(&*app, german()).await;
        assert!(answer.is_stored());
        assert_eq!(
            (answer.header("vary").as_deref(), answer.header(OWN)),
            (Some("dnt, accept-language"), None)
        );
        assert!(send(&*app, english()).await.is_stored());
        assert!(send(&*app, german()).await.is_hit());
        assert_eq!(site.cache.purge_tag(tag).await.unwrap().pages(), 2);
    }
    send(&*app, german()).await;
    site.makes(|_, _| HttpResponse::InternalServerError().finish());
    site.advance(60 + 39);
    assert_eq!(send(&*app, german()).await.status, 200, "it stands in");
    site.advance(1);
    assert_eq!(send(&*app, german()).await.status, 500);
}

#[actix_web::test]
async fn the_header_says_for_how_long_a_stale_page_is_sent() {
    let site = Site::new(with_header());
    let app = app(&site).await;
    site.makes(saying("max-age=10, stale-while-revalidate=5"));
    get(&*app, "/refreshed").await;
    site.advance(14);
    assert!(get(&*app, "/refreshed").await.outcome().ends_with("detail=stale-while-revalidate"));
    settle().await;
    site.advance(15);
    assert_eq!(get(&*app, "/refreshed").await.text(), "page 3");
    // None of the attribute's windows holds for what must be revalidated.
    site.makes(saying("max-age=10, must-revalidate"));
    site.cache.purge_all().await.unwrap();
    get(&*app, "/refreshed").await;
    site.advance(10);
    assert_eq!(get(&*app, "/refreshed").await.text(), "page 5");
}

#[actix_web::test]
async fn the_argument_wins_over_the_header_and_cache_control_forbids() {
    let site = Site::new(with_header());
    let app = app(&site).await;
    site.makes(|run, control| {
        control.ttl(seconds(100));
        saying("max-age=5")(run, control)
    });
    assert_eq!(get(&*app, "/page").await.outcome(), "cache_page; fwd=miss; stored; ttl=100");
    for forbidden in ["private", "no-store", "no-cache"] {
        let site = Site::new(with_header());
        let app = self::app(&site).await;
        site.makes(move |run, control| {
            let mut response = saying("max-age=5")(run, control);
            response.headers_mut().insert(header::CACHE_CONTROL, forbidden.parse().unwrap());
            response
        });
        let answer = get(&*app, "/page").await;
        assert_eq!(answer.outcome(), format!("cache_page; fwd=miss; detail={forbidden}"));
        assert_eq!((answer.header(OWN), answer.header("cache-control").as_deref()), (None, Some(forbidden)));
    }
    // What the response says to everybody is what clients are told, and not what this cache does.
    let site = Site::new(with_header());
    let app = self::app(&site).await;
    site.makes(|run, control| {
        let mut response = saying("max-age=600")(run, control);
        response.headers_mut().insert(header::CACHE_CONTROL, "max-age=5".parse().unwrap());
        response
    });
    let answer = get(&*app, "/page").await;
    assert_eq!(answer.outcome(), "cache_page; fwd=miss; stored; ttl=600");
    assert_eq!(answer.header("cache-control").as_deref(), Some("max-age=5"));
}

/// It may tell of what is behind the page.
#[actix_web::test]
async fn no_response_of_a_cached_handler_has_the_header() {
    let site = Site::new(with_header());
    let app = app(&site).await;
    let line = "max-age=5, tags=(\"secret\")";
    for status in [200, 201, 302, 304, 404, 500] {
        site.makes(move |_, _| {
            HttpResponse::build(StatusCode::from_u16(status).unwrap()).append_header((OWN, line)).finish()
        });
        for method in [Method::POST, Method::DELETE, Method::HEAD, Method::GET, Method::GET] {
            for uri in ["/page", "/sturdy", "/refreshed", "/around/page", "/around/plain"] {
                let answer = send(&*app, TestRequest::default().method(method.clone()).uri(uri)).await;
                assert_eq!(answer.header(OWN), None, "{status} {method} {uri}");
            }
        }
        site.advance(3600);
    }
    // Nor does a stream.
    site.makes(move |_, _| {
        let pieces = futures_util::stream::iter([Ok::<_, Error>(web::Bytes::from_static(b"page"))]);
        HttpResponse::Ok().append_header((OWN, line)).streaming(pieces)
    });
    assert_eq!(get(&*app, "/page").await.header(OWN), None);
    assert!(get(&*app, "/page").await.is_hit());
    // Nor does one of a cache that is switched off.
    let off = Site::new(with_header().enabled(false));
    off.makes(saying("max-age=5, tags=(\"secret\")"));
    assert_eq!(get(&*self::app(&off).await, "/page").await.header(OWN), None);
    // Where there is no such header, it is one as any other.
    let other = Site::new(PageCache::builder());
    other.makes(saying("no-store"));
    let app = self::app(&other).await;
    assert!(get(&*app, "/page").await.is_stored());
    assert_eq!(get(&*app, "/page").await.header(OWN).as_deref(), Some("no-store"));
}

/// The middleware is around it all the same.
#[actix_web::test]
async fn no_response_through_a_middleware_has_the_header() {
    let site = Site::new(with_header());
    let app = app(&site).await;
    site.makes(saying("max-age=5, tags=(\"secret\")"));
    assert_eq!(get(&*app, "/around/exempt").await.header(OWN), None);
}

/// What the cache's own header says of an old page holds for the page that it is fresh again as.
#[actix_web::test]
async fn a_304_may_say_something_to_the_cache() {
    let site = Site::new(with_header());
    let app = app(&site).await;
    get(&*app, "/sturdy").await;
    site.makes(|_, control| {
        let _ = control.validators();
        HttpResponse::NotModified().insert_header((OWN, "max-age=5, tags=a")).finish()
    });
    site.advance(60);
    let answer = get(&*app, "/sturdy").await;
    assert_eq!(answer.outcome(), "cache_page; fwd=stale; fwd-status=304; stored; ttl=5");
    assert_eq!((answer.text(), answer.header(OWN)), ("page 1", None));
    assert_eq!(site.cache.purge_tag("a").await.unwrap().pages(), 1);
}
