//! Tests of purges of many entries, and of their sweeps.

use std::{
    sync::Arc,
    task::{Context, Waker},
    thread,
    time::Duration,
};

use actix_web::{http::header::HeaderMap, web::Bytes};

use super::{
    active_purges::Purge,
    fixtures::{
        LARGE_BUDGET, SCALE, entry, entry_without_expiry, get, put, put_entry, selectors, store_of, try_put,
        with_key,
    },
    purge::MAX_SWEPT_BY_CALLER,
    store::Store,
};
use crate::{
    outcome::Reason,
    purge::{LocalSelector, PurgeMode},
    time::{Clock, ManualClock},
};

/// Purges, and returns how many entries were removed or expired until the sweep was complete.
fn purge_and_wait(store: &Arc<Store>, mode: PurgeMode, selector: &LocalSelector) -> usize {
    let purge = store.purge(mode, selector, Clock::System.now());
    let start = std::time::Instant::now();
    while purge.poll_complete(&Context::from_waker(Waker::noop())).is_pending() {
        assert!(
            start.elapsed().as_secs() < if cfg!(miri) { 3600 } else { 60 },
            "{selector:?}: {} bytes are left",
            store.bytes()
        );
        thread::yield_now();
    }
    purge.entries()
}

#[test]
fn purge_of_few_pages_frees_them_before_it_returns() {
    for selector in selectors() {
        let pages = 1000 / SCALE;
        let store = store_of(pages, LARGE_BUDGET);
        let purge = store.purge(PurgeMode::Remove, &selector, Clock::System.now());
        let purged = usize::try_from(pages).unwrap();
        assert_eq!((purge.entries(), store.entry_count(), store.bytes()), (purged, 0, 0), "{selector:?}");
        assert_eq!(store.purges_in_progress(), 0);
    }
}

#[test]
fn purge_of_any_kind_frees_all_bytes() {
    for selector in selectors() {
        for max_bytes in [1 << 20, LARGE_BUDGET] {
            let store = store_of(5000 / SCALE, max_bytes);
            let pages = store.entry_count();
            assert_eq!(purge_and_wait(&store, PurgeMode::Remove, &selector), pages, "{selector:?}");
            assert_eq!((store.entry_count(), store.bytes(), store.map.len()), (0, 0, 0), "{selector:?}");
            assert_eq!(store.purges_in_progress(), 0);
        }
    }
}

/// A thread looks at most of them. Each purge begins while the sweeps of those before are in progress.
#[test]
fn purges_during_a_sweep_take_effect_at_once() {
    const PAGES: u32 = if cfg!(miri) { 200 } else { 10_000 };
    const LOOKED_AT: u32 = if cfg!(miri) { 10 } else { 100 };
    const STEP: u32 = PAGES / (2 * LOOKED_AT);
    assert!(PAGES as usize > MAX_SWEPT_BY_CALLER);
    for mode in [PurgeMode::Remove, PurgeMode::Expire] {
        let store = store_of(PAGES, LARGE_BUDGET);
        let mut purges = Vec::new();
        for _ in 0..3 {
            for selector in selectors() {
                purges.push(store.purge(mode, &selector, Clock::System.now()));
                assert!(
                    (0..LOOKED_AT).all(|number| get(&store, number * STEP).is_none()),
                    "{mode:?} {selector:?}"
                );
                (0..LOOKED_AT).for_each(|number| put(&store, number * STEP));
                assert!(
                    (0..LOOKED_AT).all(|number| get(&store, number * STEP).is_some()),
                    "{mode:?} {selector:?}"
                );
            }
        }
        let is_complete =
            |purge: &Arc<Purge>| purge.poll_complete(&Context::from_waker(Waker::noop())).is_ready();
        while !purges.iter().all(is_complete) {
            thread::yield_now();
        }
        let counted: usize = purges.iter().map(|purge| purge.entries()).sum();
        // Those that were replaced are not counted if no sweep had come to them.
        assert!(counted <= PAGES as usize + 800 && counted + 800 >= PAGES as usize, "{counted} {mode:?}");
        assert_eq!(store.purges_in_progress(), 0);
        purge_and_wait(&store, PurgeMode::Remove, &LocalSelector::All);
        assert_eq!((store.bytes(), store.map.len(), store.map.capacity()), (0, 0, 0));
    }
}

