//! A remote store in memory: the simplest implementation of the contract, with failures on request.

mod namespace;

use std::{
    collections::HashMap,
    env,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::web::Bytes;
use cache_page::remote::{
    BoxFuture, Change, ChangeBatch, Cursor, GetRequest, GetResponse, Id, Lease, PurgeRequest, PutRequest,
    PutResult, ReleaseReason, RemoteStore, StoreError,
};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use self::namespace::Namespace;

/// The data that all processes share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backend(Arc<BackendState>);

#[derive(Debug, Default)]
struct BackendState {
    namespaces: Mutex<HashMap<String, Namespace>>,
    clock_offset: Mutex<Duration>,
    /// Signals a change.
    changed: Notify,
}

impl Backend {
    /// Creates the store of one more process.
    pub(crate) fn store(&self) -> MemoryStore {
        MemoryStore { backend: self.clone(), connection: Arc::default() }
    }

    fn now(&self) -> Instant {
        Instant::now() + *self.0.clock_offset.lock().unwrap()
    }

    pub(crate) fn advance(&self, time: Duration) {
        *self.0.clock_offset.lock().unwrap() += time;
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

/// A method of the store.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Method {
    Get,
    Put,
    Release,
    Purge,
    PollChanges,
}

impl Method {
    pub(crate) const ALL: [Self; 5] = [Self::Get, Self::Put, Self::Release, Self::Purge, Self::PollChanges];
}

/// What a method does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Behavior {
    #[default]
    Works,
    /// Executes the call, and returns when the behavior changes.
    Holds,
    /// Neither executes the call nor returns.
    Hangs,
    /// Returns a rejection.
    Rejects,
    /// Returns that the store is unavailable.
    Fails,
}

/// The store of one process.
#[derive(Clone, Debug)]
pub(crate) struct MemoryStore {
    pub(crate) backend: Backend,
    connection: Arc<Connection>,
}

#[derive(Debug, Default)]
struct Connection {
    namespace: OnceLock<String>,
    behaviors: [Mutex<Behavior>; 5],
    calls: [AtomicU64; 5],
    /// Entries that were sent.
    entries_sent: AtomicU64,
    confirms_any_version: AtomicBool,
}

impl MemoryStore {
    /// Sets what these methods do from now on.
    pub(crate) fn set_behavior(&self, methods: &[Method], behavior: Behavior) {
        methods
            .iter()
            .for_each(|method| *self.connection.behaviors[*method as usize].lock().unwrap() = behavior);
    }

    fn behavior(&self, method: Method) -> Behavior {
        *self.connection.behaviors[method as usize].lock().unwrap()
    }

    /// Returns the number of calls of a method.
    pub(crate) fn calls(&self, method: Method) -> u64 {
        self.connection.calls[method as usize].load(Ordering::SeqCst)
    }

    /// Returns the number of entries that were sent, and not only confirmed.
    pub(crate) fn entries_sent(&self) -> u64 {
        self.connection.entries_sent.load(Ordering::SeqCst)
    }

    /// Confirms every version from now on, whatever the caller has.
    pub(crate) fn confirm_any_version(&self) {
        self.connection.confirms_any_version.store(true, Ordering::SeqCst);
    }

    fn with_namespace<T>(&self, use_namespace: impl FnOnce(&mut Namespace, Instant) -> T) -> T {
        let name = self.connection.namespace.get().expect("no namespace").clone();
        use_namespace(self.backend.namespaces().entry(name).or_default(), self.backend.now())
    }

    /// The same, and signals a change.
    fn change<T>(&self, use_namespace: impl FnOnce(&mut Namespace, Instant) -> T) -> T {
        let result = self.with_namespace(use_namespace);
        self.backend.0.changed.notify_waiters();
        result
    }

    fn call<'s, T: Send + 's>(
        &'s self,
        method: Method,
        execute: impl Future<Output = T> + Send + 's,
    ) -> BoxFuture<'s, T> {
        self.connection.calls[method as usize].fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            match self.behavior(method) {
                Behavior::Rejects => return Err(StoreError::rejected("requested by the test")),
                Behavior::Fails => return Err(StoreError::unavailable("requested by the test")),
                Behavior::Hangs => std::future::pending().await,
                Behavior::Works | Behavior::Holds => {}
            }
            let result = execute.await;
            if let Some(time) = latency(method) {
                sleep(time).await;
            }
            while self.behavior(method) == Behavior::Holds {
                sleep(Duration::from_millis(1)).await;
            }
            Ok(result)
        })
    }
}

/// Returns the latency of a method according to `CACHE_PAGE_REMOTE_LATENCY`.
fn latency(method: Method) -> Option<Duration> {
    static LATENCY: LazyLock<String> =
        LazyLock::new(|| env::var("CACHE_PAGE_REMOTE_LATENCY").unwrap_or_default());
    let (name, time) = LATENCY.split_once('=')?;
    (name == format!("{method:?}")).then(|| Duration::from_millis(time.parse().expect("a number")))
}

impl RemoteStore for MemoryStore {
    fn set_namespace(&self, key_prefix: &str) {
        self.connection.namespace.set(key_prefix.to_owned()).expect("the namespace is set once");
    }

    fn get(&self, request: GetRequest) -> BoxFuture<'_, GetResponse> {
        self.call(Method::Get, async move {
            let mut response = self.with_namespace(|namespace, now| namespace.get(&request, now));
            if let Some(entry) = &mut response.entry {
                entry.bytes.take_if(|_| self.connection.confirms_any_version.load(Ordering::SeqCst));
                self.connection.entries_sent.fetch_add(u64::from(entry.bytes.is_some()), Ordering::SeqCst);
            }
            response
        })
    }

    fn put(&self, request: PutRequest) -> BoxFuture<'_, PutResult> {
        self.call(Method::Put, async move { self.change(|namespace, now| namespace.put(request, now)) })
    }

    fn release(&self, key: Id, owner: Id, reason: ReleaseReason) -> BoxFuture<'_, ()> {
        let uncacheable_for = match reason {
            ReleaseReason::Retry => None,
            ReleaseReason::Uncacheable(time) => Some(time),
        };
        self.call(Method::Release, async move {
            self.change(|namespace, now| {
                namespace.release(key, owner, uncacheable_for.map(|time| now + time));
            });
        })
    }

    fn purge(&self, request: PurgeRequest) -> BoxFuture<'_, ()> {
        self.call(Method::Purge, async move { self.change(|namespace, now| namespace.purge(request, now)) })
    }

    fn poll_changes(&self, after: Option<Cursor>, wait: Duration) -> BoxFuture<'_, ChangeBatch> {
        self.call(Method::PollChanges, async move {
            let deadline = Instant::now() + wait;
            loop {
                // Registered before the log is read, so that no change is missed.
                let changed = self.backend.0.changed.notified();
                let (is_new, batch) = self.with_namespace(|namespace, _| namespace.changes(after.as_ref()));
                let remaining = deadline.saturating_duration_since(Instant::now());
                if is_new || remaining.is_zero() {
                    return batch;
                }
                let _ = timeout(remaining, changed).await;
            }
        })
    }
}
