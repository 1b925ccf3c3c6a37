//! The bytes that the store charges for what it allocates.
//!
//! The charged bytes are within a tenth of the allocated bytes, which `tests/memory.rs` checks.

/// A key: two places in the map, one in a queue, and their shares of the empty places. The map is filled between seven sixteenths
/// and seven eighths of its capacity.
pub(super) const MAP_AND_QUEUE: usize = 112;

/// A variant: its place in the list of its variant set, and its share of the empty places.
pub(super) const VARIANT: usize = 16;

/// A purge key of an entry: its place in the list of that key, and its share of the empty places.
pub(super) const PURGE_KEY: usize = 24;

/// A purge key of any number of entries: the place of its list in the map of lists, and its share of the empty places.
pub(super) const PURGE_KEY_LIST: usize = 56;

/// Returns the size of a value behind an `Arc`, with its reference counts.
pub(super) const fn in_arc<T>() -> usize {
    size_of::<T>() + 16
}
