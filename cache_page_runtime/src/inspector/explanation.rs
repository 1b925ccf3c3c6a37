//! [`Explanation`]: how a request would be answered, as far as it can be known.

use std::time::Duration;

use actix_web::http::header::VARY;
use serde_json::{Value, json};

use super::{
    advice, entries, handlers,
    overview::{ReasonCount, reason_json},
};
use crate::{
    cache::PageCache,
    observe::RecentRun,
    outcome::{ForwardReason, Outcome},
    policy::HandlerPolicy,
    store::EntryInfo,
};

/// What to do where it is not known whether a request is a hit.
pub(super) const WHAT_NEXT: &str = "Send the request, and look at its Cache-Status: curl -si URL | grep -i cache-status. Its detail is one of the \
     reasons, each of which has a remedy in the overview. If it is fwd=miss without a detail although a page is stored, one of these values is \
     different. Then load this page again: the request is the first of the latest ones.";

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
    /// The handlers of the path that have run.
    pub(super) handlers: Vec<&'static HandlerPolicy>,
    /// Why the page of the latest request is not in memory any more, if that stored one.
    pub(super) gone: Option<String>,
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

impl Candidate {
    /// Says what to do about the difference.
    fn advice(&self, policy: Option<&HandlerPolicy>, cache: &PageCache) -> String {
        let vary = || self.entry.vary().collect::<Vec<_>>().join(", ");
        match self.differs.first() {
            Some(&"query") if policy.is_some_and(|policy| policy.keys_whole_query(cache.ignored_query())) => {
                "The whole query is in the key, byte for byte: order and spelling count, and so do parameters that change nothing. With \
                 `query = [\"page\"]`, only those that are named count, in any order."
                    .to_owned()
            }
            Some(&"query") => "The query parameters that are in the key have other values.".to_owned(),
            Some(&"scheme or host") => {
                "Scheme and host are in the key. Behind a proxy they are those of `Forwarded` or `X-Forwarded-Proto` and `X-Forwarded-Host`, else of \
                 `Host`; a proxy should send one spelling."
                    .to_owned()
            }
            Some(_) => format!(
                "The response has one page for each value of {}. Give these request headers here as the client sends them; where many values \
                 mean the same, normalize them with `vary = [\"name\" => function]`.",
                vary()
            ),
            None => String::new(),
        }
    }
}

impl Explanation {
    pub(super) fn pass(&mut self, title: &'static str, text: String) {
        self.steps.push(Step { title, passes: true, text });
    }

    pub(super) fn fail(&mut self, title: &'static str, text: String) {
        self.steps.push(Step { title, passes: false, text });
    }

    /// Returns whether the pages of the path tell downstream caches that they are for anonymous visitors.
    pub(super) fn is_anonymous_only(&self) -> bool {
        let varies_by_login = |candidate: &Candidate| {
            let vary = candidate.entry.page().header(&VARY).map(|vary| vary.as_bytes().to_ascii_lowercase());
            vary.is_some_and(|vary| vary.windows(13).any(|part| part == b"authorization"))
        };
        !self.entries.is_empty() && self.entries.iter().all(varies_by_login)
    }

    /// Adds the handlers whose pages are stored under the path, or that have run for it, and their reasons.
    pub(super) fn add_handlers(&mut self, cache: &PageCache) {
        let mut names: Vec<_> = self.entries.iter().map(|candidate| candidate.entry.handler()).collect();
        names.extend(self.recent.iter().map(|(run, _)| run.handler()));
        names.sort_unstable();
        names.dedup();
        let runs = cache.observer().recent_runs();
        self.handlers = names.iter().filter_map(|name| runs.policy(name)).collect();
        let rows = handlers::list(cache, "");
        let named = rows.iter().filter(|row| names.is_empty() || names.contains(&row.name));
        self.reasons = named.flat_map(|row| row.reasons.iter().map(|reason| (row.name, *reason))).collect();
        self.reasons.sort_by_key(|(_, reason)| std::cmp::Reverse(reason.count));
        self.reasons.truncate(10);
    }

