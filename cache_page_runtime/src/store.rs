//! Where pages are kept: a map that workers read side by side, and the order in which pages go when room is needed.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use dashmap::DashMap;

use crate::{
    clock::Moment,
    page::Page,
    status::{Forward, Reason},
};

/// The keys of pages that are gone may outnumber those that are there by as many before they are swept out.
const SLACK: usize = 64;

/// Pages by key, within a budget of bytes.
///
/// Reading locks one shard of the map for as long as it takes to clone an `Arc`. Whatever changes what is kept does so
/// under `order`, which is the only place that knows how much that is; a shard is only ever locked after it.
pub(crate) struct Store {
    pages: DashMap<Arc<[u8]>, Kept>,
    order: Mutex<Order>,
    max_bytes: usize,
}

struct Kept {
    page: Arc<Page>,
    weight: usize,
    /// Which of the pages that were kept under this key it is.
    turn: u64,
}

#[derive(Default)]
struct Order {
    /// First in, first out. A key whose page was replaced or removed meanwhile stands for nothing.
    queue: VecDeque<(Arc<[u8]>, u64)>,
    turn: u64,
    bytes: usize,
    pages: usize,
}

impl Store {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { pages: DashMap::new(), order: Mutex::default(), max_bytes }
    }

    /// The fresh page under a key; one whose time is over is dropped on sight.
    pub(crate) fn get(&self, key: &[u8], now: Moment) -> Result<Arc<Page>, Forward> {
        let turn = match self.pages.get(key) {
            Some(kept) if kept.page.is_fresh(now) => return Ok(Arc::clone(&kept.page)),
            Some(kept) => kept.turn,
            None => return Err(Forward::Miss),
        };
        self.remove(&mut self.order(), key, turn);
        Err(Forward::Stale)
    }

    /// Keeps a page, in the place of the one under the same key, and lets the oldest go until it fits.
    ///
    /// Only a page larger than the whole budget is refused.
    pub(crate) fn put(&self, key: &[u8], page: Arc<Page>) -> Result<(), Reason> {
        let weight = page.weight(key.len());
        if weight > self.max_bytes {
            return Err(Reason::TooLarge);
        }
        let order = &mut *self.order();
        let replaced = self.pages.get(key).map(|kept| kept.turn);
        if let Some(turn) = replaced {
            self.remove(order, key, turn);
        }
        while order.bytes.saturating_add(weight) > self.max_bytes {
            let Some((oldest, turn)) = order.queue.pop_front() else { break };
            self.remove(order, &oldest, turn);
        }
        let key: Arc<[u8]> = key.into();
        order.turn += 1;
        order.bytes += weight;
        order.pages += 1;
        order.queue.push_back((Arc::clone(&key), order.turn));
        self.pages.insert(key, Kept { page, weight, turn: order.turn });
        self.sweep(order);
        Ok(())
    }

    /// Removes the page of that turn, unless another has taken its place.
    fn remove(&self, order: &mut Order, key: &[u8], turn: u64) {
        if let Some((_, kept)) = self.pages.remove_if(key, |_, kept| kept.turn == turn) {
            order.bytes -= kept.weight;
            order.pages -= 1;
        }
    }

    /// Drops queued keys whose page is gone, once they are the greater part of the queue.
    fn sweep(&self, order: &mut Order) {
        if order.queue.len() > 2 * order.pages + SLACK {
            order.queue.retain(|(key, turn)| self.pages.get(key).is_some_and(|kept| kept.turn == *turn));
        }
    }

    fn order(&self) -> MutexGuard<'_, Order> {
        // Nothing between lock and unlock panics halfway through a change; and a cache goes on serving.
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = self.order();
        f.debug_struct("Store")
            .field("pages", &order.pages)
            .field("bytes", &order.bytes)
            .field("max_bytes", &self.max_bytes)
            .finish()
    }
}
