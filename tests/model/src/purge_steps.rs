//! Purges step by step, where no other order is possible.

use std::{
    sync::Arc,
    task::{Context, Waker},
};

use crate::{
    coalesce::flight::{Follower, Leader},
    runs,
    world::{
        May, Page, Part, Polled, Request,
        Target::{self, Path, Tag},
        Verb::{self, Expire, Purge},
        World, alone,
    },
};

/// With each verb, and by what is known of a page and what is not.
fn play(steps: impl Fn(&World, Verb, Target) + Send + Sync + 'static) {
    let _alone = alone();
    runs::once(move || {
        for (verb, target) in [(Purge, Path), (Purge, Tag), (Expire, Path), (Expire, Tag)] {
            let world = World::new(May::default());
            steps(&world, verb, target);
            world.look();
            assert_eq!(world.flights.count(), 0, "a flight is left behind");
        }
    });
}

fn lead(world: &World) -> (Request, Leader<Arc<Page>>) {
    let request = world.comes();
    match world.join(request) {
        Part::Lead(leader) => (request, leader),
        _ => panic!("there is a flight that is good for it"),
    }
}

fn follow(world: &World, request: Request) -> Follower<Arc<Page>> {
    match world.join(request) {
        Part::Follow(follower) => follower,
        _ => panic!("there is no flight that is good for it"),
    }
}

fn poll(world: &World, request: Request, follower: &mut Follower<Arc<Page>>) -> Polled {
    world.poll(request, follower, &mut Context::from_waker(Waker::noop()))
}

fn is_page(polled: &Polled, page: &Arc<Page>) -> bool {
    matches!(polled, Polled::Page(there) if Arc::ptr_eq(there, page))
}

/// What a request does that comes now, after a purge, while a flight goes on that was begun before.
fn newcomer(world: &World, target: Target) -> Newcomer {
    let request = world.comes();
    match (target, world.join(request)) {
        (Path, Part::Lead(leader)) => Newcomer { request, leads: Some(leader), follows: None },
        (Tag, Part::Follow(follower)) => Newcomer { request, leads: None, follows: Some(follower) },
        _ => panic!("what is known tells that it must not follow, and nothing else does"),
    }
}

struct Newcomer {
    request: Request,
    leads: Option<Leader<Arc<Page>>>,
    follows: Option<Follower<Arc<Page>>>,
}

impl Newcomer {
    /// When the old flight has landed: it makes the page itself, and it is kept.
    fn goes_on(self, world: &World) -> Arc<Page> {
        let leader = match (self.leads, self.follows) {
            (Some(leader), _) => leader,
            (None, Some(mut follower)) => {
                assert!(matches!(poll(world, self.request, &mut follower), Polled::Rejected));
                assert!(world.get().is_none());
                let Part::Lead(leader) = world.join(self.request) else { panic!("nobody else makes it") };
                leader
            }
            (None, None) => panic!("it takes no part"),
        };
        let page = world.run(self.request, true);
        assert!(world.put(&page));
        leader.complete_with(|| panic!("nobody follows"));
        page
    }
}

#[test]
fn a_purge_before_the_handler_reads() {
    play(|world, verb, target| {
        let (request, leader) = lead(world);
        let early = world.comes();
        let mut follower = follow(world, early);
        world.write(verb, target);
        let late = newcomer(world, target);
        let page = world.run(request, true);
        // It is new, but nobody knows.
        assert!(!world.put(&page));
        leader.complete_with(|| Some(Arc::clone(&page)));
        assert!(is_page(&poll(world, early, &mut follower), &page));
        let new = late.goes_on(world);
        assert!(Arc::ptr_eq(&world.get().unwrap(), &new));
    });
}

#[test]
fn a_purge_between_reading_and_keeping() {
    play(|world, verb, target| {
        let (request, leader) = lead(world);
        let early = world.comes();
        let mut follower = follow(world, early);
        let page = world.run(request, true);
        world.write(verb, target);
        assert!(!world.put(&page));
        let late = newcomer(world, target);
        leader.complete_with(|| Some(Arc::clone(&page)));
        assert!(is_page(&poll(world, early, &mut follower), &page));
        late.goes_on(world);
    });
}

