//! Redis or Valkey as the shared tier.
//!
//! One connection for what requests ask, and one on which changes are waited for: a blocked command would hold up all others. Both
//! are made, watched and made anew by whoever waits for changes.
//!
//! # Where things are
//!
//! All keys begin with `cp1:{…}:`, with the cache's `key_prefix` in the braces and, in a cluster, the number of a shard: what one
//! script touches is in one slot. Behind it:
//!
//! | key | what |
//! |---|---|
//! | `p` and an id | a page: which purges it has seen and what it is purged by, twice, and its bytes |
//! | `s` and an id | the stamp of a name: when it was made, and when its pages were last expired |
//! | `x`, `xs` | the stamp of all pages, with when a prefix or a handler was purged last; and which ones were |
//! | `r` | what was purged lately, and when: which of the stamps that are not there were taken away |
//! | `c` and an id | who makes a page; and with a `w` behind it, that somebody waits for that |
//! | `i` | which run of the server all of this is from |
//! | `n`, `t`, `l` | the number of the last purge; that of the last one in the log; the log |
//!
//! A hit is one `MGET` of the page and the stamps of its names: a script takes twenty times as long. The names are those that the request
//! tells; what its handler adds is remembered for each page, and asked for a second time where it is not. Of a long page that the caller has,
//! only what stands before it is read (`GETRANGE`), with the stamps behind it in one pipeline.
//!
//! A page is sent only if the stamps of all its names are there and older than it: purging a name is removing its stamp. So whatever
//! the engine evicts, a page may go that need not, and no page stays that must not.

mod connection;
mod key_hints;
mod log;
mod reply;
mod scripts;
mod server_clock;
mod watch;

