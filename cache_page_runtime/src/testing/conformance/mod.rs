//! Tests that every [`RemoteStore`] must pass.
//!
//! Run the suite in a test of your implementation, on a tokio runtime with timers and I/O:
//!
//! ```no_run
//! use cache_page::{remote::RemoteStore, testing::conformance};
//!
//! # async fn test<MyStore: RemoteStore>(connect: impl Fn() -> MyStore) {
//! conformance::run(|| connect()).await;
//! # }
//! ```
//!
//! The suite checks the contract of a store that works. What happens when the server of a store is restarted, loses data or
//! has no memory left differs from store to store, and needs tests of its own. The suite does not check either that all
//! data expires.

mod entries;
mod leases;
mod poll_changes;
mod purges;
mod revalidation;
mod soft_purges;

use std::{
    cell::Cell,
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};
use xxhash_rust::xxh3::xxh3_128;

use crate::remote::{
    BoxFuture, ChangeBatch, Cursor, GetRequest, GetResponse, Id, Lease, PurgeRequest, PurgeResult,
    PurgeScope, PutRequest, PutResult, ReleaseReason, RemoteEntry, RemoteStore, StoreError, Version,
};

/// The deadline of each call and condition.
const LIMIT: Duration = Duration::from_secs(10);

/// A time that does not elapse during the suite.
const LONG: Duration = Duration::from_secs(600);

/// A time that the suite waits for.
const SHORT: Duration = Duration::from_millis(50);

/// Checks a store against its [contract](RemoteStore#contract).
///
/// `open` creates an instance of the store, as a starting process would. It is called several times, and all instances must
/// use the same server. It must not call [`set_namespace`](RemoteStore::set_namespace): each check uses a namespace of its
/// own, so the server need not be empty. All data that the suite stores expires within ten minutes.
///
/// # Panics
///
/// Panics if the store violates the contract.
pub async fn run<S: RemoteStore>(open: impl Fn() -> S) {
    let prefix = format!("conformance-{:016x}", RandomState::new().hash_one(std::process::id()));
    let harness = Harness { open: &open, prefix, namespaces: Cell::new(0) };
    entries::run(&harness).await;
    purges::run(&harness).await;
    soft_purges::run(&harness).await;
    leases::run(&harness).await;
    poll_changes::run(&harness).await;
    revalidation::run(&harness).await;
}

/// Creates the processes of a check.
struct Harness<'o, S> {
    open: &'o dyn Fn() -> S,
    prefix: String,
    namespaces: Cell<u32>,
}

impl<S: RemoteStore> Harness<'_, S> {
    /// Returns a namespace that is not in use.
    fn namespace(&self) -> String {
        self.namespaces.set(self.namespaces.get() + 1);
        format!("{}-{}", self.prefix, self.namespaces.get())
    }

    async fn process(&self, namespace: &str) -> Process<S> {
        Process::start((self.open)(), namespace).await
    }

    /// Starts two processes in an empty namespace.
    async fn two_processes(&self) -> (Process<S>, Process<S>) {
        let namespace = self.namespace();
        (self.process(&namespace).await, self.process(&namespace).await)
    }
}

/// A process that uses the store.
struct Process<S> {
    store: Arc<S>,
    /// The cursor of the last poll.
    cursor: Cursor,
    /// The sequence number of the last poll.
    sequence: u64,
}

impl<S: RemoteStore> Process<S> {
    async fn start(store: S, namespace: &str) -> Self {
        store.set_namespace(namespace);
        let batch = connect(&store, None).await;
        assert!(!batch.complete, "`poll_changes` without a cursor returned a complete batch");
        assert!(batch.sequence > 0, "`poll_changes` returned the sequence number 0");
        Self { store: Arc::new(store), cursor: batch.cursor, sequence: batch.sequence }
    }

    async fn lookup(&self, key: Id, lease: Option<Lease>) -> GetResponse {
        self.lookup_version(key, None, lease).await
    }

    async fn lookup_version(
        &self,
        key: Id,
        if_version: Option<Version>,
        lease: Option<Lease>,
    ) -> GetResponse {
        let request = GetRequest { key, if_version, purge_keys: Vec::new(), lease };
        complete("get", self.store.get(request)).await
    }

    /// Looks up an entry that is expected to have these purge keys.
    async fn get_expecting(&self, key: Id, purge_keys: &[&str]) -> Option<RemoteEntry> {
        let purge_keys = purge_keys.iter().map(|name| id(name)).collect();
        let request = GetRequest { key, if_version: None, purge_keys, lease: None };
        complete("get", self.store.get(request)).await.entry
    }

