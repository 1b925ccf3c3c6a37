//! By whatever URL a server is reached, its pages are one cache: of a port, of a socket, and of a port with TLS.

use std::time::Duration;
#[cfg(feature = "redis-tls")]
use std::{fs, path::Path, process::Command};

use crate::{
    application::Settings,
    database::Database,
    directory::Directory,
    process::{Process, without_memory},
    server::Server,
};
#[cfg(feature = "redis-tls")]
use crate::{process::until, proxy::Proxy, server::free_port};

/// On a slow machine too, each hit comes from the server.
fn patient(server: &Server, database: &Database) -> Settings {
    Settings { deadline: Duration::from_secs(2), ..without_memory(server, database) }
}

/// What each of them makes, all have, until one of them purges it.
fn assert_are_one_cache(processes: &[Process], database: &Database) {
    for (id, maker) in (0..).zip(processes) {
        let path = format!("/page/{id}");
        let made = maker.store(&path);
        for process in processes {
            let shared = process.get(&path);
            assert!(shared.is_remote_hit() && shared.body == made.body, "{path}: {}", shared.outcome());
        }
        database.change(id);
        maker.purge("purge_path", &path);
        for process in processes {
            assert_eq!(process.get(&path).shown().version, database.version(id));
        }
    }
}

pub(crate) fn a_port_and_a_socket_lead_to_one_cache() {
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
        urls.map(|url| Process::start(&Settings { urls: vec![url], ..patient(&server, &database) }));
    assert_are_one_cache(&processes, &database);
}

#[cfg(feature = "redis-tls")]
pub(crate) fn a_port_with_tls_leads_to_the_same_cache() {
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
    let by = |url: String| Settings { urls: vec![url], ..patient(&server, &database) };
    let secure = |scheme: &str| by(format!("{scheme}://localhost:{port}"));
    let trusted = [("SSL_CERT_FILE", &*issuer)];
    let processes = [
        Process::start(&by(server.url())),
        Process::start_with(&secure("rediss"), &trusted),
        Process::start_with(&secure("valkeys"), &trusted),
    ];
    assert_are_one_cache(&processes, &database);
    // One that nobody vouches for, or of another name, is as good as no server; and so is one that is not asked by TLS.
    let stranger = file("stranger.crt");
    for (scheme, host, vouches, is_trusted) in [
        ("rediss", "localhost", &issuer, true),
        ("rediss", "localhost", &stranger, false),
        ("rediss", "127.0.0.1", &issuer, false),
        ("redis", "localhost", &issuer, false),
    ] {
        let proxy = Proxy::before(port);
        let settings = by(format!("{scheme}://{host}:{}", proxy.port()));
        let process = Process::begin_with(&settings, &[("SSL_CERT_FILE", vouches)]);
        until("it has tried", || process.is_up() || !is_trusted && proxy.connections() >= 4);
        let answer = process.get("/page/1");
        assert_eq!(answer.status, 200);
        assert_eq!(process.is_up(), is_trusted, "{scheme}://{host} with {vouches}");
    }
}

/// What a server with the name of this machine shows, `server.crt` and `server.key`; and where the certificate of its issuer is.
#[cfg(feature = "redis-tls")]
fn certificates(directory: &Path) -> String {
    fs::write(directory.join("names"), "subjectAltName=DNS:localhost").unwrap();
    for line in [
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=issuer -keyout issuer.key -out issuer.crt",
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=issuer -keyout stranger.key -out stranger.crt",
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout server.key -out server.csr",
        "x509 -req -days 2 -in server.csr -CA issuer.crt -CAkey issuer.key -set_serial 1 -extfile names -out server.crt",
    ] {
        let made = Command::new("openssl").args(line.split(' ')).current_dir(directory).output();
        let made = made.expect("`cargo xtask test` installs openssl, or `apt-get install openssl`");
        assert!(made.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&made.stderr));
    }
    directory.join("issuer.crt").to_str().unwrap().to_owned()
}