use std::{
    fmt,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ::redis::{Cmd, ErrorKind, RedisError, cmd, pipe};

pub use crate::remote::redis::connection::RedisUrlError;
use crate::remote::redis::{
    connection::{Connection, Endpoint},
    key_hints::KeyHints,
    reply::{KnownVersion, PageReply, Reply},
    scripts::{Scripts, digits, micros, millis},
    server_clock::ServerClock,
};
use crate::{
    purge::stable_id,
    remote::{
        BoxFuture, ChangeBatch, Cursor, GetRequest, GetResponse, Id, Lease, LeaseStatus, PurgeRequest,
        PurgeScope, PutRequest, PutResult, ReleaseReason, RemoteEntry, RemoteStore, StoreError,
    },
};

/// A cluster's keys are spread over so many slots.
#[cfg(feature = "redis-cluster")]
const SHARDS: u8 = 16;

/// A page that is no longer is sent whole to whoever has it, too: that is cheaper than to ask for a part of it.
const REVALIDATE_MIN_LENGTH: usize = 8 * 1024;

/// Redis or Valkey, as the [shared tier](crate::remote) of a cache: [`PageCacheBuilder::redis`](crate::PageCacheBuilder::redis) is the
/// short way to it.
///
/// It needs Redis 6.2 or any Valkey, and is tested with Redis 7.0. What is in there is bounded by the lifetimes of pages; give the server a `maxmemory` and any
/// eviction policy. The commands that a restricted user must be allowed are `EVAL`, `EVALSHA`, `GETRANGE`, `INFO`, `MGET`, `PING`, `XREAD` and those that the
/// scripts use, on keys that begin with `cp1:`.
pub struct RedisStore {
    endpoint: Endpoint,
    /// What all keys begin with, by shard.
    key_prefixes: OnceLock<Box<[Vec<u8>]>>,
    shards: u8,
    scripts: Scripts,
    /// For what requests ask.
    requests: Mutex<Option<Connection>>,
    /// For what is waited for.
    log_reader: tokio::sync::Mutex<Option<Connection>>,
    /// The sequence of a shard was missing.
    sequence_lost: AtomicBool,
    /// What it is by the clock of the server.
    clock: ServerClock,
    hints: KeyHints,
}

/// It may be the answer to another question: the connection is of no use any more.
fn unexpected_reply() -> StoreError {
    StoreError::unavailable("its answer cannot be read")
}

impl RedisStore {
    /// A server by its URL, as the `redis` crate reads it: `redis://[user][:password@]host[:port][/database]`, `rediss://…` with TLS
    /// (feature `redis-tls`), `redis+unix:///path`; the same with `valkey`.
    ///
    /// # Errors
    ///
    /// If it is no such URL. Whether there is a server shows later.
    pub fn open(url: impl AsRef<str>) -> Result<Self, RedisUrlError> {
        Ok(Self::new(Endpoint::server(url.as_ref())?, 1))
    }

    /// A cluster, by the URLs of some of its nodes (feature `redis-cluster`).
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    #[cfg(feature = "redis-cluster")]
    pub fn cluster<U: AsRef<str>>(nodes: impl IntoIterator<Item = U>) -> Result<Self, RedisUrlError> {
        Ok(Self::new(Endpoint::cluster(nodes)?, SHARDS))
    }

    /// The master of that name, by the URLs of its sentinels (feature `redis-sentinel`). User, password and database are those of
    /// `server`, whose host does not matter: `redis://user:password@any/0`.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    #[cfg(feature = "redis-sentinel")]
    pub fn sentinel<U: AsRef<str>>(
        sentinels: impl IntoIterator<Item = U>,
        master: &str,
        server: &str,
    ) -> Result<Self, RedisUrlError> {
        Ok(Self::new(Endpoint::sentinel(sentinels, master, server)?, 1))
    }

    fn new(dial: Endpoint, shards: u8) -> Self {
        Self {
            endpoint: dial,
            key_prefixes: OnceLock::new(),
            shards,
            scripts: Scripts::new(),
            requests: Mutex::new(None),
            log_reader: tokio::sync::Mutex::new(None),
            sequence_lost: AtomicBool::new(false),
            clock: ServerClock::default(),
            hints: KeyHints::new(),
        }
    }

    fn key_prefixes(&self) -> &[Vec<u8>] {
        self.key_prefixes.get_or_init(|| key_prefixes("", self.shards))
    }

    fn key_prefix(&self, page: Id) -> &[u8] {
        &self.key_prefixes()[usize::from(page.0[0] % self.shards)]
    }

    fn is_cluster(&self) -> bool {
        self.shards > 1
    }

    fn connection(&self) -> Result<Connection, StoreError> {
        let asked = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        asked.clone().ok_or_else(|| StoreError::unavailable("there is no connection"))
    }

    /// Where something is told if that is not where a page is.
    fn log_key(&self) -> Vec<u8> {
        if self.is_cluster() { Vec::new() } else { key(&self.key_prefixes()[0], b"l") }
    }

    /// By plain reads, page first: what is purged between them is seen. That is enough for a fresh page.
    async fn get_page(&self, mut wanted: GetRequest) -> Result<GetResponse, StoreError> {
        let (base, mut connection) = (self.key_prefix(wanted.key), self.connection()?);
        let had = wanted.if_version.take().and_then(KnownVersion::from_version);
        if let Some(had) = &had {
            if had.frame_length > REVALIDATE_MIN_LENGTH {
                match self.revalidate(wanted.key, had, connection.clone()).await? {
                    Reply::Page(kept, true) => {
                        return Ok(GetResponse { entry: Some(kept), lease: LeaseStatus::Uncoalesced });
                    }
                    Reply::Unclear => return self.get_or_acquire(wanted.key, wanted.lease, connection).await,
                    _ => {}
                }
            }
            // If there is another one by now, it has most of them too.
            wanted.purge_keys.extend_from_slice(&had.purge_keys);
        } else {
            wanted.purge_keys.extend(self.hints.get(wanted.key));
        }
        wanted.purge_keys.retain(has_stamp);
        let mut asks = cmd("MGET");
        asks.arg(id_key(base, b"p", wanted.key)).arg(key(base, b"x"));
        push_stamp_keys(&mut asks, base, &wanted.purge_keys);
        let values = asks.query_async(&mut connection).await.map_err(store_error)?;
        let mut read = PageReply::parse(values, wanted.purge_keys).ok_or_else(unexpected_reply)?;
        let more = read.missing_keys();
        if !more.is_empty() {
            let mut asks = cmd("MGET");
            push_stamp_keys(&mut asks, base, &more);
            let values = asks.query_async(&mut connection).await.map_err(store_error)?;
            read.add_stamps(&more, values).ok_or_else(unexpected_reply)?;
            self.hints.add(wanted.key, more);
        }
        let now = self.clock.now();
        match (read.evaluate(now), wanted.lease) {
            (Reply::Page(kept, true), _) if had.as_ref().is_some_and(|had| read.has_version(had)) => {
                let version = had.map(|had| had.version);
                Ok(GetResponse {
                    entry: Some(RemoteEntry { bytes: None, version, ..kept }),
                    lease: LeaseStatus::Uncoalesced,
                })
            }
            (Reply::Page(kept, is_fresh), claim) if is_fresh || claim.is_none() => Ok(GetResponse {
                entry: Some(RemoteEntry { version: read.version(), ..kept }),
                lease: LeaseStatus::Uncoalesced,
            }),
            (Reply::Nothing, None) => Ok(GetResponse { entry: None, lease: LeaseStatus::Uncoalesced }),
            (Reply::Corrupt(bytes), claim) => {
                // The cache finds out that it is no page, and makes a new one.
                let garbled =
                    RemoteEntry { bytes: Some(bytes), version: None, age: Duration::ZERO, expired: None };
                Ok(GetResponse {
                    entry: Some(garbled),
                    ..self.get_or_acquire(wanted.key, claim, connection).await?
                })
            }
            (_, claim) => self.get_or_acquire(wanted.key, claim, connection).await,
        }
    }

    /// Whether a page is still as it was, and whether it is good and fresh: by what stands before it, and the stamps of its names.
    async fn revalidate(
        &self,
        page: Id,
        had: &KnownVersion,
        mut connection: Connection,
    ) -> Result<Reply, StoreError> {
        let base = self.key_prefix(page);
        let mut stamps = cmd("MGET");
        stamps.arg(key(base, b"x"));
        push_stamp_keys(&mut stamps, base, &had.purge_keys);
        let mut asks = pipe();
        // Both times that it stands there, and no byte of the page.
        asks.cmd("GETRANGE")
            .arg(id_key(base, b"p", page))
            .arg(0)
            .arg(had.header_length() - 1)
            .add_command(stamps);
        let answer = match asks.query_async(&mut connection).await.map_err(store_error) {
            Ok(answer) => answer,
            // What is there is no page.
            Err(why) if !why.is_unavailable() => return Ok(Reply::Nothing),
            Err(why) => return Err(why),
        };
        let read = PageReply::parse_header(answer, had).ok_or_else(unexpected_reply)?;
        Ok(match read.map_or(Reply::Nothing, |read| read.evaluate(self.clock.now())) {
            Reply::Page(kept, is_fresh) => {
                Reply::Page(RemoteEntry { bytes: None, version: Some(had.version.clone()), ..kept }, is_fresh)
            }
            looked => looked,
        })
    }

    /// All at once, and whose turn it is.
    async fn get_or_acquire(
        &self,
        page: Id,
        claim: Option<Lease>,
        mut connection: Connection,
    ) -> Result<GetResponse, StoreError> {
        let base = self.key_prefix(page);
        let (holder, lasts) = match claim {
            Some(claim) => (claim.owner.0.to_vec(), millis(claim.ttl)),
            None => (Vec::new(), 0),
        };
        let (key, claim) = (id_key(base, b"p", page), id_key(base, b"c", page));
        let lasts = lasts.to_string();
        let arguments = [base, &holder, lasts.as_bytes()];
        let answer = self.scripts.get.run(&mut connection, &[&key, &claim], &arguments).await;
        scripts::parse_get(answer.map_err(store_error)?).ok_or_else(unexpected_reply)
    }

    async fn put_page(&self, page: PutRequest) -> Result<PutResult, StoreError> {
        let (base, mut connection) = (self.key_prefix(page.key), self.connection()?);
        let names = || page.purge_keys.iter().filter(|name| has_stamp(name));
        let handler = page.purge_keys.iter().find(|name| stable_id::is_handler(**name));
        let mut about = String::new();
        for number in [
            page.purge_seq,
            micros(page.started),
            page.fresh_for.map_or(scripts::MAX_NUMBER, micros),
            millis(page.ttl).max(1),
            names().count() as u64,
        ] {
            about.push_str(&digits(number));
        }
        let mut about = about.into_bytes();
        about.extend(page.owner.map_or([0; 16], |holder| holder.0));
        about.extend(handler.map_or([0; 16], |handler| handler.0));
        names().for_each(|name| about.extend(name.0));
        about.extend(page.path.as_bytes());
        let (key, claim) = (id_key(base, b"p", page.key), id_key(base, b"c", page.key));
        let log = self.log_key();
        let arguments = [base, &about, &about, &page.bytes, &log];
        let answer = self.scripts.put.run(&mut connection, &[&key, &claim], &arguments).await;
        let answer = scripts::parse_text(answer.map_err(store_error)?).ok_or_else(unexpected_reply)?;
        if answer.get(1) == Some(&b'w') {
            self.publish_filled(&mut connection, page.key).await?;
        }
        match answer.first() {
            Some(b'k') => Ok(PutResult::Stored),
            Some(b'o') => Ok(PutResult::Superseded),
            Some(b'p') => Ok(PutResult::Purged),
            Some(b'u') => {
                self.sequence_lost.store(true, Ordering::Relaxed);
                Ok(PutResult::Purged)
            }
            _ => Err(unexpected_reply()),
        }
    }

    async fn release_lease(&self, page: Id, holder: Id, left: ReleaseReason) -> Result<(), StoreError> {
        let (base, mut connection) = (self.key_prefix(page), self.connection()?);
        let apart = match left {
            ReleaseReason::Retry => 0,
            ReleaseReason::Uncacheable(time) => millis(time),
        };
        let (claim, key) = (id_key(base, b"c", page), id_key(base, b"p", page));
        let (apart, log) = (apart.to_string(), self.log_key());
        let arguments = [base, &holder.0, apart.as_bytes(), &log];
        let answer = self.scripts.release.run(&mut connection, &[&claim, &key], &arguments).await;
        if scripts::parse_text(answer.map_err(store_error)?).ok_or_else(unexpected_reply)? == b"w" {
            self.publish_filled(&mut connection, page).await?;
        }
        Ok(())
    }

    /// In a cluster, the log is elsewhere.
    async fn publish_filled(&self, connection: &mut Connection, page: Id) -> Result<(), StoreError> {
        let base = self.key_prefix(page);
        let mut told = cmd("XADD");
        told.arg(key(&self.key_prefixes()[0], b"l"))
            .arg(&["MAXLEN", "~", "4096", "*", "f"])
            .arg(id_key(base, b"p", page));
        told.query_async::<()>(connection).await.map_err(store_error)?;
        // As the scripts do: nothing is left behind.
        let mut lasts = cmd("PEXPIRE");
        lasts.arg(key(&self.key_prefixes()[0], b"l")).arg(3_600_000);
        lasts.query_async::<()>(connection).await.map_err(store_error)
    }

    async fn execute_purge(&self, purge: PurgeRequest) -> Result<(), StoreError> {
        let mut connection = self.connection()?;
        let first = self.purge_shard(&mut connection, 0, &purge, 0).await?;
        // What others hear of is gone everywhere by then.
        for shard in 1..self.key_prefixes().len() {
            self.purge_shard(&mut connection, shard, &purge, first).await?;
        }
        let base = &self.key_prefixes()[0];
        let told = [digits(first).as_bytes(), &purge.message].concat();
        let keys = [&*key(base, b"l"), &key(base, b"t")];
        let answer = self.scripts.publish.run(&mut connection, &keys, &[base, &told, &told]).await;
        scripts::parse_text(answer.map_err(store_error)?).map(drop).ok_or_else(unexpected_reply)
    }

    async fn purge_shard(
        &self,
        connection: &mut Connection,
        shard: usize,
        purge: &PurgeRequest,
        number: u64,
    ) -> Result<u64, StoreError> {
        let base = &self.key_prefixes()[shard];
        let mut about = [digits(purge.min_sequence), digits(number)].concat().into_bytes();
        about.push(if purge.expire { b'e' } else { b'p' });
        // All that it changes: of a slot that is on its way to another node, each has to be where the script runs.
        let mut keys = vec![key(base, b"n"), key(base, b"r")];
        match &purge.scope {
            PurgeScope::Keys(names) if names.contains(&stable_id::all()) => {
                about.push(b'a');
                keys.push(key(base, b"x"));
            }
            PurgeScope::Keys(names) => match &names[..] {
                [handler] if stable_id::is_handler(*handler) => {
                    about.push(b'h');
                    about.extend(handler.0);
                    keys.extend([key(base, b"x"), key(base, b"xs")]);
                }
                names => {
                    about.push(b'n');
                    names.iter().for_each(|name| about.extend(name.0));
                    keys.extend(names.iter().map(|name| id_key(base, b"s", *name)));
                }
            },
            PurgeScope::PathPrefix(prefix) => {
                about.push(b'x');
                about.extend(prefix.as_bytes());
                keys.extend([key(base, b"x"), key(base, b"xs")]);
            }
        }
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let answer = self.scripts.purge.run(connection, &keys, &[base, &about, &about]).await;
        let given = scripts::parse_text(answer.map_err(store_error)?).ok_or_else(unexpected_reply)?;
        scripts::parse_duplicated(&given).ok_or_else(unexpected_reply)
    }
}

impl RemoteStore for RedisStore {
    fn set_namespace(&self, key_prefix: &str) {
        // It may be the store of two caches; they have one prefix then.
        let _ = self.key_prefixes.set(key_prefixes(key_prefix, self.shards));
    }

    fn get(&self, wanted: GetRequest) -> BoxFuture<'_, GetResponse> {
        Box::pin(self.get_page(wanted))
    }

    fn put(&self, page: PutRequest) -> BoxFuture<'_, PutResult> {
        Box::pin(self.put_page(page))
    }

    fn release(&self, page: Id, holder: Id, left: ReleaseReason) -> BoxFuture<'_, ()> {
        Box::pin(self.release_lease(page, holder, left))
    }

    fn purge(&self, purge: PurgeRequest) -> BoxFuture<'_, ()> {
        Box::pin(self.execute_purge(purge))
    }

    fn poll_changes(&self, after: Option<Cursor>, wait: Duration) -> BoxFuture<'_, ChangeBatch> {
        Box::pin(self.poll_log(after, wait))
    }

    fn reset_connections(&self) {
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("dial", &self.endpoint).finish_non_exhaustive()
    }
}

