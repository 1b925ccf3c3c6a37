//! The site whose pages are requested.

use actix_web::http::Uri;
use url::Url;

/// The scheme and the host of a site.
#[derive(Clone, Debug)]
pub(super) struct Site(Url);

impl Site {
    /// # Errors
    ///
    /// Fails with a sentence for the author of the program.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let is_site = |url: &Url| {
            let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
            let is_http = matches!(url.scheme(), "http" | "https");
            is_http && is_bare && url.has_host() && url.username().is_empty() && url.password().is_none()
        };
        Url::parse(text).ok().filter(is_site).map(Self).ok_or_else(|| {
            "not a site: write its scheme and host, as in `https://www.example.com`".to_owned()
        })
    }

    pub(super) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Returns the value of the `Host` header: the host, and the port if it is not the default one.
    pub(super) fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Returns the path and the query of a page, which is a path or a URL of this site.
    ///
    /// # Errors
    ///
    /// Fails with the reason why the page cannot be requested.
    pub(super) fn path_of(&self, page: &str) -> Result<String, String> {
        let is_path = page.starts_with('/') && !page.starts_with("//");
        let url = if is_path { self.0.join(page) } else { Url::parse(page) };
        let url = url.map_err(|_| "not a path or a URL".to_owned())?;
        if url.origin() != self.0.origin() {
            return Err(format!("not a page of {}", self.0));
        }
        // A path that can be sent as it is written has a key of its own: `/a/../b`, `/%7E`.
        let written = page.split('#').next().unwrap_or_default();
        if is_path && written.parse::<Uri>().is_ok() {
            return Ok(written.to_owned());
        }
        let path =
            url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        path.parse::<Uri>().map(|_| path).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn site_is_a_scheme_and_a_host() {
        for text in ["https://www.example.com", "http://example.com:8080/", "https://[::1]"] {
            Site::parse(text).unwrap();
        }
        for text in
            ["", "example.com", "ftp://example.com", "https://a.example/b", "https://u:p@a.example", "/"]
        {
            Site::parse(text).unwrap_err();
        }
        let site = Site::parse("https://Example.com:443").unwrap();
        assert_eq!((site.host(), site.is_https()), ("example.com".to_owned(), true));
        assert_eq!(Site::parse("http://a.example:8080").unwrap().host(), "a.example:8080");
    }

    #[test]
    fn page_is_a_path_or_a_url_of_the_site() {
        let site = Site::parse("https://a.example").unwrap();
        for (text, target) in [
            ("/", "/"),
            ("/posts?page=2#top", "/posts?page=2"),
            ("/a/../b", "/a/../b"),
            ("/%7Eme", "/%7Eme"),
            ("/grüße", "/gr%C3%BC%C3%9Fe"),
            ("/a b", "/a%20b"),
            ("https://a.example", "/"),
            ("https://A.example:443/posts?q=%20", "/posts?q=%20"),
        ] {
            assert_eq!(site.path_of(text).unwrap(), target, "{text}");
        }
        let long = format!("/{}", "a".repeat(70_000));
        for text in [&long, "", "posts", "//b.example/", "https://b.example/", "http://a.example/"] {
            site.path_of(text).unwrap_err();
        }
    }
}
