//! Requests for one page that come while it is made.

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    rc::Rc,
    time::Duration,
};

use actix_http::Request;
use actix_web::{
    App, Error, HttpRequest, HttpResponse, Responder,
    dev::{Service, ServiceResponse},
    http::{Method, StatusCode},
    test::{TestRequest, init_service},
    web,
};
use cache_page::{Outcome, Page, PageCache, PageCacheBuilder, Reason, cache_page, testing::ManualClock};
use tokio::sync::Semaphore;

use crate::legacy::{Answer, Crowd, Runs, asking, settle};

type Maker = dyn Fn(u64, &HttpRequest) -> HttpResponse;

/// A handler that is under way until a test lets it go on, and answers what that wants.
struct Site {
    cache: PageCache,
    clock: ManualClock,
    runs: Runs,
    /// How many runs may come to their end.
    gate: Semaphore,
    /// How many are under way.
    running: Cell<usize>,
    make: RefCell<Box<Maker>>,
}

#[cache_page(60)]
async fn page(#[unkeyed] site: web::Data<Site>, #[unkeyed] request: HttpRequest) -> HttpResponse {
    site.make_page(&request).await
}

fn is_refused(page: &Page) -> bool {
    page.body().starts_with(b"refused")
}

#[cache_page(60, no_store_if = is_refused)]
async fn unless(#[unkeyed] site: web::Data<Site>, #[unkeyed] request: HttpRequest) -> HttpResponse {
    site.make_page(&request).await
}

#[cache_page(60)]
async fn open(site: web::Data<Site>, request: HttpRequest) -> impl Responder {
    site.make_page(&request).await
}

impl Site {
    fn new(cache: PageCacheBuilder) -> web::Data<Self> {
        let clock = ManualClock::new();
        web::Data::new(Self {
            cache: cache.clock(clock.clone()).build(),
            clock,
            runs: Runs::default(),
            gate: Semaphore::new(0),
            running: Cell::new(0),
            make: RefCell::new(Box::new(|run, _| HttpResponse::Ok().body(format!("page {run}")))),
        })
    }

    async fn make_page(&self, request: &HttpRequest) -> HttpResponse {
        struct Running<'s>(&'s Cell<usize>);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                self.0.set(self.0.get() - 1);
            }
        }
        let run = self.runs.count();
        self.running.set(self.running.get() + 1);
        let _running = Running(&self.running);
        self.gate.acquire().await.unwrap().forget();
        (self.make.borrow())(run, request)
    }

    fn makes(&self, make: impl Fn(u64, &HttpRequest) -> HttpResponse + 'static) {
        *self.make.borrow_mut() = Box::new(make);
    }

    /// Lets so many runs come to their end.
    async fn finish(&self, runs: usize) {
        self.gate.add_permits(runs);
        settle().await;
    }

    fn of(&self, outcome: Outcome) -> u64 {
        self.cache.stats().count(outcome)
    }
}

async fn app(
    site: &web::Data<Site>,
) -> Rc<impl Service<Request, Response = ServiceResponse, Error = Error> + use<>> {
    let app = App::new()
        .app_data(site.cache.clone())
        .app_data(site.clone())
        .route("/unless", web::get().to(unless))
        .route("/open", web::get().to(open))
        .default_service(web::to(page));
    Rc::new(init_service(app).await)
}

fn many(number: usize) -> impl Iterator<Item = TestRequest> {
    (0..number).map(|_| TestRequest::get().uri("/"))
}

fn texts(answers: &[Answer]) -> HashSet<&str> {
    answers.iter().map(Answer::text).collect()
}

const STORED: &str = "cache_page; fwd=miss; stored; ttl=60";
const COLLAPSED: &str = "cache_page; fwd=miss; collapsed; ttl=60";

