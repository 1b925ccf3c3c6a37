//! A Redis or Valkey server.

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

/// Longer than any server takes to start, on a slow machine.
const START_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) struct Server {
    port: u16,
    arguments: Vec<String>,
    directory: Directory,
    child: Option<Child>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a server with more arguments.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        let owned = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut server =
            Self { port: free_port(), arguments: owned, directory: Directory::new(), child: None };
        for _ in 0..20 {
            if server.try_run() {
                return server;
            }
            // Another process may have taken the port.
            server.port = free_port();
        }
        panic!("a server with {arguments:?} does not start on any port");
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

    /// Returns the number of bytes that the server has sent.
    pub(crate) fn bytes_sent(&self) -> u64 {
        let stats = String::from_utf8(self.command("INFO stats").text()).unwrap();
        let sent = stats.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:"));
        sent.unwrap().trim().parse().unwrap()
    }

    /// Returns how many times the server has executed a command.
    pub(crate) fn calls(&self, command: &str) -> u64 {
        let stats = String::from_utf8(self.command("INFO commandstats").text()).unwrap();
        let prefix = format!("cmdstat_{command}:calls=");
        let calls = stats.lines().find_map(|line| line.strip_prefix(&prefix)?.split(',').next());
        calls.map_or(0, |calls| calls.parse().unwrap())
    }

    pub(crate) fn command(&self, line: &str) -> Reply {
        self.client().command(line)
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Ends a stopped process, too.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Restarts the server on the same port, with its last snapshot if there is one.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let start = Instant::now();
        while !self.try_run() {
            assert!(start.elapsed() < START_TIMEOUT, "the port is taken");
            sleep(Duration::from_millis(50));
        }
    }

    /// Stops the process. Its connections stay open.
    pub(crate) fn pause(&self) {
        signal(self.child.as_ref().expect("the server is not running"), "-STOP");
    }

    pub(crate) fn resume(&self) {
        signal(self.child.as_ref().expect("the server is not running"), "-CONT");
    }

    /// Returns whether the server has started. If it ends, another process has taken its port.
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
            .args(&self.arguments)
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
                assert!(start.elapsed() < START_TIMEOUT, "`{program}` ended: {status}");
                return false;
            }
            // A server with a password, or a replica without its master, answers with an error.
            let answer = Resp::connect(self.port).and_then(|mut client| client.try_command(&[b"PING"]));
            match answer {
                Ok(Reply::Text(_)) => return true,
                Ok(Reply::Error(why)) if why.starts_with("NOAUTH") || why.starts_with("MASTERDOWN") => {
                    return true;
                }
                _ => assert!(start.elapsed() < START_TIMEOUT, "`{program}` does not answer"),
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

/// The command-line client of the server.
#[cfg(feature = "redis-cluster")]
pub(crate) fn cli_program() -> String {
    program().replace("-server", "-cli")
}

/// Returns a port on which no process listens.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}
