//! Clients that have a copy, want a part, or say what they take.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use actix_http::Request;
use actix_web::{
    Error, HttpResponse,
    dev::{Service, ServiceResponse},
    http::{Method, StatusCode, header::HttpDate},
    test::TestRequest,
    web,
};
use cache_page::{Outcome, PageCache, Reason, cache_page, testing::ManualClock};

use crate::legacy::{Answer, Server, app_answering, app_answering_with, asking, get, send};

const CHANGED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

fn ten_bytes() -> HttpResponse {
    HttpResponse::Ok().insert_header(("last-modified", CHANGED)).body("0123456789")
}

fn tagged() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("etag", "\"v1\""))
        .insert_header(("last-modified", CHANGED))
        .body("0123456789")
}

/// The answer on a miss, and that on a hit.
async fn both(answer: fn() -> HttpResponse, headers: &[(&str, &str)]) -> [Answer; 2] {
    let (app, runs, _) = app_answering(answer).await;
    let miss = send(&app, asking("/", headers)).await;
    assert!(miss.is_stored(), "{headers:?}: {}", miss.outcome());
    let hit = send(&app, asking("/", headers)).await;
    assert!(hit.is_hit(), "{headers:?}: {}", hit.outcome());
    assert_eq!(runs.get(), 1, "{headers:?}");
    // Whatever it was that the others asked for, the page is whole.
    let whole = get(&app, "/").await;
    assert_eq!((whole.status, whole.text(), whole.is_hit()), (200, "0123456789", true));
    [miss, hit]
}

#[actix_web::test]
async fn a_page_has_a_weak_tag_of_its_bytes() {
    let tag = async |answer: fn() -> HttpResponse| {
        let (app, _, clock) = app_answering(answer).await;
        let tag = get(&app, "/").await.header("etag");
        assert_eq!(get(&app, "/").await.header("etag"), tag, "the same on a hit");
        clock.advance(Duration::from_secs(61));
        assert_eq!(get(&app, "/").await.header("etag"), tag, "and when the page is made again");
        tag
    };
    let one = tag(|| HttpResponse::Ok().body("one")).await.unwrap();
    assert!(one.starts_with("W/\"") && one.ends_with('"'), "{one}");
    assert_eq!(tag(|| HttpResponse::Ok().body("one")).await.as_ref(), Some(&one));
    assert_ne!(tag(|| HttpResponse::Ok().body("eno")).await.as_ref(), Some(&one));
    assert_eq!(tag(tagged).await.as_deref(), Some("\"v1\""), "the handler's own stays");
    assert_eq!(tag(|| HttpResponse::MovedPermanently().body("one")).await, None);
    let gone = || HttpResponse::NotFound().insert_header(("cache-control", "max-age=600")).body("one");
    assert_eq!(tag(gone).await, None);
}

#[actix_web::test]
async fn tags_count_before_dates() {
    let own = both(tagged, &[]).await[0].header("etag").unwrap();
    let synthesized = both(ten_bytes, &[]).await[0].header("etag").unwrap();
    for (answer, etag) in [(tagged as fn() -> _, own), (ten_bytes, synthesized)] {
        let (weak, strong) = (format!("W/{}", etag.trim_start_matches("W/")), etag.trim_start_matches("W/"));
        let list = format!("\"other\", {weak} , W/\"third\"");
        for (lines, status) in [
            (&[("if-none-match", etag.as_str())][..], 304),
            (&[("if-none-match", &weak)], 304),
            (&[("if-none-match", strong)], 304),
            (&[("if-none-match", &list)], 304),
            (&[("if-none-match", "\"other\""), ("if-none-match", &etag)], 304),
            (&[("if-none-match", "*")], 304),
            (&[("if-none-match", "\"other\"")], 200),
            (&[("if-none-match", "")], 200),
            (&[("if-none-match", "junk")], 200),
            (&[("if-none-match", "\"other\""), ("if-modified-since", CHANGED)], 200),
            (&[("if-none-match", &etag), ("if-modified-since", BEFORE)], 304),
            (&[("if-modified-since", CHANGED)], 304),
            (&[("if-modified-since", BEFORE)], 200),
            (&[("if-modified-since", "Sunday, 06-Nov-94 08:49:37 GMT")], 304),
            (&[("if-modified-since", "yesterday")], 200),
            (&[("if-match", "\"other\"")], 200),
            (&[("if-unmodified-since", BEFORE)], 200),
        ] {
            for answer in both(answer, lines).await {
                assert_eq!(answer.status, status, "{lines:?}");
                assert_eq!(answer.body.len(), if status == 304 { 0 } else { 10 }, "{lines:?}");
            }
        }
    }
}

