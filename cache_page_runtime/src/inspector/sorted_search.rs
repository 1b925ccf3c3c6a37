//! The stored pages in an order, for as long as there is time to look at them.

use std::{collections::BTreeMap, time::Duration};

use super::entries::{Filter, PAGE, Results, Scope, Sort};
use crate::{
    cache::PageCache,
    store::{EntryId, EntryInfo},
    time::Clock,
};

/// The pages that are looked at in any case.
const MIN_PAGES: usize = 1024;

/// A place in the order. The smallest one comes first.
type Place = (u64, EntryId);

/// Pages in an order, and for how long they are looked at.
struct SortedSearch<'f> {
    filter: &'f Filter,
    sort: Sort,
    time: Duration,
}

/// The first pages that were found so far.
#[derive(Default)]
struct First(BTreeMap<Place, EntryInfo>);

impl Filter {
    /// Returns the entries behind `after`, up to a page of them.
    pub(super) fn search(&self, cache: &PageCache, after: Option<&str>) -> Results {
        match self.sort {
            None => self.scan(cache, after),
            Some(sort) => SortedSearch { filter: self, sort, time: self.time }.run(cache, after),
        }
    }
}

impl SortedSearch<'_> {
    /// Looks at all pages until the time is over, and keeps those that come first behind `after`.
    fn run(&self, cache: &PageCache, after: Option<&str>) -> Results {
        let (store, now) = (cache.store(), cache.clock().now());
        let deadline = Clock::System.now() + self.time;
        let after = after.and_then(|after| {
            let (rank, id) = after.split_once('.')?;
            Some((rank.parse::<u64>().ok()?, EntryId::parse(id)?))
        });
        // A purge in progress is only applied to entries that are looked up.
        let looks_all_up =
            self.filter.needs_entry() || !self.sort.is_known_of_views() || store.purges_in_progress() > 0;
        let (mut listing, mut first) = (self.filter.listing(), First::default());
        let (mut matches, mut looked_at, mut is_complete) = (0, 0, true);
        loop {
            let wanted = store.next_wanted(&mut listing, now, |entry| {
                looked_at += 1;
                if !self.filter.matches_keys(entry.purge_keys()) {
                    return false;
                }
                match self.sort.rank_of_view(entry).filter(|_| !looks_all_up) {
                    None => true,
                    Some(rank) => {
                        matches += 1;
                        first.wants((rank, entry.id()), after)
                    }
                }
            });
            let Some(wanted) = wanted else { break };
            for entry in wanted.into_iter().filter(|entry| self.filter.matches(entry)) {
                matches += usize::from(looks_all_up);
                let place = (self.sort.rank(&entry), entry.id());
                if first.wants(place, after) {
                    first.add(place, entry);
                }
            }
            if looked_at >= MIN_PAGES && Clock::System.now() >= deadline {
                is_complete = false;
                break;
            }
        }
        let scope = if is_complete { Scope::All } else { Scope::LookedAt(looked_at) };
        first.into_results(matches, scope)
    }
}

impl First {
    /// Returns whether a page in this place comes behind `after`, and before one of those that were found.
    fn wants(&self, place: Place, after: Option<Place>) -> bool {
        let is_full = self.0.len() > PAGE;
        after.is_none_or(|after| place > after)
            && !(is_full && self.0.last_key_value().is_some_and(|(last, _)| place >= *last))
    }

    /// Adds a page. One more than are shown is kept, so that it is known whether there are more.
    fn add(&mut self, place: Place, entry: EntryInfo) {
        self.0.insert(place, entry);
        if self.0.len() > PAGE + 1 {
            self.0.pop_last();
        }
    }

    fn into_results(mut self, matches: usize, scope: Scope) -> Results {
        let has_more = self.0.len() > PAGE;
        if has_more {
            self.0.pop_last();
        }
        let last = self.0.last_key_value().filter(|_| has_more);
        let after = last.map(|((rank, id), _)| format!("{rank}.{id}"));
        Results { entries: self.0.into_values().collect(), after, matches: Some(matches), scope }
    }
}
