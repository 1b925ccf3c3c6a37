//! Where pages are kept on disk.

use std::path::PathBuf;

/// The folder and the size of a cache on disk.
#[derive(Clone, Debug)]
pub(super) struct DiskOptions {
    pub(super) folder: Option<PathBuf>,
    pub(super) capacity: u64,
}

impl Default for DiskOptions {
    fn default() -> Self {
        Self { folder: None, capacity: 1 << 30 }
    }
}
