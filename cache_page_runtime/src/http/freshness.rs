//! Freshness lifetime, age and stale windows of a response (RFC 9111 4.2).

use std::time::{Duration, SystemTime};

use actix_web::http::header::{AGE, DATE, EXPIRES, HeaderMap};

use super::{
    cache_control::{CacheControl, delta_seconds},
    list,
    syntax::parse_date,
};

/// How long an expired response may still be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StaleWindows {
    /// While it is revalidated or regenerated (RFC 5861 3).
    pub(crate) while_revalidate: Duration,
    /// If that fails (RFC 5861 4).
    pub(crate) if_error: Duration,
}

/// Returns the explicit freshness lifetime of a response, counted from its `Date` (RFC 9111 4.2.1), or `None` if it has none.
///
/// `s-maxage` takes precedence over `max-age`, and that over `Expires`. An `Expires` that is malformed or repeated has passed.
pub(crate) fn freshness_lifetime(
    headers: &HeaderMap,
    cache_control: &CacheControl,
    now: SystemTime,
) -> Option<Duration> {
    if let Some(seconds) = cache_control.s_maxage.or(cache_control.max_age) {
        return Some(Duration::from_secs(seconds));
    }
    let mut values = headers.get_all(EXPIRES);
    let value = values.next()?;
    let lifetime = match (values.next(), parse_date(value.as_bytes())) {
        (None, Some(expires)) => expires.duration_since(date_value(headers, now)).ok(),
        _ => None,
    };
    Some(lifetime.unwrap_or_default())
}

/// Returns the age of a response when it was received, from its `Age` and `Date` (RFC 9111 4.2.3).
///
/// A handler that forwards the response of another server may set both.
pub(crate) fn initial_age(headers: &HeaderMap, now: SystemTime) -> Duration {
    let apparent_age = now.duration_since(date_value(headers, now)).unwrap_or_default();
    // `Age` has one value. Of a list, the first member counts, and a field that is invalid then is ignored (RFC 9111 5.1).
    let age_value = list::members(headers.get_all(AGE)).next().and_then(delta_seconds);
    apparent_age.max(Duration::from_secs(age_value.unwrap_or(0)))
}

/// Returns how long a response may be sent after it expires. Its own directives take precedence over `configured`.
///
/// `s-maxage` forbids stale responses as `proxy-revalidate` does (RFC 9111 4.2.4, 5.2.2.10), unless the response itself has a
/// directive that allows them: servers often send `s-maxage` beside `stale-while-revalidate` and mean the latter.
pub(crate) fn stale_windows(cache_control: &CacheControl, configured: StaleWindows) -> StaleWindows {
    if cache_control.must_revalidate {
        return StaleWindows::default();
    }
    let window = |directive: Option<u64>, configured: Duration| match directive {
        Some(seconds) => Duration::from_secs(seconds),
        None if cache_control.s_maxage.is_some() => Duration::ZERO,
        None => configured,
    };
    StaleWindows {
        while_revalidate: window(cache_control.stale_while_revalidate, configured.while_revalidate),
        if_error: window(cache_control.stale_if_error, configured.if_error),
    }
}

