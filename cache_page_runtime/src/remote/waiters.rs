//! Requests that wait for an entry which another process fills.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex},
};

use tokio::sync::Notify;

use crate::{key::Id, sync::lock};

#[derive(Default)]
pub(super) struct Waiters(Mutex<HashMap<Id, Arc<Notify>>>);

/// The registration of one request. Dropping it ends the registration.
pub(crate) struct Waiter<'w> {
    waiters: &'w Waiters,
    key: Id,
    notify: Arc<Notify>,
}

impl Waiters {
    pub(super) fn register(&self, key: Id) -> Waiter<'_> {
        let notify = Arc::clone(lock(&self.0).entry(key).or_default());
        Waiter { waiters: self, key, notify }
    }

    pub(super) fn wake(&self, key: Id) {
        if let Some(notify) = lock(&self.0).get(&key) {
            notify.notify_waiters();
        }
    }
}

impl Waiter<'_> {
    /// Returns the signal that the entry was stored or its lease released, which may be spurious.
    pub(crate) fn notification(&self) -> Arc<Notify> {
        Arc::clone(&self.notify)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if let Entry::Occupied(entry) = lock(&self.waiters.0).entry(self.key)
            // The table and this waiter hold the only references.
            && Arc::strong_count(entry.get()) <= 2
        {
            entry.remove();
        }
    }
}
