//! Pages whose time is over: sent while they are made anew, or where that fails.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use actix_http::Request;
use actix_web::{
    App, Error, HttpResponse,
    dev::{Service, ServiceResponse},
    error::{ErrorForbidden, ErrorNotFound, ErrorServiceUnavailable},
    http::{Method, StatusCode},
    test::{TestRequest, init_service},
    web,
};
use cache_page::{Outcome, PageCache, PageCacheBuilder, Reason, cache_page, testing::ManualClock};
use tokio::sync::Semaphore;

use crate::legacy::{Answer, Crowd, Runs, asking, get, send, settle};

/// What a handler does next.
#[derive(Clone, Copy)]
enum Next {
    Page,
    Said(&'static str),
    Cookie,
    CookieAnd(&'static str),
    Status(u16),
    Error(fn(&'static str) -> Error),
    Panic,
    Hang,
    Takes(Duration),
}

struct Site {
    cache: PageCache,
    clock: ManualClock,
    runs: Runs,
    gate: Semaphore,
    next: Cell<Next>,
    seen: RefCell<Vec<String>>,
}

impl Site {
    fn new(cache: PageCacheBuilder) -> web::Data<Self> {
        let clock = ManualClock::new();
        web::Data::new(Self {
            cache: cache.clock(clock.clone()).build(),
            clock,
            runs: Runs::default(),
            gate: Semaphore::new(1000),
            next: Cell::new(Next::Page),
            seen: RefCell::default(),
        })
    }

    async fn make(&self) -> Result<HttpResponse, Error> {
        let run = self.runs.count();
        self.gate.acquire().await.unwrap().forget();
        let body = format!("page {run}");
        let mut response = HttpResponse::Ok();
        match self.next.get() {
            Next::Page => {}
            Next::Said(said) => {
                response.insert_header(("cache-control", said));
            }
            Next::Cookie => {
                response.insert_header(("set-cookie", "id=1"));
            }
            Next::CookieAnd(said) => {
                response.insert_header(("set-cookie", "id=1")).insert_header(("cache-control", said));
            }
            Next::Status(code) => {
                response.status(StatusCode::from_u16(code).unwrap());
            }
            Next::Error(error) => return Err(error("as the test wants it")),
            Next::Panic => panic!("the handler panics, as the test wants it to"),
            Next::Hang => std::future::pending().await,
            Next::Takes(time) => self.clock.advance(time),
        }
        Ok(response.body(body))
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    fn of(&self, outcome: Outcome) -> u64 {
        self.cache.stats().count(outcome)
    }

    fn refreshes(&self) -> u64 {
        self.cache.stats().handlers().map(|(_, counts)| counts.refreshes()).sum()
    }
}

#[cache_page(60, stale_while_revalidate = 30)]
async fn refreshed(#[unkeyed] site: web::Data<Site>, name: web::Path<String>) -> Result<HttpResponse, Error> {
    site.seen.borrow_mut().push(name.into_inner());
    site.make().await
}

#[cache_page(60, stale_if_error = 300)]
async fn sturdy(#[unkeyed] site: web::Data<Site>) -> Result<HttpResponse, Error> {
    site.make().await
}

#[cache_page(60, stale_while_revalidate = 30, stale_if_error = 300)]
async fn both(#[unkeyed] site: web::Data<Site>) -> Result<HttpResponse, Error> {
    site.make().await
}

#[cache_page(60)]
async fn plain(#[unkeyed] site: web::Data<Site>) -> Result<HttpResponse, Error> {
    site.make().await
}

async fn app(
    site: &web::Data<Site>,
) -> Rc<impl Service<Request, Response = ServiceResponse, Error = Error> + use<>> {
    let app = App::new()
        .app_data(site.cache.clone())
        .app_data(site.clone())
        .route("/refreshed/{name}", web::to(refreshed))
        .route("/sturdy", web::to(sturdy))
        .route("/both", web::to(both))
        .route("/plain", web::to(plain));
    Rc::new(init_service(app).await)
}

const REFRESHED: &str = "/refreshed/a";

#[actix_web::test]
async fn a_stale_page_is_sent_at_once_and_made_anew_once() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    assert!(get(&*app, REFRESHED).await.is_stored());
    site.advance(90);
    assert_eq!(
        get(&*app, REFRESHED).await.outcome(),
        "cache_page; fwd=stale; stored; ttl=60",
        "it is too old"
    );

    site.gate.forget_permits(2000);
    site.advance(61);
    let crowd = Crowd::send(&app, (0..50).map(|_| TestRequest::get().uri(REFRESHED))).await;
    assert_eq!((crowd.answered(), site.runs.get()), (50, 3), "one run, and nobody waits for it");
    let answers = crowd.all().await;
    for answer in &answers {
        assert_eq!(answer.outcome(), "cache_page; hit; ttl=-1; detail=stale-while-revalidate");
        assert_eq!((answer.text(), answer.header("age").as_deref()), ("page 2", Some("61")));
    }
    site.gate.add_permits(1);
    settle().await;
    let next = get(&*app, REFRESHED).await;
    assert_eq!((next.outcome().as_str(), next.text()), ("cache_page; hit; ttl=60", "page 3"));
    assert_eq!((site.runs.get(), site.refreshes()), (3, 1));
    assert_eq!(site.of(Outcome::Stale(Reason::StaleWhileRevalidate)), 50);
    assert_eq!(site.cache.stats().requests(), 2 + 50 + 1, "a refresh is no request");
}

/// What the handler is called with is what was extracted for the request that was answered.
#[actix_web::test]
async fn it_runs_with_the_arguments_of_its_request() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    for name in ["a", "b"] {
        assert!(get(&*app, &format!("/refreshed/{name}")).await.is_stored());
    }
    site.advance(60);
    for name in ["b", "a"] {
        let answer = get(&*app, &format!("/refreshed/{name}")).await;
        assert_eq!(answer.outcome(), "cache_page; hit; ttl=0; detail=stale-while-revalidate");
    }
    settle().await;
    assert_eq!(*site.seen.borrow(), ["a", "b", "b", "a"]);
    assert_eq!(get(&*app, "/refreshed/b").await.text(), "page 3");
}

/// Whatever becomes of it, the old page stays as long as it may, and is not tried all the time.
#[actix_web::test]
async fn a_failed_refresh_keeps_the_old_page_and_is_spaced() {
    for next in [
        Next::Status(503),
        Next::Status(404),
        Next::Error(ErrorServiceUnavailable),
        Next::Error(ErrorNotFound),
        Next::Cookie,
        Next::Panic,
        Next::Said("max-age=0"),
    ] {
        let site = Site::new(PageCache::builder());
        let app = app(&site).await;
        assert!(get(&*app, REFRESHED).await.is_stored());
        site.next.set(next);
        site.advance(60);
        let mut tries = Vec::new();
        for second in 0..30 {
            let before = site.runs.get();
            for _ in 0..3 {
                let answer = get(&*app, REFRESHED).await;
                settle().await;
                assert_eq!((answer.status, answer.text()), (200, "page 1"));
                assert!(answer.outcome().ends_with("detail=stale-while-revalidate"), "{}", answer.outcome());
            }
            if site.runs.get() > before {
                tries.push(second);
                assert_eq!(site.runs.get(), before + 1);
            }
            site.advance(1);
        }
        assert_eq!(tries, [0, 5, 15]);
        // Its time is over for good.
        if !matches!(next, Next::Panic) {
            assert_ne!(get(&*app, REFRESHED).await.text(), "page 1");
        }
        assert_eq!(site.refreshes(), 0);
        // What works again is forgotten to have failed.
        site.next.set(Next::Page);
        site.advance(31);
        assert!(get(&*app, REFRESHED).await.is_stored());
        site.advance(60);
        get(&*app, REFRESHED).await;
        settle().await;
        assert!(get(&*app, REFRESHED).await.is_hit());
    }
}

/// A refresh that never ends is given up, and does not keep others from trying.
#[actix_web::test]
async fn a_refresh_that_hangs_is_dropped_at_the_deadline() {
    let site = Site::new(PageCache::builder().fill_timeout(Duration::from_secs(2)));
    let app = app(&site).await;
    get(&*app, REFRESHED).await;
    site.advance(60);
    site.next.set(Next::Hang);
    get(&*app, REFRESHED).await;
    settle().await;
    site.next.set(Next::Page);
    for (seconds, runs) in [(1, 2), (1, 2), (4, 2), (1, 3)] {
        site.advance(seconds);
        settle().await;
        assert_eq!(get(&*app, REFRESHED).await.text(), "page 1");
        settle().await;
        assert_eq!(site.runs.get(), runs);
    }
    assert_eq!(get(&*app, REFRESHED).await.text(), "page 3");
}

/// A handler that takes its word back takes the page back.
#[actix_web::test]
async fn a_refresh_that_forbids_keeping_removes_the_old_page() {
    for (said, cookie) in
        [("no-store", false), ("no-cache", false), ("private", true), ("Private=\"x\", max-age=60", false)]
    {
        for uri in [REFRESHED, "/sturdy", "/both"] {
            let site = Site::new(PageCache::builder());
            let app = app(&site).await;
            get(&*app, uri).await;
            // Whatever else is a reason not to keep it.
            site.next.set(if cookie { Next::CookieAnd(said) } else { Next::Said(said) });
            site.advance(60);
            get(&*app, uri).await;
            settle().await;
            assert_eq!((site.runs.get(), site.cache.stats().pages()), (2, 0), "{uri}: {said}");
            // Not even where the handler fails.
            site.next.set(Next::Status(500));
            assert_eq!(get(&*app, uri).await.status, 500, "{uri}: {said}");
        }
    }
}

#[actix_web::test]
async fn the_handlers_word_on_stale_pages_wins() {
    for (said, seconds) in [
        ("max-age=60", Some(29)),
        ("max-age=60, stale-while-revalidate=100", Some(99)),
        ("max-age=60, stale-while-revalidate=10", Some(9)),
        ("max-age=60, stale-while-revalidate=0", None),
        ("max-age=60, must-revalidate", None),
        ("max-age=60, proxy-revalidate, stale-while-revalidate=100", None),
        ("s-maxage=60", None),
        ("s-maxage=60, stale-while-revalidate=100", Some(99)),
    ] {
        let site = Site::new(PageCache::builder());
        let app = app(&site).await;
        site.next.set(Next::Said(said));
        get(&*app, REFRESHED).await;
        site.advance(60);
        let is_stale = |answer: &Answer| answer.text() == "page 1";
        if let Some(seconds) = seconds {
            site.advance(seconds);
            site.next.set(Next::Status(500));
            assert!(is_stale(&get(&*app, REFRESHED).await), "{said}");
            settle().await;
            site.advance(1);
        }
        assert!(!is_stale(&get(&*app, REFRESHED).await), "{said}");

        // A handler that cannot run behind its request is not made to by a word in a response.
        site.next.set(Next::Said(said));
        get(&*app, "/plain").await;
        site.advance(60);
        assert!(get(&*app, "/plain").await.is_stored(), "{said}");
    }
    // That a page may stand in needs no other code.
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    site.next.set(Next::Said("max-age=60, stale-if-error=10"));
    get(&*app, "/plain").await;
    site.next.set(Next::Status(500));
    site.advance(69);
    assert_eq!(get(&*app, "/plain").await.status, 200);
    site.advance(1);
    assert_eq!(get(&*app, "/plain").await.status, 500);
}

#[actix_web::test]
async fn an_old_page_stands_in_for_a_failure() {
    for (next, told) in [
        (Next::Status(500), "; fwd-status=500"),
        (Next::Status(503), "; fwd-status=503"),
        (Next::Error(ErrorServiceUnavailable), "; fwd-status=503"),
        (Next::Panic, ""),
    ] {
        let site = Site::new(PageCache::builder());
        let app = app(&site).await;
        get(&*app, "/sturdy").await;
        site.next.set(next);
        site.advance(62);
        let answer = get(&*app, "/sturdy").await;
        assert_eq!((answer.status, answer.text(), site.runs.get()), (200, "page 1", 2));
        assert_eq!(answer.outcome(), format!("cache_page; fwd=stale{told}; ttl=-2; detail=stale-if-error"));
        // It is not tried again at once: whatever is behind the handler is not helped by that.
        let answer = get(&*app, "/sturdy").await;
        assert_eq!(answer.outcome(), "cache_page; hit; ttl=-2; detail=stale-if-error");
        assert_eq!(site.runs.get(), 2);
        site.advance(5);
        assert_eq!(get(&*app, "/sturdy").await.text(), "page 1");
        assert_eq!(site.runs.get(), 3);
        site.advance(10);
        site.next.set(Next::Page);
        assert_eq!(get(&*app, "/sturdy").await.text(), "page 4");
        assert_eq!(site.of(Outcome::Stale(Reason::StaleIfError)), 3);
        // Not for ever.
        site.next.set(Next::Status(500));
        site.advance(359);
        assert_eq!(get(&*app, "/sturdy").await.status, 200);
        site.advance(1);
        assert_eq!(get(&*app, "/sturdy").await.status, 500);
        assert_eq!(get(&*app, "/plain").await.status, 500, "there is nothing to stand in");
    }
}

/// What a handler refuses is an answer, not a failure: a page that is gone or forbidden by now is not sent any more.
#[actix_web::test]
async fn nothing_stands_in_for_an_answer() {
    for (next, status) in [
        (Next::Status(404), 404),
        (Next::Status(410), 410),
        (Next::Error(ErrorNotFound), 404),
        (Next::Error(ErrorForbidden), 403),
        (Next::Cookie, 200),
    ] {
        let site = Site::new(PageCache::builder());
        let app = app(&site).await;
        get(&*app, "/sturdy").await;
        site.next.set(next);
        site.advance(60);
        for _ in 0..2 {
            let answer = get(&*app, "/sturdy").await;
            assert_eq!(answer.status, status);
            assert_ne!(answer.text(), "page 1");
        }
    }
}

#[actix_web::test]
async fn an_old_page_stands_in_for_a_handler_that_takes_too_long() {
    let site = Site::new(PageCache::builder().fill_timeout(Duration::from_secs(3)));
    let app = app(&site).await;
    get(&*app, "/sturdy").await;
    site.next.set(Next::Hang);
    site.advance(60);
    let crowd = Crowd::send(&app, (0..5).map(|_| TestRequest::get().uri("/sturdy"))).await;
    site.clock.advance(Duration::from_millis(2999));
    settle().await;
    assert_eq!((crowd.answered(), site.runs.get()), (0, 2));
    site.clock.advance(Duration::from_millis(1));
    settle().await;
    let answers = crowd.all().await;
    assert_eq!(answers[0].outcome(), "cache_page; fwd=stale; ttl=-3; detail=stale-if-error");
    assert!(answers.iter().all(|answer| (answer.status, answer.text()) == (200, "page 1")));
    assert!(site.runs.get() <= 3, "{}", site.runs.get());
}

/// Those that wait for a leader that fails get what he gets.
#[actix_web::test]
async fn followers_of_a_failure_get_the_old_page_too() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    get(&*app, "/sturdy").await;
    site.next.set(Next::Error(ErrorServiceUnavailable));
    site.advance(60);
    site.gate.forget_permits(2000);
    let crowd = Crowd::send(&app, (0..20).map(|_| TestRequest::get().uri("/sturdy"))).await;
    site.gate.add_permits(1);
    let answers = crowd.all().await;
    assert_eq!(site.runs.get(), 2);
    for answer in answers {
        assert_eq!((answer.status, answer.text()), (200, "page 1"));
        assert!(answer.outcome().ends_with("ttl=0; detail=stale-if-error"), "{}", answer.outcome());
    }
}

/// Whoever waited for long gets the old page as well, where the handler has just failed for others.
#[actix_web::test]
async fn those_who_waited_in_vain_get_the_old_page() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    get(&*app, "/sturdy").await;
    site.next.set(Next::Hang);
    site.advance(60);
    let hangs = Crowd::send(&app, [TestRequest::get().uri("/sturdy")]).await;
    let first = Crowd::send(&app, [TestRequest::get().uri("/sturdy")]).await;
    site.advance(2);
    let second = Crowd::send(&app, [TestRequest::get().uri("/sturdy")]).await;
    site.next.set(Next::Status(500));
    site.advance(3);
    settle().await;
    assert_eq!((hangs.answered(), first.answered(), site.runs.get()), (0, 1, 3));
    site.advance(2);
    settle().await;
    assert_eq!((second.answered(), site.runs.get()), (1, 3));
    for answer in [first, second] {
        let answer = answer.all().await.remove(0);
        assert_eq!((answer.status, answer.text()), (200, "page 1"));
    }
}

/// A page that one run took back is not sent by another one that began before.
#[actix_web::test]
async fn what_was_taken_back_stands_in_for_nobody() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    get(&*app, "/sturdy").await;
    site.next.set(Next::Hang);
    site.advance(60);
    let hangs = Crowd::send(&app, [TestRequest::get().uri("/sturdy")]).await;
    let follows = Crowd::send(&app, [TestRequest::get().uri("/sturdy")]).await;
    site.next.set(Next::Said("private"));
    site.advance(5);
    settle().await;
    assert_eq!(follows.all().await[0].text(), "page 3");
    // Its deadline comes, and there is nothing to send instead any more.
    site.advance(60);
    settle().await;
    assert_eq!(hangs.answered(), 0);
}

