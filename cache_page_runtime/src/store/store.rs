//! Where pages are kept: a map that workers read side by side, and the order in which pages go when room is needed.
//!
//! Under the key of a request there is a page, or the names of the request headers that the page depends on (`Vary`,
//! RFC 9111 4.1). With what the request says under these names, a second key is made, and its variant is there.

#[cfg(test)]
#[path = "model.rs"]
mod model;

use std::{
    hash::BuildHasher as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use actix_web::http::header::HeaderMap;
use dashmap::DashMap;
// Seeded at random for each map: keys are what clients send.
use foldhash::quality::RandomState;

use super::{
    entry::Entry,
    eviction::Eviction,
    miss::Miss,
    node::{EntryNode, NodeKey},
    purge_index::PurgeIndex,
    slot::{Slot, VariantSet},
};
use crate::{
    http::{VaryNames, vary},
    key::{CacheKey, KeyBuf},
    outcome::{ForwardReason, Reason},
    purge::{LocalSelector, PurgeLog, PurgeMode},
    time::instant::Instant,
};

/// More variants of one page are not kept: whoever chooses what a request says could fill the store with them.
const MOST_VARIANTS: usize = 64;

/// Nothing is kept that takes a larger part of the budget: one such page would push out a good part of the others.
const LARGEST_PART: usize = 4;

/// Workers' copies take no larger part.
const FOR_COPIES: usize = 8;

/// Pages by key, within a budget of bytes.
///
/// Reading locks one shard of the map for as long as it takes to clone an `Arc`. Whatever changes what is kept does so
/// under `order`, which is the only place that knows how much that is; a shard is only ever locked after it.
pub(crate) struct Store {
    map: DashMap<NodeKey, Slot, RandomState>,
    order: Mutex<Eviction>,
    max_bytes: usize,
    fence: PurgeLog<(PurgeMode, LocalSelector)>,
}

impl Store {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            map: DashMap::default(),
            order: Mutex::new(Eviction::new(max_bytes)),
            max_bytes,
            fence: PurgeLog::new(),
        }
    }

    pub(crate) fn fence(&self) -> &PurgeLog<(PurgeMode, LocalSelector)> {
        &self.fence
    }

    /// Purges or expires all that a target is about, and returns how many pages that were.
    ///
    /// The fence first: what is kept until the lock is taken is found here, and what comes later is not kept.
    pub(crate) fn purge(&self, verb: PurgeMode, target: &LocalSelector, now: Instant) -> usize {
        self.fence.append((verb, target.clone()));
        let order = &mut *self.order();
        if let (PurgeMode::Remove, LocalSelector::All) = (verb, target) {
            // Those who come by remove them.
            order.epoch.end();
            order.epoch = Arc::default();
            return std::mem::take(&mut order.pages);
        }
        let known: Vec<Arc<EntryNode>> = match target.index_key() {
            Some(name) => order.index.find(name).map(Arc::clone).collect(),
            None => order.nodes().map(Arc::clone).collect(),
        };
        let mut pages = 0;
        for node in known {
            let Some((Slot::Page(page) | Slot::Variant(page, _), there)) = self.what(&node.key) else {
                continue;
            };
            if !Arc::ptr_eq(&there, &node) || !target.matches(page.purge_keys()) {
                continue;
            }
            match verb {
                PurgeMode::Remove => self.remove(order, &node),
                // What is stale already goes on with its own time.
                PurgeMode::Expire if !page.is_fresh(now) => continue,
                PurgeMode::Expire => {
                    page.expire(now);
                    node.expire(page.expires_at().map_or(u64::MAX, Instant::as_nanos));
                }
            }
            pages += 1;
        }
        pages
    }

    /// The page for a request, fresh or still of use; one that is neither is dropped on sight.
    pub(crate) fn get(
        &self,
        key: CacheKey<'_>,
        request: &HeaderMap,
        now: Instant,
    ) -> Result<Arc<Entry>, Miss> {
        let gone = Miss::new;
        let over = |stale| Miss { cause: ForwardReason::Stale, stale };
        match self.look(key.as_bytes(), now) {
            Lookup::Page(page) => Ok(page),
            Lookup::Over(page) => Err(over(page)),
            Lookup::Left(old) => Err(Miss { cause: ForwardReason::Miss, stale: old }),
            Lookup::Nothing => Err(gone(ForwardReason::Miss)),
            Lookup::Variants(variants) => {
                let variant = key.variant(&variants.names, request).ok_or(gone(ForwardReason::VaryMiss))?;
                match self.look(variant.as_slice(), now) {
                    Lookup::Page(page) => Ok(page),
                    Lookup::Over(page) => Err(over(page)),
                    Lookup::Left(old) => Err(Miss { cause: ForwardReason::VaryMiss, stale: old }),
                    Lookup::Nothing | Lookup::Variants(_) => Err(gone(ForwardReason::VaryMiss)),
                }
            }
        }
    }

    fn look(&self, key: &[u8], now: Instant) -> Lookup {
        let Some(there) = self.map.get(key) else { return Lookup::Nothing };
        let node = &there.key().0;
        let over = match there.value() {
            _ if node.is_purged() => Lookup::Nothing,
            Slot::Page(page) | Slot::Variant(page, _)
                if page.must_revalidate_remote(now) && page.remote_ref().is_some() && page.is_usable(now) =>
            {
                node.mark();
                return Lookup::Left(Some(Arc::clone(page)));
            }
            Slot::Page(page) | Slot::Variant(page, _) if page.must_revalidate_remote(now) => {
                Lookup::Left(Some(Arc::clone(page)).filter(|page| !page.is_invalidated()))
            }
            Slot::Variants(variants) => return Lookup::Variants(Arc::clone(variants)),
            Slot::Page(page) | Slot::Variant(page, _) if page.is_usable(now) => {
                node.mark();
                return Lookup::Page(Arc::clone(page));
            }
            Slot::Page(page) | Slot::Variant(page, _) => {
                Lookup::Over(Some(Arc::clone(page)).filter(|page| !page.is_invalidated()))
            }
        };
        let node = Arc::clone(node);
        drop(there);
        self.remove(&mut self.order(), &node);
        over
    }

    /// What is known of the page that is kept for everybody under that key.
    pub(crate) fn node(&self, key: CacheKey<'_>, page: &Arc<Entry>) -> Option<Arc<EntryNode>> {
        let there = self.map.get(key.as_bytes())?;
        matches!(there.value(), Slot::Page(known) if Arc::ptr_eq(known, page))
            .then(|| Arc::clone(&there.key().0))
    }

    /// Those that share a page with a request come together under this key: the page's own, or that of a variant of it.
    pub(crate) fn with_place<T>(
        &self,
        key: CacheKey<'_>,
        request: &HeaderMap,
        then: impl FnOnce(&[u8]) -> T,
    ) -> T {
        let variant = match self.what(key.as_bytes()) {
            Some((Slot::Variants(variants), _)) => key.variant(&variants.names, request),
            _ => None,
        };
        then(variant.as_ref().map_or(key.as_bytes(), KeyBuf::as_slice))
    }

    /// The request headers that pages under a key are known to depend on.
    pub(crate) fn names(&self, key: CacheKey<'_>) -> VaryNames {
        match self.what(key.as_bytes()) {
            Some((Slot::Variants(variants), _)) => variants.names.clone(),
            _ => VaryNames::new(),
        }
    }

    /// Removes that page, unless another one has taken its place.
    pub(crate) fn remove_page(&self, key: CacheKey<'_>, request: &HeaderMap, page: &Arc<Entry>) {
        self.with_place(key, request, |place| {
            let order = &mut *self.order();
            if let Some((Slot::Page(there) | Slot::Variant(there, _), node)) = self.what(place)
                && Arc::ptr_eq(&there, page)
            {
                self.remove(order, &node);
            }
        });
    }

    fn what(&self, key: &[u8]) -> Option<(Slot, Arc<EntryNode>)> {
        let there = self.map.get(key).filter(|there| !there.key().0.is_purged())?;
        Some((there.value().clone(), Arc::clone(&there.key().0)))
    }

    /// From another process it is known that pages under a key depend on these.
    pub(crate) fn learn(&self, key: CacheKey<'_>, names: VaryNames) {
        let order = &mut *self.order();
        let known = match self.what(key.as_bytes()) {
            Some((Slot::Variants(variants), _)) => Some(variants),
            _ => None,
        };
        // Where there is no room for them, they are asked for again.
        let _ = self.variants(order, key.as_bytes(), known, names);
    }

    /// Keeps a page that depends on these request headers, in the place of the one under the same key, and lets others go
    /// until it fits; unless it may show what was purged while it was made.
    pub(crate) fn put(
        &self,
        key: CacheKey<'_>,
        names: VaryNames,
        request: &HeaderMap,
        page: Arc<Entry>,
    ) -> Result<(), Reason> {
        self.put_instead(key, names, request, page, None)
    }

    /// The same, where it is known to be newer than this page, whatever their times say.
    pub(crate) fn put_instead(
        &self,
        key: CacheKey<'_>,
        names: VaryNames,
        request: &HeaderMap,
        page: Arc<Entry>,
        old: Option<&Arc<Entry>>,
    ) -> Result<(), Reason> {
        let order = &mut *self.order();
        self.admits(&page)?;
        let bytes = key.as_bytes();
        let known = match self.what(bytes) {
            Some((Slot::Variants(variants), _)) => Some(variants),
            _ => None,
        };
        if known.is_none() && names.is_empty() {
            return self.insert(order, bytes, Slot::Page(page), old);
        }
        let variants = self.variants(order, bytes, known, names)?;
        let variant = key.variant(&variants.names, request).ok_or(Reason::KeyTooLong)?;
        let variant = variant.as_slice();
        if self.what(variant).is_none() && !self.has_room(order, &variants, page.created_at()) {
            return Err(Reason::TooManyVariants);
        }
        self.insert(order, variant, Slot::Variant(page, Arc::clone(&variants)), old)?;
        // They may have gone to make room, if there was no other variant.
        if self.what(bytes).is_none() {
            self.insert_names(order, bytes, variants)?;
        }
        // And where there is not room for both, the page went to make room for its names.
        if self.what(variant).is_some() { Ok(()) } else { Err(Reason::BodyTooLarge) }
    }

    /// Whether a page may be kept, as far as purges go.
    pub(crate) fn admits(&self, page: &Entry) -> Result<(), Reason> {
        if self.has_fallen(page) { Err(Reason::Purged) } else { Ok(()) }
    }

    fn has_fallen(&self, page: &Entry) -> bool {
        let about = page.purge_keys();
        self.fence.was_purged_since(about.purge_seq(), |(_, target)| target.matches(about))
    }

    /// Whether there may be one more variant. Those whose time is over may not have been asked for since.
    fn has_room(&self, order: &mut Eviction, variants: &VariantSet, now: Instant) -> bool {
        let known = variants.nodes().clone();
        if known.len() < MOST_VARIANTS {
            return true;
        }
        for node in known {
            if self.what(&node.key).is_none_or(|(what, _)| !what.is_fresh(now)) {
                self.remove(order, &node);
            }
        }
        variants.nodes().len() < MOST_VARIANTS
    }

    /// The variants under a key, which from now on depend on these names too.
    ///
    /// The names of a page only ever grow: that one response did not name a header does not mean that others may be sent
    /// to everybody. Variants by fewer names are not found any more.
    fn variants(
        &self,
        order: &mut Eviction,
        key: &[u8],
        known: Option<Arc<VariantSet>>,
        mut names: VaryNames,
    ) -> Result<Arc<VariantSet>, Reason> {
        if let Some(known) = known {
            known.names.iter().for_each(|name| vary::insert(&mut names, name.clone()));
            if names == known.names {
                return Ok(known);
            }
        }
        let variants = Arc::new(VariantSet { names, nodes: Mutex::default() });
        self.insert_names(order, key, Arc::clone(&variants))?;
        Ok(variants)
    }

    fn insert_names(
        &self,
        order: &mut Eviction,
        key: &[u8],
        variants: Arc<VariantSet>,
    ) -> Result<(), Reason> {
        self.insert(order, key, Slot::Variants(variants), None)
    }

    fn insert(
        &self,
        order: &mut Eviction,
        key: &[u8],
        what: Slot,
        old: Option<&Arc<Entry>>,
    ) -> Result<(), Reason> {
        let hash = self.map.hasher().hash_one(key);
        let node = EntryNode::new(key, hash, what.weight(), what.expires_at(), &what.names(), &order.epoch);
        let node = Arc::new(node);
        if node.weight > self.max_bytes / LARGEST_PART {
            return Err(Reason::BodyTooLarge);
        }
        let there = self.map.get(key).map(|there| (there.value().clone(), Arc::clone(&there.key().0)));
        if let Some((there, replaced)) = there {
            let is_overtaken = what.is_older_than(&there) && !there.is(old);
            if is_overtaken && !replaced.is_purged() {
                return Err(Reason::Superseded);
            }
            // Whoever comes by until the new one is in its place finds it there: nobody shall wait meanwhile.
            self.leaves(order, &replaced, &there);
        }
        if let Slot::Variant(_, variants) = &what {
            // Names without variants may go to make room.
            variants.nodes().push(Arc::clone(&node));
        }
        if let Slot::Page(page) | Slot::Variant(page, _) = &what {
            self.drop_over(order, page.created_at());
            order.pages += 1;
        }
        self.make_room(order, node.weight + PurgeIndex::most_growth(&node));
        order.push(Arc::clone(&node));
        order.bytes += order.index.add(&node);
        match self.map.entry(NodeKey(node)) {
            dashmap::Entry::Occupied(there) => drop(there.replace_entry(what)),
            dashmap::Entry::Vacant(place) => drop(place.insert(what)),
        }
        order.sweep();
        Ok(())
    }

    /// Lets others go until so many bytes fit in. Names stay while there are variants by them, which nobody would find.
    fn make_room(&self, order: &mut Eviction, weight: usize) {
        while order.bytes.saturating_add(weight) > self.max_bytes {
            let Some(node) = order.next_to_go(self.max_bytes, |node| self.has_variants(node)) else { break };
            self.remove(order, &node);
            order.bytes -= node.own_cost();
        }
    }

    fn has_variants(&self, node: &EntryNode) -> bool {
        match self.map.get(&*node.key).as_deref() {
            Some(Slot::Variants(variants)) => !variants.nodes().is_empty(),
            _ => false,
        }
    }

    /// Removes something, unless something else has taken its place. Its key stays in its queue.
    fn remove(&self, order: &mut Eviction, node: &Arc<EntryNode>) {
        let removed = self.map.remove_if(&*node.key, |held, _| Arc::ptr_eq(&held.0, node));
        if let Some((_, what)) = removed {
            self.leaves(order, node, &what);
        }
    }

    /// It counts no longer, whether it is in the map yet or not.
    fn leaves(&self, order: &mut Eviction, node: &Arc<EntryNode>, what: &Slot) {
        node.leave();
        order.removed(node);
        order.bytes -= order.index.remove(node);
        if matches!(what, Slot::Page(_) | Slot::Variant(..)) && !node.is_purged() {
            order.pages -= 1;
        }
        if let Slot::Variant(_, variants) = what {
            variants.nodes().retain(|known| !Arc::ptr_eq(known, node));
        }
    }

    /// Looks at a few of those that are kept, and drops those whose time is over.
    fn drop_over(&self, order: &mut Eviction, now: Instant) {
        for node in order.some_over(now) {
            self.remove(order, &node);
        }
    }

    /// Drops all whose time is over, and returns how many pages went.
    pub(crate) fn sweep(&self, now: Instant) -> usize {
        let order = &mut *self.order();
        let before = order.pages;
        let over: Vec<Arc<EntryNode>> =
            order.nodes().filter(|node| node.is_over(now)).map(Arc::clone).collect();
        over.iter().for_each(|node| self.remove(order, node));
        order.drop_gone();
        before - order.pages
    }

    /// Room for a worker's copy; others go for it, if it is not too much.
    pub(crate) fn reserve_copy(&self, bytes: usize) -> bool {
        let order = &mut *self.order();
        if order.copies.saturating_add(bytes) > self.max_bytes / FOR_COPIES {
            return false;
        }
        self.make_room(order, bytes);
        if order.bytes.saturating_add(bytes) > self.max_bytes {
            return false;
        }
        order.copies += bytes;
        order.bytes += bytes;
        true
    }

    pub(crate) fn release_copy(&self, bytes: usize) {
        let order = &mut *self.order();
        order.copies -= bytes;
        order.bytes -= bytes;
    }

    pub(crate) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    pub(crate) fn pages(&self) -> usize {
        self.order().pages
    }

    pub(crate) fn bytes(&self) -> usize {
        self.order().bytes
    }

    fn order(&self) -> MutexGuard<'_, Eviction> {
        // Nothing between lock and unlock panics halfway through a change; and a cache goes on serving.
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is under a key.
enum Lookup {
    Nothing,
    Page(Arc<Entry>),
    /// What is of no use any more, and is gone; its handler may say that it still is as it was.
    Over(Option<Arc<Entry>>),
    /// What may be as good as ever, which the shared tier knows. Where that cannot say so, it is gone.
    Left(Option<Arc<Entry>>),
    Variants(Arc<VariantSet>),
}
