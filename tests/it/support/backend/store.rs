//! The store of one process, with failures on request.

use std::{
    env,
    sync::{
        Arc, LazyLock, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use cache_page::remote::{
    BoxFuture, ChangeBatch, Cursor, GetRequest, GetResponse, Id, PurgeRequest, PurgeResult, PutRequest,
    PutResult, ReleaseReason, RemoteStore, StoreError,
};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use super::{Backend, namespace::Namespace};

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
    /// Signals that a behavior has changed.
    behavior_changed: Notify,
    calls: [AtomicU64; 5],
    /// Entries that were sent.
    entries_sent: AtomicU64,
    confirms_any_version: AtomicBool,
    /// The last batch of changes that was returned.
    returned: Mutex<Option<Progress>>,
    /// The last batch of changes that the process has applied: its next poll continues from there.
    applied: Mutex<Option<Progress>>,
}

/// How far a batch of changes goes.
#[derive(Clone, Debug)]
struct Progress {
    cursor: Cursor,
    /// The number of changes up to the cursor.
    changes: usize,
    sequence: u64,
}

impl MemoryStore {
    pub(super) fn new(backend: Backend) -> Self {
        Self { backend, connection: Arc::default() }
    }

    /// Sets what these methods do from now on.
    pub(crate) fn set_behavior(&self, methods: &[Method], behavior: Behavior) {
        for method in methods {
            *self.connection.behaviors[*method as usize].lock().unwrap() = behavior;
        }
        self.connection.behavior_changed.notify_waiters();
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

    /// Returns whether the process has applied all changes up to now.
    pub(crate) fn is_up_to_date(&self) -> bool {
        let (changes, sequence) =
            self.with_namespace(|namespace, _| (namespace.end_of_log(), namespace.sequence));
        let applied = self.connection.applied.lock().unwrap();
        applied.as_ref().is_some_and(|applied| applied.changes >= changes && applied.sequence >= sequence)
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
            loop {
                let changed = self.connection.behavior_changed.notified();
                if self.behavior(method) != Behavior::Holds {
                    break;
                }
                changed.await;
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

    fn purge(&self, request: PurgeRequest) -> BoxFuture<'_, PurgeResult> {
        self.call(Method::Purge, async move { self.change(|namespace, now| namespace.purge(request, now)) })
    }

    fn poll_changes(&self, after: Option<Cursor>, wait: Duration) -> BoxFuture<'_, ChangeBatch> {
        {
            let returned = self.connection.returned.lock().unwrap();
            if let Some(returned) = returned.as_ref().filter(|it| after.as_ref() == Some(&it.cursor)) {
                *self.connection.applied.lock().unwrap() = Some(returned.clone());
            }
        }
        self.call(Method::PollChanges, async move {
            let deadline = Instant::now() + wait;
            loop {
                // Registered before the log is read, so that no change is missed.
                let changed = self.backend.0.changed.notified();
                let (is_new, batch, end) = self.with_namespace(|namespace, _| {
                    let (is_new, batch) = namespace.changes(after.as_ref());
                    (is_new, batch, namespace.end_of_log())
                });
                let remaining = deadline.saturating_duration_since(Instant::now());
                if is_new || remaining.is_zero() {
                    *self.connection.returned.lock().unwrap() = Some(Progress {
                        cursor: batch.cursor.clone(),
                        changes: end,
                        sequence: batch.sequence,
                    });
                    return batch;
                }
                let _ = timeout(remaining, changed).await;
            }
        })
    }
}
