//! Who tries to make handlers run, memory grow or requests hang. `SECURITY.md` is the table of it.

use std::{
    collections::HashSet,
    future::pending,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse, Responder,
    body::{BodySize, MessageBody},
    get,
    test::{TestRequest, init_service},
    web::{self, Bytes},
};
use cache_page::{Outcome, PageCache, Reason, cache_page, testing::ManualClock};

use crate::legacy::{Answer, Crowd, Runs, Server, app_answering, app_answering_with, asking, get, send};

/// What a client that wants the handler to run would send.
const WISHES: [&[(&str, &str)]; 16] = [
    &[("cache-control", "no-cache")],
    &[("cache-control", "no-store")],
    &[("cache-control", "max-age=0")],
    &[("cache-control", "only-if-cached")],
    &[("pragma", "no-cache")],
    &[("authorization", "Bearer bogus")],
    &[("proxy-authorization", "Basic bogus")],
    &[("cookie", "session=bogus")],
    &[("x-api-key", "bogus")],
    &[("range", "bytes=0-0")],
    &[("range", "bytes=9-")],
    &[("range", "bytes=0-0,2-2"), ("if-range", "\"bogus\"")],
    &[("if-match", "\"bogus\"")],
    &[("if-none-match", "\"bogus\"")],
    &[("if-unmodified-since", "Sun, 06 Nov 1994 08:49:37 GMT")],
    &[("expect", "100-continue"), ("upgrade", "websocket"), ("connection", "upgrade")],
];

/// They are answered from the page if there is one; if there is none, what they make is the page.
#[actix_web::test]
async fn headers_that_switch_the_cache_off() {
    for wish in WISHES {
        let (app, runs, _) = app_answering(|| HttpResponse::Ok().body("page")).await;
        assert!(send(&app, asking("/", wish)).await.is_stored(), "{wish:?}");
        assert!(send(&app, asking("/", wish)).await.is_hit(), "{wish:?}");
        let other = get(&app, "/").await;
        assert_eq!(
            (other.is_hit(), other.status, other.text(), runs.get()),
            (true, 200, "page", 1),
            "{wish:?}"
        );
    }
}

/// An open page is not for those who bring credentials; it is still there for all the others.
#[actix_web::test]
async fn credentials_that_evict_an_open_page() {
    #[get("/")]
    #[cache_page(60)]
    async fn page(_request: HttpRequest) -> impl Responder {
        "page"
    }
    let cache = PageCache::new();
    let app = init_service(App::new().app_data(cache.clone()).service(page)).await;
    assert!(get(&app, "/").await.is_stored());
    let before = cache.stats().bytes();
    for number in 0..100 {
        let cookie = format!("session={number}");
        assert!(send(&app, asking("/", &[("cookie", &cookie)])).await.outcome().ends_with("credentials"));
    }
    assert_eq!((cache.stats().pages(), cache.stats().bytes()), (1, before));
    assert!(get(&app, "/").await.is_hit());
}

#[cache_page(60)]
async fn page(runs: web::Data<Runs>) -> String {
    format!("page {}", runs.count())
}

#[test]
fn a_query_of_ten_megabytes() {
    let (cache, runs) = (PageCache::new(), Runs::default());
    let server = {
        let (cache, runs) = (cache.clone(), runs.clone());
        Server::start(move |config| {
            let data = web::Data::new(runs.clone());
            config.app_data(cache.clone()).app_data(data).route("/", web::get().to(page));
        })
    };
    assert!(server.ask("GET", "/", "").is_stored());
    let before = cache.stats().bytes();
    // Longer than the server reads, and longer than a key.
    for length in [10_000_000, 60_000] {
        let mut stream = TcpStream::connect(server.address).unwrap();
        let head =
            format!("GET /?{} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", "x".repeat(length));
        // The server may hang up before it has read all of it.
        let mut answer = Vec::new();
        let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.read_to_end(&mut answer));
        let answer = String::from_utf8_lossy(&answer);
        let refused = sent.is_err() || answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(refused || answer.contains("detail=key-too-long"), "{length}: {answer}");
        assert_eq!(refused, length > 1_000_000, "{length}: {answer}");
        assert_eq!((cache.stats().pages(), cache.stats().bytes()), (1, before), "{length}");
    }
    assert!(server.ask("GET", "/", "").is_hit());
}

