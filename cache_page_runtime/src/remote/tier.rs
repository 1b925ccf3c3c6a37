//! The remote tier of one cache: its store, and the thread that follows the purges of other processes.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::oneshot::{Receiver, Sender, channel},
    task::spawn_blocking,
    time::sleep,
};

use super::{
    client::RemoteClient,
    encoding::RemoteEncoding,
    lease::RemoteLease,
    local_cache::LocalCache,
    messages::{GetRequest, GetResponse, Lease, PutRequest, PutResult},
    namespace::Namespace,
    options::RemoteOptions,
    purge_queue::{PendingPurge, PurgeAck},
    state::RemoteState,
    stats::{RemoteError, RemoteStats},
    store::RemoteStore,
    subscriber,
    versions::PreviousVersion,
    waiters::Waiter,
};
use crate::{
    cache_name::CacheName,
    http::Coding,
    key::{Id, Version},
    purge::{PurgeKeys, PurgeMode, PurgeSelector, PurgeSeq},
    sync::lock,
    time::{Clock, Instant},
};

/// How often [`RemoteTier::finish`] looks whether it has to wait longer.
const FINISH_INTERVAL: Duration = Duration::from_millis(5);

pub(crate) struct RemoteTier {
    state: Arc<RemoteState>,
    namespace: Namespace,
    previous: Option<Arc<PreviousVersion>>,
    /// Runs what requests do not wait for.
    runtime: Handle,
    /// Starts the subscriber.
    start: Mutex<Option<Sender<Weak<dyn LocalCache>>>>,
    next_lease: AtomicU64,
}

