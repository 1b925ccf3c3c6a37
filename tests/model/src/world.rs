//! A database, a store and the requests between them, as far as purges matter: how the runtime looks up, coalesces, stores and
//! purges, with the real flights and the real purge log.

use std::{
    array,
    future::poll_fn,
    sync::{
        Arc, Mutex as StdMutex, MutexGuard as StdMutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use shuttle::{future::block_on, thread};

use crate::{
    coalesce::flight::{Flights, Follower, Leader, Participant, Role, Wakeup},
    key::KeyHash,
    purge::{PurgeLog, PurgeSeq},
    schedule::one_in,
    sync::{Mutex, drop_in_a_panic, lock},
};

const KEY: &[u8] = b"page";
const FILL_TIMEOUT: Duration = Duration::from_secs(10);

/// What a purge matches. The database has one value for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PurgeKey {
    /// Matches every page, as is known before the handler runs.
    Path,
    /// Matches some pages, as is known after the handler has run.
    Tag,
    /// Matches no page.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PurgeMode {
    Remove,
    Expire,
}

/// A version for each purge key. Every write increments one.
type Versions = [u64; 3];

/// The response of one run of the handler: the versions that it read.
#[derive(Debug)]
pub(crate) struct Page {
    /// When the run started.
    purge_seq: PurgeSeq,
    path: u64,
    /// `None` if the page does not have the tag.
    tag: Option<u64>,
    is_expired: AtomicBool,
}

impl Page {
    fn has(&self, key: PurgeKey) -> bool {
        match key {
            PurgeKey::Path => true,
            PurgeKey::Tag => self.tag.is_some(),
            PurgeKey::Other => false,
        }
    }

    /// Returns whether the page shows these versions or later ones.
    fn shows(&self, versions: Versions) -> bool {
        let [path, tag, _] = versions;
        self.path >= path && self.tag.is_none_or(|shown| shown >= tag)
    }
}

/// What may happen in a scenario, beside requests and purges.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Events {
    pub(crate) disconnect: bool,
    pub(crate) fail: bool,
    pub(crate) uncacheable: bool,
    pub(crate) timeout: bool,
    /// Some requests may not lead.
    pub(crate) no_lead: bool,
}

pub(crate) struct World {
    pub(crate) flights: Arc<Flights<Arc<Page>>>,
    purge_log: PurgeLog<(PurgeMode, PurgeKey)>,
    /// Held while the stored page is changed.
    writing: Mutex<()>,
    /// A lookup locks only this.
    stored: Mutex<Option<Arc<Page>>>,
    database: [AtomicU64; 3],
    /// The versions whose purges have returned. A request that arrives now must not get an older one.
    purged: [AtomicU64; 3],
    /// The number of runs of the handler.
    pub(crate) runs: AtomicUsize,
    /// The number of followers that rejected the page of their leader.
    pub(crate) rejected: AtomicUsize,
    now: AtomicU64,
    timers: StdMutex<Vec<Waker>>,
    events: Events,
    requests: AtomicUsize,
}

#[derive(Clone, Copy)]
pub(crate) struct Request {
    /// When the request arrived.
    purge_seq: PurgeSeq,
    may_lead: bool,
    /// The oldest versions that it may get.
    versions: Versions,
}

/// What a follower's poll returns.
pub(crate) enum Polled {
    Pending,
    Lead(Leader<Arc<Page>>),
    Page(Arc<Page>),
    /// The page may be older than a purge that the request has to see.
    Rejected,
    Uncoalesced,
}

/// Excludes other tests. All purges of a process have one sequence, so a seed would not replay a schedule beside other tests.
pub(crate) fn exclude_other_tests() -> StdMutexGuard<'static, ()> {
    static RUNNING: StdMutex<()> = StdMutex::new(());
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets other tasks run.
fn pause() {
    thread::yield_now();
}

/// Lets other tasks run for a random time.
fn pause_for_long() {
    while !one_in(3) {
        pause();
    }
}

impl World {
    pub(crate) fn new(events: Events) -> Arc<Self> {
        Arc::new(Self {
            flights: Arc::new(Flights::new()),
            purge_log: PurgeLog::new(),
            writing: Mutex::new(()),
            stored: Mutex::new(None),
            database: Default::default(),
            purged: Default::default(),
            runs: AtomicUsize::new(0),
            rejected: AtomicUsize::new(0),
            now: AtomicU64::new(0),
            timers: StdMutex::default(),
            events,
            requests: AtomicUsize::new(0),
        })
    }

