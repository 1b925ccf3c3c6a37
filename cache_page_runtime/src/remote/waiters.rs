//! Requests that wait for a page which another process makes.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex},
};

use tokio::sync::Notify;

use crate::remote::{store::Id, tier::lock};

#[derive(Default)]
pub(crate) struct Waits(Mutex<HashMap<Id, Arc<Notify>>>);

/// One that waits.
pub(crate) struct Wait<'w> {
    waits: &'w Waits,
    page: Id,
    notify: Arc<Notify>,
}

impl Waits {
    pub(crate) fn begin(&self, page: Id) -> Wait<'_> {
        let notify = Arc::clone(lock(&self.0).entry(page).or_default());
        Wait { waits: self, page, notify }
    }

    pub(crate) fn wake(&self, page: Id) {
        if let Some(notify) = lock(&self.0).get(&page) {
            notify.notify_waiters();
        }
    }
}

impl Wait<'_> {
    /// Tells when it is heard that the page may be there.
    pub(crate) fn notify(&self) -> Arc<Notify> {
        Arc::clone(&self.notify)
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Entry::Occupied(there) = lock(&self.waits.0).entry(self.page)
            // The table's, and this one.
            && Arc::strong_count(there.get()) <= 2
        {
            there.remove();
        }
    }
}
