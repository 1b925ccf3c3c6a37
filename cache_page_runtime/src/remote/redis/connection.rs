//! Connections to a server, a cluster or the master that sentinels monitor.

use std::{fmt, time::Duration};

use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, Pipeline,
    RedisError, RedisFuture, Value,
    aio::{ConnectionLike, MultiplexedConnection},
};

/// The deadline of one attempt to connect. That of the poll which connects may be earlier or later.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The deadline of a command in a cluster. The cache has a deadline of its own; this one ends commands that it has dropped.
#[cfg(feature = "redis-cluster")]
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The error of a URL that cannot be parsed.
///
/// Its message does not contain the URL, which may contain a password.
#[derive(Debug)]
pub struct RedisUrlError {
    error: RedisError,
}

impl From<RedisError> for RedisUrlError {
    fn from(error: RedisError) -> Self {
        Self { error }
    }
}

impl fmt::Display for RedisUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "invalid Redis URL, expected one like \"redis://user:password@localhost:6379/0\": {}",
            self.error
        )
    }
}

impl std::error::Error for RedisUrlError {}

/// What to connect to.
pub(super) enum Endpoint {
    Server(Box<Client>),
    #[cfg(feature = "redis-cluster")]
    Cluster(Box<::redis::cluster::ClusterClient>),
    #[cfg(feature = "redis-sentinel")]
    Sentinel(Box<tokio::sync::Mutex<::redis::sentinel::SentinelClient>>),
}

impl Endpoint {
    pub(super) fn server(url: &str) -> Result<Self, RedisUrlError> {
        Ok(Self::Server(Box::new(Client::open(url.into_connection_info()?)?)))
    }

    #[cfg(feature = "redis-cluster")]
    pub(super) fn cluster<U: AsRef<str>>(nodes: impl IntoIterator<Item = U>) -> Result<Self, RedisUrlError> {
        let nodes = nodes.into_iter().map(|url| url.as_ref().into_connection_info());
        let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
        let client = ::redis::cluster::ClusterClient::builder(nodes)
            .connection_timeout(CONNECT_TIMEOUT)
            .response_timeout(RESPONSE_TIMEOUT)
            .retries(2)
            // A slot that moves may take longer than the deadline of the cache, so retries are quick and few.
            .min_retry_wait(5)
            .max_retry_wait(20)
            .build()?;
        Ok(Self::Cluster(Box::new(client)))
    }

    #[cfg(feature = "redis-sentinel")]
    pub(super) fn sentinel<U: AsRef<str>>(
        sentinels: impl IntoIterator<Item = U>,
        master: &str,
        server: &str,
    ) -> Result<Self, RedisUrlError> {
        use ::redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};

        let sentinels = sentinels.into_iter().map(|url| url.as_ref().into_connection_info());
        let sentinels = sentinels.collect::<Result<Vec<_>, _>>()?;
        let server = server.into_connection_info()?;
        let mut info =
            SentinelNodeConnectionInfo::default().set_redis_connection_info(server.redis_settings().clone());
        if matches!(server.addr(), ::redis::ConnectionAddr::TcpTls { .. }) {
            info = info.set_tls_mode(::redis::TlsMode::Secure);
        }
        let client =
            SentinelClient::build(sentinels, String::from(master), Some(info), SentinelServerType::Master)?;
        Ok(Self::Sentinel(Box::new(tokio::sync::Mutex::new(client))))
    }

    /// Returns the server, if threads can have connections of their own to it.
    ///
    /// Not with TLS, which the client sets up. The nodes of a cluster and the master of sentinels change.
    pub(super) fn plain_server(&self) -> Option<&ConnectionInfo> {
        match self {
            Self::Server(client) => {
                let info = client.get_connection_info();
                matches!(info.addr(), ConnectionAddr::Tcp(..) | ConnectionAddr::Unix(_)).then_some(info)
            }
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(_) => None,
            #[cfg(feature = "redis-sentinel")]
            Self::Sentinel(_) => None,
        }
    }

    /// Opens a connection whose commands fail after `response_timeout`. A cluster has its own timeout.
    pub(super) async fn connect(&self, response_timeout: Option<Duration>) -> Result<Connection, RedisError> {
        #[cfg(feature = "redis-tls")]
        install_crypto_provider();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(response_timeout);
        match self {
            Self::Server(client) => {
                client.get_multiplexed_async_connection_with_config(&config).await.map(Connection::Server)
            }
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(client) => client.get_async_connection().await.map(Connection::Cluster),
            #[cfg(feature = "redis-sentinel")]
            Self::Sentinel(client) => {
                let mut client = client.lock().await;
                client.get_async_connection_with_config(&config).await.map(Connection::Server)
            }
        }
    }
}

/// Installs a provider if there is none: if an executable contains several, rustls panics unless one is installed.
#[cfg(feature = "redis-tls")]
fn install_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may have installed one in the meantime.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            // The URL may contain a password.
            Self::Server(_) => "server",
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(_) => "cluster",
            #[cfg(feature = "redis-sentinel")]
            Self::Sentinel(_) => "sentinel",
        })
    }
}

/// A connection. Its clones are multiplexed over one socket, or in a cluster over one for each node.
#[derive(Clone)]
pub(super) enum Connection {
    Server(MultiplexedConnection),
    #[cfg(feature = "redis-cluster")]
    Cluster(::redis::cluster_async::ClusterConnection),
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Server(connection) => connection.req_packed_command(command),
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Server(connection) => connection.req_packed_commands(pipeline, offset, count),
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Server(connection) => connection.get_db(),
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}
