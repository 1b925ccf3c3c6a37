//! One fill per key: whoever comes first leads and runs the handler, all others follow and wait for what comes of it.
//!
//! There is no page here, no handler and no clock, so that `tests/model` can try this file in every order of events. What
//! it promises:
//!
//! * One request leads at a time, unless the leader is overdue: then one follower takes its place.
//! * A leader that goes away without a word is followed by one of those that wait; nobody waits for nobody.
//! * What lands is for all who joined before, and for nobody who comes after.
//! * Nobody joins a flight that was begun before something which it may show was purged.
//!
//! Locks: a shard of the table, then a flight or the fence. Wakers are called when both are free.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher as _, BuildHasherDefault, Hasher},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use foldhash::quality::RandomState;

use crate::{
    purge::log::PurgeSeq,
    sync::{Mutex, MutexGuard, is_failing, lock},
};

const SHARDS: usize = 64;

/// After so many leaders that failed, a flight is over, and those that wait go on by themselves: a handler that panics
/// each time must not be run by one follower after the other.
const MOST_FAILURES: u32 = 2;

/// By the hash of the key. Two keys of one hash have no flight at the same time.
type Table<L> = HashMap<u64, Arc<Flight<L>>, BuildHasherDefault<IdentityHasher>>;

/// What is being made at the moment, by key. `L` is what lands.
pub(crate) struct Flights<L> {
    shards: Box<[Mutex<Table<L>>]>,
    hasher: RandomState,
}

struct Flight<L> {
    hash: u64,
    key: Box<[u8]>,
    /// When its first leader came. Those who take over are treated as if they had come then.
    since: PurgeSeq,
    state: Mutex<State<L>>,
}

struct State<L> {
    /// Who leads, and since when; nobody for as long as it takes to hand over.
    lead: Option<(Ticket, Duration)>,
    /// In the order they came; the first one takes over.
    waiting: BTreeMap<Ticket, Waker>,
    tickets: Ticket,
    failures: u32,
    end: Option<Completion<L>>,
}

type Ticket = u64;

/// How a flight ended: with something for all, or everybody for himself.
#[derive(Clone)]
enum Completion<L> {
    Landed(L),
    Apart,
}

/// A request that would take part, as far as that matters here.
pub(crate) struct Participant<F> {
    /// On the clock.
    pub(crate) now: Duration,
    /// Among the purges.
    pub(crate) since: PurgeSeq,
    pub(crate) may_lead: bool,
    /// Whether what was begun then may show what was purged before this request came.
    pub(crate) is_overtaken: F,
}

/// How a request takes part.
pub(crate) enum Role<L: Clone> {
    Lead(Leader<L>),
    Follow(Follower<L>),
    /// There is nobody to follow, and this request must not lead.
    Apart,
}

/// What a follower waited for.
pub(crate) enum Wakeup<L: Clone> {
    Lead(Leader<L>),
    Landed(L),
    /// What the leader made is not to be shared.
    Apart,
}

