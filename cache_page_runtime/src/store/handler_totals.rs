//! [`HandlerTotals`]: what each handler has in memory.

use std::collections::{BTreeMap, btree_map};

use super::node::EntryNode;
use crate::purge::PurgeKey;

/// What one handler has in memory, and how much of it was purged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HandlerTotal {
    /// The number of its entries.
    pub(crate) entries: usize,
    /// The bytes that are charged for these entries, without their places in tables.
    pub(crate) bytes: usize,
    /// The number of its entries that purges have removed.
    pub(crate) purged: u64,
}

/// The totals of all handlers that have ever stored an entry. A program has as many handlers as its source code names.
///
/// The nodes of the map are small, so that no large allocation is made while the state is locked.
#[derive(Default)]
pub(super) struct HandlerTotals(BTreeMap<PurgeKey, (&'static str, HandlerTotal)>);

impl HandlerTotals {
    /// Adds the entry of a node.
    pub(super) fn add(&mut self, node: &EntryNode) {
        let Some(keys) = node.purge_keys() else { return };
        let total = match self.0.entry(keys.handler_key()) {
            btree_map::Entry::Occupied(total) => total.into_mut(),
            btree_map::Entry::Vacant(vacant) => vacant.insert((keys.handler_name(), HandlerTotal::default())),
        };
        total.1.entries += 1;
        total.1.bytes += node.weight();
    }

    /// Removes the entry of a node, which was added and has not been flushed since.
    pub(super) fn remove(&mut self, node: &EntryNode) {
        self.change(node, |total| {
            total.entries -= 1;
            total.bytes -= node.weight();
        });
    }

    /// Records that the node of an entry weighed `before`, and weighs something else now.
    pub(super) fn reweigh(&mut self, node: &EntryNode, before: usize) {
        self.change(node, |total| total.bytes = total.bytes + node.weight() - before);
    }

    /// Counts an entry that a purge removes.
    pub(super) fn count_purged(&mut self, node: &EntryNode) {
        self.change(node, |total| total.purged += 1);
    }

    /// Removes all entries, which a purge has made unusable.
    pub(super) fn flush(&mut self) {
        for (_, total) in self.0.values_mut() {
            *total = HandlerTotal { purged: total.purged + total.entries as u64, ..HandlerTotal::default() };
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, HandlerTotal)> {
        self.0.values().copied()
    }

    fn change(&mut self, node: &EntryNode, change: impl FnOnce(&mut HandlerTotal)) {
        if let Some((_, total)) = node.purge_keys().and_then(|keys| self.0.get_mut(&keys.handler_key())) {
            change(total);
        }
    }
}
