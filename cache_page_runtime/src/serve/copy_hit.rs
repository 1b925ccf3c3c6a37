//! Hits on this worker's own copy of an entry.

use actix_web::HttpResponse;

use super::{
    hit::{outcome_of, select},
    lookup::Lookup,
};
use crate::{
    http::header_cache,
    observe::Report,
    outcome::Outcome,
    page::EncodingChoice,
    store::{Entry, SentLines, local_copies},
    time::Instant,
};

impl Lookup<'_> {
    /// Answers the request from this worker's copy of the entry, if there is one.
    #[inline]
    pub(super) fn respond_from_copy(&self, now: Instant) -> Option<HttpResponse> {
        // Request directives need the stored entry, and so does a process that does not hear of purges.
        let remote = self.cache.remote();
        if self.directives.is_some()
            || remote.is_some_and(|remote| !remote.is_consistent(self.cache.clock(), now))
        {
            return None;
        }
        let key = self.cache_key()?;
        let (response, outcome, age) = local_copies::with(self.cache.store(), key, now, |entry, lines| {
            let (request, page) = (self.request, &entry.page);
            // An early refresh needs the stored entry too.
            if !self.can_decode(entry) || self.cache.timeouts().refresh_ahead && entry.may_refresh_early(now)
            {
                return None;
            }
            let encoded = match page.choose_encoding(request.headers()) {
                // A copy is not encoded: the stored entry may have the body already.
                Some(EncodingChoice { wanted: Some(_), .. }) => return None,
                choice => choice.and_then(|choice| choice.encoded),
            };
            let lines = match lines {
                Some(lines) if lines.are_current(now) => lines,
                lines => lines.insert(self.lines(entry, now)),
            };
            let selection = select(page, request, self.names);
            let age = lines.age.clone();
            let mut response = page.to_response(&selection, encoded.as_deref(), request.headers(), age);
            if let Some(value) = &lines.cache_status {
                Report::append_header(value.clone(), response.headers_mut());
            }
            Some((response, outcome_of(Outcome::Hit, &selection), entry.age(now)))
        })?;
        self.policy.call_on_hit(self.request);
        let report = Report { age: Some(age), ..Report::of(outcome) };
        report.log(self.cache.observer(), self.policy.handler_id());
        Some(response)
    }

    /// Returns the values with which an entry is sent in this second, in full or by a 304.
    #[cold]
    fn lines(&self, entry: &Entry, now: Instant) -> SentLines {
        let freshness = entry.freshness(now);
        let report = Report::of_page(Outcome::Hit, freshness);
        let cache_status = report.header_value(self.cache.observer().cache_status());
        SentLines::new(entry, now, header_cache::age(freshness.age), cache_status)
    }
}
