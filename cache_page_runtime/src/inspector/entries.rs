//! Searches the stored pages.

use actix_web::http::header::HeaderValue;
use serde_json::{Value, json};

use super::params::Params;
use crate::{
    cache::PageCache,
    purge::{LocalSelector, PurgeSelector, parse},
    store::{EntryId, EntryInfo, Listing, ListingPosition},
};

/// The entries on a page.
pub(super) const PAGE: usize = 50;

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
    /// How many entries match, where all were looked at.
    pub(super) matches: Option<usize>,
}

impl Filter {
    /// Reads the parameters `path`, `tag`, `handler`, `status` and `sort`.
    pub(super) fn parse(params: &Params) -> Self {
        let owned = |name| params.get(name).map(str::to_owned);
        Self {
            path: params.get("path").map(PathFilter::parse),
            tag: owned("tag"),
            handler: owned("handler"),
            status: params.get("status").and_then(|status| status.parse().ok()),
            sort: params.get("sort").and_then(Sort::parse),
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

    fn matches(&self, entry: &EntryInfo) -> bool {
        let path = match &self.path {
            None => true,
            Some(PathFilter::Exact(path)) => path.to_local().matches(entry.purge_keys()),
            Some(PathFilter::Prefix(prefix)) => entry.path().starts_with(prefix),
            Some(PathFilter::Contains(part)) => entry.path().contains(part),
        };
        path && self.tag.as_ref().is_none_or(|tag| entry.has_tag(tag))
            && self.handler.as_ref().is_none_or(|handler| entry.handler() == handler)
            && self.status.is_none_or(|status| entry.status().as_u16() == status)
    }

    /// Returns the entries behind `after`, up to a page of them.
    pub(super) fn search(&self, cache: &PageCache, after: Option<&str>) -> Results {
        match self.sort {
            None => self.scan(cache, after),
            Some(sort) => self.sorted(cache, sort, after),
        }
    }

    /// Looks at entries in the order in which they are stored, until a page is full.
    fn scan(&self, cache: &PageCache, after: Option<&str>) -> Results {
        let now = cache.clock().now();
        let position = after.and_then(ListingPosition::parse).unwrap_or_default();
        let mut listing = Listing::of(self.selector()).at(position);
        let mut entries: Vec<EntryInfo> = Vec::new();
        while entries.len() < PAGE {
            let before = listing.clone();
            let Some(batch) = cache.store().next_entries(&mut listing, now) else {
                return Results { entries, after: None, matches: None };
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
        Results { entries, after: Some(listing.position().to_string()), matches: None }
    }

    /// Looks at all entries, and keeps those that come first.
    fn sorted(&self, cache: &PageCache, sort: Sort, after: Option<&str>) -> Results {
        let now = cache.clock().now();
        let after = after.and_then(|after| {
            let (value, id) = after.split_once('.')?;
            Some((value.parse::<u64>().ok()?, EntryId::parse(id)?))
        });
        let mut listing = Listing::of(self.selector());
        let (mut first, mut matches) = (Vec::new(), 0);
        while let Some(batch) = cache.store().next_entries(&mut listing, now) {
            for entry in batch.into_iter().filter(|entry| self.matches(entry)) {
                matches += 1;
                let place = (sort.rank(&entry), entry.id());
                if after.is_none_or(|after| place > after) {
                    first.push((place, entry));
                }
            }
            if first.len() > 8 * PAGE {
                shorten(&mut first);
            }
        }
        let has_more = first.len() > PAGE;
        shorten(&mut first);
        let after = first.last().filter(|_| has_more).map(|((value, id), _)| format!("{value}.{id}"));
        let entries = first.into_iter().map(|(_, entry)| entry).collect();
        Results { entries, after, matches: Some(matches) }
    }
}

/// Sorts the entries, and keeps a page of them.
fn shorten(entries: &mut Vec<((u64, EntryId), EntryInfo)>) {
    entries.sort_by_key(|(place, _)| *place);
    entries.dedup_by_key(|(place, _)| *place);
    entries.truncate(PAGE);
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
    fn rank(self, entry: &EntryInfo) -> u64 {
        // Times, and not durations, which differ from one page to the next.
        match self {
            Self::Bytes => u64::MAX - entry.bytes() as u64,
            Self::Age => entry.listed_at().before(entry.age()).as_nanos(),
            Self::Ttl => entry.ttl().map_or(u64::MAX, |ttl| (entry.listed_at() + ttl).as_nanos()),
            Self::Hits => u64::from(u8::MAX - entry.recent_hits()),
        }
    }
}

/// Returns the entry with an id.
pub(super) fn find(cache: &PageCache, id: &str) -> Option<EntryInfo> {
    cache.store().find_entry(EntryId::parse(id)?, cache.clock().now())
}

impl Results {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "entries": self.entries.iter().map(summary_json).collect::<Vec<_>>(),
            "after": self.after,
            "matches": self.matches,
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
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
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
