//! Lookups.
//!
//! A lookup is one `MGET` of the page and the stamps of its purge keys, because a script that reads the same takes the server
//! 24 µs instead of 1 µs. The purge keys are those that the caller predicts and those that an earlier lookup has found; if the
//! page has others, a second `MGET` reads their stamps. The first one is sent over the connection of the thread. Leases and puts need
//! atomicity, so they are scripts.
//!
//! Of a long page that the caller already has, only the header and the stamps are read, in one round trip. A hit on a page of
//! 64 KiB then costs the network as much as one of 2 KB, and nothing is decoded. If a rule was added since the page was stored,
//! a script has to read the page. With `local_ttl` zero, this is done for each request: pages are in local memory only to be
//! confirmed.

use std::time::Duration;

use ::redis::{cmd, pipe};
use actix_web::web::Bytes;

use super::{
    RedisStore,
    connection::Connection,
    encoding::millis,
    error::{error_reply, store_error, unexpected_reply},
    keys::has_stamp,
    reply::{KnownVersion, PageReply, Reply, parse_get},
    resp,
    worker_connection::Call,
};
use crate::{
    key::Id,
    remote::{GetRequest, GetResponse, Lease, LeaseStatus, RemoteEntry, StoreError},
};

/// A shorter page is read whole even if the caller has it: that is cheaper than a second command.
const REVALIDATE_MIN_LENGTH: usize = 8 * 1024;

impl RedisStore {
    /// Reads the page first and its stamps after it, so that a purge between the reads is noticed. For a fresh page that is
    /// as good as a script.
    pub(super) async fn get_page(&self, mut request: GetRequest) -> Result<GetResponse, StoreError> {
        let known = request.if_version.take().and_then(KnownVersion::from_version);
        if let Some(known) = &known {
            if known.frame_length > REVALIDATE_MIN_LENGTH {
                match self.revalidate(request.key, known).await? {
                    Reply::Fresh(entry) => return Ok(without_lease(Some(entry))),
                    Reply::NeedsScript => {
                        return self.get_or_acquire(request.key, request.lease, self.connection()?).await;
                    }
                    _ => {}
                }
            }
            // A newer page has most of these keys, too.
            request.purge_keys.extend_from_slice(&known.purge_keys);
        } else {
            request.purge_keys.extend(self.hints.get(request.key));
        }
        let reply = self.read_page(request.key, request.purge_keys).await?;
        match (reply.evaluate(self.clock.now()), request.lease) {
            (Reply::Fresh(entry), _) => match known.filter(|known| reply.has_version(known)) {
                Some(known) => Ok(without_lease(Some(unchanged(&entry, &known)))),
                None => Ok(without_lease(Some(RemoteEntry { version: reply.version(), ..entry }))),
            },
            (Reply::Stale(entry), None) => {
                Ok(without_lease(Some(RemoteEntry { version: reply.version(), ..entry })))
            }
            (Reply::Missing, None) => Ok(without_lease(None)),
            (Reply::Corrupt(bytes), lease) => {
                let response = self.get_or_acquire(request.key, lease, self.connection()?).await?;
                Ok(GetResponse { entry: Some(corrupt(bytes)), ..response })
            }
            (Reply::Stale(_) | Reply::Missing | Reply::NeedsScript, lease) => {
                self.get_or_acquire(request.key, lease, self.connection()?).await
            }
        }
    }

    /// Reads a page with all of its stamps.
    async fn read_page(&self, key: Id, mut purge_keys: Vec<Id>) -> Result<PageReply, StoreError> {
        let keys = self.shard(key);
        purge_keys.retain(has_stamp);
        let server = self.endpoint.plain_server();
        let own = server.and_then(|server| self.worker_connections.get(server));
        let mut call = own.and_then(|own| own.send(|out| keys.push_read(out, key, &purge_keys)));
        let replied = match &mut call {
            Some(call) => call.reply().await,
            None => None,
        };
        let mut reply = match (call, replied) {
            (Some(call), Some(reply)) => parse_own(call, reply, purge_keys)?,
            // Only the shared connection tells whether the server is available.
            _ => self.read_shared(key, purge_keys).await?,
        };
        let missing = reply.missing_keys();
        if !missing.is_empty() {
            let mut command = cmd("MGET");
            keys.push_stamps(&mut command, &missing);
            let values = command.query_async(&mut self.connection()?).await.map_err(store_error)?;
            reply.add_stamps(&missing, values).ok_or_else(unexpected_reply)?;
            self.hints.add(key, missing);
        }
        Ok(reply)
    }

