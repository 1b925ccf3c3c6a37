//! An engine in memory: the contract of a shared tier, written down as simply as it can be; and all that can go wrong with one.

mod space;

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

use self::space::Space;

/// What processes have in common.
#[derive(Clone, Debug, Default)]
pub(crate) struct Engine(Arc<Inside>);

#[derive(Debug, Default)]
struct Inside {
    spaces: Mutex<HashMap<String, Space>>,
    passed: Mutex<Duration>,
    /// Something was told.
    news: Notify,
}

impl Engine {
    /// The way of one more process to it.
    pub(crate) fn store(&self) -> MemoryStore {
        MemoryStore { engine: self.clone(), way: Arc::default() }
    }

    fn now(&self) -> Instant {
        Instant::now() + *self.0.passed.lock().unwrap()
    }

    pub(crate) fn advance(&self, time: Duration) {
        *self.0.passed.lock().unwrap() += time;
    }

    fn spaces(&self) -> MutexGuard<'_, HashMap<String, Space>> {
        self.0.spaces.lock().unwrap()
    }

    /// Whatever is under any prefix.
    fn each(&self, change: impl FnMut(&mut Space)) {
        self.spaces().values_mut().for_each(change);
        self.0.news.notify_waiters();
    }

    /// How many pages there are, whether or not they would be sent.
    pub(crate) fn pages(&self) -> usize {
        self.spaces().values().map(|space| space.pages.len()).sum()
    }

    /// How many are being made for all.
    pub(crate) fn claims(&self) -> usize {
        let now = self.now();
        let claims = |space: &Space| space.claims.values().filter(|(ends, _)| now < *ends).count();
        self.spaces().values().map(claims).sum()
    }

    /// All pages go, as where there is no room.
    pub(crate) fn evict(&self) {
        self.each(|space| space.pages.clear());
    }

    /// It does not know any more what was purged.
    pub(crate) fn forget(&self) {
        self.each(|space| {
            space.purges.clear();
            space.forgotten = space.number + 1;
            space.number += 1;
        });
    }

    /// It is as new, but for the numbers of purges, which only ever grow.
    pub(crate) fn empty(&self) {
        self.each(|space| {
            let (number, dropped) = (space.number + 1, space.dropped + space.log.len() + 1);
            *space = Space { number, forgotten: number, dropped, ..Space::default() };
        });
    }

    /// What was told before is not told any more to whoever has not heard it.
    pub(crate) fn drop_log(&self) {
        self.each(|space| {
            space.dropped += space.log.len() + 1;
            space.log.clear();
        });
    }

    /// Somebody claims a page, fresh or not.
    pub(crate) fn claim(&self, page: Id, claim: Lease) {
        let ends = self.now() + claim.ttl;
        self.each(|space| {
            space.claims.insert(page, (ends, Some(claim.owner)));
        });
    }

    /// Nobody claims it any more.
    pub(crate) fn release(&self, page: Id) {
        self.each(|space| {
            space.claims.remove(&page);
        });
    }

    /// Something is told that is not from any cache.
    pub(crate) fn tell(&self, told: &[u8]) {
        self.each(|space| space.log.push(Change::Purged(told.to_vec())));
    }

    /// Other bytes are in the place of each page's.
    pub(crate) fn corrupt(&self, mut other: impl FnMut(&[u8]) -> Vec<u8>) {
        self.each(|space| {
            for page in space.pages.values_mut() {
                page.bytes = other(&page.bytes).into();
            }
        });
    }

    /// What is under each id is of another one.
    pub(crate) fn mix_up(&self) {
        self.each(|space| {
            let mut all: Vec<Bytes> = space.pages.values().map(|page| page.bytes.clone()).collect();
            all.rotate_left(1);
            space.pages.values_mut().zip(all).for_each(|(page, bytes)| page.bytes = bytes);
        });
    }

    /// The bytes of all pages, one after the other.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.spaces()
            .values()
            .flat_map(|space| space.pages.values().flat_map(|page| page.bytes.to_vec()))
            .collect()
    }
}

/// What is asked of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Get,
    Put,
    Release,
    Purge,
    PollChanges,
}

impl Op {
    pub(crate) const ALL: [Self; 5] = [Self::Get, Self::Put, Self::Release, Self::Purge, Self::PollChanges];
}

/// What comes of that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Does {
    #[default]
    Works,
    /// It is done, and whoever asked is told so when it works again.
    Holds,
    /// Nothing is done, nor answered.
    Hangs,
    Rejects,
    Fails,
}

/// The way of one process to the engine.
#[derive(Clone, Debug)]
pub(crate) struct MemoryStore {
    pub(crate) engine: Engine,
    way: Arc<WayTo>,
}

