//! What happens step by step, where no other order is possible.

use std::{
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use crate::{
    coalesce::flight::{Flights, Follower, Leader, Role, Wakeup},
    participant,
    runs::once,
    sync::fail,
};

const KEY: &[u8] = b"page";
const DEADLINE: Duration = Duration::from_secs(10);

fn play(steps: impl Fn(&Arc<Flights<u8>>) + Send + Sync + 'static) {
    once(move || {
        let flights = Arc::new(Flights::new());
        steps(&flights);
        assert_eq!(flights.count(), 0, "a flight is left behind");
    });
}

fn lead(flights: &Arc<Flights<u8>>) -> Leader<u8> {
    match flights.join(KEY, &participant(Duration::ZERO, true)) {
        Role::Leader(leader) => leader,
        _ => panic!("somebody leads already"),
    }
}

fn follow<const N: usize>(flights: &Arc<Flights<u8>>) -> [Follower<u8>; N] {
    [(); N].map(|()| match flights.join(KEY, &participant(Duration::ZERO, true)) {
        Role::Follower(follower) => follower,
        _ => panic!("nobody leads"),
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
    match follower.poll(&mut Context::from_waker(Waker::noop()), now, DEADLINE) {
        Poll::Pending => (Polled::Pending, None),
        Poll::Ready(Wakeup::Lead(leader)) => (Polled::Lead, Some(leader)),
        Poll::Ready(Wakeup::Completed(page)) => (Polled::Completed(page), None),
        Poll::Ready(Wakeup::Uncoalesced) => (Polled::Uncoalesced, None),
    }
}

#[test]
fn a_second_failure_is_enough() {
    play(|flights| {
        let first = lead(flights);
        let [mut one, mut two, mut three] = follow(flights);
        assert_eq!(poll(&mut one, Duration::ZERO).0, Polled::Pending);
        fail(first);
        let (polled, leader) = poll(&mut one, Duration::ZERO);
        assert_eq!((polled, poll(&mut two, Duration::ZERO).0), (Polled::Lead, Polled::Pending));
        fail(leader);
        for follower in [&mut two, &mut three] {
            assert_eq!(poll(follower, Duration::ZERO).0, Polled::Uncoalesced);
        }
    });
}

#[test]
fn those_who_leave_are_no_failures() {
    play(|flights| {
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
fn a_late_leader_is_passed_by_one_and_after_that_by_all() {
    play(|flights| {
        let first = lead(flights);
        let [mut one, mut two, mut three] = follow(flights);
        let (polled, leader) = poll(&mut one, DEADLINE);
        assert_eq!((polled, poll(&mut two, DEADLINE).0), (Polled::Lead, Polled::Pending));
        assert_eq!(two.leader_since(), Some(DEADLINE));
        // It leads no more, and leaving changes nothing.
        drop(first);
        assert_eq!(poll(&mut two, DEADLINE).0, Polled::Pending);
        assert_eq!(poll(&mut two, 2 * DEADLINE).0, Polled::Uncoalesced);
        assert_eq!(poll(&mut three, 2 * DEADLINE).0, Polled::Uncoalesced);
        drop(leader);
    });
}

#[test]
fn a_late_leader_lands_all_the_same() {
    play(|flights| {
        let first = lead(flights);
        let [mut one, mut two] = follow(flights);
        let (polled, leader) = poll(&mut one, DEADLINE);
        assert_eq!(polled, Polled::Lead);
        first.complete_with(|| Some(1));
        assert_eq!(poll(&mut two, DEADLINE).0, Polled::Completed(1));
        // The flight is complete, and the request that took over has no followers.
        let next = lead(flights);
        leader.unwrap().complete_with(|| panic!("it has no followers"));
        let [mut three] = follow(flights);
        next.complete_with(|| Some(2));
        assert_eq!(poll(&mut three, DEADLINE).0, Polled::Completed(2));
    });
}

#[test]
fn a_flight_that_others_ended_takes_no_other_with_it() {
    play(|flights| {
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
fn a_refresh_leads_only_where_nobody_does() {
    play(|flights| {
        let participant = participant(Duration::ZERO, true);
        let refresh = flights.try_lead(KEY, &participant).unwrap();
        assert!(flights.try_lead(KEY, &participant).is_none());
        assert!(flights.try_lead(b"other", &participant).is_some());
        let [mut one] = follow(flights);
        refresh.complete_with(|| Some(1));
        assert_eq!(poll(&mut one, Duration::ZERO).0, Polled::Completed(1));
    });
}
