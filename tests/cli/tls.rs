//! An inspector behind TLS.

use std::{
    fs,
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use crate::{
    certificates::certificates, directory::Directory, run_with, server::free_port, site::wait_until, stub,
};

/// A server that has files with whole responses.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn certificate_of_the_inspector_is_checked() {
    let directory = Directory::new();
    let issuer = certificates(directory.path());
    let overview = directory.path().join("cache/api/overview");
    fs::create_dir_all(overview.parent().unwrap()).unwrap();
    fs::write(overview, stub::json("200 OK", "{\"token\":\"1\",\"cache\":\"behind TLS\"}")).unwrap();
    let port = free_port();
    let mut server = Command::new("openssl");
    server.args(["s_server", "-quiet", "-HTTP", "-cert", "server.crt", "-key", "server.key", "-accept"]);
    server.arg(port.to_string()).current_dir(directory.path());
    let server = server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let _server = Server(server.unwrap());
    wait_until("the server listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let stats = |url: &str, issuers: &str| {
        let url = url.replace("PORT", &port.to_string());
        run_with(&["stats", "--inspector", &url], &[("SSL_CERT_FILE", issuers)], "")
    };
    stats("https://localhost:PORT/cache", &issuer).assert_done().assert_shows("cache behind TLS");
    let stranger = issuer.replace("issuer.crt", "stranger.crt");
    stats("https://localhost:PORT/cache", &stranger).assert_failed(3, "certificate");
    stats("https://127.0.0.1:PORT/cache", &issuer).assert_failed(3, "certificate");
    assert_ne!(stats("http://localhost:PORT/cache", &issuer).code, 0);
}
