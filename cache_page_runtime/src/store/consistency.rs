//! Checks that the parts of a store agree.

use std::{collections::BTreeMap, sync::Arc};

use proptest::{prelude::*, test_runner::TestCaseError};

use super::{handler_totals::HandlerTotal, node::EntryNode, store::Store, variants::MAX_VARIANTS};
use crate::page::{Encodings, SharedLines};

/// Checks that the map, the queues, the index and the charged bytes agree, while no purge is in progress.
pub(super) fn check(store: &Store) -> Result<(), TestCaseError> {
    let state = store.state();
    let is_stored = |node: &Arc<EntryNode>| {
        let stored = store.map.get_with_flushed((node.hash, &node.key));
        stored.is_some_and(|stored| Arc::ptr_eq(&stored, node))
    };
    let stored = state.eviction.nodes();
    prop_assert!(stored.iter().all(|node| is_stored(node) && !node.is_removed()));
    let weights: usize = stored.iter().map(|node| node.weight()).sum();
    let others =
        state.eviction.table_bytes() + state.copy_bytes + state.purge_index.bytes() + state.shared_bytes;
    prop_assert_eq!(state.bytes(), weights + others);
    prop_assert_eq!(state.eviction.stored_bytes(), weights);
    prop_assert!(state.bytes() <= store.max_bytes);
    prop_assert_eq!((state.eviction.len(), stored.len()), (store.map.len(), stored.len()));
    let slots = store.map.to_vec();
    prop_assert!(slots.iter().all(|node| !node.is_flushed()), "a purge frees everything");
    let entries = slots.iter().filter(|node| node.entry().is_some());
    let weights: Vec<_> = entries.map(|node| node.weight()).collect();
    prop_assert_eq!(state.entries, weights.len());
    let total =
        |of: fn(HandlerTotal) -> usize| state.handlers.iter().map(|(_, total)| of(total)).sum::<usize>();
    prop_assert_eq!(total(|total| total.entries), weights.len());
    prop_assert_eq!(total(|total| total.bytes), weights.iter().sum::<usize>());
    let shared = slots.iter().filter_map(|node| node.slot.shared_lines(state.lines_owner));
    let shared: BTreeMap<*const SharedLines, usize> =
        shared.map(|lines| (std::ptr::from_ref(lines), lines.weight())).collect();
    prop_assert_eq!(state.shared_bytes, shared.values().sum::<usize>(), "each line is charged once");
    prop_assert!(state.purge_index.holds_exactly(&stored), "the index holds exactly what is stored");
    for node in &slots {
        let encodings = node.entry().and_then(|entry| entry.page.encodings());
        prop_assert_eq!(node.encoded_weight(), encodings.map_or(0, Encodings::weight));
        let queued = stored.iter().filter(|stored| Arc::ptr_eq(stored, node));
        prop_assert_eq!(queued.count(), 1, "each stored node is queued once");
        if let Some(variants) = node.slot.variants() {
            let nodes = variants.nodes();
            prop_assert!(nodes.len() <= MAX_VARIANTS);
            prop_assert_eq!(nodes.iter().filter(|variant| Arc::ptr_eq(variant, node)).count(), 1);
        }
    }
    Ok(())
}
