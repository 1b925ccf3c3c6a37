//! The processes of the application.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    application::{Deployment, Settings},
    client::{Answer, Client},
    database::Database,
    server::Server,
};

/// Longer than any condition takes, on a slow machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Returns settings whose timeouts do not elapse on a slow machine, with a key prefix, so that the process need not hash its
/// executable.
pub(crate) fn settings(server: &Server, database: &Database) -> Settings {
    Settings {
        urls: vec![server.url()],
        deployment: Deployment::Server,
        database: database.path().to_owned(),
        key_prefix: "test".to_owned(),
        local_ttl: Duration::from_secs(60),
        max_purge_lag: Duration::from_secs(1),
        remote_timeout: LIMIT,
        coalesce_timeout: LIMIT,
        coalesce_across_processes: true,
        handler_time: Duration::from_millis(300),
    }
}

/// Returns settings without local memory: purges take effect at once.
pub(crate) fn remote_only(server: &Server, database: &Database) -> Settings {
    Settings { local_ttl: Duration::ZERO, ..settings(server, database) }
}

pub(crate) struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    /// Starts a process and waits until it is connected to its server.
    pub(crate) fn start(settings: &Settings) -> Self {
        Self::start_with(settings, &[])
    }

    /// The same with more environment variables.
    pub(crate) fn start_with(settings: &Settings, variables: &[(&str, &str)]) -> Self {
        let process = Self::spawn_with(settings, variables);
        process.wait_available();
        process
    }

    /// Starts a process and waits until it listens.
    pub(crate) fn spawn(settings: &Settings) -> Self {
        Self::spawn_with(settings, &[])
    }

    pub(crate) fn spawn_with(settings: &Settings, variables: &[(&str, &str)]) -> Self {
        Self::spawn_program(&env::current_exe().unwrap(), settings, variables)
    }

    /// The same with another executable.
    pub(crate) fn spawn_program(program: &Path, settings: &Settings, variables: &[(&str, &str)]) -> Self {
        let (name, text) = settings.to_variable();
        let mut child = Command::new(program)
            .env(name, text)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().parse().expect("no address");
        Self { child, address }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.client().get(path)
    }

    pub(crate) fn get_with(&self, path: &str, headers: &str) -> Answer {
        self.client().send("GET", path, headers, "").unwrap()
    }

    pub(crate) fn try_purge(&self, method: &str, argument: &str) -> Answer {
        self.client().send("POST", &format!("/purge/{method}"), "", argument).unwrap()
    }

    /// Waits until requests for a page are answered from local memory, and returns such a response.
    pub(crate) fn wait_in_local_memory(&self, path: &str) -> Answer {
        let mut answer = self.get(path);
        wait_until("the page is served from local memory", || {
            answer = self.get(path);
            answer.is_local_hit()
        });
        answer
    }

    /// Waits until requests for a page are answered from local memory or the store.
    pub(crate) fn wait_hit(&self, path: &str) {
        wait_until("the page is a hit", || self.get(path).is_hit());
    }

    /// Waits until a page shows the last version of its data.
    pub(crate) fn wait_current(&self, path: &str, version: u64) {
        wait_until("the page is current", || self.get(path).content().version == version);
    }

    /// Purges, and waits until the purge is executed.
    pub(crate) fn purge(&self, method: &str, argument: &str) {
        let answer = self.try_purge(method, argument);
        assert_eq!(answer.status, 200, "{method} {argument:?}: {}", answer.text());
    }

    pub(crate) fn stats(&self) -> BTreeMap<String, u64> {
        let answer = self.get("/stats");
        let pairs = answer.text().lines().filter_map(|line| line.split_once(' '));
        pairs.map(|(name, number)| (name.to_owned(), number.parse().unwrap())).collect()
    }

    pub(crate) fn is_available(&self) -> bool {
        self.stats()["is_available"] == 1
    }

    pub(crate) fn wait_available(&self) {
        wait_until("the process is connected", || self.is_available());
    }

    pub(crate) fn wait_unavailable(&self) {
        wait_until("the store is unavailable", || !self.is_available());
    }

    /// Generates a page, and waits until it is stored. If it is rejected, because the process has not received a purge yet, the page
    /// is generated again.
    pub(crate) fn fill(&self, path: &str) -> Answer {
        let before = self.stats();
        let mut answer = self.get(path);
        assert!(answer.is_stored(), "{path}: {}", answer.outcome());
        wait_until("the page is stored", || {
            let now = self.stats();
            if now["stored"] > before["stored"] {
                return true;
            }
            if now["purged"] > before["purged"] {
                let again = self.get(path);
                // Until the process has received the purge, it serves from local memory.
                if again.is_stored() {
                    answer = again;
                }
            }
            false
        });
        answer
    }

    pub(crate) fn pause(&self) {
        signal(&self.child, "-STOP");
    }

    pub(crate) fn resume(&self) {
        signal(&self.child, "-CONT");
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn signal(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// Returns the settings with a timeout after which a server that does not answer is unavailable.
pub(crate) fn with_timeout(settings: Settings, remote_timeout: Duration) -> Settings {
    Settings { remote_timeout, ..settings }
}

/// Waits until a condition holds, and returns how long that took.
#[track_caller]
pub(crate) fn wait_until(condition: &str, holds: impl FnMut() -> bool) -> Duration {
    wait_at_most(LIMIT, condition, holds)
}

/// As [`wait_until`]. A check that starts later than `longest` must not fail; how long the check itself takes does not matter.
#[track_caller]
pub(crate) fn wait_at_most(longest: Duration, condition: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    loop {
        let checked_at = start.elapsed();
        if holds() {
            return start.elapsed();
        }
        assert!(checked_at < longest, "not within {longest:?}: {condition}");
        sleep(Duration::from_millis(2));
    }
}
