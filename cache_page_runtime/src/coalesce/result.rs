//! What a leader shares with its followers.

use std::sync::Arc;

use actix_web::http::header::HeaderMap;

use crate::{
    http::VaryNames,
    key::{CacheKey, KeyBuf},
    outcome::Outcome,
    time::instant::Instant,
};

/// A value that a leader shares, and what of its request the value depends on beside the key.
#[derive(Clone)]
pub(crate) struct FlightResult<T> {
    pub(crate) value: T,
    /// The outcome of a follower that receives the value.
    pub(crate) outcome: Outcome,
    /// When the leader started to make the value, by the system clock.
    pub(crate) started: Instant,
    vary_names: VaryNames,
    /// The variant of the leader's request, if the value depends on request headers.
    variant: Option<Arc<[u8]>>,
}

impl<T> FlightResult<T> {
    /// Creates the result of a leader that sent these headers, for a value that depends on those of them in `vary_names`.
    pub(crate) fn new(
        value: T,
        (outcome, started): (Outcome, Instant),
        vary_names: VaryNames,
        key: CacheKey<'_>,
        leader: &HeaderMap,
    ) -> Self {
        let variant = variant(key, &vary_names, leader).map(|variant| variant.as_slice().into());
        Self { value, outcome, started, vary_names, variant }
    }

    /// Returns whether a follower that sent these headers selects the same variant as the leader.
    pub(crate) fn matches_request(&self, key: CacheKey<'_>, request: &HeaderMap) -> bool {
        match (&self.variant, variant(key, &self.vary_names, request)) {
            _ if self.vary_names.is_empty() => true,
            (Some(leader), Some(own)) => **leader == *own.as_slice(),
            _ => false,
        }
    }
}

fn variant(key: CacheKey<'_>, vary_names: &VaryNames, request: &HeaderMap) -> Option<KeyBuf> {
    if vary_names.is_empty() { None } else { key.variant(vary_names, request) }
}
