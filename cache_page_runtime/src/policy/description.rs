//! The options of a handler in words, for people who look into the cache.

use std::time::Duration;

use http::header::HeaderName;

use super::handler_policy::HandlerPolicy;
use crate::http::{IgnoredQuery, QueryRule};

impl HandlerPolicy {
    /// Says what the handler stores, and what is in its keys.
    ///
    /// `cache_ignores` and `cache_vary` are the options of the cache.
    pub(crate) fn describe(
        &self,
        cache_ignores: Option<&'static IgnoredQuery>,
        cache_vary: &[HeaderName],
    ) -> String {
        let options = self.options();
        let named = options.statuses.iter().copied();
        let own = options.status_ttls.iter().map(|(code, ttl)| format!(", {code} {}", lifetime(*ttl)));
        let statuses: Vec<_> =
            [200, 301, 308].into_iter().chain(named).map(|code| code.to_string()).collect();
        let mut text =
            format!("It stores {} {}", statuses.join(", "), lifetime(options.ttl)) + &own.collect::<String>();
        text += &format!("; its keys have {}", query(self.query_rule(cache_ignores)));
        let headers = headers(options.vary, cache_vary);
        if !headers.is_empty() {
            text += &format!(", the request headers {}", headers.join(", "));
        }
        if !options.vary_cookie.is_empty() {
            text += &format!(", the cookies {}", options.vary_cookie.join(", "));
        }
        text + ", and what its arguments read."
    }

    /// Says what decides about a request of the handler, but is only known when it runs.
    pub(crate) fn unknowns(&self, cache_vary: &[HeaderName]) -> Vec<String> {
        let options = self.options();
        let mut unknowns = vec![
            "the values of its `#[key]` arguments, of `vary_by`, of functions in `vary` and `normalize`, and of your own extractors: requests with different ones have different pages"
                .to_owned(),
        ];
        let mut add = |text: String| unknowns.push(text);
        let headers = headers(options.vary, cache_vary);
        if !headers.is_empty() {
            add(format!("whether a stored page is for the same values of {}", headers.join(", ")));
        }
        if !options.vary_cookie.is_empty() {
            add(format!("whether a stored page is for the same cookies {}", options.vary_cookie.join(", ")));
        }
        if options.bypass_if.is_some() {
            add("whether its `bypass_if` returns true for the request".to_owned());
        }
        if options.no_store_if.is_some() {
            add("whether its `no_store_if` returns true for the response".to_owned());
        }
        unknowns
    }

    /// Returns whether the whole query is in the key, byte for byte.
    pub(crate) fn keys_whole_query(&self, cache_ignores: Option<&'static IgnoredQuery>) -> bool {
        self.query_rule(cache_ignores).selects_all()
    }
}

/// Returns the names of the request headers in the keys.
fn headers<'h>(of_handler: &[&'h str], of_cache: &'h [HeaderName]) -> Vec<&'h str> {
    of_handler.iter().copied().chain(of_cache.iter().map(HeaderName::as_str)).collect()
}

fn lifetime(ttl: Option<Duration>) -> String {
    ttl.map_or_else(|| "without expiry".to_owned(), |ttl| format!("for {ttl:?}"))
}

fn query(rule: QueryRule) -> String {
    match rule {
        QueryRule::All => "the whole query, byte for byte".to_owned(),
        QueryRule::Only([]) => "no query parameter".to_owned(),
        QueryRule::Only(names) => format!("the query parameters {}", names.join(", ")),
        QueryRule::Except(patterns) => format!("all query parameters but {}", patterns.join(", ")),
        QueryRule::ExceptBoth([], _) => "all query parameters but those that the cache ignores".to_owned(),
        QueryRule::ExceptBoth(patterns, _) => {
            format!("all query parameters but {} and those that the cache ignores", patterns.join(", "))
        }
    }
}
