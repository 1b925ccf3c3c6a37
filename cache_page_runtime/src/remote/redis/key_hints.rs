//! Purge keys of pages that callers do not predict, so that the next lookup reads their stamps at once.

use std::sync::{Mutex, MutexGuard};

use crate::{key::Id, sync::lock};

/// A power of two. If two pages share a slot, the last one is remembered; the other costs a second round trip.
const SLOTS: usize = 1024;

/// A page with more keys is not remembered.
const MAX_KEYS: usize = 32;

pub(super) struct KeyHints(Box<[Mutex<Slot>]>);

/// A page and its keys.
type Slot = Option<(Id, Box<[Id]>)>;

impl KeyHints {
    pub(super) fn new() -> Self {
        Self((0..SLOTS).map(|_| Mutex::new(None)).collect())
    }

    pub(super) fn get(&self, page: Id) -> Vec<Id> {
        match &*self.slot(page) {
            Some((known, purge_keys)) if *known == page => purge_keys.to_vec(),
            _ => Vec::new(),
        }
    }

    /// Adds keys to those that are remembered of a page.
    pub(super) fn add(&self, page: Id, purge_keys: Vec<Id>) {
        let mut slot = self.slot(page);
        let mut all = match slot.take() {
            Some((known, earlier)) if known == page => earlier.into_vec(),
            _ => Vec::new(),
        };
        all.extend(purge_keys);
        if all.len() <= MAX_KEYS {
            *slot = Some((page, all.into()));
        }
    }

    fn slot(&self, page: Id) -> MutexGuard<'_, Slot> {
        let [one, two, ..] = page.0;
        lock(&self.0[usize::from(u16::from_le_bytes([one, two])) % SLOTS])
    }
}
