//! Inputs whose bytes are alike must not meet under one key: each is framed against its neighbours.

use std::{
    future::{Ready, ready},
    hash::{Hash, Hasher},
    path::PathBuf,
};

use actix_web::{Either, Error, FromRequest, HttpRequest, dev::Payload};
use cache_page::{KeyBuilder, KeyInput, cache_page};

use super::assert_own_pages;
use crate::support::TestApp;

fn header<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    request.headers().get(name)?.to_str().ok()
}

/// Implements `FromRequest` by a function of the request.
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

/// The `Hash` of a path leaves out its separators.
#[derive(Hash)]
struct Directory(PathBuf);

/// Words whose `Hash` is lawful but feeds no length: whatever is fed next could be one more word.
struct Words(Vec<String>);

impl Words {
    fn of(request: &HttpRequest, name: &str) -> Self {
        Self(header(request, name).unwrap_or_default().split_whitespace().map(str::to_owned).collect())
    }
}

impl Hash for Words {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|word| state.write(word.as_bytes()));
    }
}

#[derive(Hash)]
struct A(Words);

#[derive(Hash)]
struct B(Words);

extractors! {
    Directory: |request| Directory(header(request, "x-directory").unwrap_or_default().into());
    A: |request| A(Words::of(request, "x-a"));
    B: |request| B(Words::of(request, "x-b"));
}

#[cache_page(60)]
async fn by_directory(#[key] directory: Directory) -> String {
    directory.0.display().to_string()
}

#[cache_page(60)]
async fn by_words(#[key] a: A, #[key] b: B) -> String {
    format!("{:?} {:?}", a.0.0, b.0.0)
}

#[actix_web::test]
async fn paths_that_hash_to_the_same_bytes_have_their_own_pages() {
    let app = TestApp::builder().route("/", by_directory).start().await;
    let directories =
        ["a/bcdefg/h", "abcde/f/gh", "a/bc/d/efgh", "abcdefgh"].map(|path| [("x-directory", path)]);
    assert_own_pages(&app, "/", &directories.each_ref().map(|headers| &headers[..])).await;
}

#[actix_web::test]
async fn values_that_hash_without_a_length_have_their_own_pages() {
    let app = TestApp::builder().route("/", by_words).start().await;
    let sets: &[&[_]] = &[
        &[("x-a", "1"), ("x-b", "2 3")],
        &[("x-a", "1 2"), ("x-b", "3")],
        &[("x-a", "1 2 3")],
        &[("x-b", "1 2 3")],
    ];
    assert_own_pages(&app, "/", sets).await;
}

/// Keys the lines of a header, and another header as bytes if it is there.
struct LinesThenBytes;

/// Keys one header or the other, as the request decides.
struct EitherHeader;

/// Keys bytes that look like a header, or a header.
struct BytesOrHeader;

/// Keys a value, and bytes if they are there.
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
        if let Some(line) = header(request, "x-b") {
            key.bytes(line.as_bytes());
        }
    }
}

impl KeyInput for EitherHeader {
    fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.header(if header(request, "x-b").is_some() { "x-b" } else { "x-a" });
    }
}

impl KeyInput for BytesOrHeader {
    fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
        match header(request, "x-b") {
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
        key.value(&Words::of(request, "x-a"));
        if let Some(line) = header(request, "x-b") {
            key.bytes(line.as_bytes());
        }
    }
}

/// Shows the headers that the inputs here read.
#[cache_page(60)]
async fn shown<T: FromRequest + KeyInput + 'static>(input: T, #[unkeyed] request: HttpRequest) -> String {
    drop(input);
    let lines = |name| request.headers().get_all(name).map(|line| line.to_str().unwrap()).collect::<Vec<_>>();
    format!("{:?} {:?}", lines("x-a"), lines("x-b"))
}

#[actix_web::test]
async fn header_lines_and_bytes_have_their_own_pages() {
    let app = TestApp::builder().route("/", shown::<LinesThenBytes>).start().await;
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
    assert_own_pages(&app, "/", sets).await;
}

#[actix_web::test]
async fn equal_values_of_two_headers_have_their_own_pages() {
    let app = TestApp::builder().route("/", shown::<EitherHeader>).start().await;
    assert_own_pages(&app, "/", &[&[("x-a", "1")], &[("x-b", "1")], &[("x-b", "")], &[]]).await;
}

#[actix_web::test]
async fn bytes_that_look_like_a_header_have_their_own_page() {
    let app = TestApp::builder().route("/", shown::<BytesOrHeader>).start().await;
    assert_own_pages(&app, "/", &[&[("x-b", "nothing")], &[("x-b", "alike")], &[], &[("x-a", "")]]).await;
}

