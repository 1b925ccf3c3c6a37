//! [`Store`]: the entries in memory, by key, within a budget of bytes.
//!
//! The key of a page leads either to its only entry, or to a [`VariantSet`] with the names of the request headers that the page
//! varies by (`Vary`, RFC 9111 4.1). The values of these headers are part of a second key, which leads to a variant.
//!
//! A lookup locks one shard of the map for as long as it takes to clone an `Arc`. All changes happen in a [`Writer`], under the
//! state lock, which guards what changes together with the map: the eviction queues, the purge index and the charged bytes.
//! Whatever concerns many entries is done in batches, and the lock is free between them.
//!
//! **Lock order:** the state, one shard of the map, the nodes of a variant set, the active purges, the purge log. No lock is held over an `await`.

#[cfg(test)]
#[path = "model.rs"]
mod model;
#[cfg(test)]
#[path = "tests.rs"]
pub(super) mod tests;

use std::{sync::Arc, thread};

use actix_web::http::header::HeaderMap;
use smallvec::SmallVec;

use super::{
    active_purges::ActivePurges,
    entry::Entry,
    handler_totals::HandlerTotal,
    map::EntryMap,
    miss::Miss,
    node::{EntryNode, Slot, VariantSet},
    removal::{RemovalCause, Removals},
    state::State,
    sweeper::Sweeper,
    weights::MIN_LARGE,
};
use crate::{
    http::{Coding, VaryNames},
    key::{CacheKey, KeyBuf, KeyHash},
    outcome::{ForwardReason, Reason},
    page::{EncodedBody, LinesOwner},
    purge::{LocalSelector, PurgeKey, PurgeLog, PurgeMode},
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        lock, try_lock,
    },
    time::Instant,
};

/// The bytes of budget for each shard of the map and each table of the purge index. Each has about a hundred entries, so that it
/// grows in less than a tenth of a millisecond, although it has to read each key.
const BYTES_PER_SHARD: usize = 1 << 16;

/// The highest number of shards: those of a cache of a million small pages.
const MAX_SHARDS: usize = 8192;

/// The weight up to which an entry seldom takes the room of more others than a writer has places for.
const FEW_EVICTED: usize = 2048;

/// The entries of one cache in memory.
pub(crate) struct Store {
    pub(super) map: EntryMap,
    state: Mutex<State>,
    /// The number of threads that wait for the state.
    pub(super) waiting: AtomicUsize,
    /// Whether an insertion has ever evicted others, as the next ones probably do.
    evicts: AtomicBool,
    pub(super) sweeper: Sweeper,
    pub(super) active_purges: ActivePurges,
    pub(super) max_bytes: usize,
    lines_owner: LinesOwner,
    pub(super) purge_log: PurgeLog<(PurgeMode, LocalSelector)>,
}

/// What is in a store at one time, and what has left it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// The number of stored entries.
    pub(crate) entries: usize,
    /// The bytes that are charged to the budget.
    pub(crate) bytes: usize,
    pub(crate) removals: Removals,
}

/// What is stored under a key.
enum Lookup {
    Absent,
    Usable(Arc<Entry>),
    /// An entry that must not be sent unless the remote store confirms it. It was removed if it cannot be confirmed.
    Unconfirmed(Option<Arc<Entry>>),
    /// An expired entry, which the handler may still revalidate, or an entry that was withdrawn and removed.
    Expired(Option<Arc<Entry>>),
    Variants(Arc<VariantSet>),
}

impl Store {
    /// Creates an empty store with a budget of `max_bytes`.
    pub(crate) fn new(max_bytes: usize) -> Self {
        let tables = (max_bytes / BYTES_PER_SHARD).next_power_of_two().min(MAX_SHARDS);
        // Workers lock shards for reading.
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let shards = tables.max((4 * workers).next_power_of_two().min(MAX_SHARDS));
        let lines_owner = LinesOwner::new();
        Self {
            map: EntryMap::new(shards),
            state: Mutex::new(State::new(max_bytes, tables, lines_owner)),
            waiting: AtomicUsize::new(0),
            evicts: AtomicBool::new(false),
            sweeper: Sweeper::default(),
            active_purges: ActivePurges::default(),
            max_bytes,
            lines_owner,
            purge_log: PurgeLog::new(),
        }
    }

