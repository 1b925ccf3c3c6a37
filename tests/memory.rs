//! The memory that pages take, as the allocator counts it. It counts for the whole process, so this test is a binary of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    alloc,
    future::{Ready, ready},
    sync::Mutex,
};

use actix_web::{
    App, FromRequest, HttpRequest, HttpResponse,
    body::to_bytes,
    dev::Payload,
    http::header::{CONTENT_LANGUAGE, HeaderValue},
    rt::System,
    test::{TestRequest, call_service, init_service},
    web::{self, Bytes, BytesMut},
};
use cache_page::{KeyBuilder, KeyInput, Outcome, PageCache, PageControl, cache_page, testing::CacheStatus};
use cap::Cap;

#[global_allocator]
static ALLOCATOR: Cap<alloc::System> = Cap::new(alloc::System, usize::MAX);

/// Runs a test while no other one runs: the allocator counts for all of them.
fn alone(test: impl Future<Output = ()>) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap();
    System::new().block_on(test);
}

/// The size of the buffer that actix-web reads a request head into.
const BUFFER: usize = 64 * 1024;

/// A short `String` with a large capacity.
#[cache_page(60)]
async fn string() -> String {
    let mut text = "x".repeat(BUFFER);
    text.truncate(10);
    text
}

/// A part of a shared buffer.
#[cache_page(60)]
async fn buffer() -> Bytes {
    let mut buffer = BytesMut::zeroed(BUFFER);
    buffer.split_to(10).freeze()
}

/// A part of a shared buffer that is in use as a whole.
#[cache_page(60)]
async fn slice() -> Bytes {
    Bytes::from(vec![b'x'; BUFFER]).slice(5..15)
}

/// The same, where the application holds the buffer until the next run.
#[cache_page(60)]
async fn held(buffer: web::Data<Mutex<Bytes>>) -> Bytes {
    let new = Bytes::from(vec![b'x'; BUFFER]);
    let part = new.slice(5..15);
    *buffer.lock().unwrap() = new;
    part
}

/// The value of a request header, which is a part of the buffer that it was read into.
struct Language(HeaderValue);

impl FromRequest for Language {
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.headers().get("x-language").cloned().unwrap())))
    }
}

impl KeyInput for Language {
    fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.header("x-language");
    }
}

#[cache_page(60)]
async fn echo(language: Language) -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_LANGUAGE, language.0)).finish()
}

/// An entry without a body and headers.
#[cache_page(60)]
async fn empty() -> HttpResponse {
    HttpResponse::Ok().finish()
}

#[cache_page(60)]
async fn headers() -> HttpResponse {
    let mut response = HttpResponse::Ok();
    for number in 0..20 {
        response.append_header((format!("x-{number}"), "value"));
    }
    response.finish()
}

/// A page that is encoded in each coding.
#[cfg(feature = "compress-all")]
#[cache_page(60, compress = true)]
async fn encoded(number: web::Path<usize>) -> String {
    format!("<p>Item {number}</p>\n").repeat(80)
}

#[cfg(not(feature = "compress-all"))]
async fn encoded() -> HttpResponse {
    HttpResponse::NotFound().finish()
}

/// A page of the length in the path.
#[cache_page(60)]
async fn page(path: web::Path<(usize, usize)>) -> String {
    let (length, _) = *path;
    "x".repeat(length)
}

/// A page with variants.
#[cache_page(60)]
async fn variant() -> HttpResponse {
    HttpResponse::Ok().insert_header(("vary", "x-language")).body("page")
}

/// A page of the length in the path, with as many tags, of which each is on so many pages.
#[cache_page(60)]
async fn tagged(path: web::Path<(usize, usize, usize, usize)>, control: PageControl) -> String {
    let (length, tags, pages, number) = *path;
    for tag in 0..tags {
        control.tag(format!("{tag} of {}", number / pages));
    }
    "x".repeat(length)
}

/// The budget is not exceeded by more than a tenth, whatever mix of pages was stored before, and a purge frees everything.
#[test]
fn allocated_bytes_stay_within_the_budget_in_every_mix() {
    alone(assert_within_budget());
}

