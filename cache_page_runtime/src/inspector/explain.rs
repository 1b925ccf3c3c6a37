//! Explains whether a request would be a hit, and why not.
//!
//! It sees what is stored, what the requests of late were, and the options of the cache. It does not run the application: what the arguments
//! of a handler read is only known of requests.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    http::header::{COOKIE, HeaderName, HeaderValue},
    test::TestRequest,
};

use super::{
    advice,
    explanation::{Candidate, Explanation},
};
use crate::{
    cache::PageCache,
    http::{RequestOrigin, hosts},
    observe::RecentRun,
    outcome::{Outcome, Reason},
    purge::{LocalSelector, PurgeMode, PurgeSelector, RequestSubject, StableIds, parse},
    store::{EntryInfo, Listing},
};

/// How many entries of the path are looked at.
const MAX_ENTRIES: usize = 2000;

/// How many of them are shown.
const SHOWN: usize = 20;

/// How many of the latest requests are shown.
const SHOWN_RUNS: usize = 10;

/// The request to explain.
pub(super) struct Question {
    url: String,
    request: HttpRequest,
    selector: PurgeSelector,
}

impl Question {
    /// Reads a URL, and headers with one `Name: value` in each line.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with them.
    pub(super) fn parse(url: &str, headers: &str) -> Result<Self, String> {
        let selector = parse::to_url(url).map_err(|error| error.to_string())?;
        let target = url
            .split_once("://")
            .map_or(url, |(_, rest)| rest.find(['/', '?']).map_or("/", |start| &rest[start..]));
        let target = if target.starts_with('?') { format!("/{target}") } else { target.to_owned() };
        if target.parse::<actix_web::http::Uri>().is_err() {
            return Err("the URL contains characters that must be percent-encoded".to_owned());
        }
        let mut request = TestRequest::with_uri(&target);
        if let PurgeSelector::Url { origin: Some((_, host)), .. } = &selector {
            let host = HeaderValue::from_str(host).map_err(|_| "the host is not valid".to_owned())?;
            request = request.insert_header((actix_web::http::header::HOST, host));
        }
        for line in headers.lines().filter(|line| !line.trim().is_empty()) {
            let header = line.split_once(':').and_then(|(name, value)| {
                let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
                Some((name, HeaderValue::from_str(value.trim()).ok()?))
            });
            let header = header.ok_or_else(|| "a header is not of the form `Name: value`".to_owned())?;
            request = request.append_header(header);
        }
        Ok(Self { url: url.to_owned(), request: request.to_http_request(), selector })
    }

    /// Explains how the cache would answer.
    pub(super) fn explain(&self, cache: &PageCache) -> Explanation {
        let recent = self.recent(cache);
        let mut explanation = Explanation {
            url: self.url.clone(),
            verdict: "miss",
            summary: String::new(),
            steps: Vec::new(),
            entries: self.candidates(cache),
            reasons: Vec::new(),
            handlers: Vec::new(),
            gone: recent.first().and_then(|(run, time)| self.why_gone(cache, run, *time)),
            recent,
        };
        explanation.add_handlers(cache);
        let bypass = self.check_request(cache, &mut explanation);
        let (verdict, summary) = match bypass {
            Some(reason) => {
                ("bypass", format!("The request bypasses the cache: {reason}. {}", advice::of(reason)))
            }
            None => explanation.answer(cache),
        };
        (explanation.verdict, explanation.summary) = (verdict, summary);
        explanation
    }

    /// Says why the page of a run is not in memory any more, if it was stored.
    fn why_gone(&self, cache: &PageCache, run: &RecentRun, time: Duration) -> Option<String> {
        if run.outcome != Outcome::Stored {
            return None;
        }
        let mut purge = None;
        let subject = run.policy.purge_subject(cache.ignored_query());
        let (tags, tag_error) = run.policy.expand_tags(&self.request);
        let keys =
            RequestSubject::new(&self.request, subject, run.purge_seq, StableIds::Omit).with_tags(&tags);
        let mut tag_purges = false;
        let is_purged = cache.store().purge_log().was_purged_since(run.purge_seq, |(mode, selector)| {
            tag_purges |= matches!(selector, LocalSelector::Tag(_));
            let is_match = *mode == PurgeMode::Remove && selector.matches(&keys);
            if is_match {
                purge = Some(selector.as_str());
            }
            is_match
        });
        let unknown_tags = tag_purges && tag_error.is_some();
        Some(match (purge, run.ttl) {
            (Some(kind), _) => format!("and a purge has removed it since (by {kind})."),
            (None, Some(ttl)) if time >= ttl => format!(
                "and has expired since: its TTL was {ttl:?}. A longer one, or `stale_while_revalidate`, avoids that visitors wait."
            ),
            (None, _) if is_purged || unknown_tags => {
                "and a purge may have removed it since, or it was evicted to make room.".to_owned()
            }
            (None, _) => {
                "and was evicted to make room, or removed by a purge of a tag that its handler gave it. Look at the evictions in the overview: \
                 if there are many, raise `max_bytes`."
                    .to_owned()
            }
        })
    }