impl<L: Clone> Flights<L> {
    pub(crate) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::new(Table::default())).collect();
        Self { shards, hasher: RandomState::default() }
    }

    /// Leads the flight of a key, or follows in the one that there is.
    pub(crate) fn join<F: Fn(PurgeSeq) -> bool>(
        self: &Arc<Self>,
        key: &[u8],
        comer: &Participant<F>,
    ) -> Role<L> {
        let hash = self.hasher.hash_one(key);
        let mut shard = lock(self.shard(hash));
        let flight = match shard.get(&hash) {
            Some(flight) if *flight.key == *key && !(comer.is_overtaken)(flight.since) => flight,
            // One that is overtaken goes on for those who are in it, and this one takes its place for those to come.
            Some(flight) if *flight.key != *key => return Role::Apart,
            _ if comer.may_lead => return Role::Lead(self.start(&mut shard, hash, key, comer)),
            _ => return Role::Apart,
        };
        let may_lead = comer.may_lead;
        let ticket = {
            let mut state = lock(&flight.state);
            let ticket = state.tickets;
            state.tickets += 1;
            // It counts as waiting from here on, so that a leader who goes away leaves the flight to it.
            state.waiting.insert(ticket, Waker::noop().clone());
            ticket
        };
        let flight = Arc::clone(flight);
        Role::Follow(Follower { flights: Arc::clone(self), flight, ticket, may_lead, done: false })
    }

    /// Leads the flight of a key, if there is none that is good for this request.
    pub(crate) fn lead<F: Fn(PurgeSeq) -> bool>(
        self: &Arc<Self>,
        key: &[u8],
        comer: &Participant<F>,
    ) -> Option<Leader<L>> {
        let hash = self.hasher.hash_one(key);
        let mut shard = lock(self.shard(hash));
        let is_free =
            shard.get(&hash).is_none_or(|there| *there.key == *key && (comer.is_overtaken)(there.since));
        is_free.then(|| self.start(&mut shard, hash, key, comer))
    }

    fn start<F>(
        self: &Arc<Self>,
        shard: &mut Table<L>,
        hash: u64,
        key: &[u8],
        comer: &Participant<F>,
    ) -> Leader<L> {
        let lead = Some((0, comer.now));
        let state = State { lead, waiting: BTreeMap::new(), tickets: 1, failures: 0, end: None };
        let flight = Arc::new(Flight { hash, key: key.into(), since: comer.since, state: Mutex::new(state) });
        shard.insert(hash, Arc::clone(&flight));
        Leader { flights: Arc::clone(self), flight, ticket: 0, done: false }
    }

    /// Ends the flight of a key, if there is one, with what somebody else made.
    pub(crate) fn land_with(&self, key: &[u8], landing: impl FnOnce() -> Option<L>) {
        let hash = self.hasher.hash_one(key);
        let flight = lock(self.shard(hash)).get(&hash).map(Arc::clone);
        if let Some(flight) = flight.filter(|flight| *flight.key == *key) {
            self.close(&flight);
            flight.land_with(landing);
        }
    }

    /// From here on nobody joins this flight.
    fn close(&self, flight: &Arc<Flight<L>>) {
        Self::close_in(lock(self.shard(flight.hash)), flight);
    }

    fn close_in(mut shard: MutexGuard<'_, Table<L>>, flight: &Arc<Flight<L>>) {
        // Another one may have begun, if this one was closed already.
        if shard.get(&flight.hash).is_some_and(|there| Arc::ptr_eq(there, flight)) {
            shard.remove(&flight.hash);
        }
    }

    /// Somebody left. Where nobody leads any more, the next one is woken to do it, and where nobody is left the flight is over.
    fn leave(&self, flight: &Arc<Flight<L>>, leave: impl FnOnce(&mut State<L>) -> Option<Waker>) {
        let shard = lock(self.shard(flight.hash));
        let mut state = lock(&flight.state);
        // A waker may be all that holds a task: it is dropped when no lock is held.
        let _left = leave(&mut state);
        let is_led = state.lead.is_some() || state.end.is_some();
        let is_over = state.waiting.is_empty();
        let next = state.waiting.first_key_value().map(|(_, next)| next.clone());
        drop(state);
        if is_over && !is_led {
            Self::close_in(shard, flight);
            return flight.end(Completion::Apart);
        }
        drop(shard);
        if let (Some(next), false) = (next, is_led) {
            next.wake();
        }
    }

    fn shard(&self, hash: u64) -> &Mutex<Table<L>> {
        // The tables themselves look at the first bits and at the last ones. There are fewer shards than a byte counts.
        &self.shards[usize::from(hash.to_le_bytes()[4]) % SHARDS]
    }

    /// How many flights there are.
    pub(crate) fn count(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }
}

impl<L: Clone> Flight<L> {
    /// Of a flight that nobody joins any more: what lands is only made if somebody waits for it.
    fn land_with(&self, landing: impl FnOnce() -> Option<L>) {
        let is_followed = !lock(&self.state).waiting.is_empty();
        let landing = if is_followed { landing() } else { None };
        self.end(landing.map_or(Completion::Apart, Completion::Landed));
    }

