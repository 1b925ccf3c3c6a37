//! For how long the locks of a store with a million entries are held:
//! `cargo test --release -p cache_page_runtime --lib locks_are_held -- --ignored --nocapture`.

#![allow(clippy::unwrap_used)]

use std::{sync::Arc, thread, time::Duration};

use actix_web::web::Bytes;

use super::{
    fixtures,
    held::{Held, measure},
    store::Store,
};
use crate::{
    purge::{LocalSelector, PurgeMode, Tag},
    time::{Clock, ManualClock},
};

const PAGES: u32 = 1_000_000;

fn put(store: &Store, number: u32, clock: &Clock, body: Bytes) {
    let tags = [
        "pages".to_owned(),
        format!("group:{}", number / 100),
        format!("author:{}", number % 1000),
        format!("page:{number}"),
    ];
    let tags = tags.map(|tag| Tag::new(&tag));
    let entry = fixtures::entry(body, clock.now(), Some(Duration::from_secs(60)), &tags);
    fixtures::put_entry(store, number, entry).unwrap();
}

fn fill(store: &Store, clock: &Clock) {
    (0..PAGES).for_each(|number| put(store, number, clock, Bytes::from_static(b"page")));
}

fn wait_until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
#[ignore = "measures for minutes"]
fn locks_are_held_for_a_short_time() {
    println!("{:>10} {:>8} {:>8} {:>8} {:>10}", "locks", "≥ 64 µs", "≥ 256 µs", "≥ 1 ms", "longest");
    measure("nothing, for 50 µs each: the interrupts", || {
        for _ in 0..60_000 {
            let _held = Held::begin();
            let start = std::time::Instant::now();
            while start.elapsed().as_micros() < 50 {}
        }
    });
    let manual = ManualClock::new();
    let clock = Clock::Manual(manual.clone());
    let store = Arc::new(fixtures::new_store(4 << 30));
    measure("storing a million pages", || fill(&store, &clock));
    manual.advance(Duration::from_secs(1));
    let tag = LocalSelector::Tag(Tag::new("pages").key);
    let handler = LocalSelector::Handler(fixtures::entry_without_expiry().purge_keys().handler_key());
    for (name, mode, selector) in [
        ("expire_tag", PurgeMode::Expire, &tag),
        ("expire_all", PurgeMode::Expire, &LocalSelector::All),
        ("purge_prefix, no page", PurgeMode::Remove, &LocalSelector::Prefix("/none".into())),
        ("purge_prefix", PurgeMode::Remove, &LocalSelector::Prefix("/pa".into())),
        ("purge_tag", PurgeMode::Remove, &tag),
        ("purge_handler", PurgeMode::Remove, &handler),
        ("purge_all", PurgeMode::Remove, &LocalSelector::All),
    ] {
        fill(&store, &clock);
        measure(name, || {
            store.purge(mode, selector, clock.now());
            wait_until(|| store.purges_in_progress() == 0);
        });
    }
    fill(&store, &clock);
    manual.advance(Duration::from_secs(61));
    measure("remove_expired", || {
        store.remove_expired(clock.now());
        wait_until(|| store.bytes() == 0);
    });
    drop(store);
    let store = Arc::new(fixtures::new_store(512 << 20));
    measure("storing a million pages, most of which are evicted", || fill(&store, &clock));
    measure("20 pages of 20 MiB in their place", || {
        (0..20).for_each(|number| put(&store, number, &clock, vec![0; 20 << 20].into()));
    });
}
