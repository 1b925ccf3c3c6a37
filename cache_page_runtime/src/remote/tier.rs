//! Asking the shared tier: never for longer than its deadline, and not at all while it is out of reach.

use std::{
    future::Future,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle},
    sync::{
        Notify,
        oneshot::{Receiver, Sender, channel},
    },
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{
    cache::page_cache::Inner,
    purge::{PurgeKeys, PurgeMode, PurgeSelector, PurgeSeq},
    time::{clock::Clock, instant::Instant},
};
use crate::{
    fill::publish::RemoteLease,
    key::{Id, Version},
    remote::{
        codec::purge_message::{self, PurgeMessage},
        identity::{Namespace, random_id},
        purge_queue::{PendingPurge, PurgeQueue},
        seen_purges::SeenPurges,
        stats::{RemoteCounters, RemoteError, RemoteStats},
        store::{
            BoxFuture, GetRequest, GetResponse, Lease, PutRequest, PutResult, ReleaseReason, RemoteStore,
            StoreError,
        },
        subscriber,
        waiters::Waiters,
    },
};

/// After so many answers in a row that did not come in time, the store counts as out of reach.
const MAX_CONSECUTIVE_TIMEOUTS: u32 = 3;

/// So many bytes of pages may be on their way to the store. What would be more is not given to it.
const MAX_INFLIGHT_BYTES: usize = 16 * 1024 * 1024;

/// What is done with a shared tier.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RemoteOptions {
    /// How long one answer may take.
    pub(crate) timeout: Duration,
    /// How long a page is sent from memory.
    pub(crate) local_ttl: Duration,
    /// How long memory is trusted after what was last heard of purges.
    pub(crate) max_purge_lag: Duration,
    /// Whether one process makes a page for all.
    pub(crate) coalesce_across_processes: bool,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_millis(50),
            local_ttl: Duration::from_secs(60),
            max_purge_lag: Duration::from_secs(1),
            coalesce_across_processes: true,
        }
    }
}

/// The shared tier of one cache.
pub(crate) struct RemoteTier {
    pub(crate) client: Arc<RemoteClient>,
    pub(crate) namespace: Namespace,
    runtime: Handle,
    /// To its thread: whose tier it is.
    subscriber: Mutex<Option<Sender<Weak<Inner>>>>,
}

/// What the cache's workers and the thread that listens have in common.
pub(crate) struct RemoteClient {
    pub(crate) store: Arc<dyn RemoteStore>,
    pub(crate) options: RemoteOptions,
    /// This process, or one cache of it.
    pub(crate) process_id: Id,
    pub(crate) seen_purges: SeenPurges,
    pub(crate) purge_queue: PurgeQueue,
    pub(crate) waiters: Waiters,
    pub(crate) counters: RemoteCounters,
    /// Whether it is asked at all.
    is_available: AtomicBool,
    /// Whether it ever was, or was tried in vain.
    was_tried: AtomicBool,
    connected: Notify,
    consecutive_timeouts: AtomicU32,
    /// Nanoseconds, by the system's clock: so long what is in memory is known to be as good as what is shared.
    consistent_until: AtomicU64,
    inflight_bytes: AtomicU64,
    next_lease: AtomicU64,
}

