//! Builds the key of a request.

use std::hash::Hash;

use actix_web::HttpRequest;
use http::header::{COOKIE, HOST, HeaderName, HeaderValue};

use super::{cache_key::KeyParts, handler_id::HandlerType, key_buf};
use crate::http::{QueryRule, RequestOrigin, cookies};

/// Collects what a handler argument reads from the request; see [`KeyInput`](crate::KeyInput).
///
/// Each part is framed by its length, so two different sequences of parts never give the same key: `"ab"` then `"c"` differs from
/// `"a"` then `"bc"`, and an absent part differs from an empty one.
#[derive(Debug)]
pub struct KeyBuilder<'r> {
    request: &'r HttpRequest,
    pub(crate) parts: KeyParts,
}

/// What the key of a request contains besides the handler's arguments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyOptions<'o> {
    pub(crate) prefix: &'o str,
    pub(crate) query_rule: QueryRule,
    /// The names of cookies.
    pub(crate) cookies: &'o [&'static str],
    /// The names of request headers, of the handler and of the cache.
    pub(crate) vary: [&'o [HeaderName]; 2],
}

impl<'r> KeyBuilder<'r> {
    pub(crate) fn new(request: &'r HttpRequest) -> Self {
        Self { request, parts: KeyParts::new() }
    }

    /// Adds the URL as a handler sees it, and what the options name.
    pub(crate) fn push_request(&mut self, options: &KeyOptions<'_>) {
        let head = self.request.head();
        let mut hosts = head.headers.get_all(&HOST);
        let host = hosts.next();
        let origin = RequestOrigin::new(head, host, self.request.app_config());
        let parts = &mut self.parts;
        parts.push_part(options.prefix.as_bytes());
        parts.push_part(origin.scheme.as_bytes());
        parts.push_part(origin.host.as_bytes());
        // A guard may have chosen the App by `Host` or the authority, from which the origin may differ: links are built from
        // `Forwarded` or `X-Forwarded-Host` first, and a client can send another value in each.
        parts.push_optional(host.map(HeaderValue::as_bytes));
        hosts.for_each(|host| parts.push_optional(Some(host.as_bytes())));
        parts.push_optional(None);
        parts.push_optional(head.uri.authority().map(|authority| authority.as_str().as_bytes()));
        parts.push_part(head.uri.path().as_bytes());
        // `web::Path` reads a copy of the path. Actix decodes some escapes in it, and middleware may have rewritten either.
        let routed = self.request.match_info().as_str();
        parts.push_optional((routed != head.uri.path()).then_some(routed.as_bytes()));
        self.push_query(head.uri.query(), options.query_rule);
        for name in options.vary.into_iter().flatten() {
            self.push_header(name.clone());
        }
        for name in options.cookies {
            self.push_cookie(name);
        }
    }

    fn push_query(&mut self, query: Option<&str>, rule: QueryRule) {
        let parts = &mut self.parts;
        // A query that is too long for the key is not parsed.
        if query.is_some_and(|query| query.len() > key_buf::MAX_LEN) {
            parts.mark_too_long();
            return;
        }
        match rule.select(query.unwrap_or_default()) {
            None => parts.push_optional(query.map(str::as_bytes)),
            Some(parameters) => {
                parts.push_length(parameters.len());
                for (name, value) in parameters {
                    parts.push_part(name.as_bytes());
                    parts.push_part(value.as_bytes());
                }
            }
        }
    }

    /// Adds the values of one cookie. The key does not contain the rest of the `Cookie` header.
    fn push_cookie(&mut self, name: &str) {
        for value in cookies::values(self.request.headers(), name) {
            self.parts.push_optional(Some(value));
        }
        self.parts.push_optional(None);
        self.parts.add_keyed_header(COOKIE, false);
    }

    pub(super) fn push_header(&mut self, name: HeaderName) {
        self.parts.push_header_values(self.request.headers(), &name);
        self.parts.add_keyed_header(name, true);
    }

    /// Adds the handler, which must be the last part.
    pub(crate) fn push_handler(&mut self, handler: HandlerType) {
        self.parts.push_handler(handler);
    }

    /// Adds all values of a request header, or that the header is absent.
    ///
    /// The response names the header in `Vary`, so that downstream caches vary by it too. An invalid header name adds nothing,
    /// because no request can have such a header.
    pub fn header(&mut self, name: &str) {
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            // Which header an extractor reads may depend on the request, so the name is in the key too.
            self.parts.push_part(name.as_str().as_bytes());
            self.push_header(name);
        }
    }

    /// Adds every byte that the value feeds to a [`Hasher`](std::hash::Hasher).
    ///
    /// The bytes themselves are in the key, so hash collisions cannot mix up pages.
    ///
    /// Downstream caches cannot vary by the value. The response is sent with `Cache-Control: private, no-cache`, unless the handler
    /// sets the header itself.
    pub fn value<T: Hash + ?Sized>(&mut self, value: &T) {
        self.parts.set_private();
        self.parts.push_hashed(value);
    }

    /// Adds bytes. As for a [`value`](Self::value), downstream caches cannot vary by them.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.parts.set_private();
        self.parts.push_part(bytes);
    }
}
