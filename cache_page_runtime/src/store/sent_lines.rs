//! [`SentLines`]: the headers of a hit that change from second to second.

use http::HeaderValue;

use super::entry::Entry;
use crate::time::Instant;

const SECOND: u64 = 1_000_000_000;

/// The values of `Age` and `Cache-Status` with which a page is sent until the next second.
pub(crate) struct SentLines {
    pub(crate) age: HeaderValue,
    /// `None` if the cache sends no `Cache-Status`.
    pub(crate) cache_status: Option<HeaderValue>,
    /// When one of the values changes.
    until: Instant,
}

impl SentLines {
    /// Remembers the values with which a fresh entry is sent at `now`.
    pub(crate) fn new(
        entry: &Entry,
        now: Instant,
        age: HeaderValue,
        cache_status: Option<HeaderValue>,
    ) -> Self {
        Self { age, cache_status, until: entry.next_second(now) }
    }

    /// Returns whether a fresh entry has these values now.
    #[inline]
    pub(crate) fn are_current(&self, now: Instant) -> bool {
        now < self.until
    }
}

impl Entry {
    /// Returns when the age, which is rounded down to seconds, or the remaining lifetime, which is rounded up, changes next.
    fn next_second(&self, now: Instant) -> Instant {
        let until_older = SECOND - u64::from(self.age(now).subsec_nanos());
        let until_less = self.ttl(now).map(|ttl| match u64::from(ttl.subsec_nanos()) {
            0 => SECOND,
            left => left,
        });
        let wait = until_less.map_or(until_older, |until_less| until_less.min(until_older));
        Instant::from_nanos(now.as_nanos().saturating_add(wait))
    }
}
