//! The caching proxy: any response of an upstream server is stored and forwarded by the rules of HTTP.

#[allow(dead_code, reason = "the tests do not call `main`")]
#[path = "../../../examples/proxy/main.rs"]
mod example;

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
    time::{Duration, SystemTime},
};

use actix_web::{
    HttpResponse,
    http::header::{HeaderValue, HttpDate},
    rt::{spawn, task::JoinHandle},
    web,
};
use cache_page::Reason;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use self::example::{Upstream, page};
use crate::support::{TestApp, TestResponse};

/// A server that sends bytes as they are, one response on a connection. Dropping it stops it.
struct RawServer {
    address: SocketAddr,
    requests: Rc<Cell<usize>>,
    task: JoinHandle<()>,
}

impl RawServer {
    /// Starts a server. Its function makes a response to the head of a request.
    async fn start(respond: impl Fn(&str) -> Vec<u8> + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let (address, requests) = (listener.local_addr().expect("it is bound"), Rc::new(Cell::new(0)));
        let counter = Rc::clone(&requests);
        let task = spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                let head = read_head(&mut stream).await;
                counter.set(counter.get() + 1);
                // The client may reject the response before it has read all of it.
                let _ = stream.write_all(&respond(&head)).await;
            }
        });
        Self { address, requests, task }
    }

    fn requests(&self) -> usize {
        self.requests.get()
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.expect("a head"));
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// Starts a proxy in front of that server.
async fn proxy(upstream: SocketAddr) -> TestApp {
    let configure = move |config: &mut web::ServiceConfig| {
        config.app_data(web::Data::new(Upstream(upstream))).default_service(web::to(page));
    };
    TestApp::builder().configure(configure).start().await
}

/// Returns a response with these header lines, and with the body `page` if its status allows one.
fn response(status: u16, headers: &str) -> Vec<u8> {
    let rest = if has_body(status) { "Content-Length: 4\r\n\r\npage" } else { "\r\n" };
    format!("HTTP/1.1 {status} Some Reason\r\n{headers}{rest}").into_bytes()
}

fn has_body(status: u16) -> bool {
    ![204, 304].contains(&status)
}

/// Requests a page twice, with this status and these header lines of the upstream server.
async fn two_responses(status: u16, headers: &str) -> [TestResponse; 2] {
    let bytes = response(status, headers);
    let upstream = RawServer::start(move |_| bytes.clone()).await;
    let app = proxy(upstream.address).await;
    let responses = [app.get("/").await, app.get("/").await];
    for response in &responses {
        response.assert_status(status).assert_body(if has_body(status) { "page" } else { "" });
    }
    assert_eq!(upstream.requests(), if responses[1].is_hit() { 1 } else { 2 }, "{headers}");
    responses
}

async fn assert_stored_for(seconds: i64, headers: &str) {
    let [miss, hit] = two_responses(200, headers).await;
    miss.assert_stored().assert_fwd("miss").assert_ttl(seconds);
    hit.assert_hit();
}

async fn assert_not_stored(reason: Reason, headers: &str) {
    for response in two_responses(200, headers).await {
        response.assert_not_stored(reason).assert_fwd("miss");
    }
}

/// Checks for every status whether it is stored.
async fn assert_stored_statuses(headers: &str, is_stored: impl Fn(u16) -> bool) {
    for status in 200..=599 {
        let [first, second] = two_responses(status, headers).await;
        assert_eq!((first.is_stored(), second.is_hit()), (is_stored(status), is_stored(status)), "{first:?}");
    }
}

#[actix_web::test]
async fn ttl_stores_only_200_301_and_308_of_an_upstream() {
    assert_stored_statuses("", |status| [200, 301, 308].contains(&status)).await;
}

#[actix_web::test]
async fn explicit_lifetime_stores_other_statuses_of_an_upstream() {
    const NEVER_STORED: [u16; 9] = [206, 304, 412, 416, 417, 428, 429, 431, 511];
    assert_stored_statuses("Cache-Control: s-maxage=5\r\n", |status| !NEVER_STORED.contains(&status)).await;
}