#[actix_web::test]
async fn one_run_makes_the_page_of_all() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    let crowd = Crowd::send(&app, many(200)).await;
    assert_eq!((site.runs.get(), crowd.answered(), site.cache.stats().fills_in_flight()), (1, 0, 1));
    site.finish(1).await;
    let answers = crowd.all().await;
    assert_eq!((site.runs.get(), texts(&answers)), (1, ["page 1"].into()));
    assert_eq!(site.cache.stats().fills_in_flight(), 0);
    assert_eq!(answers[0].outcome(), STORED);
    for answer in &answers[1..] {
        assert_eq!(answer.outcome(), COLLAPSED);
        assert_eq!(answer.header("age").as_deref(), Some("0"));
        assert_eq!(answer.lasting_headers(), answers[0].lasting_headers());
    }
    assert_eq!((site.of(Outcome::Stored), site.of(Outcome::Collapsed)), (1, 199));
    let stats = site.cache.stats();
    assert_eq!((stats.requests(), stats.handlers().map(|(_, counts)| counts.fills()).sum::<u64>()), (200, 1));
    // Other pages are others' business.
    let crowd = Crowd::send(&app, ["/a", "/b", "/a?c"].map(|uri| TestRequest::get().uri(uri))).await;
    assert_eq!(site.running.get(), 3);
    site.finish(3).await;
    assert!(crowd.all().await.iter().all(Answer::is_stored));
}

/// A client that has the page, or wants less of it, is answered as from the cache.
#[actix_web::test]
async fn followers_are_answered_as_by_a_hit() {
    let site = Site::new(PageCache::builder());
    site.makes(|_, _| HttpResponse::Ok().insert_header(("etag", "\"a\"")).body("0123456789"));
    let app = app(&site).await;
    let asked = [
        TestRequest::get(),
        asking("/", &[("if-none-match", "\"a\"")]),
        asking("/", &[("range", "bytes=2-3")]),
        TestRequest::default().method(Method::HEAD),
    ];
    let crowd = Crowd::send(&app, asked).await;
    site.finish(1).await;
    let answers = crowd.all().await;
    let got: Vec<_> = answers.iter().map(|answer| (answer.status, answer.text())).collect();
    assert_eq!(got[..3], [(200, "0123456789"), (304, ""), (206, "23")]);
    assert_eq!((got[3].0, site.runs.get()), (200, 1));
    assert!(answers[1..].iter().all(|answer| answer.outcome() == COLLAPSED));
}

/// What there is no room for is made for those that are there, and not kept for others.
#[actix_web::test]
async fn a_page_that_is_too_large_is_shared_while_it_is_made() {
    for cache in [PageCache::builder().max_body(4), PageCache::builder().max_bytes(500).max_body(100)] {
        let site = Site::new(cache);
        site.makes(|run, _| HttpResponse::Ok().insert_header(("x-run", run.to_string())).body("12345"));
        let app = app(&site).await;
        for run in 1..=2 {
            let crowd = Crowd::send(&app, many(10)).await;
            assert_eq!(site.running.get(), 1);
            site.finish(1).await;
            let answers = crowd.all().await;
            assert_eq!(answers[0].outcome(), "cache_page; fwd=miss; detail=body-too-large");
            for answer in &answers[1..] {
                assert_eq!(answer.outcome(), COLLAPSED);
                // Nothing is added to what is not kept.
                assert_eq!(answer.lasting_headers(), answers[0].lasting_headers());
                assert_eq!((answer.text(), answer.header("etag")), ("12345", None));
            }
            assert_eq!((site.runs.get(), site.cache.stats().pages()), (run, 0));
        }
    }
}

/// What is for one is not for those that wait beside him, and they do not wait any longer.
#[actix_web::test]
async fn what_may_not_be_kept_is_not_shared() {
    let refused: [(&str, &str, &str); 7] = [
        ("set-cookie", "id=1", "set-cookie"),
        ("cache-control", "private", "private"),
        ("cache-control", "no-store", "no-store"),
        ("cache-control", "no-cache", "no-cache"),
        ("vary", "*", "vary"),
        ("content-type", "text/event-stream", "event-stream"),
        ("content-security-policy", "script-src 'nonce-a'", "csp-nonce"),
    ];
    for (name, value, reason) in refused {
        let site = Site::new(PageCache::builder());
        site.makes(move |run, _| HttpResponse::Ok().insert_header((name, value)).body(format!("page {run}")));
        let app = app(&site).await;
        let crowd = Crowd::send(&app, many(50)).await;
        assert_eq!(site.running.get(), 1, "{reason}");
        site.finish(1).await;
        assert_eq!(site.running.get(), 49, "all of them at once: {reason}");
        site.finish(49).await;
        let answers = crowd.all().await;
        assert_eq!(texts(&answers).len(), 50, "{reason}");
        for answer in &answers {
            assert_eq!(answer.outcome(), format!("cache_page; fwd=miss; detail={reason}"));
        }
        // It is remembered, and nobody waits behind anybody.
        let crowd = Crowd::send(&app, many(50)).await;
        assert_eq!(site.running.get(), 50, "{reason}");
        site.finish(50).await;
        assert_eq!(texts(&crowd.all().await).len(), 50, "{reason}");
    }
}