    /// Reads a page over the connection that all threads share.
    async fn read_shared(&self, key: Id, purge_keys: Vec<Id>) -> Result<PageReply, StoreError> {
        let keys = self.shard(key);
        let mut command = cmd("MGET");
        command.arg(keys.page(key)).arg(keys.global_stamp());
        keys.push_stamps(&mut command, &purge_keys);
        let values = command.query_async(&mut self.connection()?).await.map_err(store_error)?;
        PageReply::parse(values, purge_keys).ok_or_else(unexpected_reply)
    }

    /// Reads the header of a page that the caller has, and its stamps.
    async fn revalidate(&self, key: Id, known: &KnownVersion) -> Result<Reply, StoreError> {
        let keys = self.shard(key);
        let mut stamps = cmd("MGET");
        stamps.arg(keys.global_stamp());
        keys.push_stamps(&mut stamps, &known.purge_keys);
        let mut commands = pipe();
        let last_byte = known.headers_length() - 1;
        commands.cmd("GETRANGE").arg(keys.page(key)).arg(0).arg(last_byte).add_command(stamps);
        let reply = match commands.query_async(&mut self.connection()?).await.map_err(store_error) {
            Ok(reply) => reply,
            // The value is not a string, so it is not a page.
            Err(error) if !error.is_unavailable() => return Ok(Reply::Missing),
            Err(error) => return Err(error),
        };
        let Some(reply) = PageReply::parse_header(reply, known).ok_or_else(unexpected_reply)? else {
            return Ok(Reply::Missing);
        };
        Ok(match reply.evaluate(self.clock.now()) {
            Reply::Fresh(entry) => Reply::Fresh(unchanged(&entry, known)),
            other => other,
        })
    }

    /// Runs the script, which reads the page and its stamps atomically, and acquires the lease.
    pub(super) async fn get_or_acquire(
        &self,
        key: Id,
        lease: Option<Lease>,
        mut connection: Connection,
    ) -> Result<GetResponse, StoreError> {
        let keys = self.shard(key);
        let (owner, ttl) = match lease {
            Some(lease) => (lease.owner.0.to_vec(), millis(lease.ttl)),
            None => (Vec::new(), 0),
        };
        let ttl = ttl.to_string();
        let arguments = [keys.prefix(), &owner, ttl.as_bytes()];
        let reply =
            self.scripts.get.run(&mut connection, &[&keys.page(key), &keys.lease(key)], &arguments).await;
        parse_get(reply.map_err(store_error)?).ok_or_else(unexpected_reply)
    }
}

/// Parses the reply of the connection of this thread.
fn parse_own(call: Call, reply: resp::Reply, purge_keys: Vec<Id>) -> Result<PageReply, StoreError> {
    let parsed = match reply {
        resp::Reply::Values(values) => PageReply::from_read(values.into_iter().map(Some), purge_keys),
        resp::Reply::Error(error) => return Err(error_reply(&error)),
        resp::Reply::Text(_) => None,
    };
    parsed.ok_or_else(|| {
        call.reject();
        unexpected_reply()
    })
}

/// Creates the response to a lookup that needs no lease.
fn without_lease(entry: Option<RemoteEntry>) -> GetResponse {
    GetResponse { entry, lease: LeaseStatus::Uncoalesced }
}

/// Returns an entry without its bytes, which the caller has.
fn unchanged(entry: &RemoteEntry, known: &KnownVersion) -> RemoteEntry {
    let RemoteEntry { age, expired, .. } = *entry;
    RemoteEntry { bytes: None, version: Some(known.version.clone()), age, expired }
}

/// Creates an entry that the cache will find to be corrupt, and replace.
fn corrupt(bytes: Bytes) -> RemoteEntry {
    RemoteEntry { bytes: Some(bytes), version: None, age: Duration::ZERO, expired: None }
}