/// RFC 9111 5.2.2.3: `must-understand` overrides `no-store` in caches that know the status.
#[actix_web::test]
async fn must_understand_overrides_no_store_for_known_statuses() {
    for (status, is_stored) in
        [(200, true), (404, true), (204, true), (206, false), (299, false), (418, false)]
    {
        let [first, second] =
            two_responses(status, "Cache-Control: no-store, must-understand, max-age=5\r\n").await;
        assert_eq!((first.is_stored(), second.is_hit()), (is_stored, is_stored), "{first:?}");
    }
}

#[actix_web::test]
async fn cache_control_of_an_upstream_overrides_the_ttl() {
    for (headers, seconds) in [
        ("", 60),
        ("Cache-Control: max-age=100\r\n", 100),
        ("cache-control:max-age=100,s-maxage=50\r\n", 50),
        ("CACHE-CONTROL: \t S-MaxAge=\"50\" ,,\r\n", 50),
        ("Cache-Control: max-age=60, must-understand, no-store\r\n", 60),
        ("Expires: 0\r\nCache-Control: max-age=7\r\n", 7),
    ] {
        assert_stored_for(seconds, headers).await;
    }
}

#[actix_web::test]
async fn lifetime_beyond_all_numbers_is_reported_as_the_largest_one() {
    assert_stored_for(999_999_999_999_999, "Cache-Control: max-age=99999999999999999999\r\n").await;
}

#[actix_web::test]
async fn age_of_an_upstream_shortens_the_lifetime() {
    assert_stored_for(70, "Cache-Control: max-age=100\r\nAge: 30\r\n").await;
    assert_not_stored(Reason::Expired, "Cache-Control: max-age=100\r\nAge: 100\r\n").await;
    let [miss, hit] = two_responses(200, "Cache-Control: max-age=100\r\nAge: 30, 40\r\n").await;
    miss.assert_stored();
    hit.assert_hit();
}

/// Returns the header value for a date that is so many seconds from now.
fn date(seconds: i64) -> String {
    let (now, distance) = (SystemTime::now(), Duration::from_secs(seconds.unsigned_abs()));
    HttpDate::from(if seconds < 0 { now - distance } else { now + distance }).to_string()
}

/// The distances are hours, as the dates depend on the second in which the test runs.
#[actix_web::test]
async fn date_of_an_upstream_shortens_the_lifetime() {
    let headers = format!("Cache-Control: max-age=20000\r\nDate: {}\r\n", date(-10_000));
    let [miss, hit] = two_responses(200, &headers).await;
    let ttl = miss.assert_stored().cache_status().ttl();
    assert!(ttl.is_some_and(|ttl| (5_000..=10_000).contains(&ttl)), "{miss:?}");
    hit.assert_hit();
    let headers = format!("Cache-Control: max-age=9000\r\nDate: {}\r\n", date(-10_000));
    assert_not_stored(Reason::Expired, &headers).await;
}

#[actix_web::test]
async fn expires_of_an_upstream_is_its_lifetime_without_max_age() {
    let expires = format!("Expires: {}\r\n", date(10_000));
    let [miss, hit] = two_responses(200, &expires).await;
    let ttl = miss.assert_stored().cache_status().ttl();
    assert!(ttl.is_some_and(|ttl| (5_000..=10_000).contains(&ttl)), "{miss:?}");
    hit.assert_hit();
    assert_stored_for(7, &format!("{expires}Cache-Control: max-age=7\r\n")).await;
}

#[actix_web::test]
async fn response_that_an_upstream_sends_expired_is_not_stored() {
    assert_not_stored(Reason::Expired, "Expires: 0\r\n").await;
    assert_not_stored(Reason::Expired, &format!("Expires: {}\r\nDate: {}\r\n", date(-1), date(0))).await;
}

