//! Tests of the copies that workers have of popular entries.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use actix_web::{
    http::header::{HeaderMap, HeaderValue},
    web::Bytes,
};

use super::{
    fixtures::{entry, new_store, put, selectors, with_key},
    local_copies,
    sent_lines::SentLines,
    store::Store,
};
use crate::{key::CacheKey, purge::PurgeMode, time::Clock};

fn is_sent(store: &Arc<Store>, key: CacheKey<'_>) -> bool {
    local_copies::with(store, key, Clock::System.now(), |_, _| Some(())).is_some()
}

/// Makes a copy for this thread.
fn copy(store: &Arc<Store>, key: CacheKey<'_>) {
    for _ in 0..4 {
        record_hit(store, key);
    }
    assert!(is_sent(store, key));
}

fn record_hit(store: &Arc<Store>, key: CacheKey<'_>) {
    let entry = store.get(key, &HeaderMap::new(), Clock::System.now()).ok().unwrap();
    local_copies::record_hit(store, key, &entry);
}

#[test]
fn copy_is_charged_for_what_it_allocates() {
    for length in [0, 100, 1000, 4096, 5000] {
        let entry = entry(vec![b'x'; length].into(), Clock::System.now(), None, &[]);
        assert!(entry.copy_weight() >= entry.private_copy().weight(), "{length} bytes");
    }
}

/// Readers that are between their two looks at a purge when it ends.
#[test]
fn purge_that_has_returned_holds_for_copies() {
    const READERS: usize = 8;
    const LOOKUPS: usize = 20_000;
    for mode in [PurgeMode::Remove, PurgeMode::Expire] {
        for _ in 0..10 {
            let store = Arc::new(new_store(1 << 20));
            put(&store, 1);
            let purged = AtomicBool::new(false);
            let (ready, wrong) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let lookups = [const { AtomicUsize::new(0) }; READERS];
            let read = |lookups: &AtomicUsize| {
                with_key(1, |key| {
                    copy(&store, key);
                    ready.fetch_add(1, Ordering::SeqCst);
                    while lookups.load(Ordering::SeqCst) < 2 * LOOKUPS {
                        let is_after = purged.load(Ordering::SeqCst);
                        let is_wrong = is_sent(&store, key) && is_after;
                        wrong.fetch_add(usize::from(is_wrong), Ordering::SeqCst);
                        lookups.fetch_add(usize::from(is_after), Ordering::SeqCst);
                    }
                });
            };
            thread::scope(|scope| {
                for lookups in &lookups {
                    scope.spawn(move || read(lookups));
                }
                while ready.load(Ordering::SeqCst) < READERS {
                    thread::yield_now();
                }
                // As `Store::purge` does: it returns while a thread goes on with the sweep.
                let (_, mut sweeping) = store.begin_purge(mode, &selectors()[2], Clock::System.now());
                purged.store(true, Ordering::SeqCst);
                while lookups.iter().any(|lookups| lookups.load(Ordering::SeqCst) < LOOKUPS) {
                    thread::yield_now();
                }
                assert!(sweeping.run(usize::MAX));
            });
            assert_eq!(wrong.into_inner(), 0, "{mode:?}");
        }
    }
}

/// A request that cannot be answered from the copy, as shortly before a refresh ahead, is answered from the store.
#[test]
fn copy_is_not_made_again_while_there_is_one() {
    let store = Arc::new(new_store(1 << 20));
    put(&store, 1);
    with_key(1, |key| {
        copy(&store, key);
        let mut copies = Vec::new();
        for _ in 0..40 {
            let sent = local_copies::with(&store, key, Clock::System.now(), |entry, _| {
                copies.push(Arc::clone(entry));
                None::<()>
            });
            assert!(sent.is_none());
            record_hit(&store, key);
        }
        assert_eq!(copies.len(), 40);
        assert!(copies.windows(2).all(|pair| Arc::ptr_eq(&pair[0], &pair[1])));
    });
}

#[test]
fn lines_of_a_very_long_ttl_change_in_time() {
    let created = Clock::System.now();
    // Longer than a number of nanoseconds can say.
    let ttl = Duration::new(31_556_952_000, 900_000_000);
    let entry = entry(Bytes::from_static(b"page"), created, Some(ttl), &[]);
    let whole = |time: Duration| time.as_secs() + u64::from(time.subsec_nanos() > 0);
    let mut remembered: Option<(SentLines, (u64, u64))> = None;
    for millis in 0..3000 {
        let now = created + Duration::from_millis(millis);
        let expected = (entry.age(now).as_secs(), whole(entry.ttl(now).unwrap()));
        remembered.take_if(|(lines, _)| !lines.are_current(now));
        let lines = || SentLines::new(&entry, now, HeaderValue::from_static(""), None);
        let (_, values) = remembered.get_or_insert_with(|| (lines(), expected));
        assert_eq!(*values, expected, "after {millis} ms");
    }
}
