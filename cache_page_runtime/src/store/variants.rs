//! [`VariantSet`]: the variants of a page by request headers (RFC 9111 4.1).

use std::sync::Arc;

use actix_web::http::header::{HeaderMap, HeaderName};

use super::{node::EntryNode, weights};
use crate::{
    http::{VaryNames, vary},
    key::{CacheKey, KeyBuf},
    sync::{Mutex, MutexGuard, lock},
};

/// The variants that one page may have. Clients choose the header values, and could otherwise fill the store with variants.
pub(super) const MAX_VARIANTS: usize = 64;

/// Stored under the key of a page: the request headers that select a variant, and the variants that are stored.
pub(super) struct VariantSet {
    pub(super) names: VaryNames,
    /// The nodes of the variants that are in the map. Only locked under the store's state lock.
    nodes: Mutex<Vec<Arc<EntryNode>>>,
}

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

    pub(super) fn push(&self, node: Arc<EntryNode>) {
        self.nodes().push(node);
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

    /// Returns the bytes that the set takes.
    pub(super) fn weight(&self) -> usize {
        let names = self.names.iter().map(|name| name.as_str().len() + size_of::<HeaderName>());
        weights::in_arc::<Self>() + names.sum::<usize>()
    }
}
