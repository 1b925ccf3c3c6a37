//! Purges that come while pages are made: what was begun before one is for those who asked before it, and for nobody else.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    rc::Rc,
    time::Duration,
};

use actix_http::Request;
use actix_web::{
    App, Error, FromRequest, HttpRequest, HttpResponse,
    body::to_bytes,
    dev::{Payload, Service, ServiceResponse},
    http::StatusCode,
    test::{TestRequest, call_service, init_service},
    web,
};
use cache_page::{
    Outcome, PageCache, PageCacheMiddleware, PageControl, PurgeFuture, Reason, cache_page, purge_page,
    testing::ManualClock,
};
use futures_util::stream;
use tokio::sync::oneshot;

use crate::legacy::{Answer, Crowd, Runs, get, settle};

/// A value that handlers read when they begin, and show when a test lets them.
struct Site {
    cache: PageCache,
    clock: ManualClock,
    value: Cell<u32>,
    runs: Runs,
    /// Those that are under way, by their number.
    gates: RefCell<BTreeMap<u64, oneshot::Sender<()>>>,
    status: Cell<u16>,
    is_open: Cell<bool>,
}

impl Site {
    fn new() -> web::Data<Self> {
        let clock = ManualClock::new();
        let big = PageCache::builder().clock(clock.clone()).build();
        web::Data::new(Self {
            cache: PageCache::builder().clock(clock.clone()).named_cache("big", big).build(),
            clock,
            value: Cell::new(1),
            runs: Runs::default(),
            gates: RefCell::default(),
            status: Cell::new(200),
            is_open: Cell::new(false),
        })
    }

    async fn read(&self) -> u32 {
        let (value, run) = (self.value.get(), self.runs.count());
        if !self.is_open.get() {
            let (gate, opened) = oneshot::channel();
            self.gates.borrow_mut().insert(run, gate);
            // One that is dropped opens it as well.
            let _ = opened.await;
        }
        value
    }

    async fn make(&self) -> HttpResponse {
        let value = self.read().await;
        HttpResponse::build(StatusCode::from_u16(self.status.get()).unwrap()).body(format!("value {value}"))
    }

    /// Lets that run come to its end.
    async fn finish(&self, run: u64) {
        let gate = self.gates.borrow_mut().remove(&run).expect("it is under way");
        gate.send(()).expect("it waits");
        settle().await;
    }

    fn running(&self) -> Vec<u64> {
        self.gates.borrow().keys().copied().collect()
    }

    fn of(&self, outcome: Outcome) -> u64 {
        self.cache.stats().count(outcome)
    }
}

#[cache_page(60, name = "fenced", tags = ["items", "item:{id}"])]
async fn item(id: web::Path<u64>, site: web::Data<Site>, control: PageControl) -> HttpResponse {
    let _ = id;
    control.tag("early");
    let response = site.make().await;
    control.tag("late");
    response
}

#[cache_page(60, stale_while_revalidate = 30)]
async fn refreshed(site: web::Data<Site>) -> HttpResponse {
    site.make().await
}

#[cache_page(60, stale_if_error = 300)]
async fn sturdy(site: web::Data<Site>) -> HttpResponse {
    site.make().await
}

#[cache_page(60)]
async fn streamed(site: web::Data<Site>) -> HttpResponse {
    let value = site.value.get();
    let pieces = stream::unfold(0, move |piece| {
        let site = site.clone();
        async move {
            match piece {
                0 => Some((Ok::<_, Error>(web::Bytes::from_static(b"value ")), 1)),
                1 => {
                    site.read().await;
                    Some((Ok(web::Bytes::from(value.to_string())), 2))
                }
                _ => None,
            }
        }
    });
    HttpResponse::Ok().streaming(pieces)
}

/// What an extractor reads long before the handler begins.
struct Slow(u32);

impl FromRequest for Slow {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let site = request.app_data::<web::Data<Site>>().expect("a site").clone();
        Box::pin(async move { Ok(Self(site.read().await)) })
    }
}

#[cache_page(60)]
async fn extracted(#[unkeyed] slow: Slow) -> String {
    format!("value {}", slow.0)
}

