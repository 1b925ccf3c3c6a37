//! The keys that the purge index files pages under.

use std::{cell::RefCell, hash::BuildHasher as _, sync::OnceLock};

use foldhash::quality::RandomState;
use smallvec::SmallVec;

use super::normal_form;
use crate::http::QueryRule;

/// A path, handler, tag, origin or query as a 64-bit hash.
///
/// The hash has a random seed of this process, so that a client cannot construct a collision. If two keys collide nevertheless, a
/// page is purged too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PurgeKey(u64);

impl PurgeKey {
    /// Returns the key of a path, which must be percent-decoded.
    pub(crate) fn from_path(path: &str) -> Self {
        Self::hash(0, normal_form::page_path(path).as_bytes())
    }

    /// As [`from_path`](Self::from_path), for a path in its normal form.
    pub(super) fn from_normal_path(path: &str) -> Self {
        Self::hash(0, normal_form::without_end_slash(path).as_bytes())
    }

    pub(crate) fn from_handler(name: &str) -> Self {
        Self::hash(1, name.as_bytes())
    }

    pub(crate) fn from_tag(tag: &str) -> Self {
        Self::hash(2, tag.as_bytes())
    }

    /// Returns the key of a scheme and a host, which are case-insensitive, and have an optional default port (RFC 9110 4.2.3).
    pub(crate) fn from_origin(scheme: &str, host: &str) -> Self {
        // A worker receives most of its requests for one host.
        let known = LAST_ORIGIN.try_with(|last| last.try_borrow().ok()?.key_of(scheme, host));
        known.ok().flatten().unwrap_or_else(|| {
            let key = Self::hash_origin(scheme, host);
            let _ = LAST_ORIGIN.try_with(|last| last.borrow_mut().set(scheme, host, key));
            key
        })
    }

    fn hash_origin(scheme: &str, host: &str) -> Self {
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
            None => Self::hash(4, normal_form::query_text(query.unwrap_or_default()).as_bytes()),
            Some(parameters) => Self(hasher().hash_one((6_u8, &*parameters))),
        }
    }

    #[cfg(feature = "inspector")]
    pub(crate) fn to_bits(self) -> u64 {
        self.0
    }

    #[cfg(feature = "inspector")]
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
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

thread_local! {
    static LAST_ORIGIN: RefCell<LastOrigin> = const { RefCell::new(LastOrigin { scheme: String::new(), host: String::new(), key: None }) };
}

/// The longest scheme or host that is remembered: a client must not fill memory.
const MAX_ORIGIN_PART: usize = 256;

/// The origin of the last request that a worker has stored a response to.
struct LastOrigin {
    scheme: String,
    host: String,
    key: Option<PurgeKey>,
}

impl LastOrigin {
    fn key_of(&self, scheme: &str, host: &str) -> Option<PurgeKey> {
        if self.host == host && self.scheme == scheme { self.key } else { None }
    }

    fn set(&mut self, scheme: &str, host: &str, key: PurgeKey) {
        if scheme.len().max(host.len()) <= MAX_ORIGIN_PART {
            scheme.clone_into(&mut self.scheme);
            host.clone_into(&mut self.host);
            self.key = Some(key);
        }
    }
}

fn hasher() -> &'static RandomState {
    static HASHER: OnceLock<RandomState> = OnceLock::new();
    HASHER.get_or_init(RandomState::default)
}
