//! Builds the key of a request.

use std::{hash::Hash, iter};

use actix_web::HttpRequest;
use http::header::{COOKIE, HeaderName, HeaderValue};

use super::{
    cache_key::{Coverage, KeyParts, List},
    handler_id::HandlerType,
    key_buf,
};
use crate::http::{QueryRule, RequestOrigin, cookies, header_cache};

/// Adds to the cache key what an argument reads; the parameter of [`KeyInput::key`](crate::KeyInput::key).
///
/// Each part is framed by its kind and length, so two different sequences of parts never give the same key: `"ab"` then `"c"`
/// differs from `"a"` then `"bc"`, and an absent part differs from an empty one. The parts of each argument are framed against
/// those of its neighbours.
#[derive(Debug)]
pub struct KeyBuilder<'r> {
    request: &'r HttpRequest,
    pub(crate) parts: KeyParts,
    query_rule: QueryRule,
    /// An argument may read any header, so the page is for requests without credentials only.
    reads_any_header: bool,
    /// An argument shows that the visitor is logged in, so the request bypasses the cache.
    is_logged_in: bool,
}

/// What the key of a request contains besides the handler's arguments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyOptions<'o> {
    pub(crate) query_rule: QueryRule,
    /// The names of cookies.
    pub(crate) cookies: &'o [&'static str],
    /// The names of request headers, of the handler and of the cache.
    pub(crate) vary: [&'o [HeaderName]; 2],
}

impl KeyOptions<'_> {
    /// Returns whether there are headers or cookies, with which the key begins.
    pub(crate) fn has_varied(&self) -> bool {
        let [of_handler, of_cache] = self.vary;
        !(of_handler.is_empty() && of_cache.is_empty() && self.cookies.is_empty())
    }
}

impl<'r> KeyBuilder<'r> {
    #[cfg(any(test, fuzzing))]
    pub(crate) fn new(request: &'r HttpRequest) -> Self {
        Self::with_query_rule(request, QueryRule::All)
    }

    #[inline(always)]
    pub(crate) fn with_query_rule(request: &'r HttpRequest, query_rule: QueryRule) -> Self {
        Self { request, parts: KeyParts::new(), query_rule, reads_any_header: false, is_logged_in: false }
    }

    /// Adds the headers and cookies that the options name. They come first.
    pub(crate) fn push_varied(&mut self, options: &KeyOptions<'_>) {
        self.query_rule = options.query_rule;
        for name in options.vary.into_iter().flatten() {
            self.push_header(name.clone());
        }
        for name in options.cookies {
            self.push_cookie(name);
        }
    }

    /// Adds the URL as a handler sees it, with the origin of the request. It comes after what the arguments read, because a request
    /// that bypasses the cache needs no more of its key than that.
    pub(crate) fn push_url(&mut self, origin: &RequestOrigin<'_>, prefix: &str) {
        let head = self.request.head();
        let hosts = origin.host_fields.iter().map(HeaderValue::as_bytes);
        let parts = &mut self.parts;
        parts.push_part(prefix.as_bytes());
        parts.push_part(origin.scheme.as_bytes());
        parts.push_part(origin.host.as_bytes());
        // A guard may have chosen the App by `Host` or the authority, from which the origin may differ: links are built from
        // `Forwarded` or `X-Forwarded-Host` first, and a client can send another value in each.
        parts.push_list(List::Values, hosts);
        parts.push_optional(head.uri.authority().map(|authority| authority.as_str().as_bytes()));
        let path = head.uri.path();
        parts.push_part(path.as_bytes());
        // `web::Path` reads a copy of the path. Actix decodes some escapes in it, and middleware may have rewritten either.
        let routed = self.request.match_info().as_str();
        parts.push_optional((routed != path).then_some(routed.as_bytes()));
        self.push_query(head.uri.query(), self.query_rule);
    }

    /// Returns whether the query of the request is too long for a key.
    pub(crate) fn has_long_query(&self) -> bool {
        self.request.uri().query().is_some_and(|query| query.len() > key_buf::MAX_LEN)
    }

    fn push_query(&mut self, query: Option<&str>, rule: QueryRule) {
        // A query that is too long for the key is not parsed.
        if self.has_long_query() {
            self.parts.mark_too_long();
            return;
        }
        let parts = &mut self.parts;
        match rule.select(query.unwrap_or_default()) {
            None => parts.push_optional(query.map(str::as_bytes)),
            Some(parameters) => {
                let parameters =
                    parameters.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
                parts.push_list(List::Values, parameters);
            }
        }
    }

    fn push_cookie(&mut self, name: &str) {
        self.parts.push_list(List::Values, cookies::values(self.request.headers(), name));
        self.parts.add_keyed_header(COOKIE, Coverage::Part);
    }

    pub(super) fn push_header(&mut self, name: HeaderName) {
        self.parts.push_header_values(self.request.headers(), &name);
        self.parts.add_keyed_header(name, Coverage::Full);
    }

    /// Adds the handler, which must be the last part.
    #[inline]
    pub(crate) fn push_handler(&mut self, handler: HandlerType) {
        self.parts.push_handler(handler);
    }

    /// Returns whether the page may contain any request header, and so is for requests without credentials only.
    pub(crate) fn reads_any_header(&self) -> bool {
        self.reads_any_header
    }

    pub(super) fn set_reads_any_header(&mut self) {
        self.reads_any_header = true;
    }