#[actix_web::test]
async fn what_the_attribute_refuses_is_not_shared() {
    let site = Site::new(PageCache::builder());
    site.makes(|run, _| HttpResponse::Ok().body(format!("refused {run}")));
    let app = app(&site).await;
    for small in [true, false] {
        let uri = if small { "/unless" } else { "/unless?large" };
        if !small {
            site.makes(|run, _| HttpResponse::Ok().body(format!("refused {run}{}", "x".repeat(9_000_000))));
        }
        let crowd = Crowd::send(&app, (0..5).map(|_| TestRequest::get().uri(uri))).await;
        site.finish(5).await;
        assert_eq!(texts(&crowd.all().await).len(), 5);
    }
}

/// A response that is kept after all ends what was remembered.
#[actix_web::test]
async fn whoever_changes_is_followed_again() {
    let site = Site::new(PageCache::builder());
    let is_private = Rc::new(Cell::new(true));
    site.makes({
        let is_private = Rc::clone(&is_private);
        move |run, _| {
            let said = if is_private.get() { "private" } else { "max-age=10" };
            HttpResponse::Ok().insert_header(("cache-control", said)).body(format!("page {run}"))
        }
    });
    let app = app(&site).await;
    let crowd = Crowd::send(&app, many(2)).await;
    site.finish(2).await;
    drop(crowd);
    is_private.set(false);
    let crowd = Crowd::send(&app, many(3)).await;
    assert_eq!(site.running.get(), 3);
    site.finish(3).await;
    assert!(crowd.all().await.iter().all(Answer::is_stored));
    site.clock.advance(Duration::from_secs(10));
    let crowd = Crowd::send(&app, many(3)).await;
    assert_eq!(site.running.get(), 1);
    site.finish(1).await;
    assert_eq!(crowd.all().await[2].outcome(), "cache_page; fwd=miss; collapsed; ttl=10");

    // And what was remembered is not for ever.
    is_private.set(true);
    site.clock.advance(Duration::from_secs(10));
    let crowd = Crowd::send(&app, many(2)).await;
    site.finish(2).await;
    drop(crowd);
    site.clock.advance(Duration::from_secs(30));
    let crowd = Crowd::send(&app, many(3)).await;
    assert_eq!(site.running.get(), 1);
    drop(crowd);
}

#[actix_web::test]
async fn a_leader_that_goes_away_hands_over_to_one() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    let mut crowd = Crowd::send(&app, many(10)).await;
    for run in 1..=5 {
        assert_eq!((site.running.get(), site.runs.get()), (1, run));
        crowd.abort(0).await;
    }
    site.finish(1).await;
    let answers = crowd.all().await;
    assert_eq!((site.runs.get(), texts(&answers)), (6, ["page 6"].into()));
    assert_eq!(answers.iter().filter(|answer| answer.is_stored()).count(), 1);
    assert_eq!(site.of(Outcome::NotStored(Reason::ClientGone)), 5);
    assert_eq!(site.of(Outcome::Collapsed), 4);

    // Followers may go as they like.
    let mut crowd = Crowd::send(&app, (0..4).map(|_| TestRequest::get().uri("/other"))).await;
    crowd.abort(2).await;
    crowd.abort(1).await;
    site.finish(1).await;
    assert_eq!(texts(&crowd.all().await), ["page 7"].into());
    // They did not run anything, and are counted all the same.
    assert_eq!(site.of(Outcome::NotStored(Reason::ClientGone)), 7);
    assert_eq!((site.cache.stats().requests(), site.cache.stats().fills_in_flight()), (10 + 4, 0));
}

