//! `actix-web-lab`: its extractors read what those of actix-web read.

use actix_web::HttpRequest;
use actix_web_lab::extract::{
    Bytes, Host, Json, LazyData, LazyDataShared, LocalData, Path, Query, ReconstructedPath, SwapData,
    UrlEncodedForm,
};

use serde::de::DeserializeOwned;

use super::{
    builder::KeyBuilder, input::KeyInput, query_fields::push_unselected_parameters, refused::NoBody,
    request::push_route_parameters,
};

/// Adds the route parameters. The path is in the key, but a guard may have chosen the route that splits it.
#[diagnostic::do_not_recommend]
impl<T> KeyInput for Path<T> {
    fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
        push_route_parameters(request, key);
    }
}

/// Adds nothing if the query is in the key. With `query` or `ignore_query`, adds the other parameters that `T` is deserialized from.
#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> KeyInput for Query<T> {
    fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
        push_unselected_parameters::<T>(key);
    }
}

/// Adds nothing: the host is in the key.
#[diagnostic::do_not_recommend]
impl KeyInput for Host {}

/// Adds the `X-Forwarded-Prefix` header. The path and query are in the key.
#[diagnostic::do_not_recommend]
impl KeyInput for ReconstructedPath {
    fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.header("x-forwarded-prefix");
        key.query();
    }
}

/// Adds nothing: all requests of an App have the same data.
#[diagnostic::do_not_recommend]
impl<T: ?Sized> KeyInput for LocalData<T> {}

/// Adds nothing: all requests of an App have the same data.
#[diagnostic::do_not_recommend]
impl<T> KeyInput for LazyData<T> {}

/// Adds nothing: all requests of an App have the same data.
#[diagnostic::do_not_recommend]
impl<T> KeyInput for LazyDataShared<T> {}

/// Adds nothing: all requests of an App have the same data.
#[diagnostic::do_not_recommend]
impl<T> KeyInput for SwapData<T> {}

impl<const LIMIT: usize> KeyInput for Bytes<LIMIT> where for<'a> Self: NoBody {}
impl<T, const LIMIT: usize> KeyInput for Json<T, LIMIT> where Self: NoBody {}
impl<T, const LIMIT: usize> KeyInput for UrlEncodedForm<T, LIMIT> where Self: NoBody {}
