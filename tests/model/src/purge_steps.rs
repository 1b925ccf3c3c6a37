//! Purges and flights in one given order of events.

use std::{
    sync::Arc,
    task::{Context, Waker},
};

use crate::{
    coalesce::flight::{Follower, Leader, Role},
    schedule::once,
    world::{
        Events, Page, Polled,
        PurgeKey::{self, Path, Tag},
        PurgeMode::{self, Expire, Remove},
        Request, World, exclude_other_tests,
    },
};

/// Runs the steps with each kind of purge, by a key that is known before the handler runs and by one that is not.
fn run(steps: impl Fn(&World, PurgeMode, PurgeKey) + Send + Sync + 'static) {
    let _guard = exclude_other_tests();
    once(move || {
        for (mode, key) in [(Remove, Path), (Remove, Tag), (Expire, Path), (Expire, Tag)] {
            let world = World::new(Events::default());
            steps(&world, mode, key);
            world.check_store();
            assert_eq!(world.flights.count(), 0, "a flight is left");
        }
    });
}

fn lead(world: &World) -> (Request, Leader<Arc<Page>>) {
    let request = world.new_request();
    match world.join(request) {
        Role::Leader(leader) => (request, leader),
        _ => panic!("there is a flight to follow"),
    }
}

fn follow(world: &World, request: Request) -> Follower<Arc<Page>> {
    match world.join(request) {
        Role::Follower(follower) => follower,
        _ => panic!("there is no flight to follow"),
    }
}

fn poll(world: &World, request: Request, follower: &mut Follower<Arc<Page>>) -> Polled {
    world.poll(request, follower, &mut Context::from_waker(Waker::noop()))
}

fn is_page(polled: &Polled, page: &Arc<Page>) -> bool {
    matches!(polled, Polled::Page(polled) if Arc::ptr_eq(polled, page))
}

/// A request from after a purge, while a flight from before that purge is in progress.
struct LateRequest {
    request: Request,
    role: Role<Arc<Page>>,
}

impl LateRequest {
    /// Joins or leads a flight. The request must not follow a flight whose page is known to be purged.
    fn join(world: &World, key: PurgeKey) -> Self {
        let request = world.new_request();
        let role = world.join(request);
        let is_expected = matches!((key, &role), (Path, Role::Leader(_)) | (Tag, Role::Follower(_)));
        assert!(is_expected, "only a purge by path is known to match the page");
        Self { request, role }
    }

    /// Continues when the old flight is complete. The request runs the handler itself, and its page is stored.
    fn finish(self, world: &World) -> Arc<Page> {
        let leader = match self.role {
            Role::Leader(leader) => leader,
            Role::Follower(mut follower) => {
                assert!(matches!(poll(world, self.request, &mut follower), Polled::Rejected));
                assert!(world.get().is_none());
                let Role::Leader(leader) = world.join(self.request) else {
                    panic!("there is no other flight")
                };
                leader
            }
            Role::Uncoalesced => panic!("the request may lead"),
        };
        let page = world.run(self.request, true);
        assert!(world.put(&page));
        leader.complete_with(|| panic!("it has no followers"));
        page
    }
}

#[test]
fn page_purged_before_the_handler_reads_is_not_stored() {
    run(|world, mode, key| {
        let (request, leader) = lead(world);
        let early = world.new_request();
        let mut follower = follow(world, early);
        world.write(mode, key);
        let late = LateRequest::join(world, key);
        let page = world.run(request, true);
        // The page is current, but that is not known.
        assert!(!world.put(&page));
        leader.complete_with(|| Some(Arc::clone(&page)));
        assert!(is_page(&poll(world, early, &mut follower), &page));
        let new = late.finish(world);
        assert!(Arc::ptr_eq(&world.get().unwrap(), &new));
    });
}

#[test]
fn page_purged_after_the_handler_read_is_not_stored() {
    run(|world, mode, key| {
        let (request, leader) = lead(world);
        let early = world.new_request();
        let mut follower = follow(world, early);
        let page = world.run(request, true);
        world.write(mode, key);
        assert!(!world.put(&page));
        let late = LateRequest::join(world, key);
        leader.complete_with(|| Some(Arc::clone(&page)));
        assert!(is_page(&poll(world, early, &mut follower), &page));
        late.finish(world);
    });
}

