//! The folders that this process has opened, each with its writer.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf, absolute},
    sync::{Arc, Mutex, OnceLock, Weak},
    thread::{Builder, JoinHandle},
};

use super::{shared::Shared, writer};
use crate::sync::lock;

/// An open folder. When the last instance is dropped, what was put is written, and the folder is closed.
pub(super) struct Folder {
    pub(super) shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Folder {
    pub(super) fn open(path: &Path, capacity: u64) -> io::Result<Arc<Self>> {
        static FOLDERS: OnceLock<Mutex<HashMap<PathBuf, Weak<Folder>>>> = OnceLock::new();

        let path = absolute(path)?;
        let folders = &mut *lock(FOLDERS.get_or_init(Mutex::default));
        if let Some(folder) = folders.get(&path).and_then(Weak::upgrade) {
            return Ok(folder);
        }
        let shared = Arc::new(Shared::new(path.clone(), capacity));
        let thread_shared = Arc::clone(&shared);
        let run = move || writer::run(&thread_shared);
        let thread = Builder::new().name("cache_page disk".to_owned()).spawn(run)?;
        let folder = Arc::new(Self { shared, writer: Mutex::new(Some(thread)) });
        folders.retain(|_, folder| folder.strong_count() > 0);
        folders.insert(path, Arc::downgrade(&folder));
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        lock(&self.shared.state).is_closing = true;
        self.shared.work.notify_one();
        let thread = lock(&self.writer).take();
        // The writer ends in any case.
        drop(thread.map(JoinHandle::join));
    }
}
