//! Requests for one page under random schedules. Clients may disconnect, and handlers may fail, exceed the timeout, or make an
//! uncacheable response.

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
    key::KeyHash,
    participant,
    schedule::{one_in, under_random_schedules},
    sync::drop_in_a_panic,
};

const KEY: &[u8] = b"page";
const FILL_TIMEOUT: Duration = Duration::from_secs(10);

/// What may happen in a scenario.
#[derive(Clone, Copy, Default)]
struct Events {
    disconnect: bool,
    fail: bool,
    uncacheable: bool,
    timeout: bool,
    /// Some requests may not lead.
    no_lead: bool,
    /// The flight is completed by a request that is not its leader.
    completed_by_another: bool,
}

/// A page is a number, counted in the order in which pages are made.
struct World {
    flights: Arc<Flights<u64>>,
    pages: AtomicU64,
    leaders: AtomicUsize,
    runs: AtomicUsize,
    now: AtomicU64,
    timers: Mutex<Vec<Waker>>,
    events: Events,
    uncacheable: AtomicUsize,
    failures: AtomicUsize,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Led,
    Followed(u64),
    Uncoalesced,
    /// The client disconnected, or the handler failed.
    Aborted,
}

impl World {
    fn new(events: Events) -> Arc<Self> {
        Arc::new(Self {
            flights: Arc::new(Flights::new()),
            pages: AtomicU64::new(0),
            leaders: AtomicUsize::new(0),
            runs: AtomicUsize::new(0),
            now: AtomicU64::new(0),
            timers: Mutex::new(Vec::new()),
            events,
            uncacheable: AtomicUsize::new(0),
            failures: AtomicUsize::new(0),
        })
    }

    fn now(&self) -> Duration {
        Duration::from_secs(self.now.load(SeqCst))
    }

    fn next_page(&self) -> u64 {
        self.pages.fetch_add(1, SeqCst) + 1
    }

    fn request(&self) -> End {
        let may_lead = !(self.events.no_lead && one_in(3));
        let pages_before = self.pages.load(SeqCst);
        match self.flights.join((KeyHash::of(KEY), KEY), &participant(self.now(), may_lead)) {
            Role::Leader(leader) => self.lead(leader),
            Role::Uncoalesced => {
                assert!(!may_lead);
                End::Uncoalesced
            }
            Role::Follower(follower) => match block_on(self.follow(follower)) {
                None => End::Aborted,
                Some(Wakeup::Lead(leader)) => {
                    assert!(may_lead);
                    self.lead(leader)
                }
                Some(Wakeup::Completed(page)) => {
                    assert!(page > pages_before, "page {page} was made before the request arrived");
                    End::Followed(page)
                }
                Some(Wakeup::Uncoalesced) => {
                    let has_reason = self.uncacheable.load(SeqCst) + self.failures.load(SeqCst) > 0;
                    assert!(has_reason || !may_lead, "no response was uncacheable and no handler failed");
                    End::Uncoalesced
                }
            },
        }
    }

    fn lead(&self, leader: Leader<u64>) -> End {
        let others = self.leaders.fetch_add(1, SeqCst);
        let may_be_replaced = self.events.timeout || self.events.completed_by_another;
        assert!(others == 0 || may_be_replaced, "there are two leaders");
        self.runs.fetch_add(1, SeqCst);
        // The handler waits up to twice.
        for _ in 0..thread_rng().gen_range(0..3) {
            thread::yield_now();
            if self.events.disconnect && one_in(4) {
                self.leaders.fetch_sub(1, SeqCst);
                drop(leader);
                return End::Aborted;
            }
        }
        self.leaders.fetch_sub(1, SeqCst);
        if self.events.fail && one_in(3) {
            self.failures.fetch_add(1, SeqCst);
            // The handler responds with an error, or panics.
            if one_in(2) {
                leader.fail();
            } else {
                drop_in_a_panic(leader);
            }
            return End::Aborted;
        }
        if self.events.uncacheable && one_in(3) {
            self.uncacheable.fetch_add(1, SeqCst);
            leader.complete_with(|| None);
        } else {
            leader.complete_with(|| Some(self.next_page()));
        }
        End::Led
    }

