//! The store under random schedules: shuttle decides at each lock and at each access to an atomic which task continues.
//!
//! A failure prints the seed of its schedule. `MODEL_SEED=… MODEL_RUNS=1 cargo test -p cache_page_runtime --lib scheduled` replays
//! it, and `MODEL_RUNS` alone sets the number of schedules.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
};

use actix_web::{
    http::header::{HeaderMap, HeaderName, HeaderValue},
    web::Bytes,
};
use shuttle::thread;

use super::{
    consistency::check,
    entry::Entry,
    fixtures::{lifetime, new_store, page, purge_keys, with_key},
    local_copies,
    store::Store,
};
use crate::{
    http::{Coding, VaryNames},
    key::CacheKey,
    outcome::Reason,
    purge::{LocalSelector, PurgeMode},
    sync::{
        schedule::{one_in, under_random_schedules},
        yield_now,
    },
    time::{Clock, Instant, ManualClock},
};

const KEY: u32 = 1;

/// A store of pages that show a version of a database, as their body.
struct Site {
    store: Arc<Store>,
    now: Instant,
    database: AtomicU64,
    /// The version whose purge has taken effect. A request that arrives now must not get an older one.
    purged: AtomicU64,
    /// The number of pages that were stored.
    stored: AtomicUsize,
    /// The number of pages that purges have counted.
    purged_pages: AtomicUsize,
}

impl Site {
    fn new(max_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            store: Arc::new(new_store(max_bytes)),
            now: Clock::Manual(ManualClock::new()).now(),
            database: AtomicU64::new(0),
            purged: AtomicU64::new(0),
            stored: AtomicUsize::new(0),
            purged_pages: AtomicUsize::new(0),
        })
    }

    /// Returns the page that a run of the handler creates.
    fn run(&self, length: usize) -> Arc<Entry> {
        // As in a request, before the handler reads anything.
        let keys = purge_keys(&[]);
        let mut body = self.database.load(SeqCst).to_le_bytes().to_vec();
        body.resize(8 + length, 0);
        yield_now();
        Arc::new(Entry::new(page(body.into()).encodable(), lifetime(self.now, None), keys))
    }

    fn put(&self, key: u32, length: usize) -> Result<(), Reason> {
        self.put_variant(key, &[], &HeaderMap::new(), self.run(length))
    }

    fn put_variant(
        &self,
        key: u32,
        names: &[&'static str],
        request: &HeaderMap,
        entry: Arc<Entry>,
    ) -> Result<(), Reason> {
        let names = names.iter().map(|name| HeaderName::from_static(name)).collect::<VaryNames>();
        with_key(key, |key| self.store.put(key, names, request, entry))?;
        self.stored.fetch_add(1, SeqCst);
        Ok(())
    }

    fn get(&self, key: u32) -> Option<Arc<Entry>> {
        with_key(key, |key| self.store.get(key, &HeaderMap::new(), self.now)).ok()
    }

    /// Returns the version that a hit shows: one on the worker's copy, or else one in the store, of which a copy is made then.
    fn hit(&self, key: u32) -> Option<u64> {
        with_key(key, |key| {
            let shown = local_copies::with(&self.store, key, self.now, |entry, _| Some(version(entry)));
            if shown.is_some() {
                return shown;
            }
            let entry = self.store.get(key, &HeaderMap::new(), self.now).ok()?;
            (0..4).for_each(|_| local_copies::record_hit(&self.store, key, &entry));
            Some(version(&entry))
        })
    }

    /// A request: a hit, or a miss that stores a page.
    fn request(&self, key: u32) {
        let purged = self.purged.load(SeqCst);
        match self.hit(key) {
            Some(shown) => assert!(shown >= purged, "version {shown} was purged before {purged}"),
            None => {
                let _ = self.put(key, 0);
            }
        }
    }

    /// Changes the database, and purges the pages that show it.
    fn write(&self, mode: PurgeMode, selector: &LocalSelector) {
        let version = self.database.fetch_add(1, SeqCst) + 1;
        yield_now();
        let (purge, mut sweeping) = self.store.begin_purge(mode, selector, self.now);
        self.purged.fetch_max(version, SeqCst);
        // A sweep that fails is dropped before it is complete.
        while !one_in(4) && !sweeping.run(1) {}
        drop(sweeping);
        self.purged_pages.fetch_add(purge.entries(), SeqCst);
    }

    /// Checks the store after all tasks have ended, and that it charges for nothing once all pages are purged.
    fn finish(&self) {
        // Its sweep removes what a failed one has left.
        self.store.purge(PurgeMode::Remove, &LocalSelector::Prefix("/none".into()), self.now);
        assert_eq!(self.store.purges_in_progress(), 0);
        check(&self.store).unwrap();
        self.store.purge(PurgeMode::Remove, &LocalSelector::All, self.now);
        assert_eq!((self.store.bytes(), self.store.entry_count()), (0, 0));
    }
}

fn version(entry: &Entry) -> u64 {
    u64::from_le_bytes(entry.page.body()[..8].try_into().unwrap())
}

fn random_selector() -> LocalSelector {
    let index_key = purge_keys(&[]).handler_key();
    match (one_in(3), one_in(2)) {
        (true, _) => LocalSelector::All,
        (false, true) => LocalSelector::Prefix("/pa".into()),
        (false, false) => LocalSelector::Handler(index_key),
    }
}

fn random_mode() -> PurgeMode {
    if one_in(2) { PurgeMode::Expire } else { PurgeMode::Remove }
}

