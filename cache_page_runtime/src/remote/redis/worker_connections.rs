//! The connections for lookups, one for each thread that makes any.
//!
//! They are opened in the background, by the first lookup of a thread. Until one is open, and whenever that fails, lookups use the
//! connection that all threads share. A connection is not used if it leads to another run of the server than that one, because only
//! that one repairs what a server has lost.

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
    connection::CONNECT_TIMEOUT,
    resp::{Reply, push_command, push_word, take_reply},
    worker_connection::{CloseGuard, READ_LENGTH, WorkerConnection},
};
use crate::sync::lock;

/// Threads that have a connection. Others use the shared one.
const MAX_THREADS: usize = 256;

/// How long a thread does not try to connect again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct WorkerConnections(Mutex<Connections>);

#[derive(Default)]
struct Connections {
    /// The run id of the server to which connections may lead. Without one, none is opened.
    run_id: Option<Arc<[u8]>>,
    of_threads: Vec<ThreadConnection>,
}

/// What a thread has.
enum OfThread {
    /// A connection, which may not be open yet.
    Connection(Arc<WorkerConnection>),
    /// A new connection that the caller has to open, to this run of the server.
    New(Arc<WorkerConnection>, Arc<[u8]>),
    /// None, and no other may be opened now.
    Nothing,
}

struct ThreadConnection {
    thread: ThreadId,
    connection: Arc<WorkerConnection>,
    opened_at: Instant,
}

impl WorkerConnections {
    /// Closes all connections. None is opened before the server was checked again.
    pub(super) fn close(&self) {
        let connections = std::mem::take(&mut *lock(&self.0));
        connections.of_threads.iter().for_each(|thread| thread.connection.close());
    }

    /// Lets connections be opened to the run of a server that was checked.
    pub(super) fn allow(&self, run_id: Vec<u8>) {
        lock(&self.0).run_id = Some(run_id.into());
    }

    /// Returns the connection of this thread, which may not be open yet. The first call opens one to this server.
    pub(super) fn get(&self, server: &ConnectionInfo) -> Option<Arc<WorkerConnection>> {
        match self.of_thread() {
            OfThread::Connection(connection) => Some(connection),
            OfThread::New(connection, run_id) => {
                // Without a runtime that would open it, it is closed at once.
                let guard = CloseGuard(connection);
                let runtime = Handle::try_current().ok()?;
                runtime.spawn(open(guard, server.clone(), run_id));
                None
            }
            OfThread::Nothing => None,
        }
    }

    fn of_thread(&self) -> OfThread {
        let thread = thread::current().id();
        let Connections { run_id, of_threads } = &mut *lock(&self.0);
        let Some(run_id) = run_id else { return OfThread::Nothing };
        if let Some(known) = of_threads.iter().find(|known| known.thread == thread) {
            if !known.connection.is_closed() {
                return OfThread::Connection(Arc::clone(&known.connection));
            }
            if known.opened_at.elapsed() < RETRY_INTERVAL {
                return OfThread::Nothing;
            }
        }
        // Threads end without notice, and their connections with them. Those of other threads whose connections were closed just now wait
        // for the end of the interval too.
        of_threads.retain(|known| {
            let was_opened_lately = known.opened_at.elapsed() < RETRY_INTERVAL;
            known.thread != thread && (was_opened_lately || !known.connection.is_closed())
        });
        if of_threads.len() >= MAX_THREADS {
            return OfThread::Nothing;
        }
        let connection = Arc::<WorkerConnection>::default();
        let new = OfThread::New(Arc::clone(&connection), Arc::clone(run_id));
        of_threads.push(ThreadConnection { thread, connection, opened_at: Instant::now() });
        new
    }
}

impl Drop for WorkerConnections {
    fn drop(&mut self) {
        self.close();
    }
}