    /// Returns the number of insertions. While it stays the same, a page that was not found is not there.
    pub(crate) fn insertions(&self) -> u64 {
        self.map.insertions()
    }

    /// Returns the entry for a request, which is fresh or may still be sent in some cases.
    ///
    /// # Errors
    ///
    /// Returns the cause of the miss, with the entry that was found expired. It stays until it is replaced, or removed as others are
    /// stored.
    pub(crate) fn get(
        &self,
        key: CacheKey<'_>,
        request: &HeaderMap,
        now: Instant,
    ) -> Result<Arc<Entry>, Miss> {
        match self.lookup((key.hash(), key.as_bytes()), now) {
            Lookup::Variants(variants) => {
                let variant_key = variants.variant_key(key, request);
                let variant_key = variant_key.ok_or(Miss::new(ForwardReason::VaryMiss))?;
                let variant_key = variant_key.as_slice();
                self.lookup((KeyHash::of(variant_key), variant_key), now).entry(ForwardReason::VaryMiss)
            }
            found => found.entry(ForwardReason::Miss),
        }
    }

    fn lookup(&self, key: (KeyHash, &[u8]), now: Instant) -> Lookup {
        match self.map.read(key, |node| self.look_at(node, now)) {
            None => Lookup::Absent,
            Some(Ok(found)) => found,
            Some(Err((node, unusable))) => {
                self.change(0, |writer| writer.remove(&node, RemovalCause::Expired));
                unusable
            }
        }
    }

    /// Returns what is stored under a node. `Err` has a node that is to be removed, once its shard is not locked any more.
    #[inline]
    fn look_at(&self, node: &Arc<EntryNode>, now: Instant) -> Result<Lookup, (Arc<EntryNode>, Lookup)> {
        let unusable = match (node.entry(), node.slot.variant_set()) {
            // Its sweep removes the entry. Before anything else: a purge whose sweep has failed marks the node before it ends.
            (Some(entry), _) if self.active_purges.apply(node, entry) => return Ok(Lookup::Absent),
            _ if node.is_flushed() => Lookup::Absent,
            (_, Some(variants)) => return Ok(Lookup::Variants(Arc::clone(variants))),
            (None, _) => return Ok(Lookup::Absent),
            (Some(entry), _) => {
                let must_revalidate = entry.must_revalidate_remote(now);
                if (!must_revalidate || entry.remote_ref().is_some()) && entry.is_usable(now) {
                    node.touch();
                    let entry = Arc::clone(entry);
                    return Ok(if must_revalidate {
                        Lookup::Unconfirmed(Some(entry))
                    } else {
                        Lookup::Usable(entry)
                    });
                }
                let entry = (!entry.is_invalidated()).then(|| Arc::clone(entry));
                match entry {
                    entry if must_revalidate => Lookup::Unconfirmed(entry),
                    Some(entry) => return Ok(Lookup::Expired(Some(entry))),
                    None => Lookup::Expired(None),
                }
            }
        };
        Err((Arc::clone(node), unusable))
    }

    /// Returns the node of an entry that does not vary, if the entry is stored under that key.
    pub(super) fn node(&self, key: CacheKey<'_>, entry: &Arc<Entry>) -> Option<Arc<EntryNode>> {
        let is_of_entry =
            |node: &EntryNode| matches!(&node.slot, Slot::Entry(stored) if Arc::ptr_eq(stored, entry));
        let key = (key.hash(), key.as_bytes());
        self.map.read(key, |node| is_of_entry(node).then(|| Arc::clone(node))).flatten()
    }

