//! Bodies that come piece by piece: sent as they come, and kept if they come to a clean end.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use actix_http::Request;
use actix_web::{
    App, Error, HttpResponse,
    body::{BodySize, MessageBody, to_bytes},
    dev::{Service, ServiceResponse},
    http::Method,
    test::{TestRequest, call_service, init_service},
    web::{self, Bytes},
};
use cache_page::{Outcome, PageCache, PageCacheBuilder, Reason, cache_page, testing::ManualClock};
use futures_util::FutureExt as _;

use crate::legacy::{Answer, Crowd, Runs, get, send, settle};

/// What a body's source does, in order; it waits where nothing is left.
enum Piece {
    Bytes(&'static str),
    Fails,
    Ends,
}
use Piece::{Bytes as Some_, Ends, Fails};

#[derive(Clone, Default)]
struct Source(Rc<RefCell<(VecDeque<Piece>, Option<Waker>)>>);

impl Source {
    fn give(&self, pieces: impl IntoIterator<Item = Piece>) {
        let mut source = self.0.borrow_mut();
        source.0.extend(pieces);
        if let Some(waiting) = source.1.take() {
            waiting.wake();
        }
    }
}

struct Body {
    source: Source,
    size: BodySize,
}

impl MessageBody for Body {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, io::Error>>> {
        let mut source = self.source.0.borrow_mut();
        match source.0.pop_front() {
            Some(Some_(text)) => Poll::Ready(Some(Ok(Bytes::from_static(text.as_bytes())))),
            Some(Fails) => Poll::Ready(Some(Err(io::Error::other("the source went away")))),
            Some(Ends) => Poll::Ready(None),
            None => {
                source.1 = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

struct Site {
    cache: PageCache,
    clock: ManualClock,
    runs: Runs,
    /// Of each run, in the order they begin.
    sources: RefCell<VecDeque<Source>>,
    size: BodySize,
    headers: &'static [(&'static str, &'static str)],
}

impl Site {
    fn new(cache: PageCacheBuilder) -> Self {
        let clock = ManualClock::new();
        Self {
            cache: cache.clock(clock.clone()).build(),
            clock,
            runs: Runs::default(),
            sources: RefCell::default(),
            size: BodySize::Stream,
            headers: &[],
        }
    }

    /// The source of the next run's body.
    fn source(&self, pieces: impl IntoIterator<Item = Piece>) -> Source {
        let source = Source::default();
        source.give(pieces);
        self.sources.borrow_mut().push_back(source.clone());
        source
    }

    fn stream(&self) -> HttpResponse {
        self.runs.count();
        let mut response = HttpResponse::Ok();
        for line in self.headers {
            response.append_header(*line);
        }
        let source = self.sources.borrow_mut().pop_front().unwrap();
        response.body(Body { source, size: self.size })
    }

    fn of(&self, outcome: Outcome) -> u64 {
        self.cache.stats().count(outcome)
    }
}

#[cache_page(60)]
async fn streamed(#[unkeyed] site: web::Data<Site>) -> HttpResponse {
    site.stream()
}

#[cache_page(60, stale_while_revalidate = 30)]
async fn refreshed(#[unkeyed] site: web::Data<Site>) -> HttpResponse {
    site.stream()
}

async fn app(
    site: &web::Data<Site>,
) -> Rc<impl Service<Request, Response = ServiceResponse, Error = Error> + use<>> {
    let app = App::new().app_data(site.cache.clone()).app_data(site.clone());
    let app = app.route("/refreshed", web::get().to(refreshed)).default_service(web::to(streamed));
    Rc::new(init_service(app).await)
}

/// The next piece, if there is one already.
fn next(body: &mut Pin<Box<impl MessageBody>>) -> Option<Option<Vec<u8>>> {
    let piece = std::future::poll_fn(|context| body.as_mut().poll_next(context)).now_or_never()?;
    Some(piece.map(|piece| piece.ok().unwrap_or_default().to_vec()))
}

const STREAMED: &str = "cache_page; fwd=miss; detail=streamed";

#[actix_web::test]
async fn pieces_are_sent_as_they_come_and_kept_at_their_end() {
    let mut site = Site::new(PageCache::builder());
    site.headers = &[("content-type", "text/plain"), ("x-a", "1"), ("x-a", "2")];
    let site = web::Data::new(site);
    let app = app(&site).await;
    let source = site.source([Some_("one, ")]);
    let response = call_service(&*app, TestRequest::get().to_request()).await;
    assert_eq!(response.headers().get("cache-status").unwrap(), STREAMED);
    assert_eq!(response.headers().get("cache-control").unwrap(), "max-age=60");
    assert_eq!(response.headers().get("etag"), None, "of what is not there yet");
    let mut body = Box::pin(response.into_body());
    assert_eq!(next(&mut body), Some(Some(b"one, ".to_vec())), "nothing is held back");
    assert_eq!(next(&mut body), None);
    source.give([Some_("two")]);
    assert_eq!(next(&mut body), Some(Some(b"two".to_vec())));
    assert_eq!((site.cache.stats().pages(), site.cache.stats().requests()), (0, 0), "it is not over yet");
    site.clock.advance(Duration::from_secs(10));
    source.give([Ends]);
    assert_eq!(next(&mut body), Some(None));
    assert_eq!((site.of(Outcome::Stored), site.cache.stats().requests()), (1, 1));
    let answer = get(&*app, "/").await;
    assert_eq!((answer.text(), answer.outcome().as_str()), ("one, two", "cache_page; hit; ttl=50"));
    assert_eq!(answer.header("age").as_deref(), Some("10"), "it is as old as its head");
    assert_eq!(answer.header("x-a").as_deref(), Some("1, 2"));
    for name in ["etag", "cache-control", "date"] {
        assert!(answer.header(name).is_some(), "{name}");
    }
    assert_eq!(site.runs.get(), 1);
}

#[actix_web::test]
async fn what_does_not_come_to_a_clean_end_is_not_kept() {
    let sizes = [BodySize::Stream, BodySize::Sized(5), BodySize::Sized(3)];
    for (size, pieces, text, reason) in [
        (sizes[0], vec![Some_("one, "), Fails], None, Reason::IncompleteBody),
        (sizes[0], vec![Fails], None, Reason::IncompleteBody),
        (sizes[1], vec![Some_("one"), Ends], Some("one"), Reason::IncompleteBody),
        (sizes[2], vec![Some_("one"), Some_("two"), Ends], Some("onetwo"), Reason::IncompleteBody),
        (sizes[0], vec![Some_("12345678"), Some_("9"), Ends], Some("123456789"), Reason::BodyTooLarge),
        (sizes[0], vec![Some_("1"), Some_("2345678901"), Ends], Some("12345678901"), Reason::BodyTooLarge),
    ] {
        let mut site = Site::new(PageCache::builder().max_body(8));
        site.size = size;
        let site = web::Data::new(site);
        let app = app(&site).await;
        site.source(pieces);
        let response = call_service(&*app, TestRequest::get().to_request()).await;
        let body = to_bytes(response.into_body()).await;
        assert_eq!(body.is_err(), text.is_none(), "the client must see what became of the body: {reason:?}");
        if let Some(text) = text {
            assert_eq!(body.unwrap(), text);
        }
        assert_eq!((site.of(Outcome::NotStored(reason)), site.cache.stats().pages()), (1, 0), "{reason:?}");
        assert_eq!(site.cache.stats().requests(), 1);
    }
    // One that says so beforehand is not even copied.
    let mut site = Site::new(PageCache::builder().max_body(8));
    site.size = BodySize::Sized(9);
    let site = web::Data::new(site);
    let app = app(&site).await;
    site.source([Some_("123456789"), Ends]);
    let response = call_service(&*app, TestRequest::get().to_request()).await;
    assert_eq!(site.of(Outcome::NotStored(Reason::BodyTooLarge)), 1);
    assert_eq!(to_bytes(response.into_body()).await.unwrap(), "123456789");
    // And one of exactly so many bytes is kept.
    let mut site = Site::new(PageCache::builder().max_body(8));
    site.size = BodySize::Sized(8);
    let site = web::Data::new(site);
    let app = self::app(&site).await;
    site.source([Some_("1234"), Some_("5678"), Ends]);
    assert_eq!(get(&*app, "/").await.text(), "12345678");
    assert!(get(&*app, "/").await.is_hit());
}

#[actix_web::test]
async fn a_client_that_leaves_hands_over() {
    let site = web::Data::new(Site::new(PageCache::builder()));
    let app = app(&site).await;
    let first = site.source([Some_("one")]);
    let response = call_service(&*app, TestRequest::get().to_request()).await;
    let mut body = Box::pin(response.into_body());
    assert!(next(&mut body).is_some());
    let crowd = Crowd::send(&app, [TestRequest::get(), TestRequest::get()]).await;
    assert_eq!((site.runs.get(), crowd.answered()), (1, 0));
    site.source([Some_("two"), Ends]);
    drop(body);
    first.give([Ends]);
    let answers = crowd.all().await;
    assert!(answers.iter().all(|answer| answer.text() == "two"));
    assert_eq!(answers[0].outcome(), STREAMED);
    assert_eq!(answers[1].outcome(), "cache_page; fwd=miss; collapsed; ttl=60");
    assert_eq!((site.runs.get(), site.of(Outcome::NotStored(Reason::ClientGone))), (2, 1));
    assert!(get(&*app, "/").await.is_hit());
}

/// Followers of a stream wait for its end; where that shows not to be one, they do not wait any longer.
#[actix_web::test]
async fn followers_of_a_stream() {
    let site = web::Data::new(Site::new(PageCache::builder().max_body(8)));
    let app = app(&site).await;
    let source = site.source([Some_("one")]);
    let crowd = Crowd::send(&app, (0..10).map(|_| TestRequest::get())).await;
    assert_eq!((site.runs.get(), crowd.answered()), (1, 0));
    source.give([Ends]);
    let answers = crowd.all().await;
    assert!(answers.iter().all(|answer| answer.text() == "one"));
    assert_eq!((site.runs.get(), site.of(Outcome::Collapsed)), (1, 9));

    // Endless: over the limit it is nobody else's business.
    let endless: Vec<Source> = (0..3).map(|_| site.source([Some_("12345678")])).collect();
    let crowd = Crowd::send(&app, (0..3).map(|_| TestRequest::get().uri("/endless"))).await;
    assert_eq!(site.runs.get(), 2);
    endless[0].give([Some_("9")]);
    settle().await;
    assert_eq!((site.runs.get(), crowd.answered()), (4, 0), "all at once");
    // And it is remembered.
    site.source([Some_("1")]);
    let late = Crowd::send(&app, [TestRequest::get().uri("/endless")]).await;
    assert_eq!(site.runs.get(), 5);
    drop((crowd, late));
    settle().await;
    assert_eq!(site.cache.stats().pages(), 1);
}

/// A client that reads slowly makes others wait no longer than they may; and what they make is for those that still wait.
#[actix_web::test]
async fn a_slow_client_does_not_hold_up_others_for_long() {
    let site = web::Data::new(Site::new(PageCache::builder()));
    let app = app(&site).await;
    let slow = site.source([Some_("one")]);
    let response = call_service(&*app, TestRequest::get().to_request()).await;
    let early = Crowd::send(&app, [TestRequest::get()]).await;
    site.clock.advance(Duration::from_secs(3));
    let late = Crowd::send(&app, [TestRequest::get()]).await;
    site.source([Some_("two"), Ends]);
    site.clock.advance(Duration::from_secs(2));
    settle().await;
    assert_eq!((early.answered(), late.answered(), site.runs.get()), (1, 1, 2));
    assert!(get(&*app, "/").await.is_hit());
    // Nor does it put what is old in the place of what is new.
    let mut body = Box::pin(response.into_body());
    assert_eq!(next(&mut body), Some(Some(b"one".to_vec())));
    slow.give([Ends]);
    assert_eq!(next(&mut body), Some(None));
    assert_eq!(site.of(Outcome::NotStored(Reason::Superseded)), 1);
    assert_eq!(get(&*app, "/").await.text(), "two");

    // And where there is nothing new, what came too late is not kept either.
    let slow = site.source([]);
    let response = call_service(&*app, TestRequest::get().uri("/other").to_request()).await;
    site.clock.advance(Duration::from_secs(60));
    slow.give([Some_("old"), Ends]);
    assert_eq!(to_bytes(response.into_body()).await.unwrap(), "old");
    assert_eq!(site.of(Outcome::NotStored(Reason::Expired)), 1);
}

/// What is announced to be nothing is not even read by servers.
#[actix_web::test]
async fn a_stream_of_nothing_is_a_page() {
    let mut site = Site::new(PageCache::builder());
    site.size = BodySize::Sized(0);
    let site = web::Data::new(site);
    let app = app(&site).await;
    site.source([Ends]);
    let response = call_service(&*app, TestRequest::get().to_request()).await;
    assert!(response.headers().get("cache-status").unwrap().to_str().unwrap().contains("stored"));
    drop(response);
    let answer = get(&*app, "/").await;
    assert_eq!((answer.is_hit(), answer.text(), site.runs.get()), (true, "", 1));
}

/// Caches further down may keep the first response as well: it says what the page depends on.
#[actix_web::test]
async fn the_head_of_a_stream_says_what_it_depends_on() {
    #[cache_page(60, vary = ["accept-language"])]
    async fn by_language(#[unkeyed] site: web::Data<Site>) -> HttpResponse {
        site.stream()
    }
    #[cache_page(60)]
    async fn by_visitor(#[unkeyed] site: web::Data<Site>, #[key] visitor: Bytes) -> HttpResponse {
        drop(visitor);
        site.stream()
    }
    let site = web::Data::new(Site::new(PageCache::builder()));
    let app = App::new().app_data(site.cache.clone()).app_data(site.clone());
    let app = app.route("/language", web::get().to(by_language)).route("/visitor", web::get().to(by_visitor));
    let app = init_service(app).await;
    for (uri, name, value) in
        [("/language", "vary", "accept-language"), ("/visitor", "cache-control", "private, no-cache")]
    {
        for _ in 0..2 {
            site.source([Some_("page"), Ends]);
            assert_eq!(get(&app, uri).await.header(name).as_deref(), Some(value), "{uri}");
        }
    }
}

/// Streams without an end, and connections that become something else, are nobody's page from their head on.
#[actix_web::test]
async fn events_and_upgrades_block_nobody() {
    const EVENTS: &[(&str, &str)] = &[("content-type", "text/event-stream")];
    const UPGRADE: &[(&str, &str)] = &[("upgrade", "websocket")];
    for (headers, reason) in [(EVENTS, "event-stream"), (UPGRADE, "upgrade")] {
        let mut site = Site::new(PageCache::builder());
        site.headers = headers;
        let site = web::Data::new(site);
        let app = app(&site).await;
        let sources: Vec<Source> = (0..3).map(|_| site.source([Some_("data: 1\n\n")])).collect();
        let mut bodies = Vec::new();
        for _ in 0..3 {
            let response = call_service(&*app, TestRequest::get().to_request()).await;
            let told = response.headers().get("cache-status").unwrap().to_str().unwrap().to_owned();
            assert_eq!(told, format!("cache_page; fwd=miss; detail={reason}"));
            bodies.push(Box::pin(response.into_body()));
        }
        for (body, source) in bodies.iter_mut().zip(&sources) {
            assert_eq!(next(body), Some(Some(b"data: 1\n\n".to_vec())));
            assert_eq!(next(body), None);
            source.give([Some_("data: 2\n\n")]);
            assert_eq!(next(body), Some(Some(b"data: 2\n\n".to_vec())));
        }
        assert_eq!(site.runs.get(), 3);
    }
}

/// Many that read slowly hold no more than a part of what all pages may take, and nobody else out.
#[actix_web::test]
async fn bodies_under_way_are_bounded() {
    const BUDGET: usize = 400_000;
    const PIECE: &str = match str::from_utf8(&[b'x'; 9_000]) {
        Ok(text) => text,
        Err(_) => "",
    };
    let site = web::Data::new(Site::new(PageCache::builder().max_bytes(BUDGET)));
    let app = app(&site).await;
    let mut under_way = Vec::new();
    let sources: Vec<Source> = (0..30).map(|_| site.source([Some_(PIECE)])).collect();
    for number in 0..30 {
        let request = TestRequest::get().uri(&format!("/{number}")).to_request();
        let mut body = Box::pin(call_service(&*app, request).await.into_body());
        assert_eq!(next(&mut body).unwrap().unwrap().len(), PIECE.len());
        under_way.push(body);
    }
    // Whoever comes and reads on is kept, whatever others hold.
    site.source([Some_(PIECE), Ends]);
    assert_eq!(get(&*app, "/new").await.text().len(), PIECE.len());
    assert!(get(&*app, "/new").await.is_hit());
    // All of them get all of it. Those that were begun first made room for those that came later.
    for (source, body) in sources.iter().zip(&mut under_way) {
        source.give([Ends]);
        assert_eq!(next(body), Some(None));
    }
    let given_up = site.of(Outcome::NotStored(Reason::StreamBudget));
    assert_eq!(given_up, 31 - (BUDGET / 4 / PIECE.len()) as u64);
    assert!(!get_without_a_source(&*app, "/0").await, "the first one was given up");
    assert!(get_without_a_source(&*app, "/29").await);
}

/// Whether there is a page; the handler has no body to give.
async fn get_without_a_source(
    app: &impl Service<Request, Response = ServiceResponse, Error = Error>,
    uri: &str,
) -> bool {
    let head = TestRequest::default().method(Method::HEAD).uri(uri);
    let asked = std::panic::AssertUnwindSafe(send(app, head)).catch_unwind().await;
    asked.is_ok_and(|answer| answer.is_hit())
}

/// In the background, nobody reads a body but the cache.
#[actix_web::test]
async fn a_refresh_reads_its_body_itself() {
    let site = web::Data::new(Site::new(PageCache::builder().max_body(8)));
    let app = app(&site).await;
    site.source([Some_("old"), Ends]);
    assert_eq!(get(&*app, "/refreshed").await.text(), "old");
    site.clock.advance(Duration::from_secs(60));
    let source = site.source([Some_("n")]);
    assert_eq!(get(&*app, "/refreshed").await.text(), "old");
    source.give([Some_("ew")]);
    settle().await;
    assert_eq!(get(&*app, "/refreshed").await.text(), "old", "it is not over");
    source.give([Ends]);
    settle().await;
    assert_eq!(get(&*app, "/refreshed").await.text(), "new");

    // An endless one is left where it cannot be kept any more.
    site.clock.advance(Duration::from_secs(60));
    let source = site.source([Some_("12345678"), Some_("9")]);
    assert_eq!(get(&*app, "/refreshed").await.text(), "new");
    settle().await;
    assert_eq!(Rc::strong_count(&source.0), 1, "the body is dropped");
}

#[actix_web::test]
async fn the_stream_of_a_head_request_is_not_kept() {
    let site = web::Data::new(Site::new(PageCache::builder()));
    let app = app(&site).await;
    site.source([Ends]);
    let answer: Answer = send(&*app, TestRequest::default().method(Method::HEAD)).await;
    assert_eq!(answer.outcome(), "cache_page; fwd=miss; detail=head");
    assert_eq!(site.cache.stats().pages(), 0);
}
