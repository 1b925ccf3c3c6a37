//! Waiting for changes, and for the server.

use std::{
    sync::{PoisonError, atomic::Ordering},
    time::Duration,
};

use ::redis::{Value, cmd};
use tokio::time::sleep;

use crate::remote::redis::{
    RedisStore,
    connection::Connection,
    key,
    log::{self, LogCursor, LogReply},
    scripts::{self, digits, millis},
    server_clock::ServerClock,
    store_error, unexpected_reply,
};
use crate::remote::{ChangeBatch, Cursor, StoreError};

/// For what is waited for, a tenth of a second at a time. What requests ask, the cache itself gives up on.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The server looks ten times a second whether somebody has waited for long enough: a shorter time is waited for here.
const MIN_BLOCK: Duration = Duration::from_millis(100);

impl RedisStore {
    pub(super) async fn poll_log(
        &self,
        after: Option<Cursor>,
        wait: Duration,
    ) -> Result<ChangeBatch, StoreError> {
        let heard = &mut *self.log_reader.lock().await;
        if heard.is_none() || self.connection().is_err() {
            *heard = Some(self.connect(after.as_ref()).await?);
        }
        let Some(connection) = heard else { return Err(StoreError::unavailable("there is no connection")) };
        let answer = self.read_log(connection, after, wait).await;
        if answer.as_ref().is_err_and(StoreError::is_unavailable) {
            *heard = None;
        }
        answer
    }

    async fn read_log(
        &self,
        connection: &mut Connection,
        after: Option<Cursor>,
        wait: Duration,
    ) -> Result<ChangeBatch, StoreError> {
        let place = after.as_ref().and_then(LogCursor::decode);
        let [log, tail, sequence] = [b"l", b"t", b"n"].map(|name| key(&self.key_prefixes()[0], name));
        if wait < MIN_BLOCK {
            sleep(wait).await;
        } else if let Some(place) = &place {
            // That there is something is all that matters of it.
            let mut read = cmd("XREAD");
            read.arg("COUNT")
                .arg(1)
                .arg("BLOCK")
                .arg(millis(wait).max(1))
                .arg("STREAMS")
                .arg(&log)
                .arg(&place.last_entry);
            let _: Value = read.query_async(connection).await.map_err(store_error)?;
        }
        let known = place.as_ref().map_or(0, |place| place.sequence).to_string();
        let last = place.as_ref().map_or("", |place| &place.last_entry);
        let arguments = [&*self.key_prefixes()[0], last.as_bytes(), known.as_bytes()];
        let asked = ServerClock::sent();
        let answer = self.scripts.poll_changes.run(connection, &[&log, &tail, &sequence], &arguments).await;
        let LogReply { changes, now } =
            log::parse(answer.map_err(store_error)?, place.as_ref()).ok_or_else(unexpected_reply)?;
        self.clock.synchronize(now, &asked);
        if self.is_cluster() && (after.is_none() || self.sequence_lost.swap(false, Ordering::Relaxed)) {
            self.seed_sequence(connection, changes.sequence).await?;
        }
        Ok(changes)
    }

    /// Before anything is read there: it may be the same server, started again with less than it knew before.
    async fn check_run_id(&self, asked: &mut Connection, after: Option<&Cursor>) -> Result<(), StoreError> {
        let base = &self.key_prefixes()[0];
        let keys = [b"i", b"n", b"x", b"r", b"t"].map(|name| key(base, name));
        let known = digits(after.and_then(LogCursor::decode).map_or(0, |place| place.sequence));
        let arguments = [&base[..], known.as_bytes(), known.as_bytes()];
        let answer =
            self.scripts.check_run_id.run(asked, &keys.each_ref().map(Vec::as_slice), &arguments).await;
        scripts::parse_text(answer.map_err(store_error)?).map(drop).ok_or_else(unexpected_reply)
    }

    /// Only one shard gives out numbers. The others are told the last one where they have none.
    async fn seed_sequence(&self, connection: &mut Connection, number: u64) -> Result<(), StoreError> {
        for base in &self.key_prefixes()[1..] {
            let mut set = cmd("SET");
            set.arg(key(base, b"n")).arg(digits(number)).arg(&["NX", "PX", "86400000"]);
            let _: Value = set.query_async(connection).await.map_err(store_error)?;
        }
        Ok(())
    }

    /// Both connections, anew.
    async fn connect(&self, after: Option<&Cursor>) -> Result<Connection, StoreError> {
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let mut asked = self.endpoint.connect(None).await.map_err(store_error)?;
        if self.is_cluster() {
            // Its nodes start again without this being heard of here.
            let _: Value = cmd("PING").query_async(&mut asked).await.map_err(store_error)?;
        } else {
            self.check_run_id(&mut asked, after).await?;
        }
        let heard = self.endpoint.connect(Some(RESPONSE_TIMEOUT)).await.map_err(store_error)?;
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
        Ok(heard)
    }
}