/// Where there is no date of change, that of the page stands in for it.
#[actix_web::test]
async fn the_date_of_a_page_is_one_to_ask_by() {
    let (app, runs, clock) = app_answering(|| HttpResponse::Ok().body("page")).await;
    let date = get(&app, "/").await.header("date").unwrap();
    clock.advance(Duration::from_secs(30));
    let earlier =
        HttpDate::from(SystemTime::from(date.parse::<HttpDate>().unwrap()) - Duration::from_secs(1));
    assert_eq!(send(&app, asking("/", &[("if-modified-since", &date)])).await.status, 304);
    assert_eq!(send(&app, asking("/", &[("if-modified-since", &earlier.to_string())])).await.status, 200);
    assert_eq!(runs.get(), 1);
}

#[actix_web::test]
async fn only_a_page_that_is_a_success_is_compared() {
    for status in [StatusCode::MOVED_PERMANENTLY, StatusCode::NOT_FOUND] {
        let (app, _, _) = app_answering(move || {
            let mut response = HttpResponse::build(status);
            response
                .insert_header(("etag", "\"v1\""))
                .insert_header(("cache-control", "max-age=9"))
                .body("page")
        })
        .await;
        for headers in [[("if-none-match", "\"v1\"")], [("if-none-match", "*")], [("range", "bytes=0-1")]] {
            for _ in 0..2 {
                let answer = send(&app, asking("/", &headers)).await;
                assert_eq!((answer.status, answer.text()), (status.as_u16(), "page"), "{headers:?}");
            }
        }
    }
}

fn with_everything() -> HttpResponse {
    let later = HttpDate::from(SystemTime::now() + Duration::from_secs(600)).to_string();
    HttpResponse::Ok()
        .insert_header(("cache-control", "public, max-age=600"))
        .insert_header(("content-language", "en"))
        .insert_header(("content-location", "/page.en"))
        .insert_header(("content-type", "text/plain"))
        .insert_header(("etag", "\"v1\""))
        .insert_header(("expires", later))
        .insert_header(("last-modified", CHANGED))
        .insert_header(("link", "</style.css>; rel=preload"))
        .insert_header(("vary", "accept-language"))
        .insert_header(("x-own", "1"))
        .body("page")
}

fn names(answer: &Answer) -> BTreeSet<String> {
    answer.headers.keys().map(|name| name.as_str().to_owned()).collect()
}

const OF_304: [&str; 8] =
    ["age", "cache-control", "cache-status", "content-location", "date", "etag", "expires", "vary"];

fn assert_is_304_of(answer: &Answer, page: &Answer) {
    assert_eq!((answer.status, answer.text()), (304, ""));
    assert_eq!(names(answer), OF_304.map(str::to_owned).into());
    for name in ["cache-control", "content-location", "date", "etag", "expires", "vary"] {
        assert_eq!(answer.header(name), page.header(name), "{name}");
    }
}

#[actix_web::test]
async fn a_good_copy_is_told_what_it_needs_and_nothing_else() {
    let cache = PageCache::new();
    let (app, _) = app_answering_with(cache.clone(), with_everything).await;
    let page = get(&app, "/").await;
    for method in [Method::GET, Method::HEAD] {
        let request = TestRequest::default().method(method).insert_header(("if-none-match", "\"v1\""));
        assert_is_304_of(&send(&app, request).await, &page);
    }
    let stats = cache.stats();
    let count = |outcome| stats.count(outcome);
    assert_eq!((count(Outcome::Stored), count(Outcome::Hit), count(Outcome::Revalidated)), (1, 0, 2));

    let (app, _, _) = app_answering(|| HttpResponse::Ok().body("page")).await;
    get(&app, "/").await;
    let bare = send(&app, asking("/", &[("if-none-match", "*")])).await;
    assert_eq!(
        names(&bare),
        ["age", "cache-control", "cache-status", "date", "etag"].map(str::to_owned).into()
    );
}

#[cache_page(60)]
async fn everything() -> HttpResponse {
    with_everything()
}

#[cache_page(60)]
async fn ten() -> HttpResponse {
    tagged()
}

