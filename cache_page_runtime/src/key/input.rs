//! What the arguments of a handler read from the request.

use std::marker::PhantomData;

use actix_web::HttpRequest;

use super::{builder::KeyBuilder, request::push_http_request};

/// Implement it for an extractor to say which part of the request the extractor reads, so that it is in the cache key.
///
/// That is what it reads besides the method, scheme, host, path and query.
///
/// The cache key always contains those, except for what `query` or `ignore_query` leave out of the query: an extractor that reads such
/// parameters adds them with [`KeyBuilder::query`]. Everything else that an argument reads must be in the key too. Otherwise one visitor could be
/// sent the page of another. Therefore every argument of a `#[cache_page]` handler must implement this trait or be marked `#[key]`,
/// `#[unkeyed]` or `#[anonymous]`.
///
/// Implement it once for your own extractor, and every handler can take it:
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
/// `key` must add everything that `from_request` reads. If it misses something, a page is sent to visitors that it was not generated
/// for.
///
/// An implementation that consists of others calls [`KeyBuilder::input`] for each. For a type of another crate, see
/// `key_inputs!`.
#[diagnostic::on_unimplemented(
    message = "the cache key does not contain what `{Self}` reads from the request",
    label = "requests with different values of this argument would share a page",
    note = "if the response does not depend on the value, write `#[unkeyed]` before the argument",
    note = "to store one page per value, write `#[key]` before the argument, or `#[key(by = |value| …)]` with the part that the response depends on if it does not implement `Hash`",
    note = "to store pages only for visitors without a `{Self}`, take it as `#[anonymous] name: Option<{Self}>`",
    note = "to classify the type for all handlers, implement `cache_page::KeyInput` if it is your own, or list it in `cache_page::key_inputs!` if it is not"
)]
pub trait KeyInput {
    /// Whether the argument may read any request header.
    ///
    /// The handler's pages are *anonymous-only* then: requests with credentials (`Cookie`, `Authorization` and similar headers) bypass
    /// the cache. The key also contains the route parameters, and all headers but those that browsers and proxies send on their own.
    const READS_ANY_HEADER: bool = false;

    /// Adds to the key what the argument reads from the request.
    ///
    /// Adds nothing by default, for an argument that only reads the method, scheme, host, path and query.
    fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
        let _ = (request, key);
    }
}

/// An argument of type `T`, for the bound of a call: rustc reports a missing implementation in the words of the trait that `T` itself
/// lacks only if the bound is on another type.
#[derive(Debug)]
pub struct Argument<T>(PhantomData<T>);

/// A classified argument. `By` is inferred: `ByKeyInput`, or a local type of the crate whose `key_inputs!` lists a foreign type.
pub trait Classified<By> {
    /// Adds to the key what the argument reads from the request.
    fn key(key: &mut KeyBuilder<'_>);
}

/// Classified by [`KeyInput`].
#[derive(Debug)]
pub struct ByKeyInput;

impl<T: KeyInput> Classified<ByKeyInput> for Argument<T> {
    fn key(key: &mut KeyBuilder<'_>) {
        key.input::<T>();
    }
}

/// This method is here and not beside the others, because the trait refers to the builder.
impl KeyBuilder<'_> {
    /// Adds what an argument of type `T` reads, as one part.
    ///
    /// An implementation of [`KeyInput`] that consists of others calls this instead of [`T::key`](KeyInput::key), whose parts could
    /// be confused with those that follow:
    ///
    /// ```
    /// use actix_web::{HttpRequest, web};
    /// use cache_page::{KeyBuilder, KeyInput};
    /// # struct Theme;
    /// # impl KeyInput for Theme {}
    ///
    /// struct Page(web::Path<u64>, Theme);
    ///
    /// impl KeyInput for Page {
    ///     fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
    ///         key.input::<web::Path<u64>>();
    ///         key.input::<Theme>();
    ///     }
    /// }
    /// ```
    pub fn input<T: KeyInput>(&mut self) {
        T::key(self.request(), self);
        if T::READS_ANY_HEADER {
            push_http_request(self);
        }
        self.end_input();
    }
}