impl RemoteTier {
    /// With a thread of its own: workers may be busy with a handler, and then nobody would hear anything.
    pub(crate) fn new(
        store: Arc<dyn RemoteStore>,
        terms: RemoteOptions,
        key_prefix: &str,
    ) -> io::Result<Self> {
        store.set_namespace(key_prefix);
        let link = Arc::new(RemoteClient {
            store,
            options: terms,
            process_id: Id(random_id()),
            seen_purges: SeenPurges::default(),
            purge_queue: PurgeQueue::default(),
            waiters: Waiters::default(),
            counters: RemoteCounters::default(),
            is_available: AtomicBool::new(false),
            was_tried: AtomicBool::new(false),
            connected: Notify::new(),
            consecutive_timeouts: AtomicU32::new(0),
            consistent_until: AtomicU64::new(0),
            inflight_bytes: AtomicU64::new(0),
            next_lease: AtomicU64::new(0),
        });
        let (start, starts) = channel();
        let (running, runs) = std::sync::mpsc::channel();
        let (of_thread, identity) = (Arc::clone(&link), Namespace::new(key_prefix));
        let run = move || {
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(why) => return drop(running.send(Err(why))),
            };
            let _ = running.send(Ok(runtime.handle().clone()));
            runtime.block_on(async {
                if let Ok(cache) = starts.await {
                    // It may be large, and nobody waits for it here.
                    identity.prepare();
                    subscriber::run(&of_thread, &cache).await;
                }
            });
            // What is on its way yet is not waited for.
            runtime.shutdown_background();
        };
        std::thread::Builder::new().name("cache_page shared".to_owned()).spawn(run)?;
        let runtime = runs.recv().map_err(io::Error::other)??;
        Ok(Self { client: link, namespace: identity, runtime, subscriber: Mutex::new(Some(start)) })
    }

    /// From now on it listens, for this cache.
    pub(crate) fn start(&self, cache: Weak<Inner>) {
        if let Some(start) = lock(&self.subscriber).take() {
            // A thread that ended has told why.
            let _ = start.send(cache);
        }
    }

    pub(crate) fn options(&self) -> &RemoteOptions {
        &self.client.options
    }

    pub(crate) fn client(&self) -> &Arc<RemoteClient> {
        &self.client
    }

    /// Whether pages are sent from memory at all.
    pub(crate) fn serves_from_memory(&self) -> bool {
        !self.client.options.local_ttl.is_zero()
    }

    /// Until when a page that was good then is sent from memory without asking: not at all, where nothing is. Whoever has read the
    /// clock before asks all the same.
    pub(crate) fn local_expiry(&self, good_at: Instant) -> Instant {
        if self.serves_from_memory() {
            good_at + self.client.options.local_ttl
        } else {
            Instant::new(Duration::ZERO)
        }
    }

    /// Whether what is in memory may be sent. `now` is by that clock.
    pub(crate) fn is_consistent(&self, clock: &Clock, now: Instant) -> bool {
        let now = match clock {
            Clock::System => now,
            Clock::Manual(_) => Clock::System.now(),
        };
        now.as_nanos() < self.client.consistent_until.load(Ordering::Acquire)
    }

    /// The greatest number of a purge that was heard of when a request noted its place among those of the process.
    pub(crate) fn sequence_at(&self, since: PurgeSeq) -> u64 {
        self.client.seen_purges.sequence_at(since)
    }

    /// What one fill claims its page by.
    pub(crate) fn new_lease_owner(&self) -> Id {
        let number = self.client.next_lease.fetch_add(1, Ordering::Relaxed);
        let mut holder = self.client.process_id;
        holder.0.iter_mut().zip(number.to_le_bytes()).for_each(|(byte, more)| *byte ^= more);
        holder
    }

    pub(crate) async fn get(
        &self,
        page: Id,
        have: Option<Version>,
        names: Vec<Id>,
        holder: Option<Id>,
    ) -> Result<GetResponse, RemoteError> {
        let link = &self.client;
        let claim = holder.map(|holder| Lease { owner: holder, ttl: super::LEASE_TTL });
        link.call(|| {
            link.store.get(GetRequest { key: page, if_version: have, purge_keys: names, lease: claim })
        })
        .await
    }

    /// Whether this process purged what the page is about, and the store may not have heard of it.
    pub(crate) fn has_pending_purge(&self, about: &PurgeKeys, asked: PurgeSeq) -> bool {
        self.client.purge_queue.matches(about, asked)
    }

    /// Gives a page to the store, behind the request that it was made for. Without room for it, or a way to the store, it
    /// is not done.
    ///
    /// The claim, if there is one, ends with it, whatever becomes of it.
    pub(crate) fn put(&self, offers: Vec<PutRequest>, mut claim: Option<RemoteLease>) {
        let bytes: usize = offers.iter().map(|offered| offered.bytes.len()).sum();
        let Some(room) = InflightPermit::take(&self.client, bytes) else {
            return self.client.counters.count(RemoteError::Overloaded);
        };
        let link = Arc::clone(&self.client);
        self.runtime.spawn(async move {
            let mut taken = Ok(PutResult::Stored);
            for offered in offers {
                let is_claimed = offered.owner.is_some();
                let done = link.call(|| link.store.put(offered)).await;
                if let (Some(claim), true, Ok(_)) = (&mut claim, is_claimed, &done) {
                    claim.disarm();
                }
                // Where a later page is there already, the names that lead to it may not be.
                taken = match (taken, done) {
                    (Ok(PutResult::Superseded), Ok(PutResult::Stored)) => Ok(PutResult::Superseded),
                    (_, done) => done,
                };
                if !matches!(taken, Ok(PutResult::Stored | PutResult::Superseded)) {
                    break;
                }
            }
            link.counters.count_put(taken);
            drop((room, claim));
        });
    }

    /// Keeps a claim, as long as a handler may take or until it is told to stop.
    pub(crate) fn keep_lease_alive(&self, page: Id, holder: Id, longest: Duration) -> JoinHandle<()> {
        let link = Arc::clone(&self.client);
        self.runtime.spawn(async move {
            let times = longest.as_millis() / super::LEASE_RENEWAL.as_millis();
            for _ in 0..times {
                sleep(super::LEASE_RENEWAL).await;
                let claim = Some(Lease { owner: holder, ttl: super::LEASE_TTL });
                // Where it fails, it is tried again, or the next one makes the page too.
                let wanted = GetRequest { key: page, if_version: None, purge_keys: Vec::new(), lease: claim };
                let _ = link.call(|| link.store.get(wanted)).await;
            }
        })
    }

    /// Gives up a claim, behind whatever led to it.
    pub(crate) fn release(&self, page: Id, holder: Id, left: ReleaseReason) {
        let link = Arc::clone(&self.client);
        self.runtime.spawn(async move {
            // Its time is over by and by, if this does not get there.
            let _ = link.call(|| link.store.release(page, holder, left)).await;
        });
    }

    /// Purges there what is just being purged here, and until it is done takes nothing from there that it is about.
    ///
    /// Whoever waits for it waits no longer than the time that it is returned with.
    pub(crate) fn purge(
        &self,
        verb: PurgeMode,
        text: &PurgeSelector,
    ) -> (Receiver<Result<(), StoreError>>, Duration) {
        let (done, will_be_done) = channel();
        let told =
            PurgeMessage { sender: self.client.process_id, mode: verb, selector: text.clone() }.encode();
        let job =
            PendingPurge::new(verb, text.to_local(), purge_message::scope_of(text), told).with_reply(done);
        if self.client.purge_queue.push(job) {
            let link = Arc::clone(&self.client);
            self.runtime.spawn(async move { link.deliver_purges().await });
        }
        (will_be_done, self.client.options.timeout)
    }
}