#[test]
fn over_a_socket() {
    let cache = PageCache::new();
    let server = Server::start(move |config| {
        config.app_data(cache.clone()).route("/", web::to(everything)).route("/ten", web::to(ten));
    });
    let page = server.ask("GET", "/", "");
    // `ask_all` checks that nothing follows the head: a body would be taken for the next answer.
    let answers = server.ask_all("GET", &["/", "/", "/"], "If-None-Match: \"v1\"\r\n");
    answers[..2].iter().for_each(|answer| assert_is_304_of(answer, &page));

    assert_eq!(server.ask("HEAD", "/ten", "").outcome(), "cache_page; fwd=miss; detail=head");
    assert!(server.ask("GET", "/ten", "").is_stored());
    for answer in server.ask_all("HEAD", &["/ten", "/ten"], "Range: bytes=2-3\r\n") {
        assert_eq!((answer.status, answer.is_hit()), (200, true));
        assert_eq!(answer.header("content-length").as_deref(), Some("10"));
    }
    let part = server.ask("GET", "/ten", "Range: bytes=2-3\r\n");
    assert_eq!((part.status, part.text(), part.is_hit()), (206, "23", true));
    assert_eq!(part.header("content-length").as_deref(), Some("2"));
    let none = server.ask("GET", "/ten", "Range: bytes=10-\r\n");
    assert_eq!((none.status, none.text(), none.is_hit()), (416, "", true));
    assert_eq!(none.header("content-range").as_deref(), Some("bytes */10"));
}

#[actix_web::test]
async fn one_range_is_cut_and_everything_else_is_the_whole_page() {
    for (line, status, range, text) in [
        ("bytes=0-0", 206, Some("bytes 0-0/10"), "0"),
        ("bytes=2-5", 206, Some("bytes 2-5/10"), "2345"),
        ("bytes=7-", 206, Some("bytes 7-9/10"), "789"),
        ("bytes=7-1000", 206, Some("bytes 7-9/10"), "789"),
        ("bytes=-3", 206, Some("bytes 7-9/10"), "789"),
        ("bytes=-1000", 206, Some("bytes 0-9/10"), "0123456789"),
        ("BYTES=0-1", 206, Some("bytes 0-1/10"), "01"),
        ("bytes=10-", 416, Some("bytes */10"), ""),
        ("bytes=99999999999999999999-", 416, Some("bytes */10"), ""),
        ("bytes=-0", 416, Some("bytes */10"), ""),
        ("bytes=0-1,3-4", 200, None, "0123456789"),
        ("bytes=5-2", 200, None, "0123456789"),
        ("lines=0-1", 200, None, "0123456789"),
        ("bytes=", 200, None, "0123456789"),
        ("bytes=-", 200, None, "0123456789"),
        ("bytes=0x1-2", 200, None, "0123456789"),
        ("0-1", 200, None, "0123456789"),
        ("", 200, None, "0123456789"),
    ] {
        for answer in both(tagged, &[("range", line)]).await {
            assert_eq!((answer.status, answer.text()), (status, text), "{line}");
            assert_eq!(answer.header("content-range").as_deref(), range, "{line}");
            // RFC 9110 15.3.7: what the whole page would have been sent with.
            let described = status == 416 || answer.header("etag").as_deref() == Some("\"v1\"");
            assert!(described && (status == 416 || answer.header("date").is_some()), "{line}: {answer:?}");
        }
    }
    let twice = [("range", "bytes=0-1"), ("range", "bytes=3-4")];
    assert_eq!(both(tagged, &twice).await.map(|answer| answer.status), [200, 200]);
    // A good copy needs no part of it.
    let known = [("range", "bytes=0-1"), ("if-none-match", "\"v1\"")];
    assert_eq!(both(tagged, &known).await.map(|answer| answer.status), [304, 304]);
}

/// Parts of two versions must never be put together.
#[actix_web::test]
async fn if_range_takes_strong_validators_only() {
    let synthesized = both(ten_bytes, &[]).await[0].header("etag").unwrap();
    let strong = synthesized.trim_start_matches("W/").to_owned();
    for (answer, condition, status) in [
        (tagged as fn() -> _, "\"v1\"", 206),
        (tagged, "W/\"v1\"", 200),
        (tagged, "\"v2\"", 200),
        (tagged, CHANGED, 206),
        (tagged, BEFORE, 200),
        (tagged, "junk", 200),
        (tagged, "*", 200),
        (tagged, "\"v1\", \"v2\"", 200),
        (ten_bytes, synthesized.as_str(), 200),
        (ten_bytes, strong.as_str(), 200),
        (ten_bytes, CHANGED, 206),
    ] {
        for answer in both(answer, &[("range", "bytes=2-3"), ("if-range", condition)]).await {
            assert_eq!(answer.status, status, "{condition}");
        }
    }
}

