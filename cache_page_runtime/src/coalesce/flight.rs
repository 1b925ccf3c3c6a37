//! Single flight: of the requests that miss one key at the same time, the leader runs the handler, and the followers wait for
//! its result.
//!
//! This file names no response, no handler and no clock, so that `tests/model` can run it under every order of events.
//! Invariants:
//!
//! * A flight has one leader at a time. When the leader exceeds the fill timeout, one follower becomes the leader.
//! * A flight always makes progress: it has a leader, or a follower was woken to become the leader, or it has been removed from
//!   the table. A leader that is dropped without a result wakes a follower.
//! * A result goes to every request that joined before it, and to no request that joins later.
//! * A request does not join a flight that started before a purge which that request has seen.
//!
//! tokio's primitives could wake the followers, but not replace a leader that is dropped at any await point, and shuttle, which
//! `tests/model` runs on, does not see inside them. So the list of wakers is part of the flight.
//!
//! Lock order: a shard of the table, then a flight or the purge log. No waker is called or dropped while a lock is held.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasherDefault, Hasher},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use smallvec::SmallVec;

use super::stream::LeaderStream;
use crate::{
    key::KeyHash,
    purge::PurgeSeq,
    sync::{Mutex, MutexGuard, is_panicking, lock},
};

const SHARDS: usize = 64;

/// The number of leaders that may fail before the followers run uncoalesced. A handler that always fails is then not run by
/// one follower after the other, each of which has waited for all before it.
///
/// Server errors, panics and timeouts count. A client that disconnects or does not read does not: otherwise, a client could make all
/// followers run the handler by leading twice.
const MAX_FAILURES: u32 = 2;

/// Flights by the hash of their key. Of two keys with the same hash, only one can have a flight.
type Table<T> = HashMap<KeyHash, Arc<Flight<T>>, BuildHasherDefault<IdentityHasher>>;

/// The fills in flight, by key. `T` is what a leader shares with its followers.
pub(crate) struct Flights<T> {
    shards: Box<[Mutex<Table<T>>]>,
}

struct Flight<T> {
    hash: KeyHash,
    key: FlightKey,
    /// The purge sequence of the first leader. Later leaders count as if they had started then.
    purge_seq: PurgeSeq,
    state: Mutex<State<T>>,
}

struct State<T> {
    /// The leader and when it started. `None` while the lead is handed over.
    leader: Option<(Ticket, Duration)>,
    /// Followers in the order of arrival. The first one becomes the next leader.
    followers: BTreeMap<Ticket, Waker>,
    next_ticket: Ticket,
    failures: u32,
    /// The number of leaders whose clients did not read their responses.
    stalls: u32,
    /// The body that the leader streams. The first follower watches it.
    stream: Option<Arc<LeaderStream>>,
    completion: Option<Completion<T>>,
}

type Ticket = u64;

/// The key of an ordinary URL is in the allocation of the flight.
type FlightKey = SmallVec<[u8; 96]>;

/// How a flight ended.
#[derive(Clone)]
enum Completion<T> {
    /// Behind a pointer, because most flights have no followers, and so no result.
    Shared(Box<T>),
    Uncoalesced,
}

/// A request that wants to take part in a flight.
pub(crate) struct Participant<F> {
    /// The time since the clock's start.
    pub(crate) now: Duration,
    pub(crate) purge_seq: PurgeSeq,
    pub(crate) may_lead: bool,
    /// Returns whether a flight that started at this sequence may show what was purged before the request arrived.
    pub(crate) is_outdated: F,
}

/// The part that a request takes in a flight.
pub(crate) enum Role<T: Clone> {
    Leader(Leader<T>),
    Follower(Follower<T>),
    /// There is no flight to follow, and the request may not lead one.
    Uncoalesced,
}

/// Why a follower was woken.
pub(crate) enum Wakeup<T: Clone> {
    Lead(Leader<T>),
    Completed(T),
    /// The leader's response is not shared.
    Uncoalesced,
}