/// One more try, and then everybody for himself: a handler that panics each time is not run by one after the other.
#[actix_web::test]
async fn a_leader_that_panics_hands_over_once() {
    let site = Site::new(PageCache::builder());
    let panics = Rc::new(Cell::new(1));
    site.makes({
        let panics = Rc::clone(&panics);
        move |run, _| {
            assert!(
                panics.replace(panics.get().max(1) - 1) == 0,
                "the handler panics, as the test wants it to"
            );
            HttpResponse::Ok().body(format!("page {run}"))
        }
    });
    let app = app(&site).await;
    let crowd = Crowd::send(&app, many(10)).await;
    site.finish(1).await;
    assert_eq!((site.running.get(), site.runs.get()), (1, 2));
    site.finish(1).await;
    let answers = crowd.answers().await;
    assert!(answers[0].is_none());
    let answers: Vec<Answer> = answers.into_iter().flatten().collect();
    assert_eq!((answers.len(), texts(&answers)), (9, ["page 2"].into()));

    panics.set(4);
    let crowd = Crowd::send(&app, (0..10).map(|_| TestRequest::get().uri("/other"))).await;
    site.finish(1).await;
    assert_eq!(site.running.get(), 1);
    site.finish(1).await;
    assert_eq!(site.running.get(), 8, "all of them at once");
    site.finish(8).await;
    assert_eq!(crowd.answers().await.iter().flatten().count(), 6);
}

/// Whoever takes too long goes on for his own client; another one has a try.
#[actix_web::test]
async fn a_leader_that_is_overdue_is_passed() {
    let site = Site::new(
        PageCache::builder().fill_timeout(Duration::from_secs(2)).coalesce_timeout(Duration::from_secs(60)),
    );
    let app = app(&site).await;
    let crowd = Crowd::send(&app, many(6)).await;
    site.clock.advance(Duration::from_millis(1999));
    settle().await;
    assert_eq!(site.running.get(), 1);
    site.clock.advance(Duration::from_millis(1));
    settle().await;
    assert_eq!(site.running.get(), 2);
    site.clock.advance(Duration::from_millis(1999));
    settle().await;
    assert_eq!(site.running.get(), 2);
    // The first one comes to its end first after all: its page is for everybody.
    site.finish(1).await;
    assert_eq!(crowd.answered(), 5);
    site.finish(1).await;
    let answers = crowd.all().await;
    assert_eq!(texts(&answers), ["page 1", "page 2"].into());
    assert_eq!((site.runs.get(), site.of(Outcome::Collapsed)), (2, 4));
}

#[actix_web::test]
async fn nobody_follows_for_longer_than_he_may() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    let early = Crowd::send(&app, many(3)).await;
    site.clock.advance(Duration::from_secs(4));
    let late = Crowd::send(&app, many(3)).await;
    assert_eq!(site.running.get(), 1);
    site.clock.advance(Duration::from_secs(1));
    settle().await;
    assert_eq!(site.running.get(), 3, "two of them have waited for five seconds");
    // Whoever makes the page first, it is for those that still wait.
    site.finish(1).await;
    assert_eq!((early.answered(), late.answered()), (1, 3));
    site.finish(2).await;
    assert_eq!(late.all().await[0].outcome(), COLLAPSED);
    assert!(early.all().await.iter().all(Answer::is_stored));
}

