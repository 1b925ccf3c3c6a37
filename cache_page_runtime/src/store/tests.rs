//! Tests of the store with many entries, and with concurrent requests.

use std::{
    task::{Context, Waker},
    thread,
    time::Duration,
};

use actix_web::{http::header::HeaderName, test::TestRequest, web::Bytes};

use super::{
    super::{active_purges::Purge, freed::LOCKED, purge::MAX_SWEPT_BY_CALLER},
    model::{entry, with_request},
    *,
};
use crate::{
    KeyBuilder,
    purge::{PurgeMode, Tag},
    time::{Clock, ManualClock},
};

pub(in crate::store) use super::model::{
    entry as entry_at, lifetime, new_store, page, purge_keys, purge_keys_of, share_lines_in,
};

/// Large numbers are divided by this. Miri runs a test some thousand times slower.
pub(in crate::store) const SCALE: u32 = if cfg!(miri) { 20 } else { 1 };

/// A budget with many shards.
const LARGE_BUDGET: usize = if cfg!(miri) { 4 << 20 } else { 1 << 30 };

pub(in crate::store) fn entry_without_expiry() -> Arc<Entry> {
    entry(Bytes::from_static(b"page"), Clock::System.now(), None, &[])
}

/// A client may send any number of keys.
#[test]
fn budget_holds_for_a_million_keys() {
    const BUDGET: usize = if cfg!(miri) { 1 << 17 } else { 1 << 20 };
    let store = new_store(BUDGET);
    let request = TestRequest::default().to_http_request();
    let entry = entry_without_expiry();
    let mut max_bytes = 0;
    for number in 0..if cfg!(miri) { 2000 } else { 1_000_000_u32 } {
        let mut builder = KeyBuilder::new(&request);
        builder.bytes(&number.to_le_bytes());
        let key = builder.parts.key().unwrap();
        store.put(key, VaryNames::new(), request.headers(), Arc::clone(&entry)).unwrap();
        let state = store.state();
        assert!(state.bytes() <= BUDGET);
        let max_nodes = 10 * BUDGET / EntryNode::weight_of_key(&[]);
        assert!(number % 1000 > 0 || state.eviction.len() < max_nodes);
        max_bytes = max_bytes.max(state.bytes());
    }
    assert!(max_bytes > BUDGET * 9 / 10, "the budget is used");
    assert_eq!(store.entry_count(), store.map.len());
}

/// `Cache-Control` and `Cache-Status` show it. Other times are at most 584 years.
#[test]
fn longest_ttl_is_kept() {
    let now = Clock::System.now();
    for ttl in [None, Some(Duration::MAX), Some(Duration::from_nanos(u64::MAX)), Some(Duration::ZERO)] {
        let entry = entry(Bytes::new(), now, ttl, &[]);
        for entry in [&*entry, &entry.private_copy()] {
            assert_eq!((entry.lifetime().ttl, entry.ttl(now)), (ttl, ttl));
            assert_eq!(entry.is_fresh(now), ttl != Some(Duration::ZERO));
        }
    }
}

/// A worker's copy refers to the entry that it is a copy of, although that was removed.
#[test]
fn removed_entry_is_charged_until_its_last_copy_is_dropped() {
    const COPY: usize = 1000;
    let store = store_of(1, 1 << 20);
    let entry = get(&store, 0).unwrap();
    let node = with_key(0, |key| store.node(key, &entry)).unwrap();
    let stored = node.weight();
    assert!(store.reserve_copy(&node, COPY) && store.reserve_copy(&node, COPY));
    let remove = || with_key(0, |key| store.remove_if_current(key, &HeaderMap::new(), &entry));
    remove();
    assert_eq!((store.bytes(), store.entry_count()), (2 * COPY + stored, 0));
    assert!(!store.reserve_copy(&node, COPY), "it is not stored any more");
    remove();
    store.release_copy(&node, COPY);
    assert_eq!(store.bytes(), COPY + stored);
    store.release_copy(&node, COPY);
    assert_eq!(store.bytes(), 0);
}

/// A set has its variants, and each variant has its set.
#[test]
fn dropped_store_frees_variants() {
    let store = store_of(0, 1 << 20);
    let names = || VaryNames::from_iter([HeaderName::from_static("x-a")]);
    let entry = entry_without_expiry();
    with_key(0, |key| store.put(key, names(), &HeaderMap::new(), Arc::clone(&entry))).unwrap();
    assert_eq!(Arc::strong_count(&entry), 2);
    drop(store);
    assert_eq!(Arc::strong_count(&entry), 1);
}

/// A lookup concurrent with a replacement finds the old entry or the new one.
#[test]
fn entry_being_replaced_is_never_missing() {
    let store = new_store(1 << 20);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let request = TestRequest::default().to_http_request();
            let builder = KeyBuilder::new(&request);
            for _ in 0..if cfg!(miri) { 100 } else { 50_000 } {
                let key = builder.parts.key().unwrap();
                store.put(key, VaryNames::new(), request.headers(), entry_without_expiry()).unwrap();
            }
        });
        let request = TestRequest::default().to_http_request();
        let builder = KeyBuilder::new(&request);
        let get = || store.get(builder.parts.key().unwrap(), request.headers(), Clock::System.now());
        while get().is_err() && !writer.is_finished() {}
        let mut lookups = 0;
        while !writer.is_finished() {
            assert!(get().is_ok());
            lookups += 1;
        }
        assert!(lookups > 0, "no lookup was concurrent");
    });
    assert_eq!((store.entry_count(), store.map.len()), (1, 1));
}

