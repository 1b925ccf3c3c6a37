//! A cache on disk, in a folder that no process uses.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use cache_page::{
    DiskStore,
    remote::{DiskListing, DiskListingError, RemoteStore as _, StoreError, Visitor},
};
use serde_json::Value;

use super::{
    block_on, purge_all,
    select::{Count, Nearest, Search},
    selection,
};
use crate::{
    failure::Failure,
    output::Report,
    pages::{Pages, Query},
    purge::{Preview, Purge, Purged, pages_text},
    target::Target,
};

#[derive(Debug)]
pub(crate) struct Disk {
    folder: PathBuf,
    key_prefix: String,
    timeout: Duration,
}

impl Disk {
    pub(crate) fn open(folder: &Path, key_prefix: &str, timeout: Duration) -> Result<Self, Failure> {
        Ok(Self { folder: folder.to_owned(), key_prefix: key_prefix.to_owned(), timeout })
    }

    /// Visits the pages, and returns how many others have another key prefix. The folder is open to others again afterwards.
    fn list(&self, visitor: &mut dyn Visitor) -> Result<usize, Failure> {
        let listed =
            DiskListing::open(&self.folder).and_then(|listing| listing.list_pages(&self.key_prefix, visitor));
        listed.map_err(|error| self.failure_of(error))
    }

    fn count(&self, purges: &[Purge]) -> Result<Count, Failure> {
        let mut count = Count::of(purges.iter().map(selection).collect::<Result<_, _>>()?);
        let others = self.list(&mut count)?;
        if count.pages == 0 {
            self.check_key_prefix(others)?;
        }
        Ok(count)
    }

    /// Returns the failure for a key prefix with which nothing is stored, if pages have others.
    fn check_key_prefix(&self, others: usize) -> Result<(), Failure> {
        if others == 0 {
            return Ok(());
        }
        let failure = match &*self.key_prefix {
            "" => Failure::nothing_there("no page is stored in the folder without a key prefix"),
            prefix => Failure::nothing_there(format!(
                "no page is stored in the folder with the key prefix {prefix:?}"
            )),
        };
        let pages = pages_text(others as u64);
        Err(failure.hint(format!("It has {pages} with other key prefixes: use --key-prefix.")))
    }

    fn failure_of(&self, error: DiskListingError) -> Failure {
        let folder = self.folder.display();
        match error {
            DiskListingError::Missing => Failure::nothing_there(format!("there is no cache in the folder {folder}"))
                .hint("It is the folder of `PageCache::builder().disk(…)`; a file `pages.redb` is in it."),
            DiskListingError::Locked => Failure::refused(format!("a process uses the folder {folder}"))
                .hint("Ask that process: --inspector http://127.0.0.1:PORT/cache. A folder can be opened while the application is stopped."),
            DiskListingError::Denied => Failure::refused(format!("you may not read and write the folder {folder}"))
                .hint("Run this as the user of the application."),
            DiskListingError::Failed(message) => Failure::other(format!("the cache in {folder} cannot be read: {message}"))
                .hint("The application replaces a damaged cache by an empty one when it starts."),
            _ => Failure::other(format!("the cache in {folder} cannot be read")),
        }
    }

    fn purge_now(&self, purges: &[Purge], done: &mut dyn FnMut()) -> Result<Purged, Failure> {
        let counted = self.count(purges)?;
        // The application knows its capacity. With another one, pages would be evicted here.
        let store = DiskStore::open(&self.folder, u64::MAX).map_err(Failure::other)?;
        store.set_namespace(&self.key_prefix);
        let fail = |error: &StoreError| match DiskListing::open(&self.folder) {
            // A process has begun to use it since the pages were counted.
            Err(locked @ DiskListingError::Locked) => self.failure_of(locked),
            _ => Failure::other(format!("the purge was not written: {error}")),
        };
        let mut purged = block_on(async {
            let batch = store.poll_changes(None, Duration::ZERO).await.map_err(|error| fail(&error))?;
            Ok::<_, Failure>(purge_all(&store, purges, batch.sequence, self.timeout, done, fail).await)
        })??;
        for (result, pages) in purged.results.iter_mut().zip(counted.selected) {
            result.purged = Some(pages);
            result.delivery = crate::purge::Delivery::Done;
        }
        Ok(purged)
    }
}

impl Target for Disk {
    fn name(&self) -> &'static str {
        "disk"
    }

    fn purge(&mut self, purges: &[Purge], done: &mut dyn FnMut()) -> Purged {
        let purged = self.purge_now(purges, done);
        purged.unwrap_or_else(|failure| Purged { failure: Some(failure), ..Purged::default() })
    }

    fn preview(&mut self, purges: &[Purge]) -> Result<Preview, Failure> {
        Ok(self.count(purges)?.into_preview())
    }

    fn stats(&mut self) -> Result<Report, Failure> {
        Ok(self.count(&[])?.report(&self.key_prefix))
    }

    fn pages(&mut self, query: &Query) -> Result<Pages, Failure> {
        let mut search = Search::new(query)?;
        self.list(&mut search)?;
        let found = search.into_pages();
        if found.rows.is_empty() {
            self.count(&[])?;
        }
        Ok(found)
    }

    fn explain(&mut self, url: &str, _: &[String]) -> Result<Value, Failure> {
        let mut nearest = Nearest::new(url)?;
        let others = self.list(&mut nearest)?;
        if nearest.is_empty() && others > 0 {
            self.count(&[])?;
        }
        Ok(nearest.explain(url, "the folder"))
    }
}