impl RemoteClient {
    pub(crate) fn is_available(&self) -> bool {
        self.is_available.load(Ordering::Acquire)
    }

    pub(crate) fn stats(&self) -> RemoteStats {
        self.counters.snapshot(self.is_available())
    }

    /// It was reached, and everything up to now was heard of which happened until `sent`.
    pub(crate) fn mark_available(&self, sent: Instant) {
        let until = (sent + self.options.max_purge_lag).as_nanos();
        self.consistent_until.fetch_max(until, Ordering::AcqRel);
        self.consecutive_timeouts.store(0, Ordering::Relaxed);
        if !self.is_available.swap(true, Ordering::AcqRel) {
            self.was_tried.store(true, Ordering::Release);
            self.connected.notify_waiters();
            self.counters.log_recovery();
        }
    }

    /// It cannot be used; `changes` tells when it can.
    pub(crate) fn mark_unavailable(&self, why: &StoreError) {
        self.counters.warn(why);
        self.was_tried.store(true, Ordering::Release);
        if self.is_available.swap(false, Ordering::AcqRel) {
            self.store.reset_connections();
        }
    }

    /// Whether it can be asked. A process that has just begun gives it the time of one answer to be there.
    async fn wait_available(&self) -> bool {
        if !self.was_tried.load(Ordering::Acquire) && !self.is_available() {
            let begun = self.connected.notified();
            if !self.is_available() && Handle::try_current().is_ok() {
                let _ = timeout(self.options.timeout, begun).await;
            }
        }
        self.is_available()
    }