/// Stores pages under the numbers from 0, without room for all.
fn store_of(pages: u32, max_bytes: usize) -> Arc<Store> {
    let store = Arc::new(new_store(max_bytes));
    for number in 0..pages {
        put(&store, number);
    }
    store
}

pub(in crate::store) fn with_key<T>(number: u32, f: impl FnOnce(CacheKey<'_>) -> T) -> T {
    with_request(|request| {
        let mut builder = KeyBuilder::new(request);
        builder.bytes(&number.to_le_bytes());
        f(builder.parts.key().unwrap())
    })
}

pub(in crate::store) fn put(store: &Store, number: u32) {
    try_put(store, number).unwrap();
}

fn try_put(store: &Store, number: u32) -> Result<(), Reason> {
    put_entry(store, number, entry_without_expiry())
}

pub(in crate::store) fn put_entry(store: &Store, number: u32, entry: Arc<Entry>) -> Result<(), Reason> {
    with_key(number, |key| store.put(key, VaryNames::new(), &HeaderMap::new(), entry))
}

fn get(store: &Store, number: u32) -> Option<Arc<Entry>> {
    with_key(number, |key| store.get(key, &HeaderMap::new(), Clock::System.now())).ok()
}

/// The selectors of `entry_without_expiry`: by a pass over all pages, and by the index.
pub(in crate::store) fn selectors() -> [LocalSelector; 3] {
    let key = entry_without_expiry().purge_keys().handler_key();
    [LocalSelector::All, LocalSelector::Prefix("/pa".into()), LocalSelector::Handler(key)]
}

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

/// Few large pages in the place of many small ones.
#[test]
fn tables_shrink_with_the_number_of_entries() {
    let store = store_of(20_000 / SCALE, (16 << 20) / SCALE as usize);
    let capacity = store.map.capacity();
    for number in 0..1000 / SCALE {
        let large = entry(vec![0; 100_000].into(), Clock::System.now(), None, &[]);
        with_key(number, |key| store.put(key, VaryNames::new(), &HeaderMap::new(), large)).unwrap();
    }
    assert!(store.map.len() < 200 && store.bytes() <= 16 << 20);
    assert!(store.map.capacity() < capacity / 8, "{} places of {capacity}", store.map.capacity());
}

/// They are made before the state is locked, because the allocator of glibc may take milliseconds for one.
#[test]
fn large_allocations_are_made_while_nothing_is_locked() {
    let selector = LocalSelector::Handler(entry_without_expiry().purge_keys().handler_key());
    let (pages, budgets) = if cfg!(miri) {
        (600, [256 << 10, 512 << 10, 4 << 20])
    } else {
        (30_000, [8 << 20, 32 << 20, 1 << 30])
    };
    for max_bytes in budgets {
        let store = store_of(0, max_bytes);
        let before = LOCKED.get();
        // The second time, they replace each other.
        for number in (0..pages).chain(0..pages) {
            let tags = [Tag::new(&format!("group:{}", number % 20)), Tag::new(&format!("page:{number}"))];
            let page = entry(Bytes::from_static(b"page"), Clock::System.now(), None, &tags);
            put_entry(&store, number, page).unwrap();
        }
        let large = entry(vec![0; max_bytes / 8].into(), Clock::System.now(), None, &[]);
        put_entry(&store, 0, large).unwrap();
        let bytes = store.bytes();
        let (purge, mut sweeping) = store.begin_purge(PurgeMode::Remove, &selector, Clock::System.now());
        assert!(sweeping.run(usize::MAX));
        drop(sweeping);
        assert!(purge.entries() > pages as usize / 30 && store.bytes() == 0 && bytes > max_bytes / 100);
        assert_eq!(LOCKED.get() - before, 0, "{max_bytes}");
    }
}

/// The tables of what is left, of which most was removed.
#[test]
fn tables_shrink_when_the_state_is_unlocked() {
    let store = store_of(20_000 / SCALE, LARGE_BUDGET);
    let table_bytes = || {
        let state = store.state();
        state.bytes() - state.eviction.stored_bytes() - state.shared_bytes
    };
    let before = table_bytes();
    for number in 200 / SCALE..20_000 / SCALE {
        let entry = get(&store, number).unwrap();
        with_key(number, |key| store.remove_if_current(key, &HeaderMap::new(), &entry));
    }
    assert!(table_bytes() < before / 20, "{} bytes of {before}", table_bytes());
}

/// A request that has found nothing, and then leads a flight, looks again only if this number is another one.
#[test]
fn insertions_are_counted_once_they_can_be_found() {
    let store = new_store(1 << 20);
    for number in [0, 1, 1] {
        let before = store.insertions();
        put(&store, number);
        assert_ne!(store.insertions(), before);
        let found = get(&store, number);
        assert!(found.is_some());
        let before = store.insertions();
        assert!(get(&store, 7).is_none());
        assert_eq!(store.insertions(), before);
    }
}

/// The names of the page have grown, so that its first variant is in no set of the map.
#[test]
fn dropped_store_frees_variants_by_fewer_names() {
    let store = store_of(0, 1 << 20);
    let names = |name| VaryNames::from_iter([HeaderName::from_static(name)]);
    let (first, second) = (entry_without_expiry(), entry_without_expiry());
    with_key(0, |key| store.put(key, names("x-a"), &HeaderMap::new(), Arc::clone(&first))).unwrap();
    with_key(0, |key| store.put(key, names("x-b"), &HeaderMap::new(), Arc::clone(&second))).unwrap();
    drop(store);
    assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (1, 1));
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