#[cache_page(60, cache = "big", tags = ["items"])]
async fn big(site: web::Data<Site>) -> HttpResponse {
    site.make().await
}

#[purge_page(tags = ["items"], paths = ["/refreshed"])]
async fn edit() -> HttpResponse {
    HttpResponse::Ok().finish()
}

async fn plain(site: web::Data<Site>) -> HttpResponse {
    site.make().await
}

async fn app(
    site: &web::Data<Site>,
) -> Rc<impl Service<Request, Response = ServiceResponse, Error = Error> + use<>> {
    let app = App::new()
        .app_data(site.cache.clone())
        .app_data(site.clone())
        .route("/items/{id}", web::route().to(item))
        .route("/refreshed", web::get().to(refreshed))
        .route("/sturdy", web::get().to(sturdy))
        .route("/streamed", web::get().to(streamed))
        .route("/extracted", web::get().to(extracted))
        .route("/big", web::get().to(big))
        .route("/edit", web::post().to(edit))
        .service(web::resource("/around").wrap(PageCacheMiddleware::new(60)).route(web::get().to(plain)));
    Rc::new(init_service(app).await)
}

type Verb = fn(&PageCache) -> PurgeFuture;

const ITEM: &str = "/items/1?x=1";

/// Before the handler comes to its end, it is known that its page is meant.
const KNOWN: [(&str, Verb); 16] = [
    ("purge_path", |cache| cache.purge_path("/items/1")),
    ("purge_url", |cache| cache.purge_url("/items/1?x=1")),
    ("purge_url with host", |cache| cache.purge_url("http://localhost:8080/items/1?x=1")),
    ("purge_prefix", |cache| cache.purge_prefix("/items")),
    ("purge_handler", |cache| cache.purge_handler("fenced")),
    ("purge_tag", |cache| cache.purge_tag("items")),
    ("purge_tag filled in", |cache| cache.purge_tag("item:1")),
    ("purge_all", PageCache::purge_all),
    ("expire_path", |cache| cache.expire_path("/items/1")),
    ("expire_url", |cache| cache.expire_url("/items/1?x=1")),
    ("expire_url with host", |cache| cache.expire_url("http://localhost:8080/items/1?x=1")),
    ("expire_prefix", |cache| cache.expire_prefix("/items")),
    ("expire_handler", |cache| cache.expire_handler("fenced")),
    ("expire_tag", |cache| cache.expire_tag("items")),
    ("expire_tag filled in", |cache| cache.expire_tag("item:1")),
    ("expire_all", PageCache::expire_all),
];

/// Only the handler knows, and tells when it is at its end.
const ADDED: [(&str, Verb); 4] = [
    ("purge_tag said early", |cache| cache.purge_tag("early")),
    ("purge_tag said late", |cache| cache.purge_tag("late")),
    ("expire_tag said early", |cache| cache.expire_tag("early")),
    ("expire_tag said late", |cache| cache.expire_tag("late")),
];

fn asked(uri: &'static str, times: usize) -> impl Iterator<Item = TestRequest> {
    (0..times).map(move |_| TestRequest::get().uri(uri))
}

fn assert_all(answers: &[Answer], text: &str, name: &str) {
    for answer in answers {
        assert_eq!((answer.status, answer.text()), (200, text), "{name} {answer:?}");
    }
}

#[actix_web::test]
async fn what_was_purged_while_it_was_made_is_not_kept() {
    for (name, verb) in KNOWN.into_iter().chain(ADDED) {
        let site = Site::new();
        let app = app(&site).await;
        let crowd = Crowd::send(&app, asked(ITEM, 1)).await;
        site.value.set(2);
        assert_eq!(verb(&site.cache).await.unwrap().pages(), 0, "nothing is kept yet: {name}");
        site.finish(1).await;
        let answers = crowd.all().await;
        assert_all(&answers, "value 1", name);
        assert_eq!(answers[0].outcome(), "cache_page; fwd=miss; detail=purged", "{name}");
        assert_eq!(
            (site.cache.stats().pages(), site.of(Outcome::NotStored(Reason::Purged))),
            (0, 1),
            "{name}"
        );
        site.is_open.set(true);
        let answer = get(&*app, ITEM).await;
        assert!(answer.is_stored() && answer.text() == "value 2", "{name} {answer:?}");
        assert!(get(&*app, ITEM).await.is_hit(), "{name}");
    }
}

