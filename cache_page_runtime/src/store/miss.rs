//! The reason that a lookup found no entry to respond with.

use std::sync::Arc;

use super::entry::Entry;
use crate::outcome::ForwardReason;

/// A lookup without an entry that may be sent.
#[derive(Clone)]
pub(crate) struct Miss {
    pub(crate) cause: ForwardReason,
    /// The entry that was found but must not be sent as it is. It may still be revalidated, or sent if the handler fails.
    pub(crate) stale: Option<Arc<Entry>>,
}

impl Miss {
    pub(crate) fn new(cause: ForwardReason) -> Self {
        Self { cause, stale: None }
    }
}