    /// Returns the verdict by what is stored.
    pub(super) fn answer(&mut self, cache: &PageCache) -> (&'static str, String) {
        let Some(nearest) = self.entries.first() else {
            let why = self.why_nothing_is_stored();
            self.fail("Stored page", "No page of this path is stored.".to_owned());
            return ("miss", format!("It is a miss: no page of this path is stored. {why}"));
        };
        let handler = nearest.entry.handler();
        if !nearest.differs.is_empty() {
            let (differs, advice) =
                (nearest.differs.join(" and the "), nearest.advice(self.policy(handler), cache));
            let text = format!("The nearest stored page of {handler} differs in the {differs}.");
            self.fail("Stored page", text);
            let text = format!(
                "It is a miss: pages of this path are stored, but they differ in the {differs}. {advice}"
            );
            return ("miss", text);
        }
        let (verdict, text, summary) = match entries::state(&nearest.entry) {
            "fresh" => {
                let lately = self.why_handlers_ran();
                let summary = format!(
                    "It is a hit of {handler}, unless one of the values that this page does not know is different from the stored request.{lately}"
                );
                ("hit", "A fresh page is stored.".to_owned(), summary)
            }
            "stale" => (
                "stale",
                "The stored page is stale, and may be sent while it is refreshed or if its handler fails."
                    .to_owned(),
                format!("A stale page of {handler} may be sent."),
            ),
            _ => (
                "miss",
                "The stored page has expired.".to_owned(),
                format!(
                    "It is a miss: the page of {handler} has expired. A longer TTL, or `stale_while_revalidate`, avoids that visitors wait."
                ),
            ),
        };
        if verdict == "hit" {
            self.pass("Stored page", text);
        } else {
            self.fail("Stored page", text);
        }
        (verdict, summary)
    }

    fn policy(&self, handler: &str) -> Option<&'static HandlerPolicy> {
        self.handlers.iter().find(|policy| policy.handler() == handler).copied()
    }

    /// Says why there is no page, by the latest request.
    fn why_nothing_is_stored(&self) -> String {
        let Some((run, _)) = self.recent.first() else {
            return "No handler has run for it lately. Request it once, and look again: whether its path leads to a cached handler is only \
                    known then."
                .to_owned();
        };
        let handler = run.handler();
        match (run.outcome, &self.gone) {
            (Outcome::NotStored(reason), _) => {
                format!("The latest response of {handler} was not stored: {reason}. {}", advice::of(reason))
            }
            (Outcome::Bypass(reason), _) => {
                format!(
                    "The latest request to {handler} bypassed the cache: {reason}. {}",
                    advice::of(reason)
                )
            }
            (_, Some(gone)) => format!("The page of {handler} was stored lately, {gone}"),
            (outcome, None) => format!("The latest request to {handler} was answered as {outcome}."),
        }
    }

    /// Says why requests ran their handler although a page is stored.
    fn why_handlers_ran(&self) -> String {
        let reasons = self.recent.iter().filter_map(|(run, _)| match run.outcome {
            Outcome::NotStored(reason) | Outcome::Bypass(reason) => Some((run.outcome, reason)),
            _ => None,
        });
        let Some((outcome, reason)) = reasons.clone().next() else { return String::new() };
        let count = reasons.filter(|(other, _)| *other == outcome).count();
        let requests = if count == 1 { "request" } else { "requests" };
        format!(
            " But {count} {requests} of this path ran the handler lately ({outcome}). {}",
            advice::of(reason)
        )
    }

    pub(super) fn to_json(&self, cache: &PageCache) -> Value {
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
        let handlers = self.handlers.iter().map(|policy| {
            json!({
                "handler": policy.handler(),
                "options": policy.describe(cache.ignored_query(), cache.vary()),
                "unknown": policy.unknowns(cache.vary()),
            })
        });
        json!({
            "url": self.url,
            "verdict": self.verdict,
            "summary": self.summary,
            "steps": steps.collect::<Vec<_>>(),
            "entries": entries.collect::<Vec<_>>(),
            "reasons": reasons.collect::<Vec<_>>(),
            "recent": self.recent.iter().map(recent_json).collect::<Vec<_>>(),
            "handlers": handlers.collect::<Vec<_>>(),
            "what_next": WHAT_NEXT,
        })
    }
}

fn recent_json((run, time): &(RecentRun, Duration)) -> Value {
    json!({
        "seconds_ago": time.as_secs(),
        "path": run.path,
        "handler": run.handler(),
        "outcome": run.outcome,
        "forward_reason": run.forward_reason.map(ForwardReason::token),
    })
}
