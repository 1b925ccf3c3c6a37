//! The names and labels of the metrics that a request changes, which each thread makes once.
//!
//! Making them for each request would cost a seventh of a hit, also where the application has no recorder.

use std::{
    cell::{OnceCell, RefCell},
    rc::Rc,
};

use metrics::{Key, Label};

use crate::{
    outcome::{Outcome, Reason},
    policy::HandlerId,
};

thread_local! {
    /// The index is that of the [`HandlerId`]; each element has one entry per cache.
    static KEYS: RefCell<Vec<Vec<Rc<RequestKeys>>>> = const { RefCell::new(Vec::new()) };
}

/// The metrics of the requests of one handler in one cache.
pub(super) struct RequestKeys {
    cache: &'static str,
    handler: &'static str,
    /// The index is that of the outcome.
    requests: [OnceCell<Box<Key>>; Outcome::COUNT],
    pub(super) hit_age: Key,
    pub(super) fill_time: Key,
}

impl RequestKeys {
    /// Returns the keys of a handler in the cache of this name.
    #[inline]
    pub(super) fn of(cache: &'static str, handler: HandlerId) -> Rc<Self> {
        // A recorder may use the cache, so nothing is borrowed when this returns.
        let keys = KEYS.try_with(|handlers| find_or_add(&mut handlers.borrow_mut(), cache, handler));
        // Access only fails while the thread ends.
        keys.unwrap_or_else(|_| Rc::new(Self::new(cache, handler.name)))
    }

    /// Returns the key of the requests with this outcome.
    #[inline]
    pub(super) fn requests(&self, outcome: Outcome) -> &Key {
        self.requests[outcome.index()].get_or_init(|| {
            // The reason is empty for outcomes without one.
            let reason = outcome.reason().map_or("", Reason::as_str);
            let [cache, handler] = labels(self.cache, self.handler);
            let of_outcome = [("outcome", outcome.as_str()), ("reason", reason)];
            let [outcome, reason] = of_outcome.map(|(name, value)| Label::from_static_parts(name, value));
            Box::new(Key::from_parts("cache_page_requests_total", vec![cache, handler, outcome, reason]))
        })
    }

    fn new(cache: &'static str, handler: &'static str) -> Self {
        let key = |name| Key::from_parts(name, labels(cache, handler).to_vec());
        Self {
            cache,
            handler,
            requests: [const { OnceCell::new() }; Outcome::COUNT],
            hit_age: key("cache_page_hit_age_seconds"),
            fill_time: key("cache_page_fill_seconds"),
        }
    }
}

fn labels(cache: &'static str, handler: &'static str) -> [Label; 2] {
    [("cache", cache), ("handler", handler)].map(|(name, value)| Label::from_static_parts(name, value))
}

fn find_or_add(
    handlers: &mut Vec<Vec<Rc<RequestKeys>>>,
    cache: &'static str,
    handler: HandlerId,
) -> Rc<RequestKeys> {
    if handlers.len() <= handler.index {
        handlers.resize_with(handler.index + 1, Vec::new);
    }
    let caches = &mut handlers[handler.index];
    match caches.iter().find(|keys| keys.cache == cache) {
        Some(keys) => Rc::clone(keys),
        None => {
            let keys = Rc::new(RequestKeys::new(cache, handler.name));
            caches.push(Rc::clone(&keys));
            keys
        }
    }
}