    /// Returns the stored pages of the path, the nearest ones first.
    fn candidates(&self, cache: &PageCache) -> Vec<Candidate> {
        let PurgeSelector::Url { path, query, origin } = &self.selector else { return Vec::new() };
        let same_query =
            PurgeSelector::Url { path: path.clone(), query: query.clone(), origin: None }.to_local();
        let whole = PurgeSelector::Url { path: path.clone(), query: query.clone(), origin: origin.clone() };
        let (whole, path) = (whole.to_local(), PurgeSelector::Path(path.clone()).to_local());
        let mut listing = Listing::of(path);
        let (mut looked_at, mut candidates) = (0, Vec::new());
        let now = cache.clock().now();
        while let Some(batch) = cache.store().next_entries(&mut listing, now) {
            looked_at += batch.len();
            candidates.extend(batch.into_iter().map(|entry| self.compare(entry, &whole, &same_query)));
            candidates.sort_by_key(|candidate| (candidate.differs.len(), !candidate.entry.is_fresh()));
            candidates.truncate(SHOWN);
            if looked_at >= MAX_ENTRIES {
                break;
            }
        }
        candidates
    }

    /// Returns the latest requests of the path that ran a handler.
    fn recent(&self, cache: &PageCache) -> Vec<(RecentRun, Duration)> {
        let PurgeSelector::Url { path, .. } = &self.selector else { return Vec::new() };
        let (wanted, now) = (PurgeSelector::Path(path.clone()).to_local(), cache.clock().now());
        let is_same = |run: &RecentRun| parse::to_path(&run.path).is_ok_and(|path| path.to_local() == wanted);
        let runs = cache.observer().recent_runs().find(is_same, SHOWN_RUNS);
        runs.into_iter()
            .map(|run| {
                let time = now.since(run.at);
                (run, time)
            })
            .collect()
    }

    fn compare(&self, entry: EntryInfo, whole: &LocalSelector, same_query: &LocalSelector) -> Candidate {
        let mut differs = Vec::new();
        let keys = entry.purge_keys();
        match (whole.matches(keys), same_query.matches(keys)) {
            (true, _) => {}
            (false, true) => differs.push("scheme or host"),
            (false, false) => differs.push("query"),
        }
        if !entry.is_selected_by(self.request.headers()) {
            differs.push("headers in Vary");
        }
        Candidate { entry, differs }
    }

    /// Checks what keeps a request from the cache, whatever is stored.
    fn check_request(&self, cache: &PageCache, explanation: &mut Explanation) -> Option<Reason> {
        if !cache.is_enabled() {
            explanation.fail("Cache", "The cache is disabled.".to_owned());
            return Some(Reason::Disabled);
        }
        let origin = RequestOrigin::of(&self.request);
        let host = hosts::check(self.request.head(), &origin, cache.allowed_hosts());
        match (host, cache.allowed_hosts()) {
            (Err(reason), _) => {
                explanation.fail(
                    "Host",
                    format!(
                        "The host is not one of `allowed_hosts`, or is not in their spelling ({reason})."
                    ),
                );
                return Some(reason);
            }
            (Ok(()), Some(_)) => explanation.pass("Host", "The host is one of `allowed_hosts`.".to_owned()),
            (Ok(()), None) => explanation.pass("Host", "Every host may use the cache.".to_owned()),
        }
        let credentials = self.credentials(cache);
        if credentials.is_empty() {
            explanation.pass("Credentials", "The request has no header that identifies a client.".to_owned());
            return None;
        }
        let names = credentials.join(", ");
        if explanation.is_anonymous_only() {
            explanation.fail(
                "Credentials",
                format!("The request has credentials ({names}), and the page is for requests without any."),
            );
            return Some(Reason::Credentials);
        }
        explanation.pass(
            "Credentials",
            format!(
                "The request has credentials ({names}). It bypasses the cache if the handler takes `#[anonymous]` arguments or is inside a \
                 `PageCacheMiddleware`; else the page may be one of several, by the value of a `#[key]` argument."
            ),
        );
        None
    }

    /// Returns the names of the headers that identify a client.
    fn credentials(&self, cache: &PageCache) -> Vec<String> {
        let (headers, rules) = (self.request.headers(), cache.credential_headers());
        let is_credential = |name: &HeaderName| match *name == COOKIE {
            true => rules.check(headers, |name| *name != COOKIE, &[], |_| ()).is_err(),
            false => rules.contains(name),
        };
        headers.keys().filter(|name| is_credential(name)).map(ToString::to_string).collect()
    }
}
