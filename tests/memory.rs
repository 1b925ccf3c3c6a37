//! The memory that pages take, as the allocator counts it. It counts for the whole process, so this test is a binary of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    alloc::System,
    future::{Ready, ready},
    sync::Mutex,
};

use actix_web::{
    App, FromRequest, HttpRequest, HttpResponse,
    body::to_bytes,
    dev::Payload,
    http::header::{CONTENT_LANGUAGE, HeaderValue},
    test::{TestRequest, call_service, init_service},
    web::{self, Bytes, BytesMut},
};
use cache_page::{KeyBuilder, KeyInput, Outcome, PageCache, cache_page, testing::CacheStatus};
use cap::Cap;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

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

#[actix_web::test]
async fn counted_bytes_are_the_allocated_bytes_or_up_to_a_tenth_more() {
    let pages = ["page/200", "page/2000", "page/50000"];
    for path in
        pages.into_iter().chain(["string", "buffer", "slice", "held", "echo", "empty", "headers", "variant"])
    {
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
            .route("/empty/{number}", web::get().to(empty))
            .route("/headers/{number}", web::get().to(headers))
            .route("/variant/{number}", web::get().to(variant));
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
