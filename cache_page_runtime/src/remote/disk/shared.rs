//! What the instances of one folder and its writer share.

use std::{
    collections::{HashMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use actix_web::web::Bytes;
use redb::Database;
use tokio::sync::{Notify, oneshot};

use super::{
    changes::Changes,
    file::{self, Entry, Stored},
    header::{EntryKey, Header, hash_of},
    leases::Leases,
    purges::{PurgeRecord, Purges, Verdict},
};
use crate::{
    key::{Id, Version},
    remote::{
        GetRequest, GetResponse, LeaseStatus, PurgeRequest, PutRequest, PutResult, RemoteEntry, StoreError,
        namespace::random_id,
    },
    sync::lock,
};

/// Bytes of entries that may wait for the writer.
const MAX_PENDING_BYTES: usize = 16 * 1024 * 1024;

/// Entries whose lookups are remembered for the eviction.
const MAX_HITS: usize = 1 << 16;

/// The attempts to look at an entry that the writer is moving to the file.
const MAX_ATTEMPTS: usize = 8;

pub(super) struct Shared {
    pub(super) folder: PathBuf,
    pub(super) capacity: u64,
    /// Identifies this process in cursors.
    pub(super) instance: Id,
    pub(super) state: Mutex<State>,
    /// Wakes the writer.
    pub(super) work: Condvar,
    /// The file for readers, while it is open.
    pub(super) database: Mutex<Option<Arc<Database>>>,
    pub(super) is_damaged: AtomicBool,
    /// Signals a purge, and the first attempt to open the file.
    pub(super) changed: Notify,
}

/// Receives whether something is in the file.
pub(super) type Saved = oneshot::Sender<Result<(), StoreError>>;

pub(super) struct State {
    pub(super) purges: Purges,
    pub(super) changes: Changes,
    pub(super) leases: Leases,
    /// Entries that are not in the file yet.
    pub(super) pending: HashMap<EntryKey, Arc<Entry>>,
    pub(super) pending_bytes: usize,
    /// Purges that are not in the file yet, with their callers.
    pub(super) unsaved: Vec<(PurgeRecord, Saved)>,
    /// Callers that wait until `pending` is in the file.
    pub(super) flushes: Vec<Saved>,
    pub(super) hits: HashSet<EntryKey>,
    /// The number of the last purge.
    pub(super) sequence: u64,
    /// Purges before this one are unknown to `purges`.
    pub(super) floor: u64,
    /// Counts the times that entries have left `pending`.
    pub(super) moves: u64,
    pub(super) was_tried: bool,
    pub(super) is_open: bool,
    pub(super) is_closing: bool,
}

/// Where an entry was found.
struct Found {
    header: Header,
    bytes: Option<Bytes>,
}

impl Shared {
    pub(super) fn new(folder: PathBuf, capacity: u64) -> Self {
        let sequence = now();
        let state = State {
            purges: Purges::default(),
            changes: Changes::default(),
            leases: Leases::default(),
            pending: HashMap::new(),
            pending_bytes: 0,
            unsaved: Vec::new(),
            flushes: Vec::new(),
            hits: HashSet::new(),
            sequence,
            floor: sequence,
            moves: 0,
            was_tried: false,
            is_open: false,
            is_closing: false,
        };
        Self {
            folder,
            capacity,
            instance: Id(random_id()),
            state: Mutex::new(state),
            work: Condvar::new(),
            database: Mutex::new(None),
            is_damaged: AtomicBool::new(false),
            changed: Notify::new(),
        }
    }

    /// Looks an entry up. Reads the file, so it blocks.
    pub(super) fn get(&self, namespace: Id, request: &GetRequest) -> Result<GetResponse, StoreError> {
        let key = entry_key(namespace, request.key);
        // A version that is sent is confirmed without its bytes, unless it is stale.
        let has_version = |header: &Header| {
            request.if_version.as_ref().is_some_and(|version| *version.0 == header.hash.to_le_bytes())
        };
        let wants_bytes = |header: &Header| !has_version(header) || header.fresh_until <= now();
        self.find(&key, wants_bytes, |state, found| {
            let now = now();
            let found = found.filter(|found| found.header.is_kept(now));
            let found = found.map(|found| (state.purges.verdict(namespace, &found.header), found));
            let found = found.filter(|(verdict, _)| *verdict != Verdict::Purged);
            let is_fresh = found
                .as_ref()
                .is_some_and(|(verdict, found)| *verdict == Verdict::Valid && now < found.header.fresh_until);
            let lease = match request.lease {
                Some(lease) if !is_fresh => state.leases.acquire(key, lease),
                _ => LeaseStatus::Held,
            };
            if found.is_some() {
                state.record_hit(key);
            }
            let entry = found.map(|(verdict, found)| {
                let expired = match verdict {
                    Verdict::Expired(at) => Some(Duration::from_micros(now.saturating_sub(at))),
                    _ => None,
                };
                let needs_bytes = !is_fresh || !has_version(&found.header);
                RemoteEntry {
                    bytes: found.bytes.filter(|_| needs_bytes),
                    version: Some(Version(Bytes::copy_from_slice(&found.header.hash.to_le_bytes()))),
                    age: Duration::from_micros(now.saturating_sub(found.header.put_at)),
                    expired,
                }
            });
            let lacks_bytes = !is_fresh && entry.as_ref().is_some_and(|entry| entry.bytes.is_none());
            Ok((!lacks_bytes).then_some(GetResponse { entry, lease }))
        })
    }

    /// Stores an entry for the writer. Reads the file, so it blocks.
    pub(super) fn put(&self, namespace: Id, request: PutRequest) -> Result<PutResult, StoreError> {
        let key = entry_key(namespace, request.key);
        let put_at = now();
        let after =
            |time: Option<Duration>| time.map_or(u64::MAX, |time| put_at.saturating_add(micros(time)));
        let header = Header {
            number: 0,
            put_at,
            started_at: put_at.saturating_sub(micros(request.started)),
            fresh_until: after(request.fresh_for),
            removed_at: after(Some(request.ttl)),
            expired_at: 0,
            purge_seq: request.purge_seq,
            hash: hash_of(&request.bytes),
            length: request.bytes.len() as u64,
            path: request.path,
            purge_keys: request.purge_keys,
        };
        let is_too_large = header.cost() > self.capacity / 8;
        let entry = Arc::new(Entry { header, bytes: request.bytes.into() });
        self.find(
            &key,
            |_| false,
            |state, found| {
                let result = if entry.header.purge_seq < state.floor
                    || state.purges.verdict(namespace, &entry.header) != Verdict::Valid
                {
                    Ok(PutResult::Purged)
                } else if found.is_some_and(|found| state.supersedes(namespace, &found.header, &entry.header))
                {
                    Ok(PutResult::Superseded)
                } else if !state.is_open {
                    Err(StoreError::rejected("the cache on disk is not available"))
                } else if is_too_large {
                    Err(StoreError::rejected("an entry has more than an eighth of the cache on disk"))
                } else if state.pending_bytes + entry.bytes.len() > MAX_PENDING_BYTES {
                    Err(StoreError::rejected("the disk is slower than the entries that are put"))
                } else {
                    state.add_pending(key, Arc::clone(&entry));
                    self.work.notify_one();
                    Ok(PutResult::Stored)
                };
                state.leases.end(&key, request.owner, matches!(result, Ok(PutResult::Stored)));
                result.map(Some)
            },
        )
    }

    /// Executes a purge in memory. It is durable when the receiver has its result.
    pub(super) fn purge(
        &self,
        namespace: Id,
        request: PurgeRequest,
    ) -> (u64, oneshot::Receiver<Result<(), StoreError>>) {
        let (saved, receiver) = oneshot::channel();
        let state = &mut *lock(&self.state);
        let at = now();
        let sequence = at.max(state.sequence + 1).max(request.min_sequence.saturating_add(1));
        state.sequence = sequence;
        let PurgeRequest { expire, scope, message, .. } = request;
        let record = state.purges.bounded(PurgeRecord { sequence, at, namespace, expire, scope });
        state.purges.add(&record);
        state.changes.add(namespace, sequence, message);
        state.unsaved.push((record, saved));
        self.work.notify_one();
        self.changed.notify_waiters();
        (sequence, receiver)
    }

    /// Has the writer write all entries at once. They are in the file when the receiver has its result.
    pub(super) fn flush(&self) -> oneshot::Receiver<Result<(), StoreError>> {
        let (saved, receiver) = oneshot::channel();
        lock(&self.state).flushes.push(saved);
        self.work.notify_one();
        receiver
    }

    /// Calls `decide` with an entry and the state in which it was found, until it has a result.
    fn find<T>(
        &self,
        key: &EntryKey,
        wants_bytes: impl Fn(&Header) -> bool,
        decide: impl Fn(&mut State, Option<Found>) -> Result<Option<T>, StoreError>,
    ) -> Result<T, StoreError> {
        for attempt in 1..=MAX_ATTEMPTS {
            let moves = lock(&self.state).moves;
            // After an attempt in which the bytes were missing, they are read in any case.
            let stored = self.read(key, |header| attempt > 1 || wants_bytes(header))?;
            let state = &mut *lock(&self.state);
            let found = match state.pending.get(key) {
                Some(entry) => Some(Found { header: entry.header.clone(), bytes: Some(entry.bytes.clone()) }),
                None if state.moves != moves && attempt < MAX_ATTEMPTS => continue,
                None => stored,
            };
            if let Some(result) = decide(state, found)? {
                return Ok(result);
            }
        }
        Err(StoreError::rejected("an entry is replaced too often"))
    }

    /// Reads an entry from the file. A damaged one is missing.
    fn read(
        &self,
        key: &EntryKey,
        wants_bytes: impl Fn(&Header) -> bool,
    ) -> Result<Option<Found>, StoreError> {
        let Some(database) = lock(&self.database).clone() else { return Ok(None) };
        match catch_unwind(AssertUnwindSafe(|| file::read(&database, key, wants_bytes))) {
            Ok(Ok(Stored::Found(header, bytes))) => Ok(Some(Found { header, bytes })),
            Ok(Ok(Stored::Missing)) => Ok(None),
            Ok(Ok(Stored::Damaged)) => {
                tracing::debug!(target: "cache_page", "an entry on disk is damaged, and counts as a miss");
                Ok(None)
            }
            Ok(Err(redb::Error::Io(error))) => Err(StoreError::rejected(error)),
            Ok(Err(redb::Error::PreviousIo)) => Err(StoreError::rejected("the disk has failed")),
            // The engine checks what it reads by panics in some places.
            Ok(Err(_)) | Err(_) => {
                self.is_damaged.store(true, Ordering::Release);
                self.work.notify_one();
                Ok(None)
            }
        }
    }
}

impl State {
    /// Returns whether a stored entry is fresh, and of a fill that started later.
    fn supersedes(&self, namespace: Id, stored: &Header, new: &Header) -> bool {
        let now = now();
        stored.is_kept(now)
            && now < stored.fresh_until
            && stored.started_at > new.started_at
            && self.purges.verdict(namespace, stored) == Verdict::Valid
    }

    fn add_pending(&mut self, key: EntryKey, entry: Arc<Entry>) {
        self.pending_bytes += entry.bytes.len();
        if let Some(before) = self.pending.insert(key, entry) {
            self.pending_bytes -= before.bytes.len();
        }
    }

    pub(super) fn remove_pending(&mut self, key: &EntryKey, entry: &Arc<Entry>) {
        if self.pending.get(key).is_some_and(|pending| Arc::ptr_eq(pending, entry)) {
            self.pending.remove(key);
            self.pending_bytes -= entry.bytes.len();
        }
    }

    fn record_hit(&mut self, key: EntryKey) {
        if self.hits.len() >= MAX_HITS {
            self.hits.clear();
        }
        self.hits.insert(key);
    }
}

/// Returns the key of an entry in the file.
pub(super) fn entry_key(namespace: Id, key: Id) -> EntryKey {
    let mut bytes = [0; 32];
    let (first, second) = bytes.split_at_mut(16);
    first.copy_from_slice(&namespace.0);
    second.copy_from_slice(&key.0);
    bytes
}

/// Returns the namespace of an entry.
pub(super) fn namespace_of(key: &EntryKey) -> Id {
    let mut namespace = Id([0; 16]);
    namespace.0.copy_from_slice(&key[..16]);
    namespace
}

/// Returns the time in microseconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, micros)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
