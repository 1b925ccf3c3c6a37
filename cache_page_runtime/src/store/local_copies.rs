//! Each worker's own copies of the pages that it is asked for again and again.
//!
//! A page in the store is shared: to send it, a worker locks a shard of the map and counts itself in and out of the page and
//! its bytes, and so does every other worker, on the same lines of memory. A copy of its own is shared with nobody. All that
//! is read from elsewhere is whether the page is gone or expired, which is written when that happens, and whether it is marked as asked for,
//! which is written when its turn to go has come.

use std::{
    cell::RefCell,
    hash::BuildHasher as _,
    sync::{Arc, OnceLock, Weak},
};

use foldhash::fast::RandomState;

use super::{entry::Entry, node::EntryNode, store::Store};
use crate::{key::CacheKey, time::instant::Instant};

/// How many copies a worker has at most, of all caches.
const PLACES: usize = 128;

/// A page that this worker found in the store so often is worth a copy.
const OFTEN: u8 = 4;

/// One that takes more than this is not copied: what counts is then the sending of its bytes.
const LARGEST: usize = 64 * 1024;

thread_local! {
    static HOT: RefCell<LocalCopies> = const { RefCell::new(LocalCopies { places: Vec::new(), found: Vec::new() }) };
}

struct LocalCopies {
    places: Vec<Option<LocalCopy>>,
    /// Pages that were found in the store: a part of their hash, and how often. A later one takes the place of an earlier one.
    found: Vec<(u32, u8)>,
}

struct LocalCopy {
    hash: u64,
    /// The store that it is of, which it does not keep.
    store: Weak<Store>,
    node: Arc<EntryNode>,
    page: Arc<Entry>,
    bytes: usize,
    /// Whether it was sent since another page wanted its place.
    used: bool,
}

impl Drop for LocalCopy {
    fn drop(&mut self) {
        if let Some(store) = self.store.upgrade() {
            store.release_copy(self.bytes);
        }
    }
}

/// What is looked for under.
#[derive(Clone, Copy)]
pub(crate) struct KeyHash(u64);

pub(crate) fn hash(key: CacheKey<'_>) -> KeyHash {
    static HASHER: OnceLock<RandomState> = OnceLock::new();
    KeyHash(HASHER.get_or_init(RandomState::default).hash_one(key.as_bytes()))
}

impl KeyHash {
    fn place(self) -> usize {
        // Bits that are not those of `part`.
        usize::from(self.0.to_le_bytes()[7]) % PLACES
    }

    fn part(self) -> u32 {
        let [a, b, c, d, ..] = self.0.to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }
}

/// This worker's own copy, if it has one that is still good.
pub(crate) fn get(store: &Arc<Store>, key: CacheKey<'_>, hash: KeyHash, now: Instant) -> Option<Arc<Entry>> {
    let found = HOT.try_with(|hot| {
        let mut hot = hot.borrow_mut();
        let place = hot.places.get_mut(hash.place())?;
        let copy = place.as_mut()?;
        if copy.hash != hash.0
            || !copy.node.is_of(key)
            || !std::ptr::eq(copy.store.as_ptr(), Arc::as_ptr(store))
        {
            return None;
        }
        if !copy.node.is_as_it_was() || !copy.page.is_fresh(now) || copy.page.must_revalidate_remote(now) {
            // Dropped when nothing is borrowed: giving its room back takes locks.
            return Some(Err(place.take()));
        }
        copy.used = true;
        copy.node.mark();
        Some(Ok(Arc::clone(&copy.page)))
    });
    // A worker that is just ending has none.
    found.ok().flatten()?.ok()
}

/// A page was found in the store, and is copied if that happens often.
pub(crate) fn found(store: &Arc<Store>, key: CacheKey<'_>, hash: KeyHash, page: &Arc<Entry>) {
    // A worker that is just ending needs no copies.
    let is_often = HOT.try_with(|hot| hot.borrow_mut().count(hash)).unwrap_or(false);
    if is_often {
        copy(store, key, hash, page);
    }
}

#[cold]
fn copy(store: &Arc<Store>, key: CacheKey<'_>, hash: KeyHash, page: &Arc<Entry>) {
    let bytes = page.weight() + size_of::<Option<LocalCopy>>();
    if bytes > LARGEST {
        return;
    }
    // Only what is kept for everybody: variants are looked for under another key.
    let Some(node) = store.node(key, page) else { return };
    // Room first: those that are of no use any more give theirs back.
    let Ok((is_free, useless)) = HOT.try_with(|hot| hot.borrow_mut().drain(hash)) else { return };
    drop(useless);
    if !is_free || !store.reserve_copy(bytes) {
        return;
    }
    let page = Arc::new(page.private_copy());
    let copy = LocalCopy { hash: hash.0, store: Arc::downgrade(store), node, page, bytes, used: false };
    let replaced = HOT.try_with(|hot| hot.borrow_mut().put(hash, copy));
    drop(replaced);
}

impl LocalCopies {
    fn count(&mut self, hash: KeyHash) -> bool {
        if self.found.is_empty() {
            self.found.resize(2 * PLACES, (0, 0));
        }
        let place = hash.part() as usize % self.found.len();
        let (part, times) = &mut self.found[place];
        if *part != hash.part() {
            (*part, *times) = (hash.part(), 0);
        }
        *times = (*times + 1) % OFTEN;
        *times == 0
    }

    /// Whether the wanted place is free, and those copies that are of no use any more. One that was sent since its place was
    /// last wanted stays: pages that are equally hot would else push out each other's copies again and again.
    fn drain(&mut self, hash: KeyHash) -> (bool, Vec<LocalCopy>) {
        let wanted = hash.place();
        let mut is_free = true;
        let mut useless = Vec::new();
        for (at, place) in self.places.iter_mut().enumerate() {
            let Some(copy) = place else { continue };
            let stays = copy.node.is_as_it_was() && (at != wanted || std::mem::take(&mut copy.used));
            if !stays {
                useless.extend(place.take());
            } else if at == wanted {
                is_free = false;
            }
        }
        (is_free, useless)
    }

    fn put(&mut self, hash: KeyHash, copy: LocalCopy) -> Option<LocalCopy> {
        if self.places.is_empty() {
            self.places.resize_with(PLACES, || None);
        }
        self.places[hash.place()].replace(copy)
    }
}
