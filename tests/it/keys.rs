//! Requests that nearly meet under one key.

use std::{
    future::{Ready, ready},
    hash::{Hash, Hasher},
    path::PathBuf,
};

use actix_web::{App, Either, Error, FromRequest, HttpRequest, dev::Payload, get, test::init_service, web};
use cache_page::{KeyBuilder, KeyInput, PageCache, cache_page};

use crate::legacy::{asking, send};

/// Asks twice with each of the header sets. They make as many pages, which the handler tells apart.
macro_rules! assert_pages_of_their_own {
    ($app:expr, $path:expr, $sets:expr) => {{
        let sets: &[&[(&str, &str)]] = $sets;
        let mut bodies = Vec::new();
        for headers in sets {
            let answer = send($app, asking($path, headers)).await;
            assert!(answer.is_stored(), "{} {headers:?}: {}", $path, answer.outcome());
            assert!(!bodies.contains(&answer.body), "{} {headers:?} shows nothing of its own", $path);
            bodies.push(answer.body);
        }
        for (headers, body) in sets.iter().zip(bodies) {
            let answer = send($app, asking($path, headers)).await;
            assert_eq!((answer.is_hit(), answer.body), (true, body), "{} {headers:?}", $path);
        }
    }};
}

fn line<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    request.headers().get(name)?.to_str().ok()
}

/// All lines that the extractors here look at.
fn said(request: &HttpRequest) -> String {
    let lines = |name| request.headers().get_all(name).map(|line| line.to_str().unwrap()).collect::<Vec<_>>();
    format!("{:?} {:?}", lines("x-a"), lines("x-b"))
}

macro_rules! extractors {
    ($($type:ty: $read:expr;)*) => {$(
        impl FromRequest for $type {
            type Error = Error;
            type Future = Ready<Result<Self, Self::Error>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                ready(Ok($read(request)))
            }
        }
    )*};
}

#[derive(Hash)]
struct Directory(PathBuf);

/// Its `Hash` is lawful, and tells no length: whatever is fed next could be one more tag.
struct Tags(Vec<String>);

impl Tags {
    fn of(request: &HttpRequest, name: &str) -> Self {
        Self(line(request, name).unwrap_or_default().split_whitespace().map(str::to_owned).collect())
    }
}

impl Hash for Tags {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|tag| state.write(tag.as_bytes()));
    }
}

#[derive(Hash)]
struct A(Tags);

#[derive(Hash)]
struct B(Tags);

extractors! {
    Directory: |request| Directory(line(request, "x-directory").unwrap_or_default().into());
    A: |request| A(Tags::of(request, "x-a"));
    B: |request| B(Tags::of(request, "x-b"));
}

/// `Hash` of a path leaves out its separators, and that of others their ends.
#[actix_web::test]
async fn values_that_are_hashed_in_pieces() {
    #[get("/directory")]
    #[cache_page(60)]
    async fn by_directory(#[key] directory: Directory) -> String {
        directory.0.display().to_string()
    }
    #[get("/tags")]
    #[cache_page(60)]
    async fn by_tags(#[key] a: A, #[key] b: B) -> String {
        format!("{:?} {:?}", a.0.0, b.0.0)
    }
    let app = App::new().app_data(PageCache::new()).service(by_directory).service(by_tags);
    let app = init_service(app).await;
    let sets: &[&[_]] = &[
        &[("x-directory", "a/bcdefg/h")],
        &[("x-directory", "abcde/f/gh")],
        &[("x-directory", "a/bc/d/efgh")],
        &[("x-directory", "abcdefgh")],
    ];
    assert_pages_of_their_own!(&app, "/directory", sets);
    let sets: &[&[_]] = &[
        &[("x-a", "1"), ("x-b", "2 3")],
        &[("x-a", "1 2"), ("x-b", "3")],
        &[("x-a", "1 2 3")],
        &[("x-b", "1 2 3")],
    ];
    assert_pages_of_their_own!(&app, "/tags", sets);
}

/// Covers the lines of a header, and another one as bytes if it is there.
struct LinesThenBytes;

/// Covers one header or the other: which of them, the request says.
struct EitherHeader;

/// Covers bytes that look like a header, else a header.
struct BytesOrHeader;

/// Covers a value, and bytes if they are there.
struct ValueThenBytes;

extractors! {
    LinesThenBytes: |_| LinesThenBytes;
    EitherHeader: |_| EitherHeader;
    BytesOrHeader: |_| BytesOrHeader;
    ValueThenBytes: |_| ValueThenBytes;
}

impl KeyInput for LinesThenBytes {
    fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.header("x-a");
        if let Some(line) = line(request, "x-b") {
            key.bytes(line.as_bytes());
        }
    }
}

impl KeyInput for EitherHeader {
    fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.header(if line(request, "x-b").is_some() { "x-b" } else { "x-a" });
    }
}

impl KeyInput for BytesOrHeader {
    fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
        match line(request, "x-b") {
            Some("nothing") => key.bytes(b""),
            Some(_) => {
                key.bytes(b"x-a");
                key.bytes(b"");
            }
            None => key.header("x-a"),
        }
    }
}

