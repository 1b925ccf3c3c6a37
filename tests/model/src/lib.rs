//! Coalescing and purging (`coalesce/flight.rs` and `purge/log.rs` in `cache_page_runtime/src`) under random schedules: shuttle decides
//! at each lock and each wait which request continues.
//!
//! | module | contents |
//! |---|---|
//! | `flight_steps`, `purge_steps` | tests of flights and of purges in one given order |
//! | `flights`, `purges` | the same under random schedules |
//! | `world` | a database, a store and requests that use the real flights and the real purge log |
//! | `schedule`, `sync` | how scenarios run under shuttle, and the locks that it controls |
//!
//! A failure prints the seed of its schedule. `MODEL_SEED=… MODEL_RUNS=1 cargo test -p model` replays it. `MODEL_RUNS` alone
//! sets the number of schedules.

#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../../../cache_page_runtime/src/coalesce"]
#[allow(dead_code, reason = "the runtime uses all of it")]
mod coalesce {
    pub(crate) mod flight;
    pub(crate) mod stream;
}
#[path = "../../../cache_page_runtime/src/purge"]
#[allow(dead_code, reason = "the runtime uses all of it")]
mod purge {
    mod log;

    pub(crate) use self::log::{PurgeLog, PurgeSeq};
}
#[path = "../../../cache_page_runtime/src/key"]
#[allow(dead_code, reason = "the runtime uses all of it")]
mod key {
    mod key_hash;

    pub(crate) use self::key_hash::KeyHash;
}
mod flight_steps;
mod flights;
mod purge_steps;
mod purges;
#[path = "../../../cache_page_runtime/src/sync/schedule.rs"]
mod schedule;
mod sync;
mod world;

use std::time::Duration;

use crate::{coalesce::flight::Participant, purge::PurgeSeq};

/// Returns a request of a scenario without purges.
fn participant(now: Duration, may_lead: bool) -> Participant<impl Fn(PurgeSeq) -> bool> {
    Participant { now, purge_seq: PurgeSeq::now(), may_lead, is_outdated: |_| false }
}