    /// Calls `f` with the key by which concurrent requests for the same entry are coalesced: that of the page, or that of the
    /// variant for this request.
    pub(crate) fn with_coalescing_key<T>(
        &self,
        key: CacheKey<'_>,
        request: &HeaderMap,
        f: impl FnOnce(&[u8]) -> T,
    ) -> T {
        let variants = self.variant_set(key);
        let variant_key = variants.and_then(|variants| variants.variant_key(key, request));
        f(variant_key.as_ref().map_or(key.as_bytes(), KeyBuf::as_slice))
    }

    /// Returns the request headers that the page of a key is known to vary by.
    pub(crate) fn vary_names(&self, key: CacheKey<'_>) -> VaryNames {
        self.variant_set(key).map(|variants| variants.names.clone()).unwrap_or_default()
    }

    fn variant_set(&self, key: CacheKey<'_>) -> Option<Arc<VariantSet>> {
        self.map.get(key.as_bytes())?.slot.variant_set().cloned()
    }

    /// Records that the page of a key varies by these request headers, which the remote store has reported.
    pub(crate) fn record_vary(&self, key: CacheKey<'_>, names: VaryNames) {
        // Without room for the names, the remote store is asked for them again.
        let _ = self.change(key.as_bytes().len(), |writer| writer.ensure_variant_set(key.as_bytes(), names));
    }

    /// Stores an entry that varies by these request headers, in the place of the one under the same key. Others are evicted to
    /// make room.
    ///
    /// # Errors
    ///
    /// Returns the reason for not storing it: it was purged since its handler was started ([`may_store`](Self::may_store)), its
    /// handler was started before that of the stored entry, it takes too much room, or its key is too long.
    pub(crate) fn put(
        &self,
        key: CacheKey<'_>,
        names: VaryNames,
        request: &HeaderMap,
        entry: Arc<Entry>,
    ) -> Result<(), Reason> {
        self.replace(key, names, request, entry, None)
    }

    /// Stores an entry as [`put`](Self::put) does. It may replace `replaced` whenever its handler was started.
    pub(crate) fn replace(
        &self,
        key: CacheKey<'_>,
        names: VaryNames,
        request: &HeaderMap,
        entry: Arc<Entry>,
        replaced: Option<&Arc<Entry>>,
    ) -> Result<(), Reason> {
        // Before room is made for it.
        let checked = self.may_store(&entry)?;
        let weight = entry.weight();
        if weight > MIN_LARGE {
            self.with_coalescing_key(key, request, |key| self.make_room_for(key, weight));
        }
        let node = names.is_empty().then(|| self.new_node(key, &entry));
        if let Some(node) = &node {
            self.map.make_room_at(node.hash);
        } else {
            self.with_coalescing_key(key, request, |key| self.map.make_room(key));
            // That of the first variant, of which the set does not know yet.
            key.variant(&names, request).iter().for_each(|key| self.map.make_room(key.as_slice()));
        }
        let evicts = self.evicts.load(Ordering::Relaxed);
        let lock = if evicts && weight > FEW_EVICTED { Self::removing_writer } else { Self::writer };
        let purge_keys: SmallVec<[PurgeKey; 8]> = entry.purge_keys().index_keys().collect();
        let mut writer = self.prepared(lock, &purge_keys, weight);
        // With the state locked too: a purge that is logged later finds the entry once it has the lock.
        self.was_not_purged_since(checked, &entry)?;
        let put = writer.put(key, names, request, (entry, node), replaced);
        if writer.has_evicted && !evicts {
            self.evicts.store(true, Ordering::Relaxed);
        }
        let sparse = writer.next_sparse_shards();
        self.unlock(writer);
        sparse.for_each(|shard| self.map.shrink_shard(shard));
        put
    }

