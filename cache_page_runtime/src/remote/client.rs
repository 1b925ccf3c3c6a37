//! Calls of the remote store: each has a deadline, and none is made while the circuit breaker is open.
//!
//! The breaker opens when a call reports that the store is unavailable, or after [`MAX_CONSECUTIVE_TIMEOUTS`]. Only the
//! [subscriber](super::subscriber) closes it: its poll of the purge log is the probe.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use tokio::{
    runtime::Handle,
    sync::Notify,
    task::yield_now,
    time::{timeout, timeout_at},
};

use super::{
    call_metrics::{CallMetrics, Operation},
    error::StoreError,
    messages::{
        ChangeBatch, Cursor, GetRequest, GetResponse, PurgeRequest, PurgeResult, PutRequest, PutResult,
        ReleaseReason,
    },
    stats::{RemoteCounters, RemoteError, RemoteStats},
    store::{BoxFuture, RemoteStore},
};
use crate::{
    cache_name::CacheName,
    key::Id,
    time::{Clock, Instant},
};

/// Timeouts in a row after which the breaker opens.
const MAX_CONSECUTIVE_TIMEOUTS: u32 = 3;

/// The least time that an attempt to deliver a purge may take. Its caller does not wait for longer than the timeout.
const MIN_PURGE_TIMEOUT: Duration = Duration::from_secs(1);

/// Bytes of entries that may be on their way to the store. Entries beyond it are not stored there.
const MAX_INFLIGHT_BYTES: usize = 16 * 1024 * 1024;

/// How often other tasks of a thread run before a call counts as timed out: once for what the runtime polls before them, and once after.
const TURNS: u32 = 2;

/// A remote store behind a deadline, a circuit breaker and counters.
pub(crate) struct RemoteClient {
    store: Arc<dyn RemoteStore>,
    timeout: Duration,
    counters: RemoteCounters,
    metrics: CallMetrics,
    /// Whether the breaker is closed.
    is_connected: AtomicBool,
    /// Whether the keys of entries are known, so that the store can be used for more than purges.
    is_ready: AtomicBool,
    /// Whether the first attempt to reach the store has completed.
    was_tried: AtomicBool,
    /// Until when requests wait for the first attempt.
    starts_until: Instant,
    /// Signals that one of these has changed.
    changed: Notify,
    consecutive_timeouts: AtomicU32,
    inflight_bytes: AtomicU64,
}

impl RemoteClient {
    /// `name` is that of the cache, for metrics.
    pub(super) fn new(store: Arc<dyn RemoteStore>, name: CacheName, timeout: Duration) -> Self {
        Self {
            store,
            timeout,
            counters: RemoteCounters::default(),
            metrics: CallMetrics::new(name),
            is_connected: AtomicBool::new(false),
            is_ready: AtomicBool::new(false),
            was_tried: AtomicBool::new(false),
            starts_until: Clock::System.now() + timeout,
            changed: Notify::new(),
            consecutive_timeouts: AtomicU32::new(0),
            inflight_bytes: AtomicU64::new(0),
        }
    }

    pub(super) async fn get(&self, request: GetRequest) -> Result<GetResponse, RemoteError> {
        self.call(Operation::Get, |store| store.get(request)).await
    }

    pub(super) async fn put(&self, request: PutRequest) -> Result<PutResult, RemoteError> {
        self.call(Operation::Put, |store| store.put(request)).await
    }

    pub(super) async fn release(&self, key: Id, owner: Id, reason: ReleaseReason) -> Result<(), RemoteError> {
        self.call(Operation::Release, |store| store.release(key, owner, reason)).await
    }

    /// Sends the purge that `request` returns, which is called once the store is connected.
    ///
    /// The caller retries a purge that fails, so a failure does not open the breaker, and only the metrics count it.
    pub(super) async fn purge(
        &self,
        request: impl FnOnce() -> PurgeRequest,
    ) -> Result<PurgeResult, StoreError> {
        let result = if self.wait_connected().await {
            let (timeout, timer) = (self.timeout.max(MIN_PURGE_TIMEOUT), self.metrics.start());
            let result = with_timeout(timeout, self.store.purge(request())).await;
            self.metrics.record(Operation::Purge, timer);
            result.map_err(|error| {
                self.metrics.count_error(Operation::Purge, kind_of(error.as_ref()));
                error.unwrap_or_else(|| timeout_error(timeout))
            })
        } else {
            self.metrics.count_error(Operation::Purge, RemoteError::Unavailable);
            Err(StoreError::unavailable("the remote store is unavailable"))
        };
        result.inspect_err(|error| self.counters.warn(error))
    }

