//! The thread that opens the file and writes it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use redb::Error;

use super::{
    file::{self, Batch, File},
    header::{EntryKey, Header},
    purges::Verdict,
    shared::{Saved, Shared, State, namespace_of, now},
};
use crate::{
    remote::{StoreError, private_folder},
    sync::{MutexGuard, lock},
};

/// How long entries are collected before they are written together. A purge is written at once.
const COLLECTION_TIME: Duration = Duration::from_millis(100);

/// The pause between attempts to open the file.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The time without work after which the next entries are swept.
const IDLE_TIME: Duration = Duration::from_secs(10);

/// How long the writer waits for readers before it closes the file.
const MAX_READ_TIME: Duration = Duration::from_secs(1);

/// What the writer has to do.
struct Work {
    batch: Batch,
    /// The callers of the purges.
    callers: Vec<Saved>,
    /// The callers that wait for the entries.
    flushes: Vec<Saved>,
    is_closing: bool,
}

pub(super) fn run(shared: &Shared) {
    let mut writer = Writer { shared, file: None, last_error: None, is_unwritable: false };
    loop {
        if shared.is_damaged.swap(false, Ordering::AcqRel) {
            writer.discard_damaged("it is damaged");
        }
        if writer.file.is_none() {
            writer.open();
        }
        let work = wait_for_work(shared);
        let result = writer.write(work.batch, work.callers);
        reply(work.flushes, &result);
        if work.is_closing {
            return writer.close();
        }
    }
}

struct Writer<'s> {
    shared: &'s Shared,
    file: Option<File>,
    /// The last reason why the file was not opened. It is logged once.
    last_error: Option<String>,
    /// Whether it was that nothing can be written.
    is_unwritable: bool,
}