    /// Waits for the leader. Returns `None` if the client disconnects.
    async fn follow(&self, mut follower: Follower<u64>) -> Option<Wakeup<u64>> {
        poll_fn(|context| {
            if self.events.disconnect && one_in(6) {
                return Poll::Ready(None);
            }
            // Stands for the timer of the request.
            self.timers.lock().unwrap().push(context.waker().clone());
            let timeout = if self.events.timeout { FILL_TIMEOUT } else { Duration::MAX };
            follower.poll(context, self.now(), timeout).map(Some)
        })
        .await
    }

    /// Advances the clock by the timeout of a fill, and wakes the followers.
    fn exceed_fill_timeout(&self) {
        self.now.fetch_add(FILL_TIMEOUT.as_secs(), SeqCst);
        self.failures.fetch_add(1, SeqCst);
        let timers = std::mem::take(&mut *self.timers.lock().unwrap());
        timers.into_iter().for_each(Waker::wake);
    }
}

/// Runs concurrent requests under random schedules. The check gets the ends of all requests.
fn run(events: Events, requests: usize, check: impl Fn(&World, &[End]) + Send + Sync + 'static) {
    under_random_schedules(move || {
        let world = World::new(events);
        let start = |_| {
            let world = Arc::clone(&world);
            thread::spawn(move || world.request())
        };
        let handles: Vec<_> = (0..requests).map(start).collect();
        if events.timeout {
            world.exceed_fill_timeout();
        }
        if events.completed_by_another {
            world.flights.complete_with(KEY, || Some(world.next_page()));
        }
        let ends: Vec<End> = handles.into_iter().map(|handle| handle.join().unwrap()).collect();
        assert_eq!(world.flights.count(), 0, "a flight is left: {ends:?}");
        check(&world, &ends);
    });
}

#[test]
fn concurrent_requests_get_the_page_of_their_leader() {
    run(Events::default(), 4, |world, ends| {
        // A request that arrives after the flight leads one of its own: there is no store in this model.
        let led = ends.iter().filter(|end| **end == End::Led).count();
        assert_eq!(led, world.runs.load(SeqCst));
        let followed = ends.iter().filter(|end| matches!(end, End::Followed(_))).count();
        assert_eq!(led + followed, ends.len(), "{ends:?}");
        for end in ends {
            if let End::Followed(page) = end {
                assert!((1..=world.pages.load(SeqCst)).contains(page));
            }
        }
    });
}

#[test]
fn follower_takes_over_from_a_leader_that_disconnects() {
    run(Events { disconnect: true, ..Events::default() }, 4, |_, ends| {
        assert!(!ends.contains(&End::Uncoalesced), "{ends:?}");
    });
}

#[test]
fn followers_run_uncoalesced_after_two_failures() {
    run(Events { disconnect: true, fail: true, ..Events::default() }, 5, |world, ends| {
        let is_uncoalesced = ends.contains(&End::Uncoalesced);
        assert!(!is_uncoalesced || world.failures.load(SeqCst) >= 2, "{ends:?}");
    });
}

#[test]
fn uncacheable_response_is_not_shared() {
    run(Events { uncacheable: true, disconnect: true, ..Events::default() }, 4, |world, ends| {
        let followed = ends.iter().any(|end| matches!(end, End::Followed(_)));
        assert!(!followed || world.pages.load(SeqCst) > 0, "{ends:?}");
    });
}

#[test]
fn request_that_may_not_lead_never_leads_and_never_hangs() {
    run(Events { no_lead: true, disconnect: true, ..Events::default() }, 4, |_, _| {});
}

#[test]
fn follower_takes_over_from_a_leader_that_exceeds_the_timeout() {
    run(Events { timeout: true, disconnect: true, fail: true, ..Events::default() }, 4, |_, _| {});
}

#[test]
fn flight_can_be_completed_by_another_request() {
    let events =
        Events { completed_by_another: true, disconnect: true, uncacheable: true, ..Events::default() };
    run(events, 4, |_, _| {});
}

#[test]
fn flights_make_progress_whatever_happens() {
    let events = Events {
        disconnect: true,
        fail: true,
        uncacheable: true,
        timeout: true,
        no_lead: true,
        completed_by_another: true,
    };
    run(events, 5, |_, _| {});
}