    fn now(&self) -> Duration {
        Duration::from_secs(self.now.load(SeqCst))
    }

    /// Advances the clock by the timeout of a fill, and wakes the followers.
    pub(crate) fn exceed_fill_timeout(&self) {
        self.now.fetch_add(FILL_TIMEOUT.as_secs(), SeqCst);
        let timers = std::mem::take(&mut *self.timers.lock().unwrap());
        timers.into_iter().for_each(Waker::wake);
    }

    fn purged_versions(&self) -> Versions {
        array::from_fn(|key| self.purged[key].load(SeqCst))
    }
}

/// The store.
impl World {
    /// Returns the stored page if it is fresh, and checks that it was not purged.
    pub(crate) fn get(&self) -> Option<Arc<Page>> {
        let stored = lock(&self.stored);
        let page = stored.as_ref().filter(|page| !page.is_expired.load(SeqCst))?;
        let versions = self.purged_versions();
        assert!(page.shows(versions), "a purged page is stored: {page:?}, purged: {versions:?}");
        Some(Arc::clone(page))
    }

    /// Stores a page, and returns whether it was not purged since its run started.
    pub(crate) fn put(&self, page: &Arc<Page>) -> bool {
        // Once without the lock, however many purges there are, and then the later ones with it.
        let checked = self.purge_log.latest().max(page.purge_seq);
        let is_selected = |(_, key): &(_, PurgeKey)| page.has(*key);
        let mut was_purged = self.purge_log.was_purged_since(page.purge_seq, is_selected);
        let writing = lock(&self.writing);
        was_purged |= self.purge_log.was_purged_since(checked, is_selected);
        if !was_purged {
            *lock(&self.stored) = Some(Arc::clone(page));
        }
        drop(writing);
        self.check_store();
        !was_purged
    }

    pub(crate) fn purge(&self, mode: PurgeMode, key: PurgeKey) {
        self.purge_log.append((mode, key));
        pause();
        let writing = lock(&self.writing);
        let found = lock(&self.stored).clone().filter(|page| page.has(key));
        match (found, mode) {
            (None, _) => {}
            (Some(_), PurgeMode::Remove) => *lock(&self.stored) = None,
            (Some(page), PurgeMode::Expire) => page.is_expired.store(true, SeqCst),
        }
        drop(writing);
    }

    /// Checks that no purge has returned that matches the stored page.
    pub(crate) fn check_store(&self) {
        self.get();
    }

    /// Changes the database, and purges the pages that show it.
    pub(crate) fn write(&self, mode: PurgeMode, key: PurgeKey) {
        let version = self.database[key as usize].fetch_add(1, SeqCst) + 1;
        pause_for_long();
        self.purge(mode, key);
        self.purged[key as usize].fetch_max(version, SeqCst);
        self.check_store();
    }
}

/// The requests.
impl World {
    pub(crate) fn new_request(&self) -> Request {
        self.requests.fetch_add(1, SeqCst);
        let may_lead = !(self.events.no_lead && one_in(3));
        Request { versions: self.purged_versions(), purge_seq: PurgeSeq::now(), may_lead }
    }

    pub(crate) fn join(&self, request: Request) -> Role<Arc<Page>> {
        let Request { purge_seq, may_lead, .. } = request;
        // Only the path of a page is known before its handler has run.
        let matches = |(_, key): &(PurgeMode, PurgeKey)| *key == PurgeKey::Path;
        let is_outdated = |start| self.purge_log.was_purged_between(start, purge_seq, matches);
        self.flights
            .join((KeyHash::of(KEY), KEY), &Participant { now: self.now(), purge_seq, may_lead, is_outdated })
    }

    pub(crate) fn poll(
        &self,
        request: Request,
        follower: &mut Follower<Arc<Page>>,
        context: &mut Context<'_>,
    ) -> Polled {
        let timeout = if self.events.timeout { FILL_TIMEOUT } else { Duration::MAX };
        match follower.poll(context, self.now(), timeout) {
            Poll::Pending => Polled::Pending,
            Poll::Ready(Wakeup::Lead(leader)) => Polled::Lead(leader),
            Poll::Ready(Wakeup::Uncoalesced) => Polled::Uncoalesced,
            Poll::Ready(Wakeup::Completed(page)) => {
                let matches = |(_, key): &(PurgeMode, PurgeKey)| page.has(*key);
                if self.purge_log.was_purged_between(page.purge_seq, request.purge_seq, matches) {
                    // A flight with one leader is as old as its page.
                    let was_known = self.events == Events::default() && page.path < request.versions[0];
                    assert!(!was_known, "the request must not have joined a flight from before its purge");
                    self.rejected.fetch_add(1, SeqCst);
                    Polled::Rejected
                } else {
                    Polled::Page(page)
                }
            }
        }
    }