impl RemoteTier {
    /// Creates the tier and its thread. The thread is separate because a worker may be busy with a handler, and would not
    /// receive purges in the meantime.
    ///
    /// # Errors
    ///
    /// If the thread or its runtime cannot be started.
    pub(crate) fn new(
        store: Arc<dyn RemoteStore>,
        name: &CacheName,
        options: RemoteOptions,
        key_prefix: &str,
        version: Option<&str>,
        journal: Option<PathBuf>,
    ) -> io::Result<Self> {
        store.set_namespace(key_prefix);
        let client = Arc::new(RemoteClient::new(store, name.clone(), options.timeout));
        let journal = journal.map(|folder| (folder, key_prefix));
        let state = Arc::new(RemoteState::new(client, options, journal));
        let namespace = Namespace::new(key_prefix, version);
        let window = options.stale_across_versions;
        let previous = (!window.is_zero()).then(|| Arc::new(PreviousVersion::new(window)));
        let (start, started) = channel();
        let (send_runtime, receive_runtime) = std::sync::mpsc::channel();
        let thread_state = Arc::clone(&state);
        let run = move || {
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(send_runtime.send(Err(error))),
            };
            let _ = send_runtime.send(Ok(runtime.handle().clone()));
            run_subscriber(runtime, &thread_state, namespace, started);
        };
        std::thread::Builder::new().name("cache_page remote".to_owned()).spawn(run)?;
        let runtime = receive_runtime.recv().map_err(io::Error::other)??;
        let start = Mutex::new(Some(start));
        if let (Namespace::Version(version), Some(previous)) = (namespace, previous.clone()) {
            let state = Arc::clone(&state);
            runtime.spawn(async move {
                previous.exchange(&state.client, &state.seen_purges, version).await;
            });
        }
        Ok(Self { state, namespace, previous, runtime, start, next_lease: AtomicU64::new(0) })
    }

    /// Starts the subscriber, which applies purges to `cache` until it is dropped.
    pub(crate) fn start(&self, cache: Weak<dyn LocalCache>) {
        if let Some(start) = lock(&self.start).take() {
            // The thread logs why it ended.
            let _ = start.send(cache);
        }
    }

    pub(crate) fn options(&self) -> &RemoteOptions {
        &self.state.options
    }

    pub(crate) fn namespace(&self) -> Namespace {
        self.namespace
    }

    /// Returns the namespace of the previous version, if its pages are served as stale ones.
    pub(crate) fn previous_namespace(&self) -> Option<Namespace> {
        self.previous.as_ref()?.namespace()
    }

    /// Waits until entries can be looked up, for a process that has just started.
    pub(crate) async fn wait_available(&self) -> Result<(), RemoteError> {
        self.state.client.wait_available().await
    }

    pub(crate) fn is_available(&self) -> bool {
        self.state.client.is_available()
    }

    pub(crate) fn stats(&self) -> RemoteStats {
        self.state.client.stats()
    }

    /// Returns whether entries are served from local memory without asking the store.
    pub(crate) fn serves_from_memory(&self) -> bool {
        !self.options().local_ttl.is_zero()
    }

    /// Returns until when an entry that was valid in the store at `validated_at` is served from local memory.
    pub(crate) fn local_expiry(&self, validated_at: Instant) -> Instant {
        if self.serves_from_memory() {
            validated_at + self.options().local_ttl
        } else {
            // In the past for a caller that has read the clock before.
            Instant::new(Duration::ZERO)
        }
    }

    /// Returns whether local memory may be served at `now`, which is a time of `clock`: the last poll of the purge log was
    /// at most `max_purge_lag` ago.
    pub(crate) fn is_consistent(&self, clock: &Clock, now: Instant) -> bool {
        self.state.is_consistent(clock, now)
    }

    /// Returns the number of the last remote purge that had been applied at a local sequence number, or 0 if that is
    /// unknown.
    pub(crate) fn sequence_at(&self, local: PurgeSeq) -> u64 {
        self.state.seen_purges.sequence_at(local)
    }

    /// Returns whether a purge of this process matches an entry with `keys`, which the store may not have executed when it
    /// answered a request that was sent at `requested_at`.
    pub(crate) fn has_pending_purge(&self, keys: &PurgeKeys, requested_at: PurgeSeq) -> bool {
        self.state.purge_queue.matches(keys, requested_at)
    }

    /// Returns an owner for the leases of one fill.
    pub(crate) fn new_lease_owner(&self) -> Id {
        let number = self.next_lease.fetch_add(1, Ordering::Relaxed);
        let mut owner = self.state.process_id;
        owner.0.iter_mut().zip(number.to_le_bytes()).for_each(|(byte, more)| *byte ^= more);
        owner
    }

    /// Looks up an entry, and requests the lease on it if there is an `owner`.
    pub(crate) async fn get(
        &self,
        key: Id,
        if_version: Option<Version>,
        purge_keys: Vec<Id>,
        owner: Option<Id>,
    ) -> Result<GetResponse, RemoteError> {
        let request = GetRequest { key, if_version, purge_keys, lease: owner.map(Lease::of) };
        self.state.client.get(request).await
    }

    /// Keeps a lease that the store has granted, for at most `max_duration`.
    pub(crate) fn keep_lease(&self, key: Id, owner: Id, max_duration: Duration) -> RemoteLease {
        let client = Arc::clone(&self.state.client);
        RemoteLease::keep(client, self.runtime.clone(), key, owner, max_duration)
    }

    /// Registers a request that waits for an entry which another process fills.
    pub(crate) fn register_waiter(&self, key: Id) -> Waiter<'_> {
        self.state.waiters.register(key)
    }

    /// Counts an entry whose bytes this cache did not write.
    pub(crate) fn report_corrupt(&self) {
        self.state.client.report_corrupt();
    }

    /// Puts entries into the store in the background, in their order, until one is rejected. Nothing is put if the store is
    /// unavailable or too many bytes are in flight.
    ///
    /// The lease, if there is one, ends in any case. `withdraw` is called if the store has not kept the entry because of a
    /// purge or a newer entry, so that other processes will have another one. The entry has the purge keys `keys`.
    pub(crate) fn put(
        &self,
        requests: Vec<PutRequest>,
        lease: Option<RemoteLease>,
        keys: &Arc<PurgeKeys>,
        withdraw: impl FnOnce() + Send + 'static,
    ) {
        let bytes = requests.iter().map(|request| request.bytes.len()).sum();
        let client = Arc::clone(&self.state.client);
        let Some(permit) = client.reserve(bytes) else {
            return client.count_overload();
        };
        let (state, keys) = (Arc::clone(&self.state), Arc::clone(keys));
        self.runtime.spawn(async move {
            let sent_at = PurgeSeq::now();
            let result = put_all(&client, requests, lease).await;
            let is_withdrawn = match result {
                Ok(PutResult::Stored) => state.purge_queue.record_put(&keys, sent_at),
                Ok(PutResult::Purged | PutResult::Superseded) => true,
                // The store has no other entry either.
                Err(_) => false,
            };
            if is_withdrawn {
                withdraw();
            }
            client.counters().count_put(result);
            drop(permit);
        });
    }

    /// Returns the place of an encoded body in the store.
    pub(crate) fn encoding(&self, page_key: &[u8], coding: Coding, body: &[u8]) -> RemoteEncoding {
        let (client, runtime) = (Arc::clone(&self.state.client), self.runtime.clone());
        RemoteEncoding::new(client, runtime, self.new_lease_owner(), page_key, coding, body)
    }

    /// Returns how many purges the store has not executed.
    pub(crate) fn pending_purges(&self) -> usize {
        self.state.purge_queue.len()
    }

    /// Purges in the store what is being purged in local memory. Until the purge is executed,
    /// [`has_pending_purge`](Self::has_pending_purge) matches it.
    pub(crate) fn purge(&self, mode: PurgeMode, selector: &PurgeSelector) -> PurgeAck {
        let mut purge = PendingPurge::new(self.state.process_id, mode, selector);
        let ack = purge.add_caller();
        if self.state.purge_queue.push(purge) {
            let state = Arc::clone(&self.state);
            self.runtime.spawn(async move { state.deliver_purges().await });
        }
        ack
    }
}

