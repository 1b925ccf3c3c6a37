//! Pages that another server makes: whatever stands in a response, the cache obeys it and passes it on.

#[allow(dead_code)]
#[path = "../../examples/proxy.rs"]
mod example;

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener},
    thread,
    time::{Duration, SystemTime},
};

use actix_http::Request;
use actix_web::{
    App, Error, HttpResponse,
    dev::{Service, ServiceResponse},
    http::{
        Method,
        header::{HeaderValue, HttpDate},
    },
    test::{TestRequest, init_service},
    web,
};
use cache_page::{PageCache, testing::ManualClock};

use self::example::{Upstream, page};
use crate::legacy::{Answer, Runs, Server, asking, get, send};

/// Statuses that are kept under no circumstances.
const NEVER: [u16; 9] = [206, 304, 412, 416, 417, 428, 429, 431, 511];

/// A server that sends these bytes to everybody, and counts them. Its thread ends with the test's process.
fn raw(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> (SocketAddr, Runs) {
    let (listener, runs) = (TcpListener::bind(("127.0.0.1", 0)).unwrap(), Runs::default());
    let (address, counted) = (listener.local_addr().unwrap(), runs.clone());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let head: Vec<String> = BufReader::new(&stream)
                .lines()
                .map(Result::unwrap)
                .take_while(|line| !line.is_empty())
                .collect();
            counted.count();
            // Who asked may not want to know.
            let _ = stream.write_all(&answer(&head.join("\n")));
        }
    });
    (address, runs)
}

/// A cache before that server, with a clock that is moved by hand.
async fn before(
    upstream: SocketAddr,
) -> (impl Service<Request, Response = ServiceResponse, Error = Error>, ManualClock) {
    let clock = ManualClock::new();
    let cache = PageCache::builder().clock(clock.clone()).build();
    let app = App::new().app_data(cache).app_data(web::Data::new(Upstream(upstream)));
    (init_service(app.default_service(web::to(page))).await, clock)
}

/// A response with these headers, and with a body if its status may have one.
fn of(status: u16, headers: &str) -> Vec<u8> {
    let body = if [204, 304].contains(&status) { "" } else { "Content-Length: 4\r\n\r\npage" };
    let end = if body.is_empty() { "\r\n" } else { "" };
    format!("HTTP/1.1 {status} Some Reason\r\n{headers}{body}{end}").into_bytes()
}

/// Two answers to `GET`.
async fn twice(answer: Vec<u8>) -> [Answer; 2] {
    let (upstream, runs) = raw(move |_| answer.clone());
    let (app, _) = before(upstream).await;
    let answers = [get(&app, "/").await, get(&app, "/").await];
    let is_hit = answers[1].outcome().contains("cache_page; hit");
    assert_eq!(runs.get(), if is_hit { 1 } else { 2 });
    answers
}

#[actix_web::test]
async fn every_status() {
    let (upstream, _) = raw(|head| {
        let path = head.split(' ').nth(1).unwrap();
        let said = if path.ends_with("said") { "Cache-Control: s-maxage=5\r\n" } else { "" };
        of(path[1..4].parse().unwrap(), said)
    });
    let (app, _) = before(upstream).await;
    for status in 200..=599 {
        for (path, kept) in [
            (format!("/{status}"), [200, 301, 308].contains(&status)),
            (format!("/{status}?said"), !NEVER.contains(&status)),
        ] {
            let (first, second) = (get(&app, &path).await, get(&app, &path).await);
            assert_eq!((first.status, second.status), (status, status));
            assert_eq!((first.is_stored(), second.is_hit()), (kept, kept), "{path}: {}", first.outcome());
            let text = if [204, 304].contains(&status) { "" } else { "page" };
            assert_eq!((first.text(), second.text()), (text, text), "{path}");
        }
    }
}

