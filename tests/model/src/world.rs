//! A database, a store and the requests between them, as far as purges matter: the protocol of the runtime's `store`, `keep`
//! and `follow` with the real flights and the real purge log.

use std::{
    array,
    future::poll_fn,
    sync::{
        Arc, Mutex as Plain, MutexGuard as PlainGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use shuttle::{future::block_on, thread};

use crate::{
    coalesce::flight::{Flights, Follower, Leader, Participant, Role, Wakeup},
    purge::{PurgeLog, PurgeSeq},
    runs::one_in,
    sync::{Mutex, fail, lock},
};

const KEY: &[u8] = b"page";
const DEADLINE: Duration = Duration::from_secs(10);

/// What is in the database, and what a purge is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// Every page shows it, as everybody knows.
    Path,
    /// Some pages show it, and nobody but the handler knows which.
    Tag,
    /// No page shows it.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Verb {
    Purge,
    Expire,
}

/// One number for each target, counted up by whoever writes.
type Versions = [u64; 3];

/// What one run of the handler made.
#[derive(Debug)]
pub(crate) struct Page {
    since: PurgeSeq,
    path: u64,
    /// Of a page that has the tag.
    tag: Option<u64>,
    is_expired: AtomicBool,
}

impl Page {
    fn is_about(&self, target: Target) -> bool {
        match target {
            Target::Path => true,
            Target::Tag => self.tag.is_some(),
            Target::Other => false,
        }
    }

    fn shows(&self, floor: Versions) -> bool {
        let [path, tag, _] = floor;
        self.path >= path && self.tag.is_none_or(|shown| shown >= tag)
    }
}

/// What may happen in a run.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct May {
    pub(crate) leave: bool,
    pub(crate) fail: bool,
    pub(crate) part: bool,
    pub(crate) be_late: bool,
    pub(crate) not_lead: bool,
}

pub(crate) struct World {
    pub(crate) flights: Arc<Flights<Arc<Page>>>,
    purge_log: PurgeLog<(Verb, Target)>,
    /// Whatever changes what is kept does so under this lock.
    order: Mutex<()>,
    /// Whoever reads it locks only this.
    kept: Mutex<Option<Arc<Page>>>,
    database: [AtomicU64; 3],
    /// What was in the database before the last purge that returned. Nobody who comes now is sent anything older.
    purged: [AtomicU64; 3],
    /// How often the handler ran.
    pub(crate) runs: AtomicUsize,
    /// How often a follower rejected the page of its leader.
    pub(crate) refused: AtomicUsize,
    now: AtomicU64,
    sleepers: Plain<Vec<Waker>>,
    may: May,
    requests: AtomicUsize,
}

/// On its way.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    since: PurgeSeq,
    may_lead: bool,
    /// What it must be shown at least.
    floor: Versions,
}

/// What a request takes part in.
pub(crate) enum Part {
    Lead(Leader<Arc<Page>>),
    Follow(Follower<Arc<Page>>),
    Uncoalesced,
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

/// Pages have their places among all purges of the process: where others count on, a seed would not mean the same run.
pub(crate) fn alone() -> PlainGuard<'static, ()> {
    static RUNNING: Plain<()> = Plain::new(());
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Anybody else may go on here.
fn pause() {
    thread::yield_now();
}

fn pauses() {
    while !one_in(3) {
        pause();
    }
}

impl World {
    pub(crate) fn new(may: May) -> Arc<Self> {
        Arc::new(Self {
            flights: Arc::new(Flights::new()),
            purge_log: PurgeLog::new(),
            order: Mutex::new(()),
            kept: Mutex::new(None),
            database: Default::default(),
            purged: Default::default(),
            runs: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            now: AtomicU64::new(0),
            sleepers: Plain::default(),
            may,
            requests: AtomicUsize::new(0),
        })
    }

    fn now(&self) -> Duration {
        Duration::from_secs(self.now.load(SeqCst))
    }

    /// Time passes, and those that sleep look up.
    pub(crate) fn tick(&self) {
        self.now.fetch_add(DEADLINE.as_secs(), SeqCst);
        let sleepers = std::mem::take(&mut *self.sleepers.lock().unwrap());
        sleepers.into_iter().for_each(Waker::wake);
    }

    fn floor(&self) -> Versions {
        array::from_fn(|at| self.purged[at].load(SeqCst))
    }

    // The store.

    pub(crate) fn get(&self) -> Option<Arc<Page>> {
        let kept = lock(&self.kept);
        let page = kept.as_ref().filter(|page| !page.is_expired.load(SeqCst))?;
        assert!(page.shows(self.floor()), "it was purged, and is kept: {page:?}, {:?}", self.floor());
        Some(Arc::clone(page))
    }

    pub(crate) fn put(&self, page: &Arc<Page>) -> bool {
        let order = lock(&self.order);
        let has_fallen = self.purge_log.was_purged_since(page.since, |(_, target)| page.is_about(*target));
        if !has_fallen {
            *lock(&self.kept) = Some(Arc::clone(page));
        }
        drop(order);
        self.look();
        !has_fallen
    }

    pub(crate) fn purge(&self, verb: Verb, target: Target) {
        self.purge_log.append((verb, target));
        pause();
        let order = lock(&self.order);
        let found = lock(&self.kept).clone().filter(|page| page.is_about(target));
        match (found, verb) {
            (None, _) => {}
            (Some(_), Verb::Purge) => *lock(&self.kept) = None,
            (Some(page), Verb::Expire) => page.is_expired.store(true, SeqCst),
        }
        drop(order);
    }

    /// What is kept shows all that a purge which returned was about.
    pub(crate) fn look(&self) {
        self.get();
    }

    // Those that write.