impl<T: Clone> Flights<T> {
    pub(crate) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::new(Table::default())).collect();
        Self { shards }
    }

    /// Follows the flight of a key, or leads a new one. `hash` is the hash of the key.
    pub(crate) fn join<F: Fn(PurgeSeq) -> bool>(
        self: &Arc<Self>,
        (hash, key): (KeyHash, &[u8]),
        participant: &Participant<F>,
    ) -> Role<T> {
        let mut shard = lock(self.shard(hash));
        let flight = match shard.get(&hash) {
            Some(flight) if flight.key[..] == *key && !(participant.is_outdated)(flight.purge_seq) => flight,
            Some(flight) if flight.key[..] != *key => return Role::Uncoalesced,
            // An outdated flight goes on for the requests that joined it. The new one replaces it for later requests.
            _ if participant.may_lead => {
                return Role::Leader(self.start(&mut shard, hash, key, participant));
            }
            _ => return Role::Uncoalesced,
        };
        let ticket = {
            let mut state = lock(&flight.state);
            let ticket = state.next_ticket;
            state.next_ticket += 1;
            // Registered before the first poll, so that a leader which is dropped now hands over to this follower.
            state.followers.insert(ticket, Waker::noop().clone());
            ticket
        };
        let flight = Arc::clone(flight);
        let may_lead = participant.may_lead;
        Role::Follower(Follower { flights: Arc::clone(self), flight, ticket, may_lead, left: false })
    }

    /// Leads a new flight of a key, unless there is one that this request could follow.
    pub(crate) fn try_lead<F: Fn(PurgeSeq) -> bool>(
        self: &Arc<Self>,
        key: &[u8],
        participant: &Participant<F>,
    ) -> Option<Leader<T>> {
        let hash = KeyHash::of(key);
        let mut shard = lock(self.shard(hash));
        let is_free = shard
            .get(&hash)
            .is_none_or(|flight| flight.key[..] == *key && (participant.is_outdated)(flight.purge_seq));
        is_free.then(|| self.start(&mut shard, hash, key, participant))
    }

    fn start<F>(
        self: &Arc<Self>,
        shard: &mut Table<T>,
        hash: KeyHash,
        key: &[u8],
        participant: &Participant<F>,
    ) -> Leader<T> {
        let flight = Arc::new(Flight {
            hash,
            key: FlightKey::from_slice(key),
            purge_seq: participant.purge_seq,
            state: Mutex::new(State {
                leader: Some((0, participant.now)),
                followers: BTreeMap::new(),
                next_ticket: 1,
                failures: 0,
                stalls: 0,
                stream: None,
                completion: None,
            }),
        });
        shard.insert(hash, Arc::clone(&flight));
        Leader::new(self, &flight, 0)
    }

    /// Completes the flight of a key, if there is one, with a result that was not made by its leader.
    pub(crate) fn complete_with(&self, key: &[u8], result: impl FnOnce() -> Option<T>) {
        let hash = KeyHash::of(key);
        let flight = lock(self.shard(hash)).get(&hash).map(Arc::clone);
        if let Some(flight) = flight.filter(|flight| flight.key[..] == *key) {
            self.close(&flight);
            flight.complete_with(result);
        }
    }

    /// Returns the number of fills in flight.
    pub(crate) fn count(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Removes a flight from the table, so that no request joins it any more.
    fn close(&self, flight: &Arc<Flight<T>>) {
        Self::close_in(lock(self.shard(flight.hash)), flight);
    }

    fn close_in(mut shard: MutexGuard<'_, Table<T>>, flight: &Arc<Flight<T>>) {
        // A flight that was closed before may have a successor in its slot.
        if shard.get(&flight.hash).is_some_and(|current| Arc::ptr_eq(current, flight)) {
            shard.remove(&flight.hash);
        }
    }

    /// Lets a leader or a follower leave. Without a leader the first follower is woken, and without either the flight ends.
    fn leave(&self, flight: &Arc<Flight<T>>, leave: impl FnOnce(&mut State<T>) -> Option<Waker>) {
        let shard = lock(self.shard(flight.hash));
        let mut state = lock(&flight.state);
        // A waker may own the last reference to a task, so it is dropped after the locks.
        let _waker = leave(&mut state);
        let has_leader = state.leader.is_some() || state.completion.is_some();
        let is_empty = state.followers.is_empty();
        let is_streaming = state.stream.is_some();
        let next = state.followers.first_key_value().map(|(_, next)| next.clone());
        drop(state);
        if is_empty && !has_leader {
            Self::close_in(shard, flight);
            return flight.complete(Completion::Uncoalesced);
        }
        drop(shard);
        if let Some(next) = next.filter(|_| !has_leader || is_streaming) {
            next.wake();
        }
    }

    fn shard(&self, hash: KeyHash) -> &Mutex<Table<T>> {
        // Hash maps use the lowest and the highest bits, so the shard is chosen by others.
        &self.shards[usize::from(hash.as_u64().to_le_bytes()[4]) % SHARDS]
    }
}

