//! What is kept under a key.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::http::header::HeaderName;
use smallvec::SmallVec;

use super::{entry::Entry, node::EntryNode, weights};
use crate::{http::VaryNames, purge::PurgeKey, time::instant::Instant};

#[derive(Clone)]
pub(crate) enum Slot {
    Page(Arc<Entry>),
    Variant(Arc<Entry>, Arc<VariantSet>),
    Variants(Arc<VariantSet>),
}

impl Slot {
    pub(crate) fn is_fresh(&self, now: Instant) -> bool {
        match self {
            Self::Page(page) | Self::Variant(page, _) => page.is_fresh(now),
            Self::Variants(_) => true,
        }
    }

    /// What it takes in memory, but for its key.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Page(page) => page.weight(),
            Self::Variant(page, _) => page.weight().saturating_add(weights::VARIANT),
            Self::Variants(variants) => {
                let names = variants.names.iter().map(|name| name.as_str().len() + size_of::<HeaderName>());
                weights::in_arc::<VariantSet>() + names.sum::<usize>()
            }
        }
    }

    /// Whether what it shows may have changed before the other was begun.
    pub(crate) fn is_older_than(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Page(page) | Self::Variant(page, _), Self::Page(other) | Self::Variant(other, _)) => {
                page.started_at() < other.started_at() && other.is_fresh(page.created_at())
            }
            _ => false,
        }
    }

    /// Whether it is that page.
    pub(crate) fn is(&self, page: Option<&Arc<Entry>>) -> bool {
        match self {
            Self::Page(there) | Self::Variant(there, _) => page.is_some_and(|page| Arc::ptr_eq(there, page)),
            Self::Variants(_) => false,
        }
    }

    /// What it is found by, beside its key.
    pub(crate) fn names(&self) -> SmallVec<[PurgeKey; 8]> {
        match self {
            Self::Page(page) | Self::Variant(page, _) => page.purge_keys().index_keys(),
            Self::Variants(_) => SmallVec::new(),
        }
    }

    pub(crate) fn expires_at(&self) -> u64 {
        match self {
            Self::Page(page) | Self::Variant(page, _) => {
                page.expires_at().map_or(u64::MAX, Instant::as_nanos)
            }
            Self::Variants(_) => u64::MAX,
        }
    }
}

/// The variants of a page.
pub(crate) struct VariantSet {
    /// What they depend on.
    pub(crate) names: VaryNames,
    /// Those that are in the map. Only ever locked by whoever has locked `order`.
    pub(crate) nodes: Mutex<Vec<Arc<EntryNode>>>,
}

impl VariantSet {
    pub(crate) fn nodes(&self) -> MutexGuard<'_, Vec<Arc<EntryNode>>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