#[actix_web::test]
async fn the_servers_word_counts() {
    let ago = |seconds| HttpDate::from(SystemTime::now() - Duration::from_secs(seconds)).to_string();
    let in_ten = HttpDate::from(SystemTime::now() + Duration::from_secs(1000)).to_string();
    // What depends on the second in which a response comes is given to the ten.
    for (headers, told) in [
        ("", "stored; ttl=60"),
        ("Cache-Control: max-age=100\r\n", "stored; ttl=100"),
        ("cache-control:max-age=100,s-maxage=50\r\n", "stored; ttl=50"),
        ("CACHE-CONTROL: \t S-MaxAge=\"50\" ,,\r\n", "stored; ttl=50"),
        ("Cache-Control: max-age=99999999999999999999\r\n", "stored; ttl=18446744073709551615"),
        ("Cache-Control: max-age=100\r\nAge: 30\r\n", "stored; ttl=70"),
        ("Cache-Control: max-age=100\r\nAge: 30, 40\r\n", "stored; ttl="),
        ("Cache-Control: max-age=100\r\nAge: 100\r\n", "detail=expired"),
        (&format!("Cache-Control: max-age=1098\r\nDate: {}\r\n", ago(100)), "stored; ttl=99"),
        (&format!("Cache-Control: max-age=90\r\nDate: {}\r\n", ago(100)), "detail=expired"),
        (&format!("Expires: {in_ten}\r\n"), "stored; ttl="),
        (&format!("Expires: {in_ten}\r\nCache-Control: max-age=7\r\n"), "stored; ttl=7"),
        (&format!("Expires: {}\r\nDate: {}\r\n", ago(1), ago(0)), "detail=expired"),
        ("Expires: 0\r\n", "detail=expired"),
        ("Expires: 0\r\nCache-Control: max-age=7\r\n", "stored; ttl=7"),
        ("Cache-Control: no-store\r\n", "detail=no-store"),
        ("Cache-Control: max-age=60\r\nCache-Control: NO-CACHE\r\n", "detail=no-cache"),
        ("Cache-Control: private=\"x-a\", max-age=60\r\n", "detail=private"),
        ("Cache-Control: max-age=60, must-understand, no-store\r\n", "stored; ttl=60"),
        ("Set-Cookie: a=b\r\n", "detail=set-cookie"),
        ("Vary: *\r\n", "detail=vary"),
        ("Vary: accept, Cookie\r\n", "stored; ttl=60"),
        ("Content-Type: text/event-stream\r\n", "detail=event-stream"),
        ("Content-Security-Policy: script-src 'nonce-x'\r\n", "detail=csp-nonce"),
        ("Upgrade: h2c\r\nConnection: Upgrade\r\n", "stored; ttl=60"),
    ] {
        let [first, second] = twice(of(200, headers)).await;
        assert!(first.outcome().contains(&format!("fwd=miss; {told}")), "{headers:?}: {}", first.outcome());
        assert_eq!(second.is_hit(), told.starts_with("stored"), "{headers:?}");
        assert_eq!((first.text(), second.text()), ("page", "page"), "{headers:?}");
    }
}

/// RFC 9111 5.2.2.3: `no-store` is for caches that do not know what the status means.
#[actix_web::test]
async fn must_understand() {
    for (status, kept) in [(200, true), (404, true), (204, true), (206, false), (299, false), (418, false)] {
        let [first, second] =
            twice(of(status, "Cache-Control: no-store, must-understand, max-age=5\r\n")).await;
        assert_eq!((first.is_stored(), second.is_hit()), (kept, kept), "{status}: {}", first.outcome());
    }
}

#[actix_web::test]
async fn odd_headers_come_through_unchanged() {
    const ODD: &str = "X-Empty:\r\nx-empty: \r\nX-Bytes: \u{e4}\r\n!#$%&'*+-.^_`|~: odd\r\n\
        X-Twice: b\r\nX-TWICE:\ta \r\nX-Bare-Newline: 1\nX-Comma: a,,\"b,c\"\r\n\
        Server: somebody\r\nWarning: 110 - \"Response is Stale\"\r\nCache-Status: other; hit\r\n";
    const HOPS: &str =
        "Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\nTrailer: x\r\n";
    let answers = twice(of(200, &format!("{ODD}{HOPS}"))).await;
    for answer in &answers {
        let lines =
            |name: &str| -> Vec<&[u8]> { answer.headers.get_all(name).map(HeaderValue::as_bytes).collect() };
        assert_eq!(lines("x-empty"), [b"", b""]);
        assert_eq!(lines("x-bytes"), ["\u{e4}".as_bytes()]);
        assert_eq!(lines("!#$%&'*+-.^_`|~"), [b"odd"]);
        assert_eq!(lines("x-twice"), [b"b", b"a"]);
        assert_eq!(lines("x-bare-newline"), [b"1"]);
        assert_eq!(lines("x-comma"), [b"a,,\"b,c\""]);
        assert_eq!(lines("warning").len(), 1);
        assert!(answer.outcome().starts_with("other; hit, cache_page; "));
        for name in ["connection", "x-hop", "keep-alive", "te", "trailer", "content-length"] {
            assert!(lines(name).is_empty(), "{name}");
        }
    }
    assert_eq!(answers[0].lasting_headers(), answers[1].lasting_headers());
}

