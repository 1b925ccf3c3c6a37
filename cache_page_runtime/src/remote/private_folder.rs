//! Folders that no other user of the machine can read.

use std::{fs::DirBuilder, io, path::Path};

/// Creates a folder and its parents, for this user only, if need be.
pub(super) fn create(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
