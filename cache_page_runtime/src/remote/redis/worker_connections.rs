//! The connections for lookups, one for each thread that makes any.
//!
//! They are opened in the background, by the first lookup of a thread. Until one is open, and whenever that fails, lookups use the
//! connection that all threads share. Only that one repairs what a restarted server has lost: a connection is not used if the server
//! has another run id than the one that was recorded.

use std::{
    future::Future,
    io,
    sync::{Arc, Mutex},
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

use ::redis::{ConnectionAddr, ConnectionInfo, RedisConnectionInfo};
use actix_web::web::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Handle,
    time::timeout,
};

use super::{
    RedisStore,
    connection::CONNECT_TIMEOUT,
    resp::{Reply, Values, push_command, push_word, take_reply},
    worker_connection::{CloseGuard, READ_LENGTH, WorkerConnection},
};
use crate::sync::lock;

/// Threads that have a connection. Others use the shared one.
const MAX_THREADS: usize = 256;

/// How long a thread does not try to connect again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct WorkerConnections(Mutex<Vec<ThreadConnection>>);

struct ThreadConnection {
    thread: ThreadId,
    connection: Arc<WorkerConnection>,
    opened_at: Instant,
}

impl WorkerConnections {
    /// Closes all connections. They are opened again when they are needed.
    pub(super) fn close(&self) {
        let connections = std::mem::take(&mut *lock(&self.0));
        connections.iter().for_each(|thread| thread.connection.close());
    }

    /// Returns the connection of this thread. The second one is to be opened.
    fn of_thread(&self) -> Result<Arc<WorkerConnection>, Option<Arc<WorkerConnection>>> {
        let thread = thread::current().id();
        let mut connections = lock(&self.0);
        if let Some(known) = connections.iter().find(|known| known.thread == thread) {
            if !known.connection.is_closed() {
                return Ok(Arc::clone(&known.connection));
            }
            if known.opened_at.elapsed() < RETRY_INTERVAL {
                return Err(None);
            }
        }
        // Threads end without notice, and their connections with them.
        connections.retain(|known| known.thread != thread && !known.connection.is_closed());
        if connections.len() >= MAX_THREADS {
            return Err(None);
        }
        let connection = Arc::<WorkerConnection>::default();
        let opened = Arc::clone(&connection);
        connections.push(ThreadConnection { thread, connection, opened_at: Instant::now() });
        Err(Some(opened))
    }
}

impl Drop for WorkerConnections {
    fn drop(&mut self) {
        self.close();
    }
}

impl RedisStore {
    /// Returns the connection of this thread, which may not be open yet.
    pub(super) fn worker_connection(&self) -> Option<Arc<WorkerConnection>> {
        let server = self.endpoint.plain_server()?;
        match self.worker_connections.of_thread() {
            Ok(connection) => Some(connection),
            Err(opened) => {
                // Without a runtime that would open it, it is closed at once.
                let guard = CloseGuard(opened?);
                let runtime = Handle::try_current().ok()?;
                runtime.spawn(open(guard, server.clone(), self.first_shard().run_id()));
                None
            }
        }
    }
}

/// Opens a connection, and drives it until it is closed. It is also closed if that fails, or the runtime ends.
async fn open(guard: CloseGuard, server: ConnectionInfo, run_id: Vec<u8>) {
    match server.addr() {
        ConnectionAddr::Tcp(host, port) => {
            let stream = async {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                Ok(stream)
            };
            connect(&guard.0, stream, &server, &run_id).await;
        }
        #[cfg(unix)]
        ConnectionAddr::Unix(path) => {
            connect(&guard.0, tokio::net::UnixStream::connect(path), &server, &run_id).await;
        }
        _ => {}
    }
}

async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    connection: &WorkerConnection,
    stream: impl Future<Output = io::Result<S>>,
    server: &ConnectionInfo,
    run_id: &[u8],
) {
    let connected = timeout(CONNECT_TIMEOUT, async {
        let mut stream = stream.await?;
        let read = greet(&mut stream, server.redis_settings(), run_id).await?;
        Ok::<_, io::Error>((stream, read))
    });
    // If it fails, lookups report what is wrong with the shared connection.
    if let Ok(Ok((stream, read))) = connected.await {
        connection.drive(stream, read).await;
    }
}