#[actix_web::test]
async fn response_that_an_upstream_forbids_to_store_is_not_stored() {
    for (headers, reason) in [
        ("Cache-Control: no-store\r\n", Reason::NoStore),
        ("Cache-Control: max-age=60\r\nCache-Control: NO-CACHE\r\n", Reason::NoCache),
        ("Cache-Control: private=\"x-a\", max-age=60\r\n", Reason::Private),
        ("Set-Cookie: a=b\r\n", Reason::SetCookie),
        ("Vary: *\r\n", Reason::Vary),
        ("Content-Type: text/event-stream\r\n", Reason::EventStream),
        ("Content-Security-Policy: script-src 'nonce-x'\r\n", Reason::CspNonce),
    ] {
        assert_not_stored(reason, headers).await;
    }
}

#[actix_web::test]
async fn vary_and_upgrade_of_an_upstream_do_not_prevent_storage() {
    assert_stored_for(60, "Vary: accept, Cookie\r\n").await;
    assert_stored_for(60, "Upgrade: h2c\r\nConnection: Upgrade\r\n").await;
}

fn values<'r>(response: &'r TestResponse, name: &str) -> Vec<&'r [u8]> {
    response.headers.get_all(name).map(HeaderValue::as_bytes).collect()
}

#[actix_web::test]
async fn unusual_header_lines_are_forwarded_on_a_miss_and_a_hit() {
    const HEADERS: &str = "X-Empty:\r\nx-empty: \r\nX-Bytes: \u{e4}\r\n!#$%&'*+-.^_`|~: odd\r\n\
        X-Twice: b\r\nX-TWICE:\ta \r\nX-Bare-Newline: 1\nX-Comma: a,,\"b,c\"\r\n\
        Server: upstream\r\nWarning: 110 - \"Response is Stale\"\r\n";
    let [miss, hit] = two_responses(200, HEADERS).await;
    assert_eq!(miss.stored_headers(), hit.stored_headers());
    for response in [miss.assert_stored(), hit.assert_hit()] {
        for (name, expected) in [
            ("x-empty", &[&b""[..], b""][..]),
            ("x-bytes", &["\u{e4}".as_bytes()]),
            ("!#$%&'*+-.^_`|~", &[b"odd"]),
            ("x-twice", &[b"b", b"a"]),
            ("x-bare-newline", &[b"1"]),
            ("x-comma", &[b"a,,\"b,c\""]),
            ("server", &[b"upstream"]),
            ("warning", &[b"110 - \"Response is Stale\""]),
        ] {
            assert_eq!(values(response, name), expected, "{name}: {response:?}");
        }
    }
}

#[actix_web::test]
async fn hop_by_hop_headers_are_not_forwarded() {
    let headers =
        "Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\nTrailer: x\r\n";
    for response in two_responses(200, headers).await {
        for name in ["connection", "x-hop", "keep-alive", "te", "trailer", "content-length"] {
            response.assert_no_header(name);
        }
    }
}

#[actix_web::test]
async fn conditions_and_ranges_are_evaluated_by_the_cache() {
    const CHANGED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    let upstream = RawServer::start(|head| {
        let head = head.to_lowercase();
        assert!(!head.contains("if-") && !head.contains("range"), "they are not forwarded: {head}");
        response(200, &format!("ETag: \"v1\"\r\nLast-Modified: {CHANGED}\r\n"))
    })
    .await;
    let app = proxy(upstream.address).await;
    for _ in 0..2 {
        for (name, value, status, body) in [
            ("if-none-match", "W/\"v1\"", 304, ""),
            ("if-none-match", "\"v2\"", 200, "page"),
            ("if-modified-since", CHANGED, 304, ""),
            ("range", "bytes=1-2", 206, "ag"),
        ] {
            let response = app.get("/").header(name, value).await;
            response.assert_status(status).assert_body(body).assert_header("etag", "\"v1\"");
        }
    }
    assert_eq!(upstream.requests(), 1);
}

