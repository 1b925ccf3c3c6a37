//! What is stored under a key.

use std::sync::Arc;

use super::{
    entry::Entry,
    node::{Slot, Variant, VariantSet},
    weights,
};
use crate::{
    page::{Encodings, LinesOwner, SharedLines},
    purge::PurgeKeys,
    time::Instant,
};

impl Slot {
    pub(super) fn entry(&self) -> Option<&Arc<Entry>> {
        match self {
            Self::Entry(entry) => Some(entry),
            Self::Variant(variant) => Some(&variant.entry),
            Self::VariantSet(_) => None,
        }
    }

    /// Returns the set that a variant belongs to.
    pub(super) fn variants(&self) -> Option<&Arc<VariantSet>> {
        match self {
            Self::Variant(variant) => Some(&variant.variants),
            Self::Entry(_) | Self::VariantSet(_) => None,
        }
    }

    pub(super) fn variant_set(&self) -> Option<&Arc<VariantSet>> {
        match self {
            Self::VariantSet(variants) => Some(variants),
            Self::Entry(_) | Self::Variant(..) => None,
        }
    }

    /// Returns whether this slot holds that very entry.
    pub(super) fn holds(&self, entry: &Arc<Entry>) -> bool {
        self.entry().is_some_and(|stored| Arc::ptr_eq(stored, entry))
    }

    /// Returns the bytes that the slot takes beside its node and [`shared_lines`](Self::shared_lines).
    pub(super) fn weight(&self, owner: LinesOwner) -> usize {
        let of_entry = |entry: &Entry| match self.shared_lines(owner) {
            Some(_) => entry.weight(),
            None => entry.weight_with_lines(),
        };
        match self {
            Self::Entry(entry) => of_entry(entry),
            Self::Variant(variant) => {
                of_entry(&variant.entry).saturating_add(size_of::<Variant>() + weights::VARIANT)
            }
            Self::VariantSet(variants) => variants.weight(),
        }
    }

    /// Returns the header lines that the entry shares with others of this store.
    pub(super) fn shared_lines(&self, owner: LinesOwner) -> Option<&SharedLines> {
        self.entry()?.page.shared_lines().map(Arc::as_ref).filter(|lines| lines.belongs_to(owner))
    }

    /// Returns the part of the weight that encoded bodies take.
    pub(super) fn encoded_weight(&self) -> usize {
        self.entry().and_then(|entry| entry.page.encodings()).map_or(0, Encodings::weight)
    }

    /// Returns whether the handler of this entry was started before that of a fresh `other` entry.
    ///
    /// Such an entry may show older data. A client that reads a streamed body slowly decides when the entry is stored.
    pub(super) fn is_older_than(&self, other: &Self) -> bool {
        self.entry().zip(other.entry()).is_some_and(|(entry, other)| {
            entry.started_at() < other.started_at() && other.is_fresh(entry.created_at())
        })
    }

    /// Returns what a purge selects the entry by, if there is one.
    pub(super) fn purge_keys(&self) -> Option<&Arc<PurgeKeys>> {
        self.entry().map(|entry| entry.shared_purge_keys())
    }

    /// Returns whether the handler may confirm the entry after it has expired.
    pub(super) fn is_revalidatable(&self) -> bool {
        self.entry().is_some_and(|entry| entry.is_revalidatable())
    }

    /// Returns the nanoseconds at which the slot becomes unusable.
    pub(super) fn expires_at(&self) -> u64 {
        self.entry().and_then(|entry| entry.expires_at()).map_or(u64::MAX, Instant::as_nanos)
    }
}
