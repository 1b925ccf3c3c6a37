//! One fill per key: whoever comes first leads and runs the handler, all others follow and wait for what comes of it.
//!
//! There is no page here, no handler and no clock, so that `tests/model` can try this file in every order of events. What
//! it promises:
//!
//! * One request leads at a time, unless the leader is overdue: then one follower takes its place.
//! * A leader that goes away without a word is followed by one of those that wait; nobody waits for nobody.
//! * What lands is for all who joined before, and for nobody who comes after.
//!
//! Locks: a shard of the table, then a flight. Wakers are called when both are free.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher as _, BuildHasherDefault, Hasher},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use foldhash::quality::RandomState;

use crate::sync::{Mutex, MutexGuard, is_failing, lock};

const SHARDS: usize = 64;

/// After so many leaders that failed, a flight is over, and those that wait go on by themselves: a handler that panics
/// each time must not be run by one follower after the other.
const MOST_FAILURES: u32 = 2;

/// By the hash of the key. Two keys of one hash have no flight at the same time.
type Table<L> = HashMap<u64, Arc<Flight<L>>, BuildHasherDefault<Hashed>>;

/// What is being made at the moment, by key. `L` is what lands.
pub(crate) struct Flights<L> {
    shards: Box<[Mutex<Table<L>>]>,
    hasher: RandomState,
}

struct Flight<L> {
    hash: u64,
    key: Box<[u8]>,
    state: Mutex<State<L>>,
}

struct State<L> {
    /// Who leads, and since when; nobody for as long as it takes to hand over.
    lead: Option<(Ticket, Duration)>,
    /// In the order they came; the first one takes over.
    waiting: BTreeMap<Ticket, Waker>,
    tickets: Ticket,
    failures: u32,
    end: Option<End<L>>,
}

type Ticket = u64;

/// How a flight ended: with something for all, or everybody for himself.
#[derive(Clone)]
enum End<L> {
    Landed(L),
    Apart,
}

/// How a request takes part.
pub(crate) enum Joined<L: Clone> {
    Lead(Leader<L>),
    Follow(Follower<L>),
    /// There is nobody to follow, and this request must not lead.
    Apart,
}

/// What a follower waited for.
pub(crate) enum Turn<L: Clone> {
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
    pub(crate) fn join(self: &Arc<Self>, key: &[u8], now: Duration, may_lead: bool) -> Joined<L> {
        let hash = self.hasher.hash_one(key);
        let mut shard = lock(self.shard(hash));
        let flight = match shard.get(&hash) {
            Some(flight) if *flight.key == *key => flight,
            None if may_lead => return Joined::Lead(self.start(&mut shard, hash, key, now)),
            _ => return Joined::Apart,
        };
        let ticket = {
            let mut state = lock(&flight.state);
            let ticket = state.tickets;
            state.tickets += 1;
            // It counts as waiting from here on, so that a leader who goes away leaves the flight to it.
            state.waiting.insert(ticket, Waker::noop().clone());
            ticket
        };
        let flight = Arc::clone(flight);
        Joined::Follow(Follower { flights: Arc::clone(self), flight, ticket, may_lead, done: false })
    }

    /// Leads the flight of a key, if there is none.
    pub(crate) fn lead(self: &Arc<Self>, key: &[u8], now: Duration) -> Option<Leader<L>> {
        let hash = self.hasher.hash_one(key);
        let mut shard = lock(self.shard(hash));
        if shard.contains_key(&hash) { None } else { Some(self.start(&mut shard, hash, key, now)) }
    }

    fn start(self: &Arc<Self>, shard: &mut Table<L>, hash: u64, key: &[u8], now: Duration) -> Leader<L> {
        let state =
            State { lead: Some((0, now)), waiting: BTreeMap::new(), tickets: 1, failures: 0, end: None };
        let flight = Arc::new(Flight { hash, key: key.into(), state: Mutex::new(state) });
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
            return flight.end(End::Apart);
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
        self.end(landing.map_or(End::Apart, End::Landed));
    }

    fn end(&self, end: End<L>) {
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
    ) -> Poll<Turn<L>> {
        let flight = Arc::clone(&self.flight);
        let mut state = lock(&flight.state);
        match &state.end {
            Some(End::Landed(landing)) => {
                self.done = true;
                return Poll::Ready(Turn::Landed(landing.clone()));
            }
            Some(End::Apart) => {
                self.done = true;
                return Poll::Ready(Turn::Apart);
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
            return Poll::Ready(Turn::Apart);
        }
        state.failures += u32::from(is_overdue);
        if state.failures >= MOST_FAILURES {
            self.done = true;
            drop(state);
            self.flights.close(&flight);
            flight.end(End::Apart);
            return Poll::Ready(Turn::Apart);
        }
        self.lead(state, now)
    }

    fn lead(&mut self, mut state: MutexGuard<'_, State<L>>, now: Duration) -> Poll<Turn<L>> {
        self.done = true;
        let former = state.waiting.remove(&self.ticket);
        state.lead = Some((self.ticket, now));
        drop(state);
        drop(former);
        Poll::Ready(Turn::Lead(Leader {
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
struct Hashed(u64);

impl Hasher for Hashed {
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
