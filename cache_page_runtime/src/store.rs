//! Where pages are kept: a map that workers read side by side, and the order in which pages go when room is needed.
//!
//! Under the key of a request there is a page, or the names of the request headers that the page depends on (`Vary`,
//! RFC 9111 4.1). With what the request says under these names, a second key is made, and its variant is there.

#[cfg(test)]
mod model;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use actix_web::http::header::{HeaderMap, HeaderName};
use dashmap::DashMap;
// Seeded at random for each map: keys are what clients send.
use foldhash::quality::RandomState;

use crate::{
    buffer::Buffer,
    clock::Moment,
    key::Key,
    outcome::{Forward, Reason},
    page::Page,
    vary::{self, Names},
};

/// The keys of pages that are gone may outnumber those that are there by as many before they are swept out.
const SLACK: usize = 64;

/// More variants of one page are not kept: whoever chooses what a request says could fill the store with them.
const MOST_VARIANTS: usize = 64;

/// What a list of names takes, beside the names.
const NAMES: usize = 128;

/// What a key takes beside its bytes: their allocation, and places in the map, the queue and a list of
/// variants, some of which are empty.
const A_KEY: usize = 192;

/// Pages by key, within a budget of bytes.
///
/// Reading locks one shard of the map for as long as it takes to clone an `Arc`. Whatever changes what is kept does so
/// under `order`, which is the only place that knows how much that is; a shard is only ever locked after it.
pub(crate) struct Store {
    map: DashMap<Arc<[u8]>, Kept, RandomState>,
    order: Mutex<Order>,
    max_bytes: usize,
}

struct Kept {
    what: What,
    weight: usize,
    /// Which of the things that were kept under this key it is.
    turn: u64,
}

#[derive(Clone)]
enum What {
    Page(Arc<Page>),
    Variant(Arc<Page>, Arc<Variants>),
    Variants(Arc<Variants>),
}

impl What {
    fn is_fresh(&self, now: Moment) -> bool {
        match self {
            Self::Page(page) | Self::Variant(page, _) => page.is_fresh(now),
            Self::Variants(_) => true,
        }
    }
}

/// The variants of a page.
struct Variants {
    /// What they depend on.
    names: Names,
    /// Those that are in the map. Only ever locked by whoever has locked `order`.
    keys: Mutex<Vec<(Arc<[u8]>, u64)>>,
}

impl Variants {
    fn keys(&self) -> MutexGuard<'_, Vec<(Arc<[u8]>, u64)>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Order {
    /// First in, first out. A key whose page was replaced or removed meanwhile stands for nothing.
    queue: VecDeque<(Arc<[u8]>, u64)>,
    turn: u64,
    /// Of all that is in the map, and of all keys in the queue.
    bytes: usize,
    /// In the map.
    keys: usize,
    pages: usize,
}