    /// One answer of the store, if it comes in time.
    async fn call<'l, T>(&'l self, ask: impl FnOnce() -> BoxFuture<'l, T>) -> Result<T, RemoteError> {
        if !self.wait_available().await {
            return Err(self.counters.counted(RemoteError::Unavailable));
        }
        match with_timeout(self.options.timeout, ask()).await {
            Ok(answer) => {
                self.consecutive_timeouts.store(0, Ordering::Relaxed);
                Ok(answer)
            }
            Err(why) => Err(self.record_failure(why)),
        }
    }

    fn record_failure(&self, why: Option<StoreError>) -> RemoteError {
        let fault = match why {
            None => {
                let why =
                    StoreError::unavailable(format_args!("no answer within {:?}", self.options.timeout));
                if self.consecutive_timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_CONSECUTIVE_TIMEOUTS {
                    self.mark_unavailable(&why);
                } else {
                    self.counters.warn(&why);
                }
                RemoteError::Timeout
            }
            Some(why) if why.is_unavailable() => {
                self.mark_unavailable(&why);
                RemoteError::Unavailable
            }
            Some(why) => {
                self.counters.warn(&why);
                RemoteError::Rejected
            }
        };
        self.counters.counted(fault)
    }

    /// A page was not what this cache had written.
    pub(crate) fn report_corrupt(&self) {
        self.counters.count(RemoteError::Corrupt);
        self.counters.warn(&StoreError::rejected("a page in it is not as it was written"));
    }

    /// What was purged here, one after the other, until there is nothing left or it cannot be done now. Whoever waits is told how it
    /// went the first time.
    pub(crate) async fn deliver_purges(&self) {
        while let Some(mut job) = self.purge_queue.start_next() {
            let done = if self.wait_available().await {
                let purge = job.request(self.seen_purges.max_sequence());
                let done = with_timeout(self.options.timeout, self.store.purge(purge)).await;
                done.map_err(|why| {
                    why.unwrap_or_else(|| StoreError::unavailable("it did not answer in time"))
                })
            } else {
                Err(StoreError::unavailable("it is out of reach"))
            };
            if let Err(why) = &done {
                self.counters.warn(why);
            }
            let failed = done.is_err();
            job.reply(&done);
            if failed {
                // `line` goes on with it.
                return self.purge_queue.requeue(job, || {
                    let told = PurgeMessage {
                        sender: self.process_id,
                        mode: PurgeMode::Remove,
                        selector: PurgeSelector::All,
                    };
                    PendingPurge::new(
                        PurgeMode::Remove,
                        PurgeSelector::All.to_local(),
                        purge_message::scope_of(&PurgeSelector::All),
                        told.encode(),
                    )
                });
            }
            self.purge_queue.complete();
        }
    }
}

/// Nothing where it did not come.
async fn with_timeout<T>(
    time: Duration,
    answer: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, Option<StoreError>> {
    // Without a runtime there are no timers, and asking for one panics.
    if Handle::try_current().is_err() {
        return Err(Some(StoreError::rejected("there is no tokio runtime here")));
    }
    match timeout(time, answer).await {
        Ok(answer) => answer.map_err(Some),
        Err(_) => Err(None),
    }
}

/// What pages take that are on their way.
struct InflightPermit(Arc<RemoteClient>, u64);

impl InflightPermit {
    fn take(link: &Arc<RemoteClient>, bytes: usize) -> Option<Self> {
        let bytes = bytes as u64;
        let before = link.inflight_bytes.fetch_add(bytes, Ordering::Relaxed);
        let room = Self(Arc::clone(link), bytes);
        (before + bytes <= MAX_INFLIGHT_BYTES as u64).then_some(room)
    }
}

impl Drop for InflightPermit {
    fn drop(&mut self) {
        self.0.inflight_bytes.fetch_sub(self.1, Ordering::Relaxed);
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) type PurgeReply = Sender<Result<(), StoreError>>;
