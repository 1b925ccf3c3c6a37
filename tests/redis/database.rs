//! Counters that many processes share, as the data of the pages.
//!
//! A counter is the length of a file. Appending one byte increments it atomically.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
};

use crate::directory::Directory;

/// The counters of a test, in a temporary directory.
pub(crate) struct Database {
    directory: Directory,
    pub(crate) counters: Counters,
}

impl Database {
    pub(crate) fn new() -> Self {
        let directory = Directory::new();
        let counters = Counters::open(directory.path());
        Self { directory, counters }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Changes the data of a page, and returns its new version.
    pub(crate) fn change(&self, id: u64) -> u64 {
        self.counters.increment(&format!("version-{id}"));
        self.version(id)
    }

    pub(crate) fn version(&self, id: u64) -> u64 {
        self.counters.version(id)
    }

    /// Returns the number of runs of a handler for a page, in all processes.
    pub(crate) fn runs(&self, handler: &str, id: u64) -> u64 {
        self.counters.get(&format!("runs-{handler}-{id}"))
    }
}

#[derive(Clone)]
pub(crate) struct Counters(PathBuf);

impl Counters {
    pub(crate) fn open(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    pub(crate) fn increment(&self, name: &str) {
        let file = OpenOptions::new().append(true).create(true).open(self.0.join(name));
        file.unwrap().write_all(b".").unwrap();
    }

    pub(crate) fn get(&self, name: &str) -> u64 {
        fs::metadata(self.0.join(name)).map_or(0, |file| file.len())
    }

    pub(crate) fn version(&self, id: u64) -> u64 {
        self.get(&format!("version-{id}"))
    }

    pub(crate) fn count_run(&self, handler: &str, id: u64) {
        self.increment(&format!("runs-{handler}-{id}"));
    }
}
