//! The variants of a page by request headers (RFC 9111 4.1).

use std::{mem, sync::Arc};

use actix_web::http::header::{HeaderMap, HeaderName};

use super::{
    freed::Freed,
    node::{EntryNode, VariantSet},
    weights,
};
use crate::{
    http::{VaryNames, vary},
    key::{CacheKey, KeyBuf},
    sync::{Mutex, MutexGuard, lock},
};

/// The variants that one page may have. Clients choose the header values, and could otherwise fill the store with variants.
pub(super) const MAX_VARIANTS: usize = 64;

/// How many of them are on probation: the latest ones, which replace others only if they are used.
const PROBATION: usize = 16;

impl VariantSet {
    pub(super) fn new(names: VaryNames) -> Self {
        Self { names, nodes: Mutex::default() }
    }

    /// Returns the names of this set together with `names`.
    ///
    /// The names of a page only grow: a response that does not list a header does not mean that other responses may be sent to
    /// every client.
    pub(super) fn names_with(&self, mut names: VaryNames) -> VaryNames {
        self.names.iter().for_each(|name| vary::insert(&mut names, name.clone()));
        names
    }

    /// Returns the key under which the variant for a request is stored, or `None` if it is too long.
    pub(super) fn variant_key(&self, key: CacheKey<'_>, request: &HeaderMap) -> Option<KeyBuf> {
        key.variant(&self.names, request)
    }

    pub(super) fn nodes(&self) -> MutexGuard<'_, Vec<Arc<EntryNode>>> {
        lock(&self.nodes)
    }

    /// Adds a variant as the latest one, unless it is there.
    pub(super) fn push(&self, node: &Arc<EntryNode>, freed: &mut Freed) {
        let mut nodes = self.nodes();
        if nodes.iter().any(|variant| Arc::ptr_eq(variant, node)) {
            return;
        }
        if nodes.len() == nodes.capacity() {
            let mut larger = Vec::with_capacity((2 * nodes.len()).max(4));
            larger.append(&mut nodes);
            freed.push(mem::replace(&mut *nodes, larger));
        }
        nodes.push(Arc::clone(node));
    }

    /// Puts a variant in the place of the one that it refreshes, so that it is not on probation again.
    pub(super) fn replace(&self, old: &Arc<EntryNode>, node: &Arc<EntryNode>) {
        if let Some(place) = self.nodes().iter_mut().find(|variant| Arc::ptr_eq(variant, old)) {
            *place = Arc::clone(node);
        }
    }

    pub(super) fn remove(&self, node: &Arc<EntryNode>) {
        self.nodes().retain(|variant| !Arc::ptr_eq(variant, node));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nodes().is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.nodes().len() >= MAX_VARIANTS
    }

    /// Returns the variant of a full set that the next one replaces.
    ///
    /// That is the oldest variant on probation, unless it was requested again. If it was, it has passed its probation, and the least
    /// used of the variants that were there before is replaced. So values that clients invent replace each other, and a value that
    /// is requested twice finds a place, however many came before it.
    pub(super) fn least_used(&self) -> Option<Arc<EntryNode>> {
        let nodes = self.nodes();
        let (established, probation) = nodes.split_at(nodes.len().saturating_sub(PROBATION));
        let candidate = probation.first()?;
        if candidate.frequency() == 0 {
            return Some(Arc::clone(candidate));
        }
        // The first one of several: it was stored first.
        let least = established.iter().min_by_key(|node| node.frequency())?;
        // Hits of long ago count less with each replacement.
        let spent = least.frequency();
        established.iter().for_each(|node| {
            node.spend_frequency(spent);
        });
        Some(Arc::clone(least))
    }

    /// Returns the bytes that the set takes.
    pub(super) fn weight(&self) -> usize {
        let names = self.names.iter().map(|name| name.as_str().len() + size_of::<HeaderName>());
        weights::in_arc::<Self>() + names.sum::<usize>()
    }
}
