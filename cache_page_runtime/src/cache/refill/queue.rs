//! The pages that are to be refilled.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

use crate::{key::KeyedUrl, sync::lock};

/// The pages that may wait. More are left to their visitors. A URL has at most 8 KiB, as a key, and is kept twice.
const MAX_WAITING: usize = 1000;

/// The pages that purges have removed, for the [`Refiller`](super::Refiller)s.
#[derive(Debug, Default)]
pub(in crate::cache) struct RefillQueue {
    waiting: Mutex<Waiting>,
    added: Notify,
    refillers: AtomicUsize,
}

#[derive(Debug, Default)]
struct Waiting {
    order: VecDeque<KeyedUrl>,
    urls: HashSet<KeyedUrl>,
}

impl RefillQueue {
    /// Returns whether a refiller is running.
    pub(in crate::cache) fn has_refiller(&self) -> bool {
        self.refillers.load(Ordering::Acquire) > 0
    }

    pub(super) fn add_refiller(&self) {
        self.refillers.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn remove_refiller(&self) {
        self.refillers.fetch_sub(1, Ordering::AcqRel);
    }

    /// Adds pages, except for those that wait already.
    pub(super) fn add(&self, urls: Vec<KeyedUrl>) {
        let mut waiting = lock(&self.waiting);
        for url in urls {
            if waiting.order.len() < MAX_WAITING && waiting.urls.insert(url.clone()) {
                waiting.order.push_back(url);
            }
        }
        self.added.notify_waiters();
    }

    /// Waits for the next page.
    pub(super) async fn next(&self) -> KeyedUrl {
        loop {
            let added = self.added.notified();
            let mut added = std::pin::pin!(added);
            added.as_mut().enable();
            if let Some(url) = self.take() {
                return url;
            }
            added.await;
        }
    }

    fn take(&self) -> Option<KeyedUrl> {
        let mut waiting = lock(&self.waiting);
        let url = waiting.order.pop_front()?;
        waiting.urls.remove(&url);
        Some(url)
    }
}