    /// Returns whether no entry is on its way to the store.
    pub(super) fn is_idle(&self) -> bool {
        self.inflight_bytes.load(Ordering::Acquire) == 0
    }

    /// Returns whether the store has written what it has accepted, for which it has until the deadline.
    pub(super) async fn finish(&self, deadline: tokio::time::Instant) -> bool {
        self.is_connected() && matches!(timeout_at(deadline, self.store.flush()).await, Ok(Ok(())))
    }

    /// Polls the purge log, whether or not the breaker is open. The caller sets the deadline.
    pub(super) fn poll_changes(&self, after: Option<Cursor>, wait: Duration) -> BoxFuture<'_, ChangeBatch> {
        self.store.poll_changes(after, wait)
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Returns whether entries can be looked up.
    pub(super) fn is_available(&self) -> bool {
        self.is_connected() && self.is_ready.load(Ordering::Acquire)
    }

    /// Returns whether the breaker is closed.
    pub(super) fn is_connected(&self) -> bool {
        self.is_connected.load(Ordering::Acquire)
    }

    pub(super) fn counters(&self) -> &RemoteCounters {
        &self.counters
    }

    pub(super) fn stats(&self) -> RemoteStats {
        self.counters.snapshot(self.is_available())
    }

    /// Records that the keys of entries are known.
    pub(super) fn mark_ready(&self) {
        self.is_ready.store(true, Ordering::Release);
        self.changed.notify_waiters();
    }

    /// Closes the breaker.
    pub(super) fn mark_connected(&self) {
        self.consecutive_timeouts.store(0, Ordering::Relaxed);
        if !self.is_connected.swap(true, Ordering::AcqRel) {
            self.was_tried.store(true, Ordering::Release);
            self.changed.notify_waiters();
            self.counters.log_recovery();
        }
    }

    /// Opens the breaker.
    pub(super) fn mark_unavailable(&self, error: &StoreError) {
        self.counters.warn(error);
        if !self.was_tried.swap(true, Ordering::AcqRel) {
            self.changed.notify_waiters();
        }
        if self.is_connected.swap(false, Ordering::AcqRel) {
            self.store.reset_connections();
        }
    }

    pub(super) fn reset_connections(&self) {
        self.store.reset_connections();
    }

    /// Counts an entry whose bytes this cache did not write.
    pub(super) fn report_corrupt(&self) {
        self.count(Operation::Get, RemoteError::Corrupt);
        self.counters.warn(&StoreError::rejected("an entry of the remote store is corrupt"));
    }

    /// Counts an entry that was not put because too many bytes are in flight.
    pub(super) fn count_overload(&self) {
        self.count(Operation::Put, RemoteError::Overloaded);
    }

    /// Opens the breaker because a poll has failed. Only the metrics count it: the subscriber polls whether or not anyone needs the store.
    pub(super) fn poll_failed(&self, error: &StoreError) {
        self.metrics.count_error(Operation::Poll, kind_of(Some(error)));
        self.mark_unavailable(error);
    }

    fn count(&self, operation: Operation, error: RemoteError) {
        self.counters.count(error);
        self.metrics.count_error(operation, error);
    }

    /// Counts an error and returns it.
    fn counted(&self, operation: Operation, error: RemoteError) -> RemoteError {
        self.count(operation, error);
        error
    }

    /// Reserves room for `bytes` that are to be sent to the store, or returns `None` if too many are in flight.
    pub(super) fn reserve(self: &Arc<Self>, bytes: usize) -> Option<InflightPermit> {
        let bytes = bytes as u64;
        let before = self.inflight_bytes.fetch_add(bytes, Ordering::Relaxed);
        let permit = InflightPermit { client: Arc::clone(self), bytes };
        (before + bytes <= MAX_INFLIGHT_BYTES as u64).then_some(permit)
    }

    async fn call<'c, T>(
        &'c self,
        operation: Operation,
        call: impl FnOnce(&'c dyn RemoteStore) -> BoxFuture<'c, T>,
    ) -> Result<T, RemoteError> {
        if !self.is_available() {
            return Err(self.counted(operation, RemoteError::Unavailable));
        }
        let timer = self.metrics.start();
        let result = with_timeout(self.timeout, call(&*self.store)).await;
        self.metrics.record(operation, timer);
        match result {
            Ok(value) => {
                self.consecutive_timeouts.store(0, Ordering::Relaxed);
                Ok(value)
            }
            Err(error) => Err(self.counted(operation, self.record_failure(error))),
        }
    }