impl<T: Clone> Flight<T> {
    /// Completes a closed flight. The result is only made if there are followers.
    fn complete_with(&self, result: impl FnOnce() -> Option<T>) {
        let has_followers = !lock(&self.state).followers.is_empty();
        let result = if has_followers { result() } else { None };
        self.complete(result.map_or(Completion::Uncoalesced, |result| Completion::Shared(Box::new(result))));
    }

    fn complete(&self, completion: Completion<T>) {
        let mut state = lock(&self.state);
        if state.completion.is_some() {
            return;
        }
        state.completion = Some(completion);
        // Most flights have none.
        if state.followers.is_empty() {
            return;
        }
        let followers = std::mem::take(&mut state.followers);
        drop(state);
        followers.into_values().for_each(Waker::wake);
    }
}

/// The request that runs the handler for its flight. When it is dropped without a result, one follower takes over.
pub(crate) struct Leader<T: Clone> {
    flights: Arc<Flights<T>>,
    flight: Arc<Flight<T>>,
    ticket: Ticket,
    completed: bool,
    failed: bool,
}

impl<T: Clone> Leader<T> {
    fn new(flights: &Arc<Flights<T>>, flight: &Arc<Flight<T>>, ticket: Ticket) -> Self {
        let (flights, flight) = (Arc::clone(flights), Arc::clone(flight));
        Self { flights, flight, ticket, completed: false, failed: false }
    }

    /// Returns the hash of the flight's key.
    pub(crate) fn key_hash(&self) -> KeyHash {
        self.flight.hash
    }

    /// Ends the flight and wakes its followers. With `None` they run uncoalesced. The result is only made if there are
    /// followers.
    pub(crate) fn complete_with(mut self, result: impl FnOnce() -> Option<T>) {
        self.flights.close(&self.flight);
        self.flight.complete_with(result);
        self.completed = true;
    }

    /// Records that the body of the response is streamed. Followers wait for its end for at most `max_duration`.
    pub(crate) fn start_stream(&self, now: Duration, max_duration: Duration) -> Arc<LeaderStream> {
        let mut state = lock(&self.flight.state);
        let stream = Arc::new(LeaderStream::new(now, max_duration, state.stalls));
        let watcher = match state.leader {
            // After a timeout, another request may lead.
            Some((leader, _)) if leader == self.ticket => {
                state.stream = Some(Arc::clone(&stream));
                state.followers.first_key_value().map(|(_, watcher)| watcher.clone())
            }
            _ => None,
        };
        drop(state);
        watcher.into_iter().for_each(Waker::wake);
        stream
    }

    /// Leaves the lead because the handler failed. One follower takes over, or all run uncoalesced after too many failures.
    pub(crate) fn fail(mut self) {
        self.failed = true;
    }
}

impl<T: Clone> Drop for Leader<T> {
    fn drop(&mut self) {
        if self.completed {
            return;
        }
        let failed = self.failed || is_panicking();
        self.flights.leave(&self.flight, |state| {
            // After a timeout, another request may lead.
            if state.leader.is_some_and(|(leader, _)| leader == self.ticket) {
                state.leader = None;
                state.stream = None;
                state.failures += u32::from(failed);
            }
            None
        });
    }
}