/// Authenticates, selects the database, and makes sure that what the server has may be read: after a restart, it may have lost
/// purges, which the [poll of the log](super::watch) repairs.
async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    settings: &RedisConnectionInfo,
    run_id: &[u8],
) -> io::Result<BytesMut> {
    let (mut commands, mut statuses) = (Vec::new(), 0);
    if let Some(password) = settings.password() {
        let user = settings.username();
        push_command(&mut commands, 2 + usize::from(user.is_some()));
        push_word(&mut commands, &[b"AUTH"]);
        user.into_iter().for_each(|user| push_word(&mut commands, &[user.as_bytes()]));
        push_word(&mut commands, &[password.as_bytes()]);
        statuses += 1;
    }
    if settings.db() != 0 {
        push_command(&mut commands, 2);
        push_word(&mut commands, &[b"SELECT"]);
        push_word(&mut commands, &[settings.db().to_string().as_bytes()]);
        statuses += 1;
    }
    push_command(&mut commands, 2);
    push_word(&mut commands, &[b"INFO"]);
    push_word(&mut commands, &[b"server"]);
    push_command(&mut commands, 2);
    push_word(&mut commands, &[b"MGET"]);
    push_word(&mut commands, &[run_id]);
    stream.write_all(&commands).await?;
    let mut read = BytesMut::with_capacity(READ_LENGTH);
    for _ in 0..statuses {
        if !matches!(next_reply(stream, &mut read).await?, Reply::Text(_)) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
    }
    let (info, known) = (next_reply(stream, &mut read).await?, next_reply(stream, &mut read).await?);
    match (info, known) {
        (Reply::Text(info), Reply::Values(known)) if is_known_server(&info, &known) => Ok(read),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Returns whether the data is from the run of the server that the connection leads to.
fn is_known_server(info: &[u8], known: &Values) -> bool {
    let run_id = info.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"run_id:"));
    let run_id = run_id.map(<[u8]>::trim_ascii_end);
    matches!((run_id, &known[..]), (Some(run_id), [Some(known)]) if !run_id.is_empty() && known == run_id)
}

async fn next_reply(stream: &mut (impl AsyncRead + Unpin), read: &mut BytesMut) -> io::Result<Reply> {
    loop {
        if let Some(reply) = take_reply(read).map_err(|_| io::ErrorKind::InvalidData)? {
            return Ok(reply);
        }
        if stream.read_buf(read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use ::redis::IntoConnectionInfo as _;
    use actix_web::web::Bytes;
    use tokio::io::duplex;

    use super::*;

    async fn greeted(url: &str, replies: &[u8]) -> (io::Result<BytesMut>, String) {
        let (mut stream, mut server) = duplex(4096);
        server.write_all(replies).await.unwrap();
        let info = url.into_connection_info().unwrap();
        let result = greet(&mut stream, info.redis_settings(), b"run-id").await;
        let mut sent = BytesMut::with_capacity(4096);
        server.read_buf(&mut sent).await.unwrap();
        (result, String::from_utf8(sent.to_vec()).unwrap().replace("\r\n", " "))
    }

    const INFO: &str = "$28\r\nredis:7\r\nrun_id:ab12\r\nos:x\r\n\r\n";

    #[actix_web::test]
    async fn credentials_and_database_are_those_of_the_url() {
        let replies = format!("{INFO}*1\r\n$4\r\nab12\r\n");
        let (result, sent) = greeted("redis://host", replies.as_bytes()).await;
        assert!(result.is_ok());
        assert_eq!(sent, "*2 $4 INFO $6 server *2 $4 MGET $6 run-id ");
        let replies = format!("+OK\r\n+OK\r\n{INFO}*1\r\n$4\r\nab12\r\n");
        let (result, sent) = greeted("redis://me:secret@host/3", replies.as_bytes()).await;
        assert!(result.is_ok());
        assert!(sent.starts_with("*3 $4 AUTH $2 me $6 secret *2 $6 SELECT $1 3 *2 $4 INFO "));
        let (result, _) = greeted("redis://:secret@host", b"-WRONGPASS\r\n").await;
        assert!(result.is_err());
    }

    /// Its data may lack purges.
    #[test]
    fn server_that_was_restarted_is_not_used() {
        let is_known = |known: Option<&'static [u8]>| {
            let known = known.map(Bytes::from_static);
            is_known_server(b"redis:7\r\nrun_id:ab12\r\nos:x\r\n", &[known].into_iter().collect())
        };
        assert!(is_known(Some(b"ab12")));
        assert!(
            !is_known(Some(b"ab13")) && !is_known(Some(b"ab1")) && !is_known(Some(b"")) && !is_known(None)
        );
        assert!(!is_known_server(b"run_id:\r\n", &[Some(Bytes::new())].into_iter().collect()));
        assert!(!is_known_server(b"redis:7\r\n", &[Some(Bytes::new())].into_iter().collect()));
    }

    #[test]
    fn connection_is_opened_once_until_it_has_failed_for_a_while() {
        let connections = WorkerConnections::default();
        let Err(Some(opened)) = connections.of_thread() else { panic!("there is a connection") };
        assert!(connections.of_thread().is_ok_and(|connection| Arc::ptr_eq(&connection, &opened)));
        opened.close();
        assert!(matches!(connections.of_thread(), Err(None)));
        connections.close();
        assert!(matches!(connections.of_thread(), Err(Some(_))));
    }
}
