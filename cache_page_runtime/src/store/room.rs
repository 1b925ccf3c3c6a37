//! [`Room`]: large allocations, which are made while nothing is locked.
//!
//! After a purge of a million pages, the allocator of glibc takes milliseconds for the next allocation of a kilobyte or more, and for
//! freeing or reallocating any memory next to a large free block: it merges all small blocks that were freed before. So nothing is freed
//! or reallocated while the state is locked ([`Freed`](super::freed::Freed)), and a large allocation takes two steps: the part that
//! needs it says so ([`Wanted`]) while the state is locked, and uses it when the state is locked again.
//!
//! What would shrink stays as it is in between, and is charged. What would grow is checked again. If other threads have taken its room, it
//! grows while the state is locked.

use super::{
    chunks::{ChunkRoom, WantedChunk},
    ghosts::{GhostQueue, Segments},
    node::QueueId,
    purge_index::{IndexRoom, WantedInIndex},
    queue::Link,
};

/// A large allocation that a part of the state needs.
pub(super) enum Wanted {
    Queue(QueueId, WantedChunk),
    Index(WantedInIndex),
    /// A ghost queue of so many segments.
    Ghosts(usize),
}

/// What was allocated.
pub(super) enum Room {
    Queue(QueueId, ChunkRoom<Link>),
    Index(IndexRoom),
    Ghosts(Segments),
}

impl Wanted {
    pub(super) fn allocate(self) -> Room {
        match self {
            Self::Queue(queue, wanted) => Room::Queue(queue, wanted.allocate()),
            Self::Index(wanted) => Room::Index(wanted.allocate()),
            Self::Ghosts(segments) => Room::Ghosts(GhostQueue::allocate(segments)),
        }
    }
}
