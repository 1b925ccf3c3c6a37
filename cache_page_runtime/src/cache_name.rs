//! [`CacheName`]: the name of a cache in metrics and logs.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::sync::{Mutex, lock};

/// The name of a cache. Clones are the name of the same cache, which may get it after they were made.
#[derive(Clone, Debug, Default)]
pub(crate) struct CacheName(Arc<OnceLock<&'static str>>);

impl CacheName {
    /// Sets the name, unless the cache has one.
    pub(crate) fn set(&self, name: &str) {
        self.0.get_or_init(|| intern(name));
    }

    /// Returns the name. Caches without one are numbered when they are first reported.
    pub(crate) fn get(&self) -> &'static str {
        static UNNAMED: AtomicUsize = AtomicUsize::new(1);

        self.0.get_or_init(|| match UNNAMED.fetch_add(1, Ordering::Relaxed) {
            1 => "default",
            number => intern(&format!("default-{number}")),
        })
    }
}

/// Returns a name that lives as long as the process: the labels of metrics are not copied for each request then.
fn intern(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

    let mut names = lock(&NAMES);
    match names.get(name) {
        Some(known) => known,
        None => {
            let name = Box::leak(Box::from(name));
            names.insert(name);
            name
        }
    }
}
