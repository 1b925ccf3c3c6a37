//! What a shared tier is made of: the contract between the cache and an engine that many processes use.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use actix_web::web::Bytes;

use crate::key::{Id, Version};

/// What a store answers by and by. The cache gives up on it after its
/// [deadline](crate::PageCacheBuilder::remote_timeout), and drops it then: a store must bear that at any point.
pub type BoxFuture<'s, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 's>>;

/// An engine that pages are kept in for many processes.
///
/// It knows nothing of HTTP. A page is bytes with a checksum of their own, which the cache writes and checks; a store that loses
/// pages, or returns others, costs time and nothing else. What it must not do is to return a page that was purged, so this is the
/// whole contract:
///
/// 1. **Purges have numbers.** Each is greater than those of all purges before it and than
///    [`known`](PurgeRequest::known), whatever else the store has lost: a clock in microseconds, raised where it would not grow, will do.
/// 2. **A page has names**, and a number [`since`](PutRequest::since) that says which purges its making has seen. It
///    is kept only if none of its names was purged or expired after that number; where the store cannot know that any more (it was
///    emptied, or evicted what it knew), it is not kept.
/// 3. **[`get`](Self::get) returns no page of a name that was purged after its `since`**, or of which the store cannot know that.
///    All three of `get`, `put` and `purge` are atomic towards each other, and what `purge` has returned for holds for every
///    `get` that begins after that.
/// 4. **[`changes`](Self::changes) leaves out no purge** between the position that it is given and the one that it returns, or says so.
///    An engine that may come back with less than it knew, from a copy or from what it had saved, has to notice, for 3 and for this.
/// 5. **Nothing is left behind.** Pages, names and claims go with their time, whether or not anybody comes back to them.
///
/// An implementation is tried against this by [`testing::conformance`](crate::testing::conformance).
///
/// The cache calls it from its workers, and from a thread of its own which runs a tokio runtime with timers and I/O: there
/// `changes` is called, over and over again, and connections that it makes are driven there as long as the process lives.
pub trait RemoteStore: fmt::Debug + Send + Sync + 'static {
    /// Called once, before anything else: caches with other prefixes see nothing of what is kept, purged or told.
    fn set_namespace(&self, key_prefix: &str) {
        let _ = key_prefix;
    }

    /// The page of that id; and, where it is missing, stale or expired, and the caller would make it, whose turn that is.
    ///
    /// Whoever has the page already says [which](GetRequest::have): if it is still that one, and fresh and not expired, its bytes may be left out.
    /// A store that gives pages no [`version`](RemoteEntry::version) sends them.
    ///
    /// A claim that is granted ([`LeaseStatus::Lead`]) is the caller's until the page is put with the same holder, until it is
    /// [released](Self::release), or until its time is over. Whoever holds it already is granted it again, for the
    /// whole time: that is how long fills keep theirs.
    fn get(&self, request: GetRequest) -> BoxFuture<'_, GetResponse>;

    /// Keeps a page, or refuses it; either way the claim of its [`holder`](PutRequest::holder) ends.
    fn put(&self, request: PutRequest) -> BoxFuture<'_, PutResult>;

    /// Ends a claim without a page; that of somebody else stays.
    fn release(&self, key: Id, owner: Id, reason: ReleaseReason) -> BoxFuture<'_, ()>;

    /// Purges or expires.
    fn purge(&self, request: PurgeRequest) -> BoxFuture<'_, ()>;

    /// What happened after a position; where nothing did, waits for it, for `wait` at most. `None` is where nothing is known
    /// yet: that is answered at once with the present position, as incomplete.
    ///
    /// It also connects anew where that is needed, and fails as long as the store cannot be used: while this fails, the cache asks
    /// nothing else.
    fn poll_changes(&self, after: Option<Cursor>, wait: Duration) -> BoxFuture<'_, ChangeBatch>;

    /// The cache gave up on several answers in a row: connections may be dead without a sign of it.
    fn reset_connections(&self) {}
}

/// A page that is looked for.
#[derive(Clone, Debug)]
pub struct GetRequest {
    /// Which one.
    pub key: Id,
    /// The caller has these bytes of it: they need not be sent again.
    pub if_version: Option<Version>,
    /// Names that it has if it is there, as far as they are known before: not all of them, and in the order of their being useful.
    /// Where the caller has a version of it, there may be none.
    pub purge_keys: Vec<Id>,
    /// By whom it would be made, if by the caller.
    pub lease: Option<Lease>,
}

