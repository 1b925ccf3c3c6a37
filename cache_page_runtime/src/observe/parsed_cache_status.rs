//! The `Cache-Status` header of a response, parsed.

use std::fmt;

use actix_web::http::header::HeaderMap;

use super::cache_status::{CACHE_STATUS, REMOTE_HIT_DETAIL};
use crate::outcome::{Outcome, Reason};

/// What the cache reported about a request in the `Cache-Status` header of the response (RFC 9211).
///
/// If several caches added a member to the header, the last one that this crate wrote counts: it belongs to the cache
/// that is farthest from the handler.
///
/// ```
/// use actix_web::{App, HttpResponse, get, test};
/// use cache_page::{Outcome, PageCache, Reason, cache_page, testing::CacheStatus};
///
/// #[get("/login")]
/// #[cache_page(60)]
/// async fn login() -> HttpResponse {
///     HttpResponse::Ok().insert_header(("set-cookie", "session=1")).finish()
/// }
///
/// # #[actix_web::main]
/// # async fn main() {
/// let cache = PageCache::builder().build();
/// let app = test::init_service(App::new().app_data(cache).service(login)).await;
/// let request = test::TestRequest::get().uri("/login").to_request();
/// let response = test::call_service(&app, request).await;
/// let status = CacheStatus::of(response.headers());
/// assert_eq!(status.outcome(), Some(Outcome::NotStored(Reason::SetCookie)), "{status}");
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheStatus {
    /// The field lines, joined.
    header: String,
    /// The parameters of this crate's member, if there is one.
    parameters: Option<Vec<(String, Option<String>)>>,
}

impl CacheStatus {
    /// Parses the header of a response. Never fails: a header that is absent or foreign has no
    /// [`outcome`](Self::outcome).
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(CACHE_STATUS).map(|line| String::from_utf8_lossy(line.as_bytes()));
        let header = lines.collect::<Vec<_>>().join(", ");
        let parameters = header.split(',').rev().find_map(|member| {
            let mut parts = member.split(';').map(str::trim);
            (parts.next() == Some("cache_page")).then(|| parts.map(parameter).collect())
        });
        Self { header, parameters }
    }

    /// Returns the outcome of the request.
    ///
    /// [`Outcome::Revalidated`] is returned as [`Outcome::Hit`], because the header does not distinguish them. The outcome is
    /// `None` if no cache of this crate wrote the header, or if its
    /// [`cache_status`](crate::PageCacheBuilder::cache_status) is not [`Full`](crate::CacheStatusHeader::Full).
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        let reason = self.detail().and_then(reason);
        match (self.fwd(), reason) {
            (_, Some(reason @ (Reason::StaleWhileRevalidate | Reason::StaleIfError))) => {
                Some(Outcome::Stale(reason))
            }
            (None, _) if !self.has("hit") => None,
            (None, _) if self.detail() == Some(REMOTE_HIT_DETAIL) => Some(Outcome::RemoteHit),
            (None, _) => self.detail().is_none().then_some(Outcome::Hit),
            (Some(_), _) if self.has("collapsed") => Some(Outcome::Collapsed),
            // The detail of a stored response is an error of the remote store.
            (Some(_), _) if self.has("stored") => Some(Outcome::Stored),
            (Some("method"), None) => Some(Outcome::Bypass(Reason::Method)),
            (Some(_), Some(Reason::OnlyIfCached)) => Some(Outcome::Bypass(Reason::OnlyIfCached)),
            (Some("bypass"), Some(reason)) => Some(Outcome::Bypass(reason)),
            (Some(_), Some(reason)) => Some(Outcome::NotStored(reason)),
            (Some(_), None) => None,
        }
    }

    /// Returns why the cache did not answer the request: the `fwd` parameter (RFC 9211 2.2), for example `miss`.
    #[must_use]
    pub fn fwd(&self) -> Option<&str> {
        self.value("fwd")
    }

    /// Returns the status of the handler's response if another response was sent: the `fwd-status` parameter.
    #[must_use]
    pub fn fwd_status(&self) -> Option<u16> {
        self.value("fwd-status")?.parse().ok()
    }

    /// Returns the remaining freshness lifetime in seconds: the `ttl` parameter, which is negative for a stale response.
    #[must_use]
    pub fn ttl(&self) -> Option<i64> {
        self.value("ttl")?.parse().ok()
    }

    /// Returns the `detail` parameter: a [`Reason`], `remote`, or an error of the remote store.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.value("detail")
    }

    /// Returns the header as it was sent, its field lines joined. It is empty if there is none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.header
    }

    fn value(&self, name: &str) -> Option<&str> {
        let mut parameters = self.parameters.as_ref()?.iter();
        parameters.find(|(key, _)| key == name)?.1.as_deref()
    }

    fn has(&self, name: &str) -> bool {
        self.parameters.iter().flatten().any(|(key, value)| key == name && value.is_none())
    }
}