async fn assert_within_budget() {
    const BUDGET: usize = 8 << 20;
    // Length, tags, and pages with the same tag.
    let small = (0, 0, 1);
    let large = (100_000, 0, 1);
    let own_tags = (100, 128, 1);
    let shared_tags = (100, 128, 50);
    let mixes = [
        [small, large, small],
        [own_tags, large, small],
        [shared_tags, large, own_tags],
        [large, own_tags, small],
        [small, own_tags, shared_tags],
    ];
    for mix in mixes {
        let cache = PageCache::builder().max_bytes(BUDGET).build();
        let app = App::new()
            .app_data(cache.clone())
            .route("/{length}/{tags}/{pages}/{number}", web::get().to(tagged));
        let app = init_service(app).await;
        let request = async |path: &str| {
            let response = call_service(&app, TestRequest::get().uri(path).to_request()).await;
            drop(to_bytes(response.into_body()).await);
        };
        // What is allocated once, such as requests in flight.
        for number in 0..100 {
            request(&format!("/1/1/1/{number}")).await;
        }
        cache.purge_all().await.unwrap();
        let before = ALLOCATOR.allocated();
        for (length, tags, pages) in mix {
            for number in 0..(2 * BUDGET / (600 + length + 70 * tags)).min(20_000) {
                request(&format!("/{length}/{tags}/{pages}/{number}")).await;
                let counted = cache.stats().bytes();
                assert!(counted <= BUDGET, "{mix:?}: {counted} bytes are counted");
                if number % 64 == 0 {
                    let allocated = ALLOCATOR.allocated().saturating_sub(before);
                    assert!(allocated <= BUDGET * 11 / 10, "{mix:?}: {allocated} bytes are allocated");
                }
            }
            let allocated = ALLOCATOR.allocated().saturating_sub(before);
            println!("{length} {tags} {pages}: {allocated} bytes are allocated for {BUDGET}");
        }
        cache.purge_all().await.unwrap();
        let allocated = ALLOCATOR.allocated().saturating_sub(before);
        println!("purged: {allocated} bytes");
        assert_eq!(cache.stats().bytes(), 0, "{mix:?}");
        assert!(allocated < BUDGET / 100, "{mix:?}: {allocated} bytes stay allocated after a purge");
    }
}

#[test]
fn counted_bytes_are_the_allocated_bytes_or_up_to_a_tenth_more() {
    alone(assert_counted());
}

async fn assert_counted() {
    let pages = ["page/200", "page/2000", "page/50000"];
    for path in pages.into_iter().chain([
        "string",
        "buffer",
        "slice",
        "held",
        "echo",
        "empty",
        "headers",
        "variant",
        "tagged/100/1/1",
        "tagged/100/1/100",
        "tagged/100/20/1",
        "tagged/100/128/20",
        "encoded",
    ]) {
        let codings: &[&str] = if path == "encoded" { &["br", "zstd", "gzip"] } else { &[] };
        if !codings.is_empty() && !cfg!(feature = "compress-all") {
            continue;
        }
        let cache = PageCache::new();
        let app = App::new()
            .app_data(cache.clone())
            .app_data(web::Data::new(Mutex::new(Bytes::new())))
            .route("/page/{length}/{number}", web::get().to(page))
            .route("/string/{number}", web::get().to(string))
            .route("/buffer/{number}", web::get().to(buffer))
            .route("/slice/{number}", web::get().to(slice))
            .route("/held/{number}", web::get().to(held))
            .route("/echo/{number}", web::get().to(echo))
            .route("/encoded/{number}", web::get().to(encoded))
            .route("/empty/{number}", web::get().to(empty))
            .route("/headers/{number}", web::get().to(headers))
            .route("/variant/{number}", web::get().to(variant))
            .route("/tagged/{length}/{tags}/{pages}/{number}", web::get().to(tagged));
        let app = init_service(app).await;
        let fill = async |number: usize| {
            // A server reads header values as parts of a buffer.
            let buffer = Bytes::from(vec![b'd'; BUFFER]);
            let language = HeaderValue::from_maybe_shared(buffer.slice(..2)).unwrap();
            let request =
                TestRequest::get().uri(&format!("/{path}/{number}")).insert_header(("x-language", language));
            let response = call_service(&app, request.to_request()).await;
            let status = CacheStatus::of(response.headers());
            assert_eq!(status.outcome(), Some(Outcome::Stored), "{path}: {status}");
            drop(to_bytes(response.into_body()).await);
            for coding in codings {
                let request = TestRequest::get()
                    .uri(&format!("/{path}/{number}"))
                    .insert_header(("accept-encoding", *coding));
                let response = call_service(&app, request.to_request()).await;
                assert_eq!(response.headers().get("content-encoding").unwrap(), *coding);
                drop(to_bytes(response.into_body()).await);
            }
        };
        // Some memory is allocated once and does not belong to a page, for example that of requests in flight.
        for number in 0..300 {
            fill(1_000_000 + number).await;
        }
        let (allocated, counted) = (ALLOCATOR.allocated(), cache.stats().bytes());
        for number in 1..=1000 {
            fill(number).await;
        }
        let allocated = ALLOCATOR.allocated() - allocated;
        let counted = cache.stats().bytes() - counted;
        let ratio = counted as f64 / allocated as f64;
        println!("{path}: {allocated} bytes are allocated and {counted} counted: {ratio:.3} times as many");
        assert!(allocated <= counted, "{path}: {allocated} bytes are allocated, but only {counted} counted");
        assert!(ratio < 1.1, "{path}: {counted} bytes are counted, but only {allocated} allocated");
    }
}
