//! Inputs that consist of others: keys are equal if and only if each part reads the same.

use actix_web::{Either, HttpRequest, http::header::HeaderValue, test::TestRequest};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{KeyBuilder, KeyInput, properties::value};

/// Reads a header. How much it adds to the key depends on the request.
struct Reads<const INDEX: usize>;

const NAMES: [&str; 3] = ["x-a", "x-b", "x-c"];

impl<const INDEX: usize> KeyInput for Reads<INDEX> {
    fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
        let name = NAMES[INDEX];
        match first(request, INDEX).as_deref() {
            None => {}
            Some(b"h") => key.header(name),
            Some(b"c") => key.cookie(name),
            Some(b"v") => key.value(&Some(0_u8)),
            Some(b"2") => {
                key.bytes(b"2");
                key.bytes(b"");
            }
            Some(b"n") => {
                key.input::<()>();
                key.bytes(b"n");
            }
            Some(bytes) => key.bytes(bytes),
        }
    }
}

fn first(request: &HttpRequest, index: usize) -> Option<Vec<u8>> {
    request.headers().get(NAMES[index]).map(|value| value.as_bytes().to_vec())
}

/// Returns everything that the input of this index distinguishes.
fn view(request: &HttpRequest, index: usize) -> Vec<Vec<u8>> {
    let lines = request.headers().get_all(NAMES[index]).map(|value| value.as_bytes().to_vec());
    match first(request, index).as_deref() {
        Some(b"h") => lines.collect(),
        other => other.map(<[u8]>::to_vec).into_iter().collect(),
    }
}

fn key_of<T: KeyInput>(request: &HttpRequest) -> Vec<u8> {
    let mut key = KeyBuilder::new(request);
    key.input::<T>();
    // What follows the arguments: the value of `vary_by`.
    key.value(&());
    key.parts.key().unwrap().as_bytes().to_vec()
}

/// Returns the keys of the same three inputs, composed in every way.
fn keys(request: &HttpRequest) -> Vec<Vec<u8>> {
    type A = Reads<0>;
    type B = Reads<1>;
    type C = Reads<2>;
    vec![
        key_of::<(A, B, C)>(request),
        key_of::<((A, B), C)>(request),
        key_of::<(A, (B, C))>(request),
        key_of::<(Option<A>, Result<B, ()>, Option<Option<C>>)>(request),
        key_of::<Option<(A, Either<B, C>)>>(request),
        key_of::<Either<Either<A, B>, C>>(request),
        key_of::<(A, (), Either<(), (B,)>, ((C,),))>(request),
    ]
}

fn request() -> impl Strategy<Value = HttpRequest> {
    let line = select(&["", "h", "c", "v", "2", "n", "x", "x-a", "\u{f9}", "\u{fa}", "\u{fc}"][..]);
    let lines = vec((select(&NAMES[..]), line.prop_map(latin1)), 0..4);
    lines.prop_map(|lines| {
        let add = |request: TestRequest, line| request.append_header(line);
        lines.into_iter().fold(TestRequest::default(), add).to_http_request()
    })
}

/// The bytes of a header value may be any but controls, so also the markers of a key.
fn latin1(text: &str) -> HeaderValue {
    let bytes: Vec<u8> = text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
    value(&bytes)
}

proptest! {
    #[test]
    fn composed_keys_are_equal_iff_every_input_reads_the_same(one in request(), other in request()) {
        let same = (0..NAMES.len()).all(|index| view(&one, index) == view(&other, index));
        for (position, (key, other_key)) in keys(&one).into_iter().zip(keys(&other)).enumerate() {
            prop_assert_eq!(key == other_key, same, "composition {}", position);
        }
    }
}
