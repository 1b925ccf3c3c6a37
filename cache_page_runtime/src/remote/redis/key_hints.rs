//! Names of pages that do not follow from their requests, for the next time that they are asked for.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::remote::Id;

/// A power of two. Of two pages in one place, the later one is remembered; what is forgotten costs a second question.
const SLOTS: usize = 1024;

/// Pages with more are asked for a second time each time.
const MAX_KEYS: usize = 32;

pub(super) struct KeyHints(Box<[Mutex<Slot>]>);

type Slot = Option<(Id, Box<[Id]>)>;

impl KeyHints {
    pub(super) fn new() -> Self {
        Self((0..SLOTS).map(|_| Mutex::new(None)).collect())
    }

    pub(super) fn get(&self, page: Id) -> Vec<Id> {
        match &*self.slot(page) {
            Some((known, names)) if *known == page => names.to_vec(),
            _ => Vec::new(),
        }
    }

    /// What was known of it before is no longer all.
    pub(super) fn add(&self, page: Id, names: Vec<Id>) {
        let mut place = self.slot(page);
        let mut all = match place.take() {
            Some((known, before)) if known == page => before.into_vec(),
            _ => Vec::new(),
        };
        all.extend(names);
        if all.len() <= MAX_KEYS {
            *place = Some((page, all.into()));
        }
    }

    fn slot(&self, page: Id) -> MutexGuard<'_, Slot> {
        let [one, two, ..] = page.0;
        let place = &self.0[usize::from(u16::from_le_bytes([one, two])) % SLOTS];
        place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
