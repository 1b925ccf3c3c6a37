//! What the arguments of a handler read from the request.

use std::hash::Hash;

use actix_web::{
    Either, HttpRequest,
    http::{
        Method, Uri,
        header::{FORWARDED, Header, HeaderName},
    },
    web,
};

use super::builder::KeyBuilder;

/// What a handler argument reads from the request, beyond its method, scheme, host, path and query.
///
/// The cache key always covers those. Whatever else an argument looks at must be in the key too, or one visitor could
/// be sent the page of another: so every argument of a `#[cache_page]` handler must implement this trait, or be marked
/// `#[key]` or `#[unkeyed]` where it stands.
///
/// Implement it for an extractor of your own once, and all handlers may take it:
///
/// ```
/// use actix_web::{FromRequest, HttpRequest, dev::Payload};
/// use cache_page::{KeyBuilder, KeyInput};
///
/// struct Tenant(String);
///
/// impl FromRequest for Tenant {
///     type Error = actix_web::Error;
///     type Future = std::future::Ready<Result<Self, Self::Error>>;
///
///     fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
///         let name = request.headers().get("x-tenant").and_then(|value| value.to_str().ok());
///         std::future::ready(Ok(Self(name.unwrap_or("public").to_owned())))
///     }
/// }
///
/// impl KeyInput for Tenant {
///     fn key(_: &HttpRequest, key: &mut KeyBuilder) {
///         key.header("x-tenant");
///     }
/// }
/// ```
///
/// The two of them must agree: what `from_request` looks at, `key` adds. A page kept under a key that misses something
/// is sent to visitors it was not made for.
#[diagnostic::on_unimplemented(
    message = "the cache key does not cover what `{Self}` reads from the request",
    label = "pages made with different values of this argument would be mixed up",
    note = "to keep a page for each value, mark the argument where it stands: `#[key] name: {Self}` (the type must be `Hash`)",
    note = "if the page is the same whatever it holds, say so: `#[unkeyed] name: {Self}`",
    note = "to cover a type of your own in all handlers: `impl cache_page::KeyInput for {Self}`, naming the headers it reads"
)]
pub trait KeyInput {
    /// Whether the argument may read any header. Such a page is *open*: requests that carry credentials (`Cookie`,
    /// `Authorization` and their like) pass the cache by.
    const READS_ANY_HEADER: bool = false;

    /// Adds what the argument reads to the key. The default adds nothing: method, host, path and query are enough.
    fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
        let _ = (request, key);
    }
}

/// What `#[key]` takes. Only there for the words of an error.
#[diagnostic::on_unimplemented(
    message = "`#[key]` needs a value that is `Hash`, and `{Self}` is not",
    label = "the cache key is built from what `Hash` reads of this argument",
    note = "if `{Self}` is yours, give it `#[derive(Hash)]`",
    note = "if it is not, take it through an extractor of your own, with `impl cache_page::KeyInput` or `#[derive(Hash)]`",
    note = "if the page is the same whatever it holds, say so: `#[unkeyed] name: {Self}`"
)]
pub trait VaryValue: Hash {}

#[diagnostic::do_not_recommend]
impl<T: Hash + ?Sized> VaryValue for T {}

/// The path is in the key; what its parts are depends on the route that it took, which a guard may have chosen.
impl<T> KeyInput for web::Path<T> {
    fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
        path_parts(request, key);
    }
}

/// The query is in the key.
impl<T> KeyInput for web::Query<T> {}

/// Path and query are in the key; a request in absolute form shows more.
impl KeyInput for Uri {
    fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
        target(request, key);
    }
}

/// `GET` and `HEAD` share a page, which is always made by `GET`.
impl KeyInput for Method {}

/// The same for every request of an App.
impl<T: ?Sized> KeyInput for web::Data<T> {}

/// The same for every request of an App.
impl<T> KeyInput for web::ThinData<T> {}

/// The raw lines of that header.
impl<H: Header> KeyInput for web::Header<H> {
    fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.push_header(H::name());
    }
}

/// Sees everything: the page is open.
impl KeyInput for HttpRequest {
    const READS_ANY_HEADER: bool = true;

    fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
        target(request, key);
        path_parts(request, key);
        for name in LINKED {
            key.parts.push_header_values(request.headers(), &name);
        }
    }
}

/// What handlers and frameworks build links from when they look at headers themselves. A client may send any of these
/// with anything in it, and must not put it into the page of the others.
const LINKED: [HeaderName; 14] = [
    FORWARDED,
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-server"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-scheme"),
    HeaderName::from_static("x-forwarded-ssl"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-forwarded-path"),
    HeaderName::from_static("x-host"),
    HeaderName::from_static("x-original-host"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-original-uri"),
    HeaderName::from_static("x-rewrite-url"),
];

/// As the argument inside.
impl<T: KeyInput> KeyInput for Option<T> {
    const READS_ANY_HEADER: bool = T::READS_ANY_HEADER;

    fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
        T::key(request, key);
    }
}

/// As the argument inside.
impl<T: KeyInput, E> KeyInput for Result<T, E> {
    const READS_ANY_HEADER: bool = T::READS_ANY_HEADER;

    fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
        T::key(request, key);
    }
}

/// As both arguments: which of them it is depends on the request.
impl<L: KeyInput, R: KeyInput> KeyInput for Either<L, R> {
    const READS_ANY_HEADER: bool = L::READS_ANY_HEADER || R::READS_ANY_HEADER;

    fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
        L::key(request, key);
        R::key(request, key);
    }
}

/// Reads nothing.
impl KeyInput for () {}

macro_rules! tuples {
    ($first:ident $($rest:ident)*) => {
        /// As its parts.
        #[diagnostic::do_not_recommend]
        impl<$first: KeyInput, $($rest: KeyInput),*> KeyInput for ($first, $($rest,)*) {
            const READS_ANY_HEADER: bool = $first::READS_ANY_HEADER $(|| $rest::READS_ANY_HEADER)*;

            fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
                $first::key(request, key);
                $($rest::key(request, key);)*
            }
        }
        tuples!($($rest)*);
    };
    () => {};
}
tuples!(A B C D E F G H I J K L M N O P);

/// The scheme that a client wrote into the request line itself (`GET http://host/path`).
fn target(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
    key.parts.push_optional(request.uri().scheme_str().map(str::as_bytes));
}

/// What the route made of the path.
fn path_parts(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
    for (name, value) in request.match_info().iter() {
        key.parts.push_optional(Some(name.as_bytes()));
        key.parts.push_part(value.as_bytes());
    }
    key.parts.push_optional(None);
}