/// What is gone or forbidden by now does not come back when the handler fails the next time.
#[actix_web::test]
async fn an_answer_takes_the_old_page_away() {
    for (next, status) in
        [(Next::Status(404), 404), (Next::Error(ErrorForbidden), 403), (Next::Status(410), 410)]
    {
        let site = Site::new(PageCache::builder());
        let app = app(&site).await;
        get(&*app, "/sturdy").await;
        site.advance(60);
        for (next, status) in [(next, status), (Next::Status(500), 500)] {
            site.next.set(next);
            assert_eq!(get(&*app, "/sturdy").await.status, status);
        }
    }
    // What answers the conditions of one request takes nothing away from others.
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    get(&*app, "/sturdy").await;
    site.advance(60);
    for next in [Next::Status(412), Next::Status(416), Next::Status(429)] {
        site.next.set(next);
        get(&*app, "/sturdy").await;
    }
    site.next.set(Next::Status(500));
    assert_eq!(get(&*app, "/sturdy").await.text(), "page 1");
}

/// However many fail at the same time, it is one failure.
#[actix_web::test]
async fn failures_of_one_moment_count_once() {
    let site = Site::new(PageCache::builder().coalesce_timeout(Duration::ZERO));
    let app = app(&site).await;
    get(&*app, "/sturdy").await;
    site.next.set(Next::Status(500));
    site.advance(60);
    site.gate.forget_permits(2000);
    let crowd = Crowd::send(&app, (0..20).map(|_| TestRequest::get().uri("/sturdy"))).await;
    assert_eq!(site.runs.get(), 21, "nobody waits here");
    site.gate.add_permits(1000);
    assert!(crowd.all().await.iter().all(|answer| answer.text() == "page 1"));
    site.advance(5);
    get(&*app, "/sturdy").await;
    assert_eq!(site.runs.get(), 22, "it is tried again after five seconds");
}

