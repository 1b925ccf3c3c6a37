//! The bytes that the store charges for its allocations, where they cannot be computed from a type.
//!
//! **Invariant:** the charged bytes are within a tenth of the allocated bytes, which `tests/memory.rs` checks.

/// A key: two places in the map, and its share of the empty places. The map is filled between seven sixteenths and seven eighths
/// of its capacity, or less after many entries were removed, until it shrinks.
pub(super) const MAP: usize = 96;

/// The place of a variant in its variant set, with its share of the empty places.
pub(super) const VARIANT: usize = 16;

/// The weight from which an entry may take the room of many others.
pub(super) const MIN_LARGE: usize = 32 * 1024;

/// Returns the size of a value behind an `Arc`, with its reference counts.
pub(super) const fn in_arc<T>() -> usize {
    size_of::<T>() + 16
}
