//! Inputs whose bytes are alike must not meet under one key: each is framed against its neighbours.

use std::{
    future::{Ready, ready},
    hash::{Hash, Hasher},
    path::PathBuf,
};

use actix_web::{Error, FromRequest, HttpRequest, dev::Payload};
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
