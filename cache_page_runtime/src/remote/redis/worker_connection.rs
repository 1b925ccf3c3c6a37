//! A connection for the lookups of one thread, which that thread drives.
//!
//! A lookup over the connection that all threads share wakes the thread that drives it, which wakes the first one for the reply.
//! Here, neither happens. The lookups of requests that are handled together are sent together.

use std::{
    collections::VecDeque,
    future::{Future as _, poll_fn},
    io,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker, ready},
    time::{Duration, Instant},
};

use actix_web::web::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite},
    sync::oneshot::{self, Receiver, Sender},
};

use super::resp::{Reply, take_reply};
use crate::sync::lock;

/// Lookups that may wait for their replies. Others use the shared connection.
const MAX_WAITING: usize = 1024;

/// Lookups in a row that ended without a reply, after which the connection is not used any longer.
const MAX_UNANSWERED: u32 = 3;

/// How long a lookup must have waited to be counted as one without a reply. Clients decide when they disconnect.
const MIN_WAIT: Duration = Duration::from_millis(20);

/// What is read at once, at least. Short pages are slices of it.
pub(super) const READ_LENGTH: usize = 16 * 1024;

/// After a longer reply, there is a new buffer.
const MAX_KEPT: usize = 4 * READ_LENGTH;

#[derive(Default)]
pub(super) struct WorkerConnection(Mutex<State>);

#[derive(Default)]
struct State {
    phase: Phase,
    /// Commands that have not been sent.
    outgoing: Vec<u8>,
    /// Lookups that wait for a reply, in the order of their commands.
    waiting: VecDeque<Sender<Reply>>,
    /// Wakes the driver.
    driver: Option<Waker>,
    unanswered: u32,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Connecting,
    Open,
    Closed,
}

/// A lookup that waits for its reply.
pub(super) struct Call {
    connection: Arc<WorkerConnection>,
    reply: Receiver<Reply>,
    sent_at: Instant,
    is_answered: bool,
}

impl WorkerConnection {
    pub(super) fn is_closed(&self) -> bool {
        lock(&self.0).phase == Phase::Closed
    }

    /// Sends the command that `write` writes. Returns `None` if the connection is not open, or too many lookups wait.
    pub(super) fn send(self: Arc<Self>, write: impl FnOnce(&mut Vec<u8>)) -> Option<Call> {
        let mut state = lock(&self.0);
        if state.phase != Phase::Open || state.waiting.len() >= MAX_WAITING {
            return None;
        }
        let (sender, reply) = oneshot::channel();
        write(&mut state.outgoing);
        state.waiting.push_back(sender);
        let driver = state.driver.take();
        drop(state);
        wake(driver);
        Some(Call { connection: self, reply, sent_at: Instant::now(), is_answered: false })
    }

    pub(super) fn close(&self) {
        let mut state = lock(&self.0);
        state.phase = Phase::Closed;
        let (driver, waiting) = (state.driver.take(), std::mem::take(&mut state.waiting));
        state.outgoing = Vec::new();
        drop(state);
        drop(waiting);
        wake(driver);
    }

    /// Sends commands and reads replies, until the connection is closed. `read` has what was read before.
    pub(super) async fn drive(&self, stream: impl AsyncRead + AsyncWrite + Unpin, read: BytesMut) {
        if !self.begin() {
            return;
        }
        let mut driver = Driver { connection: self, stream, unsent: Vec::new(), sent: 0, read };
        // An error closes the connection, which the lookups see.
        let _: io::Result<()> = poll_fn(|context| driver.poll(context)).await;
    }

    /// Returns whether the connection may be used: it was not closed while it was being opened.
    fn begin(&self) -> bool {
        let mut state = lock(&self.0);
        let may_open = state.phase == Phase::Connecting;
        if may_open {
            state.phase = Phase::Open;
        }
        may_open
    }

    fn record_unanswered(&self) {
        let mut state = lock(&self.0);
        state.unanswered += 1;
        let is_dead = state.unanswered >= MAX_UNANSWERED;
        drop(state);
        if is_dead {
            self.close();
        }
    }
}

