//! A Redis server of a benchmark.

use std::{
    env,
    net::TcpListener,
    process::{Child, Command, Stdio},
};

/// A server without persistence, and its URL.
pub(crate) struct Server(Child, pub(crate) String);

impl Server {
    pub(crate) fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let program = env::var("CACHE_PAGE_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
        let server = Command::new(&program)
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} cannot be started: {error}"));
        Self(server, format!("redis://127.0.0.1:{port}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