#[actix_web::test]
async fn the_servers_validators_are_the_pages() {
    const CHANGED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    let (upstream, runs) = raw(|head| {
        assert!(!head.to_lowercase().contains("if-") && !head.to_lowercase().contains("range"), "{head}");
        of(200, &format!("ETag: \"v1\"\r\nLast-Modified: {CHANGED}\r\n"))
    });
    let (app, _) = before(upstream).await;
    for _ in 0..2 {
        for (header, status, text) in [
            (("if-none-match", "W/\"v1\""), 304, ""),
            (("if-none-match", "\"v2\""), 200, "page"),
            (("if-modified-since", CHANGED), 304, ""),
            (("range", "bytes=1-2"), 206, "ag"),
        ] {
            let answer = send(&app, asking("/", &[header])).await;
            assert_eq!((answer.status, answer.text()), (status, text), "{header:?}");
            assert_eq!(answer.header("etag").as_deref(), Some("\"v1\""));
        }
    }
    assert_eq!(runs.get(), 1);
}

/// Whatever is no whole response is an error of this one request, and nobody's page.
#[actix_web::test]
async fn what_breaks_off_is_not_kept() {
    const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage";
    let broken: [&[u8]; 10] = [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\npage",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\npage",
        b"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\npage",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npage",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\npage",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\npage",
        b"HTTP/1.1 999 Odd\r\nBad Name: x\r\n\r\npage",
        b"junk",
    ];
    for bytes in broken {
        let whole = Runs::default();
        let (upstream, runs) = raw(move |_| if whole.count() == 1 { bytes.to_vec() } else { GOOD.to_vec() });
        let (app, _) = before(upstream).await;
        let answer = get(&app, "/").await;
        let shown = String::from_utf8_lossy(bytes);
        assert_eq!((answer.status, answer.outcome().ends_with("detail=status")), (502, true), "{shown}");
        let answer = get(&app, "/").await;
        assert_eq!((answer.status, answer.text(), answer.is_stored()), (200, "page", true), "{shown}");
        assert!(get(&app, "/").await.is_hit(), "{shown}");
        assert_eq!(runs.get(), 2, "{shown}");
    }
}

#[actix_web::test]
async fn a_server_that_is_away() {
    let gone = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let (app, _) = before(gone).await;
    for _ in 0..2 {
        let answer = get(&app, "/").await;
        assert_eq!((answer.status, answer.is_stored(), answer.header("age")), (502, false, None));
    }
}

/// What the other server names in `Vary` it has seen; the rest it has not, and cannot have put into a page.
#[actix_web::test]
async fn pages_depend_on_what_is_passed_on() {
    let (upstream, runs) = raw(|head| {
        assert!(!head.contains("secret"), "{head}");
        let language = head.lines().find_map(|line| line.strip_prefix("accept-language: ")).unwrap_or("none");
        let body = format!("Vary: Accept-Language\r\nContent-Length: {}\r\n\r\n{language}", language.len());
        format!("HTTP/1.1 200 OK\r\n{body}").into_bytes()
    });
    let (app, _) = before(upstream).await;
    for round in 0..2 {
        for (number, cookie) in ["secret=1", "secret=2"].into_iter().enumerate() {
            for language in ["de", "en", "none"] {
                let headers = [("cookie", cookie), ("authorization", cookie), ("accept-language", language)];
                let answer = send(&app, asking("/", &headers)).await;
                assert_eq!((answer.text(), answer.is_hit()), (language, round + number > 0));
            }
        }
    }
    assert_eq!(runs.get(), 3);
}

/// Two caches, one before the other, over sockets: ages add up, and each tells what it did.
#[actix_web::test]
async fn a_cache_before_a_cache() {
    #[cache_page::cache_page(60)]
    async fn behind() -> HttpResponse {
        HttpResponse::Ok().insert_header(("content-type", "text/plain")).body("page")
    }
    let clock = ManualClock::new();
    let cache = PageCache::builder().clock(clock.clone()).build();
    let server = Server::start(move |config| {
        config.app_data(cache.clone()).route("/", web::get().to(behind));
    });
    assert!(get(&before(server.address).await.0, "/").await.is_stored());
    clock.advance(Duration::from_secs(20));
    let (app, front) = before(server.address).await;
    let first = get(&app, "/").await;
    assert_eq!(first.outcome(), "cache_page; hit; ttl=40, cache_page; fwd=miss; stored; ttl=40");
    assert_eq!(first.header("age").as_deref(), Some("20"));
    front.advance(Duration::from_secs(15));
    let second = get(&app, "/").await;
    assert_eq!(second.outcome(), "cache_page; hit; ttl=40, cache_page; hit; ttl=25");
    assert_eq!(second.header("age").as_deref(), Some("35"));
    assert_eq!((second.header("date"), second.header("etag")), (first.header("date"), first.header("etag")));
    let head = send(&app, TestRequest::default().method(Method::HEAD)).await;
    assert!(head.outcome().ends_with("cache_page; hit; ttl=25"));
    front.advance(Duration::from_secs(25));
    clock.advance(Duration::from_secs(39));
    let third = get(&app, "/").await;
    assert_eq!(third.outcome(), "cache_page; hit; ttl=1, cache_page; fwd=stale; stored; ttl=1");
}