#[derive(Debug, Default)]
struct WayTo {
    prefix: OnceLock<String>,
    does: [Mutex<Does>; 5],
    counts: [AtomicU64; 5],
    /// Pages that were sent.
    sent: AtomicU64,
    confirms_all: AtomicBool,
}

impl MemoryStore {
    /// From now on.
    pub(crate) fn set(&self, ops: &[Op], does: Does) {
        ops.iter().for_each(|op| *self.way.does[*op as usize].lock().unwrap() = does);
    }

    fn does(&self, op: Op) -> Does {
        *self.way.does[op as usize].lock().unwrap()
    }

    /// How often that was asked for.
    pub(crate) fn count(&self, op: Op) -> u64 {
        self.way.counts[op as usize].load(Ordering::SeqCst)
    }

    /// How many pages were sent, and not said to be what the process has.
    pub(crate) fn sent(&self) -> u64 {
        self.way.sent.load(Ordering::SeqCst)
    }

    /// From now on it says so of each.
    pub(crate) fn confirms_all(&self) {
        self.way.confirms_all.store(true, Ordering::SeqCst);
    }

    fn with<T>(&self, then: impl FnOnce(&mut Space, Instant) -> T) -> T {
        let prefix = self.way.prefix.get().expect("it was begun").clone();
        then(self.engine.spaces().entry(prefix).or_default(), self.engine.now())
    }

    /// The same, where others may wait for it.
    fn change<T>(&self, then: impl FnOnce(&mut Space, Instant) -> T) -> T {
        let done = self.with(then);
        self.engine.0.news.notify_waiters();
        done
    }

    fn ask<'s, T: Send + 's>(&'s self, op: Op, go: impl Future<Output = T> + Send + 's) -> BoxFuture<'s, T> {
        self.way.counts[op as usize].fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            match self.does(op) {
                Does::Rejects => return Err(StoreError::rejected("as the test wants it")),
                Does::Fails => return Err(StoreError::unavailable("as the test wants it")),
                Does::Hangs => std::future::pending().await,
                Does::Works | Does::Holds => {}
            }
            let done = go.await;
            if let Some(time) = late(op) {
                sleep(time).await;
            }
            while self.does(op) == Does::Holds {
                sleep(Duration::from_millis(1)).await;
            }
            Ok(done)
        })
    }
}

/// By how much answers are late, where `CACHE_PAGE_LATE` says so.
fn late(op: Op) -> Option<Duration> {
    static LATE: LazyLock<String> = LazyLock::new(|| env::var("CACHE_PAGE_LATE").unwrap_or_default());
    let (late, time) = LATE.split_once('=')?;
    (late == format!("{op:?}")).then(|| Duration::from_millis(time.parse().expect("a number")))
}

impl RemoteStore for MemoryStore {
    fn set_namespace(&self, key_prefix: &str) {
        self.way.prefix.set(key_prefix.to_owned()).expect("it is begun once");
    }

    fn get(&self, wanted: GetRequest) -> BoxFuture<'_, GetResponse> {
        self.ask(Op::Get, async move {
            let mut found = self.with(|space, now| space.get(&wanted, now));
            if let Some(kept) = &mut found.entry {
                kept.bytes.take_if(|_| self.way.confirms_all.load(Ordering::SeqCst));
                self.way.sent.fetch_add(u64::from(kept.bytes.is_some()), Ordering::SeqCst);
            }
            found
        })
    }

    fn put(&self, page: PutRequest) -> BoxFuture<'_, PutResult> {
        self.ask(Op::Put, async move { self.change(|space, now| space.put(page, now)) })
    }

    fn release(&self, page: Id, holder: Id, left: ReleaseReason) -> BoxFuture<'_, ()> {
        let apart = match left {
            ReleaseReason::Retry => None,
            ReleaseReason::Uncacheable(time) => Some(time),
        };
        self.ask(Op::Release, async move {
            self.change(|space, now| space.release(page, holder, apart.map(|time| now + time)));
        })
    }

    fn purge(&self, purge: PurgeRequest) -> BoxFuture<'_, ()> {
        self.ask(Op::Purge, async move { self.change(|space, now| space.purge(purge, now)) })
    }

    fn poll_changes(&self, after: Option<Cursor>, wait: Duration) -> BoxFuture<'_, ChangeBatch> {
        self.ask(Op::PollChanges, async move {
            let ends = Instant::now() + wait;
            loop {
                // Before it is looked: nothing that comes then is missed.
                let news = self.engine.0.news.notified();
                let (is_new, changes) = self.with(|space, _| space.changes(after.as_ref()));
                let left = ends.saturating_duration_since(Instant::now());
                if is_new || left.is_zero() {
                    return changes;
                }
                let _ = timeout(left, news).await;
            }
        })
    }
}
