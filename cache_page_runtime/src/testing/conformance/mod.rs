//! What every [`RemoteStore`] must do: run it against your own.
//!
//! It says nothing of what becomes of an engine that loses something, is restarted or runs out of room: that differs from one to the
//! other. Whether all of it goes with its time, it does not see either.
//!
//! ```no_run
//! use cache_page::{shared::RemoteStore, testing::conformance};
//!
//! # async fn checked<MyStore: RemoteStore>(connect: impl Fn() -> MyStore) {
//! // In a test, on a tokio runtime with timers and I/O:
//! conformance::run(|| connect()).await;
//! # }
//! ```

mod changes;
mod leases;
mod pages;
mod purges;
mod soft_purges;
mod versions;

use std::{
    cell::Cell,
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};
use xxhash_rust::xxh3::xxh3_128;

use crate::remote::{
    BoxFuture, ChangeBatch, Cursor, GetRequest, GetResponse, Id, Lease, PurgeRequest, PurgeScope, PutRequest,
    PutResult, ReleaseReason, RemoteEntry, RemoteStore, StoreError, Version,
};

/// What takes longer than this counts as not done.
const LIMIT: Duration = Duration::from_secs(10);

/// Longer than all of this takes.
const LONG: Duration = Duration::from_secs(600);

/// What is let go by.
const SHORT: Duration = Duration::from_millis(50);

/// Tries a store against each sentence of its contract.
///
/// `open` makes one as a process would that starts: it is called several times, and all that it makes use one engine. They are not told a
/// [`key_prefix`](RemoteStore::begin) before; each check says one of its own, which nobody used, so that the engine need not be
/// empty. What is put there goes within ten minutes.
///
/// # Panics
///
/// If the store does not do what it must.
pub async fn run<S: RemoteStore>(open: impl Fn() -> S) {
    let base = format!("conformance-{:016x}", RandomState::new().hash_one(std::process::id()));
    let bench = Bench { open: &open, base, checks: Cell::new(0) };
    pages::all(&bench).await;
    purges::all(&bench).await;
    soft_purges::all(&bench).await;
    leases::all(&bench).await;
    changes::all(&bench).await;
    versions::all(&bench).await;
}

/// Where a check gets its stores from.
struct Bench<'o, S> {
    open: &'o dyn Fn() -> S,
    base: String,
    checks: Cell<u32>,
}

impl<S: RemoteStore> Bench<'_, S> {
    /// A prefix that nobody used.
    fn prefix(&self) -> String {
        self.checks.set(self.checks.get() + 1);
        format!("{}-{}", self.base, self.checks.get())
    }

    async fn process(&self, prefix: &str) -> Process<S> {
        Process::start((self.open)(), prefix).await
    }

    /// Two that have nothing but the engine in common, and nothing is in there.
    async fn two(&self) -> (Process<S>, Process<S>) {
        let prefix = self.prefix();
        (self.process(&prefix).await, self.process(&prefix).await)
    }
}

/// One that uses a store.
struct Process<S> {
    store: Arc<S>,
    /// Up to where it has heard everything.
    position: Cursor,
    /// The last purge that it has heard of.
    number: u64,
}

impl<S: RemoteStore> Process<S> {
    async fn start(store: S, prefix: &str) -> Self {
        store.set_namespace(prefix);
        let heard = reach(&store, None).await;
        assert!(!heard.complete, "where nothing is known yet, `changes` says that something may be missing");
        assert!(heard.sequence > 0, "0 stands for no purge at all, and `changes` returned it as a number");
        Self { store: Arc::new(store), position: heard.cursor, number: heard.sequence }
    }

    async fn find(&self, page: Id, claim: Option<Lease>) -> GetResponse {
        self.find_having(page, None, claim).await
    }

    async fn find_having(&self, page: Id, have: Option<Version>, claim: Option<Lease>) -> GetResponse {
        done(
            "get",
            self.store.get(GetRequest { key: page, if_version: have, purge_keys: Vec::new(), lease: claim }),
        )
        .await
    }

