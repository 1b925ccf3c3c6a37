//! [`SharedLines`]: header lines that many pages have.
//!
//! The pages of a handler differ in few of their headers. The others are stored once for all pages that one worker has made lately,
//! and so take no memory of each page, and no time to be copied.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use actix_web::http::header::{
    CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LOCATION, DATE, ETAG, EXPIRES, HeaderName, LAST_MODIFIED,
    LINK, LOCATION,
};

use super::header::{Line, StoredHeader};

/// The lines that a worker remembers, of this many pages.
const RECENT: usize = 8;

/// The bytes that remembered lines may take. They stay in memory when no page has them any more.
const MAX_BYTES: usize = 1024;

/// Header lines of the pages in one store.
pub(crate) struct SharedLines {
    pub(super) lines: Box<[StoredHeader]>,
    owner: LinesOwner,
    /// The number of stored entries that have the lines. Only accessed under the state lock of the store.
    entries: AtomicUsize,
}

/// The store whose pages may share lines: it charges them once to its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinesOwner(u64);

thread_local! {
    static LATEST: RefCell<Vec<Arc<SharedLines>>> = const { RefCell::new(Vec::new()) };
}

impl LinesOwner {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Returns whether pages of one handler usually differ in a header.
pub(super) fn is_of_one_page(name: &HeaderName) -> bool {
    match *name {
        ETAG | DATE | LAST_MODIFIED | EXPIRES | LOCATION | CONTENT_LOCATION | CONTENT_DISPOSITION | LINK => {
            true
        }
        _ => matches!(
            name.as_str(),
            "cache-tag" | "surrogate-key" | "cache-groups" | "content-digest" | "repr-digest"
        ),
    }
}

impl SharedLines {
    /// Returns these lines, which other pages may have too. `None` if they are too long for that.
    pub(super) fn of(owner: LinesOwner, lines: &[Line<'_>]) -> Option<Arc<Self>> {
        let bytes: usize = lines.iter().map(|line| line.value.len()).sum();
        if lines.is_empty() || bytes + size_of_val(lines) > MAX_BYTES {
            return None;
        }
        LATEST.try_with(|latest| latest.borrow_mut().find_or_add(owner, lines)).ok()
    }

    /// Returns the bytes that the lines allocate.
    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>() + 16 + StoredHeader::weight(&self.lines)
    }

    pub(super) fn has_content_encoding(&self) -> bool {
        self.lines.iter().any(|line| line.name == CONTENT_ENCODING)
    }

    /// Returns whether the entries of this store have lines of this owner.
    pub(crate) fn belongs_to(&self, owner: LinesOwner) -> bool {
        self.owner == owner
    }

    /// Counts an entry that is stored, and returns whether it is the first one.
    pub(crate) fn add_entry(&self) -> bool {
        self.entries.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// Counts an entry that is not stored any more, and returns whether it was the last one.
    pub(crate) fn remove_entry(&self) -> bool {
        self.entries.fetch_sub(1, Ordering::Relaxed) == 1
    }
}

/// Finds lines among those of the latest pages.
trait Latest {
    fn find_or_add(&mut self, owner: LinesOwner, lines: &[Line<'_>]) -> Arc<SharedLines>;
}

impl Latest for Vec<Arc<SharedLines>> {
    fn find_or_add(&mut self, owner: LinesOwner, lines: &[Line<'_>]) -> Arc<SharedLines> {
        let is_same = |known: &&Arc<SharedLines>| {
            known.owner == owner
                && known.lines.len() == lines.len()
                && known.lines.iter().zip(lines).all(|(stored, line)| stored.is_line(line))
        };
        if let Some(known) = self.iter().find(is_same) {
            return Arc::clone(known);
        }
        let lines = StoredHeader::collect(lines.iter().copied());
        let shared = Arc::new(SharedLines { lines, owner, entries: AtomicUsize::new(0) });
        if self.len() == RECENT {
            self.pop();
        }
        self.insert(0, Arc::clone(&shared));
        shared
    }
}
