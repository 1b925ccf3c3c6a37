//! The values of `#[anonymous]` arguments.

use actix_web::HttpRequest;

use super::{builder::KeyBuilder, request::push_http_request};

/// An argument that shows by its type whether the visitor is anonymous.
#[diagnostic::on_unimplemented(
    message = "`#[anonymous]` does not know which values of `{Self}` an anonymous visitor has",
    label = "this is neither an `Option` nor an `HttpRequest`",
    note = "write `#[anonymous(by = path::to::function)]`, with a function that takes a reference to the argument and returns `true` for anonymous visitors",
    note = "or take the argument as an `Option`, which is `None` for anonymous visitors"
)]
pub trait AnonymousValue {
    /// Adds what an anonymous visitor's request may differ in to the key, or lets the request bypass the cache.
    fn add_to(&self, key: &mut KeyBuilder<'_>);
}

/// Stores and serves pages for requests without the value.
#[diagnostic::do_not_recommend]
impl<T> AnonymousValue for Option<T> {
    fn add_to(&self, key: &mut KeyBuilder<'_>) {
        key.anonymous_if(self.is_none());
    }
}

/// Stores and serves pages for requests without credentials.
#[diagnostic::do_not_recommend]
impl AnonymousValue for HttpRequest {
    fn add_to(&self, key: &mut KeyBuilder<'_>) {
        push_http_request(key);
        key.end_input();
        key.anonymous_if(true);
    }
}