fn parameter(text: &str) -> (String, Option<String>) {
    match text.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (text.to_owned(), None),
    }
}

fn reason(token: &str) -> Option<Reason> {
    Reason::ALL.iter().copied().find(|reason| reason.as_str() == token)
}

/// Explains the outcome in a sentence.
impl fmt::Display for CacheStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fwd = self.fwd().unwrap_or_default();
        match self.outcome() {
            Some(Outcome::Hit | Outcome::Revalidated) => f.write_str("a fresh stored response was served"),
            Some(Outcome::RemoteHit) => f.write_str("a fresh response was served from the remote store"),
            Some(Outcome::Collapsed) => f.write_str("the response of a concurrent request was served"),
            Some(Outcome::Stale(reason)) => write!(f, "a stale response was served: {}", reason.as_str()),
            Some(Outcome::Stored) => write!(f, "the handler ran and its response was stored (fwd={fwd})"),
            Some(Outcome::NotStored(Reason::Streamed)) => {
                write!(f, "the handler ran and its response is stored once the body is complete (fwd={fwd})")
            }
            Some(Outcome::NotStored(reason)) => {
                write!(f, "the handler ran and its response was not stored: {} (fwd={fwd})", reason.as_str())
            }
            Some(Outcome::Bypass(Reason::Method)) => {
                f.write_str("the request bypassed the cache: its method is neither GET nor HEAD")
            }
            Some(Outcome::Bypass(Reason::OnlyIfCached)) => {
                f.write_str("the handler did not run: the client accepts only a stored response")
            }
            Some(Outcome::Bypass(reason)) => {
                write!(f, "the request bypassed the cache: {}", reason.as_str())
            }
            None if self.header.is_empty() => f.write_str(
                "there is no Cache-Status header: the handler is not cached, or the cache's `cache_status` is \
                 `CacheStatusHeader::Off`, or the response is not a cached handler's (but a middleware's, an \
                 extractor's error, or the router's 404)",
            ),
            None if self.fwd().is_some() => write!(
                f,
                "the Cache-Status header is incomplete (fwd={fwd}): the cache's `cache_status` must be \
                 `CacheStatusHeader::Full`"
            ),
            None => f.write_str(
                "only other caches wrote the Cache-Status header: is the handler cached, and the cache's \
                 `cache_status` not `CacheStatusHeader::Off`?",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::{HttpResponse, http::StatusCode};

    use super::*;
    use crate::{observe::Report, outcome::ForwardReason};

    fn parse(lines: &[&str]) -> CacheStatus {
        let mut response = HttpResponse::Ok();
        for line in lines {
            response.append_header((CACHE_STATUS, *line));
        }
        CacheStatus::of(response.finish().headers())
    }

    /// Returns the reports of one outcome that the runtime can write, with every `fwd` and with and without a TTL.
    fn reports(outcome: Outcome) -> Vec<Report> {
        let all =
            [ForwardReason::Miss, ForwardReason::VaryMiss, ForwardReason::Stale, ForwardReason::Request]
                .map(Some);
        let forwards = match outcome {
            Outcome::Hit | Outcome::Revalidated | Outcome::RemoteHit | Outcome::Bypass(_) => &[None][..],
            Outcome::Stale(_) => &[None, Some(ForwardReason::Miss), Some(ForwardReason::Stale)],
            _ => &all,
        };
        let staleness = matches!(outcome, Outcome::Stale(_)).then_some(Duration::from_secs(5));
        let has_page = !matches!(outcome, Outcome::NotStored(_) | Outcome::Bypass(_));
        let mut reports = Vec::new();
        for &forward_reason in forwards {
            let upstream_status = staleness.and(forward_reason).map(|_| StatusCode::BAD_GATEWAY);
            for ttl in [None, has_page.then_some(Duration::from_secs(60))] {
                reports.push(Report {
                    forward_reason,
                    ttl,
                    staleness,
                    upstream_status,
                    ..Report::of(outcome)
                });
            }
        }
        reports
    }

    /// Returns whether a request can have this outcome.
    fn is_possible(outcome: Outcome) -> bool {
        let is_stale = |reason| matches!(reason, Reason::StaleWhileRevalidate | Reason::StaleIfError);
        match outcome {
            Outcome::Stale(reason) => is_stale(reason),
            Outcome::NotStored(Reason::Method | Reason::OnlyIfCached) => false,
            Outcome::NotStored(reason) | Outcome::Bypass(reason) => !is_stale(reason),
            _ => true,
        }
    }

    #[test]
    fn outcome_of_every_written_report_is_parsed() {
        for outcome in Outcome::all().filter(|outcome| is_possible(*outcome)) {
            let expected = if outcome == Outcome::Revalidated { Outcome::Hit } else { outcome };
            for report in reports(outcome) {
                let status = parse(&[&report.to_string()]);
                assert_eq!(status.outcome(), Some(expected), "{report}");
                assert_eq!(
                    status.fwd_status(),
                    report.upstream_status.map(|status| status.as_u16()),
                    "{report}"
                );
                let stale_ttl = report.staleness.map(|_| -5);
                assert_eq!(status.ttl(), stale_ttl.or(report.ttl.map(|_| 60)), "{report}");
            }
        }
    }

    #[test]
    fn outcome_is_explained_in_a_sentence() {
        for (line, sentence) in [
            ("hit; ttl=42", "a fresh stored response was served"),
            ("hit", "a fresh stored response was served"),
            ("hit; ttl=42; detail=remote", "a fresh response was served from the remote store"),
            ("fwd=miss; collapsed; ttl=60", "the response of a concurrent request was served"),
            (
                "hit; ttl=-5; detail=stale-while-revalidate",
                "a stale response was served: stale-while-revalidate",
            ),
            (
                "fwd=stale; fwd-status=503; ttl=-5; detail=stale-if-error",
                "a stale response was served: stale-if-error",
            ),
            ("fwd=miss; stored; ttl=60", "the handler ran and its response was stored (fwd=miss)"),
            (
                "fwd=miss; stored; ttl=60; detail=remote-unavailable",
                "the handler ran and its response was stored (fwd=miss)",
            ),
            (
                "fwd=miss; detail=streamed",
                "the handler ran and its response is stored once the body is complete (fwd=miss)",
            ),
            (
                "fwd=vary-miss; detail=set-cookie",
                "the handler ran and its response was not stored: set-cookie (fwd=vary-miss)",
            ),
            ("fwd=bypass; detail=credentials", "the request bypassed the cache: credentials"),
            ("fwd=method", "the request bypassed the cache: its method is neither GET nor HEAD"),
            (
                "fwd=bypass; detail=only-if-cached",
                "the handler did not run: the client accepts only a stored response",
            ),
        ] {
            assert_eq!(parse(&[&format!("cache_page; {line}")]).to_string(), sentence, "{line}");
        }
    }

    #[test]
    fn outcome_is_unknown_if_the_header_is_incomplete_or_foreign() {
        for (lines, explanation) in [
            (&[][..], "CacheStatusHeader::Off"),
            (&["cache_page; fwd=miss"], "CacheStatusHeader::Full"),
            (&["cache_page; fwd=stale"], "CacheStatusHeader::Full"),
            (&["ExampleCache; hit; ttl=5"], "only other caches"),
            (&["cache_page"], "only other caches"),
            (&["cache_pages; hit"], "only other caches"),
        ] {
            let status = parse(lines);
            assert_eq!(status.outcome(), None, "{lines:?}");
            assert!(status.to_string().contains(explanation), "{lines:?}: {status}");
        }
    }

    #[test]
    fn last_member_of_this_crate_counts() {
        for (lines, outcome) in [
            (
                &["Origin; fwd=miss; stored", "cache_page; fwd=miss; stored; ttl=5", "cache_page; hit"][..],
                Outcome::Hit,
            ),
            (&["cache_page; hit; ttl=5, cache_page; fwd=miss; stored", "Edge;hit;ttl=5"], Outcome::Stored),
            (&["Origin; hit", "cache_page; fwd=method"], Outcome::Bypass(Reason::Method)),
        ] {
            assert_eq!(parse(lines).outcome(), Some(outcome), "{lines:?}");
        }
    }
}
