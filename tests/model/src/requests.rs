//! Requests for one page, of which any may go away, fail, be late, or make something that is not to be shared.

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    task::{Poll, Waker},
    time::Duration,
};

use shuttle::{
    future::block_on,
    rand::{Rng as _, thread_rng},
    sync::Mutex,
    thread,
};

use crate::{
    coalesce::flight::{Flights, Follower, Leader, Role, Wakeup},
    participant,
    runs::{many, one_in},
    sync::fail,
};

const KEY: &[u8] = b"page";
const DEADLINE: Duration = Duration::from_secs(10);

/// What may happen in a run.
#[derive(Clone, Copy, Default)]
struct May {
    leave: bool,
    fail: bool,
    part: bool,
    be_late: bool,
    not_lead: bool,
    land_from_outside: bool,
}

/// The page of a run is its number, counted up as pages are made.
struct World {
    flights: Arc<Flights<u64>>,
    made: AtomicU64,
    leading: AtomicUsize,
    runs: AtomicUsize,
    now: AtomicU64,
    sleepers: Mutex<Vec<Waker>>,
    may: May,
    /// Whether anybody did what was not to be shared, or failed.
    parted: AtomicUsize,
    failed: AtomicUsize,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Made,
    Followed(u64),
    Alone,
    Left,
}

impl World {
    fn new(may: May) -> Arc<Self> {
        Arc::new(Self {
            flights: Arc::new(Flights::new()),
            made: AtomicU64::new(0),
            leading: AtomicUsize::new(0),
            runs: AtomicUsize::new(0),
            now: AtomicU64::new(0),
            sleepers: Mutex::new(Vec::new()),
            may,
            parted: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
        })
    }

    fn now(&self) -> Duration {
        Duration::from_secs(self.now.load(SeqCst))
    }

    fn request(&self) -> Fate {
        let may_lead = !(self.may.not_lead && one_in(3));
        let made_before = self.made.load(SeqCst);
        match self.flights.join(KEY, &participant(self.now(), may_lead)) {
            Role::Leader(leader) => self.lead(leader),
            Role::Uncoalesced => {
                assert!(!may_lead);
                Fate::Alone
            }
            Role::Follower(follower) => match block_on(self.follow(follower)) {
                None => Fate::Left,
                Some(Wakeup::Lead(leader)) => {
                    assert!(may_lead);
                    self.lead(leader)
                }
                Some(Wakeup::Completed(page)) => {
                    assert!(page > made_before, "it was made before this request came");
                    Fate::Followed(page)
                }
                Some(Wakeup::Uncoalesced) => {
                    let told = self.parted.load(SeqCst) + self.failed.load(SeqCst) > 0;
                    assert!(told || !may_lead, "nobody said that it was not to be shared");
                    Fate::Alone
                }
            },
        }
    }

    fn lead(&self, leader: Leader<u64>) -> Fate {
        let others = self.leading.fetch_add(1, SeqCst);
        let is_passed = self.may.be_late || self.may.land_from_outside;
        assert!(others == 0 || is_passed, "two lead at once");
        self.runs.fetch_add(1, SeqCst);
        // The handler waits for something, here and there.
        for _ in 0..thread_rng().gen_range(0..3) {
            thread::yield_now();
            if self.may.leave && one_in(4) {
                self.leading.fetch_sub(1, SeqCst);
                drop(leader);
                return Fate::Left;
            }
        }
        self.leading.fetch_sub(1, SeqCst);
        if self.may.fail && one_in(3) {
            self.failed.fetch_add(1, SeqCst);
            fail(leader);
            return Fate::Left;
        }
        if self.may.part && one_in(3) {
            self.parted.fetch_add(1, SeqCst);
            leader.complete_with(|| None);
        } else {
            leader.complete_with(|| Some(self.made.fetch_add(1, SeqCst) + 1));
        }
        Fate::Made
    }

