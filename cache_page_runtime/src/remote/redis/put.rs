//! Puts, and the end of leases.

use std::sync::atomic::Ordering;

use ::redis::cmd;

use super::{
    RedisStore,
    connection::Connection,
    encoding::{MAX_NUMBER, digits, micros, millis},
    error::{store_error, unexpected_reply},
    keys::has_stamp,
    scripts::parse_string,
};
use crate::{
    key::Id,
    purge::stable_id,
    remote::{PutRequest, PutResult, ReleaseReason, StoreError},
};

/// What a script appends to its result if another process waits and the log is in another shard.
const NOTIFY: &[u8] = b"+notify";

/// As in the scripts.
const LOG_TTL_MILLIS: u32 = 3_600_000;

impl RedisStore {
    pub(super) async fn put_page(&self, request: PutRequest) -> Result<PutResult, StoreError> {
        let (keys, mut connection) = (self.shard(request.key), self.connection()?);
        let (page, lease, log) = (keys.page(request.key), keys.lease(request.key), self.log_in_shard());
        let header = encode_header(&request);
        let arguments = [keys.prefix(), &header, &header, &request.bytes, &log];
        let reply = self.scripts.put.run(&mut connection, &[&page, &lease], &arguments).await;
        let reply = parse_string(reply.map_err(store_error)?).ok_or_else(unexpected_reply)?;
        match self.notify_if_asked(&mut connection, request.key, &reply).await? {
            b"stored" => Ok(PutResult::Stored),
            b"superseded" => Ok(PutResult::Superseded),
            b"purged" => Ok(PutResult::Purged),
            b"no sequence" => {
                self.sequence_lost.store(true, Ordering::Relaxed);
                Ok(PutResult::Purged)
            }
            _ => Err(unexpected_reply()),
        }
    }

    pub(super) async fn release_lease(
        &self,
        key: Id,
        owner: Id,
        reason: ReleaseReason,
    ) -> Result<(), StoreError> {
        let (keys, mut connection) = (self.shard(key), self.connection()?);
        let uncacheable_for = match reason {
            ReleaseReason::Retry => 0,
            ReleaseReason::Uncacheable(time) => millis(time),
        };
        let (lease, page, log) = (keys.lease(key), keys.page(key), self.log_in_shard());
        let uncacheable_for = uncacheable_for.to_string();
        let arguments = [keys.prefix(), &owner.0, uncacheable_for.as_bytes(), &log];
        let reply = self.scripts.release.run(&mut connection, &[&lease, &page], &arguments).await;
        let reply = parse_string(reply.map_err(store_error)?).ok_or_else(unexpected_reply)?;
        self.notify_if_asked(&mut connection, key, &reply).await.map(drop)
    }

    /// Returns the key of the log if a script may write it, or else nothing: in a cluster, it is in another hash slot.
    fn log_in_shard(&self) -> Vec<u8> {
        if self.is_cluster() { Vec::new() } else { self.first_shard().log() }
    }

    /// Returns the result of a script. If the script asks for it, notifies the processes that wait for the page before.
    async fn notify_if_asked<'r>(
        &self,
        connection: &mut Connection,
        key: Id,
        reply: &'r [u8],
    ) -> Result<&'r [u8], StoreError> {
        let Some(result) = reply.strip_suffix(NOTIFY) else { return Ok(reply) };
        let log = self.first_shard().log();
        let mut append = cmd("XADD");
        append.arg(&log).arg(&["MAXLEN", "~", "4096", "*", "f"]).arg(self.shard(key).page(key));
        append.query_async::<()>(connection).await.map_err(store_error)?;
        let mut expire = cmd("PEXPIRE");
        expire.arg(&log).arg(LOG_TTL_MILLIS);
        expire.query_async::<()>(connection).await.map_err(store_error)?;
        Ok(result)
    }
}

/// Encodes what the script `put` needs to know of a page. It keeps most of that as the header of the page.
fn encode_header(request: &PutRequest) -> Vec<u8> {
    let purge_keys = || request.purge_keys.iter().filter(|key| has_stamp(key));
    let handler = request.purge_keys.iter().find(|key| stable_id::is_handler(**key));
    let mut header = String::new();
    for number in [
        request.purge_seq,
        micros(request.started),
        request.fresh_for.map_or(MAX_NUMBER, micros),
        millis(request.ttl).max(1),
        purge_keys().count() as u64,
    ] {
        header.push_str(&digits(number));
    }
    let mut header = header.into_bytes();
    header.extend(request.owner.map_or([0; 16], |owner| owner.0));
    header.extend(handler.map_or([0; 16], |handler| handler.0));
    purge_keys().for_each(|key| header.extend(key.0));
    header.extend(request.path.as_bytes());
    header
}
