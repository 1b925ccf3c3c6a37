//! The data of one namespace.

use std::{collections::HashMap, time::Instant};

use actix_web::web::Bytes;
use cache_page::remote::{
    Change, ChangeBatch, Cursor, GetRequest, GetResponse, Id, LeaseStatus, PurgeRequest, PurgeResult,
    PurgeScope, PutRequest, PutResult, RemoteEntry, Version,
};

/// The data of one namespace.
#[derive(Debug)]
pub(super) struct Namespace {
    /// The number of the last purge.
    pub(super) sequence: u64,
    pub(super) entries: HashMap<Id, StoredEntry>,
    pub(super) puts: u64,
    /// When each lease ends, and its owner. No owner is for an uncacheable response.
    pub(super) leases: HashMap<Id, (Instant, Option<Id>)>,
    pub(super) purges: Vec<ExecutedPurge>,
    /// Purges up to this number are unknown.
    pub(super) forgotten_up_to: u64,
    pub(super) log: Vec<Change>,
    /// The number of changes that were removed from the log.
    pub(super) truncated: usize,
}

#[derive(Debug)]
pub(super) struct StoredEntry {
    pub(super) bytes: Bytes,
    request: PutRequest,
    /// The number of puts before this one.
    version: u64,
    stored_at: Instant,
    started_at: Instant,
}

/// A purge that was executed.
#[derive(Debug)]
pub(super) struct ExecutedPurge {
    sequence: u64,
    executed_at: Instant,
    expire: bool,
    scope: PurgeScope,
}

impl Default for Namespace {
    fn default() -> Self {
        Self {
            sequence: 1,
            entries: HashMap::new(),
            puts: 0,
            leases: HashMap::new(),
            purges: Vec::new(),
            forgotten_up_to: 0,
            log: Vec::new(),
            truncated: 0,
        }
    }
}

impl Namespace {
    /// Returns the purges that match an entry and that it does not reflect.
    fn later_purges(&self, request: &PutRequest) -> impl Iterator<Item = &ExecutedPurge> {
        let matches = |scope: &PurgeScope| match scope {
            PurgeScope::Keys(keys) => keys.iter().any(|key| request.purge_keys.contains(key)),
            PurgeScope::PathPrefix(prefix) => request.path.starts_with(prefix),
        };
        self.purges.iter().filter(move |purge| purge.sequence > request.purge_seq && matches(&purge.scope))
    }

    pub(super) fn get(&mut self, request: &GetRequest, now: Instant) -> GetResponse {
        self.entries.retain(|_, entry| now < entry.stored_at + entry.request.ttl);
        let mut response = GetResponse { entry: None, lease: LeaseStatus::Uncoalesced };
        let mut is_fresh = false;
        if let Some(entry) = self.entries.get(&request.key) {
            let is_valid = entry.request.purge_seq >= self.forgotten_up_to
                && self.later_purges(&entry.request).all(|purge| purge.expire);
            if is_valid {
                let expired = self.later_purges(&entry.request).last().map(|purge| now - purge.executed_at);
                is_fresh = entry.is_fresh(now) && expired.is_none();
                let version = Version(Bytes::copy_from_slice(&entry.version.to_le_bytes()));
                let is_unchanged = is_fresh && request.if_version.as_ref() == Some(&version);
                response.entry = Some(RemoteEntry {
                    bytes: (!is_unchanged).then(|| entry.bytes.clone()),
                    version: Some(version),
                    age: now - entry.stored_at,
                    expired,
                });
            }
        }
        if let (Some(lease), false) = (request.lease, is_fresh) {
            response.lease = match self.leases.get(&request.key).filter(|(deadline, _)| now < *deadline) {
                Some((_, None)) => LeaseStatus::Uncoalesced,
                Some((_, Some(owner))) if *owner != lease.owner => LeaseStatus::Held,
                Some(_) => LeaseStatus::Acquired,
                None => {
                    self.leases.insert(request.key, (now + lease.ttl, Some(lease.owner)));
                    LeaseStatus::Acquired
                }
            };
        }
        response
    }

    pub(super) fn put(&mut self, mut request: PutRequest, now: Instant) -> PutResult {
        if let Some(owner) = request.owner {
            self.release(request.key, owner, None);
        }
        if request.purge_seq < self.forgotten_up_to || self.later_purges(&request).next().is_some() {
            return PutResult::Purged;
        }
        let started_at = now.checked_sub(request.started).expect("the system clock is too young");
        let stored = self.entries.get(&request.key);
        if stored.is_some_and(|stored| stored.started_at > started_at && stored.is_fresh(now)) {
            return PutResult::Superseded;
        }
        let bytes = Bytes::from(std::mem::take(&mut request.bytes));
        self.puts += 1;
        self.entries.insert(
            request.key,
            StoredEntry { bytes, request, version: self.puts, stored_at: now, started_at },
        );
        PutResult::Stored
    }

    pub(super) fn release(&mut self, key: Id, owner: Id, uncacheable_until: Option<Instant>) {
        if self.leases.get(&key).is_none_or(|(_, current)| *current != Some(owner)) {
            return;
        }
        match uncacheable_until {
            Some(deadline) => self.leases.insert(key, (deadline, None)),
            None => self.leases.remove(&key),
        };
        self.log.push(Change::Filled(key));
    }

    pub(super) fn purge(&mut self, request: PurgeRequest, now: Instant) -> PurgeResult {
        self.sequence = self.sequence.max(request.min_sequence) + 1;
        self.purges.push(ExecutedPurge {
            sequence: self.sequence,
            executed_at: now,
            expire: request.expire,
            scope: request.scope,
        });
        self.log.push(Change::Purged(request.message));
        PurgeResult { sequence: self.sequence, is_namespace_used: self.puts > 0 }
    }

    /// Returns the number of changes up to now.
    pub(super) fn end_of_log(&self) -> usize {
        self.truncated + self.log.len()
    }

    /// Returns the changes after a cursor, and whether there are any.
    pub(super) fn changes(&self, after: Option<&Cursor>) -> (bool, ChangeBatch) {
        let end = self.end_of_log();
        let position = after.and_then(|after| std::str::from_utf8(&after.0).ok()?.parse().ok());
        let changes =
            position.and_then(|position: usize| self.log.get(position.checked_sub(self.truncated)?..));
        let cursor = Cursor(end.to_string().into_bytes());
        let is_new = changes.is_none_or(|changes| !changes.is_empty());
        (
            is_new,
            ChangeBatch {
                complete: changes.is_some(),
                changes: changes.map(<[Change]>::to_vec).unwrap_or_default(),
                cursor,
                sequence: self.sequence,
            },
        )
    }
}

impl StoredEntry {
    fn is_fresh(&self, now: Instant) -> bool {
        self.request.fresh_for.is_none_or(|time| now < self.stored_at + time)
    }
}