/// Where there is no actix runtime, nothing runs in the background, and nothing is counted that did not happen.
#[test]
fn without_a_runtime_the_stale_page_is_sent_all_the_same() {
    futures_util::FutureExt::now_or_never(async {
        let site = Site::new(PageCache::builder());
        let app = app(&site).await;
        get(&*app, REFRESHED).await;
        site.advance(60);
        for _ in 0..3 {
            assert_eq!(get(&*app, REFRESHED).await.text(), "page 1");
        }
        let stats = site.cache.stats();
        assert_eq!((stats.requests(), site.runs.get()), (4, 1));
        assert_eq!(stats.count(Outcome::Stale(Reason::StaleWhileRevalidate)), 3);
    })
    .expect("nothing waits");
}

/// First at once, then where it fails.
#[actix_web::test]
async fn both_windows_count_from_the_end_of_the_time() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    get(&*app, "/both").await;
    site.next.set(Next::Status(500));
    site.advance(89);
    assert!(get(&*app, "/both").await.outcome().ends_with("stale-while-revalidate"));
    settle().await;
    site.advance(1);
    assert_eq!(get(&*app, "/both").await.outcome(), "cache_page; hit; ttl=-30; detail=stale-if-error");
    site.advance(269);
    let answer = get(&*app, "/both").await;
    assert!(answer.outcome().ends_with("fwd-status=500; ttl=-299; detail=stale-if-error"), "{answer:?}");
    site.advance(1);
    assert_eq!(get(&*app, "/both").await.status, 500);
}

