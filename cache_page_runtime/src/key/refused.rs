//! Extractors that must be marked in each handler, with a message of their own instead of the one of [`KeyInput`].
//!
//! Each has an implementation of [`KeyInput`] under a condition that never holds, so that rustc reports the condition.

use actix_web::{HttpRequest, dev::PeerAddr, web};

use super::input::KeyInput;

/// Implemented by nothing.
#[diagnostic::on_unimplemented(
    message = "a handler that takes `{Self}` can read any part of the request, and the cache key contains only some",
    label = "write `#[anonymous]` or `#[unkeyed]` before this argument",
    note = "`#[anonymous] request: HttpRequest` stores only responses to requests without credentials, and serves them to such requests only",
    note = "`#[unkeyed] request: HttpRequest` asserts that the response depends on nothing but the method, scheme, host, path and query",
    note = "in either case, name other request headers that the response depends on: `#[cache_page(60, vary = [\"accept-language\"])]`"
)]
pub trait AnyPartOfTheRequest {}

/// Implemented by nothing.
#[diagnostic::on_unimplemented(
    message = "a GET page that reads a body cannot be cached, and `{Self}` is read from the request's body",
    label = "the body is not part of the cache key",
    note = "input that a page depends on belongs in its URL: take it as `web::Query<T>` or `web::Path<T>`",
    note = "if this handler writes, remove `#[cache_page]`",
    note = "if the response does not depend on the body, write `#[unkeyed]` before the argument"
)]
pub trait NoBody {}

/// Implemented by nothing.
#[diagnostic::on_unimplemented(
    message = "nearly every client has another `{Self}`, so the page would be stored for one client",
    label = "the cache key does not contain the client's address",
    note = "if the response does not depend on the address, write `#[unkeyed]` before the argument",
    note = "to store one page per address, write `#[key]` before the argument"
)]
pub trait SameForAllClients {}

// `for<'a>` keeps rustc from rejecting the condition of a type without parameters where it is written.
impl KeyInput for HttpRequest where for<'a> Self: AnyPartOfTheRequest {}
impl KeyInput for PeerAddr where for<'a> Self: SameForAllClients {}
impl KeyInput for String where for<'a> Self: NoBody {}
impl KeyInput for web::Bytes where for<'a> Self: NoBody {}
impl KeyInput for web::Payload where for<'a> Self: NoBody {}
impl<T> KeyInput for web::Json<T> where Self: NoBody {}
impl<T> KeyInput for web::Form<T> where Self: NoBody {}
