//! What pages really take, by an allocator that counts. It counts for all of the process, so this is a binary of its own.

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
use cache_page::{KeyBuilder, KeyInput, PageCache, cache_page};
use cap::Cap;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// As large as the buffer that a request head is read into.
const LARGE: usize = 64 * 1024;

/// A piece of a large `String`.
#[cache_page(60)]
async fn string() -> String {
    let mut text = "x".repeat(LARGE);
    text.truncate(10);
    text
}

/// A piece of a buffer that others have pieces of.
#[cache_page(60)]
async fn buffer() -> Bytes {
    let mut buffer = BytesMut::zeroed(LARGE);
    buffer.split_to(10).freeze()
}

/// The same of one that is full of other things.
#[cache_page(60)]
async fn slice() -> Bytes {
    Bytes::from(vec![b'x'; LARGE]).slice(5..15)
}

/// The same, where somebody holds on to the whole until the next one is there.
#[cache_page(60)]
async fn shared(whole: web::Data<Mutex<Bytes>>) -> Bytes {
    let new = Bytes::from(vec![b'x'; LARGE]);
    let piece = new.slice(5..15);
    *whole.lock().unwrap() = new;
    piece
}

/// A header value of the request, as it was read.
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

/// Nothing but a place in the cache.
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

/// A page of so many bytes.
#[cache_page(60)]
async fn page(path: web::Path<(usize, usize)>) -> String {
    "x".repeat(path.0)
}

/// Depends on a header that is not in its key.
#[cache_page(60)]
async fn variant() -> HttpResponse {
    HttpResponse::Ok().insert_header(("vary", "x-language")).body("page")
}

#[actix_web::test]
async fn what_is_held_is_what_is_counted() {
    let pages = ["page/200", "page/2000", "page/50000"];
    for path in pages
        .into_iter()
        .chain(["string", "buffer", "slice", "shared", "echo", "empty", "headers", "variant"])
    {
        let cache = PageCache::new();
        let app = App::new()
            .app_data(cache.clone())
            .app_data(web::Data::new(Mutex::new(Bytes::new())))
            .route("/page/{length}/{number}", web::get().to(page))
            .route("/string/{number}", web::get().to(string))
            .route("/buffer/{number}", web::get().to(buffer))
            .route("/slice/{number}", web::get().to(slice))
            .route("/shared/{number}", web::get().to(shared))
            .route("/echo/{number}", web::get().to(echo))
            .route("/empty/{number}", web::get().to(empty))
            .route("/headers/{number}", web::get().to(headers))
            .route("/variant/{number}", web::get().to(variant));
        let app = init_service(app).await;
        let ask = async |number: usize| {
            // As the server does it: header values are pieces of what was read.
            let read = Bytes::from(vec![b'd'; LARGE]);
            let language = HeaderValue::from_maybe_shared(read.slice(..2)).unwrap();
            let request =
                TestRequest::get().uri(&format!("/{path}/{number}")).insert_header(("x-language", language));
            let response = call_service(&app, request.to_request()).await;
            let outcome = response.headers().get("cache-status").unwrap().to_str().unwrap();
            assert!(outcome.contains("stored"), "{path}: {outcome}");
            drop(to_bytes(response.into_body()).await);
        };
        // What is only made once is not the pages': the places of requests under way are among that.
        for number in 0..300 {
            ask(1_000_000 + number).await;
        }
        let (allocated, counted) = (ALLOCATOR.allocated(), cache.stats().bytes());
        for number in 1..=1000 {
            ask(number).await;
        }
        let held = ALLOCATOR.allocated() - allocated;
        let counted = cache.stats().bytes() - counted;
        let ratio = counted as f64 / held as f64;
        println!("{path}: {held} held, {counted} counted, {ratio:.3} times that");
        assert!(held <= counted, "{path}: {held} bytes are held, and {counted} counted");
        assert!(ratio < 1.1, "{path}: {counted} bytes are counted, and only {held} held");
    }
}
