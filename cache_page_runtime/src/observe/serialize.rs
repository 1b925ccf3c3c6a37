//! What the feature `serde` serializes: outcomes as strings, statistics as objects of numbers.
//!
//! The condition of each implementation is that of the module. It is what the documentation shows.

use std::{fmt, marker::PhantomData, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
    ser::{SerializeMap as _, SerializeStruct as _},
};

use super::stats::{HandlerStats, Stats};
use crate::{
    outcome::{Outcome, ParseOutcomeError, Reason},
    remote::RemoteStats,
    store::RemovalCause,
};

/// Serializes the string that [`Display`](fmt::Display) writes.
#[cfg(feature = "serde")]
impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> Deserialize<'de> for Outcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor(PhantomData))
    }
}

/// Serializes the string that [`as_str`](Self::as_str) returns.
#[cfg(feature = "serde")]
impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor(PhantomData))
    }
}

/// Parses a name.
struct NameVisitor<T>(PhantomData<T>);

impl<T: FromStr<Err = ParseOutcomeError>> Visitor<'_> for NameVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an outcome or a reason")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<T, E> {
        name.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(name), &self))
    }
}

/// Serializes an object with `requests`, `pages`, `bytes`, `max_bytes`, `removed` by cause, `purges_in_progress`, `fills_in_flight`,
/// `encodings`, `handlers` by name, and `remote` if there is a remote store.
#[cfg(feature = "serde")]
impl Serialize for Stats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Stats", 10)?;
        object.serialize_field("requests", &self.requests())?;
        object.serialize_field("pages", &self.pages())?;
        object.serialize_field("bytes", &self.bytes())?;
        object.serialize_field("max_bytes", &self.max_bytes())?;
        object.serialize_field("removed", &Removed(self))?;
        object.serialize_field("purges_in_progress", &self.purges_in_progress())?;
        object.serialize_field("fills_in_flight", &self.fills_in_flight())?;
        object.serialize_field("encodings", &self.encodings())?;
        object.serialize_field("handlers", &self.handlers)?;
        match self.remote() {
            Some(remote) => object.serialize_field("remote", remote)?,
            None => object.skip_field("remote")?,
        }
        object.end()
    }
}

/// Serializes an object with `requests`, `fills`, `refreshes`, `fill_seconds`, `fill_seconds_p50` and `fill_seconds_p99` (null without
/// runs), `pages`, `bytes`, `purged`, and `outcomes`: the counts that are not zero, by outcome.
#[cfg(feature = "serde")]
impl Serialize for HandlerStats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("HandlerStats", 10)?;
        object.serialize_field("requests", &self.requests())?;
        object.serialize_field("fills", &self.fills())?;
        object.serialize_field("refreshes", &self.refreshes())?;
        object.serialize_field("fill_seconds", &self.fill_time().as_secs_f64())?;
        let quantile = |share| self.fill_time_quantile(share).map(|time| time.as_secs_f64());
        object.serialize_field("fill_seconds_p50", &quantile(0.5))?;
        object.serialize_field("fill_seconds_p99", &quantile(0.99))?;
        object.serialize_field("pages", &self.pages())?;
        object.serialize_field("bytes", &self.bytes())?;
        object.serialize_field("purged", &self.purged())?;
        object.serialize_field("outcomes", &Counts(self))?;
        object.end()
    }
}

/// The numbers of removed pages, by cause.
struct Removed<'s>(&'s Stats);

impl Serialize for Removed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(RemovalCause::ALL.iter().map(|cause| (cause.as_str(), self.0.removed(*cause))))
    }
}

/// The counts of one handler that are not zero.
struct Counts<'s>(&'s HandlerStats);

impl Serialize for Counts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counts = Outcome::all().map(|outcome| (outcome, self.0.count(outcome)));
        let mut map = serializer.serialize_map(None)?;
        for (outcome, count) in counts.filter(|(_, count)| *count > 0) {
            map.serialize_entry(&outcome, &count)?;
        }
        map.end()
    }
}

/// Serializes an object with the fields of the struct.
#[cfg(feature = "serde")]
impl Serialize for RemoteStats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { is_available, stored, purged, timeouts, unavailable, rejected, corrupt, overloaded } =
            self;
        let mut object = serializer.serialize_struct("RemoteStats", 8)?;
        object.serialize_field("is_available", is_available)?;
        object.serialize_field("stored", stored)?;
        object.serialize_field("purged", purged)?;
        object.serialize_field("timeouts", timeouts)?;
        object.serialize_field("unavailable", unavailable)?;
        object.serialize_field("rejected", rejected)?;
        object.serialize_field("corrupt", corrupt)?;
        object.serialize_field("overloaded", overloaded)?;
        object.end()
    }
}
