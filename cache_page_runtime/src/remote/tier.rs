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
    purge::{
        log::PurgeSeq,
        selector::{PurgeKeys, PurgeSelector},
    },
    store::store::PurgeMode,
    time::{clock::Clock, instant::Instant},
};
use crate::{
    fill::publish::RemoteLease,
    remote::{
        codec::purge_message::{self, PurgeMessage},
        identity::{Namespace, random},
        purge_queue::{PendingPurge, PurgeQueue},
        seen_purges::SeenPurges,
        stats::{RemoteCounters, RemoteError, RemoteStats},
        store::{
            BoxFuture, GetRequest, GetResponse, Id, Lease, PutRequest, PutResult, ReleaseReason, RemoteStore,
            StoreError, Version,
        },
        subscriber,
        waiters::Waiters,
    },
};

/// After so many answers in a row that did not come in time, the store counts as out of reach.
const MOST_LATE: u32 = 3;

/// So many bytes of pages may be on their way to the store. What would be more is not given to it.
const MOST_UNDER_WAY: usize = 16 * 1024 * 1024;

/// What is done with a shared tier.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RemoteOptions {
    /// How long one answer may take.
    pub(crate) deadline: Duration,
    /// How long a page is sent from memory.
    pub(crate) local_ttl: Duration,
    /// How long memory is trusted after what was last heard of purges.
    pub(crate) max_purge_lag: Duration,
    /// Whether one process makes a page for all.
    pub(crate) one_fill: bool,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self {
            deadline: Duration::from_millis(50),
            local_ttl: Duration::from_secs(60),
            max_purge_lag: Duration::from_secs(1),
            one_fill: true,
        }
    }
}

/// The shared tier of one cache.
pub(crate) struct RemoteTier {
    pub(crate) link: Arc<RemoteClient>,
    pub(crate) identity: Namespace,
    runtime: Handle,
    /// To its thread: whose tier it is.
    start: Mutex<Option<Sender<Weak<Inner>>>>,
}

