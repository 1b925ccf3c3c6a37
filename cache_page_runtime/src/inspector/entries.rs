//! Searches the stored pages.

use std::time::Duration;

use actix_web::http::header::HeaderValue;
use serde_json::{Value, json};

use super::params::Params;
use crate::{
    cache::PageCache,
    purge::{LocalSelector, PurgeKeys, PurgeSelector, parse},
    store::{EntryId, EntryInfo, EntryView, Listing, ListingPosition},
};

/// The entries on a page.
pub(super) const PAGE: usize = 50;

/// How long entries are looked at, if the request does not say it.
const TIME: Duration = Duration::from_millis(60);

/// The longest time that a request may ask for.
const MAX_TIME: Duration = Duration::from_secs(30);

/// The orders of entries, with the names of the parameter `sort`.
pub(super) const SORTS: [(&str, &str); 5] = [
    ("", "none (fastest)"),
    ("bytes", "largest first"),
    ("age", "oldest first"),
    ("ttl", "next to expire first"),
    ("hits", "most recent hits first"),
];

/// Which entries are searched for. An entry must match all conditions.
#[derive(Default)]
pub(super) struct Filter {
    path: Option<PathFilter>,
    tag: Option<String>,
    handler: Option<String>,
    status: Option<u16>,
    pub(super) sort: Option<Sort>,
    /// How long entries are looked at.
    pub(super) time: Duration,
}

enum PathFilter {
    Exact(PurgeSelector),
    Prefix(String),
    Contains(String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Bytes,
    Age,
    Ttl,
    Hits,
}

/// One page of results.
pub(super) struct Results {
    pub(super) entries: Vec<EntryInfo>,
    /// The parameter `after` of the next page, if there may be one.
    pub(super) after: Option<String>,
    /// How many entries match of those that were looked at, if these were counted.
    pub(super) matches: Option<usize>,
    pub(super) scope: Scope,
}

/// Which entries were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// All of them, or as many as it took to fill a page in the order in which they are stored.
    All,
    /// So many of them, because the time was over.
    LookedAt(usize),
}

impl Filter {
    /// Reads the parameters `path`, `tag`, `handler`, `status`, `sort` and `time`.
    pub(super) fn parse(params: &Params) -> Self {
        let owned = |name| params.get(name).map(str::to_owned);
        Self {
            path: params.get("path").map(PathFilter::parse),
            tag: owned("tag"),
            handler: owned("handler"),
            status: params.get("status").and_then(|status| status.parse().ok()),
            sort: params.get("sort").and_then(Sort::parse),
            time: time(params),
        }
    }

    /// Returns the most specific condition, by which the index of purges may find the entries.
    fn selector(&self) -> LocalSelector {
        let path = match &self.path {
            Some(PathFilter::Exact(path)) => Some(path.clone()),
            _ => None,
        };
        let tag = || self.tag.clone().map(PurgeSelector::Tag);
        let handler = || self.handler.clone().map(PurgeSelector::Handler);
        path.or_else(tag).or_else(handler).unwrap_or(PurgeSelector::All).to_local()
    }

    pub(super) fn listing(&self) -> Listing {
        Listing::of(self.selector())
    }

    pub(super) fn matches(&self, entry: &EntryInfo) -> bool {
        self.matches_keys(entry.purge_keys())
            && self.status.is_none_or(|status| entry.status().as_u16() == status)
    }

    /// Returns whether the conditions hold that are known without looking an entry up.
    pub(super) fn matches_keys(&self, keys: &PurgeKeys) -> bool {
        let path = match &self.path {
            None => true,
            Some(PathFilter::Exact(path)) => path.to_local().matches(keys),
            Some(PathFilter::Prefix(prefix)) => keys.path().starts_with(prefix),
            Some(PathFilter::Contains(part)) => keys.path().contains(part),
        };
        let has_tag = |tag: &String| PurgeSelector::Tag(tag.clone()).to_local().matches(keys);
        path && self.tag.as_ref().is_none_or(has_tag)
            && self.handler.as_ref().is_none_or(|handler| keys.handler_name() == handler)
    }

    /// Returns whether an entry must be looked up to know whether it matches.
    pub(super) fn needs_entry(&self) -> bool {
        self.status.is_some()
    }

    /// Looks at entries in the order in which they are stored, until a page is full.
    pub(super) fn scan(&self, cache: &PageCache, after: Option<&str>) -> Results {
        let now = cache.clock().now();
        let position = after.and_then(ListingPosition::parse).unwrap_or_default();
        let mut listing = self.listing().at(position);
        let mut entries: Vec<EntryInfo> = Vec::new();
        while entries.len() < PAGE {
            let before = listing.clone();
            let Some(batch) = cache.store().next_entries(&mut listing, now) else {
                return Results { entries, after: None, matches: None, scope: Scope::All };
            };
            let mut matching: Vec<_> = batch.into_iter().filter(|entry| self.matches(entry)).collect();
            let room = PAGE - entries.len();
            if matching.len() > room {
                // A shorter batch, so that the next page begins behind the last entry of this one.
                listing = before;
                let batch = cache.store().next_entries_of(&mut listing, room, now).unwrap_or_default();
                matching = batch.into_iter().filter(|entry| self.matches(entry)).collect();
            }
            entries.append(&mut matching);
        }
        let after = Some(listing.position().to_string());
        Results { entries, after, matches: None, scope: Scope::All }
    }
}

