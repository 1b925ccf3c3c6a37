//! Tests of the store with many entries, and with concurrent requests.

use std::{thread, time::Duration};

use actix_web::{http::header::HeaderName, test::TestRequest, web::Bytes};

use super::{
    super::{
        fixtures::{
            LARGE_BUDGET, SCALE, entry, entry_without_expiry, get, new_store, put, put_entry, store_of,
            with_key,
        },
        freed::LOCKED,
    },
    *,
};
use crate::{KeyBuilder, purge::Tag, time::Clock};

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
