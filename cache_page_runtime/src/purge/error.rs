//! The error of a purge.

use std::{error::Error, fmt};

use actix_web::ResponseError;

use super::tag::TagError;

/// The error of a purge that was rejected or has not completed.
///
/// As an error of a handler, it is answered with status 500.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurgeError {
    message: String,
    is_pending: bool,
}

impl PurgeError {
    /// Returns the error of a purge whose argument is invalid.
    pub(crate) fn invalid(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), is_pending: false }
    }

    /// Returns the error of a purge that the remote store has not confirmed.
    pub(crate) fn pending(cause: impl fmt::Display) -> Self {
        Self { message: cause.to_string(), is_pending: true }
    }

    /// Returns whether the purge is still in progress.
    ///
    /// If `true`, the purge has taken effect in this process, but the remote store has not confirmed it in time. The cache
    /// retries until it does. Until then, other processes may serve purged pages from that store.
    ///
    /// If `false`, the argument was invalid and nothing was purged.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.is_pending
    }
}

impl fmt::Display for PurgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, is_pending } = self;
        if *is_pending {
            write!(f, "purged in this process, but not confirmed by the remote store (retrying): {message}")
        } else {
            write!(f, "nothing was purged: {message}")
        }
    }
}

impl Error for PurgeError {}

impl ResponseError for PurgeError {}

impl From<TagError> for PurgeError {
    fn from(error: TagError) -> Self {
        Self::invalid(error)
    }
}
