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
    error, join,
    log::{self, LogCursor, LogReply},
    scripts::{self, digits, millis},
    server_clock::ServerClock,
    unreadable,
};
use crate::remote::{ChangeBatch, Cursor, StoreError};

/// For what is waited for, a tenth of a second at a time. What requests ask, the cache itself gives up on.
const ANSWERING: Duration = Duration::from_secs(2);

/// The server looks ten times a second whether somebody has waited for long enough: a shorter time is waited for here.
const BLOCKED: Duration = Duration::from_millis(100);

impl RedisStore {
    pub(super) async fn hear(
        &self,
        after: Option<Cursor>,
        wait: Duration,
    ) -> Result<ChangeBatch, StoreError> {
        let heard = &mut *self.heard.lock().await;
        if heard.is_none() || self.asked().is_err() {
            *heard = Some(self.connect(after.as_ref()).await?);
        }
        let Some(connection) = heard else { return Err(StoreError::unavailable("there is no connection")) };
        let answer = self.read(connection, after, wait).await;
        if answer.as_ref().is_err_and(StoreError::is_unavailable) {
            *heard = None;
        }
        answer
    }

    async fn read(
        &self,
        connection: &mut Connection,
        after: Option<Cursor>,
        wait: Duration,
    ) -> Result<ChangeBatch, StoreError> {
        let place = after.as_ref().and_then(LogCursor::read);
        let [log, tail, sequence] = [b"l", b"t", b"n"].map(|key| join(&self.bases()[0], key));
        if wait < BLOCKED {
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
                .arg(&place.last);
            let _: Value = read.query_async(connection).await.map_err(error)?;
        }
        let known = place.as_ref().map_or(0, |place| place.number).to_string();
        let last = place.as_ref().map_or("", |place| &place.last);
        let arguments = [&*self.bases()[0], last.as_bytes(), known.as_bytes()];
        let asked = ServerClock::asked();
        let answer = self.scripts.changes.run(connection, &[&log, &tail, &sequence], &arguments).await;
        let LogReply { changes, now } =
            log::read(answer.map_err(error)?, place.as_ref()).ok_or_else(unreadable)?;
        self.time.set(now, &asked);
        if self.is_cluster() && (after.is_none() || self.is_forgetful.swap(false, Ordering::Relaxed)) {
            self.remind(connection, changes.sequence).await?;
        }
        Ok(changes)
    }

    /// Before anything is read there: it may be the same server, started again with less than it knew before.
    async fn greet(&self, asked: &mut Connection, after: Option<&Cursor>) -> Result<(), StoreError> {
        let base = &self.bases()[0];
        let keys = [b"i", b"n", b"x", b"r", b"t"].map(|key| join(base, key));
        let known = digits(after.and_then(LogCursor::read).map_or(0, |place| place.number));
        let arguments = [&base[..], known.as_bytes(), known.as_bytes()];
        let answer = self.scripts.greet.run(asked, &keys.each_ref().map(Vec::as_slice), &arguments).await;
        scripts::text(answer.map_err(error)?).map(drop).ok_or_else(unreadable)
    }

    /// Only one shard gives out numbers. The others are told the last one where they have none.
    async fn remind(&self, connection: &mut Connection, number: u64) -> Result<(), StoreError> {
        for base in &self.bases()[1..] {
            let mut set = cmd("SET");
            set.arg(join(base, b"n")).arg(digits(number)).arg(&["NX", "PX", "86400000"]);
            let _: Value = set.query_async(connection).await.map_err(error)?;
        }
        Ok(())
    }

    /// Both connections, anew.
    async fn connect(&self, after: Option<&Cursor>) -> Result<Connection, StoreError> {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let mut asked = self.dial.connect(None).await.map_err(error)?;
        if self.is_cluster() {
            // Its nodes start again without this being heard of here.
            let _: Value = cmd("PING").query_async(&mut asked).await.map_err(error)?;
        } else {
            self.greet(&mut asked, after).await?;
        }
        let heard = self.dial.connect(Some(ANSWERING)).await.map_err(error)?;
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
        Ok(heard)
    }
}
