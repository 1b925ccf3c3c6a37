//! The keys that the purge index files pages under.

use std::{hash::BuildHasher as _, sync::OnceLock};

use foldhash::quality::RandomState;
use smallvec::SmallVec;

use super::normal_form;
use crate::http::QueryRule;

/// A path, handler, tag, origin or query as a 64-bit hash.
///
/// The hash has a random seed of this process, so that a client cannot construct a collision. If two keys collide nevertheless, a
/// page is purged too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PurgeKey(u64);

impl PurgeKey {
    /// Returns the key of a path, which must be percent-decoded.
    pub(crate) fn from_path(path: &str) -> Self {
        Self::hash(0, normal_form::page_path(path).as_bytes())
    }

    pub(crate) fn from_handler(name: &str) -> Self {
        Self::hash(1, name.as_bytes())
    }

    pub(crate) fn from_tag(tag: &str) -> Self {
        Self::hash(2, tag.as_bytes())
    }

    /// Returns the key of a scheme and a host, which are case-insensitive, and have an optional default port (RFC 9110 4.2.3).
    pub(crate) fn from_origin(scheme: &str, host: &str) -> Self {
        // A scheme contains no slash, so the separator is unambiguous.
        let host = normal_form::host(scheme, host);
        let mut origin: SmallVec<[u8; 64]> = SmallVec::new();
        [scheme, "/", host].iter().for_each(|part| origin.extend_from_slice(part.as_bytes()));
        origin.make_ascii_lowercase();
        Self::hash(3, &origin)
    }

    /// Returns the key of those parts of a query that `rule` selects.
    pub(super) fn from_query(query: Option<&str>, rule: QueryRule) -> Self {
        match rule.select(query.unwrap_or_default()) {
            None => {
                let parameters: SmallVec<[_; 8]> = normal_form::query(query).collect();
                Self(hasher().hash_one((4_u8, &*parameters)))
            }
            Some(parameters) => Self(hasher().hash_one((6_u8, &*parameters))),
        }
    }

    /// Returns some bits of the hash, which are as random as the others.
    pub(crate) fn low_bits(self) -> u16 {
        let [one, two, ..] = self.0.to_le_bytes();
        u16::from_le_bytes([one, two])
    }

    fn hash(kind: u8, bytes: &[u8]) -> Self {
        Self(hasher().hash_one((kind, bytes)))
    }
}

fn hasher() -> &'static RandomState {
    static HASHER: OnceLock<RandomState> = OnceLock::new();
    HASHER.get_or_init(RandomState::default)
}
