//! The error of a remote store.

use std::fmt;

/// The error of a [`RemoteStore`](crate::remote::RemoteStore).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    message: String,
    is_unavailable: bool,
}

impl StoreError {
    /// Creates an error for a store that cannot be reached. The cache does not call it again until
    /// [`poll_changes`](crate::remote::RemoteStore::poll_changes) succeeds.
    pub fn unavailable(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), is_unavailable: true }
    }

    /// Creates an error for a store that is available but rejects this call, for instance because it is full or read-only.
    pub fn rejected(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), is_unavailable: false }
    }

    pub(crate) fn is_unavailable(&self) -> bool {
        self.is_unavailable
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StoreError {}
