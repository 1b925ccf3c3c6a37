//! What the leader of a flight shares with its followers.

use std::sync::Arc;

use actix_web::http::header::HeaderMap;

use crate::{
    coalesce::FlightResult,
    http::{VaryNames, vary},
    key::CacheKey,
    outcome::Outcome,
    store::{Entry, Store},
    time::instant::Instant,
};

/// The entry that followers receive.
pub(crate) type SharedResult = FlightResult<Arc<Entry>>;

/// Creates the result of a leader that sent these headers, for an entry that varies by `vary_names` and by the names that the
/// store knows.
pub(crate) fn shared_result(
    store: &Store,
    key: CacheKey<'_>,
    leader: &HeaderMap,
    entry: Arc<Entry>,
    mut vary_names: VaryNames,
    made: (Outcome, Instant),
) -> SharedResult {
    store.vary_names(key).into_iter().for_each(|name| vary::insert(&mut vary_names, name));
    FlightResult::new(entry, made, vary_names, key, leader)
}