/// The wish to make a page for all processes.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    /// The process.
    pub owner: Id,
    /// After that time, somebody else is let try.
    pub ttl: Duration,
}

/// What there is.
#[derive(Clone, Debug)]
pub struct GetResponse {
    /// The page, fresh or not.
    pub entry: Option<RemoteEntry>,
    /// Who makes it; of a fresh page, and where nobody would make it, that does not matter.
    pub lease: LeaseStatus,
}

/// A page that is kept.
#[derive(Clone, Debug)]
pub struct RemoteEntry {
    /// As they were put. `None` are those that the caller [has](GetRequest::have), of a page that is fresh and not expired.
    pub bytes: Option<Bytes>,
    /// What the store calls them, if it would know by that whether they are still the same.
    pub version: Option<Version>,
    /// How long ago they were put.
    pub age: Duration,
    /// How long ago one of its names was expired, if that was after its `since`.
    pub expired: Option<Duration>,
}

/// Who makes a page that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseStatus {
    /// Whoever asked.
    Acquired,
    /// Another process is at it.
    Held,
    /// Everybody for himself: it was not to be shared.
    Uncoalesced,
}

/// How a claim ends without a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseReason {
    /// The next one may try.
    Retry,
    /// What was made is not to be shared: for so long, nobody need wait for anybody.
    Uncacheable(Duration),
}

/// A page that may be kept.
#[derive(Clone, Debug)]
pub struct PutRequest {
    /// Which one.
    pub key: Id,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What it is purged by. They may be in any order; there are no more than 140.
    pub purge_keys: Vec<Id>,
    /// What is compared with the prefixes of purges.
    pub path: String,
    /// The number of the last purge that its making has seen.
    pub purge_seq: u64,
    /// How long ago its making began. It does not take the place of a fresh page that was begun later.
    pub started: Duration,
    /// How long it is fresh; `None` is as long as it is there.
    pub fresh_for: Option<Duration>,
    /// When it goes.
    pub ttl: Duration,
    /// Who had claimed to make it.
    pub owner: Option<Id>,
}

/// What became of a page that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutResult {
    /// It is there from now on.
    Stored,
    /// One of its names was purged or expired while it was made, or may have been.
    Purged,
    /// A page that was begun later is there.
    Superseded,
}

/// What is to be purged or expired.
#[derive(Clone, Debug)]
pub struct PurgeRequest {
    /// The greatest number that is known to whoever purges.
    pub min_sequence: u64,
    /// Whether pages stay, as expired ones.
    pub expire: bool,
    /// Those of which pages.
    pub scope: PurgeScope,
    /// What other processes are told ([`Change::Purged`]).
    pub message: Vec<u8>,
}

/// Which pages a purge is about.
#[derive(Clone, Debug)]
pub enum PurgeScope {
    /// Those that have one of these names.
    Keys(Vec<Id>),
    /// Those whose path begins like this.
    PathPrefix(String),
}

/// A place among all changes, as a store knows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Cursor(pub Vec<u8>);

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

/// What happened after a position.
#[derive(Clone, Debug)]
pub struct ChangeBatch {
    /// Whether no purge is left out.
    pub complete: bool,
    /// In their order.
    pub changes: Vec<Change>,
    /// Behind the last of them.
    pub cursor: Cursor,
    /// The greatest number of a purge up to there: whatever begins from now on has seen it.
    pub sequence: u64,
}

/// Something that other processes want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Something was purged; what, whoever did it has put into these bytes.
    Purged(Vec<u8>),
    /// A page for which somebody waits is there, or its claim ended without it. A store need not tell this: those who wait ask
    /// again every now and then.
    Filled(Id),
}

/// Why a store did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    message: String,
    is_unavailable: bool,
}

impl StoreError {
    /// The store cannot be reached: it is not asked again before [`changes`](RemoteStore::changes) succeeds.
    pub fn unavailable(why: impl fmt::Display) -> Self {
        Self { message: why.to_string(), is_unavailable: true }
    }

    /// The store answered that it cannot do this one thing.
    pub fn rejected(why: impl fmt::Display) -> Self {
        Self { message: why.to_string(), is_unavailable: false }
    }

    pub(crate) fn is_unavailable(&self) -> bool {
        self.is_unavailable
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StoreError {}