/// Whoever comes after the purge does not wait for what is older, and shares what is new.
#[actix_web::test]
async fn those_who_come_after_a_purge_begin_anew_together() {
    for (name, verb) in KNOWN {
        let site = Site::new();
        let app = app(&site).await;
        let before = Crowd::send(&app, asked(ITEM, 3)).await;
        assert_eq!(site.running(), [1], "{name}");
        site.value.set(2);
        verb(&site.cache).await.unwrap();
        let after = Crowd::send(&app, asked(ITEM, 3)).await;
        assert_eq!(site.running(), [1, 2], "at once, and once: {name}");
        site.finish(1).await;
        assert_eq!((before.answered(), after.answered(), site.running()), (3, 0, vec![2]), "{name}");
        let before = before.all().await;
        assert_all(&before, "value 1", name);
        assert_eq!(before[0].outcome(), "cache_page; fwd=miss; detail=purged", "{name}");
        assert!(before[1..].iter().all(|answer| answer.outcome().contains("; collapsed")), "{name}");
        site.finish(2).await;
        let after = after.all().await;
        assert_all(&after, "value 2", name);
        assert!(after[0].is_stored(), "{name} {:?}", after[0]);
        assert!(after[1..].iter().all(|answer| answer.outcome().contains("; collapsed")), "{name}");
        let answer = get(&*app, ITEM).await;
        assert!(answer.is_hit() && answer.text() == "value 2", "{name} {answer:?}");
        assert_eq!(site.cache.stats().fills_in_flight(), 0, "{name}");
    }
}

/// The older one may well come to its end last.
#[actix_web::test]
async fn what_was_begun_before_a_purge_does_not_replace_what_was_begun_after_it() {
    for (name, verb) in KNOWN {
        let site = Site::new();
        let app = app(&site).await;
        let before = Crowd::send(&app, asked(ITEM, 2)).await;
        site.value.set(2);
        verb(&site.cache).await.unwrap();
        let after = Crowd::send(&app, asked(ITEM, 2)).await;
        site.finish(2).await;
        assert_all(&after.all().await, "value 2", name);
        assert_eq!(before.answered(), 0, "{name}");
        site.finish(1).await;
        assert_all(&before.all().await, "value 1", name);
        let answer = get(&*app, ITEM).await;
        assert!(answer.is_hit() && answer.text() == "value 2", "{name} {answer:?}");
    }
}

/// Until the handler has told its tags, nobody knows that its page is meant.
#[actix_web::test]
async fn those_who_come_after_a_tag_is_purged_that_a_handler_adds_are_not_sent_what_is_older() {
    for (name, verb) in ADDED {
        let site = Site::new();
        let app = app(&site).await;
        let before = Crowd::send(&app, asked(ITEM, 3)).await;
        site.value.set(2);
        verb(&site.cache).await.unwrap();
        let after = Crowd::send(&app, asked(ITEM, 4)).await;
        assert_eq!(site.running(), [1], "{name}");
        site.finish(1).await;
        assert_eq!((before.answered(), after.answered()), (3, 0), "{name}");
        assert_all(&before.all().await, "value 1", name);
        assert_eq!(site.running(), [2], "one for all of them: {name}");
        site.finish(2).await;
        let after = after.all().await;
        assert_all(&after, "value 2", name);
        assert_eq!(after.iter().filter(|answer| answer.is_stored()).count(), 1, "{name}");
        assert!(get(&*app, ITEM).await.is_hit(), "{name}");
        assert_eq!((site.runs.get(), site.cache.stats().fills_in_flight()), (2, 0), "{name}");
    }
}

