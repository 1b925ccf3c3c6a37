//! [`EntryView`]: what is known of an entry without looking it up, for lists of many.

use super::{
    entry_info::{EntryId, EntryInfo},
    listing::Listing,
    node::EntryNode,
    store::Store,
    sweep::{BATCH, yield_to},
};
use crate::{purge::PurgeKeys, time::Instant};

/// An entry in memory, unless it was removed or purged in the meantime.
#[derive(Clone, Copy)]
pub(crate) struct EntryView<'n> {
    node: &'n EntryNode,
    keys: &'n PurgeKeys,
}

impl<'n> EntryView<'n> {
    /// As [`EntryInfo::bytes`].
    pub(crate) fn bytes(self) -> usize {
        self.node.weight()
    }

    /// As [`EntryInfo::recent_hits`].
    pub(crate) fn recent_hits(self) -> u8 {
        self.node.frequency()
    }

    pub(crate) fn purge_keys(self) -> &'n PurgeKeys {
        self.keys
    }

    pub(crate) fn id(self) -> EntryId {
        EntryId::of(self.node)
    }
}

impl Store {
    /// Calls a function with the next entries of a list, and returns those that it wants to know more of, or `None` at the end of the list.
    ///
    /// To look at one takes a tenth of the time that it takes to look it up.
    pub(crate) fn next_wanted(
        &self,
        listing: &mut Listing,
        now: Instant,
        mut is_wanted: impl FnMut(EntryView<'_>) -> bool,
    ) -> Option<Vec<EntryInfo>> {
        let nodes = listing.next_nodes(self, BATCH);
        if nodes.is_empty() {
            return None;
        }
        let mut is_wanted = |node: &EntryNode| {
            let keys = node.purge_keys().filter(|keys| listing.selects(keys));
            let is_stored = !node.is_removed() && !node.is_flushed();
            keys.is_some_and(|keys| is_stored && is_wanted(EntryView { node, keys }))
        };
        let wanted = nodes.iter().filter(|node| is_wanted(node));
        let infos = wanted.filter_map(|node| self.info(node, now)).collect();
        yield_to(&self.waiting);
        Some(infos)
    }
}
