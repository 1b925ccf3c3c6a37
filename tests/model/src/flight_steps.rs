//! Flights in one given order of events.

use std::{
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use crate::{
    coalesce::flight::{Flights, Follower, Leader, Role, Wakeup},
    key::KeyHash,
    participant,
    schedule::once,
    sync::drop_in_a_panic,
};

const KEY: &[u8] = b"page";
const FILL_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs the steps, and checks that they leave no flight.
fn run(steps: impl Fn(&Arc<Flights<u8>>) + Send + Sync + 'static) {
    once(move || {
        let flights = Arc::new(Flights::new());
        steps(&flights);
        assert_eq!(flights.count(), 0, "a flight is left");
    });
}

fn lead(flights: &Arc<Flights<u8>>) -> Leader<u8> {
    match flights.join((KeyHash::of(KEY), KEY), &participant(Duration::ZERO, true)) {
        Role::Leader(leader) => leader,
        _ => panic!("there is a leader already"),
    }
}

fn follow<const N: usize>(flights: &Arc<Flights<u8>>) -> [Follower<u8>; N] {
    [(); N].map(|()| match flights.join((KeyHash::of(KEY), KEY), &participant(Duration::ZERO, true)) {
        Role::Follower(follower) => follower,
        _ => panic!("there is no leader"),
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Polled {
    Pending,
    Lead,
    Completed(u8),
    Uncoalesced,
}

fn poll(follower: &mut Follower<u8>, now: Duration) -> (Polled, Option<Leader<u8>>) {
    match follower.poll(&mut Context::from_waker(Waker::noop()), now, FILL_TIMEOUT) {
        Poll::Pending => (Polled::Pending, None),
        Poll::Ready(Wakeup::Lead(leader)) => (Polled::Lead, Some(leader)),
        Poll::Ready(Wakeup::Completed(page)) => (Polled::Completed(page), None),
        Poll::Ready(Wakeup::Uncoalesced) => (Polled::Uncoalesced, None),
    }
}

#[test]
fn followers_run_uncoalesced_after_a_second_failure() {
    run(|flights| {
        let first = lead(flights);
        let [mut one, mut two, mut three] = follow(flights);
        assert_eq!(poll(&mut one, Duration::ZERO).0, Polled::Pending);
        drop_in_a_panic(first);
        let (polled, leader) = poll(&mut one, Duration::ZERO);
        assert_eq!((polled, poll(&mut two, Duration::ZERO).0), (Polled::Lead, Polled::Pending));
        drop_in_a_panic(leader);
        for follower in [&mut two, &mut three] {
            assert_eq!(poll(follower, Duration::ZERO).0, Polled::Uncoalesced);
        }
    });
}

#[test]
fn response_that_failed_counts_as_a_panic_does() {
    run(|flights| {
        let first = lead(flights);
        let [mut one, mut two, mut three] = follow(flights);
        first.fail();
        let (polled, leader) = poll(&mut one, Duration::ZERO);
        assert_eq!((polled, poll(&mut two, Duration::ZERO).0), (Polled::Lead, Polled::Pending));
        leader.unwrap().fail();
        for follower in [&mut two, &mut three] {
            assert_eq!(poll(follower, Duration::ZERO).0, Polled::Uncoalesced);
        }
    });
}

#[test]
fn leader_that_was_replaced_does_not_fail_its_successor() {
    run(|flights| {
        let first = lead(flights);
        let [mut one, mut two] = follow(flights);
        let (_, leader) = poll(&mut one, FILL_TIMEOUT);
        first.fail();
        assert_eq!(poll(&mut two, FILL_TIMEOUT).0, Polled::Pending);
        leader.unwrap().complete_with(|| Some(1));
        assert_eq!(poll(&mut two, FILL_TIMEOUT).0, Polled::Completed(1));
    });
}

#[test]
fn failure_without_followers_ends_the_flight() {
    run(|flights| lead(flights).fail());
}

#[test]
fn leader_that_disconnects_is_not_a_failure() {
    run(|flights| {
        let first = lead(flights);
        let followers: [_; 5] = follow(flights);
        drop(first);
        for mut follower in followers {
            let (polled, leader) = poll(&mut follower, Duration::ZERO);
            assert_eq!(polled, Polled::Lead);
            drop(leader);
        }
    });
}

#[test]
fn timeout_of_a_leader_counts_as_a_failure() {
    run(|flights| {
        let first = lead(flights);
        let [mut one, mut two, mut three] = follow(flights);
        let (polled, leader) = poll(&mut one, FILL_TIMEOUT);
        assert_eq!((polled, poll(&mut two, FILL_TIMEOUT).0), (Polled::Lead, Polled::Pending));
        assert_eq!(two.next_poll(FILL_TIMEOUT, FILL_TIMEOUT), Some(2 * FILL_TIMEOUT));
        // The first leader was replaced, so its disconnection changes nothing.
        drop(first);
        assert_eq!(poll(&mut two, FILL_TIMEOUT).0, Polled::Pending);
        assert_eq!(poll(&mut two, 2 * FILL_TIMEOUT).0, Polled::Uncoalesced);
        assert_eq!(poll(&mut three, 2 * FILL_TIMEOUT).0, Polled::Uncoalesced);
        drop(leader);
    });
}

#[test]
fn client_that_does_not_read_hands_over_to_one_follower() {
    const MILLISECOND: Duration = Duration::from_millis(1);
    run(|flights| {
        let first = lead(flights);
        let [mut one, mut two] = follow(flights);
        let stream = first.start_stream(Duration::ZERO, FILL_TIMEOUT);
        let stalls_at = one.next_poll(Duration::ZERO, FILL_TIMEOUT).unwrap();
        assert_eq!(two.next_poll(Duration::ZERO, FILL_TIMEOUT), Some(FILL_TIMEOUT), "one follower watches");
        stream.wait_for_handler();
        assert_eq!(poll(&mut one, stalls_at).0, Polled::Pending);
        stream.wait_for_client(stalls_at);
        assert_eq!(poll(&mut one, 2 * stalls_at - MILLISECOND).0, Polled::Pending);
        let (polled, leader) = poll(&mut one, 2 * stalls_at);
        assert_eq!((polled, poll(&mut two, 2 * stalls_at).0), (Polled::Lead, Polled::Pending));
        // The first leader goes on all the same.
        first.complete_with(|| Some(1));
        assert_eq!(poll(&mut two, 2 * stalls_at).0, Polled::Completed(1));
        drop(leader);
    });
}

#[test]
fn each_client_that_does_not_read_has_half_the_time_of_the_one_before() {
    run(|flights| {
        let mut leader = lead(flights);
        let followers: [_; 4] = follow(flights);
        let (mut now, mut replaced, mut times) = (Duration::ZERO, Vec::new(), Vec::new());
        for mut follower in followers {
            let _stream = leader.start_stream(now, FILL_TIMEOUT);
            let stalls_at = follower.next_poll(now, FILL_TIMEOUT).unwrap();
            times.push(stalls_at - now);
            now = stalls_at;
            let (polled, next) = poll(&mut follower, now);
            assert_eq!(polled, Polled::Lead, "a client that does not read is no failure");
            replaced.push(std::mem::replace(&mut leader, next.unwrap()));
        }
        assert!(times.windows(2).all(|pair| pair[0] == 2 * pair[1]), "{times:?}");
        leader.complete_with(|| Some(1));
    });
}

#[test]
fn follower_that_watched_a_stream_is_replaced_when_it_leaves() {
    run(|flights| {
        let first = lead(flights);
        let [one, mut two] = follow(flights);
        let stream = first.start_stream(Duration::ZERO, FILL_TIMEOUT);
        drop(one);
        let stalls_at = two.next_poll(Duration::ZERO, FILL_TIMEOUT).unwrap();
        assert!(stalls_at < FILL_TIMEOUT);
        stream.wait_for_handler();
        assert_eq!(poll(&mut two, stalls_at).0, Polled::Pending);
        first.complete_with(|| Some(1));
        assert_eq!(poll(&mut two, stalls_at).0, Polled::Completed(1));
    });
}

#[test]
fn followers_leave_a_stream_that_takes_too_long() {
    run(|flights| {
        let first = lead(flights);
        let [mut one] = follow(flights);
        let stream = first.start_stream(Duration::ZERO, Duration::from_secs(1));
        stream.wait_for_handler();
        assert_eq!(poll(&mut one, Duration::from_millis(999)).0, Polled::Pending);
        assert_eq!(poll(&mut one, Duration::from_secs(1)).0, Polled::Uncoalesced);
        drop(one);
        let [mut late] = follow(flights);
        assert_eq!(poll(&mut late, Duration::from_secs(2)).0, Polled::Uncoalesced);
        drop(late);
        first.complete_with(|| Some(1));
    });
}

#[test]
fn leader_that_was_replaced_can_still_complete_the_flight() {
    run(|flights| {
        let first = lead(flights);
        let [mut one, mut two] = follow(flights);
        let (polled, leader) = poll(&mut one, FILL_TIMEOUT);
        assert_eq!(polled, Polled::Lead);
        first.complete_with(|| Some(1));
        assert_eq!(poll(&mut two, FILL_TIMEOUT).0, Polled::Completed(1));
        // The flight is complete, and the request that took over has no followers.
        let next = lead(flights);
        leader.unwrap().complete_with(|| panic!("it has no followers"));
        let [mut three] = follow(flights);
        next.complete_with(|| Some(2));
        assert_eq!(poll(&mut three, FILL_TIMEOUT).0, Polled::Completed(2));
    });
}

#[test]
fn leader_of_a_completed_flight_does_not_complete_the_next_one() {
    run(|flights| {
        let first = lead(flights);
        let [mut one] = follow(flights);
        flights.complete_with(KEY, || Some(1));
        assert_eq!(poll(&mut one, Duration::ZERO).0, Polled::Completed(1));
        let second = lead(flights);
        first.complete_with(|| Some(2));
        let [mut two] = follow(flights);
        assert_eq!(poll(&mut two, Duration::ZERO).0, Polled::Pending);
        second.complete_with(|| Some(3));
        assert_eq!(poll(&mut two, Duration::ZERO).0, Polled::Completed(3));
    });
}

#[test]
fn refresh_leads_only_if_there_is_no_flight() {
    run(|flights| {
        let participant = participant(Duration::ZERO, true);
        let refresh = flights.try_lead(KEY, &participant).unwrap();
        assert!(flights.try_lead(KEY, &participant).is_none());
        assert!(flights.try_lead(b"other", &participant).is_some());
        let [mut one] = follow(flights);
        refresh.complete_with(|| Some(1));
        assert_eq!(poll(&mut one, Duration::ZERO).0, Polled::Completed(1));
    });
}