/// Opens a connection, and drives it until it is closed. It is also closed if that fails, or the runtime ends.
async fn open(guard: CloseGuard, server: ConnectionInfo, run_id: Arc<[u8]>) {
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

/// Authenticates, selects the database, and makes sure that this is the run of the server that was checked. After a restart, a server may
/// have lost purges, and another server may have received none: the [poll of the log](super::watch) finds that out.
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
    stream.write_all(&commands).await?;
    let mut read = BytesMut::with_capacity(READ_LENGTH);
    for _ in 0..statuses {
        if !matches!(next_reply(stream, &mut read).await?, Reply::Text(_)) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
    }
    match next_reply(stream, &mut read).await? {
        Reply::Text(info) if is_of_run(&info, run_id) => Ok(read),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Returns whether information about a server is from this run.
fn is_of_run(info: &[u8], run_id: &[u8]) -> bool {
    let of_server = info.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"run_id:"));
    of_server.map(<[u8]>::trim_ascii_end) == Some(run_id)
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
    use tokio::io::duplex;

    use super::*;

    async fn greeted(url: &str, replies: &[u8]) -> (io::Result<BytesMut>, String) {
        let (mut stream, mut server) = duplex(4096);
        server.write_all(replies).await.unwrap();
        let info = url.into_connection_info().unwrap();
        let result = greet(&mut stream, info.redis_settings(), b"ab12").await;
        let mut sent = BytesMut::with_capacity(4096);
        server.read_buf(&mut sent).await.unwrap();
        (result, String::from_utf8(sent.to_vec()).unwrap().replace("\r\n", " "))
    }

    const INFO: &str = "$28\r\nredis:7\r\nrun_id:ab12\r\nos:x\r\n\r\n";

    #[actix_web::test]
    async fn credentials_and_database_are_those_of_the_url() {
        let (result, sent) = greeted("redis://host", INFO.as_bytes()).await;
        assert!(result.is_ok());
        assert_eq!(sent, "*2 $4 INFO $6 server ");
        let replies = format!("+OK\r\n+OK\r\n{INFO}");
        let (result, sent) = greeted("redis://me:secret@host/3", replies.as_bytes()).await;
        assert!(result.is_ok());
        assert!(sent.starts_with("*3 $4 AUTH $2 me $6 secret *2 $6 SELECT $1 3 *2 $4 INFO "));
        let (result, _) = greeted("redis://:secret@host", b"-WRONGPASS\r\n").await;
        assert!(result.is_err());
    }

    /// It may lack purges.
    #[actix_web::test]
    async fn another_server_or_run_is_not_used() {
        for run_id in ["ab13", "ab1", "ab123", ""] {
            let info = format!("redis:7\r\nrun_id:{run_id}\r\nos:x\r\n");
            let reply = format!("${}\r\n{info}\r\n", info.len());
            assert!(greeted("redis://host", reply.as_bytes()).await.0.is_err(), "{run_id}");
        }
        assert!(greeted("redis://host", b"$9\r\nredis:7\r\n\r\n").await.0.is_err());
        assert!(greeted("redis://host", b"-NOPERM\r\n").await.0.is_err());
    }

    fn opening(connections: &WorkerConnections) -> Arc<WorkerConnection> {
        match connections.of_thread() {
            OfThread::New(connection, _) => connection,
            OfThread::Connection(_) => panic!("there is a connection"),
            OfThread::Nothing => panic!("none may be opened now"),
        }
    }

    #[test]
    fn connection_is_opened_once_until_it_has_failed_for_a_while() {
        let connections = WorkerConnections::default();
        assert!(matches!(connections.of_thread(), OfThread::Nothing), "no server was checked");
        connections.allow(b"ab12".to_vec());
        let opened = opening(&connections);
        assert!(
            matches!(connections.of_thread(), OfThread::Connection(known) if Arc::ptr_eq(&known, &opened))
        );
        opened.close();
        assert!(matches!(connections.of_thread(), OfThread::Nothing));
        connections.close();
        assert!(matches!(connections.of_thread(), OfThread::Nothing), "no server was checked since");
        connections.allow(b"ab12".to_vec());
        opening(&connections);
    }

    #[test]
    fn threads_do_not_open_connections_more_often_because_of_others() {
        let connections = WorkerConnections::default();
        connections.allow(b"ab12".to_vec());
        opening(&connections).close();
        thread::scope(|scope| {
            scope.spawn(|| opening(&connections).close());
        });
        assert!(matches!(connections.of_thread(), OfThread::Nothing));
    }
}
