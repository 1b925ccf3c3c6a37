//! Lists what is stored, a batch at a time.

#[cfg(feature = "inspector")]
use std::fmt;
use std::sync::Arc;

#[cfg(feature = "inspector")]
use super::{entry_info::EntryId, node::QueueId};
#[cfg(feature = "inspector")]
use crate::purge::PurgeKey;

use super::{
    entry_info::EntryInfo,
    node::EntryNode,
    store::Store,
    sweep::{BATCH, Nodes, yield_to},
};
use crate::{
    purge::{LocalSelector, PurgeKeys},
    time::Instant,
};

/// How far a list of entries has come.
#[derive(Clone)]
pub(crate) struct Listing {
    selector: LocalSelector,
    nodes: Nodes,
}

impl Listing {
    /// Lists the entries that a selector matches.
    pub(crate) fn of(selector: LocalSelector) -> Self {
        Self { nodes: Nodes::of(&selector), selector }
    }

    /// Goes on where a list of the same selector was.
    #[cfg(feature = "inspector")]
    pub(crate) fn at(mut self, position: ListingPosition) -> Self {
        self.nodes.set_position(position.0);
        self
    }

    /// Returns the next nodes, up to `max`. There are none at the end of the list.
    pub(super) fn next_nodes(&mut self, store: &Store, max: usize) -> Vec<Arc<EntryNode>> {
        let mut nodes = Vec::with_capacity(max.min(store.entry_count()));
        self.nodes.add_next(&store.writer(), max, &mut nodes);
        nodes
    }

    pub(super) fn selects(&self, keys: &PurgeKeys) -> bool {
        self.selector.matches(keys)
    }

    #[cfg(feature = "inspector")]
    pub(crate) fn position(&self) -> ListingPosition {
        ListingPosition(self.nodes.position())
    }
}

/// How far a list has come, as text. Any position is valid.
#[cfg(feature = "inspector")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListingPosition((QueueId, usize));

#[cfg(feature = "inspector")]
impl Default for ListingPosition {
    fn default() -> Self {
        Self((QueueId::Small, usize::MAX))
    }
}

#[cfg(feature = "inspector")]
impl ListingPosition {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (queue, place) = text.split_once('.')?;
        let queue =
            [QueueId::Small, QueueId::Main, QueueId::Expired].into_iter().find(|id| queue == digit(*id))?;
        Some(Self((queue, place.parse().ok()?)))
    }
}

#[cfg(feature = "inspector")]
fn digit(queue: QueueId) -> &'static str {
    match queue {
        QueueId::Small => "0",
        QueueId::Main => "1",
        QueueId::Expired => "2",
    }
}

#[cfg(feature = "inspector")]
impl fmt::Display for ListingPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (queue, place) = self.0;
        write!(f, "{}.{place}", digit(queue))
    }
}

impl Store {
    /// Returns the next entries of a list, or `None` at its end.
    ///
    /// It looks at up to `BATCH` entries, of which those are missing that were purged. The state is locked for as long as it takes to
    /// clone that many `Arc`s.
    pub(crate) fn next_entries(&self, listing: &mut Listing, now: Instant) -> Option<Vec<EntryInfo>> {
        self.next_entries_of(listing, BATCH, now)
    }

    /// As [`next_entries`](Self::next_entries), for up to `max` entries.
    pub(crate) fn next_entries_of(
        &self,
        listing: &mut Listing,
        max: usize,
        now: Instant,
    ) -> Option<Vec<EntryInfo>> {
        let nodes = listing.next_nodes(self, max);
        if nodes.is_empty() {
            return None;
        }
        let infos = nodes.iter().filter_map(|node| self.info(node, now));
        let infos = infos.filter(|info| listing.selects(info.purge_keys())).collect();
        yield_to(&self.waiting);
        Some(infos)
    }

    /// Returns the entry with an id, among those of its path.
    #[cfg(feature = "inspector")]
    pub(crate) fn find_entry(&self, id: EntryId, now: Instant) -> Option<EntryInfo> {
        let mut listing = Listing::of(LocalSelector::Path(PurgeKey::from_bits(id.path)));
        loop {
            let batch = self.next_entries(&mut listing, now)?;
            if let Some(entry) = batch.into_iter().find(|entry| entry.id() == id) {
                return Some(entry);
            }
        }
    }

    /// Returns what is known of the entry of a node, unless it was removed or purged.
    pub(super) fn info(&self, node: &Arc<EntryNode>, now: Instant) -> Option<EntryInfo> {
        let entry = node.entry()?;
        // Purges first: the sweep of one that is not in progress any more has removed the node.
        if self.active_purges.apply(node, entry)
            || entry.is_invalidated()
            || node.is_removed()
            || node.is_flushed()
        {
            return None;
        }
        let variants = node.slot.variants().cloned();
        Some(EntryInfo::new(Arc::clone(entry), Arc::clone(node), variants, now))
    }
}
