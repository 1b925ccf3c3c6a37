//! Errors of the `redis` crate as errors of the store.

use ::redis::{ErrorKind, RedisError};

use crate::remote::StoreError;

/// Converts an error: the store is unavailable unless the server has answered the command with an error.
pub(super) fn store_error(error: RedisError) -> StoreError {
    // A replica rejects writes, so the connection leads to the wrong server. Inside of a script, the code of that error
    // depends on the version of the server.
    let is_replica = error.code() == Some("READONLY") || error.to_string().contains("READONLY");
    let is_unavailable = error.is_io_error()
        || error.is_connection_dropped()
        || error.is_connection_refusal()
        || error.is_unrecoverable_error()
        || matches!(error.kind(), ErrorKind::Parse | ErrorKind::UnexpectedReturnType)
        || is_replica;
    if is_unavailable { StoreError::unavailable(error) } else { StoreError::rejected(error) }
}

/// Converts a reply with an error, by the same rules.
pub(super) fn error_reply(error: &[u8]) -> StoreError {
    let error = String::from_utf8_lossy(error);
    if error.contains("READONLY") { StoreError::unavailable(error) } else { StoreError::rejected(error) }
}

/// Returns the error for a reply that cannot be parsed. The connection is not used again, because it may be the reply to
/// another command.
pub(super) fn unexpected_reply() -> StoreError {
    StoreError::unavailable("unexpected reply from the server")
}
