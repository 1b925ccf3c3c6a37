//! Where pages are kept: a map that workers read side by side, and the order in which pages go when room is needed.
//!
//! Under the key of a request there is a page, or the names of the request headers that the page depends on (`Vary`,
//! RFC 9111 4.1). With what the request says under these names, a second key is made, and its variant is there.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use actix_web::http::header::{HeaderMap, HeaderName};
use dashmap::DashMap;
use smallvec::SmallVec;

use crate::{
    clock::Moment,
    outcome::{Forward, Reason},
    page::Page,
    vary::{self, Names},
};

/// The keys of pages that are gone may outnumber those that are there by as many before they are swept out.
const SLACK: usize = 64;

/// More variants of one page are not kept: whoever chooses what a request says could fill the store with them.
const MOST_VARIANTS: usize = 64;

/// What a list of names takes, beside the names.
const NAMES: usize = 256;

/// The map keeps both kinds of keys; no key of one kind is one of the other.
const OF_A_REQUEST: u8 = 0;
const OF_A_VARIANT: u8 = 1;

/// Pages by key, within a budget of bytes.
///
/// Reading locks one shard of the map for as long as it takes to clone an `Arc`. Whatever changes what is kept does so
/// under `order`, which is the only place that knows how much that is; a shard is only ever locked after it.
pub(crate) struct Store {
    map: DashMap<Arc<[u8]>, Kept>,
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

/// The variants of a page.
struct Variants {
    /// What they depend on.
    names: Names,
    /// How many there are now.
    count: AtomicUsize,
}

#[derive(Default)]
struct Order {
    /// First in, first out. A key whose page was replaced or removed meanwhile stands for nothing.
    queue: VecDeque<(Arc<[u8]>, u64)>,
    turn: u64,
    bytes: usize,
    /// Keys in the map.
    keys: usize,
    pages: usize,
}

/// The key of a request in the map.
type Bytes = SmallVec<[u8; 264]>;

impl Store {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { map: DashMap::new(), order: Mutex::default(), max_bytes }
    }

    /// The fresh page for a request; one whose time is over is dropped on sight.
    pub(crate) fn get(&self, key: &[u8], request: &HeaderMap, now: Moment) -> Result<Arc<Page>, Forward> {
        let first = first_key(key);
        match self.what(&first) {
            None => Err(Forward::Miss),
            Some((What::Variants(variants), _)) => {
                let second = second_key(key, &variants.names, request);
                let (what, turn) = self.what(&second).ok_or(Forward::VaryMiss)?;
                self.fresh(&second, what, turn, now)
            }
            Some((what, turn)) => self.fresh(&first, what, turn, now),
        }
    }

    fn fresh(&self, key: &[u8], what: What, turn: u64, now: Moment) -> Result<Arc<Page>, Forward> {
        match what {
            What::Page(page) | What::Variant(page, _) if page.is_fresh(now) => Ok(page),
            _ => {
                self.remove(&mut self.order(), key, turn);
                Err(Forward::Stale)
            }
        }
    }

    fn what(&self, key: &[u8]) -> Option<(What, u64)> {
        self.map.get(key).map(|kept| (kept.what.clone(), kept.turn))
    }

    /// Keeps a page that depends on these request headers, in the place of the one under the same key, and lets the oldest
    /// go until it fits.
    pub(crate) fn put(
        &self,
        key: &[u8],
        names: Names,
        request: &HeaderMap,
        page: Arc<Page>,
    ) -> Result<(), Reason> {
        let order = &mut *self.order();
        let first = first_key(key);
        let known = match self.what(&first) {
            Some((What::Variants(variants), _)) => Some(variants),
            _ => None,
        };
        if known.is_none() && names.is_empty() {
            return self.insert(order, &first, page.weight(first.len()), What::Page(page));
        }
        let variants = self.variants(order, &first, known, names)?;
        let second = second_key(key, &variants.names, request);
        if !self.map.contains_key(&*second) && variants.count.load(Ordering::Relaxed) >= MOST_VARIANTS {
            return Err(Reason::Variants);
        }
        self.insert(order, &second, page.weight(second.len()), What::Variant(page, variants))
    }

    /// The variants under a key, which from now on depend on these names too.
    ///
    /// The names of a page only ever grow: that one response did not name a header does not mean that others may be sent
    /// to everybody. Variants by fewer names are not found any more.
    fn variants(
        &self,
        order: &mut Order,
        first: &[u8],
        known: Option<Arc<Variants>>,
        mut names: Names,
    ) -> Result<Arc<Variants>, Reason> {
        if let Some(known) = known {
            known.names.iter().for_each(|name| vary::insert(&mut names, name.clone()));
            if names == known.names {
                return Ok(known);
            }
        }
        let weight = names.iter().map(|name| name.as_str().len() + size_of::<HeaderName>()).sum::<usize>();
        let variants = Arc::new(Variants { names, count: AtomicUsize::new(0) });
        self.insert(order, first, NAMES + first.len() + weight, What::Variants(Arc::clone(&variants)))?;
        Ok(variants)
    }

    fn insert(&self, order: &mut Order, key: &[u8], weight: usize, what: What) -> Result<(), Reason> {
        if weight > self.max_bytes {
            return Err(Reason::TooLarge);
        }
        if let Some((_, replaced)) = self.what(key) {
            self.remove(order, key, replaced);
        }
        while order.bytes.saturating_add(weight) > self.max_bytes {
            let Some((oldest, turn)) = order.queue.pop_front() else { break };
            self.remove(order, &oldest, turn);
        }
        let key: Arc<[u8]> = key.into();
        order.turn += 1;
        order.bytes += weight;
        order.keys += 1;
        match &what {
            What::Page(_) => order.pages += 1,
            What::Variant(_, variants) => {
                variants.count.fetch_add(1, Ordering::Relaxed);
                order.pages += 1;
            }
            What::Variants(_) => {}
        }
        order.queue.push_back((Arc::clone(&key), order.turn));
        self.map.insert(key, Kept { what, weight, turn: order.turn });
        self.sweep(order);
        Ok(())
    }

    /// Removes what was kept under a key at that turn, unless something else has taken its place.
    fn remove(&self, order: &mut Order, key: &[u8], turn: u64) {
        let Some((_, kept)) = self.map.remove_if(key, |_, kept| kept.turn == turn) else { return };
        order.bytes -= kept.weight;
        order.keys -= 1;
        match kept.what {
            What::Page(_) => order.pages -= 1,
            What::Variant(_, variants) => {
                variants.count.fetch_sub(1, Ordering::Relaxed);
                order.pages -= 1;
            }
            What::Variants(_) => {}
        }
    }

    /// Drops queued keys under which nothing is kept, once they are the greater part of the queue.
    fn sweep(&self, order: &mut Order) {
        if order.queue.len() > 2 * order.keys + SLACK {
            order.queue.retain(|(key, turn)| self.map.get(key).is_some_and(|kept| kept.turn == *turn));
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

fn first_key(key: &[u8]) -> Bytes {
    let mut first = Bytes::new();
    first.push(OF_A_REQUEST);
    first.extend_from_slice(key);
    first
}

fn second_key(key: &[u8], names: &[HeaderName], request: &HeaderMap) -> Bytes {
    let mut second = Bytes::new();
    second.push(OF_A_VARIANT);
    second.extend_from_slice(&(key.len() as u64).to_le_bytes());
    second.extend_from_slice(key);
    vary::add_values(&mut second, names, request);
    second
}