/// A `HEAD` is answered, and makes nothing anew.
#[actix_web::test]
async fn a_head_request_gets_the_stale_page() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    get(&*app, REFRESHED).await;
    site.advance(60);
    let answer = send(&*app, TestRequest::default().method(Method::HEAD).uri(REFRESHED)).await;
    settle().await;
    assert!(answer.outcome().starts_with("cache_page; hit; ttl=0"));
    assert_eq!(site.runs.get(), 1);
}

/// Clients that have the stale page need not be sent it again.
#[actix_web::test]
async fn a_stale_page_answers_conditional_requests() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    let etag = get(&*app, REFRESHED).await.header("etag").unwrap();
    site.advance(60);
    let answer = send(&*app, asking(REFRESHED, &[("if-none-match", &etag)])).await;
    assert_eq!((answer.status, answer.text()), (304, ""));
    assert!(answer.outcome().ends_with("stale-while-revalidate"));
}

/// Where clients are listened to, those that want a fresh page wait for it.
#[actix_web::test]
async fn clients_may_refuse_a_stale_page() {
    for (wish, is_stale) in [
        ("", true),
        ("only-if-cached", true),
        ("no-cache", false),
        ("max-age=1000", false),
        ("min-fresh=1", false),
    ] {
        let site = Site::new(PageCache::builder().honor_request_cache_control(true));
        let app = app(&site).await;
        get(&*app, REFRESHED).await;
        site.advance(60);
        let answer = send(&*app, asking(REFRESHED, &[("cache-control", wish)])).await;
        assert_eq!(answer.text() == "page 1", is_stale, "{wish}");
    }
}

