//! Explains whether a request would be a hit, and why not.
//!
//! It sees what is stored, what the requests of late were, and the options of the cache. It does not run the application: what the arguments
//! of a handler read is only known of requests.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    http::header::{COOKIE, HeaderName, HeaderValue, VARY},
    test::TestRequest,
};
use serde_json::{Value, json};

use super::{
    advice, entries, handlers,
    overview::{ReasonCount, reason_json},
};
use crate::{
    cache::PageCache,
    http::{RequestOrigin, hosts},
    observe::RecentRun,
    outcome::{ForwardReason, Outcome, Reason},
    purge::{LocalSelector, PurgeSelector, parse},
    store::{EntryInfo, Listing},
};

/// How many entries of the path are looked at.
const MAX_ENTRIES: usize = 2000;

/// How many of them are shown.
const SHOWN: usize = 20;

/// How many of the latest requests are shown.
const SHOWN_RUNS: usize = 10;

/// How a request of a URL would be answered, as far as it can be known.
pub(super) struct Explanation {
    pub(super) url: String,
    /// `hit`, `stale`, `miss` or `bypass`.
    pub(super) verdict: &'static str,
    pub(super) summary: String,
    /// What was looked at, in the order of a request.
    pub(super) steps: Vec<Step>,
    /// Pages of the same path, the nearest ones first.
    pub(super) entries: Vec<Candidate>,
    /// Why the handlers of the path bypassed the cache or did not store, the most frequent reasons first.
    pub(super) reasons: Vec<(&'static str, ReasonCount)>,
    /// The latest requests of the path that ran a handler, with the time since then.
    pub(super) recent: Vec<(RecentRun, Duration)>,
}

/// One thing that decides about a request.
pub(super) struct Step {
    pub(super) title: &'static str,
    pub(super) passes: bool,
    pub(super) text: String,
}

/// A stored page of the path, and what is different about it.
pub(super) struct Candidate {
    pub(super) entry: EntryInfo,
    pub(super) differs: Vec<&'static str>,
}

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
        let mut explanation = Explanation {
            url: self.url.clone(),
            verdict: "miss",
            summary: String::new(),
            steps: Vec::new(),
            entries: self.candidates(cache),
            reasons: Vec::new(),
            recent: self.recent(cache),
        };
        explanation.add_reasons(cache);
        let bypass = self.check_request(cache, &mut explanation);
        let (verdict, summary) = match bypass {
            Some(reason) => ("bypass", format!("The request bypasses the cache: {reason}.")),
            None => explanation.answer(),
        };
        (explanation.verdict, explanation.summary) = (verdict, summary);
        explanation
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

impl Explanation {
    fn pass(&mut self, title: &'static str, text: String) {
        self.steps.push(Step { title, passes: true, text });
    }

    fn fail(&mut self, title: &'static str, text: String) {
        self.steps.push(Step { title, passes: false, text });
    }

    /// Returns whether the pages of the path tell downstream caches that they are for anonymous visitors.
    fn is_anonymous_only(&self) -> bool {
        let varies_by_login = |candidate: &Candidate| {
            let vary = candidate.entry.page().header(&VARY).map(|vary| vary.as_bytes().to_ascii_lowercase());
            vary.is_some_and(|vary| vary.windows(13).any(|part| part == b"authorization"))
        };
        !self.entries.is_empty() && self.entries.iter().all(varies_by_login)
    }

    /// Adds the reasons of the handlers whose pages are stored under the path.
    fn add_reasons(&mut self, cache: &PageCache) {
        let mut names: Vec<_> = self.entries.iter().map(|candidate| candidate.entry.handler()).collect();
        names.extend(self.recent.iter().map(|(run, _)| run.handler));
        names.sort_unstable();
        names.dedup();
        let rows = handlers::list(cache, "");
        let named = rows.iter().filter(|row| names.is_empty() || names.contains(&row.name));
        self.reasons = named.flat_map(|row| row.reasons.iter().map(|reason| (row.name, *reason))).collect();
        self.reasons.sort_by_key(|(_, reason)| std::cmp::Reverse(reason.count));
        self.reasons.truncate(10);
    }

    /// Returns the verdict by what is stored.
    fn answer(&mut self) -> (&'static str, String) {
        let Some(nearest) = self.entries.first() else {
            self.fail("Stored page", "No page of this path is stored.".to_owned());
            let latest = self.recent.first().map(|(run, _)| (run.handler, run.outcome));
            let why = match latest {
                Some((handler, Outcome::NotStored(reason))) => {
                    format!(
                        " The latest response of {handler} was not stored: {reason}. {}",
                        advice::of(reason)
                    )
                }
                Some((handler, Outcome::Bypass(reason))) => {
                    format!(
                        " The latest request to {handler} bypassed the cache: {reason}. {}",
                        advice::of(reason)
                    )
                }
                Some((handler, _)) => format!(
                    " The page of {handler} was stored lately, and has been purged or evicted, or has expired."
                ),
                None => " No handler has run for it lately.".to_owned(),
            };
            return ("miss", format!("It is a miss: no page of this path is stored.{why}"));
        };
        let handler = nearest.entry.handler();
        if !nearest.differs.is_empty() {
            let differs = nearest.differs.join(" and ");
            let text = format!("The nearest stored page of {handler} has another {differs}.");
            self.fail("Stored page", text);
            return (
                "miss",
                format!("It is a miss: pages of this path are stored, but with another {differs}."),
            );
        }
        let (verdict, text) = match entries::state(&nearest.entry) {
            "fresh" => ("hit", "A fresh page is stored.".to_owned()),
            "stale" => (
                "stale",
                "The stored page is stale, and may be sent while it is refreshed or if its handler fails."
                    .to_owned(),
            ),
            _ => ("miss", "The stored page has expired.".to_owned()),
        };
        let summary = match verdict {
            "hit" => format!(
                "It is a hit of {handler}, unless one of the handler's arguments reads something that is different from the stored request."
            ),
            "stale" => format!("A stale page of {handler} may be sent."),
            _ => format!("It is a miss: the page of {handler} has expired."),
        };
        if verdict == "hit" {
            self.pass("Stored page", text);
        } else {
            self.fail("Stored page", text);
        }
        (verdict, summary)
    }

    pub(super) fn to_json(&self) -> Value {
        let steps = self
            .steps
            .iter()
            .map(|step| json!({ "step": step.title, "passes": step.passes, "text": step.text }));
        let entries = self.entries.iter().map(|candidate| {
            json!({
                "id": candidate.entry.id().to_string(),
                "handler": candidate.entry.handler(),
                "state": entries::state(&candidate.entry),
                "differs": candidate.differs,
            })
        });
        let reasons = self.reasons.iter().map(|(handler, reason)| {
            let mut value = reason_json(reason);
            value["handler"] = (*handler).into();
            value
        });
        json!({
            "url": self.url,
            "verdict": self.verdict,
            "summary": self.summary,
            "steps": steps.collect::<Vec<_>>(),
            "entries": entries.collect::<Vec<_>>(),
            "reasons": reasons.collect::<Vec<_>>(),
            "recent": self.recent.iter().map(recent_json).collect::<Vec<_>>(),
        })
    }
}

fn recent_json((run, time): &(RecentRun, Duration)) -> Value {
    json!({
        "seconds_ago": time.as_secs(),
        "path": run.path,
        "handler": run.handler,
        "outcome": run.outcome,
        "forward_reason": run.forward_reason.map(ForwardReason::token),
    })
}
