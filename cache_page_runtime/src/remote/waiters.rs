//! Requests that wait for a page which another process makes.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex},
};

use tokio::sync::Notify;

use crate::{key::Id, remote::tier::lock};

#[derive(Default)]
pub(crate) struct Waiters(Mutex<HashMap<Id, Arc<Notify>>>);

/// One that waits.
pub(crate) struct Waiter<'w> {
    waiters: &'w Waiters,
    key: Id,
    notify: Arc<Notify>,
}

impl Waiters {
    pub(crate) fn register(&self, page: Id) -> Waiter<'_> {
        let notify = Arc::clone(lock(&self.0).entry(page).or_default());
        Waiter { waiters: self, key: page, notify }
    }

    pub(crate) fn wake(&self, page: Id) {
        if let Some(notify) = lock(&self.0).get(&page) {
            notify.notify_waiters();
        }
    }
}

impl Waiter<'_> {
    /// Tells when it is heard that the page may be there.
    pub(crate) fn notification(&self) -> Arc<Notify> {
        Arc::clone(&self.notify)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if let Entry::Occupied(there) = lock(&self.waiters.0).entry(self.key)
            // The table's, and this one.
            && Arc::strong_count(there.get()) <= 2
        {
            there.remove();
        }
    }
}
