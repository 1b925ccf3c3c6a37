//! The number of the last purge, in a file of its own.
//!
//! A damaged file header may make the engine return to its last transaction but one, in which the last purge is missing. The
//! number here, which is written after each transaction with a purge, shows that.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use super::{header::record_checksum, reader::Reader};

pub(super) struct Guard {
    file: fs::File,
    /// The number that the file had, or `None` if it is damaged.
    sequence: Option<u64>,
}

impl Guard {
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).open(path_of(folder))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let sequence = if bytes.is_empty() { Some(0) } else { decode(&bytes) };
        Ok(Self { file, sequence })
    }

    /// Returns whether a file whose last purge has this number contains all purges.
    pub(super) fn allows(&self, last_purge: u64) -> bool {
        self.sequence.is_some_and(|sequence| sequence <= last_purge)
    }

    pub(super) fn write(&mut self, sequence: u64) -> io::Result<()> {
        let number = sequence.to_le_bytes();
        self.file.rewind()?;
        self.file.write_all(&[number, record_checksum(&number).to_le_bytes()].concat())?;
        self.file.sync_data()
    }

    pub(super) fn remove(folder: &Path) -> io::Result<()> {
        match fs::remove_file(path_of(folder)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn path_of(folder: &Path) -> PathBuf {
    folder.join("last-purge")
}

fn decode(bytes: &[u8]) -> Option<u64> {
    let mut reader = Reader(bytes);
    let number: [u8; 8] = reader.array()?;
    (reader.u64()? == record_checksum(&number) && reader.0.is_empty()).then(|| u64::from_le_bytes(number))
}