impl RemoteTier {
    /// Waits until what is on its way to the store has arrived there, for no longer than until the deadline. Returns how many purges
    /// have not, and whether all pages have.
    pub(crate) async fn finish(&self, deadline: tokio::time::Instant) -> (usize, bool) {
        let RemoteState { client, purge_queue, .. } = &*self.state;
        while !(purge_queue.len() == 0 && client.is_idle()) && tokio::time::Instant::now() < deadline {
            sleep(FINISH_INTERVAL).await;
        }
        let is_written = client.is_idle() && client.finish(deadline).await;
        (purge_queue.len(), is_written)
    }
}

fn run_subscriber(
    runtime: Runtime,
    state: &Arc<RemoteState>,
    namespace: Namespace,
    started: Receiver<Weak<dyn LocalCache>>,
) {
    runtime.block_on(async {
        if let Ok(cache) = started.await {
            if namespace.is_prepared() && state.journal.is_none() {
                state.client.mark_ready();
            } else {
                // Hashing a large executable takes time, and purges do not need it.
                let state = Arc::clone(state);
                drop(spawn_blocking(move || {
                    state.adopt_purges();
                    namespace.prepare();
                    state.client.mark_ready();
                }));
            }
            let _ = state.cache.set(Weak::clone(&cache));
            subscriber::run(state, &cache).await;
        }
    });
    // Calls in flight are not awaited.
    runtime.shutdown_background();
}

async fn put_all(
    client: &RemoteClient,
    requests: Vec<PutRequest>,
    mut lease: Option<RemoteLease>,
) -> Result<PutResult, RemoteError> {
    if let Some(lease) = &lease {
        lease.stop_renewal();
    }
    let mut result = Ok(PutResult::Stored);
    for request in requests {
        let ends_lease = request.owner.is_some();
        let response = client.put(request).await;
        if let (Some(lease), true, Ok(_)) = (&mut lease, ends_lease, &response) {
            lease.disarm();
        }
        // The `Vary` names may be missing although a newer variant is stored, so they are put all the same.
        result = match (result, response) {
            (Ok(PutResult::Superseded), Ok(PutResult::Stored)) => Ok(PutResult::Superseded),
            (_, response) => response,
        };
        if !matches!(result, Ok(PutResult::Stored | PutResult::Superseded)) {
            break;
        }
    }
    result
}
