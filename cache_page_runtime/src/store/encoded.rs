//! The encoded bodies of entries.

use std::sync::Arc;

use super::{entry::Entry, node::EntryNode, writer::Writer};
use crate::{
    http::Coding,
    page::{EncodedBody, Encodings},
};

impl Writer<'_> {
    /// Drops the encoded bodies of an entry.
    pub(super) fn clear_encodings(&mut self, node: &Arc<EntryNode>) {
        if let Some(entry) = node.entry() {
            let bodies = entry.page.encodings().map(Encodings::take);
            bodies.into_iter().for_each(|bodies| self.freed.push(bodies));
        }
        self.set_encoded_weight(node, 0);
    }

    fn set_encoded_weight(&mut self, node: &Arc<EntryNode>, bytes: usize) {
        let before = node.weight();
        self.state.eviction.set_encoded_weight(node, bytes);
        if !node.is_flushed() {
            self.state.handlers.reweigh(node, before);
        }
    }

    /// Ends the encoding of the body of an entry. The encoded body is dropped if the entry is not stored any more, or if there is no room
    /// for it.
    pub(super) fn finish_encoding(
        &mut self,
        key: &[u8],
        entry: &Arc<Entry>,
        coding: Coding,
        encoded: Option<Arc<EncodedBody>>,
    ) {
        let Some(encodings) = entry.page.encodings() else { return };
        let stored = self.map.get(key).filter(|node| node.slot.holds(entry));
        let has_room = encoded.as_ref().map(|encoded| encoded.weight()).is_some_and(|weight| {
            // Making room for the body may have evicted its own entry.
            stored.as_ref().is_some_and(|node| {
                self.fits(node.weight() + weight) && self.make_room(weight) && !node.is_removed()
            })
        });
        let (kept, dropped) = if has_room { (encoded, None) } else { (None, encoded) };
        dropped.into_iter().for_each(|encoded| self.freed.push(encoded));
        let stored = stored.filter(|node| !node.is_removed());
        // Twice: neither a copy that was begun before nor one without the body stays.
        stored.iter().for_each(|node| node.outdate_copies());
        self.freed.push(encodings.finish(coding, kept));
        if let Some(node) = stored {
            self.set_encoded_weight(&node, encodings.weight());
            node.outdate_copies();
        }
    }
}
