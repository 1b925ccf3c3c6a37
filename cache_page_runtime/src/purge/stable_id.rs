//! Purge keys as ids that are the same in every process.
//!
//! The hash has no seed, so a client may be able to construct a collision. A collision purges a page too many and does no
//! other harm.

use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_128;

use super::normal_form;
use crate::key::Id;

/// The first byte of an id is the kind of the purge key.
const TAG: u8 = 1;
const PATH: u8 = 2;
const HANDLER: u8 = 3;
const URL: u8 = 4;
const ANY_QUERY: u8 = 6;

/// Returns the id that every page has.
pub(crate) fn all() -> Id {
    Id([0; 16])
}

pub(crate) fn tag(tag: &str) -> Id {
    id(TAG, &[tag])
}

/// Returns the id of a path, which must be percent-decoded.
pub(crate) fn path(path: &str) -> Id {
    id(PATH, &[&normal_form::page_path(path)])
}

pub(crate) fn handler(name: &str) -> Id {
    id(HANDLER, &[name])
}

#[cfg(feature = "redis")]
pub(crate) fn is_handler(id: Id) -> bool {
    id.0[0] == HANDLER
}

/// Returns the id of a URL whose whole query is keyed. Without parameters, it is the id of the path.
pub(crate) fn url(path: &str, query: Option<&str>) -> Id {
    let parameters: Vec<_> = normal_form::query(query).collect();
    if parameters.is_empty() {
        return self::path(path);
    }
    let path = normal_form::page_path(path);
    let mut parts: Vec<&str> = vec![&path];
    parts.extend(parameters.iter().flat_map(|(name, value)| [&**name, &**value]));
    id(URL, &parts)
}

/// Returns the id of all URLs with this path, for a handler whose query rule selects parameters.
///
/// The process that purges a URL may not have this handler's query rule, so its purge matches every query.
pub(crate) fn any_query(path: &str) -> Id {
    id(ANY_QUERY, &[&normal_form::page_path(path)])
}

fn id(kind: u8, parts: &[&str]) -> Id {
    let mut bytes: SmallVec<[u8; 256]> = SmallVec::new();
    bytes.push(kind);
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    let mut id = xxh3_128(&bytes).to_le_bytes();
    id[0] = kind;
    Id(id)
}