/// Runs tasks until all have ended.
fn run_tasks(site: &Arc<Site>, tasks: &[fn(&Site)]) {
    let spawn = |task: &fn(&Site)| {
        let (site, task) = (Arc::clone(site), *task);
        thread::spawn(move || task(&site))
    };
    let tasks: Vec<_> = tasks.iter().map(spawn).collect();
    tasks.into_iter().for_each(|task| task.join().unwrap());
}

#[test]
fn no_request_gets_a_page_whose_purge_has_returned() {
    under_random_schedules(|| {
        let site = Site::new(1 << 20);
        let requests = |site: &Site| (0..6).for_each(|_| site.request(KEY));
        let writes = |site: &Site| {
            for _ in 0..3 {
                site.write(random_mode(), &random_selector());
            }
        };
        run_tasks(&site, &[requests, requests, writes]);
        site.finish();
    });
}

#[test]
fn concurrent_purges_count_each_entry_at_most_once() {
    under_random_schedules(|| {
        let site = Site::new(1 << 20);
        (0..3).for_each(|key| site.put(key, 0).unwrap());
        let write = |site: &Site| {
            site.write(PurgeMode::Remove, &random_selector());
            let _ = site.put(KEY, 0);
        };
        run_tasks(&site, &[write, write]);
        assert!(site.purged_pages.load(SeqCst) <= site.stored.load(SeqCst));
        site.finish();
    });
}

#[test]
fn page_that_is_being_replaced_is_never_missing() {
    under_random_schedules(|| {
        let site = Site::new(1 << 20);
        site.put(KEY, 0).unwrap();
        let replace = |site: &Site| (0..4).for_each(|_| site.put(KEY, 0).unwrap());
        let read = |site: &Site| (0..8).for_each(|_| assert!(site.get(KEY).is_some()));
        run_tasks(&site, &[replace, replace, read]);
        site.finish();
    });
}

/// A request that has found nothing, and then leads a flight, looks again only if this number has changed.
#[test]
fn unchanged_number_of_insertions_means_that_nothing_was_stored() {
    under_random_schedules(|| {
        let site = Site::new(1 << 20);
        let put = |site: &Site| site.put(KEY, 0).unwrap();
        let look = |site: &Site| {
            for _ in 0..10 {
                let before = site.store.insertions();
                let found = site.get(KEY);
                (0..10).for_each(|_| yield_now());
                let was_stored = site.stored.load(SeqCst) > 0;
                assert!(found.is_some() || !was_stored || site.store.insertions() != before);
            }
        };
        run_tasks(&site, &[put, look]);
        site.finish();
    });
}

#[test]
fn budget_holds_while_tasks_store_copy_and_purge() {
    const BUDGET: usize = 32 << 10;
    under_random_schedules(|| {
        let site = Site::new(BUDGET);
        let store = |site: &Site| {
            for key in 0..12 {
                let _ = site.put(key, if one_in(3) { 2000 } else { 100 });
                assert!(site.store.bytes() <= BUDGET);
            }
        };
        let hit = |site: &Site| {
            for key in [0, 1, 0, 1, 2, 3] {
                site.hit(key);
                assert!(site.store.bytes() <= BUDGET);
            }
        };
        let write = |site: &Site| site.write(PurgeMode::Remove, &random_selector());
        run_tasks(&site, &[store, store, hit, hit, write]);
        site.finish();
    });
}

fn request_of_language(language: u64) -> HeaderMap {
    HeaderMap::from_iter([(HeaderName::from_static("x-language"), HeaderValue::from(language))])
}

#[test]
fn no_request_gets_the_variant_of_another() {
    under_random_schedules(|| {
        // The database's version is the language of the request here.
        let site = Site::new(24 << 10);
        let put = |site: &Site| {
            for language in 0..4_u64 {
                let request = request_of_language(language);
                let body = Bytes::copy_from_slice(&language.to_le_bytes());
                let entry = Arc::new(Entry::new(page(body), lifetime(site.now, None), purge_keys(&[])));
                let names: &[_] = if one_in(4) { &["x-language", "x-other"] } else { &["x-language"] };
                let _ = site.put_variant(KEY, names, &request, entry);
            }
        };
        let get = |site: &Site| {
            for language in [0, 1, 2, 3, 0, 1, 2, 3] {
                let request = request_of_language(language);
                let found = with_key(KEY, |key| site.store.get(key, &request, site.now)).ok();
                let Some(found) = found else { continue };
                assert_eq!(version(&found), language);
                if one_in(4) {
                    with_key(KEY, |key| site.store.remove_if_current(key, &request, &found));
                }
            }
        };
        let write = |site: &Site| site.write(random_mode(), &random_selector());
        run_tasks(&site, &[put, put, get, write]);
        site.finish();
    });
}

#[test]
fn encoded_bodies_are_charged_as_long_as_they_are_stored() {
    under_random_schedules(|| {
        let site = Site::new(1 << 20);
        site.put(KEY, 100).unwrap();
        let encode = |site: &Site| {
            for coding in [Coding::Gzip, Coding::Brotli] {
                let Some(entry) = site.get(KEY) else { continue };
                let key = with_key(KEY, |key: CacheKey<'_>| Box::from(key.as_bytes()));
                if entry.page.encodings().is_some_and(|encodings| encodings.claim(coding)) {
                    let encoded = entry.page.encoded_body(coding, Bytes::from_static(&[0; 50]));
                    site.store.finish_encoding(&key, &entry, coding, Some(encoded));
                }
            }
        };
        let replace = |site: &Site| {
            let _ = site.put(KEY, 100);
        };
        let hit = |site: &Site| {
            for _ in 0..4 {
                site.hit(KEY);
            }
        };
        let write = |site: &Site| site.write(PurgeMode::Remove, &random_selector());
        run_tasks(&site, &[encode, encode, replace, hit, write]);
        site.finish();
    });
}