#[test]
fn a_purge_between_keeping_and_landing() {
    play(|world, verb, target| {
        let (request, leader) = lead(world);
        let early = world.comes();
        let mut follower = follow(world, early);
        let page = world.run(request, true);
        assert!(world.put(&page));
        world.write(verb, target);
        assert!(world.get().is_none());
        let late = newcomer(world, target);
        leader.complete_with(|| Some(Arc::clone(&page)));
        assert!(is_page(&poll(world, early, &mut follower), &page));
        late.goes_on(world);
    });
}

#[test]
fn a_purge_between_landing_and_looking() {
    play(|world, verb, target| {
        let (request, leader) = lead(world);
        let early = world.comes();
        let mut follower = follow(world, early);
        let page = world.run(request, true);
        assert!(world.put(&page));
        leader.complete_with(|| Some(Arc::clone(&page)));
        world.write(verb, target);
        // Nobody is in the way of those to come, and whoever came before is sent what landed for it.
        let (request, leader) = lead(world);
        assert!(is_page(&poll(world, early, &mut follower), &page));
        let new = world.run(request, true);
        assert!(world.put(&new));
        drop(leader);
    });
}

#[test]
fn a_page_without_the_tag_is_for_all() {
    play(|world, verb, target| {
        if target == Path {
            return;
        }
        let (request, leader) = lead(world);
        world.write(verb, target);
        let late = world.comes();
        let mut follower = follow(world, late);
        let page = world.run(request, false);
        assert!(world.put(&page));
        leader.complete_with(|| Some(Arc::clone(&page)));
        assert!(is_page(&poll(world, late, &mut follower), &page));
    });
}

#[test]
fn a_purge_of_something_else() {
    play(|world, verb, _| {
        let (request, leader) = lead(world);
        world.write(verb, Target::Other);
        let late = world.comes();
        let mut follower = follow(world, late);
        let page = world.run(request, true);
        assert!(world.put(&page));
        leader.complete_with(|| Some(Arc::clone(&page)));
        assert!(is_page(&poll(world, late, &mut follower), &page));
    });
}

#[test]
fn an_old_flight_lands_beside_the_new_one() {
    play(|world, verb, _| {
        let (old, old_leader) = lead(world);
        let early = world.comes();
        let mut early_follower = follow(world, early);
        let old_page = world.run(old, true);
        world.write(verb, Path);
        let (new, new_leader) = lead(world);
        let late = world.comes();
        let mut late_follower = follow(world, late);
        let new_page = world.run(new, true);
        assert!(world.put(&new_page));
        // Nothing of the old one is in the way of the new one.
        assert!(!world.put(&old_page));
        old_leader.complete_with(|| Some(Arc::clone(&old_page)));
        assert!(Arc::ptr_eq(&world.get().unwrap(), &new_page));
        assert!(is_page(&poll(world, early, &mut early_follower), &old_page));
        assert!(matches!(poll(world, late, &mut late_follower), Polled::Pending));
        let later = world.comes();
        let mut later_follower = follow(world, later);
        new_leader.complete_with(|| Some(Arc::clone(&new_page)));
        for (request, follower) in [(late, &mut late_follower), (later, &mut later_follower)] {
            assert!(is_page(&poll(world, request, follower), &new_page));
        }
    });
}

#[test]
fn an_old_flight_is_handed_over_beside_the_new_one() {
    play(|world, verb, _| {
        let (_, old_leader) = lead(world);
        let early = world.comes();
        let mut early_follower = follow(world, early);
        world.write(verb, Path);
        let (new, new_leader) = lead(world);
        drop(old_leader);
        let Polled::Lead(old_leader) = poll(world, early, &mut early_follower) else {
            panic!("it is next in the old flight")
        };
        let late = world.comes();
        let mut late_follower = follow(world, late);
        drop(old_leader);
        assert!(matches!(poll(world, late, &mut late_follower), Polled::Pending));
        let page = world.run(new, true);
        new_leader.complete_with(|| Some(Arc::clone(&page)));
        assert!(is_page(&poll(world, late, &mut late_follower), &page));
    });
}

