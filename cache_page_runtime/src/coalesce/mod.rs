//! Request coalescing.

mod flight;
mod result;
mod stream;
mod uncacheable_keys;
mod wait;

pub(crate) use self::{
    flight::{Flights, Follower, Leader, Participant, Role, Wakeup},
    result::FlightResult,
    stream::LeaderStream,
    uncacheable_keys::{UncacheableKeys, UncacheableMark},
    wait::wait,
};
