//! Requests for one page, and others that change what it shows and purge it, in many orders.

use std::sync::{Arc, atomic::Ordering::SeqCst};

use shuttle::thread;

use crate::{
    purge::{PurgeLog, PurgeSeq},
    runs::{many, one_in},
    world::{
        May, Part,
        Target::{self, Other, Path, Tag},
        Verb::{self, Expire, Purge},
        World, alone,
    },
};

/// So many that write, and so many that ask, all of them twice. Those that write ask too, and see what they wrote.
fn run(
    may: May,
    writers: &'static [&'static [(Verb, Target)]],
    requests: usize,
    look: impl Fn(&World) + Send + Sync + 'static,
) {
    let _alone = alone();
    many(move || {
        let world = World::new(may);
        let mut handles = Vec::new();
        for writes in writers {
            let world = Arc::clone(&world);
            handles.push(thread::spawn(move || {
                for (verb, target) in *writes {
                    world.write(*verb, *target);
                    if one_in(2) {
                        world.request();
                    }
                }
            }));
        }
        for _ in 0..requests {
            let world = Arc::clone(&world);
            handles.push(thread::spawn(move || {
                world.request();
                world.request();
            }));
        }
        if may.be_late {
            world.tick();
        }
        handles.into_iter().for_each(|handle| handle.join().unwrap());
        world.look();
        assert_eq!(world.flights.count(), 0, "a flight is left behind");
        look(&world);
    });
}

fn runs(world: &World) -> usize {
    world.runs.load(SeqCst)
}

fn refused(world: &World) -> usize {
    world.refused.load(SeqCst)
}

#[test]
fn without_purges_one_fill_is_for_all() {
    run(May::default(), &[], 4, |world| assert_eq!(runs(world), 1));
}

#[test]
fn purges_of_something_else_change_nothing() {
    run(May::default(), &[&[(Purge, Other), (Expire, Other)], &[(Purge, Other)]], 3, |world| {
        assert_eq!((runs(world), refused(world)), (1, 0));
    });
}

#[test]
fn those_that_come_after_a_purge_share_one_new_fill() {
    let _alone = alone();
    many(|| {
        for target in [Path, Tag] {
            let world = World::new(May::default());
            let request = world.comes();
            let Part::Lead(leader) = world.join(request) else { panic!("it is the first") };
            let start = |request: fn(&World)| {
                let world = Arc::clone(&world);
                thread::spawn(move || request(&world))
            };
            let old = Arc::clone(&world);
            let mut handles = vec![thread::spawn(move || assert!(old.lead(request, leader).is_some()))];
            world.write(Purge, target);
            handles.extend([(); 3].map(|()| start(|world| assert!(world.request().is_some()))));
            handles.into_iter().for_each(|handle| handle.join().unwrap());
            assert!(runs(&world) <= 2);
        }
    });
}

#[test]
fn purge_log_finds_every_later_purge() {
    let _alone = alone();
    many(|| {
        let purge_log = Arc::new(PurgeLog::new());
        let handles = [1, 2, 3].map(|own| {
            let purge_log = Arc::clone(&purge_log);
            thread::spawn(move || {
                for _ in 0..2 {
                    let before = PurgeSeq::now();
                    purge_log.append(own);
                    let after = PurgeSeq::now();
                    let is_own = |about: &i32| *about == own;
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
fn a_purge_by_what_is_known_wins() {
    run(May::default(), &[&[(Purge, Path), (Purge, Path)], &[(Purge, Path)]], 3, |_| {});
}

#[test]
fn a_purge_by_what_the_handler_says_wins() {
    run(May::default(), &[&[(Purge, Tag), (Purge, Tag)], &[(Purge, Tag)]], 3, |_| {});
}

#[test]
fn what_expires_is_not_sent_as_fresh() {
    run(May::default(), &[&[(Expire, Path), (Expire, Tag)], &[(Expire, Tag)]], 3, |_| {});
}

#[test]
fn purges_of_all_kinds_win_side_by_side() {
    run(May::default(), &[&[(Purge, Tag), (Expire, Path)], &[(Expire, Tag)], &[(Purge, Path)]], 3, |_| {});
}

#[test]
fn purges_win_over_whoever_takes_over() {
    let may = May { leave: true, fail: true, be_late: true, ..May::default() };
    run(may, &[&[(Purge, Tag), (Purge, Path)], &[(Expire, Tag)]], 4, |_| {});
}

#[test]
fn purges_win_whatever_else_happens() {
    let may = May { leave: true, fail: true, part: true, be_late: true, not_lead: true };
    run(may, &[&[(Purge, Tag), (Expire, Path)], &[(Purge, Path)]], 4, |_| {});
}
