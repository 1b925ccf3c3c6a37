//! What the store charges for the copies that workers have of entries.

use super::{node::EntryNode, writer::Writer};

/// The fraction of the budget that the copies of all workers may take, as its denominator.
///
/// With the default budget of 64 MiB and 64 workers, that is 128 KiB per worker: enough for about 45 pages of 2 KiB.
const MAX_COPIES_DIVISOR: usize = 8;

impl Writer<'_> {
    /// Charges a worker's copy of the entry of a node, and evicts others for it. Returns whether there is room for the copy.
    pub(super) fn reserve_copy(&mut self, node: &EntryNode, bytes: usize) -> bool {
        if self.state.copy_bytes.saturating_add(bytes) > self.max_bytes / MAX_COPIES_DIVISOR {
            return false;
        }
        // Making room may evict the entry.
        let has_room = !node.is_removed() && self.make_room(bytes) && !node.is_removed();
        if has_room {
            node.add_copy();
            self.state.copy_bytes += bytes;
        }
        has_room
    }

    /// Ends the charge for a worker's copy, and for an entry that was removed, if it was the last copy of it.
    pub(super) fn release_copy(&mut self, node: &EntryNode, bytes: usize) {
        self.state.copy_bytes -= bytes;
        node.remove_copy();
        if node.is_removed() && !node.has_copies() {
            self.state.copy_bytes -= node.weight();
        }
    }
}