impl Writer<'_> {
    fn open(&mut self) {
        let result = match self.try_open() {
            Err(error) if is_damage(&error) => {
                self.discard_damaged(&error.to_string());
                self.try_open()
            }
            result => result,
        };
        self.is_unwritable = result.as_ref().is_err_and(is_unwritable);
        if let Err(error) = result {
            let message = match error {
                Error::DatabaseAlreadyOpen => "another process uses it".to_owned(),
                error => error.to_string(),
            };
            if self.last_error.as_ref() != Some(&message) {
                tracing::error!(
                    target: "cache_page",
                    folder = %self.shared.folder.display(),
                    error = %message,
                    "the cache on disk cannot be opened, so pages are in memory only until it can"
                );
                self.last_error = Some(message);
            }
        } else {
            self.last_error = None;
        }
        lock(&self.shared.state).was_tried = true;
        self.shared.changed.notify_waiters();
    }

    fn try_open(&mut self) -> Result<(), Error> {
        let shared = self.shared;
        private_folder::create(&shared.folder).map_err(Error::Io)?;
        let opened = catch_unwind(AssertUnwindSafe(|| File::open(&shared.folder, shared.capacity)));
        let opened =
            opened.unwrap_or_else(|_| Err(Error::Corrupted("the engine has panicked".to_owned())))?;
        let state = &mut *lock(&shared.state);
        opened.records.iter().for_each(|record| state.purges.add(record));
        state.sequence = state.sequence.max(opened.last_purge);
        state.is_open = true;
        *lock(&shared.database) = Some(Arc::clone(&opened.file.database));
        self.file = Some(opened.file);
        Ok(())
    }

    /// Writes a batch, and tells the callers of its purges. Returns whether the entries were written.
    fn write(&mut self, mut batch: Batch, callers: Vec<Saved>) -> Result<(), StoreError> {
        let mut result = self.commit(&batch);
        let written = result.clone().map_err(StoreError::rejected);
        if let (Err(error), true) = (&result, self.file.is_some()) {
            tracing::error!(target: "cache_page", %error, "the cache on disk cannot be written");
            self.close();
            self.drop_pending(&batch);
            batch.puts.clear();
            // A purge that cannot be written is executed by the removal of all pages.
            result = Ok(());
            if !callers.is_empty() && (self.try_open().is_err() || self.commit(&batch).is_err()) {
                result = self.discard("a purge cannot be written");
            }
        }
        if self.file.is_none() && self.is_unwritable && !callers.is_empty() {
            // The pages that were stored before could be served by the next process.
            result = match file::exists(&self.shared.folder) {
                true => self.discard("a purge cannot be written"),
                false => Ok(()),
            };
        }
        reply(callers, &result.map_err(StoreError::rejected));
        written
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), String> {
        let shared = self.shared;
        let Some(file) = &mut self.file else {
            self.drop_pending(batch);
            return Err("the cache on disk is not open".to_owned());
        };
        let verdict = |key: &EntryKey, header: &Header| -> Verdict {
            lock(&shared.state).purges.verdict(namespace_of(key), header)
        };
        let result = catch_unwind(AssertUnwindSafe(|| file.commit(batch, now(), verdict)));
        let result = result.unwrap_or_else(|_| Err(Error::Corrupted("the engine has panicked".to_owned())));
        let forgotten = match result {
            Ok(forgotten) => forgotten,
            Err(error) => {
                if is_damage(&error) {
                    shared.is_damaged.store(true, Ordering::Release);
                }
                return Err(error.to_string());
            }
        };
        let state = &mut *lock(&shared.state);
        batch.puts.iter().for_each(|(key, entry)| state.remove_pending(key, entry));
        state.moves += 1;
        if let Some(up_to) = forgotten {
            state.purges.forget(up_to);
            state.floor = state.floor.max(up_to);
        }
        Ok(())
    }

    fn drop_pending(&self, batch: &Batch) {
        let state = &mut *lock(&self.shared.state);
        batch.puts.iter().for_each(|(key, entry)| state.remove_pending(key, entry));
    }

    /// Removes a damaged file. If that fails, it is not opened either.
    fn discard_damaged(&mut self, reason: &str) {
        if let Err(error) = self.discard(reason) {
            tracing::error!(target: "cache_page", error, "the damaged cache on disk cannot be removed");
        }
    }

    /// Removes the file with all its pages.
    fn discard(&mut self, reason: &str) -> Result<(), String> {
        self.close();
        let folder = self.shared.folder.display();
        tracing::error!(target: "cache_page", %folder, reason, "the cache on disk is emptied");
        file::discard(&self.shared.folder).map_err(|error| error.to_string())
    }

    fn close(&mut self) {
        lock(&self.shared.state).is_open = false;
        *lock(&self.shared.database) = None;
        let Some(file) = self.file.take() else { return };
        let started_at = Instant::now();
        while Arc::strong_count(&file.database) > 1 && started_at.elapsed() < MAX_READ_TIME {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The receivers may be gone.
fn reply(callers: Vec<Saved>, result: &Result<(), StoreError>) {
    callers.into_iter().for_each(|caller| drop(caller.send(result.clone())));
}

/// Waits for something to write, and takes it.
fn wait_for_work(shared: &Shared) -> Work {
    let mut state = lock(&shared.state);
    let mut collected_until = None;
    let idle_time = if state.is_open { IDLE_TIME } else { RETRY_INTERVAL };
    let idle_until = Instant::now() + idle_time;
    let is_urgent =
        |state: &State| !state.unsaved.is_empty() || !state.flushes.is_empty() || state.is_closing;
    while !is_urgent(&state) && !shared.is_damaged.load(Ordering::Acquire) {
        let now = Instant::now();
        if !state.pending.is_empty() && collected_until.is_none() {
            collected_until = Some(now + COLLECTION_TIME);
        }
        let until = collected_until.unwrap_or(idle_until);
        if until <= now {
            break;
        }
        let result = shared.work.wait_timeout(state, until - now);
        state = result.unwrap_or_else(PoisonError::into_inner).0;
    }
    take_work(&mut state)
}

fn take_work(state: &mut MutexGuard<'_, State>) -> Work {
    let state = &mut **state;
    let (purges, callers) = std::mem::take(&mut state.unsaved).into_iter().unzip();
    let all: Vec<_> = state.pending.iter().map(|(key, entry)| (*key, Arc::clone(entry))).collect();
    let mut puts = Vec::with_capacity(all.len());
    for (key, entry) in all {
        match state.purges.verdict(namespace_of(&key), &entry.header) {
            Verdict::Purged => state.remove_pending(&key, &entry),
            _ => puts.push((key, entry)),
        }
    }
    let batch = Batch { puts, purges, sequence: state.sequence, hits: std::mem::take(&mut state.hits) };
    Work { batch, callers, flushes: std::mem::take(&mut state.flushes), is_closing: state.is_closing }
}

/// Returns whether the file is damaged, so that an empty one has to replace it.
fn is_damage(error: &Error) -> bool {
    let is_cut = |error: &std::io::Error| {
        matches!(error.kind(), std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidData)
    };
    // An error that a later version of redb adds is none: it may be that another process uses the file.
    match error {
        Error::Io(error) => is_cut(error),
        Error::Corrupted(_)
        | Error::DatabaseClosed
        | Error::LockPoisoned(_)
        | Error::RepairAborted
        | Error::TableDoesNotExist(_)
        | Error::TableIsMultimap(_)
        | Error::TableIsNotMultimap(_)
        | Error::TableTypeMismatch { .. }
        | Error::TypeDefinitionChanged { .. }
        | Error::UpgradeRequired(_) => true,
        _ => false,
    }
}

/// Returns whether the error is one of a disk that is full or read-only.
fn is_unwritable(error: &Error) -> bool {
    use std::io::ErrorKind::{
        FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
    };
    let kinds = [FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull];
    matches!(error, Error::Io(error) if kinds.contains(&error.kind()))
}
