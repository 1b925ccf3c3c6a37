//! The bytes that the store charges for its allocations, where they cannot be computed from a type.
//!
//! **Invariant:** the charged bytes are within a tenth of the allocated bytes, which `tests/memory.rs` checks.

/// A key: two places in the map, one in a queue, and their shares of the empty places. The map is filled between seven sixteenths
/// and seven eighths of its capacity.
pub(super) const MAP_AND_QUEUE: usize = 112;

/// The place of a variant in its variant set, with its share of the empty places.
pub(super) const VARIANT: usize = 16;

/// The place of an entry in the index list of one purge key, with its share of the empty places.
pub(super) const INDEX_ENTRY: usize = 24;

/// The index list of a purge key, without its entries: its place in the map of lists, with its share of the empty places.
pub(super) const INDEX_LIST: usize = 56;

/// Returns the size of a value behind an `Arc`, with its reference counts.
pub(super) const fn in_arc<T>() -> usize {
    size_of::<T>() + 16
}