/// Everything in a request that makes a page of its own, made up anew each time.
#[actix_web::test]
async fn keys_that_are_never_repeated() {
    #[get("/{tail:.*}")]
    #[cache_page(60)]
    async fn page(#[unkeyed] _request: HttpRequest) -> impl Responder {
        HttpResponse::Ok().insert_header(("vary", "accept, x-long")).body("page")
    }
    const BUDGET: usize = 200_000;
    let cache = PageCache::builder().max_bytes(BUDGET).build();
    let app = init_service(App::new().app_data(cache.clone()).service(page)).await;
    let long = "x".repeat(5000);
    for number in 0..1000 {
        let number = number.to_string();
        let (path, host) = (format!("/{number}"), format!("{number}.example"));
        for (uri, header, value) in [
            (path.as_str(), "x-a", ""),
            ("/", "host", &host),
            ("/", "x-forwarded-host", &host),
            ("/", "accept", &number),
            ("/", "x-long", &format!("{long}{number}")),
        ] {
            assert_eq!(send(&app, asking(uri, &[(header, value)])).await.text(), "page");
        }
        assert!(cache.stats().bytes() <= BUDGET, "{}", cache.stats().bytes());
    }
    let pages = cache.stats().pages();
    assert!((1..BUDGET / 256).contains(&pages), "{pages}");
}

/// More pieces than a client waits for, or a whole body that is more than a socket takes at once.
struct Pieces(usize);

impl MessageBody for Pieces {
    type Error = std::io::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, std::io::Error>>> {
        let Some(left) = self.0.checked_sub(1) else { return Poll::Ready(None) };
        self.0 = left;
        Poll::Ready(Some(Ok(Bytes::from(vec![b'x'; PIECE]))))
    }
}

const PIECE: usize = 65_536;
const PIECES: usize = 128;

#[test]
fn a_body_cut_short_by_its_client() {
    #[cache_page(60)]
    async fn streamed() -> HttpResponse {
        HttpResponse::Ok().body(Pieces(PIECES))
    }
    #[cache_page(60)]
    async fn whole() -> HttpResponse {
        HttpResponse::Ok().body(vec![b'x'; PIECE * PIECES])
    }
    let cache = PageCache::new();
    let server = Server::start(move |config| {
        config.app_data(cache.clone()).route("/streamed", web::get().to(streamed));
        config.route("/whole", web::get().to(whole));
    });
    for path in ["/streamed", "/whole"] {
        for _ in 0..3 {
            let mut stream = TcpStream::connect(server.address).unwrap();
            write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
            stream.read_exact(&mut [0; 1000]).unwrap();
            stream.shutdown(Shutdown::Both).unwrap();
        }
        for _ in 0..2 {
            let answer = server.ask("GET", path, "");
            assert_eq!(
                (answer.status, answer.body.len()),
                (200, PIECE * PIECES),
                "{path}: {}",
                answer.outcome()
            );
        }
    }
}

/// A page that is too large is the handler's all the same.
#[actix_web::test]
async fn an_oversize_page_as_an_error() {
    for cache in [PageCache::builder().max_body(10).build(), PageCache::builder().max_bytes(10).build()] {
        let (app, runs) = app_answering_with(cache.clone(), || HttpResponse::Ok().body("x".repeat(11))).await;
        for (number, range) in [None, Some(("range", "bytes=0-1"))].into_iter().enumerate() {
            let answer = send(&app, asking("/", range.as_slice())).await;
            assert_eq!((answer.status, answer.text()), (200, "xxxxxxxxxxx"));
            assert_eq!(answer.outcome(), "cache_page; fwd=miss; detail=body-too-large");
            assert_eq!(runs.get(), number as u64 + 1);
        }
        assert_eq!(cache.stats().bytes(), 0);
    }
}