/// The page of a leader is for those that said the same where it makes a difference.
#[actix_web::test]
async fn variants_are_not_mixed_up() {
    let site = Site::new(PageCache::builder());
    site.makes(|run, request| {
        let said = request.headers().get("accept-language").map(|value| value.to_str().unwrap().to_owned());
        HttpResponse::Ok().insert_header(("vary", "accept-language")).body(format!("{said:?} {run}"))
    });
    let app = app(&site).await;
    for round in ["nobody knows yet", "it is known"] {
        let requests = (0..30).map(|number| match number % 3 {
            0 => asking("/", &[("accept-language", "de")]),
            1 => asking("/", &[("accept-language", "en")]),
            _ => TestRequest::get(),
        });
        let crowd = Crowd::send(&app, requests).await;
        site.finish(3).await;
        let answers = crowd.all().await;
        for (number, answer) in answers.iter().enumerate() {
            let said = ["Some(\"de\")", "Some(\"en\")", "None"][number % 3];
            assert!(answer.text().starts_with(said), "{round}: {said}: {}", answer.text());
        }
        assert_eq!(texts(&answers).len(), 3, "{round}");
        site.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(site.runs.get(), 6);
}

/// Variants that there is no room for are known to nobody, and still nobody gets another's, nor waits for one after the
/// other.
#[actix_web::test]
async fn variants_that_are_too_large_are_not_mixed_up() {
    let site = Site::new(PageCache::builder().max_body(1));
    site.makes(|_, request| {
        let said = request.headers().get("accept").map(|value| value.to_str().unwrap().to_owned());
        HttpResponse::Ok().insert_header(("vary", "accept")).body(format!("{said:?}"))
    });
    let app = app(&site).await;
    let requests = (0..20).map(|number| asking("/", &[("accept", &(number / 2).to_string())]));
    let crowd = Crowd::send(&app, requests).await;
    assert_eq!(site.running.get(), 1);
    site.finish(1).await;
    assert_eq!(site.running.get(), 18, "one got the page, and all others make their own");
    site.finish(18).await;
    for (number, answer) in crowd.all().await.iter().enumerate() {
        assert_eq!(answer.text(), format!("Some(\"{}\")", number / 2));
    }
}

/// What answers the conditions of one request is for that one; the next one makes the page for all.
#[actix_web::test]
async fn an_answer_to_a_range_parts_nobody() {
    let site = Site::new(PageCache::builder());
    site.makes(|run, request| {
        let code = if request.headers().contains_key("range") {
            StatusCode::PARTIAL_CONTENT
        } else {
            StatusCode::OK
        };
        HttpResponse::build(code).body(format!("page {run}"))
    });
    let app = app(&site).await;
    let crowd = Crowd::send(&app, [asking("/", &[("range", "bytes=0-0")])].into_iter().chain(many(9))).await;
    site.finish(1).await;
    assert_eq!((site.running.get(), site.runs.get()), (1, 2));
    site.finish(1).await;
    let answers = crowd.all().await;
    assert_eq!(
        (answers[0].text(), answers[0].outcome().as_str()),
        ("page 1", "cache_page; fwd=miss; detail=status")
    );
    assert_eq!((texts(&answers[1..]), site.runs.get()), (["page 2"].into(), 2));
}

/// `HEAD` shows no page that could be kept: it follows, and never leads.
#[actix_web::test]
async fn a_head_request_never_leads() {
    let head = || TestRequest::default().method(Method::HEAD).uri("/");
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    let crowd = Crowd::send(&app, [head(), head()]).await;
    assert_eq!(site.running.get(), 2);
    site.finish(2).await;
    assert!(crowd.all().await.iter().all(|answer| answer.outcome().ends_with("detail=head")));

    let mut crowd = Crowd::send(&app, [TestRequest::get(), head(), TestRequest::get(), head()]).await;
    assert_eq!(site.running.get(), 1);
    crowd.abort(0).await;
    assert_eq!(site.running.get(), 2, "the first one for itself, the second one for all that follow");
    site.finish(2).await;
    let outcomes: Vec<String> = crowd.all().await.iter().map(Answer::outcome).collect();
    assert_eq!(outcomes, ["cache_page; fwd=miss; detail=head", STORED, COLLAPSED]);
}

/// Who brings credentials to an open page neither waits for it nor is waited for.
#[actix_web::test]
async fn credentials_keep_out_of_flights() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    let with_cookie = |value: &str| asking("/open", &[("cookie", value)]);
    let requests = [with_cookie("id=1"), asking("/open", &[]), with_cookie("id=2"), asking("/open", &[])];
    let crowd = Crowd::send(&app, requests).await;
    assert_eq!(site.running.get(), 3);
    site.finish(3).await;
    let answers = crowd.all().await;
    let texts: Vec<&str> = answers.iter().map(Answer::text).collect();
    assert_eq!(texts, ["page 1", "page 2", "page 3", "page 2"]);
}

/// A client that asked for a new page is not given one that was begun before; and what it gets is for all.
#[actix_web::test]
async fn a_client_that_wants_a_new_page_does_not_wait_for_an_old_one() {
    let site = Site::new(PageCache::builder().honor_request_cache_control(true));
    let app = app(&site).await;
    let crowd = Crowd::send(&app, many(1)).await;
    site.finish(1).await;
    drop(crowd);
    let crowd = Crowd::send(&app, [asking("/", &[("cache-control", "no-cache")]), asking("/", &[])]).await;
    assert_eq!((site.running.get(), crowd.answered()), (1, 1));
    site.finish(1).await;
    let texts: Vec<String> = crowd.all().await.iter().map(|answer| answer.text().to_owned()).collect();
    assert_eq!(texts, ["page 2", "page 1"]);
    assert_eq!(Crowd::send(&app, many(1)).await.all().await[0].text(), "page 2");
}
