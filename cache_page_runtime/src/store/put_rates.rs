//! How many pages per second several threads store: `cargo xtask bench writers`.
//!
//! Beside the store are caches that only have a map and a budget: `quick_cache` and `moka`. All have the same keys, the same entries, the
//! same weights and the same budget, a small part of what is stored. Each page is stored once, as new ones are, and so evicts others.
//!
//! In unit tests, the store also looks at each access to an atomic whether a scenario runs (`sync`), which costs it some percent.

#![allow(clippy::unwrap_used, clippy::cast_precision_loss)]

use std::{
    sync::{Arc, Barrier},
    thread,
    time::{Duration, Instant},
};

use actix_web::{http::header::HeaderMap, test::TestRequest, web::Bytes};

use super::{entry::Entry, fixtures, node::EntryNode, store::Store};
use crate::{KeyBuilder, http::VaryNames, key::CacheKey, purge::Tag, time::Clock};

/// The pages that are stored in each round, by all threads together.
const PAGES: usize = 200_000;

/// One of so many pages is stored before the time begins, so that there is no room for the others.
const UNTIMED: usize = 4;

const BUDGET: usize = 16 << 20;

const ROUNDS: usize = 7;

const THREADS: [usize; 5] = [1, 2, 4, 8, 64];

const CONTENDERS: [Contender; 4] = [
    Contender { name: "quick_cache", new: quick_cache, tags: 0 },
    Contender { name: "moka", new: moka, tags: 0 },
    Contender { name: "this store", new: store, tags: 0 },
    Contender { name: "this store, three tags", new: store, tags: 3 },
];

#[derive(Clone, Copy)]
struct Contender {
    name: &'static str,
    new: fn() -> Box<dyn Cache>,
    /// The tags of each page.
    tags: usize,
}

trait Cache: Send + Sync {
    /// Prepares the thread, which is about to create entries.
    fn prepare(&self) {}

    fn store(&self, key: CacheKey<'_>, entry: Arc<Entry>);
}

impl Cache for Store {
    fn prepare(&self) {
        fixtures::share_lines_in(self);
    }

    fn store(&self, key: CacheKey<'_>, entry: Arc<Entry>) {
        self.put(key, VaryNames::new(), &HeaderMap::new(), entry).unwrap();
    }
}

fn store() -> Box<dyn Cache> {
    Box::new(fixtures::new_store(BUDGET))
}

type QuickCache = quick_cache::sync::Cache<Box<[u8]>, Arc<Entry>, Weight>;

#[derive(Clone)]
struct Weight;

impl quick_cache::Weighter<Box<[u8]>, Arc<Entry>> for Weight {
    fn weight(&self, key: &Box<[u8]>, entry: &Arc<Entry>) -> u64 {
        weight(key, entry) as u64
    }
}

fn weight(key: &[u8], entry: &Entry) -> usize {
    EntryNode::weight_of_key(key) + entry.weight()
}

fn quick_cache() -> Box<dyn Cache> {
    Box::new(QuickCache::with_weighter(BUDGET / 512, BUDGET as u64, Weight))
}

impl Cache for QuickCache {
    fn store(&self, key: CacheKey<'_>, entry: Arc<Entry>) {
        self.insert(key.as_bytes().into(), entry);
    }
}

fn moka() -> Box<dyn Cache> {
    let builder = moka::sync::Cache::<Box<[u8]>, _>::builder().max_capacity(BUDGET as u64);
    let builder = builder.weigher(|key, entry: &Arc<Entry>| u32::try_from(weight(key, entry)).unwrap());
    Box::new(builder.build_with_hasher(foldhash::quality::RandomState::default()))
}

impl Cache for moka::sync::Cache<Box<[u8]>, Arc<Entry>, foldhash::quality::RandomState> {
    fn store(&self, key: CacheKey<'_>, entry: Arc<Entry>) {
        self.insert(key.as_bytes().into(), entry);
    }
}

/// Creates the entries of one thread.
fn entries(first: usize, count: usize, tags: usize) -> Vec<(usize, Arc<Entry>)> {
    let now = Clock::System.now();
    let entry = |number| {
        let names = [format!("group:{}", number / 100), "pages".into(), format!("author:{}", number % 1000)];
        let tags: Vec<Tag> = names.iter().take(tags).map(|name| Tag::new(name)).collect();
        let keys = fixtures::purge_keys_of(&format!("/{number}"), &tags);
        let lifetime = fixtures::lifetime(now, Some(Duration::from_secs(60)));
        (number, Arc::new(Entry::new(fixtures::page(Bytes::from_static(b"Hello World")), lifetime, keys)))
    };
    (first..first + count).map(entry).collect()
}

/// Stores entries under keys of 21 bytes.
fn store_all(cache: &dyn Cache, entries: impl Iterator<Item = (usize, Arc<Entry>)>) {
    let request = TestRequest::default().to_http_request();
    for (number, entry) in entries {
        let mut builder = KeyBuilder::new(&request);
        builder.bytes(&(number as u128).to_be_bytes());
        builder.bytes(&[0]);
        cache.store(builder.parts.key().unwrap(), entry);
    }
}

/// Returns the pages per second that so many threads store.
fn rate(cache: &dyn Cache, threads: usize, tags: usize) -> f64 {
    let count = PAGES / threads;
    let barrier = Barrier::new(threads);
    let store = |thread| {
        cache.prepare();
        let mut entries = entries(thread * count, count, tags).into_iter();
        store_all(cache, entries.by_ref().take(count / UNTIMED));
        barrier.wait();
        let start = Instant::now();
        store_all(cache, entries);
        (start, Instant::now())
    };
    let times: Vec<(Instant, Instant)> = thread::scope(|scope| {
        let spawned: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn({
                    let store = &store;
                    move || store(thread)
                })
            })
            .collect();
        spawned.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (start, end) = (times.iter().map(|(start, _)| *start).min(), times.iter().map(|(_, end)| *end).max());
    (threads * (count - count / UNTIMED)) as f64 / (end.unwrap() - start.unwrap()).as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
#[ignore = "measures for minutes"]
fn writers() {
    println!("{:>7} {:>12} {:>12} {:>12}  cache", "threads", "pages/s", "quick_cache's", "moka's");
    for threads in THREADS {
        let rounds: Vec<[f64; CONTENDERS.len()]> = (0..ROUNDS)
            .map(|_| CONTENDERS.map(|contender| rate(&*(contender.new)(), threads, contender.tags)))
            .collect();
        for (index, Contender { name, .. }) in CONTENDERS.into_iter().enumerate() {
            let of = |value: fn(f64, &[f64; CONTENDERS.len()]) -> f64| {
                median(rounds.iter().map(|round| value(round[index], round)).collect())
            };
            println!(
                "{threads:>7} {:>12.0} {:>12.2} {:>12.2}  {name}",
                of(|rate, _| rate),
                of(|rate, round| round[0] / rate),
                of(|rate, round| round[1] / rate)
            );
        }
    }
}