#[actix_web::test]
async fn values_and_bytes_have_their_own_pages() {
    let app = TestApp::builder().route("/", shown::<ValueThenBytes>).start().await;
    let sets: &[&[_]] = &[
        &[("x-a", "1 2")],
        &[("x-a", "1"), ("x-b", "2")],
        &[("x-b", "1")],
        &[("x-a", "1")],
        &[("x-b", "")],
        &[],
    ];
    assert_own_pages(&app, "/", sets).await;
}

/// A part of the key only if the header of this name is there, as an optional tenant or theme would be.
struct Optional<const INDEX: usize>(Option<String>);

const OPTIONAL: [&str; 3] = ["x-a", "x-b", "x-c"];

impl<const INDEX: usize> FromRequest for Optional<INDEX> {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(header(request, OPTIONAL[INDEX]).map(str::to_owned))))
    }
}

impl<const INDEX: usize> KeyInput for Optional<INDEX> {
    fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
        if let Some(value) = header(request, OPTIONAL[INDEX]) {
            key.bytes(value.as_bytes());
        }
    }
}

impl<const INDEX: usize> Show for Optional<INDEX> {
    fn show(&self) -> String {
        format!("{INDEX}: {:?}", self.0)
    }
}

/// Two inputs that one type consists of.
struct Both(Optional<0>, Optional<1>);

impl FromRequest for Both {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = |name| header(request, name).map(str::to_owned);
        ready(Ok(Self(Optional(read("x-a")), Optional(read("x-b")))))
    }
}

impl KeyInput for Both {
    fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.input::<Optional<0>>();
        key.input::<Optional<1>>();
    }
}

trait Show {
    fn show(&self) -> String;
}

impl Show for Both {
    fn show(&self) -> String {
        format!("{} {}", self.0.show(), self.1.show())
    }
}

impl<T: Show, U: Show> Show for (T, U) {
    fn show(&self) -> String {
        format!("{} {}", self.0.show(), self.1.show())
    }
}

impl<T: Show> Show for Option<T> {
    fn show(&self) -> String {
        self.as_ref().map(Show::show).unwrap_or_default()
    }
}

impl<T: Show> Show for Result<T, Error> {
    fn show(&self) -> String {
        self.as_ref().map(Show::show).unwrap_or_default()
    }
}

#[cache_page(60)]
async fn two(a: Optional<0>, b: Optional<1>) -> String {
    (a, b).show()
}

#[cache_page(60)]
async fn in_a_tuple((a, b): (Optional<0>, Optional<1>)) -> String {
    (a, b).show()
}

#[cache_page(60)]
async fn nested<T: FromRequest + KeyInput + Show + 'static>(input: T) -> String {
    input.show()
}

#[cache_page(60, vary_by = |request| header(request, "x-b").map(str::to_owned))]
async fn before_vary_by(a: Optional<0>, #[unkeyed] b: Optional<1>) -> String {
    (a, b).show()
}

#[cache_page(60)]
async fn before_a_value(a: Optional<0>, #[key(by = |b| b.0.as_deref())] b: Optional<1>) -> String {
    (a, b).show()
}

#[cache_page(60)]
async fn by_either(either: Either<Optional<0>, Optional<1>>, b: Optional<1>) -> String {
    match either {
        Either::Left(a) => (a, b).show(),
        Either::Right(a) => (a, b).show(),
    }
}

/// Otherwise a visitor without a tenant gets the page of the tenant who is called like the visitor's theme.
#[actix_web::test]
async fn optional_inputs_beside_each_other_have_their_own_pages() {
    let app = TestApp::builder()
        .route("/arguments", two)
        .route("/tuple", in_a_tuple)
        .route("/nested/tuple", nested::<(Optional<0>, Optional<1>)>)
        .route("/nested/option", nested::<(Option<Optional<0>>, Optional<1>)>)
        .route("/nested/result", nested::<Result<(Optional<0>, Option<Optional<1>>), Error>>)
        .route("/nested/both", nested::<(Both, Optional<2>)>)
        .route("/vary-by", before_vary_by)
        .route("/value", before_a_value)
        .route("/either", by_either)
        .start()
        .await;
    let sets: &[&[_]] = &[
        &[("x-a", "acme")],
        &[("x-b", "acme")],
        &[("x-a", "acme"), ("x-b", "acme")],
        &[("x-a", "")],
        &[("x-b", "")],
        &[],
    ];
    for path in [
        "/arguments",
        "/tuple",
        "/nested/tuple",
        "/nested/option",
        "/nested/result",
        "/nested/both",
        "/vary-by",
        "/value",
        "/either",
    ] {
        assert_own_pages(&app, path, sets).await;
    }
    assert_own_pages(&app, "/nested/both", &[&[("x-c", "acme")], &[("x-b", "acme"), ("x-c", "")]]).await;
}