#[test]
fn whoever_takes_over_is_of_its_own_time() {
    play(|world, verb, target| {
        let (_, leader) = lead(world);
        let early = world.comes();
        let mut follower = follow(world, early);
        world.write(verb, target);
        drop(leader);
        let Polled::Lead(leader) = poll(world, early, &mut follower) else { panic!("it is the next one") };
        let late = newcomer(world, target);
        let page = world.run(early, true);
        assert!(!world.put(&page));
        leader.complete_with(|| Some(Arc::clone(&page)));
        late.goes_on(world);
    });
}

#[test]
fn one_that_came_before_a_purge_takes_over_what_was_begun_after() {
    play(|world, verb, target| {
        let early = world.comes();
        world.write(verb, target);
        let (_, leader) = lead(world);
        let mut follower = follow(world, early);
        drop(leader);
        let Polled::Lead(leader) = poll(world, early, &mut follower) else { panic!("it is the next one") };
        // By the flight, nothing is in the way.
        let late = world.comes();
        let late = Newcomer { request: late, leads: None, follows: Some(follow(world, late)) };
        let page = world.run(early, true);
        assert!(!world.put(&page));
        leader.complete_with(|| Some(Arc::clone(&page)));
        late.goes_on(world);
    });
}

#[test]
fn one_that_came_after_a_purge_takes_over_what_was_begun_before() {
    play(|world, verb, _| {
        let (_, leader) = lead(world);
        world.write(verb, Tag);
        let late = world.comes();
        let mut follower = follow(world, late);
        drop(leader);
        let Polled::Lead(leader) = poll(world, late, &mut follower) else { panic!("it is the next one") };
        let later = world.comes();
        let mut later_follower = follow(world, later);
        let page = world.run(late, true);
        assert!(world.put(&page));
        leader.complete_with(|| Some(Arc::clone(&page)));
        assert!(is_page(&poll(world, later, &mut later_follower), &page));
    });
}

#[test]
fn whoever_came_between_two_purges() {
    play(|world, verb, target| {
        world.write(verb, target);
        let (request, leader) = lead(world);
        // At the same time: whoever came later may be taken for one that came after the second purge.
        let between = request;
        let mut follower = follow(world, between);
        let page = world.run(request, true);
        world.write(verb, target);
        let late = newcomer(world, target);
        assert!(!world.put(&page));
        leader.complete_with(|| Some(Arc::clone(&page)));
        assert!(is_page(&poll(world, between, &mut follower), &page));
        late.goes_on(world);
    });
}

#[test]
fn a_late_leader_keeps_nothing_that_was_purged() {
    let _alone = alone();
    runs::once(|| {
        let world = World::new(May { be_late: true, ..May::default() });
        let (request, first) = lead(&world);
        let early = world.comes();
        let mut follower = follow(&world, early);
        let page = world.run(request, true);
        world.write(Purge, Tag);
        let late = newcomer(&world, Tag);
        world.tick();
        let Polled::Lead(second) = poll(&world, early, &mut follower) else { panic!("the leader is late") };
        assert!(!world.put(&page));
        first.complete_with(|| Some(Arc::clone(&page)));
        late.goes_on(&world);
        second.complete_with(|| panic!("its flight is over"));
    });
}

#[test]
fn whoever_came_before_the_same_was_purged_once_more() {
    play(|world, verb, target| {
        let (request, leader) = lead(world);
        let page = world.run(request, true);
        world.write(verb, target);
        let late = world.comes();
        world.write(verb, target);
        // By now, it was purged both before this one came and after.
        match (target, world.join(late)) {
            (Path, Part::Lead(new_leader)) => drop(new_leader),
            (Tag, Part::Follow(mut follower)) => {
                leader.complete_with(|| Some(Arc::clone(&page)));
                assert!(matches!(poll(world, late, &mut follower), Polled::Rejected));
            }
            _ => panic!("what is known tells that it must not follow, and nothing else does"),
        }
    });
}
