//! Applications as processes, and how a test speaks to them.

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
    application::{Kind, Settings},
    client::{Answer, Client},
    database::Database,
    server::Server,
};

/// Nothing that is waited for takes so long, on whatever machine.
pub(crate) const LONGEST: Duration = Duration::from_secs(20);

/// It has memory for a minute and nothing set otherwise, but for a prefix, by which it need not read its own program.
pub(crate) fn settings(server: &Server, database: &Database) -> Settings {
    Settings {
        urls: vec![server.url()],
        kind: Kind::Server,
        database: database.path().to_owned(),
        key_prefix: "test".to_owned(),
        local_ttl: Duration::from_secs(60),
        max_purge_lag: Duration::from_secs(1),
        deadline: Duration::from_millis(50),
        one_fill: true,
        slow: Duration::from_millis(300),
    }
}

/// The same without memory: what holds there holds at once.
pub(crate) fn without_memory(server: &Server, database: &Database) -> Settings {
    Settings { local_ttl: Duration::ZERO, ..settings(server, database) }
}

pub(crate) struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    /// It is connected to its server when this returns.
    pub(crate) fn start(settings: &Settings) -> Self {
        Self::start_with(settings, &[])
    }

    /// The same with more variables.
    pub(crate) fn start_with(settings: &Settings, variables: &[(&str, &str)]) -> Self {
        let process = Self::begin_with(settings, variables);
        process.until_up();
        process
    }

    /// It listens when this returns.
    pub(crate) fn begin(settings: &Settings) -> Self {
        Self::begin_with(settings, &[])
    }

    pub(crate) fn begin_with(settings: &Settings, variables: &[(&str, &str)]) -> Self {
        Self::run(&env::current_exe().unwrap(), settings, variables)
    }

    /// The same by another program.
    pub(crate) fn run(program: &Path, settings: &Settings, variables: &[(&str, &str)]) -> Self {
        let (name, told) = settings.write();
        let mut child = Command::new(program)
            .env(name, told)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().parse().expect("it tells where it listens");
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
        self.client().ask("GET", path, headers, "").unwrap()
    }

    pub(crate) fn tell(&self, verb: &str, about: &str) -> Answer {
        self.client().ask("POST", &format!("/verb/{verb}"), "", about).unwrap()
    }

    /// Returns when it is confirmed.
    pub(crate) fn purge(&self, verb: &str, about: &str) {
        let answer = self.tell(verb, about);
        assert_eq!(answer.status, 200, "{verb} {about:?}: {}", answer.text());
    }

    pub(crate) fn stats(&self) -> BTreeMap<String, u64> {
        let answer = self.get("/stats");
        let pairs = answer.text().lines().filter_map(|line| line.split_once(' '));
        pairs.map(|(name, number)| (name.to_owned(), number.parse().unwrap())).collect()
    }

    pub(crate) fn is_up(&self) -> bool {
        self.stats()["is_up"] == 1
    }

    pub(crate) fn until_up(&self) {
        until("it is connected", || self.is_up());
    }

    pub(crate) fn until_down(&self) {
        until("it knows that nobody answers", || !self.is_up());
    }

    /// A page is put behind its response: until it is there. Right after a purge elsewhere it may be refused, since this process has not
    /// heard of that yet; it is made again then.
    pub(crate) fn store(&self, path: &str) -> Answer {
        let before = self.stats();
        let mut answer = self.get(path);
        assert!(answer.is_stored(), "{path}: {}", answer.outcome());
        until("the page is put", || {
            let now = self.stats();
            if now["kept"] > before["kept"] {
                return true;
            }
            if now["purged"] > before["purged"] {
                let again = self.get(path);
                // Until the purge is heard of, it is a hit in memory.
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

/// Waits until it is so, and returns how long that took.
#[track_caller]
pub(crate) fn until(what: &str, is_so: impl FnMut() -> bool) -> Duration {
    within(LONGEST, what, is_so)
}

#[track_caller]
pub(crate) fn within(longest: Duration, what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < longest, "waited in vain until {what}");
        sleep(Duration::from_millis(2));
    }
    start.elapsed()
}