    /// Waits until entries can be looked up, for a process that has just started: no longer than until its first attempt to
    /// connect has failed, or one timeout has elapsed since its start.
    pub(super) async fn wait_available(&self) -> Result<(), RemoteError> {
        while !self.is_available() {
            let changed = self.changed.notified();
            let left = self.starts_until.since(Clock::System.now());
            let has_failed = self.was_tried.load(Ordering::Acquire) && !self.is_connected();
            // The timers of tokio panic outside of a runtime.
            let may_wait = !has_failed && !left.is_zero() && Handle::try_current().is_ok();
            if !self.is_available() && (!may_wait || timeout(left, changed).await.is_err()) {
                return Err(self.counted(Operation::Get, RemoteError::Unavailable));
            }
        }
        Ok(())
    }

    /// Waits until the first attempt to connect has completed, and returns whether the breaker is closed.
    async fn wait_connected(&self) -> bool {
        loop {
            let changed = self.changed.notified();
            if self.is_connected() || self.was_tried.load(Ordering::Acquire) {
                return self.is_connected();
            }
            changed.await;
        }
    }

    /// Logs a failed call, opens the breaker if need be, and returns the kind of the error. `None` is a timeout.
    fn record_failure(&self, error: Option<StoreError>) -> RemoteError {
        let kind = kind_of(error.as_ref());
        let error = error.unwrap_or_else(|| timeout_error(self.timeout));
        let opens = match kind {
            RemoteError::Timeout => {
                let timeouts = self.consecutive_timeouts.fetch_add(1, Ordering::Relaxed) + 1;
                timeouts >= MAX_CONSECUTIVE_TIMEOUTS
            }
            kind => kind == RemoteError::Unavailable,
        };
        if opens {
            self.mark_unavailable(&error);
        } else {
            self.counters.warn(&error);
        }
        kind
    }
}

/// Returns the kind of an error of a call. `None` is a timeout.
fn kind_of(error: Option<&StoreError>) -> RemoteError {
    match error {
        None => RemoteError::Timeout,
        Some(error) if error.is_unavailable() => RemoteError::Unavailable,
        Some(_) => RemoteError::Rejected,
    }
}

fn timeout_error(timeout: Duration) -> StoreError {
    StoreError::unavailable(format_args!("no answer within {timeout:?}"))
}

/// Runs `call` for at most `time`. The error is `None` if it timed out.
async fn with_timeout<T>(
    time: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, Option<StoreError>> {
    // The timers of tokio panic outside of a runtime.
    if Handle::try_current().is_err() {
        return Err(Some(StoreError::rejected("not called from a tokio runtime")));
    }
    let mut call = pin!(call);
    if let Ok(result) = timeout(time, call.as_mut()).await {
        return result.map_err(Some);
    }
    // If a handler kept the thread busy, the reply has arrived, and a task of this thread has yet to read it.
    for _ in 0..TURNS {
        yield_now().await;
        if let Some(result) = call.as_mut().now_or_never() {
            return result.map_err(Some);
        }
    }
    Err(None)
}

/// Room for bytes in flight, until it is dropped.
pub(super) struct InflightPermit {
    client: Arc<RemoteClient>,
    bytes: u64,
}

impl Drop for InflightPermit {
    fn drop(&mut self) {
        self.client.inflight_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, net::TcpListener, thread};

    use tokio::{io::AsyncReadExt as _, net::TcpStream, sync::oneshot, task::spawn_local};

    use super::*;

    #[actix_web::test]
    async fn reply_that_arrives_while_a_handler_blocks_the_thread_is_in_time() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(server.local_addr().unwrap()).await.unwrap();
        let mut server = server.accept().unwrap().0;
        let (reply, replied) = oneshot::channel();
        tokio::spawn(async move { reply.send(client.read_u8().await.unwrap()) });
        let call = async { replied.await.map_err(StoreError::unavailable) };
        let called = spawn_local(with_timeout(Duration::from_millis(20), call));
        yield_now().await;
        server.write_all(b"x").unwrap();
        thread::sleep(Duration::from_millis(60));
        assert_eq!(called.await.unwrap(), Ok(b'x'));
    }

    #[actix_web::test]
    async fn call_without_a_reply_times_out() {
        let call = std::future::pending::<Result<(), StoreError>>();
        assert_eq!(with_timeout(Duration::from_millis(20), call).await, Err(None));
    }
}
