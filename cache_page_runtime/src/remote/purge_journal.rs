//! The purges that could not be delivered, in files, for the next process.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use xxhash_rust::xxh3::xxh3_64;

use super::private_folder;
use crate::{key::Id, sync::lock};

const EXTENSION: &str = "purges";

/// The longest message that is read. A message that is longer is damaged.
const MAX_MESSAGE: usize = 64 * 1024;

/// The file of this process in a folder that the processes of one machine share.
///
/// A process that starts delivers the purges of all files. Those of a process that is still running are then delivered twice,
/// which does no harm.
pub(super) struct PurgeJournal {
    folder: PathBuf,
    /// What the names of the files of this key prefix begin with.
    prefix: String,
    file: PathBuf,
    /// Whether there may be a file.
    has_file: AtomicBool,
    /// Locked while the file is written.
    saving: Mutex<()>,
    /// Whether a task will write the file.
    is_requested: AtomicBool,
}

impl PurgeJournal {
    pub(super) fn new(folder: PathBuf, key_prefix: &str, process: Id) -> Self {
        let prefix = format!("{:016x}-", xxh3_64(key_prefix.as_bytes()));
        let file = folder.join(format!("{prefix}{:032x}.{EXTENSION}", u128::from_le_bytes(process.0)));
        Self {
            folder,
            prefix,
            file,
            has_file: AtomicBool::new(false),
            saving: Mutex::new(()),
            is_requested: AtomicBool::new(false),
        }
    }

    /// Returns whether the caller has to call [`save`](Self::save) because this number of purges waits.
    pub(super) fn request_save(&self, pending: usize) -> bool {
        let is_needed = pending > 0 || self.has_file.load(Ordering::Acquire);
        is_needed && !self.is_requested.swap(true, Ordering::AcqRel)
    }

    /// Writes the purges that wait, or removes the file if there are none. Returns whether that has succeeded.
    pub(super) fn save(&self, pending: impl FnOnce() -> Vec<Vec<u8>>) -> bool {
        let _saving = lock(&self.saving);
        // A purge that is added from here on requests another save.
        self.is_requested.store(false, Ordering::Release);
        // Before the purges are read: one that is delivered while they are written requests another save too.
        self.has_file.store(true, Ordering::Release);
        let messages = pending();
        let result = if messages.is_empty() { remove(&self.file) } else { self.write(&messages) };
        match &result {
            Ok(()) => self.has_file.store(!messages.is_empty(), Ordering::Release),
            Err(error) => tracing::error!(
                target: "cache_page",
                %error,
                file = %self.file.display(),
                "purges that wait for the remote store cannot be written, and are lost if this process ends"
            ),
        }
        result.is_ok()
    }

    /// Hands over the messages that other processes have left, and writes those that `queue` returns in their place.
    pub(super) fn adopt(&self, queue: impl FnOnce(Vec<Vec<u8>>) -> Vec<Vec<u8>>) {
        let files = match self.files() {
            Ok(files) if files.is_empty() => return,
            Ok(files) => files,
            Err(error) => {
                tracing::error!(
                    target: "cache_page",
                    %error,
                    folder = %self.folder.display(),
                    "the purges of the last process cannot be read"
                );
                return;
            }
        };
        let messages: Vec<_> = files.iter().flat_map(|file| read(file)).collect();
        tracing::info!(target: "cache_page", purges = messages.len(), "purges of the last process are delivered");
        if self.save(|| queue(messages)) {
            files.iter().for_each(|file| drop(remove(file)));
        }
    }

    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let folder = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            folder => folder?,
        };
        let mut files = Vec::new();
        for file in folder {
            let path = file?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with(&self.prefix) && path.extension().is_some_and(|it| it == EXTENSION) {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    fn write(&self, messages: &[Vec<u8>]) -> io::Result<()> {
        private_folder::create(&self.folder)?;
        let unfinished = self.file.with_extension("new");
        let mut file = File::create(&unfinished)?;
        for message in messages {
            let length = u32::try_from(message.len()).map_err(io::Error::other)?;
            file.write_all(&length.to_le_bytes())?;
            file.write_all(message)?;
        }
        file.sync_all()?;
        fs::rename(&unfinished, &self.file)
    }
}

/// Returns the messages of a file. What is damaged is a message that cannot be decoded.
fn read(file: &Path) -> Vec<Vec<u8>> {
    let Ok(bytes) = fs::read(file) else { return vec![Vec::new()] };
    let (mut messages, mut rest) = (Vec::new(), &bytes[..]);
    while let Some((length, more)) = rest.split_first_chunk() {
        let length = u32::from_le_bytes(*length) as usize;
        let Some((message, more)) = more.split_at_checked(length).filter(|_| length <= MAX_MESSAGE) else {
            break;
        };
        messages.push(message.to_vec());
        rest = more;
    }
    if !rest.is_empty() {
        messages.push(Vec::new());
    }
    messages
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