    /// Returns whether an argument shows that the visitor is logged in.
    pub(crate) fn is_logged_in(&self) -> bool {
        self.is_logged_in
    }

    /// Ends the parts of an argument, so that those of the next one cannot be taken for its own.
    pub(crate) fn end_input(&mut self) {
        self.parts.end();
    }

    /// Returns which query parameters are in the key.
    pub(super) fn query_rule(&self) -> QueryRule {
        self.query_rule
    }

    pub(super) fn request(&self) -> &'r HttpRequest {
        self.request
    }

    /// Adds all values of a request header, or that the header is absent.
    ///
    /// The response names the header in `Vary`, so that downstream caches vary by it too. An invalid header name adds nothing,
    /// because no request can have such a header.
    pub fn header(&mut self, name: &str) {
        if let Some(name) = header_cache::name(name) {
            // Which header an extractor reads may depend on the request, so the name is in the key too.
            self.parts.push_named_header(self.request.headers(), &name);
            self.parts.add_keyed_header(name, Coverage::Full);
        }
    }

    /// Adds what a function makes of a request header, where few of its values lead to different responses.
    ///
    /// The function gets the value of the header, with repeated lines joined by `, `, or `None` if the header is absent. The response
    /// must not depend on anything else of the header. It names the header in `Vary`, and downstream caches may store it, one
    /// response per value of the header. An invalid header name adds what the function makes of an absent header.
    ///
    /// Repeated lines are in the key too, since `HeaderMap::get` shows only the first of them: a client could otherwise store the
    /// response to its first line for all those who send the joined value. So is a value that is not UTF-8, of which the function sees a
    /// part.
    ///
    /// ```
    /// use actix_web::HttpRequest;
    /// use cache_page::{KeyBuilder, KeyInput};
    ///
    /// /// A language of the site, read from `Accept-Language`.
    /// struct Language(&'static str);
    ///
    /// fn choose(accepted: Option<&str>) -> &'static str {
    ///     if accepted.is_some_and(|accepted| accepted.starts_with("de")) { "de" } else { "en" }
    /// }
    ///
    /// impl KeyInput for Language {
    ///     fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
    ///         key.normalized_header("accept-language", choose);
    ///     }
    /// }
    /// # let _ = Language(choose(None));
    /// ```
    pub fn normalized_header<T: Hash>(&mut self, name: &str, normalize: impl FnOnce(Option<&str>) -> T) {
        let Some(name) = header_cache::name(name) else {
            return self.parts.push_hashed(&normalize(None));
        };
        // Which header an extractor reads may depend on the request, so the name is in the key too.
        self.parts.push_part(name.as_str().as_bytes());
        self.parts.push_normalized(self.request.headers(), &name, normalize);
        self.parts.add_keyed_header(name, Coverage::Normalized);
    }

    /// Lets a function decide the variant of a response that varies by a request header.
    pub(crate) fn normalize_variants<T: Hash>(
        &mut self,
        name: &str,
        normalize: impl FnOnce(Option<&str>) -> T,
    ) {
        if let Some(name) = header_cache::name(name) {
            self.parts.add_normalized(self.request.headers(), name, normalize);
        }
    }

    /// Adds all values of a cookie, or that the cookie is absent. Other cookies are not part of the key.
    ///
    /// The response has `Vary: Cookie`, so downstream caches vary by all cookies. A value is compared as it was sent, without
    /// decoding it.
    pub fn cookie(&mut self, name: &str) {
        let values = cookies::values(self.request.headers(), name);
        self.parts.push_list(List::Cookie, iter::once(name.as_bytes()).chain(values));
        self.parts.add_keyed_header(COOKIE, Coverage::Part);
    }

    /// Adds the whole query as it was sent, where `query` or `ignore_query` leave out parts of it. Otherwise it is in the key already.
    ///
    /// For an extractor that reads the query, and so shows the handler parameters that these options leave out. `web::Query`, `Uri` and
    /// `HttpRequest` add what they read.
    pub fn query(&mut self) {
        if !self.query_rule.selects_all() {
            self.parts.set_more_of_query();
            self.parts.push_optional(self.request.uri().query().map(str::as_bytes));
        }
    }

    /// Stores and serves the page only for visitors who are not logged in.
    ///
    /// If `is_anonymous` is `false`, the request bypasses the cache with [`Reason::LoggedIn`]. It adds nothing to the key. For an
    /// argument whose type shows who is logged in:
    ///
    /// ```
    /// use actix_web::HttpRequest;
    /// use cache_page::{KeyBuilder, KeyInput};
    ///
    /// /// A user, or a guest where the request has no session.
    /// struct Visitor(Option<u64>);
    ///
    /// impl KeyInput for Visitor {
    ///     fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
    ///         key.anonymous_if(request.cookie("session").is_none());
    ///     }
    /// }
    /// ```
    ///
    /// Both the page and the responses to logged-in visitors have `Vary: Cookie, Authorization`. Where the handler sets no
    /// `Cache-Control`, the page is sent with `max-age=0, s-maxage=TTL` and the responses to logged-in visitors with
    /// `private, no-cache`, so that neither a browser nor a proxy shows the page of one visitor to the next.
    ///
    /// [`Reason::LoggedIn`]: crate::Reason::LoggedIn
    pub fn anonymous_if(&mut self, is_anonymous: bool) {
        self.parts.set_anonymous();
        self.is_logged_in |= !is_anonymous;
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