/// Returns the `Date` of a response, or `now` if it has no valid one.
fn date_value(headers: &HeaderMap, now: SystemTime) -> SystemTime {
    headers.get(DATE).and_then(|value| parse_date(value.as_bytes())).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    /// Returns Sun, 06 Nov 1994 08:49:37 GMT, the date in the examples of RFC 9110.
    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
    }

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn lifetime(fields: &[(&'static str, &str)]) -> Option<u64> {
        let headers = headers(fields);
        let cache_control = CacheControl::parse(headers.get_all("cache-control"));
        freshness_lifetime(&headers, &cache_control, now()).map(|lifetime| lifetime.as_secs())
    }

    #[test]
    fn s_maxage_wins_over_max_age_and_max_age_over_expires() {
        let expires = ("expires", "Sun, 06 Nov 1994 08:49:47 GMT");
        assert_eq!(lifetime(&[]), None);
        assert_eq!(lifetime(&[("cache-control", "public")]), None);
        assert_eq!(lifetime(&[expires]), Some(10));
        assert_eq!(lifetime(&[expires, ("cache-control", "max-age=20")]), Some(20));
        assert_eq!(lifetime(&[expires, ("cache-control", "max-age=20, s-maxage=30")]), Some(30));
        assert_eq!(lifetime(&[("cache-control", "s-maxage=0, max-age=20")]), Some(0));
    }

    #[test]
    fn expires_accepts_all_date_formats_and_rejects_other_values() {
        for (value, seconds) in [
            ("Sun, 06 Nov 1994 08:49:47 GMT", 10),
            ("Sunday, 06-Nov-94 08:49:47 GMT", 10),
            ("Sun Nov  6 08:49:47 1994", 10),
            ("SUN, 06 NOV 1994 08:49:47 GMT", 10),
            ("sun, 06 nov 1994 08:49:47 gmt", 10),
            ("sUNDAY, 06-nOV-94 08:49:47 Gmt", 10),
            ("sun nov  6 08:49:47 1994", 10),
            ("Sun, 06 Nov 1994 08:49:27 GMT", 0),
            ("0", 0),
            ("-1", 0),
            ("", 0),
            ("tomorrow", 0),
        ] {
            assert_eq!(lifetime(&[("expires", value)]), Some(seconds), "{value:?}");
        }
        let expires = ("expires", "Sun, 06 Nov 1994 08:49:47 GMT");
        assert_eq!(lifetime(&[expires, expires]), Some(0));
    }

    #[test]
    fn expires_is_relative_to_the_date_of_the_response() {
        let expires = ("expires", "Sun, 06 Nov 1994 08:49:47 GMT");
        assert_eq!(lifetime(&[expires, ("date", "Sun, 06 Nov 1994 08:49:17 GMT")]), Some(30));
        assert_eq!(lifetime(&[expires, ("date", "never")]), Some(10));
    }

    #[test]
    fn response_directives_override_the_configured_stale_windows() {
        let configured =
            StaleWindows { while_revalidate: Duration::from_secs(7), if_error: Duration::from_secs(9) };
        for (value, expected) in [
            ("", (7, 9)),
            ("max-age=60", (7, 9)),
            ("max-age=60, stale-while-revalidate=30", (30, 9)),
            ("stale-if-error=30", (7, 30)),
            ("stale-while-revalidate=0, stale-if-error=0", (0, 0)),
            ("stale-while-revalidate=30, Stale-While-Revalidate=5", (5, 9)),
            ("stale-while-revalidate, stale-if-error=x", (0, 0)),
            ("must-revalidate", (0, 0)),
            ("PROXY-REVALIDATE, stale-if-error=30", (0, 0)),
            ("s-maxage=60", (0, 0)),
            ("s-maxage=60, stale-while-revalidate=30", (30, 0)),
        ] {
            let headers = headers(&[("cache-control", value)]);
            let cache_control = CacheControl::parse(headers.get_all("cache-control"));
            let StaleWindows { while_revalidate, if_error } = stale_windows(&cache_control, configured);
            assert_eq!((while_revalidate.as_secs(), if_error.as_secs()), expected, "{value:?}");
        }
    }

    #[test]
    fn initial_age_is_the_larger_of_age_and_time_since_date() {
        let age = |fields: &[_]| initial_age(&headers(fields), now()).as_secs();
        let date = ("date", "Sun, 06 Nov 1994 08:49:17 GMT");
        assert_eq!(age(&[]), 0);
        assert_eq!(age(&[("age", "7")]), 7);
        assert_eq!(age(&[date]), 20);
        assert_eq!(age(&[date, ("age", "7")]), 20);
        assert_eq!(age(&[date, ("age", "70")]), 70);
        assert_eq!(age(&[("age", "x")]), 0);
        assert_eq!(age(&[("age", "7, 70"), ("age", "80")]), 7);
        assert_eq!(age(&[("age", "0, 7200")]), 0);
        assert_eq!(age(&[("age", "0"), ("age", "7200")]), 0);
        assert_eq!(age(&[("age", "x, 7200")]), 0);
        assert_eq!(age(&[("age", ", 7200")]), 7200);
        assert_eq!(age(&[("age", "7; x=1")]), 0);
        assert_eq!(age(&[("date", "Sun, 06 Nov 1994 09:49:37 GMT")]), 0);
    }
}
