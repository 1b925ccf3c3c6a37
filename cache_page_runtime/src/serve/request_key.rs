//! The key of a request, and whether the request may use the cache.

use std::hash::Hash;

use actix_web::HttpRequest;
use smallvec::SmallVec;

use super::lookup::Lookup;
use crate::{
    http::{
        RequestDirectives, RequestOrigin, credentials, header_class::RequestNames, hosts,
        storability::check_handshake,
    },
    key::{
        AnonymousValue, Argument, CacheKey, Classified, HandlerType, KeyBuilder, KeyValue, push_app_identity,
        push_headers, push_query_read_by, push_request_without_query,
    },
    outcome::Reason,
};

impl<'r> Lookup<'r> {
    /// Adds what an argument of type `T` reads to the key.
    pub fn key_from<T, By>(&mut self)
    where
        Argument<T>: Classified<By>,
    {
        // A request that bypasses the cache has no key, but its response tells downstream caches whether it is for anonymous visitors.
        if !matches!(self.admitted, Err(Reason::Method | Reason::Disabled)) {
            Argument::<T>::key(&mut self.key);
        }
    }

    /// Adds what an argument of type `Result<T, E>` reads to the key. An `Err` keeps the request from the cache: an error handler of the
    /// App may have put any part of the request into it.
    pub fn key_from_result<T, E, By>(&mut self, value: &Result<T, E>)
    where
        Argument<T>: Classified<By>,
    {
        self.key_from::<T, By>();
        if value.is_err() {
            self.reject(Reason::ExtractorError);
        }
    }

    /// Adds the value of a `#[key]` argument to the key.
    pub fn key_value<T, By>(&mut self, value: &T)
    where
        T: KeyValue<By> + ?Sized,
    {
        match self.admitted {
            Ok(()) => value.add_to(&mut self.key),
            Err(_) => self.key.parts.set_private(),
        }
    }

    /// Adds what the function in `#[key(by = …)]` returns for an argument to the key.
    pub fn key_value_by<'a, T: ?Sized, K: Hash>(&mut self, value: &'a T, by: impl FnOnce(&'a T) -> K) {
        match self.admitted {
            Ok(()) => {
                self.key.value(&by(value));
                push_query_read_by::<T>(&mut self.key);
            }
            Err(_) => self.key.parts.set_private(),
        }
    }

    /// Adds nothing for an `#[unkeyed]` argument, except for the query if it is an `HttpRequest`, which has more of it than the key.
    pub fn unkeyed<T: ?Sized>(&mut self) {
        if self.admitted.is_ok() {
            push_query_read_by::<T>(&mut self.key);
        }
    }

    /// Keeps the request from the cache if an `#[anonymous]` argument is not that of an anonymous visitor.
    pub fn anonymous<T: AnonymousValue + ?Sized>(&mut self, value: &T) {
        if self.admitted.is_ok() {
            value.add_to(&mut self.key);
        }
        // The response has the headers for downstream caches even if the request bypasses the cache.
        self.key.parts.set_anonymous();
    }

    /// Keeps the request from the cache if the function in `#[anonymous(by = …)]` returns `false`.
    pub fn anonymous_by<T: ?Sized>(&mut self, value: &T, is_anonymous: impl FnOnce(&T) -> bool) {
        if self.admitted.is_ok() {
            self.key.anonymous_if(is_anonymous(value));
            push_query_read_by::<T>(&mut self.key);
        }
        self.key.parts.set_anonymous();
    }

    /// Adds the result of the attribute's `vary_by` to the key.
    pub fn key_by<T: Hash>(&mut self, vary_by: impl FnOnce(&'r HttpRequest) -> T) {
        match self.admitted {
            Ok(()) => self.key.value(&vary_by(self.request)),
            Err(_) => self.key.parts.set_private(),
        }
    }

    /// Adds what a function of the attribute's `vary` makes of a request header to the key.
    pub fn key_by_header<T: Hash>(&mut self, name: &str, normalize: impl FnOnce(Option<&str>) -> T) {
        if self.admitted.is_ok() {
            self.key.normalized_header(name, normalize);
        }
    }

    /// Adds what services may read of a request from which everything is removed that is not in the key.
    pub(crate) fn key_from_service_request(&mut self) {
        if self.admitted.is_ok() {
            push_request_without_query(&mut self.key);
            self.key.end_input();
        }
    }

    /// Adds to the key with a function.
    pub(crate) fn push_with(&mut self, push: impl FnOnce(&'r HttpRequest, &mut KeyBuilder<'r>)) {
        if self.admitted.is_ok() {
            push(self.request, &mut self.key);
        }
    }

    /// Keeps the request from the cache.
    pub(crate) fn reject(&mut self, reason: Reason) {
        self.admitted = self.admitted.and(Err(reason));
    }

    /// Completes the key and returns whether the request may use the cache.
    #[inline]
    pub(super) fn admit(&mut self, handler: HandlerType) -> Result<(), Reason> {
        if self.admitted != Err(Reason::Method) {
            self.directives = self.cache.request_directives(self.request).map(Box::new);
        }
        self.admitted?;
        // First, so that no query is searched that is too long for a key.
        if self.key.has_long_query() {
            return Err(Reason::KeyTooLong);
        }
        if self.key.is_logged_in() {
            return Err(Reason::LoggedIn);
        }
        self.names = match self.key.reads_any_header() {
            true => self.push_anonymous_request()?,
            false => RequestNames::of(self.request.headers()),
        };
        if self.names.has_upgrade() {
            check_handshake(self.request.headers())?;
        }
        self.push_url()?;
        // Every handler has a type of its own, as has every instantiation of a generic handler.
        self.key.push_handler(handler);
        self.cache_key().ok_or(Reason::KeyTooLong)?;
        if self.directives.as_deref().is_some_and(RequestDirectives::no_store) {
            return Err(Reason::RequestNoStore);
        }
        Ok(())
    }

    /// Checks the host of the request, and adds its URL.
    fn push_url(&mut self) -> Result<(), Reason> {
        let request = self.request;
        let origin = RequestOrigin::with_names(request, self.names);
        hosts::check(request.head(), &origin, self.cache.allowed_hosts())?;
        self.key.push_url(&origin, self.policy.key_prefix(self.cache.key_prefix()));
        if self.has_own_cache {
            return Ok(());
        }
        push_app_identity(&mut self.key.parts, request, self.entry_point.app_retention())
    }

    /// Checks that nothing outside the key identifies the client, and adds the headers that the handler may read.
    fn push_anonymous_request(&mut self) -> Result<RequestNames, Reason> {
        let (headers, credentials) = (self.request.headers(), self.cache.credential_headers());
        let parts = &self.key.parts;
        let mut names = SmallVec::new();
        let seen = credentials.check(
            headers,
            |name| parts.has_header(name),
            self.policy.vary_cookie(),
            |name| {
                if !parts.distinguishes(name) && !credentials.is_ignored(name) {
                    names.push(name);
                }
            },
        )?;
        push_headers(&mut self.key, names);
        let query_rule = self.policy.query_rule(self.cache.ignored_query());
        credentials::check_query(self.request.uri().query(), query_rule)?;
        if self.cache.has_credential(self.request) { Err(Reason::Credentials) } else { Ok(seen) }
    }

    /// Returns the key, unless it is too long.
    pub(super) fn cache_key(&self) -> Option<CacheKey<'_>> {
        self.key.parts.key()
    }
}
