//! Lists what is stored in a server, for the program `cache-page`, over a connection of its own. It takes no lease; a lookup that needs
//! the script may remove a page that was purged.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    ops::ControlFlow,
    time::{Duration, Instant},
};

use ::redis::{Value, cmd, pipe};
use actix_web::web::Bytes;

use super::{
    RedisStore,
    connection::Connection,
    encoding::{MAX_NUMBER, frame_of, split_value},
    error::{store_error, unexpected_reply},
    keys::{self, ShardKeys, has_stamp},
    reply::{PageHeader, PageState, Stamp, parse_stamps},
};
use crate::{
    key::Id,
    remote::{
        StoreError,
        codec::is_page,
        listing::{PageHead, Visitor, details_of},
    },
};

/// The keys that the server looks at in one call.
const SCAN_COUNT: u32 = 1000;

/// The bytes that are read of each page: both copies of its header, and the beginning of its frame.
const HEAD_BYTES: usize = 4096;

/// Those that are read of a page with a long path or many tags.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// A page, as far as its first bytes show it.
struct Listed {
    key: Id,
    header: PageHeader,
    head: PageHead,
}

impl RedisStore {
    /// Visits the pages of the namespace that were not purged, in no particular order. The server has `timeout` for each command.
    ///
    /// # Errors
    ///
    /// Fails if the server is unavailable or rejects a command. A cluster cannot be listed.
    #[doc(hidden)]
    pub async fn list_pages(&self, timeout: Duration, visitor: &mut dyn Visitor) -> Result<(), StoreError> {
        if self.is_cluster() {
            return Err(StoreError::rejected("the pages of a cluster cannot be listed"));
        }
        let mut connection = self.endpoint.connect(Some(timeout)).await.map_err(store_error)?;
        let keys = self.first_shard();
        let (prefix, mut seen) = ([keys.prefix(), b"p"].concat(), HashSet::new());
        let mut scan = Scan::new(&prefix, b"*");
        while let Some(found) = scan.next(&mut connection).await? {
            let ids = found.iter().filter_map(|key| Some(Id(key.strip_prefix(&*prefix)?.try_into().ok()?)));
            // The server may return a key several times.
            let ids: Vec<Id> = ids.filter(|id| seen.insert(*id)).collect();
            if self.visit_pages(&ids, keys, &mut connection, visitor).await?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Returns whether a page was ever stored in the namespace. The server has `timeout` for each command.
    ///
    /// # Errors
    ///
    /// As [`list_pages`](Self::list_pages).
    #[doc(hidden)]
    pub async fn is_namespace_used(&self, timeout: Duration) -> Result<bool, StoreError> {
        let mut connection = self.endpoint.connect(Some(timeout)).await.map_err(store_error)?;
        let used = self.first_shard().used();
        cmd("EXISTS").arg(used).query_async(&mut connection).await.map_err(store_error)
    }

    async fn visit_pages(
        &self,
        ids: &[Id],
        keys: &ShardKeys,
        connection: &mut Connection,
        visitor: &mut dyn Visitor,
    ) -> Result<ControlFlow<()>, StoreError> {
        let now = server_time(connection).await?;
        let pages = read_heads(ids, keys, now, connection).await?;
        // Read after the pages, so that a purge in between is noticed.
        let (global_stamp, stamps) = read_stamps(&pages, keys, connection).await?;
        for Listed { key, header, mut head } in pages {
            let state = header.state(&global_stamp, |key| stamps.get(&key.0), now);
            head.is_fresh = match state {
                PageState::Fresh => true,
                PageState::Stale { .. } => false,
                PageState::Missing | PageState::CorruptStamp => continue,
                PageState::NeedsScript => {
                    match self.get_or_acquire(key, None, connection.clone()).await?.entry {
                        Some(entry) => entry.expired.is_none() && now < header.fresh_until,
                        None => continue,
                    }
                }
            };
            let mut details = None;
            if visitor.wants(&head) {
                let value: Option<Vec<u8>> =
                    cmd("GET").arg(keys.page(key)).query_async(connection).await.map_err(store_error)?;
                details = value.and_then(|value| details_of(&frame_of(&Bytes::from(value))?));
            }
            if visitor.visit(&head, details).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Returns the key prefixes with which pages were stored in this server, as far as they are found in `time`.
    ///
    /// # Errors
    ///
    /// As [`list_pages`](Self::list_pages).
    #[doc(hidden)]
    pub async fn list_key_prefixes(&self, time: Duration) -> Result<Vec<String>, StoreError> {
        if self.is_cluster() {
            return Err(StoreError::rejected("the keys of a cluster cannot be listed"));
        }
        let mut connection = self.endpoint.connect(Some(time)).await.map_err(store_error)?;
        let (start, mut prefixes) = (Instant::now(), BTreeSet::new());
        let mut scan = Scan::new(b"cp1:{", b"*}:u");
        while let Some(found) = scan.next(&mut connection).await? {
            prefixes.extend(found.iter().filter_map(|key| keys::key_prefix_of(key)));
            if start.elapsed() > time {
                break;
            }
        }
        Ok(prefixes.into_iter().collect())
    }
}

/// The keys that begin with some bytes.
struct Scan {
    pattern: Vec<u8>,
    /// `None` at the end.
    cursor: Option<Vec<u8>>,
}

impl Scan {
    fn new(prefix: &[u8], rest: &[u8]) -> Self {
        Self { pattern: [prefix, rest].concat(), cursor: Some(b"0".to_vec()) }
    }

    /// Returns the next keys, which may be none, or `None` at the end.
    async fn next(&mut self, connection: &mut Connection) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        let Some(cursor) = self.cursor.take() else { return Ok(None) };
        let mut scan = cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(&self.pattern).arg("COUNT").arg(SCAN_COUNT);
        let (next, keys): (Vec<u8>, Vec<Vec<u8>>) =
            scan.query_async(connection).await.map_err(store_error)?;
        self.cursor = Some(next).filter(|next| next != b"0");
        Ok(Some(keys))
    }
}

/// Returns the time of the server in microseconds.
async fn server_time(connection: &mut Connection) -> Result<u64, StoreError> {
    let (seconds, micros): (u64, u64) = cmd("TIME").query_async(connection).await.map_err(store_error)?;
    Ok(seconds.saturating_mul(1_000_000).saturating_add(micros))
}

/// Reads the first bytes and the lengths of pages.
async fn read_heads(
    ids: &[Id],
    keys: &ShardKeys,
    now: u64,
    connection: &mut Connection,
) -> Result<Vec<Listed>, StoreError> {
    let (mut pages, mut long) = (Vec::new(), Vec::new());
    for (id, value, length) in read_first_bytes(ids, HEAD_BYTES, keys, connection).await? {
        if split_value(&value).is_none() && value.len() == HEAD_BYTES {
            long.push(id);
        } else {
            pages.extend(listed(id, &value, length, now));
        }
    }
    for (id, value, length) in read_first_bytes(&long, MAX_HEAD_BYTES, keys, connection).await? {
        pages.extend(listed(id, &value, length, now));
    }
    Ok(pages)
}

/// Reads the first bytes and the lengths of values.
async fn read_first_bytes(
    ids: &[Id],
    bytes: usize,
    keys: &ShardKeys,
    connection: &mut Connection,
) -> Result<Vec<(Id, Vec<u8>, u64)>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut commands = pipe();
    for id in ids {
        commands.cmd("GETRANGE").arg(keys.page(*id)).arg(0).arg(bytes - 1);
        commands.cmd("STRLEN").arg(keys.page(*id));
    }
    // A value that was overwritten, and is of another type, is an error in its place.
    let replies: Value = commands.ignore_errors().query_async(connection).await.map_err(store_error)?;
    let Value::Array(replies) = replies else { return Err(unexpected_reply()) };
    let mut replies = replies.into_iter();
    let read = ids.iter().filter_map(|id| match (replies.next()?, replies.next()?) {
        (Value::BulkString(value), Value::Int(length)) => Some((*id, value, u64::try_from(length).ok()?)),
        _ => None,
    });
    Ok(read.collect())
}

/// Parses the first bytes of a page. The others are entries that are no pages.
fn listed(key: Id, value: &[u8], bytes: u64, now: u64) -> Option<Listed> {
    let (fields, frame) = split_value(value)?;
    if !is_page(frame) {
        return None;
    }
    let header = PageHeader::parse(value)?;
    let path = fields.get(96 + 16 * header.purge_keys.len()..)?;
    let handler = Id(*fields.get(80..)?.first_chunk()?);
    let since = |time: u64| Duration::from_micros(now.saturating_sub(time));
    let ttl = Duration::from_micros(header.fresh_until.saturating_sub(now));
    let head = PageHead {
        path: String::from_utf8_lossy(path).into_owned(),
        purge_keys: header.purge_keys.iter().copied().chain([handler]).collect(),
        bytes,
        age: since(header.stored_at),
        ttl: (header.fresh_until < MAX_NUMBER).then_some(ttl),
        is_fresh: false,
    };
    Some(Listed { key, header, head })
}

/// Reads the global stamp and those of the purge keys of pages.
async fn read_stamps(
    pages: &[Listed],
    keys: &ShardKeys,
    connection: &mut Connection,
) -> Result<(Stamp, HashMap<[u8; 16], Stamp>), StoreError> {
    let purge_keys = pages.iter().flat_map(|page| &page.header.purge_keys).filter(|key| has_stamp(key));
    let ids: HashSet<[u8; 16]> = purge_keys.map(|key| key.0).collect();
    let ids: Vec<Id> = ids.into_iter().map(Id).collect();
    let mut command = cmd("MGET");
    command.arg(keys.global_stamp());
    keys.push_stamps(&mut command, &ids);
    let values: Value = command.query_async(connection).await.map_err(store_error)?;
    let mut values = parse_stamps(values).ok_or_else(unexpected_reply)?;
    let global_stamp = values.next().ok_or_else(unexpected_reply)?.unwrap_or_default();
    let stamps = ids.iter().zip(values).filter_map(|(id, stamp)| Some((id.0, stamp?))).collect();
    Ok((global_stamp, stamps))
}
