//! Redis or Valkey, as a process of the test's own.

use std::{
    env, io,
    net::TcpListener,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    directory::Directory,
    process::signal,
    resp::{Reply, Resp},
};

/// No server takes so long to start, on whatever machine.
const STARTING: Duration = Duration::from_secs(20);

pub(crate) struct Server {
    port: u16,
    more: Vec<String>,
    directory: Directory,
    child: Option<Child>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// With more arguments.
    pub(crate) fn with(more: &[&str]) -> Self {
        let words = more.iter().map(|word| (*word).to_owned()).collect();
        let mut server = Self { port: free_port(), more: words, directory: Directory::new(), child: None };
        for _ in 0..20 {
            if server.try_run() {
                return server;
            }
            // Somebody else took the port meanwhile.
            server.port = free_port();
        }
        panic!("a server with {more:?} does not start on any port");
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn client(&self) -> Resp {
        Resp::connect(self.port).unwrap()
    }

    /// How many bytes it has sent to anybody.
    pub(crate) fn sent(&self) -> u64 {
        let stats = String::from_utf8(self.ask("INFO stats").text()).unwrap();
        let sent = stats.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:"));
        sent.unwrap().trim().parse().unwrap()
    }

    pub(crate) fn ask(&self, line: &str) -> Reply {
        self.client().ask(line)
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // One that is stopped ends too.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// At the same port, with nothing in it.
    pub(crate) fn start_again(&mut self) {
        self.kill();
        let start = Instant::now();
        while !self.try_run() {
            assert!(start.elapsed() < STARTING, "the port is taken");
            sleep(Duration::from_millis(50));
        }
    }

    /// It does not run, and its connections stay.
    pub(crate) fn pause(&self) {
        signal(self.child.as_ref().expect("it runs"), "-STOP");
    }

    pub(crate) fn resume(&self) {
        signal(self.child.as_ref().expect("it runs"), "-CONT");
    }

    /// Whether it answers by then. If it ends, its port is taken.
    fn try_run(&mut self) -> bool {
        let program = program();
        let child = Command::new(&program)
            .args([
                "--port",
                &self.port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .arg("--dir")
            .arg(self.directory.path())
            .args(&self.more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = match child {
            Ok(child) => self.child.insert(child),
            Err(error) if error.kind() == io::ErrorKind::NotFound => panic!(
                "there is no `{program}` here: `cargo xtask test` installs it, or `apt-get install redis-server`; \
                 `CACHE_PAGE_SERVER=valkey-server` runs another one"
            ),
            Err(error) => panic!("`{program}` cannot be run: {error}"),
        };
        let start = Instant::now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                assert!(start.elapsed() < STARTING, "`{program}` ended: {status}");
                return false;
            }
            // One with a password answers that it wants it.
            let answer = Resp::connect(self.port).and_then(|mut client| client.try_ask(&[b"PING"]));
            match answer {
                Ok(Reply::Text(_)) => return true,
                Ok(Reply::Failed(why)) if why.starts_with("NOAUTH") || why.starts_with("MASTERDOWN") => {
                    return true;
                }
                _ => assert!(start.elapsed() < STARTING, "`{program}` does not answer"),
            }
            sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn program() -> String {
    env::var("CACHE_PAGE_SERVER").unwrap_or_else(|_| "redis-server".to_owned())
}

/// The client that comes with the server.
#[cfg(feature = "redis-cluster")]
pub(crate) fn command_line() -> String {
    program().replace("-server", "-cli")
}

/// Nobody listens there at the moment.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}
