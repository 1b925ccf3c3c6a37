//! A remote store in memory: the simplest implementation of the contract, with failures on request.

mod namespace;
mod store;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use actix_web::web::Bytes;
use cache_page::remote::{Change, Id, Lease};
use tokio::sync::Notify;

use self::namespace::Namespace;
pub(crate) use self::store::{Behavior, MemoryStore, Method};

/// The data that all processes share.
#[derive(Clone, Debug)]
pub(crate) struct Backend(Arc<BackendState>);

#[derive(Debug)]
struct BackendState {
    namespaces: Mutex<HashMap<String, Namespace>>,
    clock: BackendClock,
    /// Signals a change.
    changed: Notify,
}

#[derive(Debug)]
enum BackendClock {
    System,
    /// It stands still at this time, unless the test advances it.
    Manual(Mutex<Instant>),
}

impl Backend {
    /// Creates a backend without data, on a clock that the test advances.
    pub(crate) fn new() -> Self {
        Self::on(BackendClock::Manual(Mutex::new(Instant::now())))
    }

    /// Creates a backend on the clock of the system.
    pub(crate) fn on_the_system_clock() -> Self {
        Self::on(BackendClock::System)
    }

    fn on(clock: BackendClock) -> Self {
        Self(Arc::new(BackendState { namespaces: Mutex::default(), clock, changed: Notify::new() }))
    }

    /// Creates the store of one more process.
    pub(crate) fn store(&self) -> MemoryStore {
        MemoryStore::new(self.clone())
    }

    fn now(&self) -> Instant {
        match &self.0.clock {
            BackendClock::System => Instant::now(),
            BackendClock::Manual(now) => *now.lock().unwrap(),
        }
    }

    /// Advances the clock of the backend, but not those of the processes.
    pub(crate) fn advance(&self, time: Duration) {
        match &self.0.clock {
            BackendClock::System => panic!("the clock of the system does not stand still"),
            BackendClock::Manual(now) => *now.lock().unwrap() += time,
        }
    }

    fn namespaces(&self) -> MutexGuard<'_, HashMap<String, Namespace>> {
        self.0.namespaces.lock().unwrap()
    }

    /// Changes all namespaces.
    fn change_all(&self, change: impl FnMut(&mut Namespace)) {
        self.namespaces().values_mut().for_each(change);
        self.0.changed.notify_waiters();
    }

    /// Returns the number of entries, purged ones included.
    pub(crate) fn entries(&self) -> usize {
        self.namespaces().values().map(|namespace| namespace.entries.len()).sum()
    }

    /// Returns the number of leases.
    pub(crate) fn leases(&self) -> usize {
        let now = self.now();
        let count = |namespace: &Namespace| namespace.leases.values().filter(|(end, _)| now < *end).count();
        self.namespaces().values().map(count).sum()
    }

    /// Returns the number of purges that were executed and are still recorded.
    pub(crate) fn purges(&self) -> usize {
        self.namespaces().values().map(|namespace| namespace.purges.len()).sum()
    }

    /// Removes all entries, as a server without memory does.
    pub(crate) fn evict(&self) {
        self.change_all(|namespace| namespace.entries.clear());
    }

    /// Removes the record of purges.
    pub(crate) fn forget_purges(&self) {
        self.change_all(|namespace| {
            namespace.purges.clear();
            namespace.forgotten_up_to = namespace.sequence + 1;
            namespace.sequence += 1;
        });
    }

    /// Removes everything but the sequence numbers.
    pub(crate) fn clear(&self) {
        self.change_all(|namespace| {
            let (sequence, truncated) =
                (namespace.sequence + 1, namespace.truncated + namespace.log.len() + 1);
            *namespace = Namespace { sequence, forgotten_up_to: sequence, truncated, ..Namespace::default() };
        });
    }

    /// Removes the log, so that processes that have not read it get an incomplete batch.
    pub(crate) fn truncate_log(&self) {
        self.change_all(|namespace| {
            namespace.truncated += namespace.log.len() + 1;
            namespace.log.clear();
        });
    }

    /// Grants a lease, even on a fresh entry.
    pub(crate) fn grant_lease(&self, key: Id, lease: Lease) {
        let end = self.now() + lease.ttl;
        self.change_all(|namespace| {
            namespace.leases.insert(key, (end, Some(lease.owner)));
        });
    }

    /// Ends a lease of any owner.
    pub(crate) fn release_lease(&self, key: Id) {
        self.change_all(|namespace| {
            namespace.leases.remove(&key);
        });
    }

    /// Ends the leases of all processes.
    pub(crate) fn release_leases(&self) {
        self.change_all(|namespace| namespace.leases.clear());
    }

    /// Appends the message of a purge that no cache has sent.
    pub(crate) fn append_message(&self, message: &[u8]) {
        self.change_all(|namespace| namespace.log.push(Change::Purged(message.to_vec())));
    }

    /// Replaces the bytes of each entry.
    pub(crate) fn corrupt(&self, mut other: impl FnMut(&[u8]) -> Vec<u8>) {
        self.change_all(|namespace| {
            for entry in namespace.entries.values_mut() {
                entry.bytes = other(&entry.bytes).into();
            }
        });
    }

    /// Exchanges the bytes of the entries.
    pub(crate) fn swap_entries(&self) {
        self.change_all(|namespace| {
            let mut all: Vec<Bytes> = namespace.entries.values().map(|entry| entry.bytes.clone()).collect();
            all.rotate_left(1);
            namespace.entries.values_mut().zip(all).for_each(|(entry, bytes)| entry.bytes = bytes);
        });
    }

    /// Returns the bytes of all entries, concatenated.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.namespaces()
            .values()
            .flat_map(|namespace| namespace.entries.values().flat_map(|entry| entry.bytes.to_vec()))
            .collect()
    }
}