    fn end(&self, end: Completion<L>) {
        let mut state = lock(&self.state);
        if state.end.is_some() {
            return;
        }
        state.end = Some(end);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(Waker::wake);
    }
}

/// Whoever runs the handler for those that follow. Dropped without a word, it hands over to one of them.
pub(crate) struct Leader<L: Clone> {
    flights: Arc<Flights<L>>,
    flight: Arc<Flight<L>>,
    ticket: Ticket,
    done: bool,
}

impl<L: Clone> Leader<L> {
    /// Of what is made.
    pub(crate) fn key(&self) -> &[u8] {
        &self.flight.key
    }

    /// What all others are waiting for; `None` if it is not to be shared. It is only made if there are others.
    pub(crate) fn land_with(mut self, landing: impl FnOnce() -> Option<L>) {
        self.flights.close(&self.flight);
        self.flight.land_with(landing);
        self.done = true;
    }
}

impl<L: Clone> Drop for Leader<L> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let failed = is_failing();
        self.flights.leave(&self.flight, |state| {
            // It may have been overdue, and another one leads.
            if state.lead.is_some_and(|(leader, _)| leader == self.ticket) {
                state.lead = None;
                state.failures += u32::from(failed);
            }
            None
        });
    }
}

/// Whoever waits for what the leader makes.
pub(crate) struct Follower<L: Clone> {
    flights: Arc<Flights<L>>,
    flight: Arc<Flight<L>>,
    ticket: Ticket,
    may_lead: bool,
    done: bool,
}

impl<L: Clone> Follower<L> {
    /// Waits. A leader that is at it for longer than `deadline` is overdue.
    pub(crate) fn poll(
        &mut self,
        context: &mut Context<'_>,
        now: Duration,
        deadline: Duration,
    ) -> Poll<Wakeup<L>> {
        let flight = Arc::clone(&self.flight);
        let mut state = lock(&flight.state);
        match &state.end {
            Some(Completion::Landed(landing)) => {
                self.done = true;
                return Poll::Ready(Wakeup::Landed(landing.clone()));
            }
            Some(Completion::Apart) => {
                self.done = true;
                return Poll::Ready(Wakeup::Apart);
            }
            None => {}
        }
        let is_overdue = state.lead.is_some_and(|(_, since)| now.saturating_sub(since) >= deadline);
        if state.lead.is_some() && !is_overdue {
            let former = state.waiting.insert(self.ticket, context.waker().clone());
            drop(state);
            drop(former);
            return Poll::Pending;
        }
        if !self.may_lead {
            // The next one is woken when this one is dropped.
            return Poll::Ready(Wakeup::Apart);
        }
        state.failures += u32::from(is_overdue);
        if state.failures >= MOST_FAILURES {
            self.done = true;
            drop(state);
            self.flights.close(&flight);
            flight.end(Completion::Apart);
            return Poll::Ready(Wakeup::Apart);
        }
        self.lead(state, now)
    }

    fn lead(&mut self, mut state: MutexGuard<'_, State<L>>, now: Duration) -> Poll<Wakeup<L>> {
        self.done = true;
        let former = state.waiting.remove(&self.ticket);
        state.lead = Some((self.ticket, now));
        drop(state);
        drop(former);
        Poll::Ready(Wakeup::Lead(Leader {
            flights: Arc::clone(&self.flights),
            flight: Arc::clone(&self.flight),
            ticket: self.ticket,
            done: false,
        }))
    }

    /// Since when the leader is at it.
    pub(crate) fn led_since(&self) -> Option<Duration> {
        lock(&self.flight.state).lead.map(|(_, since)| since)
    }
}

impl<L: Clone> Drop for Follower<L> {
    fn drop(&mut self) {
        if !self.done {
            self.flights.leave(&self.flight, |state| state.waiting.remove(&self.ticket));
        }
    }
}

/// What is hashed already.
#[derive(Default)]
struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
    fn write(&mut self, bytes: &[u8]) {
        // No key is made of bytes here.
        bytes.iter().for_each(|byte| self.0 = self.0 << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