    /// Runs the handler, which reads the database.
    pub(crate) fn run(&self, request: Request, has_tag: bool) -> Arc<Page> {
        self.runs.fetch_add(1, SeqCst);
        let read = |key: PurgeKey| {
            pause_for_long();
            self.database[key as usize].load(SeqCst)
        };
        let path = read(PurgeKey::Path);
        let tag = has_tag.then(|| read(PurgeKey::Tag));
        pause_for_long();
        Arc::new(Page { purge_seq: request.purge_seq, path, tag, is_expired: AtomicBool::new(false) })
    }

    /// Runs a request, and checks its response. Returns `None` if the client disconnected or the handler failed.
    pub(crate) fn request(&self) -> Option<()> {
        let request = self.new_request();
        pause_for_long();
        let page = match self.get() {
            Some(page) => page,
            None => self.coalesce(request)?,
        };
        let versions = request.versions;
        assert!(page.shows(versions), "{page:?} was purged before the request: {versions:?}");
        Some(())
    }

    fn coalesce(&self, request: Request) -> Option<Arc<Page>> {
        for rejected in 0.. {
            // Each rejected page is that of another request.
            assert!(rejected < self.requests.load(SeqCst), "the request follows without end");
            pause_for_long();
            let mut follower = match self.join(request) {
                Role::Leader(leader) => return self.lead(request, leader),
                Role::Uncoalesced => return self.run_uncoalesced(request),
                Role::Follower(follower) => follower,
            };
            match block_on(self.follow(request, &mut follower))? {
                Polled::Pending => unreachable!("the follower is polled until it is ready"),
                Polled::Lead(leader) => return self.lead(request, leader),
                Polled::Page(page) => return Some(page),
                Polled::Uncoalesced => return self.get().or_else(|| self.run_uncoalesced(request)),
                Polled::Rejected => {
                    drop(follower);
                    pause_for_long();
                    if let Some(page) = self.get() {
                        return Some(page);
                    }
                }
            }
        }
        None
    }

    /// Waits for the leader. Returns `None` if the client disconnects.
    async fn follow(&self, request: Request, follower: &mut Follower<Arc<Page>>) -> Option<Polled> {
        poll_fn(|context| {
            if self.events.disconnect && one_in(6) {
                return Poll::Ready(None);
            }
            self.timers.lock().unwrap().push(context.waker().clone());
            match self.poll(request, follower, context) {
                Polled::Pending => Poll::Pending,
                polled => Poll::Ready(Some(polled)),
            }
        })
        .await
    }

    /// Returns `None` if the client disconnects or the handler fails.
    pub(crate) fn lead(&self, request: Request, leader: Leader<Arc<Page>>) -> Option<Arc<Page>> {
        if let Some(page) = self.get() {
            pause_for_long();
            leader.complete_with(|| Some(Arc::clone(&page)));
            return Some(page);
        }
        if self.events.disconnect && one_in(4) {
            pause_for_long();
            return None;
        }
        let page = self.run(request, !one_in(4));
        if self.events.fail && one_in(4) {
            if one_in(2) {
                leader.fail();
            } else {
                drop_in_a_panic(leader);
            }
            return None;
        }
        if self.events.uncacheable && one_in(4) {
            leader.complete_with(|| None);
            return Some(page);
        }
        self.put(&page);
        pause_for_long();
        // A page that was purged meanwhile is for the requests from before the purge.
        leader.complete_with(|| Some(Arc::clone(&page)));
        self.check_store();
        Some(page)
    }

    fn run_uncoalesced(&self, request: Request) -> Option<Arc<Page>> {
        let page = self.run(request, !one_in(4));
        if request.may_lead && self.put(&page) {
            pause_for_long();
            self.flights.complete_with(KEY, || Some(Arc::clone(&page)));
        }
        Some(page)
    }
}