#[test]
fn page_purged_before_its_flight_completes_is_removed() {
    run(|world, mode, key| {
        let (request, leader) = lead(world);
        let early = world.new_request();
        let mut follower = follow(world, early);
        let page = world.run(request, true);
        assert!(world.put(&page));
        world.write(mode, key);
        assert!(world.get().is_none());
        let late = LateRequest::join(world, key);
        leader.complete_with(|| Some(Arc::clone(&page)));
        assert!(is_page(&poll(world, early, &mut follower), &page));
        late.finish(world);
    });
}

#[test]
fn page_purged_after_its_flight_completed_is_sent_to_followers() {
    run(|world, mode, key| {
        let (request, leader) = lead(world);
        let early = world.new_request();
        let mut follower = follow(world, early);
        let page = world.run(request, true);
        assert!(world.put(&page));
        leader.complete_with(|| Some(Arc::clone(&page)));
        world.write(mode, key);
        // Later requests lead a new flight, and a follower from before the purge gets the page of its leader.
        let (request, leader) = lead(world);
        assert!(is_page(&poll(world, early, &mut follower), &page));
        let new = world.run(request, true);
        assert!(world.put(&new));
        drop(leader);
    });
}

#[test]
fn page_without_the_purged_tag_is_for_later_requests_too() {
    run(|world, mode, key| {
        if key == Path {
            return;
        }
        let (request, leader) = lead(world);
        world.write(mode, key);
        let late = world.new_request();
        let mut follower = follow(world, late);
        let page = world.run(request, false);
        assert!(world.put(&page));
        leader.complete_with(|| Some(Arc::clone(&page)));
        assert!(is_page(&poll(world, late, &mut follower), &page));
    });
}

#[test]
fn purge_of_other_pages_changes_nothing() {
    run(|world, mode, _| {
        let (request, leader) = lead(world);
        world.write(mode, PurgeKey::Other);
        let late = world.new_request();
        let mut follower = follow(world, late);
        let page = world.run(request, true);
        assert!(world.put(&page));
        leader.complete_with(|| Some(Arc::clone(&page)));
        assert!(is_page(&poll(world, late, &mut follower), &page));
    });
}

#[test]
fn old_flight_is_completed_beside_the_new_one() {
    run(|world, mode, _| {
        let (old, old_leader) = lead(world);
        let early = world.new_request();
        let mut early_follower = follow(world, early);
        let old_page = world.run(old, true);
        world.write(mode, Path);
        let (new, new_leader) = lead(world);
        let late = world.new_request();
        let mut late_follower = follow(world, late);
        let new_page = world.run(new, true);
        assert!(world.put(&new_page));
        // The old flight does not affect the new one.
        assert!(!world.put(&old_page));
        old_leader.complete_with(|| Some(Arc::clone(&old_page)));
        assert!(Arc::ptr_eq(&world.get().unwrap(), &new_page));
        assert!(is_page(&poll(world, early, &mut early_follower), &old_page));
        assert!(matches!(poll(world, late, &mut late_follower), Polled::Pending));
        let later = world.new_request();
        let mut later_follower = follow(world, later);
        new_leader.complete_with(|| Some(Arc::clone(&new_page)));
        for (request, follower) in [(late, &mut late_follower), (later, &mut later_follower)] {
            assert!(is_page(&poll(world, request, follower), &new_page));
        }
    });
}

#[test]
fn follower_takes_over_the_old_flight_beside_the_new_one() {
    run(|world, mode, _| {
        let (_, old_leader) = lead(world);
        let early = world.new_request();
        let mut early_follower = follow(world, early);
        world.write(mode, Path);
        let (new, new_leader) = lead(world);
        drop(old_leader);
        let Polled::Lead(old_leader) = poll(world, early, &mut early_follower) else {
            panic!("it is the first follower of the old flight")
        };
        let late = world.new_request();
        let mut late_follower = follow(world, late);
        drop(old_leader);
        assert!(matches!(poll(world, late, &mut late_follower), Polled::Pending));
        let page = world.run(new, true);
        new_leader.complete_with(|| Some(Arc::clone(&page)));
        assert!(is_page(&poll(world, late, &mut late_follower), &page));
    });
}