/// Pages of one moment do not end together, and none is kept for longer than it may be.
#[actix_web::test]
async fn jitter_spreads_the_ends_of_pages() {
    let ends = async |jitter: f64| {
        let site = Site::new(PageCache::builder().ttl_jitter(jitter));
        let app = app(&site).await;
        let uris: Vec<String> = (0..200).map(|number| format!("/plain?{number}")).collect();
        for uri in &uris {
            assert!(get(&*app, uri).await.is_stored());
        }
        let mut hits = Vec::new();
        for step in [0, 44_999, 7_500, 7_500] {
            site.clock.advance(Duration::from_millis(step));
            let mut still = 0;
            for uri in &uris {
                let head = TestRequest::default().method(Method::HEAD).uri(uri);
                still += usize::from(send(&*app, head).await.is_hit());
            }
            hits.push(still);
        }
        hits
    };
    assert_eq!(ends(0.0).await, [200, 200, 200, 200]);
    let [start, earliest, middle, late] = ends(0.25).await[..] else { panic!("four steps") };
    assert_eq!((start, earliest), (200, 200), "none is shortened by more than a quarter");
    assert!((60..=140).contains(&middle) && late < 10, "{middle} {late}");
}

#[test]
#[should_panic(expected = "from 0.0 to 1.0")]
fn jitter_is_a_part() {
    let _ = PageCache::builder().ttl_jitter(f64::NAN);
}