/// Purges may come faster than pages are made.
#[actix_web::test]
async fn purge_after_purge_each_generation_is_sent_its_own() {
    let site = Site::new();
    let app = app(&site).await;
    let mut crowds = Vec::new();
    for generation in 1..=5 {
        site.value.set(generation);
        crowds.push(Crowd::send(&app, asked(ITEM, 2)).await);
        site.cache.purge_path("/items/1").await.unwrap();
    }
    assert_eq!(site.running(), [1, 2, 3, 4, 5]);
    for run in [3, 1, 5, 2, 4] {
        site.finish(run).await;
    }
    for (generation, crowd) in crowds.into_iter().enumerate() {
        assert_all(&crowd.all().await, &format!("value {}", generation + 1), "");
    }
    assert_eq!(site.cache.stats().pages(), 0);
}

#[actix_web::test]
async fn a_purge_of_something_else_changes_nothing() {
    let others: [Verb; 12] = [
        |cache| cache.purge_path("/items/2"),
        |cache| cache.purge_path("/items"),
        |cache| cache.purge_url("/items/1"),
        |cache| cache.purge_url("/items/1?x=2"),
        |cache| cache.purge_url("http://elsewhere.example/items/1?x=1"),
        |cache| cache.purge_prefix("/items/1/"),
        |cache| cache.purge_handler("item"),
        |cache| cache.purge_tag("item"),
        |cache| cache.purge_tag("item:2"),
        |cache| cache.expire_tag("item:2"),
        |cache| cache.expire_path("/items/2"),
        |cache| cache.expire_handler("item"),
    ];
    let site = Site::new();
    let app = app(&site).await;
    let before = Crowd::send(&app, asked(ITEM, 2)).await;
    for verb in others {
        verb(&site.cache).await.unwrap();
    }
    let after = Crowd::send(&app, asked(ITEM, 2)).await;
    assert_eq!(site.running(), [1], "all of them wait for one");
    site.finish(1).await;
    assert!(before.all().await[0].is_stored());
    assert_all(&after.all().await, "value 1", "");
    assert!(get(&*app, ITEM).await.is_hit());
}

/// The leader's client goes away, and one of those who follow runs the handler: it came before the purge as well.
#[actix_web::test]
async fn a_follower_that_takes_over_is_as_old_as_it_came() {
    let site = Site::new();
    let app = app(&site).await;
    let mut crowd = Crowd::send(&app, asked(ITEM, 2)).await;
    site.value.set(2);
    site.cache.purge_tag("late").await.unwrap();
    crowd.abort(0).await;
    assert_eq!(site.running(), [1, 2], "it took over");
    site.finish(2).await;
    // Whatever it read, its arguments may have been read before.
    assert_eq!(crowd.all().await[0].outcome(), "cache_page; fwd=miss; detail=purged");
    assert_eq!(site.cache.stats().pages(), 0);
}

async fn refreshing(
    site: &web::Data<Site>,
) -> Rc<impl Service<Request, Response = ServiceResponse, Error = Error> + use<>> {
    let app = app(site).await;
    site.is_open.set(true);
    get(&*app, "/refreshed").await;
    site.is_open.set(false);
    site.clock.advance(Duration::from_secs(60));
    assert_eq!(get(&*app, "/refreshed").await.text(), "value 1");
    settle().await;
    assert_eq!(site.running(), [2], "in the background");
    site.value.set(2);
    app
}

#[actix_web::test]
async fn a_refresh_that_a_purge_overtook_is_not_kept() {
    for verb in [
        (|cache| cache.purge_path("/refreshed")) as Verb,
        |cache| cache.purge_handler(concat!(module_path!(), "::refreshed")),
        PageCache::purge_all,
    ] {
        let site = Site::new();
        let app = refreshing(&site).await;
        assert_eq!(verb(&site.cache).await.unwrap().pages(), 1, "the stale one");
        site.finish(2).await;
        assert_eq!(site.cache.stats().pages(), 0);
        site.is_open.set(true);
        let answer = get(&*app, "/refreshed").await;
        assert!(answer.is_stored() && answer.text() == "value 2", "{answer:?}");
    }
}

