//! A response of a test application, and assertions on it.

use std::{fmt, io::Read as _};

use actix_web::{
    http::header::{HeaderMap, HeaderName},
    web::Bytes,
};
use cache_page::{Outcome, Reason, testing::CacheStatus};

/// A response, read to its end. Every assertion that fails shows the request and the response.
#[derive(Clone)]
pub(crate) struct TestResponse {
    request: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    cache_status: CacheStatus,
}

impl TestResponse {
    pub(super) fn new(request: String, status: u16, headers: HeaderMap, body: Bytes) -> Self {
        let cache_status = CacheStatus::of(&headers);
        Self { request, status, headers, body, cache_status }
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    /// Returns the text of the body as the client sees it.
    pub(crate) fn decoded(&self) -> String {
        let (body, mut text) = (&self.body[..], String::new());
        let read = match self.header("content-encoding").as_deref() {
            None => return self.text().to_owned(),
            Some("gzip") => flate2::read::GzDecoder::new(body).read_to_string(&mut text),
            Some("br") => brotli::Decompressor::new(body, 4096).read_to_string(&mut text),
            Some("zstd") => {
                zstd::Decoder::new(body).and_then(|mut decoder| decoder.read_to_string(&mut text))
            }
            Some(other) => panic!("no client accepts {other}: {self:?}"),
        };
        read.unwrap_or_else(|error| panic!("{error}: {self:?}"));
        text
    }

    /// Returns the lines of a header, joined.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let lines: Vec<_> = self.headers.get_all(name).map(|line| line.to_str().expect("ASCII")).collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    }

    /// Returns the names of the headers, sorted.
    pub(crate) fn header_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Returns the header lines that a hit repeats: all but `Age` and `Cache-Status`, sorted by name.
    pub(crate) fn stored_headers(&self) -> Vec<(String, Vec<u8>)> {
        let mut lines: Vec<_> = (self.headers.iter())
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .filter(|(name, _)| !["age", "cache-status"].contains(&name.as_str()))
            .collect();
        // The sort is stable: lines of one name stay in their order.
        lines.sort_by(|(one, _), (other, _)| one.cmp(other));
        lines
    }

    pub(crate) fn cache_status(&self) -> &CacheStatus {
        &self.cache_status
    }

    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.cache_status.outcome()
    }

    pub(crate) fn is_hit(&self) -> bool {
        self.outcome() == Some(Outcome::Hit)
    }

    pub(crate) fn is_stored(&self) -> bool {
        self.outcome() == Some(Outcome::Stored)
    }
}

/// Assertions on the outcome.
impl TestResponse {
    #[track_caller]
    pub(crate) fn assert_outcome(&self, expected: Outcome) -> &Self {
        let found = self.outcome();
        assert!(found == Some(expected), "expected {expected:?}, but {}\n{self:?}", self.cache_status);
        self
    }

    /// A fresh page was sent from memory, or a 304 for it.
    #[track_caller]
    pub(crate) fn assert_hit(&self) -> &Self {
        self.assert_outcome(Outcome::Hit)
    }

    /// A fresh page was sent from the remote store.
    #[track_caller]
    pub(crate) fn assert_remote_hit(&self) -> &Self {
        self.assert_outcome(Outcome::RemoteHit)
    }

    /// The page of a concurrent request was sent.
    #[track_caller]
    pub(crate) fn assert_collapsed(&self) -> &Self {
        self.assert_outcome(Outcome::Collapsed).assert_detail(None)
    }

    /// A stale page was sent.
    #[track_caller]
    pub(crate) fn assert_stale(&self, reason: Reason) -> &Self {
        self.assert_outcome(Outcome::Stale(reason))
    }

    /// The handler ran, and no error of the remote store is reported.
    #[track_caller]
    pub(crate) fn assert_stored(&self) -> &Self {
        self.assert_outcome(Outcome::Stored).assert_detail(None)
    }

    #[track_caller]
    pub(crate) fn assert_not_stored(&self, reason: Reason) -> &Self {
        self.assert_outcome(Outcome::NotStored(reason))
    }

    #[track_caller]
    pub(crate) fn assert_bypass(&self, reason: Reason) -> &Self {
        self.assert_outcome(Outcome::Bypass(reason))
    }

    /// The handler ran, whatever became of its response.
    #[track_caller]
    pub(crate) fn assert_miss(&self) -> &Self {
        let is_miss =
            matches!(self.outcome(), Some(Outcome::Stored | Outcome::NotStored(_) | Outcome::Bypass(_)))
                && self.outcome() != Some(Outcome::Bypass(Reason::OnlyIfCached));
        assert!(is_miss, "expected a miss, but {}\n{self:?}", self.cache_status);
        self
    }

    /// Checks why the handler ran: `miss`, `vary-miss`, `stale`, `request`, `bypass` or `method`.
    #[track_caller]
    pub(crate) fn assert_fwd(&self, expected: &str) -> &Self {
        assert!(self.cache_status.fwd() == Some(expected), "expected fwd={expected}\n{self:?}");
        self
    }

    /// Checks the status of the handler's response where another one was sent.
    #[track_caller]
    pub(crate) fn assert_fwd_status(&self, expected: u16) -> &Self {
        assert!(self.cache_status.fwd_status() == Some(expected), "expected fwd-status={expected}\n{self:?}");
        self
    }

    /// Checks the remaining freshness lifetime in seconds.
    #[track_caller]
    pub(crate) fn assert_ttl(&self, expected: impl Into<Option<i64>>) -> &Self {
        let expected = expected.into();
        assert!(self.cache_status.ttl() == expected, "expected a TTL of {expected:?}\n{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn assert_detail<'d>(&self, expected: impl Into<Option<&'d str>>) -> &Self {
        let expected = expected.into();
        assert!(self.cache_status.detail() == expected, "expected the detail {expected:?}\n{self:?}");
        self
    }
}

/// Assertions on everything else.
impl TestResponse {
    #[track_caller]
    pub(crate) fn assert_status(&self, expected: u16) -> &Self {
        assert!(self.status == expected, "expected the status {expected}\n{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn assert_body(&self, expected: impl AsRef<[u8]>) -> &Self {
        let expected = expected.as_ref();
        let text = String::from_utf8_lossy(expected);
        assert!(self.body == expected, "expected the body {text:?}\n{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn assert_header(&self, name: &str, expected: &str) -> &Self {
        assert!(self.header(name).as_deref() == Some(expected), "expected {name}: {expected}\n{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn assert_no_header(&self, name: &str) -> &Self {
        assert!(self.header(name).is_none(), "expected no {name}\n{self:?}");
        self
    }

    /// Checks the `Age` header, in seconds.
    #[track_caller]
    pub(crate) fn assert_age(&self, seconds: u64) -> &Self {
        self.assert_header("age", &seconds.to_string())
    }
}

impl fmt::Debug for TestResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  request: {}", self.request)?;
        writeln!(f, "  response: {}", self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "    {name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
        }
        let body = String::from_utf8_lossy(&self.body);
        match body.char_indices().nth(200) {
            Some((end, _)) => write!(f, "    {:?} and {} more bytes", &body[..end], body.len() - end),
            None => write!(f, "    {body:?}"),
        }
    }
}