/// A handler that cuts ranges itself: the part of one request is nobody's page.
#[actix_web::test]
async fn a_part_is_never_kept() {
    let (app, runs, _) = app_answering(|| {
        let mut response = HttpResponse::PartialContent();
        response
            .insert_header(("content-range", "bytes 2-3/10"))
            .insert_header(("cache-control", "max-age=60"));
        response.body("23")
    })
    .await;
    for run in 1..=2 {
        let answer = send(&app, asking("/", &[("range", "bytes=2-3")])).await;
        assert_eq!((answer.status, answer.text(), runs.get()), (206, "23", run));
        assert_eq!(answer.header("content-range").as_deref(), Some("bytes 2-3/10"), "cut once");
    }
}

async fn obedient()
-> (impl Service<Request, Response = ServiceResponse, Error = Error>, PageCache, ManualClock) {
    let clock = ManualClock::new();
    let cache = PageCache::builder().clock(clock.clone()).honor_request_cache_control(true).build();
    let (app, _) = app_answering_with(cache.clone(), tagged).await;
    (app, cache, clock)
}

/// What a page of that age, fresh for 60 seconds, is worth to a client.
#[actix_web::test]
async fn clients_are_obeyed_where_the_author_says_so() {
    const HIT: &str = "cache_page; hit; ttl=40";
    const NEW: &str = "cache_page; fwd=request; stored; ttl=60";
    const PAST: &str = "cache_page; fwd=bypass; detail=request-no-store";
    for (headers, outcome) in [
        (&[("cache-control", "no-cache")][..], NEW),
        (&[("cache-control", "No-Cache")], NEW),
        (&[("cache-control", "x, no-cache")], NEW),
        (&[("cache-control", "max-age=0")], NEW),
        (&[("cache-control", "max-age=19")], NEW),
        (&[("cache-control", "max-age=20")], HIT),
        (&[("cache-control", "max-age=junk")], NEW),
        (&[("cache-control", "min-fresh=40")], HIT),
        (&[("cache-control", "min-fresh=41")], NEW),
        (&[("cache-control", "max-stale=100")], HIT),
        (&[("cache-control", "only-if-cached")], HIT),
        (&[("cache-control", "no-store")], PAST),
        (&[("cache-control", "no-transform"), ("cache-control", "no-store")], PAST),
        (&[("pragma", "no-cache")], NEW),
        (&[("pragma", "x")], HIT),
        (&[("pragma", "no-cache"), ("cache-control", "max-age=60")], HIT),
        (&[], HIT),
    ] {
        let (app, _, clock) = obedient().await;
        get(&app, "/").await;
        clock.advance(Duration::from_secs(20));
        assert_eq!(send(&app, asking("/", headers)).await.outcome(), outcome, "{headers:?}");
        // What one client does not want is still there for the others.
        let expected = if outcome == NEW { "cache_page; hit; ttl=60" } else { HIT };
        assert_eq!(get(&app, "/").await.outcome(), expected, "{headers:?}");

        let (app, runs, _) = app_answering(tagged).await;
        get(&app, "/").await;
        assert!(send(&app, asking("/", headers)).await.is_hit(), "by default nobody is obeyed: {headers:?}");
        assert_eq!(runs.get(), 1);
    }
}

#[actix_web::test]
async fn only_if_cached_runs_no_handler() {
    let (app, cache, clock) = obedient().await;
    let ask = || send(&app, asking("/", &[("cache-control", "only-if-cached, max-age=30")]));
    let without_handler = Outcome::Bypass(Reason::OnlyIfCached);
    for expected in 1..=2 {
        let answer = ask().await;
        assert_eq!((answer.status, answer.text()), (504, ""));
        assert_eq!(answer.outcome(), "cache_page; fwd=bypass; detail=only-if-cached");
        assert_eq!(cache.stats().count(without_handler), expected);
    }
    get(&app, "/").await;
    assert!(ask().await.is_hit());
    clock.advance(Duration::from_secs(31));
    assert_eq!(ask().await.status, 504, "it has become too old for this client");
    assert!(get(&app, "/").await.is_hit());
}

#[actix_web::test]
async fn a_no_store_request_leaves_nothing_behind() {
    let (app, cache, _) = obedient().await;
    for _ in 0..2 {
        let answer = send(&app, asking("/", &[("cache-control", "no-store"), ("range", "bytes=0-0")])).await;
        assert_eq!((answer.status, answer.text(), cache.stats().pages()), (200, "0123456789", 0));
        assert_eq!(answer.header("age"), None);
    }
}