impl Call {
    /// Waits for the reply. `None` means that the connection was closed.
    pub(super) async fn reply(&mut self) -> Option<Reply> {
        let reply = (&mut self.reply).await;
        self.is_answered = true;
        reply.ok()
    }

    /// Closes the connection, because the reply is not one to the command.
    pub(super) fn reject(self) {
        self.connection.close();
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.is_answered && self.sent_at.elapsed() >= MIN_WAIT && self.reply.try_recv().is_err() {
            self.connection.record_unanswered();
        }
    }
}

/// Closes a connection when it is dropped.
pub(super) struct CloseGuard(pub(super) Arc<WorkerConnection>);

impl Drop for CloseGuard {
    fn drop(&mut self) {
        self.0.close();
    }
}

struct Driver<'c, S> {
    connection: &'c WorkerConnection,
    stream: S,
    unsent: Vec<u8>,
    /// How much of `unsent` was sent.
    sent: usize,
    read: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<'_, S> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.take_outgoing(context) {
            return Poll::Ready(Ok(()));
        }
        while self.sent < self.unsent.len() {
            match Pin::new(&mut self.stream).poll_write(context, &self.unsent[self.sent..]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(sent) => self.sent += sent?,
                Poll::Pending => break,
            }
        }
        loop {
            self.read.reserve(READ_LENGTH / 4);
            if ready!(pin!(self.stream.read_buf(&mut self.read)).poll(context))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            self.deliver()?;
        }
    }

    /// Takes the commands that are to be sent next, and returns whether the connection was closed.
    fn take_outgoing(&mut self, context: &Context<'_>) -> bool {
        let mut state = lock(&self.connection.0);
        if self.sent == self.unsent.len() {
            self.unsent.clear();
            self.sent = 0;
            std::mem::swap(&mut self.unsent, &mut state.outgoing);
        } else {
            self.unsent.drain(..self.sent);
            self.sent = 0;
            self.unsent.append(&mut state.outgoing);
        }
        let previous = state.driver.replace(context.waker().clone());
        let is_closed = state.phase == Phase::Closed;
        drop(state);
        drop(previous);
        is_closed
    }

    fn deliver(&mut self) -> io::Result<()> {
        loop {
            let length = self.read.len();
            let reply = take_reply(&mut self.read).map_err(|_| io::ErrorKind::InvalidData)?;
            let Some(reply) = reply else { return Ok(()) };
            if length - self.read.len() > MAX_KEPT {
                let rest = std::mem::replace(&mut self.read, BytesMut::with_capacity(READ_LENGTH));
                self.read.extend_from_slice(&rest);
            }
            let mut state = lock(&self.connection.0);
            state.unanswered = 0;
            let waiting = state.waiting.pop_front();
            drop(state);
            // The request may have timed out. A reply to no command means that all of them are shifted.
            let _ = waiting.ok_or(io::ErrorKind::InvalidData)?.send(reply);
        }
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{rt::spawn, web::Bytes};
    use tokio::{
        io::{AsyncWriteExt as _, DuplexStream, duplex},
        task::yield_now,
    };

    use super::*;

    /// Returns an open connection, and its other end.
    async fn open() -> (Arc<WorkerConnection>, DuplexStream) {
        let (stream, server) = duplex(64 * 1024);
        let connection = Arc::<WorkerConnection>::default();
        let driven = CloseGuard(Arc::clone(&connection));
        spawn(async move { driven.0.drive(stream, BytesMut::new()).await });
        yield_now().await;
        (connection, server)
    }

    fn send(connection: &Arc<WorkerConnection>, command: &str) -> Option<Call> {
        Arc::clone(connection).send(|out| out.extend_from_slice(command.as_bytes()))
    }

    async fn received(server: &mut DuplexStream) -> String {
        let mut read = BytesMut::new();
        server.read_buf(&mut read).await.unwrap();
        String::from_utf8(read.to_vec()).unwrap()
    }

    impl Call {
        /// Drops the lookup as if it had waited.
        fn time_out(mut self) {
            self.sent_at -= MIN_WAIT;
        }
    }

    fn text(text: &'static str) -> Option<Reply> {
        Some(Reply::Text(Bytes::from_static(text.as_bytes())))
    }

    #[actix_web::test]
    async fn each_lookup_gets_its_reply() {
        let (connection, mut server) = open().await;
        let [mut one, two, mut three] = ["1", "2", "3"].map(|command| send(&connection, command).unwrap());
        assert_eq!(received(&mut server).await, "123", "sent together");
        drop(two);
        server.write_all(b"+one\r\n+two\r\n+th").await.unwrap();
        assert_eq!(one.reply().await, text("one"));
        server.write_all(b"ree\r\n").await.unwrap();
        assert_eq!(three.reply().await, text("three"));
        let mut four = send(&connection, "4").unwrap();
        assert_eq!(received(&mut server).await, "4");
        server.write_all(b"+four\r\n").await.unwrap();
        assert_eq!(four.reply().await, text("four"));
    }

    #[actix_web::test]
    async fn lookups_end_with_the_connection() {
        let (connection, server) = open().await;
        let mut call = send(&connection, "1").unwrap();
        drop(server);
        assert_eq!(call.reply().await, None);
        assert!(connection.is_closed() && send(&connection, "2").is_none());

        let (connection, _server) = open().await;
        let mut call = send(&connection, "1").unwrap();
        connection.close();
        assert_eq!(call.reply().await, None);
    }

    #[actix_web::test]
    async fn reply_to_no_command_closes_the_connection() {
        for reply in [&b"+one\r\n+two\r\n"[..], b":1\r\n"] {
            let (connection, mut server) = open().await;
            let mut call = send(&connection, "1").unwrap();
            server.write_all(reply).await.unwrap();
            let _ = call.reply().await;
            yield_now().await;
            assert!(connection.is_closed());
        }
    }

    /// A server that was replaced without notice never answers, while the connections of other threads work.
    #[actix_web::test]
    async fn connection_that_does_not_answer_is_closed() {
        let (connection, mut server) = open().await;
        let time_out = || send(&connection, "1").unwrap().time_out();
        (1..MAX_UNANSWERED).for_each(|_| time_out());
        let mut call = send(&connection, "1").unwrap();
        for _ in 0..MAX_UNANSWERED {
            server.write_all(b"+late\r\n").await.unwrap();
        }
        assert_eq!(call.reply().await, text("late"));
        for _ in 0..MAX_UNANSWERED {
            assert!(!connection.is_closed());
            time_out();
        }
        assert!(connection.is_closed());
    }

    /// Clients must not be able to close the connection of others.
    #[actix_web::test]
    async fn lookups_of_clients_that_disconnect_close_nothing() {
        let (connection, mut server) = open().await;
        let mut call = send(&connection, "1").unwrap();
        (0..2 * MAX_UNANSWERED).for_each(|_| drop(send(&connection, "2")));
        server.write_all(b"+one\r\n").await.unwrap();
        assert_eq!(call.reply().await, text("one"));
        assert!(!connection.is_closed());
    }

    #[actix_web::test]
    async fn reply_that_nobody_has_looked_at_counts() {
        let (connection, mut server) = open().await;
        let calls: Vec<_> = (0..MAX_UNANSWERED).map(|_| send(&connection, "1").unwrap()).collect();
        for _ in &calls {
            server.write_all(b"+one\r\n").await.unwrap();
        }
        yield_now().await;
        calls.into_iter().for_each(Call::time_out);
        assert!(!connection.is_closed());
    }

    #[actix_web::test]
    async fn number_of_lookups_that_wait_is_limited() {
        let (connection, _server) = open().await;
        let calls: Vec<_> = (0..MAX_WAITING).map(|_| send(&connection, "1").unwrap()).collect();
        assert!(send(&connection, "1").is_none() && !connection.is_closed());
        drop(calls);
    }

    #[actix_web::test]
    async fn connection_is_not_used_before_it_is_open_or_after_it_was_closed() {
        let connection = Arc::<WorkerConnection>::default();
        assert!(send(&connection, "1").is_none());
        connection.close();
        let (stream, _server) = duplex(64);
        connection.drive(stream, BytesMut::new()).await;
        assert!(send(&connection, "1").is_none());
    }
}
