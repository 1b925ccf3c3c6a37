//! How long a response may be kept, and how old it is when it is made (RFC 9111 4.2).

use std::time::{Duration, SystemTime};

use actix_web::http::header::{AGE, DATE, EXPIRES, HeaderMap};

use super::{
    cache_control::{CacheControl, delta_seconds},
    list,
    syntax::parse_date,
};

/// For how long from its `Date` a response is fresh by the handler's own word; `None` if it says nothing.
///
/// `s-maxage` wins over `max-age`, and that over `Expires`. What cannot be read is over already.
pub(crate) fn explicit_lifetime(
    headers: &HeaderMap,
    directives: &CacheControl,
    now: SystemTime,
) -> Option<Duration> {
    if let Some(seconds) = directives.s_maxage.or(directives.max_age) {
        return Some(Duration::from_secs(seconds));
    }
    let mut lines = headers.get_all(EXPIRES);
    let line = lines.next()?;
    let lifetime = match (lines.next(), parse_date(line.as_bytes())) {
        (None, Some(expires)) => expires.duration_since(made_at(headers, now)).ok(),
        _ => None,
    };
    Some(lifetime.unwrap_or_default())
}

/// For how long after its time a page may still be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StaleWindows {
    /// While it is made anew (RFC 5861 3).
    pub(crate) while_revalidate: Duration,
    /// Where making it anew fails (RFC 5861 4).
    pub(crate) if_error: Duration,
}

/// What the handler itself says of a stale page wins over the attribute, which says `allowed`.
///
/// `s-maxage` forbids it as `proxy-revalidate` does (RFC 9111 4.2.4, 5.2.2.10), to all but a handler that says in the same
/// response how long it may be.
pub(crate) fn stale(directives: &CacheControl, allowed: StaleWindows) -> StaleWindows {
    if directives.must_revalidate {
        return StaleWindows::default();
    }
    let window = |said: Option<u64>, allowed: Duration| match said {
        Some(seconds) => Duration::from_secs(seconds),
        None if directives.s_maxage.is_some() => Duration::ZERO,
        None => allowed,
    };
    StaleWindows {
        while_revalidate: window(directives.stale_while_revalidate, allowed.while_revalidate),
        if_error: window(directives.stale_if_error, allowed.if_error),
    }
}

/// How old a response is already: a handler that fetches it from elsewhere may pass on `Age` and `Date`
/// (RFC 9111 4.2.3).
pub(crate) fn initial_age(headers: &HeaderMap, now: SystemTime) -> Duration {
    let apparent = now.duration_since(made_at(headers, now)).unwrap_or_default();
    // A proxy that adds a second `Age` may have joined the values to a list.
    let stated = list::members(headers.get_all(AGE)).filter_map(delta_seconds).max();
    apparent.max(Duration::from_secs(stated.unwrap_or(0)))
}

/// The handler's own `Date`, else now.
fn made_at(headers: &HeaderMap, now: SystemTime) -> SystemTime {
    headers.get(DATE).and_then(|line| parse_date(line.as_bytes())).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT, the date of the RFC's examples.
    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn lifetime(lines: &[(&'static str, &str)]) -> Option<u64> {
        let headers = headers(lines);
        let directives = CacheControl::parse(headers.get_all("cache-control"));
        explicit_lifetime(&headers, &directives, now()).map(|lifetime| lifetime.as_secs())
    }

    #[test]
    fn the_more_specific_word_wins() {
        let expires = ("expires", "Sun, 06 Nov 1994 08:49:47 GMT");
        assert_eq!(lifetime(&[]), None);
        assert_eq!(lifetime(&[("cache-control", "public")]), None);
        assert_eq!(lifetime(&[expires]), Some(10));
        assert_eq!(lifetime(&[expires, ("cache-control", "max-age=20")]), Some(20));
        assert_eq!(lifetime(&[expires, ("cache-control", "max-age=20, s-maxage=30")]), Some(30));
        assert_eq!(lifetime(&[("cache-control", "s-maxage=0, max-age=20")]), Some(0));
    }

    #[test]
    fn expires_is_read_in_all_formats_and_strictly() {
        for (value, seconds) in [
            ("Sun, 06 Nov 1994 08:49:47 GMT", 10),
            ("Sunday, 06-Nov-94 08:49:47 GMT", 10),
            ("Sun Nov  6 08:49:47 1994", 10),
            ("Sun, 06 Nov 1994 08:49:27 GMT", 0),
            ("0", 0),
            ("-1", 0),
            ("", 0),
            ("tomorrow", 0),
        ] {
            assert_eq!(lifetime(&[("expires", value)]), Some(seconds), "{value:?}");
        }
        let twice = ("expires", "Sun, 06 Nov 1994 08:49:47 GMT");
        assert_eq!(lifetime(&[twice, twice]), Some(0));
    }

    #[test]
    fn expires_counts_from_the_handlers_own_date() {
        let expires = ("expires", "Sun, 06 Nov 1994 08:49:47 GMT");
        assert_eq!(lifetime(&[expires, ("date", "Sun, 06 Nov 1994 08:49:17 GMT")]), Some(30));
        assert_eq!(lifetime(&[expires, ("date", "never")]), Some(10));
    }

    #[test]
    fn a_handler_forbids_or_allows_stale_pages_and_the_attribute_fills_in() {
        let allowed =
            StaleWindows { while_revalidate: Duration::from_secs(7), if_error: Duration::from_secs(9) };
        for (line, windows) in [
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
            let headers = headers(&[("cache-control", line)]);
            let windows_of = stale(&CacheControl::parse(headers.get_all("cache-control")), allowed);
            let StaleWindows { while_revalidate, if_error } = windows_of;
            assert_eq!((while_revalidate.as_secs(), if_error.as_secs()), windows, "{line:?}");
        }
    }

    #[test]
    fn age_is_the_larger_of_what_is_stated_and_what_the_date_shows() {
        let age = |lines: &[_]| initial_age(&headers(lines), now()).as_secs();
        let date = ("date", "Sun, 06 Nov 1994 08:49:17 GMT");
        assert_eq!(age(&[]), 0);
        assert_eq!(age(&[("age", "7")]), 7);
        assert_eq!(age(&[date]), 20);
        assert_eq!(age(&[date, ("age", "7")]), 20);
        assert_eq!(age(&[date, ("age", "70")]), 70);
        assert_eq!(age(&[("age", "x")]), 0);
        assert_eq!(age(&[("age", "7, 70"), ("age", "8")]), 70);
        assert_eq!(age(&[("date", "Sun, 06 Nov 1994 09:49:37 GMT")]), 0);
    }
}
