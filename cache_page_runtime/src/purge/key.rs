//! The keys that the purge index files pages under.

use std::{borrow::Cow, hash::BuildHasher as _, sync::OnceLock};

use foldhash::quality::RandomState;
use percent_encoding::percent_decode;
use smallvec::SmallVec;

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
        Self::hash(0, path.as_bytes())
    }

    pub(crate) fn from_handler(name: &str) -> Self {
        Self::hash(1, name.as_bytes())
    }

    pub(crate) fn from_tag(tag: &str) -> Self {
        Self::hash(2, tag.as_bytes())
    }

    /// Returns the key of a scheme and a host, which are case-insensitive (RFC 9110 4.2.3).
    pub(crate) fn from_origin(scheme: &str, host: &str) -> Self {
        // A scheme contains no slash, so the separator is unambiguous.
        let mut origin: SmallVec<[u8; 64]> = SmallVec::new();
        [scheme, "/", host].iter().for_each(|part| origin.extend_from_slice(part.as_bytes()));
        origin.make_ascii_lowercase();
        Self::hash(3, &origin)
    }

    /// Returns the key of those parts of a query that `rule` selects.
    pub(super) fn from_query(query: Option<&str>, rule: QueryRule) -> Self {
        match rule.select(query.unwrap_or_default()) {
            None => Self::hash(4 + u8::from(query.is_some()), query.unwrap_or_default().as_bytes()),
            Some(parameters) => Self(hasher().hash_one((6_u8, &*parameters))),
        }
    }

    fn hash(kind: u8, bytes: &[u8]) -> Self {
        Self(hasher().hash_one((kind, bytes)))
    }
}

/// Decodes the percent-encoding of a path, so that purges may write a path in either form.
///
/// Invalid UTF-8 becomes U+FFFD, as in the path parameters of actix-web.
pub(crate) fn percent_decoded(path: &[u8]) -> Cow<'_, str> {
    percent_decode(path).decode_utf8_lossy()
}

fn hasher() -> &'static RandomState {
    static HASHER: OnceLock<RandomState> = OnceLock::new();
    HASHER.get_or_init(RandomState::default)
}