    /// As whoever knows some of the names that the page has.
    async fn get_knowing(&self, page: Id, names: &[&str]) -> Option<RemoteEntry> {
        let names = names.iter().map(|name| id(name)).collect();
        done(
            "get",
            self.store.get(GetRequest { key: page, if_version: None, purge_keys: names, lease: None }),
        )
        .await
        .entry
    }

    async fn get(&self, page: Id) -> Option<RemoteEntry> {
        self.find(page, None).await.entry
    }

    async fn has(&self, page: Id) -> bool {
        self.get(page).await.is_some()
    }

    async fn put(&self, page: PutRequest) -> PutResult {
        done("put", self.store.put(page)).await
    }

    async fn release(&self, page: Id, holder: Id, left: ReleaseReason) {
        done("release", self.store.release(page, holder, left)).await;
    }

    async fn tell(&self, of: PurgeScope, expire: bool, told: &[u8]) {
        let purge = PurgeRequest { min_sequence: self.number, expire, scope: of, message: told.to_vec() };
        done("purge", self.store.purge(purge)).await;
    }

    async fn purge(&self, of: PurgeScope) {
        self.tell(of, false, b"purged").await;
    }

    async fn expire(&self, of: PurgeScope) {
        self.tell(of, true, b"expired").await;
    }

    /// What happened since it heard something last.
    async fn hear(&mut self, wait: Duration) -> ChangeBatch {
        let heard = done("changes", self.store.poll_changes(Some(self.position.clone()), wait)).await;
        self.position = heard.cursor.clone();
        assert!(heard.sequence >= self.number, "the number of the last purge went back");
        self.number = heard.sequence;
        heard
    }

    /// The number of the last purge: what begins now has seen it.
    async fn now(&mut self) -> u64 {
        self.hear(Duration::ZERO).await;
        self.number
    }
}

/// What a store answers as soon as it can be used.
async fn reach<S: RemoteStore>(store: &S, after: Option<Cursor>) -> ChangeBatch {
    let began = Instant::now();
    loop {
        let heard = answered("changes", store.poll_changes(after.clone(), Duration::ZERO)).await;
        let why = match heard {
            Ok(heard) => return heard,
            Err(why) => why,
        };
        assert!(began.elapsed() < LIMIT, "the store cannot be used: {why}");
        sleep(Duration::from_millis(10)).await;
    }
}

async fn answered<T>(what: &str, answer: BoxFuture<'_, T>) -> Result<T, StoreError> {
    let answer = timeout(LIMIT, answer).await;
    assert!(answer.is_ok(), "`{what}` did not answer within {LIMIT:?}");
    answer.unwrap_or_else(|_| Err(StoreError::unavailable("it did not answer")))
}

// Whoever runs this wants to be stopped by it.
#[allow(clippy::panic)]
async fn done<T>(what: &str, answer: BoxFuture<'_, T>) -> T {
    match answered(what, answer).await {
        Ok(done) => done,
        Err(why) => panic!("`{what}` failed: {why}"),
    }
}

/// Until it is so, which must not take for ever.
async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < LIMIT, "after {LIMIT:?}, it is not so: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

fn id(name: &str) -> Id {
    Id(xxh3_128(name.as_bytes()).to_le_bytes())
}

/// Whether a page was sent, with these bytes.
fn is_of(kept: Option<&RemoteEntry>, bytes: &[u8]) -> bool {
    kept.and_then(|kept| kept.bytes.as_ref()).is_some_and(|sent| *sent == *bytes)
}

fn names(names: &[&str]) -> PurgeScope {
    PurgeScope::Keys(names.iter().map(|name| id(name)).collect())
}

fn prefix(prefix: &str) -> PurgeScope {
    PurgeScope::PathPrefix(prefix.to_owned())
}

/// A page that is fresh for longer than all of this takes, of the path `/posts/1`.
fn page(page: Id, names: &[&str], since: u64) -> PutRequest {
    PutRequest {
        key: page,
        bytes: b"a page".to_vec(),
        purge_keys: names.iter().map(|name| id(name)).collect(),
        path: "/posts/1".to_owned(),
        purge_seq: since,
        started: Duration::ZERO,
        fresh_for: Some(LONG),
        ttl: LONG,
        owner: None,
    }
}
