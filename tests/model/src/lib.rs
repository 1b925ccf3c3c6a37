//! The coordination of fills and of purges (`coalesce/flight.rs` and `purge/log.rs` in `cache_page_runtime/src`) in orders of events that
//! shuttle picks: at each lock and each wait, any of the requests may go on.
//!
//! A failure prints the seed of its run. `MODEL_SEED=… MODEL_RUNS=1 cargo test -p model` plays it again, and `MODEL_RUNS`
//! alone says how many runs there are.

#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../../../cache_page_runtime/src/coalesce"]
#[allow(dead_code, reason = "the runtime uses all of it")]
mod coalesce {
    pub(crate) mod flight;
}
#[path = "../../../cache_page_runtime/src/purge"]
#[allow(dead_code, reason = "the runtime uses all of it")]
mod purge {
    mod log;

    pub(crate) use self::log::{PurgeLog, PurgeSeq};
}
mod purge_steps;
mod purges;
mod requests;
mod runs;
mod steps;
mod sync;
mod world;

use std::time::Duration;

use crate::{coalesce::flight::Participant, purge::PurgeSeq};

/// A request, where nobody purges anything.
fn participant(now: Duration, may_lead: bool) -> Participant<impl Fn(PurgeSeq) -> bool> {
    Participant { now, purge_seq: PurgeSeq::now(), may_lead, is_outdated: |_| false }
}