#[actix_web::test]
async fn whoever_comes_after_a_purge_does_not_wait_for_a_refresh() {
    let site = Site::new();
    let app = refreshing(&site).await;
    site.cache.purge_path("/refreshed").await.unwrap();
    let crowd = Crowd::send(&app, asked("/refreshed", 2)).await;
    assert_eq!(site.running(), [2, 3]);
    site.finish(3).await;
    assert_all(&crowd.all().await, "value 2", "");
    // It would be older than what is kept by now.
    site.finish(2).await;
    let answer = get(&*app, "/refreshed").await;
    assert!(answer.is_hit() && answer.text() == "value 2", "{answer:?}");
}

/// The stale page may still be sent, but what is being made is as old as it is.
#[actix_web::test]
async fn a_refresh_that_an_expiry_overtook_is_made_again() {
    let site = Site::new();
    let app = refreshing(&site).await;
    site.cache.expire_path("/refreshed").await.unwrap();
    site.finish(2).await;
    let answer = get(&*app, "/refreshed").await;
    assert!(answer.text() == "value 1" && answer.outcome().contains("stale-while-revalidate"), "{answer:?}");
    settle().await;
    site.finish(3).await;
    let answer = get(&*app, "/refreshed").await;
    assert!(answer.is_hit() && answer.text() == "value 2", "{answer:?}");
}

/// A page that may stand in for a handler that fails may not, once it is purged.
#[actix_web::test]
async fn what_is_purged_while_a_handler_fails_does_not_stand_in_for_it() {
    for (verb, status) in [
        ((|cache| cache.purge_path("/sturdy")) as Verb, 500),
        (PageCache::purge_all, 500),
        (|cache| cache.expire_path("/sturdy"), 200),
        (|cache| cache.purge_path("/refreshed"), 200),
    ] {
        let site = Site::new();
        let app = app(&site).await;
        site.is_open.set(true);
        get(&*app, "/sturdy").await;
        site.is_open.set(false);
        site.clock.advance(Duration::from_secs(60));
        site.status.set(500);
        let crowd = Crowd::send(&app, asked("/sturdy", 1)).await;
        verb(&site.cache).await.unwrap();
        site.finish(2).await;
        assert_eq!(crowd.all().await[0].status, status);
    }
}

#[actix_web::test]
async fn a_body_that_is_still_to_come_is_overtaken_as_well() {
    let purges: [(Verb, usize); 4] = [
        (|cache| cache.purge_path("/streamed"), 0),
        (|cache| cache.expire_path("/streamed"), 0),
        (PageCache::purge_all, 0),
        (|cache| cache.purge_path("/refreshed"), 1),
    ];
    for (verb, kept) in purges {
        let site = Site::new();
        let app = app(&site).await;
        let response = call_service(&*app, TestRequest::get().uri("/streamed").to_request()).await;
        site.value.set(2);
        verb(&site.cache).await.unwrap();
        let body = actix_web::rt::spawn(to_bytes(response.into_body()));
        settle().await;
        site.finish(1).await;
        assert_eq!(body.await.unwrap().expect("it ends cleanly"), "value 1", "its own client gets all of it");
        assert_eq!(site.cache.stats().pages(), kept);
        site.is_open.set(true);
        let answer = get(&*app, "/streamed").await;
        assert_eq!((answer.is_hit(), answer.text()), (kept == 1, ["value 2", "value 1"][kept]));
    }
}

/// A stream that a purge overtook is nothing to wait for.
#[actix_web::test]
async fn those_who_come_after_a_purge_do_not_wait_for_a_stream() {
    let site = Site::new();
    let app = app(&site).await;
    let before = Crowd::send(&app, asked("/streamed", 2)).await;
    site.value.set(2);
    site.cache.purge_path("/streamed").await.unwrap();
    let after = Crowd::send(&app, asked("/streamed", 2)).await;
    assert_eq!(site.running(), [1, 2]);
    site.finish(1).await;
    assert_all(&before.all().await, "value 1", "");
    site.finish(2).await;
    assert_all(&after.all().await, "value 2", "");
    let answer = get(&*app, "/streamed").await;
    assert!(answer.is_hit() && answer.text() == "value 2", "{answer:?}");
}