/// What the cache's workers and the thread that listens have in common.
pub(crate) struct RemoteClient {
    pub(crate) store: Arc<dyn RemoteStore>,
    pub(crate) terms: RemoteOptions,
    /// This process, or one cache of it.
    pub(crate) holder: Id,
    pub(crate) known: SeenPurges,
    pub(crate) purges: PurgeQueue,
    pub(crate) waits: Waiters,
    pub(crate) faults: RemoteCounters,
    /// Whether it is asked at all.
    is_up: AtomicBool,
    /// Whether it ever was, or was tried in vain.
    was_up: AtomicBool,
    begun: Notify,
    late: AtomicU32,
    /// Nanoseconds, by the system's clock: so long what is in memory is known to be as good as what is shared.
    trusted_until: AtomicU64,
    under_way: AtomicU64,
    fills: AtomicU64,
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
            terms,
            holder: Id(random()),
            known: SeenPurges::default(),
            purges: PurgeQueue::default(),
            waits: Waiters::default(),
            faults: RemoteCounters::default(),
            is_up: AtomicBool::new(false),
            was_up: AtomicBool::new(false),
            begun: Notify::new(),
            late: AtomicU32::new(0),
            trusted_until: AtomicU64::new(0),
            under_way: AtomicU64::new(0),
            fills: AtomicU64::new(0),
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
                    subscriber::keep_listening(&of_thread, &cache).await;
                }
            });
            // What is on its way yet is not waited for.
            runtime.shutdown_background();
        };
        std::thread::Builder::new().name("cache_page shared".to_owned()).spawn(run)?;
        let runtime = runs.recv().map_err(io::Error::other)??;
        Ok(Self { link, identity, runtime, start: Mutex::new(Some(start)) })
    }

    /// From now on it listens, for this cache.
    pub(crate) fn start(&self, cache: Weak<Inner>) {
        if let Some(start) = lock(&self.start).take() {
            // A thread that ended has told why.
            let _ = start.send(cache);
        }
    }

    pub(crate) fn terms(&self) -> &RemoteOptions {
        &self.link.terms
    }

    pub(crate) fn link(&self) -> &Arc<RemoteClient> {
        &self.link
    }

    /// Whether pages are sent from memory at all.
    pub(crate) fn has_memory(&self) -> bool {
        !self.link.terms.local_ttl.is_zero()
    }

    /// Until when a page that was good then is sent from memory without asking: not at all, where nothing is. Whoever has read the
    /// clock before asks all the same.
    pub(crate) fn leaves_at(&self, good_at: Instant) -> Instant {
        if self.has_memory() { good_at + self.link.terms.local_ttl } else { Instant::new(Duration::ZERO) }
    }

    /// Whether what is in memory may be sent. `now` is by that clock.
    pub(crate) fn is_trusted(&self, clock: &Clock, now: Instant) -> bool {
        let now = match clock {
            Clock::System => now,
            Clock::Manual(_) => Clock::System.now(),
        };
        now.as_nanos() < self.link.trusted_until.load(Ordering::Acquire)
    }

    /// The greatest number of a purge that was heard of when a request noted its place among those of the process.
    pub(crate) fn known_at(&self, since: PurgeSeq) -> u64 {
        self.link.known.at(since)
    }

    /// What one fill claims its page by.
    pub(crate) fn holder(&self) -> Id {
        let number = self.link.fills.fetch_add(1, Ordering::Relaxed);
        let mut holder = self.link.holder;
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
        let link = &self.link;
        let claim = holder.map(|holder| Lease { owner: holder, ttl: super::CLAIM });
        link.ask(|| {
            link.store.get(GetRequest { key: page, if_version: have, purge_keys: names, lease: claim })
        })
        .await
    }

    /// Whether this process purged what the page is about, and the store may not have heard of it.
    pub(crate) fn is_about_to_purge(&self, about: &PurgeKeys, asked: PurgeSeq) -> bool {
        self.link.purges.concern(about, asked)
    }

    /// Gives a page to the store, behind the request that it was made for. Without room for it, or a way to the store, it
    /// is not done.
    ///
    /// The claim, if there is one, ends with it, whatever becomes of it.
    pub(crate) fn put(&self, offers: Vec<PutRequest>, mut claim: Option<RemoteLease>) {
        let bytes: usize = offers.iter().map(|offered| offered.bytes.len()).sum();
        let Some(room) = InflightPermit::take(&self.link, bytes) else {
            return self.link.faults.count(RemoteError::Overloaded);
        };
        let link = Arc::clone(&self.link);
        self.runtime.spawn(async move {
            let mut taken = Ok(PutResult::Stored);
            for offered in offers {
                let is_claimed = offered.owner.is_some();
                let done = link.ask(|| link.store.put(offered)).await;
                if let (Some(claim), true, Ok(_)) = (&mut claim, is_claimed, &done) {
                    claim.settle();
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
            link.faults.count_put(taken);
            drop((room, claim));
        });
    }

    /// Keeps a claim, as long as a handler may take or until it is told to stop.
    pub(crate) fn renew(&self, page: Id, holder: Id, longest: Duration) -> JoinHandle<()> {
        let link = Arc::clone(&self.link);
        self.runtime.spawn(async move {
            let times = longest.as_millis() / super::RENEWED.as_millis();
            for _ in 0..times {
                sleep(super::RENEWED).await;
                let claim = Some(Lease { owner: holder, ttl: super::CLAIM });
                // Where it fails, it is tried again, or the next one makes the page too.
                let wanted = GetRequest { key: page, if_version: None, purge_keys: Vec::new(), lease: claim };
                let _ = link.ask(|| link.store.get(wanted)).await;
            }
        })
    }

    /// Gives up a claim, behind whatever led to it.
    pub(crate) fn release(&self, page: Id, holder: Id, left: ReleaseReason) {
        let link = Arc::clone(&self.link);
        self.runtime.spawn(async move {
            // Its time is over by and by, if this does not get there.
            let _ = link.ask(|| link.store.release(page, holder, left)).await;
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
        let told = PurgeMessage { by: self.link.holder, verb, text: text.clone() }.write();
        let job = PendingPurge::new(verb, text.target(), purge_message::purge_of(text), told).awaited(done);
        if self.link.purges.push(job) {
            let link = Arc::clone(&self.link);
            self.runtime.spawn(async move { link.deliver_purges().await });
        }
        (will_be_done, self.link.terms.deadline)
    }
}

impl RemoteClient {
    pub(crate) fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Acquire)
    }

    pub(crate) fn shared(&self) -> RemoteStats {
        self.faults.snapshot(self.is_up())
    }

    /// It was reached, and everything up to now was heard of which happened until `sent`.
    pub(crate) fn up(&self, sent: Instant) {
        let until = (sent + self.terms.max_purge_lag).as_nanos();
        self.trusted_until.fetch_max(until, Ordering::AcqRel);
        self.late.store(0, Ordering::Relaxed);
        if !self.is_up.swap(true, Ordering::AcqRel) {
            self.was_up.store(true, Ordering::Release);
            self.begun.notify_waiters();
            self.faults.log_recovery();
        }
    }

    /// It cannot be used; `changes` tells when it can.
    pub(crate) fn down(&self, why: &StoreError) {
        self.faults.warn(why);
        self.was_up.store(true, Ordering::Release);
        if self.is_up.swap(false, Ordering::AcqRel) {
            self.store.reset_connections();
        }
    }

    /// Whether it can be asked. A process that has just begun gives it the time of one answer to be there.
    async fn is_ready(&self) -> bool {
        if !self.was_up.load(Ordering::Acquire) && !self.is_up() {
            let begun = self.begun.notified();
            if !self.is_up() && Handle::try_current().is_ok() {
                let _ = timeout(self.terms.deadline, begun).await;
            }
        }
        self.is_up()
    }

    /// One answer of the store, if it comes in time.
    async fn ask<'l, T>(&'l self, ask: impl FnOnce() -> BoxFuture<'l, T>) -> Result<T, RemoteError> {
        if !self.is_ready().await {
            return Err(self.faults.counted(RemoteError::Unavailable));
        }
        match within(self.terms.deadline, ask()).await {
            Ok(answer) => {
                self.late.store(0, Ordering::Relaxed);
                Ok(answer)
            }
            Err(why) => Err(self.failed(why)),
        }
    }

    fn failed(&self, why: Option<StoreError>) -> RemoteError {
        let fault = match why {
            None => {
                let why = StoreError::unavailable(format_args!("no answer within {:?}", self.terms.deadline));
                if self.late.fetch_add(1, Ordering::Relaxed) + 1 >= MOST_LATE {
                    self.down(&why);
                } else {
                    self.faults.warn(&why);
                }
                RemoteError::Timeout
            }
            Some(why) if why.is_unavailable() => {
                self.down(&why);
                RemoteError::Unavailable
            }
            Some(why) => {
                self.faults.warn(&why);
                RemoteError::Rejected
            }
        };
        self.faults.counted(fault)
    }

    /// A page was not what this cache had written.
    pub(crate) fn garbled(&self) {
        self.faults.count(RemoteError::Corrupt);
        self.faults.warn(&StoreError::rejected("a page in it is not as it was written"));
    }

    /// What was purged here, one after the other, until there is nothing left or it cannot be done now. Whoever waits is told how it
    /// went the first time.
    pub(crate) async fn deliver_purges(&self) {
        while let Some(mut job) = self.purges.next() {
            let done = if self.is_ready().await {
                let purge = job.purge(self.known.greatest());
                let done = within(self.terms.deadline, self.store.purge(purge)).await;
                done.map_err(|why| {
                    why.unwrap_or_else(|| StoreError::unavailable("it did not answer in time"))
                })
            } else {
                Err(StoreError::unavailable("it is out of reach"))
            };
            if let Err(why) = &done {
                self.faults.warn(why);
            }
            let failed = done.is_err();
            job.answer(&done);
            if failed {
                // `line` goes on with it.
                return self.purges.put_back(job, || {
                    let told =
                        PurgeMessage { by: self.holder, verb: PurgeMode::Purge, text: PurgeSelector::All };
                    PendingPurge::new(
                        PurgeMode::Purge,
                        PurgeSelector::All.target(),
                        purge_message::purge_of(&PurgeSelector::All),
                        told.write(),
                    )
                });
            }
            self.purges.done();
        }
    }
}

/// Nothing where it did not come.
async fn within<T>(
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
        let before = link.under_way.fetch_add(bytes, Ordering::Relaxed);
        let room = Self(Arc::clone(link), bytes);
        (before + bytes <= MOST_UNDER_WAY as u64).then_some(room)
    }
}

impl Drop for InflightPermit {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(self.1, Ordering::Relaxed);
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) type PurgeReply = Sender<Result<(), StoreError>>;