    /// Creates the node of the only entry of a page, before the state is locked.
    fn new_node(&self, key: CacheKey<'_>, entry: &Arc<Entry>) -> Arc<EntryNode> {
        let slot = Slot::Entry(Arc::clone(entry));
        Arc::new(EntryNode::new(key.as_bytes(), key.hash(), slot, self.lines_owner))
    }

    /// Removes an entry, unless another one has replaced it.
    pub(crate) fn remove_if_current(&self, key: CacheKey<'_>, request: &HeaderMap, entry: &Arc<Entry>) {
        self.with_coalescing_key(key, request, |key| self.remove_under(key, entry));
    }

    /// Removes an entry that was stored under this key, that of a page or of a variant, unless another one has replaced it.
    pub(crate) fn remove_under(&self, key: &[u8], entry: &Arc<Entry>) {
        self.change(0, |writer| writer.remove_entry(key, entry));
    }

    /// Returns the key under which the entry for a request is stored.
    pub(crate) fn entry_key(&self, key: CacheKey<'_>, request: &HeaderMap) -> Box<[u8]> {
        self.with_coalescing_key(key, request, |key| Box::from(key))
    }

    /// Ends the encoding of the body of an entry, which stores the encoded body with the entry that is stored under this key. It is
    /// dropped if the entry was purged, evicted or replaced meanwhile, or if there is no room for it.
    pub(crate) fn finish_encoding(
        &self,
        key: &[u8],
        entry: &Arc<Entry>,
        coding: Coding,
        encoded: Option<Arc<EncodedBody>>,
    ) {
        let weight = encoded.as_ref().map_or(0, |encoded| encoded.weight());
        self.make_room_in_batches(weight);
        self.change(weight, |writer| writer.finish_encoding(key, entry, coding, encoded));
    }

    /// Charges a worker's copy of the entry of a node, and evicts others for it. Returns whether there is room for the copy.
    pub(super) fn reserve_copy(&self, node: &EntryNode, bytes: usize) -> bool {
        self.change(bytes, |writer| writer.reserve_copy(node, bytes))
    }

    /// Ends the charge for a worker's copy.
    pub(super) fn release_copy(&self, node: &EntryNode, bytes: usize) {
        self.writer().release_copy(node, bytes);
    }

    /// Returns this store, as the one whose entries share header lines.
    pub(crate) fn lines_owner(&self) -> LinesOwner {
        self.lines_owner
    }

    pub(crate) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Returns what is stored, and what was removed.
    pub(crate) fn sizes(&self) -> Sizes {
        let state = self.state();
        Sizes { entries: state.entries, bytes: state.bytes(), removals: state.removals }
    }

    /// Returns what each handler has in memory, with its name.
    pub(crate) fn handler_totals(&self) -> Vec<(&'static str, HandlerTotal)> {
        self.state().handlers.iter().collect()
    }

    /// Returns the number of stored entries.
    pub(crate) fn entry_count(&self) -> usize {
        self.state().entries
    }

    /// Returns the bytes that are charged to the budget.
    pub(crate) fn bytes(&self) -> usize {
        self.state().bytes()
    }

    /// Frees the places of the map that are not needed.
    pub(super) fn shrink_map(&self) {
        (0..self.map.shards()).for_each(|shard| self.map.shrink_shard(shard));
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        try_lock(&self.state).unwrap_or_else(|| {
            self.waiting.fetch_add(1, Ordering::Relaxed);
            let state = lock(&self.state);
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            state
        })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.map.unlink_variants();
    }
}

impl Lookup {
    /// Returns a usable entry, or a miss; `cause` is its reason unless an expired entry was found.
    fn entry(self, cause: ForwardReason) -> Result<Arc<Entry>, Miss> {
        match self {
            Self::Usable(entry) => Ok(entry),
            Self::Expired(stale) => Err(Miss { cause: ForwardReason::Stale, stale }),
            Self::Unconfirmed(stale) => Err(Miss { cause, stale }),
            Self::Absent | Self::Variants(_) => Err(Miss::new(cause)),
        }
    }
}