    async fn get(&self, key: Id) -> Option<RemoteEntry> {
        self.lookup(key, None).await.entry
    }

    async fn contains(&self, key: Id) -> bool {
        self.get(key).await.is_some()
    }

    async fn put(&self, request: PutRequest) -> PutResult {
        complete("put", self.store.put(request)).await
    }

    async fn release(&self, key: Id, owner: Id, reason: ReleaseReason) {
        complete("release", self.store.release(key, owner, reason)).await;
    }

    async fn send_purge(&self, scope: PurgeScope, expire: bool, message: &[u8]) -> PurgeResult {
        let request = PurgeRequest { min_sequence: self.sequence, expire, scope, message: message.to_vec() };
        complete("purge", self.store.purge(request)).await
    }

    async fn purge(&self, scope: PurgeScope) {
        self.send_purge(scope, false, b"purge").await;
    }

    async fn soft_purge(&self, scope: PurgeScope) {
        self.send_purge(scope, true, b"soft purge").await;
    }

    /// Returns the changes since the last poll.
    async fn poll(&mut self, wait: Duration) -> ChangeBatch {
        let batch = complete("poll_changes", self.store.poll_changes(Some(self.cursor.clone()), wait)).await;
        self.cursor = batch.cursor.clone();
        assert!(batch.sequence >= self.sequence, "the sequence number of the last purge decreased");
        self.sequence = batch.sequence;
        batch
    }

    /// Returns the sequence number of the last purge, which a fill that starts now reflects.
    async fn current_sequence(&mut self) -> u64 {
        self.poll(Duration::ZERO).await;
        self.sequence
    }
}

/// Polls until the store is available.
async fn connect<S: RemoteStore>(store: &S, after: Option<Cursor>) -> ChangeBatch {
    let started_at = Instant::now();
    loop {
        let result = call("poll_changes", store.poll_changes(after.clone(), Duration::ZERO)).await;
        let error = match result {
            Ok(batch) => return batch,
            Err(error) => error,
        };
        assert!(started_at.elapsed() < LIMIT, "the store is unavailable: {error}");
        sleep(Duration::from_millis(10)).await;
    }
}

async fn call<T>(method: &str, call: BoxFuture<'_, T>) -> Result<T, StoreError> {
    let result = timeout(LIMIT, call).await;
    assert!(result.is_ok(), "`{method}` did not complete within {LIMIT:?}");
    result.unwrap_or_else(|_| Err(StoreError::unavailable("timeout")))
}

// A test suite reports a violation by a panic.
#[allow(clippy::panic)]
async fn complete<T>(method: &str, future: BoxFuture<'_, T>) -> T {
    match call(method, future).await {
        Ok(value) => value,
        Err(error) => panic!("`{method}` failed: {error}"),
    }
}

/// Waits until a condition holds.
async fn eventually(condition: &str, holds: impl AsyncFn() -> bool) {
    let started_at = Instant::now();
    while !holds().await {
        assert!(started_at.elapsed() < LIMIT, "not within {LIMIT:?}: {condition}");
        sleep(Duration::from_millis(5)).await;
    }
}

fn id(name: &str) -> Id {
    Id(xxh3_128(name.as_bytes()).to_le_bytes())
}

/// Returns whether the store has sent an entry with these bytes.
fn has_bytes(entry: Option<&RemoteEntry>, bytes: &[u8]) -> bool {
    entry.and_then(|entry| entry.bytes.as_ref()).is_some_and(|sent| *sent == *bytes)
}

fn keys(names: &[&str]) -> PurgeScope {
    PurgeScope::Keys(names.iter().map(|name| id(name)).collect())
}

fn prefix(path: &str) -> PurgeScope {
    PurgeScope::PathPrefix(path.to_owned())
}

/// Creates an entry with the path `/posts/1` that stays fresh during the suite.
fn entry(key: Id, purge_keys: &[&str], purge_seq: u64) -> PutRequest {
    PutRequest {
        key,
        bytes: b"an entry".to_vec(),
        purge_keys: purge_keys.iter().map(|name| id(name)).collect(),
        path: "/posts/1".to_owned(),
        purge_seq,
        started: Duration::ZERO,
        fresh_for: Some(LONG),
        ttl: LONG,
        owner: None,
    }
}
