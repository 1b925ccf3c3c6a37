//! What pages are made of: numbers that many processes read and add to.
//!
//! A number is the length of a file, to which one byte is appended: nobody ever sees half of a change.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
};

use crate::directory::Directory;

/// The test's own, which goes with it.
pub(crate) struct Database {
    directory: Directory,
    pub(crate) numbers: Numbers,
}

impl Database {
    pub(crate) fn new() -> Self {
        let directory = Directory::new();
        let numbers = Numbers::at(directory.path());
        Self { directory, numbers }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The data of that page change.
    pub(crate) fn change(&self, id: u64) -> u64 {
        self.numbers.add(&format!("version-{id}"));
        self.version(id)
    }

    pub(crate) fn version(&self, id: u64) -> u64 {
        self.numbers.version(id)
    }

    /// How often that handler began to make that page, in all processes together.
    pub(crate) fn runs(&self, handler: &str, id: u64) -> u64 {
        self.numbers.get(&format!("runs-{handler}-{id}"))
    }
}

#[derive(Clone)]
pub(crate) struct Numbers(PathBuf);

impl Numbers {
    pub(crate) fn at(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    pub(crate) fn add(&self, name: &str) {
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
        self.add(&format!("runs-{handler}-{id}"));
    }
}