/// A hot page is made anew before its time is over; nobody is sent a stale one or waits.
#[actix_web::test]
async fn eager_pages_are_made_anew_in_time() {
    let lives = async |eager: bool, uri: &str| {
        let site = Site::new(PageCache::builder().refresh_ahead(eager));
        let app = app(&site).await;
        site.next.set(Next::Takes(Duration::from_secs(2)));
        get(&*app, uri).await;
        let mut outcomes = Vec::new();
        for _ in 0..500 {
            site.clock.advance(Duration::from_millis(200));
            outcomes.push(get(&*app, uri).await.outcome());
            settle().await;
        }
        (site.runs.get(), outcomes)
    };
    let count =
        |outcomes: &[String], part: &str| outcomes.iter().filter(|outcome| outcome.contains(part)).count();

    // A run each minute or sooner, in the background.
    let (runs, outcomes) = lives(true, REFRESHED).await;
    assert!((2..10).contains(&runs), "{runs}");
    assert_eq!(count(&outcomes, "; hit; ttl="), 500);
    assert_eq!(count(&outcomes, "ttl=-") + count(&outcomes, "ttl=0"), 0);
    // One request each minute waits for it, where it cannot be done in the background.
    let (runs, outcomes) = lives(true, "/plain").await;
    assert!((2..10).contains(&runs), "{runs}");
    assert_eq!(count(&outcomes, "fwd=stale; stored") as u64, runs - 1);
    assert_eq!(count(&outcomes, "fwd=miss"), 0);
    // Off by default.
    let (runs, outcomes) = lives(false, REFRESHED).await;
    assert_eq!(count(&outcomes, "detail=stale-while-revalidate") as u64, runs - 1);
}

/// A page that is fresh still stands in for a handler that fails to make it anew ahead of time.
#[actix_web::test]
async fn an_eager_failure_is_nobodys() {
    let site = Site::new(PageCache::builder().refresh_ahead(true));
    let app = app(&site).await;
    site.next.set(Next::Takes(Duration::from_secs(30)));
    get(&*app, "/plain").await;
    site.next.set(Next::Status(500));
    site.clock.advance(Duration::from_nanos(59_999_999_999));
    for _ in 0..20 {
        let answer = get(&*app, "/plain").await;
        assert_eq!((answer.status, answer.outcome().as_str()), (200, "cache_page; hit; ttl=1"));
    }
    assert_eq!(site.runs.get(), 2, "and it is not tried all the time");
}