/// Whoever waits for a page and goes away, the next one must not wait for him.
#[actix_web::test]
async fn a_client_that_goes_away_while_the_handler_runs() {
    #[get("/")]
    #[cache_page(60)]
    async fn slow_at_first(runs: web::Data<Runs>) -> &'static str {
        if runs.count() == 1 {
            pending::<()>().await;
        }
        "page"
    }
    let cache = PageCache::new();
    let app = App::new().app_data(cache.clone()).app_data(web::Data::new(Runs::default()));
    let app = Rc::new(init_service(app.service(slow_at_first)).await);
    let abandoned = || cache.stats().count(Outcome::NotStored(Reason::ClientGone));
    // One that comes while the first still waits follows it, and takes its place when it goes.
    let mut crowd = Crowd::send(&app, [TestRequest::get(), TestRequest::get()]).await;
    assert_eq!((crowd.answered(), abandoned()), (0, 0));
    crowd.abort(0).await;
    assert_eq!((crowd.answered(), abandoned()), (1, 1));
    assert!(crowd.all().await[0].is_stored());
    assert!(get(&*app, "/").await.is_hit());
    assert_eq!(cache.stats().requests(), 3);
}

/// Each panic ends one connection, and nothing else.
#[test]
fn a_handler_that_panics() {
    const PANICS: u64 = 6;
    #[cache_page(60)]
    async fn panicking(runs: web::Data<Runs>) -> &'static str {
        assert!(runs.count() > PANICS, "the handler panics, as the test wants it to");
        "page"
    }
    async fn worker() -> String {
        format!("{:?}", std::thread::current().id())
    }
    let (cache, runs) = (PageCache::new(), Runs::default());
    let server = {
        let (cache, runs) = (cache.clone(), runs.clone());
        Server::start(move |config| {
            config.app_data(cache.clone()).app_data(web::Data::new(runs.clone()));
            config.route("/", web::get().to(panicking)).route("/worker", web::get().to(worker));
        })
    };
    for _ in 0..PANICS {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(stream, "GET / HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
    }
    let stats = cache.stats();
    assert_eq!((stats.count(Outcome::NotStored(Reason::HandlerPanicked)), stats.pages()), (PANICS, 0));
    assert!(server.ask("GET", "/", "").is_stored());
    let workers: HashSet<Vec<u8>> = (0..20)
        .map(|_| {
            let mut answers: Vec<Answer> = server.ask_all("GET", &["/", "/worker"], "");
            assert!(answers[0].is_hit());
            answers.remove(1).body
        })
        .collect();
    assert_eq!((workers.len(), runs.get()), (2, PANICS + 1));
}

/// Values that nobody uses, sent to take the places of those that visitors do.
#[actix_web::test]
async fn variants_that_crowd_out_others() {
    #[get("/")]
    #[cache_page(60)]
    async fn page(#[unkeyed] _request: HttpRequest) -> impl Responder {
        HttpResponse::Ok().insert_header(("vary", "accept-language")).body("page")
    }
    let clock = ManualClock::new();
    let cache = PageCache::builder().clock(clock.clone()).build();
    let app = init_service(App::new().app_data(cache).service(page)).await;
    let before = [("accept-language", "en")];
    assert!(send(&app, asking("/", &before)).await.is_stored());
    for number in 0..1000 {
        send(&app, asking("/", &[("accept-language", &number.to_string())])).await;
    }
    assert!(send(&app, asking("/", &before)).await.is_hit(), "whoever was there stays");
    clock.advance(Duration::from_secs(61));
    let visitor = [("accept-language", "de")];
    let answer = send(&app, asking("/", &visitor)).await;
    assert!(answer.is_stored(), "they are gone: {}", answer.outcome());
    assert!(send(&app, asking("/", &visitor)).await.is_hit());
}