/// A request that waits for the leader's result.
pub(crate) struct Follower<T: Clone> {
    flights: Arc<Flights<T>>,
    flight: Arc<Flight<T>>,
    ticket: Ticket,
    may_lead: bool,
    left: bool,
}

impl<T: Clone> Follower<T> {
    /// Polls for the leader's result. A leader is replaced that has been running for longer than `fill_timeout`, which is a failure,
    /// or whose client does not read its response.
    pub(crate) fn poll(
        &mut self,
        context: &mut Context<'_>,
        now: Duration,
        fill_timeout: Duration,
    ) -> Poll<Wakeup<T>> {
        let flight = Arc::clone(&self.flight);
        let mut state = lock(&flight.state);
        match &state.completion {
            Some(Completion::Shared(result)) => {
                self.left = true;
                return Poll::Ready(Wakeup::Completed((**result).clone()));
            }
            Some(Completion::Uncoalesced) => {
                self.left = true;
                return Poll::Ready(Wakeup::Uncoalesced);
            }
            None => {}
        }
        let is_over_timeout =
            state.leader.is_some_and(|(_, since)| now.saturating_sub(since) >= fill_timeout);
        let stalls_at = state.stream.as_ref().and_then(|stream| stream.stalls_at());
        let is_replaced = is_over_timeout || stalls_at.is_some_and(|stalls_at| now >= stalls_at);
        if !is_replaced && state.stream.as_ref().is_some_and(|stream| stream.is_given_up(now)) {
            return Poll::Ready(Wakeup::Uncoalesced);
        }
        if state.leader.is_some() && !is_replaced {
            let previous = state.followers.insert(self.ticket, context.waker().clone());
            drop(state);
            drop(previous);
            return Poll::Pending;
        }
        if !self.may_lead {
            // Dropping this follower wakes the next one.
            return Poll::Ready(Wakeup::Uncoalesced);
        }
        state.failures += u32::from(is_over_timeout);
        state.stalls += u32::from(is_replaced && !is_over_timeout);
        if state.failures >= MAX_FAILURES {
            self.left = true;
            drop(state);
            self.flights.close(&flight);
            flight.complete(Completion::Uncoalesced);
            return Poll::Ready(Wakeup::Uncoalesced);
        }
        Poll::Ready(Wakeup::Lead(self.take_lead(state, now)))
    }

    /// Returns when the present leader may have failed, and the follower should be polled again, as the time since the clock's start.
    pub(crate) fn next_poll(&self, now: Duration, fill_timeout: Duration) -> Option<Duration> {
        let state = lock(&self.flight.state);
        let (_, since) = state.leader?;
        let timeout = since.saturating_add(fill_timeout);
        let Some(stream) = &state.stream else { return Some(timeout) };
        // One follower is enough to notice that the client does not read.
        let is_first = state.followers.keys().next() == Some(&self.ticket);
        let stall = if is_first { stream.next_check(now) } else { timeout };
        Some(timeout.min(stream.gives_up_at()).min(stall))
    }

    /// Returns whether the leader streams a body.
    pub(crate) fn is_streamed(&self) -> bool {
        lock(&self.flight.state).stream.is_some()
    }

    fn take_lead(&mut self, mut state: MutexGuard<'_, State<T>>, now: Duration) -> Leader<T> {
        self.left = true;
        let waker = state.followers.remove(&self.ticket);
        state.leader = Some((self.ticket, now));
        state.stream = None;
        drop(state);
        drop(waker);
        Leader::new(&self.flights, &self.flight, self.ticket)
    }
}

impl<T: Clone> Drop for Follower<T> {
    fn drop(&mut self) {
        if !self.left {
            self.flights.leave(&self.flight, |state| state.followers.remove(&self.ticket));
        }
    }
}

/// Passes a hash on.
#[derive(Default)]
struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
    fn write(&mut self, bytes: &[u8]) {
        // The table's keys are hashes, which `write_u64` takes.
        bytes.iter().for_each(|byte| self.0 = self.0 << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