impl Store {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { map: DashMap::default(), order: Mutex::default(), max_bytes }
    }

    /// The page for a request, fresh or still of use; one that is neither is dropped on sight.
    pub(crate) fn get(&self, key: Key<'_>, request: &HeaderMap, now: Moment) -> Result<Arc<Page>, Forward> {
        match self.what(key.as_bytes()) {
            None => Err(Forward::Miss),
            Some((What::Variants(variants), _)) => {
                let variant = key.variant(&variants.names, request).ok_or(Forward::VaryMiss)?;
                let (what, turn) = self.what(variant.as_slice()).ok_or(Forward::VaryMiss)?;
                self.usable(variant.as_slice(), what, turn, now)
            }
            Some((what, turn)) => self.usable(key.as_bytes(), what, turn, now),
        }
    }

    fn usable(&self, key: &[u8], what: What, turn: u64, now: Moment) -> Result<Arc<Page>, Forward> {
        match what {
            What::Page(page) | What::Variant(page, _) if page.is_usable(now) => Ok(page),
            _ => {
                self.remove(&mut self.order(), key, turn);
                Err(Forward::Stale)
            }
        }
    }

    /// Those that share a page with a request come together under this key: the page's own, or that of a variant of it.
    pub(crate) fn with_place<T>(
        &self,
        key: Key<'_>,
        request: &HeaderMap,
        then: impl FnOnce(&[u8]) -> T,
    ) -> T {
        let variant = match self.what(key.as_bytes()) {
            Some((What::Variants(variants), _)) => key.variant(&variants.names, request),
            _ => None,
        };
        then(variant.as_ref().map_or(key.as_bytes(), Buffer::as_slice))
    }

    /// The request headers that pages under a key are known to depend on.
    pub(crate) fn names(&self, key: Key<'_>) -> Names {
        match self.what(key.as_bytes()) {
            Some((What::Variants(variants), _)) => variants.names.clone(),
            _ => Names::new(),
        }
    }

    /// Removes that page, unless another one has taken its place.
    pub(crate) fn remove_page(&self, key: Key<'_>, request: &HeaderMap, page: &Arc<Page>) {
        self.with_place(key, request, |place| {
            let order = &mut *self.order();
            if let Some((What::Page(there) | What::Variant(there, _), turn)) = self.what(place)
                && Arc::ptr_eq(&there, page)
            {
                self.remove(order, place, turn);
            }
        });
    }

    fn what(&self, key: &[u8]) -> Option<(What, u64)> {
        self.map.get(key).map(|kept| (kept.what.clone(), kept.turn))
    }

    /// Keeps a page that depends on these request headers, in the place of the one under the same key, and lets the oldest
    /// go until it fits.
    pub(crate) fn put(
        &self,
        key: Key<'_>,
        names: Names,
        request: &HeaderMap,
        page: Arc<Page>,
    ) -> Result<(), Reason> {
        let order = &mut *self.order();
        let bytes = key.as_bytes();
        let known = match self.what(bytes) {
            Some((What::Variants(variants), _)) => Some(variants),
            _ => None,
        };
        if known.is_none() && names.is_empty() {
            return self.insert(order, bytes, page.weight(), What::Page(page));
        }
        let variants = self.variants(order, bytes, known, names)?;
        let variant = key.variant(&variants.names, request).ok_or(Reason::KeyTooLong)?;
        let variant = variant.as_slice();
        if !self.map.contains_key(variant) && !self.has_room(order, &variants, page.made_at()) {
            return Err(Reason::Variants);
        }
        self.insert(order, variant, page.weight(), What::Variant(page, Arc::clone(&variants)))?;
        // They may have gone to make room, if there was no other variant.
        if !self.map.contains_key(bytes) {
            self.insert_names(order, bytes, variants)?;
        }
        // And where there is not room for both, the page went to make room for its names.
        if self.map.contains_key(variant) { Ok(()) } else { Err(Reason::TooLarge) }
    }

    /// Whether there may be one more variant. Those whose time is over may not have been asked for since.
    fn has_room(&self, order: &mut Order, variants: &Variants, now: Moment) -> bool {
        let known = variants.keys().clone();
        if known.len() < MOST_VARIANTS {
            return true;
        }
        for (key, turn) in known {
            if !self.map.get(&key).is_some_and(|kept| kept.what.is_fresh(now)) {
                self.remove(order, &key, turn);
            }
        }
        variants.keys().len() < MOST_VARIANTS
    }

    /// The variants under a key, which from now on depend on these names too.
    ///
    /// The names of a page only ever grow: that one response did not name a header does not mean that others may be sent
    /// to everybody. Variants by fewer names are not found any more.
    fn variants(
        &self,
        order: &mut Order,
        key: &[u8],
        known: Option<Arc<Variants>>,
        mut names: Names,
    ) -> Result<Arc<Variants>, Reason> {
        if let Some(known) = known {
            known.names.iter().for_each(|name| vary::insert(&mut names, name.clone()));
            if names == known.names {
                return Ok(known);
            }
        }
        let variants = Arc::new(Variants { names, keys: Mutex::default() });
        self.insert_names(order, key, Arc::clone(&variants))?;
        Ok(variants)
    }

    fn insert_names(&self, order: &mut Order, key: &[u8], variants: Arc<Variants>) -> Result<(), Reason> {
        let names = variants.names.iter().map(|name| name.as_str().len() + size_of::<HeaderName>());
        self.insert(order, key, NAMES + names.sum::<usize>(), What::Variants(variants))
    }

    fn insert(&self, order: &mut Order, key: &[u8], weight: usize, what: What) -> Result<(), Reason> {
        let weight = weight.saturating_add(cost_of_key(key));
        if weight > self.max_bytes {
            return Err(Reason::TooLarge);
        }
        if let Some((_, replaced)) = self.what(key) {
            self.remove(order, key, replaced);
        }
        self.make_room(order, weight);
        let key: Arc<[u8]> = key.into();
        order.turn += 1;
        order.bytes += weight;
        order.keys += 1;
        match &what {
            What::Page(_) => order.pages += 1,
            What::Variant(_, variants) => {
                variants.keys().push((Arc::clone(&key), order.turn));
                order.pages += 1;
            }
            What::Variants(_) => {}
        }
        order.queue.push_back((Arc::clone(&key), order.turn));
        self.map.insert(key, Kept { what, weight, turn: order.turn });
        self.sweep(order);
        Ok(())
    }

    /// Lets the oldest go until so many bytes fit in. Names stay while there are variants by them, which nobody would find.
    fn make_room(&self, order: &mut Order, weight: usize) {
        while order.bytes.saturating_add(weight) > self.max_bytes {
            let Some((oldest, turn)) = order.queue.pop_front() else { break };
            if self.has_variants(&oldest, turn) {
                order.queue.push_back((oldest, turn));
                continue;
            }
            self.remove(order, &oldest, turn);
            order.bytes -= cost_of_key(&oldest);
        }
    }

    fn has_variants(&self, key: &[u8], turn: u64) -> bool {
        match self.what(key) {
            Some((What::Variants(variants), there)) => there == turn && !variants.keys().is_empty(),
            _ => false,
        }
    }

    /// Removes what was kept under a key at that turn, unless something else has taken its place. The key itself stays in
    /// the queue, and counts until it leaves that.
    fn remove(&self, order: &mut Order, key: &[u8], turn: u64) {
        let Some((_, kept)) = self.map.remove_if(key, |_, kept| kept.turn == turn) else { return };
        order.bytes -= kept.weight - cost_of_key(key);
        order.keys -= 1;
        match kept.what {
            What::Page(_) => order.pages -= 1,
            What::Variant(_, variants) => {
                variants.keys().retain(|(_, known)| *known != turn);
                order.pages -= 1;
            }
            What::Variants(_) => {}
        }
    }

    /// Drops queued keys under which nothing is kept, once they are the greater part of the queue.
    fn sweep(&self, order: &mut Order) {
        if order.queue.len() > 2 * order.keys + SLACK {
            let Order { queue, bytes, .. } = order;
            queue.retain(|(key, turn)| {
                let is_kept = self.map.get(key).is_some_and(|kept| kept.turn == *turn);
                if !is_kept {
                    *bytes -= cost_of_key(key);
                }
                is_kept
            });
        }
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

    fn order(&self) -> MutexGuard<'_, Order> {
        // Nothing between lock and unlock panics halfway through a change; and a cache goes on serving.
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a key takes, in the map and in the queue.
fn cost_of_key(key: &[u8]) -> usize {
    key.len() + A_KEY
}
