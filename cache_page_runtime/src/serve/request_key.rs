//! Completing the key of a request, and whether the request may use the cache.

use actix_web::HttpRequest;
use smallvec::SmallVec;

use super::lookup::Lookup;
use crate::{
    http::{
        RequestDirectives, RequestOrigin, credentials, header_class::RequestNames, hosts,
        storability::check_handshake,
    },
    key::{CacheKey, HandlerType, KeyBuilder, push_app_identity, push_headers, push_request_without_query},
    outcome::Reason,
};

impl<'r> Lookup<'r> {
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
    #[inline]
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