    /// Waits for its turn; `None` if its client goes away before.
    async fn follow(&self, mut follower: Follower<u64>) -> Option<Wakeup<u64>> {
        poll_fn(|context| {
            if self.may.leave && one_in(6) {
                return Poll::Ready(None);
            }
            // As a timer would, whatever it is set to.
            self.sleepers.lock().unwrap().push(context.waker().clone());
            let deadline = if self.may.be_late { DEADLINE } else { Duration::MAX };
            follower.poll(context, self.now(), deadline).map(Some)
        })
        .await
    }

    /// Time passes, and those that sleep look up.
    fn tick(&self) {
        self.now.fetch_add(DEADLINE.as_secs(), SeqCst);
        self.failed.fetch_add(1, SeqCst);
        let sleepers = std::mem::take(&mut *self.sleepers.lock().unwrap());
        sleepers.into_iter().for_each(Waker::wake);
    }
}

/// So many requests at once, in many orders. What became of them is looked at when all have come to their end.
fn run(may: May, requests: usize, look: impl Fn(&World, &[Fate]) + Send + Sync + 'static) {
    many(move || {
        let world = World::new(may);
        let start = |_| {
            let world = Arc::clone(&world);
            thread::spawn(move || world.request())
        };
        let handles: Vec<_> = (0..requests).map(start).collect();
        if may.be_late {
            world.tick();
        }
        if may.land_from_outside {
            world.flights.complete_with(KEY, || Some(world.made.fetch_add(1, SeqCst) + 1));
        }
        let fates: Vec<Fate> = handles.into_iter().map(|handle| handle.join().unwrap()).collect();
        assert_eq!(world.flights.count(), 0, "a flight is left behind: {fates:?}");
        look(&world, &fates);
    });
}

#[test]
fn one_makes_it_and_all_others_get_it() {
    run(May::default(), 4, |world, fates| {
        // Whoever comes after the landing looks into the store first, which is not part of this model.
        let made = fates.iter().filter(|fate| **fate == Fate::Made).count();
        assert_eq!(made, world.runs.load(SeqCst));
        let followed = fates.iter().filter(|fate| matches!(fate, Fate::Followed(_))).count();
        assert_eq!(made + followed, fates.len(), "{fates:?}");
        for fate in fates {
            if let Fate::Followed(page) = fate {
                assert!((1..=world.made.load(SeqCst)).contains(page));
            }
        }
    });
}

#[test]
fn whoever_leaves_hands_over_to_one() {
    run(May { leave: true, ..May::default() }, 4, |_, fates| {
        assert!(!fates.contains(&Fate::Alone), "{fates:?}");
    });
}

#[test]
fn after_failures_those_that_wait_go_on_alone() {
    run(May { leave: true, fail: true, ..May::default() }, 5, |world, fates| {
        let alone = fates.iter().filter(|fate| **fate == Fate::Alone).count();
        assert!(alone == 0 || world.failed.load(SeqCst) >= 2, "{fates:?}");
    });
}

#[test]
fn what_is_not_to_be_shared_is_not() {
    run(May { part: true, leave: true, ..May::default() }, 4, |world, fates| {
        let followed = fates.iter().any(|fate| matches!(fate, Fate::Followed(_)));
        assert!(!followed || world.made.load(SeqCst) > 0, "{fates:?}");
    });
}

#[test]
fn those_that_must_not_lead_never_do_and_never_hang() {
    run(May { not_lead: true, leave: true, ..May::default() }, 4, |_, _| {});
}

#[test]
fn a_leader_that_is_late_is_passed() {
    run(May { be_late: true, leave: true, fail: true, ..May::default() }, 4, |_, _| {});
}

#[test]
fn somebody_else_may_land_it() {
    run(May { land_from_outside: true, leave: true, part: true, ..May::default() }, 4, |_, _| {});
}

#[test]
fn everything_at_once() {
    let may =
        May { leave: true, fail: true, part: true, be_late: true, not_lead: true, land_from_outside: true };
    run(may, 5, |_, _| {});
}