#[test]
fn page_of_a_follower_that_takes_over_is_as_old_as_its_request() {
    run(|world, mode, key| {
        let (_, leader) = lead(world);
        let early = world.new_request();
        let mut follower = follow(world, early);
        world.write(mode, key);
        drop(leader);
        let Polled::Lead(leader) = poll(world, early, &mut follower) else {
            panic!("it is the first follower")
        };
        let late = LateRequest::join(world, key);
        let page = world.run(early, true);
        assert!(!world.put(&page));
        leader.complete_with(|| Some(Arc::clone(&page)));
        late.finish(world);
    });
}

#[test]
fn later_request_rejects_the_page_of_an_earlier_follower() {
    run(|world, mode, key| {
        let early = world.new_request();
        world.write(mode, key);
        let (_, leader) = lead(world);
        let mut follower = follow(world, early);
        drop(leader);
        let Polled::Lead(leader) = poll(world, early, &mut follower) else {
            panic!("it is the first follower")
        };
        // The flight started after the purge, so a later request follows it.
        let request = world.new_request();
        let late = LateRequest { request, role: Role::Follower(follow(world, request)) };
        let page = world.run(early, true);
        assert!(!world.put(&page));
        leader.complete_with(|| Some(Arc::clone(&page)));
        late.finish(world);
    });
}

#[test]
fn page_of_a_follower_from_after_a_purge_is_stored() {
    run(|world, mode, _| {
        let (_, leader) = lead(world);
        world.write(mode, Tag);
        let late = world.new_request();
        let mut follower = follow(world, late);
        drop(leader);
        let Polled::Lead(leader) = poll(world, late, &mut follower) else {
            panic!("it is the first follower")
        };
        let later = world.new_request();
        let mut later_follower = follow(world, later);
        let page = world.run(late, true);
        assert!(world.put(&page));
        leader.complete_with(|| Some(Arc::clone(&page)));
        assert!(is_page(&poll(world, later, &mut later_follower), &page));
    });
}

#[test]
fn request_between_two_purges_gets_the_page_of_that_time() {
    run(|world, mode, key| {
        world.write(mode, key);
        let (request, leader) = lead(world);
        // They arrive at the same time: a later request may count as one from after the second purge.
        let between = request;
        let mut follower = follow(world, between);
        let page = world.run(request, true);
        world.write(mode, key);
        let late = LateRequest::join(world, key);
        assert!(!world.put(&page));
        leader.complete_with(|| Some(Arc::clone(&page)));
        assert!(is_page(&poll(world, between, &mut follower), &page));
        late.finish(world);
    });
}

#[test]
fn leader_that_was_replaced_does_not_store_a_purged_page() {
    let _guard = exclude_other_tests();
    once(|| {
        let world = World::new(Events { timeout: true, ..Events::default() });
        let (request, first) = lead(&world);
        let early = world.new_request();
        let mut follower = follow(&world, early);
        let page = world.run(request, true);
        world.write(Remove, Tag);
        let late = LateRequest::join(&world, Tag);
        world.exceed_fill_timeout();
        let Polled::Lead(second) = poll(&world, early, &mut follower) else {
            panic!("the leader exceeded the timeout")
        };
        assert!(!world.put(&page));
        first.complete_with(|| Some(Arc::clone(&page)));
        late.finish(&world);
        second.complete_with(|| panic!("its flight is complete"));
    });
}

#[test]
fn request_between_two_identical_purges_rejects_an_older_page() {
    run(|world, mode, key| {
        let (request, leader) = lead(world);
        let page = world.run(request, true);
        world.write(mode, key);
        let late = world.new_request();
        world.write(mode, key);
        // The page was purged before the request arrived, and again after that.
        match (key, world.join(late)) {
            (Path, Role::Leader(new_leader)) => drop(new_leader),
            (Tag, Role::Follower(mut follower)) => {
                leader.complete_with(|| Some(Arc::clone(&page)));
                assert!(matches!(poll(world, late, &mut follower), Polled::Rejected));
            }
            _ => panic!("only a purge by path is known to match the page"),
        }
    });
}
