//! A purge of stored entries.

use std::sync::Arc;

use super::{node::EntryNode, writer::Writer};
use crate::{
    purge::{LocalSelector, PurgeMode},
    time::Instant,
};

/// Removes or expires all entries that a selector matches, and returns their number.
pub(super) fn purge(
    writer: &mut Writer<'_>,
    mode: PurgeMode,
    selector: &LocalSelector,
    now: Instant,
) -> usize {
    if let (PurgeMode::Remove, LocalSelector::All) = (mode, selector) {
        return writer.flush();
    }
    let candidates = match selector.index_key() {
        Some(key) => writer.nodes_of(key),
        None => writer.nodes(),
    };
    candidates.iter().filter(|node| purge_node(writer, mode, selector, node, now)).count()
}

/// Removes or expires one entry, and returns whether it did.
fn purge_node(
    writer: &mut Writer<'_>,
    mode: PurgeMode,
    selector: &LocalSelector,
    node: &Arc<EntryNode>,
    now: Instant,
) -> bool {
    let Some(entry) = writer.entry_of(node).filter(|entry| selector.matches(entry.purge_keys())) else {
        return false;
    };
    match mode {
        PurgeMode::Remove => writer.remove(node),
        // A stale entry keeps the end of its stale windows.
        PurgeMode::Expire if !entry.is_fresh(now) => return false,
        PurgeMode::Expire => {
            entry.expire(now);
            node.expire(entry.expires_at().map_or(u64::MAX, Instant::as_nanos));
        }
    }
    true
}