impl KeyInput for ValueThenBytes {
    fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.value(&Tags::of(request, "x-a"));
        if let Some(line) = line(request, "x-b") {
            key.bytes(line.as_bytes());
        }
    }
}

/// Shows what the request says, and depends on what its argument covers of that.
#[cache_page(60)]
async fn shown<T: FromRequest + KeyInput + 'static>(read: T, #[unkeyed] request: HttpRequest) -> String {
    drop(read);
    said(&request)
}

#[actix_web::test]
async fn parts_that_could_be_other_parts() {
    let app = App::new()
        .app_data(PageCache::new())
        .route("/lines-then-bytes", web::get().to(shown::<LinesThenBytes>))
        .route("/either-header", web::get().to(shown::<EitherHeader>))
        .route("/bytes-or-header", web::get().to(shown::<BytesOrHeader>))
        .route("/value-then-bytes", web::get().to(shown::<ValueThenBytes>));
    let app = init_service(app).await;
    let sets: &[&[_]] = &[
        &[("x-a", "1"), ("x-a", "2")],
        &[("x-a", "1"), ("x-b", "2")],
        &[("x-a", "1,2")],
        &[("x-b", "1")],
        &[("x-a", "1")],
        &[("x-a", ""), ("x-b", "")],
        &[("x-a", "")],
        &[("x-b", "")],
        &[],
    ];
    assert_pages_of_their_own!(&app, "/lines-then-bytes", sets);
    assert_pages_of_their_own!(
        &app,
        "/either-header",
        &[&[("x-a", "1")], &[("x-b", "1")], &[("x-b", "")], &[]]
    );
    assert_pages_of_their_own!(
        &app,
        "/bytes-or-header",
        &[&[("x-b", "nothing")], &[("x-b", "alike")], &[], &[("x-a", "")]]
    );
    let sets: &[&[_]] = &[
        &[("x-a", "1 2")],
        &[("x-a", "1"), ("x-b", "2")],
        &[("x-b", "1")],
        &[("x-a", "1")],
        &[("x-b", "")],
        &[],
    ];
    assert_pages_of_their_own!(&app, "/value-then-bytes", sets);
}

/// A cookie that is there, and one of the next name.
#[actix_web::test]
async fn cookies_that_could_be_each_other() {
    #[cache_page(60, vary_cookie = ["a", "b"])]
    async fn page(#[unkeyed] request: HttpRequest) -> String {
        format!("{:?}", line(&request, "cookie"))
    }
    let app = App::new().app_data(PageCache::new()).route("/", web::get().to(page));
    let app = init_service(app).await;
    let sets: &[&[_]] = &[
        &[],
        &[("cookie", "a=1")],
        &[("cookie", "b=1")],
        &[("cookie", "a=1; b=2")],
        &[("cookie", "a=1; a=2")],
        &[("cookie", "b=1; b=2")],
        &[("cookie", "a=")],
        &[("cookie", "b=")],
    ];
    assert_pages_of_their_own!(&app, "/", sets);
}

/// Covers a header, as the extractor of a tenant would.
struct Covered;

extractors! { Covered: |_| Covered; }

impl KeyInput for Covered {
    fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.header("x-a");
    }
}

type Last<T> = ((), (), (), (), (), (), (), (), (), (), (), (), (), (), (), T);

/// Every way to take an argument within another, each on a path of its own.
macro_rules! around {
    ($inner:ty) => {{
        let mut app = App::new().app_data(PageCache::new());
        let mut paths = Vec::new();
        around!(@routes app paths: $inner, Option<$inner>, Result<$inner, Error>, Option<Result<$inner, Error>>,
            Either<$inner, ()>, Either<(), $inner>, Either<web::Path<u64>, $inner>,
            ($inner,), ($inner, ()), ((), $inner), ((), $inner, ()), Last<$inner>, (Option<((), $inner)>,));
        (init_service(app).await, paths)
    }};
    (@routes $app:ident $paths:ident: $($type:ty),*) => {$(
        let path = format!("/{}", $paths.len());
        $app = $app.route(&path, web::get().to(shown::<$type>));
        $paths.push(path);
    )*};
}

#[actix_web::test]
async fn arguments_within_arguments_are_covered() {
    let (app, paths) = around!(Covered);
    for path in &paths {
        assert_pages_of_their_own!(&app, path, &[&[], &[("x-a", "")], &[("x-a", "1")], &[("x-a", "2")]]);
    }
}

#[actix_web::test]
async fn a_page_is_open_wherever_the_request_is_taken() {
    let (app, paths) = around!(HttpRequest);
    for path in &paths {
        for _ in 0..2 {
            let answer = send(&app, asking(path, &[("cookie", "id=1")])).await;
            assert_eq!(answer.outcome(), "cache_page; fwd=bypass; detail=credentials", "{path}");
        }
    }
    let (app, paths) = around!(());
    for path in &paths {
        assert!(send(&app, asking(path, &[("cookie", "id=1")])).await.is_stored(), "{path}");
    }
}