/// Arguments are read before the cache is asked.
#[actix_web::test]
async fn what_arguments_read_before_a_purge_is_not_kept() {
    for verb in [
        (|cache| cache.purge_path("/extracted")) as Verb,
        |cache| cache.expire_path("/extracted"),
        PageCache::purge_all,
    ] {
        let site = Site::new();
        let app = app(&site).await;
        let crowd = Crowd::send(&app, asked("/extracted", 1)).await;
        assert_eq!(site.running(), [1], "the argument is read");
        site.value.set(2);
        verb(&site.cache).await.unwrap();
        site.finish(1).await;
        let answers = crowd.all().await;
        assert_all(&answers, "value 1", "");
        assert_eq!(answers[0].outcome(), "cache_page; fwd=miss; detail=purged");
        site.is_open.set(true);
        let answer = get(&*app, "/extracted").await;
        assert!(answer.is_stored() && answer.text() == "value 2", "{answer:?}");
    }
}

/// What is inside a middleware is begun when the request comes to it.
#[actix_web::test]
async fn what_a_middleware_is_around_is_overtaken_too() {
    let site = Site::new();
    let app = app(&site).await;
    let before = Crowd::send(&app, asked("/around", 2)).await;
    site.value.set(2);
    site.cache.purge_path("/around").await.unwrap();
    let after = Crowd::send(&app, asked("/around", 2)).await;
    assert_eq!(site.running(), [1, 2]);
    site.finish(2).await;
    site.finish(1).await;
    assert_all(&before.all().await, "value 1", "");
    assert_all(&after.all().await, "value 2", "");
    let answer = get(&*app, "/around").await;
    assert!(answer.is_hit() && answer.text() == "value 2", "{answer:?}");
}

/// A purge of the App's cache is one of those that it names too, whatever is kept by then.
#[actix_web::test]
async fn what_a_named_cache_makes_is_overtaken_too() {
    for verb in [
        (|cache| cache.purge_tag("items")) as Verb,
        |cache| cache.purge_path("/big"),
        PageCache::purge_all,
        |cache| cache.named("big").expect("it has that name").purge_tag("items"),
    ] {
        let site = Site::new();
        let app = app(&site).await;
        let before = Crowd::send(&app, asked("/big", 1)).await;
        site.value.set(2);
        verb(&site.cache).await.unwrap();
        let after = Crowd::send(&app, asked("/big", 1)).await;
        site.finish(1).await;
        assert_eq!(before.all().await[0].outcome(), "cache_page; fwd=miss; detail=purged");
        site.finish(2).await;
        assert_all(&after.all().await, "value 2", "");
        assert!(get(&*app, "/big").await.is_hit());
    }
}

/// Whoever writes and whoever reads may do so at the same time.
#[actix_web::test]
async fn what_is_made_while_a_handler_writes_is_not_kept() {
    let site = Site::new();
    let app = app(&site).await;
    let before = Crowd::send(&app, asked(ITEM, 2)).await;
    site.value.set(2);
    let written = Crowd::send(&app, [TestRequest::post().uri("/edit")]).await;
    assert_eq!(written.all().await[0].status, 200);
    let after = Crowd::send(&app, asked(ITEM, 2)).await;
    site.finish(1).await;
    site.finish(2).await;
    assert_all(&before.all().await, "value 1", "");
    assert_all(&after.all().await, "value 2", "");
    assert_eq!(get(&*app, ITEM).await.text(), "value 2");
}

/// `HEAD` follows where a page is made, and leads nobody.
#[actix_web::test]
async fn whoever_does_not_lead_does_not_wait_for_what_is_older_either() {
    let site = Site::new();
    let app = app(&site).await;
    let before = Crowd::send(&app, asked(ITEM, 1)).await;
    site.value.set(2);
    site.cache.purge_path("/items/1").await.unwrap();
    let head = || TestRequest::default().method(actix_web::http::Method::HEAD).uri(ITEM);
    // Its own answer is not kept, so it must not lead; and it must not follow.
    let after = Crowd::send(&app, [head(), TestRequest::get().uri(ITEM), head()]).await;
    assert_eq!(site.running(), [1, 2, 3]);
    for run in 1..=3 {
        site.finish(run).await;
    }
    assert_all(&before.all().await, "value 1", "");
    assert_eq!(after.all().await.len(), 3);
    assert_eq!(get(&*app, ITEM).await.text(), "value 2");
}
