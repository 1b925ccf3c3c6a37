//! The budget for copies of response bodies that are still being streamed.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    outcome::Reason,
    sync::{Mutex, lock},
};

/// A budget of bytes that the copies of all streamed bodies share.
///
/// Clients decide when a body completes, and some never read it to its end. So the oldest copy is dropped when another one needs
/// its room.
///
/// Lock order: `inflight`, then a `StreamCopy`.
pub(crate) struct StreamBudget {
    inflight: Mutex<InflightStreams>,
    max_bytes: usize,
}

#[derive(Default)]
struct InflightStreams {
    /// The capacity of all copies.
    bytes: usize,
    /// The oldest copy comes first.
    copies: VecDeque<Arc<StreamCopy>>,
}

/// The copy of a body as far as it was streamed, or `None` once the copy was dropped for another one.
///
/// It is only locked while `inflight` is locked.
pub(crate) struct StreamCopy(Mutex<Option<Vec<u8>>>);

impl StreamBudget {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { inflight: Mutex::default(), max_bytes }
    }

    /// Starts an empty copy.
    pub(crate) fn start(&self) -> Arc<StreamCopy> {
        let copy = Arc::new(StreamCopy(Mutex::new(Some(Vec::new()))));
        lock(&self.inflight).copies.push_back(Arc::clone(&copy));
        copy
    }

    /// Appends a chunk to a copy, and drops older copies of other bodies if there is no room for it.
    ///
    /// # Errors
    ///
    /// * [`Reason::BodyTooLarge`] if the body would be longer than `max_body_size`.
    /// * [`Reason::StreamBudget`] if the budget has no room for the body, or if the copy was dropped for another one.
    pub(crate) fn append(
        &self,
        copy: &Arc<StreamCopy>,
        chunk: &[u8],
        max_body_size: usize,
    ) -> Result<(), Reason> {
        let mut inflight = lock(&self.inflight);
        let (length, capacity) = match &*lock(&copy.0) {
            Some(bytes) => (bytes.len().saturating_add(chunk.len()), bytes.capacity()),
            None => return Err(Reason::StreamBudget),
        };
        if length > max_body_size {
            return Err(Reason::BodyTooLarge);
        }
        if length > capacity {
            // Doubles the capacity, so that a body of many chunks is not copied for each of them.
            let more = length.max(capacity.saturating_mul(2)).min(max_body_size) - capacity;
            self.make_room(&mut inflight, copy, more)?;
            inflight.bytes += more;
            if let Some(bytes) = &mut *lock(&copy.0) {
                bytes.reserve_exact(capacity + more - bytes.len());
            }
        }
        if let Some(bytes) = &mut *lock(&copy.0) {
            bytes.extend_from_slice(chunk);
        }
        Ok(())
    }

    fn make_room(
        &self,
        inflight: &mut InflightStreams,
        growing: &Arc<StreamCopy>,
        more: usize,
    ) -> Result<(), Reason> {
        while inflight.bytes.saturating_add(more) > self.max_bytes {
            let oldest = inflight.copies.iter().position(|copy| !Arc::ptr_eq(copy, growing));
            let oldest =
                oldest.and_then(|index| inflight.copies.remove(index)).ok_or(Reason::StreamBudget)?;
            inflight.bytes -= lock(&oldest.0).take().map_or(0, |bytes| bytes.capacity());
        }
        Ok(())
    }

    /// Removes a copy from the budget and returns its bytes, or `None` if it was dropped for another one.
    pub(crate) fn finish(&self, copy: &Arc<StreamCopy>) -> Option<Vec<u8>> {
        let mut inflight = lock(&self.inflight);
        let bytes = lock(&copy.0).take()?;
        inflight.bytes -= bytes.capacity();
        inflight.copies.retain(|other| !Arc::ptr_eq(other, copy));
        Some(bytes)
    }
}