fn key(base: &[u8], key: &[u8]) -> Vec<u8> {
    [base, key].concat()
}

fn id_key(base: &[u8], kind: &[u8], id: Id) -> Vec<u8> {
    [base, kind, &id.0].concat()
}

/// Whatever may be purged in large numbers has none of its own, so that fewer have to be asked for.
fn has_stamp(name: &Id) -> bool {
    *name != stable_id::all() && !stable_id::is_handler(*name)
}

fn push_stamp_keys(asks: &mut Cmd, base: &[u8], names: &[Id]) {
    let mut key = key(base, b"s");
    let length = key.len();
    for name in names {
        key.truncate(length);
        key.extend_from_slice(&name.0);
        asks.arg(&key);
    }
}

/// What of a prefix stands for itself in a key.
fn key_prefixes(prefix: &str, shards: u8) -> Box<[Vec<u8>]> {
    let mut plain = String::new();
    for byte in prefix.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            plain.push(char::from(byte));
        } else {
            plain.push_str(&format!("%{byte:02X}"));
        }
    }
    if shards == 1 {
        return Box::new([format!("cp1:{{{plain}:}}:").into_bytes()]);
    }
    (0..shards).map(|shard| format!("cp1:{{{plain}:{shard}}}:").into_bytes()).collect()
}

/// Where the answer of the server ends, and the way to it begins.
fn store_error(error: RedisError) -> StoreError {
    // A server that was a master and is none any more is not the right one.
    // As a script's own error, that is told differently from version to version.
    let is_replica = error.code() == Some("READONLY") || error.to_string().contains("READONLY");
    let is_lost = error.is_io_error()
        || error.is_connection_dropped()
        || error.is_connection_refusal()
        || error.is_unrecoverable_error()
        || matches!(error.kind(), ErrorKind::Parse | ErrorKind::UnexpectedReturnType)
        || is_replica;
    if is_lost { StoreError::unavailable(error) } else { StoreError::rejected(error) }
}
