//! Requests for one page, and writes that change what it shows and purge it, under random schedules.

use std::sync::{Arc, atomic::Ordering::SeqCst};

use shuttle::thread;

use crate::{
    coalesce::flight::Role,
    purge::{PurgeLog, PurgeSeq},
    schedule::{one_in, under_random_schedules},
    world::{
        Events,
        PurgeKey::{self, Other, Path, Tag},
        PurgeMode::{self, Expire, Remove},
        World, exclude_other_tests,
    },
};

/// Runs writers and clients concurrently. A client sends two requests, a writer may send one after each write.
fn run(
    events: Events,
    writers: &'static [&'static [(PurgeMode, PurgeKey)]],
    clients: usize,
    check: impl Fn(&World) + Send + Sync + 'static,
) {
    let _guard = exclude_other_tests();
    under_random_schedules(move || {
        let world = World::new(events);
        let mut handles = Vec::new();
        for writes in writers {
            let world = Arc::clone(&world);
            handles.push(thread::spawn(move || {
                for (mode, key) in *writes {
                    world.write(*mode, *key);
                    if one_in(2) {
                        world.request();
                    }
                }
            }));
        }
        for _ in 0..clients {
            let world = Arc::clone(&world);
            handles.push(thread::spawn(move || {
                world.request();
                world.request();
            }));
        }
        if events.timeout {
            world.exceed_fill_timeout();
        }
        handles.into_iter().for_each(|handle| handle.join().unwrap());
        world.check_store();
        assert_eq!(world.flights.count(), 0, "a flight is left");
        check(&world);
    });
}

fn runs(world: &World) -> usize {
    world.runs.load(SeqCst)
}

fn rejected(world: &World) -> usize {
    world.rejected.load(SeqCst)
}

#[test]
fn requests_share_one_run_if_nothing_is_purged() {
    run(Events::default(), &[], 4, |world| assert_eq!(runs(world), 1));
}

#[test]
fn purges_of_other_pages_change_nothing() {
    run(Events::default(), &[&[(Remove, Other), (Expire, Other)], &[(Remove, Other)]], 3, |world| {
        assert_eq!((runs(world), rejected(world)), (1, 0));
    });
}

#[test]
fn requests_after_a_purge_share_one_new_run() {
    let _guard = exclude_other_tests();
    under_random_schedules(|| {
        for key in [Path, Tag] {
            let world = World::new(Events::default());
            let request = world.new_request();
            let Role::Leader(leader) = world.join(request) else { panic!("it is the first request") };
            let start = |request: fn(&World)| {
                let world = Arc::clone(&world);
                thread::spawn(move || request(&world))
            };
            let old = Arc::clone(&world);
            let mut handles = vec![thread::spawn(move || assert!(old.lead(request, leader).is_some()))];
            world.write(Remove, key);
            handles.extend([(); 3].map(|()| start(|world| assert!(world.request().is_some()))));
            handles.into_iter().for_each(|handle| handle.join().unwrap());
            assert!(runs(&world) <= 2);
        }
    });
}

#[test]
fn purge_log_finds_every_later_purge() {
    let _guard = exclude_other_tests();
    under_random_schedules(|| {
        let purge_log = Arc::new(PurgeLog::new());
        let handles = [1, 2, 3].map(|own| {
            let purge_log = Arc::clone(&purge_log);
            thread::spawn(move || {
                for _ in 0..2 {
                    let before = PurgeSeq::now();
                    purge_log.append(own);
                    let after = PurgeSeq::now();
                    let is_own = |purge: &i32| *purge == own;
                    assert!(
                        purge_log.was_purged_since(before, is_own)
                            && purge_log.was_purged_between(before, after, is_own)
                    );
                    assert!(!purge_log.was_purged_since(after, is_own));
                }
            })
        });
        handles.into_iter().for_each(|handle| handle.join().unwrap());
    });
}

#[test]
fn page_purged_by_path_is_neither_stored_nor_sent() {
    run(Events::default(), &[&[(Remove, Path), (Remove, Path)], &[(Remove, Path)]], 3, |_| {});
}

#[test]
fn page_purged_by_tag_is_neither_stored_nor_sent() {
    run(Events::default(), &[&[(Remove, Tag), (Remove, Tag)], &[(Remove, Tag)]], 3, |_| {});
}

#[test]
fn expired_page_is_neither_stored_nor_sent_as_fresh() {
    run(Events::default(), &[&[(Expire, Path), (Expire, Tag)], &[(Expire, Tag)]], 3, |_| {});
}

#[test]
fn concurrent_purges_and_expirations_all_take_effect() {
    run(
        Events::default(),
        &[&[(Remove, Tag), (Expire, Path)], &[(Expire, Tag)], &[(Remove, Path)]],
        3,
        |_| {},
    );
}

#[test]
fn purges_take_effect_if_followers_take_over() {
    let events = Events { disconnect: true, fail: true, timeout: true, ..Events::default() };
    run(events, &[&[(Remove, Tag), (Remove, Path)], &[(Expire, Tag)]], 4, |_| {});
}

#[test]
fn purges_take_effect_whatever_else_happens() {
    let events = Events { disconnect: true, fail: true, uncacheable: true, timeout: true, no_lead: true };
    run(events, &[&[(Remove, Tag), (Expire, Path)], &[(Remove, Path)]], 4, |_| {});
}