#[actix_web::test]
async fn incomplete_or_malformed_response_is_a_502_and_is_not_stored() {
    const COMPLETE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage";
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
        let next = RefCell::new(vec![COMPLETE, bytes]);
        let upstream = RawServer::start(move |_| next.borrow_mut().pop().expect("a request").to_vec()).await;
        let app = proxy(upstream.address).await;
        let first = app.get("/").await;
        assert_eq!(first.status, 502, "{}", String::from_utf8_lossy(bytes));
        first.assert_not_stored(Reason::Status);
        app.get("/").await.assert_stored().assert_status(200).assert_body("page");
        app.get("/").await.assert_hit();
        assert_eq!(upstream.requests(), 2, "{}", String::from_utf8_lossy(bytes));
    }
}

#[actix_web::test]
async fn unavailable_upstream_is_a_502_and_is_not_stored() {
    let stopped = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    let app = proxy(stopped).await;
    for _ in 0..2 {
        let response = app.get("/").await;
        response.assert_not_stored(Reason::Status).assert_status(502).assert_no_header("age");
    }
}

/// The upstream server names in `Vary` what it reads of the forwarded headers. No others reach it.
#[actix_web::test]
async fn page_depends_only_on_headers_that_are_forwarded() {
    let upstream = RawServer::start(|head| {
        assert!(!head.contains("secret"), "{head}");
        let language = head.lines().find_map(|line| line.strip_prefix("accept-language: ")).unwrap_or("none");
        let rest = format!("Vary: Accept-Language\r\nContent-Length: {}\r\n\r\n{language}", language.len());
        format!("HTTP/1.1 200 OK\r\n{rest}").into_bytes()
    })
    .await;
    let app = proxy(upstream.address).await;
    for (number, secret) in ["secret=1", "secret=2", "secret=1", "secret=2"].into_iter().enumerate() {
        for language in ["de", "en", "none"] {
            let headers = [("cookie", secret), ("authorization", secret), ("accept-language", language)];
            let response = app.get("/").headers(&headers).await;
            response.assert_body(language);
            assert_eq!(response.is_hit(), number > 0, "{response:?}");
        }
    }
    assert_eq!(upstream.requests(), 3);
}

/// Starts a cache on a socket whose page is 20 seconds old, and a proxy in front of it.
async fn two_caches() -> [TestApp; 2] {
    let handler = |_: &_| HttpResponse::Ok().insert_header(("content-type", "text/plain")).body("page");
    let back = TestApp::builder().handler(handler).serve();
    proxy(back.address()).await.get("/").await.assert_stored();
    back.advance(20);
    let front = proxy(back.address()).await;
    [back, front]
}

#[actix_web::test]
async fn ages_in_two_caches_add_up() {
    let [_back, front] = two_caches().await;
    let first = front.get("/").await;
    first.assert_stored().assert_ttl(40).assert_age(20);
    front.advance(15);
    let second = front.get("/").await;
    second.assert_hit().assert_ttl(25).assert_age(35);
    front.head("/").await.assert_hit().assert_ttl(25);
    for name in ["date", "etag"] {
        assert_eq!(first.header(name), second.header(name), "{second:?}");
    }
}

#[actix_web::test]
async fn page_of_a_cache_behind_is_stored_for_its_remaining_lifetime() {
    let [back, front] = two_caches().await;
    front.get("/").await.assert_stored().assert_ttl(40);
    front.advance(40);
    back.advance(39);
    front.get("/").await.assert_stored().assert_fwd("stale").assert_ttl(1);
}

#[actix_web::test]
async fn each_cache_adds_itself_to_cache_status() {
    let [_back, front] = two_caches().await;
    let expected = "cache_page; hit; ttl=40, cache_page; fwd=miss; stored; ttl=40";
    front.get("/").await.assert_header("cache-status", expected);
    front.advance(15);
    front.get("/").await.assert_header("cache-status", "cache_page; hit; ttl=40, cache_page; hit; ttl=25");
    for response in two_responses(200, "Cache-Status: other; hit\r\n").await {
        let members = response.header("cache-status").unwrap();
        assert!(members.starts_with("other; hit, cache_page; "), "{response:?}");
    }
}
