//! Polls of the log, which also connect to the server.
//!
//! There are two connections: a blocking command on the connection of the requests would delay them. Lookups mostly use those of
//! their threads ([`worker_connections`](super::worker_connections)).
//!
//! The connection manager of the client, which reconnects by itself, is not used. Each poll has to find out whether the server is
//! available anyway, and opens both connections again if it is not. So no request waits for a connection that is being opened,
//! and the crate does not depend on `arc-swap` and `backon`.

use std::{sync::atomic::Ordering, time::Duration};

use ::redis::{Value, cmd};
use tokio::time::sleep;

use super::{
    RedisStore,
    connection::Connection,
    encoding::{digits, millis},
    error::{store_error, unexpected_reply},
    log::{LogCursor, LogReply},
    scripts::parse_string,
    server_clock::ServerClock,
};
use crate::{
    remote::{ChangeBatch, Cursor, StoreError},
    sync::lock,
};

/// The deadline of a command on the log connection. A blocking command takes about 100 ms.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The shortest time that the server blocks for: it checks ten times a second whether a blocked client has timed out.
const MIN_BLOCK: Duration = Duration::from_millis(100);

impl RedisStore {
    pub(super) async fn poll_log(
        &self,
        after: Option<Cursor>,
        wait: Duration,
    ) -> Result<ChangeBatch, StoreError> {
        let connection = &mut *self.log_connection.lock().await;
        if connection.is_none() || self.connection().is_err() {
            *connection = Some(self.connect(after.as_ref()).await?);
        }
        let Some(connected) = connection else { return Err(StoreError::unavailable("not connected")) };
        let result = self.read_log(connected, after, wait).await;
        if result.as_ref().is_err_and(StoreError::is_unavailable) {
            *connection = None;
        }
        result
    }

    async fn read_log(
        &self,
        connection: &mut Connection,
        after: Option<Cursor>,
        wait: Duration,
    ) -> Result<ChangeBatch, StoreError> {
        let cursor = after.as_ref().and_then(LogCursor::decode);
        let keys = self.first_shard();
        let log = keys.log();
        if wait < MIN_BLOCK {
            sleep(wait).await;
        } else if let Some(cursor) = &cursor {
            // Only waits for the next entry: the script reads it.
            let mut read = cmd("XREAD");
            read.arg("COUNT")
                .arg(1)
                .arg("BLOCK")
                .arg(millis(wait).max(1))
                .arg("STREAMS")
                .arg(&log)
                .arg(&cursor.last_entry);
            let reply: Result<Value, _> = read.query_async(connection).await;
            // The script deletes a log that was overwritten.
            reply.map(drop).map_err(store_error).or_else(|error| match error.is_unavailable() {
                true => Err(error),
                false => Ok(()),
            })?;
        }
        let sequence = cursor.as_ref().map_or(0, |cursor| cursor.sequence).to_string();
        let last_entry = cursor.as_ref().map_or("", |cursor| &cursor.last_entry);
        let script_keys = [&*log, &keys.log_tail(), &keys.sequence()];
        let arguments = [keys.prefix(), last_entry.as_bytes(), sequence.as_bytes()];
        let sent = ServerClock::sent();
        let reply = self.scripts.poll_changes.run(connection, &script_keys, &arguments).await;
        let reply = LogReply::parse(reply.map_err(store_error)?, cursor.as_ref());
        let LogReply { batch, now } = reply.ok_or_else(unexpected_reply)?;
        self.clock.synchronize(now, &sent);
        if self.is_cluster() && (after.is_none() || self.sequence_lost.swap(false, Ordering::Relaxed)) {
            self.seed_sequence(connection, batch.sequence).await?;
        }
        Ok(batch)
    }

    /// Opens both connections, and returns the one for the log.
    async fn connect(&self, after: Option<&Cursor>) -> Result<Connection, StoreError> {
        *lock(&self.request_connection) = None;
        self.worker_connections.close();
        let mut requests = self.endpoint.connect(None).await.map_err(store_error)?;
        if self.is_cluster() {
            // The client connects to the nodes by itself, so their run ids cannot be checked here. A node that has restarted, or
            // a promoted replica, may therefore return pages whose purge it has lost.
            let _: Value = cmd("PING").query_async(&mut requests).await.map_err(store_error)?;
        } else {
            let run_id = self.check_run_id(&mut requests, after).await?;
            self.worker_connections.allow(run_id);
        }
        let log = self.endpoint.connect(Some(RESPONSE_TIMEOUT)).await.map_err(store_error)?;
        *lock(&self.request_connection) = Some(requests);
        Ok(log)
    }

    /// Purges everything if the server was restarted, before anything is read from it: it may have lost purges that were executed
    /// after its last snapshot, or that had not reached the replica which is the master now. Readers of the log find a gap then,
    /// because they may not have received the lost purges either. Returns the run id of the server.
    async fn check_run_id(
        &self,
        connection: &mut Connection,
        after: Option<&Cursor>,
    ) -> Result<Vec<u8>, StoreError> {
        let keys = self.first_shard();
        let script_keys =
            [keys.run_id(), keys.sequence(), keys.global_stamp(), keys.recent_purges(), keys.log_tail()];
        let sequence = digits(after.and_then(LogCursor::decode).map_or(0, |cursor| cursor.sequence));
        let arguments = [keys.prefix(), sequence.as_bytes(), sequence.as_bytes()];
        let script = &self.scripts.check_run_id;
        let reply = script.run(connection, &script_keys.each_ref().map(Vec::as_slice), &arguments).await;
        parse_string(reply.map_err(store_error)?).ok_or_else(unexpected_reply)
    }

    /// Sets the sequence of the shards that have none. Only the first shard assigns sequence numbers.
    async fn seed_sequence(&self, connection: &mut Connection, sequence: u64) -> Result<(), StoreError> {
        for keys in &self.shards()[1..] {
            let mut set = cmd("SET");
            set.arg(keys.sequence()).arg(digits(sequence)).arg(&["NX", "PX", "86400000"]);
            let _: Value = set.query_async(connection).await.map_err(store_error)?;
        }
        Ok(())
    }
}