/// Reads the parameter `time`, in milliseconds.
fn time(params: &Params) -> Duration {
    let millis = params.get("time").and_then(|time| time.parse().ok()).map(Duration::from_millis);
    millis.unwrap_or(TIME).min(MAX_TIME)
}

impl PathFilter {
    /// `/posts/1` is one path, `/posts/*` all that begin so, and anything else a part of the path.
    fn parse(text: &str) -> Self {
        match text.strip_suffix('*') {
            Some(prefix) => Self::Prefix(prefix.to_owned()),
            None => match parse::to_path(text) {
                Ok(path) => Self::Exact(path),
                Err(_) => Self::Contains(text.to_owned()),
            },
        }
    }
}

impl Sort {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "bytes" => Some(Self::Bytes),
            "age" => Some(Self::Age),
            "ttl" => Some(Self::Ttl),
            "hits" => Some(Self::Hits),
            _ => None,
        }
    }

    /// Returns a number by which entries are sorted, the smallest one first.
    pub(super) fn rank(self, entry: &EntryInfo) -> u64 {
        // Times, and not durations, which differ from one page to the next.
        match self {
            Self::Bytes => rank_of_bytes(entry.bytes()),
            Self::Age => entry.listed_at().before(entry.age()).as_nanos(),
            Self::Ttl => entry.ttl().map_or(u64::MAX, |ttl| (entry.listed_at() + ttl).as_nanos()),
            Self::Hits => rank_of_hits(entry.recent_hits()),
        }
    }

    /// As [`rank`](Self::rank), if it is known without looking the entry up.
    pub(super) fn rank_of_view(self, entry: EntryView<'_>) -> Option<u64> {
        match self {
            Self::Bytes => Some(rank_of_bytes(entry.bytes())),
            Self::Hits => Some(rank_of_hits(entry.recent_hits())),
            Self::Age | Self::Ttl => None,
        }
    }

    pub(super) fn is_known_of_views(self) -> bool {
        matches!(self, Self::Bytes | Self::Hits)
    }
}

fn rank_of_bytes(bytes: usize) -> u64 {
    u64::MAX - bytes as u64
}

fn rank_of_hits(hits: u8) -> u64 {
    u64::from(u8::MAX - hits)
}

/// Returns the entry with an id.
pub(super) fn find(cache: &PageCache, id: &str) -> Option<EntryInfo> {
    cache.store().find_entry(EntryId::parse(id)?, cache.clock().now())
}

impl Results {
    pub(super) fn to_json(&self) -> Value {
        let looked_at = match self.scope {
            Scope::All => None,
            Scope::LookedAt(pages) => Some(pages),
        };
        json!({
            "entries": self.entries.iter().map(summary_json).collect::<Vec<_>>(),
            "after": self.after,
            "matches": self.matches,
            "looked_at": looked_at,
        })
    }
}

fn summary_json(entry: &EntryInfo) -> Value {
    json!({
        "id": entry.id().to_string(),
        "path": entry.path(),
        "handler": entry.handler(),
        "status": entry.status().as_u16(),
        "body_bytes": entry.body_len(),
        "bytes": entry.bytes(),
        "age_seconds": entry.age().as_secs(),
        "ttl_seconds": entry.ttl().map(|ttl| ttl.as_secs()),
        "state": state(entry),
        "recent_hits": entry.recent_hits(),
    })
}

/// Returns all that is shown of one entry.
pub(super) fn entry_json(entry: &EntryInfo) -> Value {
    let mut value = summary_json(entry);
    let headers = entry.page().headers();
    let text = |value: HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    value["headers"] = headers.map(|(name, value)| json!([name.as_str(), text(value)])).collect();
    value["tags"] = entry.tags().collect::<Vec<_>>().into();
    value["tag_count"] = entry.tag_count().into();
    value["vary"] = entry.vary().collect::<Vec<_>>().into();
    value["encodings"] = entry.encodings().collect::<Vec<_>>().into();
    value["fill_seconds"] = entry.fill_time().as_secs_f64().into();
    value["in_remote_store"] = entry.has_remote_ref().into();
    value
}

/// Returns `fresh`, `stale` if the page may still be sent in some cases, or `expired`.
pub(super) fn state(entry: &EntryInfo) -> &'static str {
    if entry.is_fresh() {
        "fresh"
    } else if entry.is_usable() {
        "stale"
    } else {
        "expired"
    }
}
