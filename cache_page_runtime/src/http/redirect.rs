//! Redirects that lead back to the page that they answer (RFC 9110 10.2.2, 15.4).

use std::borrow::Cow;

use actix_web::http::{
    Uri,
    header::{HeaderMap, HeaderValue, LOCATION},
};
use percent_encoding::percent_decode_str;
use url::Url;

use super::query::QueryRule;

/// The URL of a request, as far as a key has it.
pub(crate) struct RequestUrl<'r> {
    pub(crate) uri: &'r Uri,
    /// The path by which the request was routed. Middleware may have rewritten it.
    pub(crate) routed_path: Option<&'r str>,
    pub(crate) query_rule: QueryRule,
}

impl RequestUrl<'_> {
    /// Returns whether a redirect leads to the path and the selected query of its own request.
    ///
    /// Stored, such a redirect would also answer the request that it leads to, and that one would be redirected for ever. One that
    /// removes what the key ignores, such as `utm_source`, is of that kind.
    ///
    /// The scheme and the host of the target are not compared. Behind a proxy that terminates TLS or sends a `Host` of its own, a
    /// handler redirects to the public URL, and the request for that arrives with the scheme and host of this one.
    pub(crate) fn is_target_of(&self, headers: &HeaderMap) -> bool {
        let Some(base) = self.base() else { return true };
        headers.get_all(LOCATION).any(|location| self.is_target(&base, location))
    }

    /// Returns the URL that references are resolved against. The host has no meaning.
    fn base(&self) -> Option<Url> {
        let path_and_query = self.uri.path_and_query().map_or("/", |target| target.as_str());
        Url::parse(&format!("http://host{path_and_query}")).ok()
    }

    fn is_target(&self, base: &Url, location: &HeaderValue) -> bool {
        // Clients follow no reference that they cannot resolve.
        let Ok(target) = base.join(&String::from_utf8_lossy(location.as_bytes())) else { return false };
        matches!(target.scheme(), "http" | "https")
            && self.has_path(base, target.path())
            && self.selects_same(target.query().unwrap_or_default())
    }

    fn has_path(&self, base: &Url, path: &str) -> bool {
        let paths = [Some(self.uri.path()), self.routed_path, Some(base.path())];
        paths.into_iter().flatten().any(|own| decoded(own) == decoded(path))
    }

    fn selects_same(&self, query: &str) -> bool {
        let own = self.uri.query().unwrap_or_default();
        match (self.query_rule.select(own), self.query_rule.select(query)) {
            (Some(own), Some(other)) => own == other,
            _ => form_urlencoded::parse(own.as_bytes()).eq(form_urlencoded::parse(query.as_bytes())),
        }
    }
}

fn decoded(path: &str) -> Cow<'_, [u8]> {
    percent_decode_str(path).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_target(uri: &str, query_rule: QueryRule, location: &[u8]) -> bool {
        let uri: Uri = uri.parse().unwrap();
        let headers = [(LOCATION, HeaderValue::from_bytes(location).unwrap())].into_iter().collect();
        RequestUrl { uri: &uri, routed_path: None, query_rule }.is_target_of(&headers)
    }

    #[test]
    fn references_are_resolved_as_clients_do() {
        let rule = QueryRule::Except(&["utm_*"]);
        for location in [
            "/a/b",
            "b",
            "./b",
            "../a/b",
            "?",
            "?utm_source=y",
            "",
            "#top",
            "/a/b#top",
            "/a/b?utm_medium=x",
            " /a/b ",
            "http://host/a/b",
            "https://public.example/a/b",
            "//public.example/a/b",
            "HTTP://HOST:80/a/b",
            "/a/%62",
            "/a/./b",
            "/a/x/../b",
            "\\a\\b",
        ] {
            assert!(is_target("/a/b?utm_source=x", rule, location.as_bytes()), "{location:?}");
        }
        for location in [
            "/a/b/",
            "/A/b",
            "/a",
            "/",
            "c",
            "/a/b?page=1",
            "?utm=1",
            "app://host/a/b",
            "mailto:a@b.example",
            "http://[",
        ] {
            assert!(!is_target("/a/b?utm_source=x", rule, location.as_bytes()), "{location:?}");
        }
        assert!(is_target("/caf%C3%A9?utm_id=1", rule, "/café".as_bytes()));
    }

    #[test]
    fn query_is_compared_as_the_key_does() {
        let only = QueryRule::Only(&["page"]);
        assert!(is_target("/?page=2&x=1", only, b"/?y=3&p%61ge=2"));
        assert!(!is_target("/?page=2", only, b"/?page=3"));
        assert!(is_target("/?b=2&a=1", QueryRule::All, b"/?b=2&a=1"));
        assert!(!is_target("/?b=2&a=1", QueryRule::All, b"/?a=1&b=2"));
        assert!(!is_target("/?x=1", QueryRule::All, b"/"));
    }
}
