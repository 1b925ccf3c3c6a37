//! [`Sweep`]: how far a purge has come with freeing the memory of what it has made unusable.

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

#[cfg(feature = "inspector")]
use super::node::QueueId;
use super::{active_purges::Purge, eviction::Pass, node::EntryNode, writer::Writer};
use crate::{
    purge::{LocalSelector, PurgeKey},
    sync::{
        atomic::{AtomicUsize, Ordering},
        yield_now,
    },
    time::Instant,
};

/// How many nodes a sweep takes from a queue or a list while the state is locked once. It looks at them when it has unlocked the state.
pub(super) const BATCH: usize = 64;

/// How many nodes a sweep removes while the state is locked once. That takes less than a tenth of a millisecond, even among a million,
/// most of which no cache of the processor has.
pub(super) const REMOVED_BATCH: usize = 16;

/// How often a sweep lets other threads run that wait for the state, before it goes on.
const MAX_YIELDS: usize = 1000;

/// The nodes that a sweep looks at, a batch at a time.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Nodes {
    All(Pass),
    Indexed {
        key: PurgeKey,
        /// The entries in front of this position were not looked at yet.
        position: usize,
    },
}

impl Nodes {
    pub(super) fn all() -> Self {
        Self::All(Pass::default())
    }

    pub(super) fn of(selector: &LocalSelector) -> Self {
        selector.index_key().map_or_else(Self::all, |key| Self::Indexed { key, position: usize::MAX })
    }

    /// Adds the next nodes to an empty batch with room for `max` of them. It stays empty at the end.
    pub(super) fn add_next(&mut self, writer: &Writer<'_>, max: usize, batch: &mut Vec<Arc<EntryNode>>) {
        match self {
            Self::All(pass) => writer.add_nodes_of_pass(pass, max, batch),
            Self::Indexed { key, position } => writer.add_nodes_before(*key, position, max, batch),
        }
    }

    fn restart(&mut self) {
        *self = match self {
            Self::All(_) => Self::all(),
            Self::Indexed { key, .. } => Self::Indexed { key: *key, position: usize::MAX },
        };
    }
}

/// The sweep of one purge, or of several that look at the same nodes.
pub(super) struct Sweep {
    purges: SmallVec<[Arc<Purge>; 1]>,
    /// The sweep also removes what had expired at this time.
    expired_at: Option<Instant>,
    nodes: Nodes,
}

impl Sweep {
    pub(super) fn new(purge: Arc<Purge>, nodes: Nodes) -> Self {
        Self { purges: smallvec![purge], expired_at: None, nodes }
    }

    /// Creates a sweep that removes what has expired.
    pub(super) fn of_expired(now: Instant) -> Self {
        Self { purges: SmallVec::new(), expired_at: Some(now), nodes: Nodes::all() }
    }

    /// Returns whether the sweep removes a node because it has expired.
    pub(super) fn is_expired(&self, node: &EntryNode) -> bool {
        self.expired_at.is_some_and(|now| node.is_expired(now))
    }

    pub(super) fn purges(&self) -> &[Arc<Purge>] {
        &self.purges
    }

    /// Adds the next nodes to an empty batch with room for [`BATCH`] of them. It stays empty at the end.
    pub(super) fn add_next(&mut self, writer: &Writer<'_>, batch: &mut Vec<Arc<EntryNode>>) {
        self.nodes.add_next(writer, BATCH, batch);
    }

    /// Takes over the purges of a sweep that looks at the same nodes, and returns it if it does not.
    ///
    /// However many purges wait, one pass over what is stored is enough for all that look at everything.
    pub(super) fn join(&mut self, mut other: Self) -> Result<(), Self> {
        self.nodes.restart();
        other.nodes.restart();
        if self.nodes != other.nodes {
            return Err(other);
        }
        self.purges.append(&mut other.purges);
        self.expired_at = self.expired_at.max(other.expired_at);
        Ok(())
    }

    /// Looks at everything, instead of one list of the index.
    pub(super) fn widen(&mut self) {
        self.nodes = Nodes::all();
    }
}

#[cfg(feature = "inspector")]
impl Nodes {
    pub(super) fn position(&self) -> (QueueId, usize) {
        match self {
            Self::All(pass) => pass.position(),
            Self::Indexed { position, .. } => (QueueId::Small, *position),
        }
    }

    pub(super) fn set_position(&mut self, (queue, place): (QueueId, usize)) {
        match self {
            Self::All(pass) => *pass = Pass::at(queue, place),
            Self::Indexed { position, .. } => *position = place,
        }
    }
}

/// Lets threads run that wait for a lock: its owner would take it again before they wake up.
pub(super) fn yield_to(waiting: &AtomicUsize) {
    for _ in 0..MAX_YIELDS {
        if waiting.load(Ordering::Relaxed) == 0 {
            return;
        }
        yield_now();
    }
}