    /// Changes the database, and purges what shows it.
    pub(crate) fn write(&self, verb: Verb, target: Target) {
        let version = self.database[target as usize].fetch_add(1, SeqCst) + 1;
        pauses();
        self.purge(verb, target);
        self.purged[target as usize].fetch_max(version, SeqCst);
        self.look();
    }

    // The requests.

    pub(crate) fn comes(&self) -> Request {
        self.requests.fetch_add(1, SeqCst);
        let may_lead = !(self.may.not_lead && one_in(3));
        Request { floor: self.floor(), since: PurgeSeq::now(), may_lead }
    }

    pub(crate) fn join(&self, request: Request) -> Part {
        let Request { since: came, may_lead, .. } = request;
        let concerns = |(_, target): &(Verb, Target)| *target == Target::Path;
        let is_outdated = |since| self.purge_log.was_purged_between(since, came, concerns);
        let participant = Participant { now: self.now(), purge_seq: came, may_lead, is_outdated };
        match self.flights.join(KEY, &participant) {
            Role::Leader(leader) => Part::Lead(leader),
            Role::Follower(follower) => Part::Follow(follower),
            Role::Uncoalesced => Part::Uncoalesced,
        }
    }

    pub(crate) fn poll(
        &self,
        request: Request,
        follower: &mut Follower<Arc<Page>>,
        context: &mut Context<'_>,
    ) -> Polled {
        let deadline = if self.may.be_late { DEADLINE } else { Duration::MAX };
        match follower.poll(context, self.now(), deadline) {
            Poll::Pending => Polled::Pending,
            Poll::Ready(Wakeup::Lead(leader)) => Polled::Lead(leader),
            Poll::Ready(Wakeup::Uncoalesced) => Polled::Uncoalesced,
            Poll::Ready(Wakeup::Completed(page)) => {
                let concerns = |(_, target): &(Verb, Target)| page.is_about(*target);
                if self.purge_log.was_purged_between(page.since, request.since, concerns) {
                    // Where a flight has one leader, and nobody else lands in it, it is as old as its page.
                    let is_overtaken = self.may == May::default() && page.path < request.floor[0];
                    assert!(!is_overtaken, "this was known when it joined");
                    self.refused.fetch_add(1, SeqCst);
                    Polled::Rejected
                } else {
                    Polled::Page(page)
                }
            }
        }
    }

    /// The handler looks into the database, here and there.
    pub(crate) fn run(&self, request: Request, has_tag: bool) -> Arc<Page> {
        self.runs.fetch_add(1, SeqCst);
        let read = |target: Target| {
            pauses();
            self.database[target as usize].load(SeqCst)
        };
        let path = read(Target::Path);
        let tag = has_tag.then(|| read(Target::Tag));
        pauses();
        Arc::new(Page { since: request.since, path, tag, is_expired: AtomicBool::new(false) })
    }

    /// A whole request; `None` if its client went away, or the handler failed.
    pub(crate) fn request(&self) -> Option<()> {
        let request = self.comes();
        pauses();
        let page = match self.get() {
            Some(page) => page,
            None => self.take_part(request)?,
        };
        assert!(page.shows(request.floor), "{page:?} was purged before: {:?}", request.floor);
        Some(())
    }

    fn take_part(&self, request: Request) -> Option<Arc<Page>> {
        for waited in 0.. {
            // Each time, somebody landed who had not landed before.
            assert!(waited < self.requests.load(SeqCst), "it waits again and again");
            pauses();
            let mut follower = match self.join(request) {
                Part::Lead(leader) => return self.lead(request, leader),
                Part::Uncoalesced => return self.go_alone(request),
                Part::Follow(follower) => follower,
            };
            match block_on(self.follow(request, &mut follower))? {
                Polled::Pending => unreachable!("it has waited"),
                Polled::Lead(leader) => return self.lead(request, leader),
                Polled::Page(page) => return Some(page),
                Polled::Uncoalesced => return self.get().or_else(|| self.go_alone(request)),
                Polled::Rejected => {
                    drop(follower);
                    pauses();
                    if let Some(page) = self.get() {
                        return Some(page);
                    }
                }
            }
        }
        None
    }

    async fn follow(&self, request: Request, follower: &mut Follower<Arc<Page>>) -> Option<Polled> {
        poll_fn(|context| {
            if self.may.leave && one_in(6) {
                return Poll::Ready(None);
            }
            self.sleepers.lock().unwrap().push(context.waker().clone());
            match self.poll(request, follower, context) {
                Polled::Pending => Poll::Pending,
                polled => Poll::Ready(Some(polled)),
            }
        })
        .await
    }

    /// `None` as of a whole request.
    pub(crate) fn lead(&self, request: Request, leader: Leader<Arc<Page>>) -> Option<Arc<Page>> {
        if let Some(page) = self.get() {
            pauses();
            leader.complete_with(|| Some(Arc::clone(&page)));
            return Some(page);
        }
        if self.may.leave && one_in(4) {
            pauses();
            return None;
        }
        let page = self.run(request, !one_in(4));
        if self.may.fail && one_in(4) {
            fail(leader);
            return None;
        }
        if self.may.part && one_in(4) {
            leader.complete_with(|| None);
            return Some(page);
        }
        self.put(&page);
        pauses();
        // One that is not kept is for all that came before the purge.
        leader.complete_with(|| Some(Arc::clone(&page)));
        self.look();
        Some(page)
    }

    fn go_alone(&self, request: Request) -> Option<Arc<Page>> {
        let page = self.run(request, !one_in(4));
        if request.may_lead && self.put(&page) {
            pauses();
            self.flights.complete_with(KEY, || Some(Arc::clone(&page)));
        }
        Some(page)
    }
}