/// A sweep that fails before it has looked at every entry.
#[test]
fn purge_holds_if_its_sweep_fails() {
    for selector in selectors() {
        let store = store_of(3, 1 << 20);
        drop(store.begin_purge(PurgeMode::Remove, &selector, Clock::System.now()));
        assert_eq!(store.purges_in_progress(), 0);
        assert!((0..3).all(|number| get(&store, number).is_none()), "{selector:?}");
        put(&store, 1);
        assert!(get(&store, 1).is_some());
    }
}

#[test]
fn next_purge_needs_a_thread_after_one_has_failed() {
    let store = store_of(3, 1 << 20);
    let begin = |selector: &LocalSelector| {
        let (purge, sweeping) = store.begin_purge(PurgeMode::Remove, selector, Clock::System.now());
        (purge, sweeping.pause().unwrap())
    };
    let [all, prefix, handler] = selectors();
    assert!(store.sweeper.push(begin(&all).1));
    assert!(!store.sweeper.push(begin(&prefix).1), "the sweep looks at everything too");
    let (purge, sweep) = begin(&handler);
    // A callback that panics stands for any other fault.
    purge.when_complete(|_| std::panic::resume_unwind(Box::new(())));
    assert!(!store.sweeper.push(sweep), "there is a thread");
    let (last, sweep) =
        begin(&LocalSelector::Tag(entry_without_expiry().purge_keys().index_keys().next().unwrap()));
    assert!(!store.sweeper.push(sweep));
    store.run_sweeper();
    assert!(last.poll_complete(&Context::from_waker(Waker::noop())).is_ready());
    assert_eq!(store.purges_in_progress(), 0);
    assert!(store.sweeper.push(begin(&all).1));
    store.run_sweeper();
}

/// The sweep has not looked at any entry yet.
#[test]
fn purge_takes_effect_before_its_sweep() {
    for selector in selectors() {
        for mode in [PurgeMode::Remove, PurgeMode::Expire] {
            let store = store_of(3, 1 << 20);
            let copied = get(&store, 1).unwrap();
            let (purge, mut sweeping) = store.begin_purge(mode, &selector, Clock::System.now());
            assert!(store.may_be_purged(&copied), "no worker uses its copy");
            assert!(get(&store, 1).is_none(), "{mode:?} {selector:?}");
            // What is stored now was made after the purge.
            put(&store, 1);
            assert!(get(&store, 1).is_some(), "{mode:?} {selector:?}");
            assert!(sweeping.run(usize::MAX));
            drop(sweeping);
            // One entry was replaced. A lookup had expired it, and a purge of everything counts in advance.
            let is_counted = mode == PurgeMode::Expire || selector == LocalSelector::All;
            assert_eq!(purge.entries(), 2 + usize::from(is_counted), "{mode:?} {selector:?}");
            assert_eq!(store.purges_in_progress(), 0);
            assert!(get(&store, 1).is_some() && get(&store, 0).is_none(), "{mode:?} {selector:?}");
        }
    }
}

#[test]
fn other_threads_store_and_read_during_a_purge() {
    let pages = 20_000 / if cfg!(miri) { 100 } else { 1 };
    let store = store_of(pages, LARGE_BUDGET);
    let selector = LocalSelector::Prefix("/pa".into());
    thread::scope(|scope| {
        let purge = scope.spawn(|| purge_and_wait(&store, PurgeMode::Remove, &selector));
        let mut stored = 0;
        while !purge.is_finished() {
            let is_after = store.purges_in_progress() > 0;
            let put = try_put(&store, 1_000_000 + stored);
            // The purge may begin between the start of the entry and its insertion.
            assert!(put.is_ok() || !is_after && put == Err(Reason::Purged), "{put:?}");
            assert!(!is_after || get(&store, 1_000_000 + stored).is_some());
            assert!(!is_after || get(&store, stored % pages).is_none());
            stored += 1;
        }
        assert!(purge.join().unwrap() >= usize::try_from(pages).unwrap());
        assert!((0..pages).all(|number| get(&store, number).is_none()));
    });
}

#[test]
fn soft_purge_at_the_end_of_the_clock_takes_effect() {
    let clock = ManualClock::new();
    clock.advance(Duration::MAX);
    let clock = Clock::Manual(clock);
    let store = store_of(0, 1 << 20);
    put_entry(&store, 1, entry(Bytes::from_static(b"page"), clock.now(), None, &[])).unwrap();
    let is_fresh = || with_key(1, |key| store.get(key, &HeaderMap::new(), clock.now())).is_ok();
    assert!(is_fresh());
    store.purge(PurgeMode::Expire, &LocalSelector::All, clock.now());
    assert!(!is_fresh());
}
