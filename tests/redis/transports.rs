//! Processes share pages over TCP, Unix sockets and TLS.

#[cfg(feature = "redis-tls")]
use std::time::Duration;

use crate::{
    application::Settings,
    database::Database,
    directory::Directory,
    process::{Process, remote_only},
    server::Server,
};
#[cfg(feature = "redis-tls")]
use crate::{
    certificates::certificates,
    process::{wait_until, with_timeout},
    proxy::Proxy,
    server::free_port,
};

/// Checks that each process serves the pages of all others until they are purged.
fn assert_share_pages(processes: &[Process], database: &Database) {
    for (id, generator) in (0..).zip(processes) {
        let path = format!("/page/{id}");
        let filled = generator.fill(&path);
        for process in processes {
            let shared = process.get(&path);
            assert!(shared.is_remote_hit() && shared.body == filled.body, "{path}: {}", shared.outcome());
        }
        database.change(id);
        generator.purge("purge_path", &path);
        for process in processes {
            assert_eq!(process.get(&path).content().version, database.version(id));
        }
    }
}

pub(crate) fn tcp_and_unix_sockets_share_pages() {
    let (directory, database) = (Directory::new(), Database::new());
    let socket = directory.path().join("socket");
    let socket = socket.to_str().unwrap();
    let server = Server::with(&["--unixsocket", socket]);
    let urls = [
        server.url(),
        server.url().replace("redis://", "valkey://"),
        format!("redis+unix://{socket}"),
        format!("valkey+unix://{socket}"),
    ];
    let processes =
        urls.map(|url| Process::start(&Settings { urls: vec![url], ..remote_only(&server, &database) }));
    assert_share_pages(&processes, &database);
}

#[cfg(feature = "redis-tls")]
pub(crate) fn tls_shares_pages_and_checks_certificates() {
    let (directory, database) = (Directory::new(), Database::new());
    let issuer = certificates(directory.path());
    let port = free_port();
    let file = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let server = Server::with(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &file("server.crt"),
        "--tls-key-file",
        &file("server.key"),
        "--tls-ca-cert-file",
        &issuer,
        "--tls-auth-clients",
        "no",
    ]);
    let by = |url: String| Settings { urls: vec![url], ..remote_only(&server, &database) };
    let secure = |scheme: &str| by(format!("{scheme}://localhost:{port}"));
    let trusted = [("SSL_CERT_FILE", &*issuer)];
    let processes = [
        Process::start(&by(server.url())),
        Process::start_with(&secure("rediss"), &trusted),
        Process::start_with(&secure("valkeys"), &trusted),
    ];
    assert_share_pages(&processes, &database);
    // The store is unavailable with an untrusted certificate, another host name, or a client without TLS.
    let stranger = file("stranger.crt");
    for (scheme, host, issuers, is_trusted) in [
        ("rediss", "localhost", &issuer, true),
        ("rediss", "localhost", &stranger, false),
        ("rediss", "127.0.0.1", &issuer, false),
        ("redis", "localhost", &issuer, false),
    ] {
        let proxy = Proxy::in_front_of(port);
        // A process that has just started waits that long for its first connection.
        let settings = by(format!("{scheme}://{host}:{}", proxy.port()));
        let settings = with_timeout(settings, Duration::from_secs(1));
        let process = Process::spawn_with(&settings, &[("SSL_CERT_FILE", issuers)]);
        wait_until("the process has tried to connect", || {
            process.is_available() || !is_trusted && proxy.connections() >= 4
        });
        let answer = process.get("/page/1");
        assert_eq!(answer.status, 200);
        assert_eq!(process.is_available(), is_trusted, "{scheme}://{host} with {issuers}");
    }
}
