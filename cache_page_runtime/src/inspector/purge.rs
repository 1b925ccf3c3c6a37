//! Purges, and what they would remove.

use std::time::Duration;

use serde_json::{Value, json};

use super::params::Params;
use crate::{
    cache::{PageCache, PurgeSummary, RemotePurge},
    purge::{PurgeMode, PurgeSelector, parse},
    store::{EntryInfo, Listing},
};

/// How many of the selected pages are shown.
const SHOWN: usize = 20;

/// The longest time in seconds that a request waits for the remote store.
const MAX_WAIT: u64 = 60;

/// The kinds of purges, with the names of the parameter `kind`.
pub(super) const KINDS: [(&str, &str); 6] = [
    ("tag", "Tag"),
    ("path", "Path"),
    ("url", "URL"),
    ("prefix", "Path prefix"),
    ("handler", "Handler"),
    ("all", "All pages"),
];

/// What to purge.
#[derive(Clone, Debug)]
pub(super) struct PurgeRequest {
    selector: PurgeSelector,
    mode: PurgeMode,
    wait: Option<Duration>,
}

/// What a purge would do in this process.
pub(super) struct Preview {
    pub(super) pages: usize,
    /// Some of the pages of the cache itself.
    pub(super) entries: Vec<EntryInfo>,
}

impl PurgeRequest {
    /// Reads the parameters `kind`, `value`, `wait` and `mode`: `remove`, which is the default, or `expire`.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with them.
    pub(super) fn parse(params: &Params) -> Result<Self, String> {
        let selector = match (params.get("kind").unwrap_or_default(), params.get("value")) {
            ("tag" | "path" | "url" | "prefix" | "handler", None) => {
                return Err("the value of what to purge is missing".to_owned());
            }
            (kind, value) => parse::to_selector(kind, value.unwrap_or_default()),
        };
        let mode = match params.get("mode") {
            None | Some("remove") => PurgeMode::Remove,
            Some("expire") => PurgeMode::Expire,
            Some(_) => return Err("the mode is remove or expire".to_owned()),
        };
        let wait = match params.get("wait").map(str::parse) {
            None => None,
            Some(Ok(seconds)) => Some(Duration::from_secs(MAX_WAIT.min(seconds))),
            Some(Err(_)) => return Err("`wait` is a number of seconds".to_owned()),
        };
        let selector = selector.map_err(|error| error.to_string())?;
        Ok(Self { selector, mode, wait })
    }

    /// Counts the pages that the purge would remove, or make stale.
    pub(super) fn preview(&self, cache: &PageCache) -> Preview {
        let (mut pages, mut entries) = (0, Vec::new());
        for (index, cache) in cache.with_named().enumerate() {
            let now = cache.clock().now();
            let mut listing = Listing::of(self.selector.to_local());
            while let Some(batch) = cache.store().next_entries(&mut listing, now) {
                let selected =
                    batch.into_iter().filter(|entry| self.mode == PurgeMode::Remove || entry.is_fresh());
                for entry in selected {
                    pages += 1;
                    if index == 0 && entries.len() < SHOWN {
                        entries.push(entry);
                    }
                }
            }
        }
        Preview { pages, entries }
    }

    /// Purges, and waits until the remote store has confirmed it or `wait` is over.
    ///
    /// # Errors
    ///
    /// Returns why nothing was purged.
    pub(super) async fn execute(&self, cache: &PageCache) -> Result<PurgeSummary, String> {
        let purge = cache.purge(self.mode, &self.selector);
        let summary = match self.wait {
            Some(wait) => purge.settled_within(wait).await,
            None => purge.await,
        };
        summary.map_err(|error| error.to_string())
    }

    pub(super) fn is_soft(&self) -> bool {
        self.mode == PurgeMode::Expire
    }
}

impl Preview {
    pub(super) fn to_json(&self) -> Value {
        let paths: Vec<_> = self.entries.iter().map(EntryInfo::path).collect();
        json!({ "would_purge": self.pages, "some_paths": paths })
    }
}

pub(super) fn summary_json(summary: PurgeSummary) -> Value {
    json!({ "purged": summary.pages(), "remote": remote_name(summary) })
}

fn remote_name(summary: PurgeSummary) -> &'static str {
    match summary.remote() {
        RemotePurge::NoStore => "none",
        RemotePurge::Confirmed => "confirmed",
        RemotePurge::Pending => "pending",
        RemotePurge::NothingStored => "nothing-stored",
    }
}

/// Returns what the purge did in the remote store, as a sentence.
pub(super) fn remote_sentence(summary: PurgeSummary) -> &'static str {
    match summary.remote() {
        RemotePurge::NoStore => "The cache has no remote store.",
        RemotePurge::Confirmed => "The remote store has executed the purge.",
        RemotePurge::Pending => {
            "The remote store has not confirmed the purge yet; it is retried. Other processes may serve the pages until then."
        }
        RemotePurge::NothingStored => {
            "The remote store has executed the purge, but no page was ever stored there with this key prefix."
        }
    }
}
