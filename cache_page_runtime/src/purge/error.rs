//! The error of a purge.

use std::{error::Error, fmt};

use actix_web::ResponseError;

use super::tag::TagError;

/// The error of a purge whose argument is invalid, or of [`PurgeFuture::delivered`](crate::PurgeFuture::delivered).
///
/// As an error of a handler, it is answered with status 500.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurgeError {
    message: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Invalid,
    Pending,
    NothingStored,
}

impl PurgeError {
    /// Returns the error of a purge whose argument is invalid.
    pub(crate) fn invalid(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), kind: Kind::Invalid }
    }

    /// Returns the error of a purge that the remote store has not confirmed.
    pub(crate) fn pending(cause: impl fmt::Display) -> Self {
        Self { message: cause.to_string(), kind: Kind::Pending }
    }

    /// Returns the error of a purge in a namespace of the remote store in which nothing is stored.
    pub(crate) fn nothing_stored(key_prefix: &str) -> Self {
        let message = match key_prefix {
            "" => "without a `key_prefix`".to_owned(),
            key_prefix => format!("with the `key_prefix` {key_prefix:?}"),
        };
        Self { message, kind: Kind::NothingStored }
    }

    /// Returns whether the purge is still in progress.
    ///
    /// If `true`, the purge has taken effect in this process, but the remote store has not confirmed it in time. The cache
    /// retries until it does, or until the process ends. Until then, other processes may serve purged pages.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.kind == Kind::Pending
    }

    /// Returns whether the remote store has executed the purge where no process has stored a page:
    /// [`RemotePurge::NothingStored`](crate::RemotePurge::NothingStored).
    #[must_use]
    pub fn is_nothing_stored(&self) -> bool {
        self.kind == Kind::NothingStored
    }
}

impl fmt::Display for PurgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = &self.message;
        match self.kind {
            Kind::Invalid => write!(f, "nothing was purged: {message}"),
            Kind::Pending => {
                write!(
                    f,
                    "purged in this process, but not confirmed by the remote store (retrying): {message}"
                )
            }
            Kind::NothingStored => write!(
                f,
                "nothing was purged in the remote store: no process has stored a page {message} there; \
                 check the `key_prefix`, and the URL and database of the store"
            ),
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
