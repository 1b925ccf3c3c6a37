//! Lists what is stored in a folder that no process uses, for the program `cache-page`.

use std::{collections::HashMap, fmt, ops::ControlFlow, path::Path, time::Duration};

use redb::Error;

use super::{
    file::{self, File, Stored},
    header::{EntryKey, Header},
    namespace,
    purges::{Purges, Verdict},
    shared::{namespace_of, now},
};
use crate::{
    key::Id,
    remote::{
        codec::is_page,
        listing::{PageHead, Visitor, details_of},
    },
};

/// The pages of a folder. No other process can open the folder meanwhile.
#[doc(hidden)]
pub struct DiskListing {
    file: File,
    purges: Purges,
}

/// Why a folder cannot be listed.
#[doc(hidden)]
#[derive(Debug)]
#[non_exhaustive]
pub enum DiskListingError {
    /// There is no cache in the folder.
    Missing,
    /// Another process uses it.
    Locked,
    /// The current user may not read or write it.
    Denied,
    /// The file is damaged, or cannot be read.
    Failed(String),
}

impl From<Error> for DiskListingError {
    fn from(error: Error) -> Self {
        match error {
            Error::DatabaseAlreadyOpen => Self::Locked,
            Error::Io(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Self::Denied,
            error => Self::Failed(error.to_string()),
        }
    }
}

impl DiskListing {
    /// Opens the folder.
    ///
    /// # Errors
    ///
    /// See [`DiskListingError`].
    pub fn open(folder: &Path) -> Result<Self, DiskListingError> {
        if !file::exists(folder) {
            return Err(DiskListingError::Missing);
        }
        let opened = File::open(folder, u64::MAX)?;
        let mut purges = Purges::default();
        opened.records.iter().for_each(|record| purges.add(record));
        Ok(Self { file: opened.file, purges })
    }

    /// Visits the pages with this key prefix that were not purged, and returns how many others have.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read.
    pub fn list_pages(&self, key_prefix: &str, visitor: &mut dyn Visitor) -> Result<usize, DiskListingError> {
        let (now, namespace) = (now(), namespace(key_prefix));
        let mut others: HashMap<Id, usize> = HashMap::new();
        let mut after = None;
        loop {
            let headers = self.file.headers_after(after)?;
            after = headers.last().map(|(key, _)| *key);
            if after.is_none() {
                return Ok(others.values().sum());
            }
            for (key, header) in headers {
                let owner = namespace_of(&key);
                let verdict = self.purges.verdict(owner, &header);
                if verdict == Verdict::Purged || !header.is_kept(now) {
                    continue;
                }
                if owner != namespace {
                    *others.entry(owner).or_default() += 1;
                } else if self.visit(&key, header, verdict, now, visitor)?.is_break() {
                    return Ok(others.values().sum());
                }
            }
        }
    }

    fn visit(
        &self,
        key: &EntryKey,
        header: Header,
        verdict: Verdict,
        now: u64,
        visitor: &mut dyn Visitor,
    ) -> Result<ControlFlow<()>, DiskListingError> {
        let Stored::Found(_, Some(bytes)) = file::read(&self.file.database, key, |_| true)? else {
            return Ok(ControlFlow::Continue(()));
        };
        if !is_page(&bytes) {
            return Ok(ControlFlow::Continue(()));
        }
        let head = PageHead {
            is_fresh: verdict == Verdict::Valid && now < header.fresh_until,
            age: Duration::from_micros(now.saturating_sub(header.put_at)),
            ttl: (header.fresh_until < u64::MAX)
                .then(|| Duration::from_micros(header.fresh_until.saturating_sub(now))),
            bytes: header.length,
            path: header.path,
            purge_keys: header.purge_keys,
        };
        let details = visitor.wants(&head).then(|| details_of(&bytes)).flatten();
        Ok(visitor.visit(&head, details))
    }
}

impl fmt::Debug for DiskListing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskListing").finish_non_exhaustive()
    }
}
