//! The bytes that the store charges for its allocations, where they cannot be computed from a type.
//!
//! **Invariant:** the charged bytes are within a tenth of the allocated bytes, which `tests/memory.rs` checks.

/// A place in the map, a pointer and a byte of control data, with its share of the empty places. The map is filled between seven sixteenths
/// and seven eighths of its capacity, where a place takes 21 bytes at most, or less after many entries were removed, until it shrinks. In a
/// nearly empty cache, most shards have a table for one key, of 52 bytes.
pub(super) const MAP: usize = 32;

/// The place of a variant in its variant set, with its share of the empty places.
pub(super) const VARIANT: usize = 16;

/// The weight from which an entry may take the room of many others.
pub(super) const MIN_LARGE: usize = 32 * 1024;

/// Returns the size of a value behind an `Arc`, with its reference counts.
pub(super) const fn in_arc<T>() -> usize {
    size_of::<T>() + 16
}
