//! The names and labels of the metrics that a request changes, which each thread makes once.
//!
//! Making them for each request would cost a seventh of a hit, also where the application has no recorder.

use std::{cell::RefCell, rc::Rc};

use metrics::{Key, Label};

use crate::{
    outcome::{Outcome, Reason},
    policy::HandlerId,
};

thread_local! {
    /// The index is that of the [`HandlerId`]; each element has one entry per cache.
    static KEYS: RefCell<Vec<Vec<CacheKeys>>> = const { RefCell::new(Vec::new()) };
}

/// The keys of one handler's metrics in one cache.
struct CacheKeys {
    cache: &'static str,
    /// Most handlers have few outcomes.
    keys: Vec<(RequestMetric, Rc<Key>)>,
}

/// A metric that a request changes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestMetric {
    Requests(Outcome),
    HitAge,
    FillTime,
}

impl RequestMetric {
    /// Returns the name and the labels of the metric.
    pub(super) fn key(self, cache: &'static str, handler: HandlerId) -> Rc<Key> {
        // A recorder may use the cache, so nothing is borrowed when this returns.
        let key = KEYS.try_with(|keys| find_or_add(&mut keys.borrow_mut(), self, cache, handler));
        // Access only fails while the thread ends.
        key.unwrap_or_else(|_| Rc::new(self.new_key(cache, handler)))
    }

    fn new_key(self, cache: &'static str, handler: HandlerId) -> Key {
        let mut labels =
            vec![Label::from_static_parts("cache", cache), Label::from_static_parts("handler", handler.name)];
        let name = match self {
            Self::Requests(outcome) => {
                labels.push(Label::from_static_parts("outcome", outcome.as_str()));
                // The reason is empty for outcomes without one.
                let reason = outcome.reason().map_or("", Reason::as_str);
                labels.push(Label::from_static_parts("reason", reason));
                "cache_page_requests_total"
            }
            Self::HitAge => "cache_page_hit_age_seconds",
            Self::FillTime => "cache_page_fill_seconds",
        };
        Key::from_parts(name, labels)
    }
}

fn find_or_add(
    handlers: &mut Vec<Vec<CacheKeys>>,
    metric: RequestMetric,
    cache: &'static str,
    handler: HandlerId,
) -> Rc<Key> {
    if handlers.len() <= handler.index {
        handlers.resize_with(handler.index + 1, Vec::new);
    }
    let caches = &mut handlers[handler.index];
    let position = caches.iter().position(|keys| keys.cache == cache).unwrap_or_else(|| {
        caches.push(CacheKeys { cache, keys: Vec::new() });
        caches.len() - 1
    });
    let keys = &mut caches[position].keys;
    match keys.iter().find(|(known, _)| *known == metric) {
        Some((_, key)) => Rc::clone(key),
        None => {
            let key = Rc::new(metric.new_key(cache, handler));
            keys.push((metric, Rc::clone(&key)));
            key
        }
    }
}
