//! The contract, for what is under one prefix.

use std::{collections::HashMap, time::Instant};

use actix_web::web::Bytes;
use cache_page::remote::{
    Change, ChangeBatch, Cursor, GetRequest, GetResponse, Id, LeaseStatus, PurgeRequest, PurgeScope,
    PutRequest, PutResult, RemoteEntry, Version,
};

/// What there is under one prefix.
#[derive(Debug)]
pub(super) struct Space {
    /// That of the last purge.
    pub(super) number: u64,
    pub(super) pages: HashMap<Id, Page>,
    pub(super) puts: u64,
    /// Until when, and by whom; nobody is where nobody need wait.
    pub(super) claims: HashMap<Id, (Instant, Option<Id>)>,
    pub(super) purges: Vec<Past>,
    /// What was purged up to there, it does not know any more.
    pub(super) forgotten: u64,
    pub(super) log: Vec<Change>,
    /// How much of the log is gone.
    pub(super) dropped: usize,
}

#[derive(Debug)]
pub(super) struct Page {
    pub(super) bytes: Bytes,
    offered: PutRequest,
    /// So many were put before.
    number: u64,
    put: Instant,
    begun: Instant,
}

/// A purge, of which it is known when it was.
#[derive(Debug)]
pub(super) struct Past {
    number: u64,
    at: Instant,
    expire: bool,
    of: PurgeScope,
}

impl Default for Space {
    fn default() -> Self {
        Self {
            number: 1,
            pages: HashMap::new(),
            puts: 0,
            claims: HashMap::new(),
            purges: Vec::new(),
            forgotten: 0,
            log: Vec::new(),
            dropped: 0,
        }
    }
}

impl Space {
    /// Those that such a page has not seen.
    fn unseen(&self, page: &PutRequest) -> impl Iterator<Item = &Past> {
        let is_meant = |of: &PurgeScope| match of {
            PurgeScope::Keys(names) => names.iter().any(|name| page.purge_keys.contains(name)),
            PurgeScope::PathPrefix(prefix) => page.path.starts_with(prefix),
        };
        self.purges.iter().filter(move |past| past.number > page.purge_seq && is_meant(&past.of))
    }

    pub(super) fn get(&mut self, wanted: &GetRequest, now: Instant) -> GetResponse {
        self.pages.retain(|_, page| now < page.put + page.offered.ttl);
        let mut found = GetResponse { entry: None, lease: LeaseStatus::Uncoalesced };
        let mut is_fresh = false;
        if let Some(page) = self.pages.get(&wanted.key) {
            let is_good = page.offered.purge_seq >= self.forgotten
                && self.unseen(&page.offered).all(|past| past.expire);
            if is_good {
                let expired = self.unseen(&page.offered).last().map(|past| now - past.at);
                is_fresh = page.is_fresh(now) && expired.is_none();
                let version = Version(Bytes::copy_from_slice(&page.number.to_le_bytes()));
                let is_known = is_fresh && wanted.if_version.as_ref() == Some(&version);
                found.entry = Some(RemoteEntry {
                    bytes: (!is_known).then(|| page.bytes.clone()),
                    version: Some(version),
                    age: now - page.put,
                    expired,
                });
            }
        }
        if let (Some(claim), false) = (wanted.lease, is_fresh) {
            found.lease = match self.claims.get(&wanted.key).filter(|(ends, _)| now < *ends) {
                Some((_, None)) => LeaseStatus::Uncoalesced,
                Some((_, Some(holder))) if *holder != claim.owner => LeaseStatus::Held,
                Some(_) => LeaseStatus::Acquired,
                None => {
                    self.claims.insert(wanted.key, (now + claim.ttl, Some(claim.owner)));
                    LeaseStatus::Acquired
                }
            };
        }
        found
    }

    pub(super) fn put(&mut self, mut offered: PutRequest, now: Instant) -> PutResult {
        if let Some(holder) = offered.owner {
            self.release(offered.key, holder, None);
        }
        if offered.purge_seq < self.forgotten || self.unseen(&offered).next().is_some() {
            return PutResult::Purged;
        }
        let begun = now.checked_sub(offered.started).expect("the machine runs for longer than that");
        let there = self.pages.get(&offered.key);
        if there.is_some_and(|there| there.begun > begun && there.is_fresh(now)) {
            return PutResult::Superseded;
        }
        let bytes = Bytes::from(std::mem::take(&mut offered.bytes));
        self.puts += 1;
        self.pages.insert(offered.key, Page { bytes, offered, number: self.puts, put: now, begun });
        PutResult::Stored
    }

    pub(super) fn release(&mut self, page: Id, holder: Id, apart_until: Option<Instant>) {
        if self.claims.get(&page).is_none_or(|(_, there)| *there != Some(holder)) {
            return;
        }
        match apart_until {
            Some(ends) => self.claims.insert(page, (ends, None)),
            None => self.claims.remove(&page),
        };
        self.log.push(Change::Filled(page));
    }

    pub(super) fn purge(&mut self, purge: PurgeRequest, at: Instant) {
        self.number = self.number.max(purge.min_sequence) + 1;
        self.purges.push(Past { number: self.number, at, expire: purge.expire, of: purge.scope });
        self.log.push(Change::Purged(purge.message));
    }

    /// And whether anything happened.
    pub(super) fn changes(&self, after: Option<&Cursor>) -> (bool, ChangeBatch) {
        let end = self.dropped + self.log.len();
        let place = after.and_then(|after| std::str::from_utf8(&after.0).ok()?.parse().ok());
        let known = place.and_then(|place: usize| self.log.get(place.checked_sub(self.dropped)?..));
        let changes = known.map(<[Change]>::to_vec).unwrap_or_default();
        let position = Cursor(end.to_string().into_bytes());
        let is_new = known.is_none_or(|known| !known.is_empty());
        (is_new, ChangeBatch { complete: known.is_some(), changes, cursor: position, sequence: self.number })
    }
}

impl Page {
    fn is_fresh(&self, now: Instant) -> bool {
        self.offered.fresh_for.is_none_or(|fresh| now < self.put + fresh)
    }
}
