//! `Cache-Control` for downstream caches (browsers, proxies and CDNs), where the handler sent none.

use std::time::Duration;

use actix_web::http::header::HeaderValue;

/// Which downstream caches may answer with a response without asking this server. Options say for how long, else its TTL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// All of them.
    All,
    /// Shared caches, which tell visitors apart by `Vary`. A browser asks each time: its user may have logged in or out since.
    Shared,
    /// None of them, because no purge reaches them.
    Revalidated,
}

/// How long downstream caches may use a response, where an option says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DownstreamTtls {
    /// For all caches, or for browsers alone where `cdn` is given.
    pub(crate) browser: Option<Duration>,
    /// For shared caches.
    pub(crate) cdn: Option<Duration>,
}

impl Reuse {
    pub(crate) const ALL: [Self; 3] = [Self::All, Self::Shared, Self::Revalidated];
}

/// Returns the field value for a response with this TTL. No downstream cache uses a response without expiry unless an option says so.
pub(crate) fn cache_control(
    reuse: Reuse,
    ttl: Option<Duration>,
    given: DownstreamTtls,
) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    let reuse = if ttl.is_none() { Reuse::Revalidated } else { reuse };
    let own = ttl.unwrap_or_default();
    match (given.browser, given.cdn, reuse) {
        (None, None, Reuse::Revalidated) => Ok(HeaderValue::from_static("no-cache")),
        (None, None, Reuse::All) => max_age(own),
        (Some(browser), None, _) => max_age(browser),
        (None, None, Reuse::Shared) => s_maxage(Duration::ZERO, own),
        (None, Some(cdn), Reuse::All) => s_maxage(own, cdn),
        (browser, Some(cdn), _) => s_maxage(browser.unwrap_or_default(), cdn),
    }
}

fn max_age(ttl: Duration) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    HeaderValue::try_from(format!("max-age={}", seconds(ttl)))
}

/// In a browser, `max-age=0` has the effect of `no-cache`, which some shared caches take for themselves in spite of `s-maxage`.
fn s_maxage(browser: Duration, shared: Duration) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    HeaderValue::try_from(format!("max-age={}, s-maxage={}", seconds(browser), seconds(shared)))
}

/// Caches treat numbers that are larger than a year differently (RFC 9111 1.2.2).
fn seconds(ttl: Duration) -> u64 {
    const YEAR: u64 = 365 * 24 * 60 * 60;

    ttl.as_secs().min(YEAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Option<Duration> = Some(Duration::from_secs(60));

    fn sent(reuse: Reuse, ttl: Option<Duration>, browser: Option<u64>, cdn: Option<u64>) -> String {
        let given =
            DownstreamTtls { browser: browser.map(Duration::from_secs), cdn: cdn.map(Duration::from_secs) };
        cache_control(reuse, ttl, given).unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn default_depends_on_who_may_reuse_the_response() {
        assert_eq!(sent(Reuse::All, MINUTE, None, None), "max-age=60");
        assert_eq!(sent(Reuse::Shared, MINUTE, None, None), "max-age=0, s-maxage=60");
        assert_eq!(sent(Reuse::Revalidated, MINUTE, None, None), "no-cache");
    }

    #[test]
    fn response_without_expiry_is_revalidated() {
        for reuse in Reuse::ALL {
            assert_eq!(sent(reuse, None, None, None), "no-cache");
            assert_eq!(sent(reuse, None, None, Some(10)), "max-age=0, s-maxage=10");
        }
    }

    #[test]
    fn options_are_sent_as_given() {
        for reuse in Reuse::ALL {
            assert_eq!(sent(reuse, MINUTE, Some(10), None), "max-age=10");
            assert_eq!(sent(reuse, MINUTE, Some(10), Some(300)), "max-age=10, s-maxage=300");
            let browser = if reuse == Reuse::All { 60 } else { 0 };
            assert_eq!(sent(reuse, MINUTE, None, Some(300)), format!("max-age={browser}, s-maxage=300"));
        }
    }

    #[test]
    fn lifetime_is_at_most_a_year() {
        let long = Some(Duration::MAX);
        assert_eq!(sent(Reuse::All, long, None, None), "max-age=31536000");
        assert_eq!(sent(Reuse::All, long, None, Some(u64::MAX)), "max-age=31536000, s-maxage=31536000");
    }
}
