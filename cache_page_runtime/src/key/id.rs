//! 128-bit ids and versions, which are the same in every process.

use std::fmt;

use actix_web::web::Bytes;

/// A 128-bit hash that identifies a page, a purge key or a lease owner.
///
/// Two pages may have the same id. The cache compares the full key of a page after it has been fetched.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id(pub [u8; 16]);

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A store's version of the bytes of one page, as an HTTP entity tag: different bytes under the same id have different versions.
///
/// The cache stores it in memory with each page, so it should not be longer than some tens of bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Version(pub Bytes);

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}
