//! Clients that send requests while the data of the pages are changed and purged. No response may be older than the last purge before its request.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread::{self, sleep},
    time::{Duration, Instant},
};

use crate::{
    client::{Answer, Client, PageContent},
    database::Database,
    process::{Process, wait_until},
    proxy::Random,
};

const HANDLERS: [&str; 3] = ["page", "slow", "big"];
const IDS: u64 = 6;

/// The number of clients of each process.
const CLIENTS: u64 = 2;

/// The time between two changes.
const CHANGE_INTERVAL: Duration = Duration::from_millis(12);

/// Two processes under load.
pub(crate) struct Load {
    pub(crate) processes: [Process; 2],
    database: Database,
    /// How long a page may be served after another process has purged it.
    allowed: Duration,
    /// By page: from when on which version is the oldest that may be served, after purges that were executed.
    executed: Versions,
    /// The same for the process that has requested the purge, pending purges included.
    purged: [Versions; 2],
    is_stopped: AtomicBool,
    pub(crate) counts: Counts,
}

#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) requests: AtomicU64,
    /// Purges that were executed.
    pub(crate) purges: AtomicU64,
    pub(crate) pending: AtomicU64,
    /// The longest response time in microseconds, since it was last read.
    slowest: AtomicU64,
    /// Requests without a page.
    pub(crate) failed: Mutex<Vec<String>>,
    /// Responses with another page, or with a purged one.
    pub(crate) wrong: Mutex<Vec<String>>,
}

type Versions = Vec<Mutex<Vec<(Instant, u64)>>>;

fn versions() -> Versions {
    (0..HANDLERS.len() as u64 * IDS).map(|_| Mutex::default()).collect()
}

#[derive(Clone, Copy)]
struct Target {
    handler: &'static str,
    id: u64,
}

impl Target {
    fn all() -> impl Iterator<Item = Self> {
        HANDLERS.iter().flat_map(|handler| (0..IDS).map(move |id| Self { handler, id }))
    }

    fn path(self) -> String {
        format!("/{}/{}", self.handler, self.id)
    }

    fn index(self) -> usize {
        let handler = HANDLERS.iter().position(|handler| *handler == self.handler).unwrap();
        handler * usize::try_from(IDS).unwrap() + usize::try_from(self.id).unwrap()
    }
}

impl Load {
    pub(crate) fn new(processes: [Process; 2], database: Database, allowed: Duration) -> Self {
        Self {
            processes,
            database,
            allowed,
            executed: versions(),
            purged: [versions(), versions()],
            is_stopped: AtomicBool::new(false),
            counts: Counts::default(),
        }
    }

    /// Sends requests while `during` runs.
    pub(crate) fn run<T>(&self, during: impl FnOnce() -> T) -> T {
        thread::scope(|scope| {
            for process in 0..2 {
                for client in 0..CLIENTS {
                    scope.spawn(move || self.send_requests(process, 1 + 2 * client + process as u64));
                }
            }
            scope.spawn(|| self.change_data());
            // Stops the clients after a panic, too.
            let _stop = StopOnDrop(&self.is_stopped);
            during()
        })
    }

    fn send_requests(&self, process: usize, seed: u64) {
        let (mut client, mut random) = (self.processes[process].client(), Random(seed));
        while !self.is_stopped.load(SeqCst) {
            let handler = match random.below(16) {
                0 => "slow",
                1 | 2 => "big",
                _ => "page",
            };
            let target = Target { handler, id: random.below(IDS) };
            self.send_request(&mut client, process, target);
            // Leaves time for the processes.
            sleep(Duration::from_micros(300));
        }
    }

    fn send_request(&self, client: &mut Client, process: usize, target: Target) {
        let start = Instant::now();
        let min_version = self.min_version(process, target, start);
        let answer = client.send("GET", &target.path(), "", "");
        let took = start.elapsed();
        self.counts.requests.fetch_add(1, SeqCst);
        self.counts.slowest.fetch_max(u64::try_from(took.as_micros()).unwrap(), SeqCst);
        match answer {
            Err(error) => self.counts.failed.lock().unwrap().push(format!("{}: {error}", target.path())),
            Ok(answer) if answer.status != 200 => {
                self.counts.failed.lock().unwrap().push(format!("{}: {}", target.path(), answer.status));
            }
            Ok(answer) => self.check(process, target, start, min_version, &answer),
        }
    }

    /// Returns the oldest version that a request at this time may get.
    fn min_version(&self, process: usize, target: Target, now: Instant) -> u64 {
        let until = |versions: &Versions, allowed: Duration| {
            let versions = versions[target.index()].lock().unwrap();
            let end = versions.partition_point(|(at, _)| *at + allowed <= now);
            end.checked_sub(1).map_or(0, |last| versions[last].1)
        };
        until(&self.executed, self.allowed).max(until(&self.purged[process], Duration::ZERO))
    }

    fn check(&self, process: usize, target: Target, start: Instant, min_version: u64, answer: &Answer) {
        let shown = PageContent::decode(&answer.body);
        let is_expected =
            shown.as_ref().is_some_and(|shown| shown.handler == target.handler && shown.id == target.id);
        let version = shown.as_ref().map_or(0, |shown| shown.version);
        if is_expected && version >= min_version {
            return;
        }
        let first = |versions: &Versions| {
            let versions = versions[target.index()].lock().unwrap();
            versions
                .iter()
                .find(|(_, newer)| *newer > version)
                .map(|(at, _)| start.saturating_duration_since(*at))
        };
        self.counts.wrong.lock().unwrap().push(format!(
            "process {process} ({}) {}: {shown:?} instead of {min_version}, {:?} after the purge was executed and {:?} after it was \
             requested here: {}",
            self.processes[process].id(),
            target.path(),
            first(&self.executed),
            first(&self.purged[process]),
            answer.outcome(),
        ));
    }

    fn change_data(&self) {
        let mut clients = [self.processes[0].client(), self.processes[1].client()];
        let mut random = Random(99);
        while !self.is_stopped.load(SeqCst) {
            let id = random.below(IDS);
            self.database.change(id);
            let process = usize::try_from(random.below(2)).unwrap();
            let of_id = |target: &Target| target.id == id;
            match random.below(10) {
                0 => self.purge(&mut clients[process], process, "purge_all", "", |_| true),
                1 => {
                    for handler in &HANDLERS {
                        let matches = |target: &Target| target.handler == *handler;
                        let prefix = format!("/{handler}/");
                        self.purge(&mut clients[process], process, "purge_prefix", &prefix, matches);
                    }
                }
                2 => {
                    for handler in &HANDLERS {
                        let path = format!("/{handler}/{id}");
                        let matches = |target: &Target| target.path() == path;
                        self.purge(&mut clients[process], process, "expire_path", &path, matches);
                    }
                }
                _ => self.purge(&mut clients[process], process, "purge_tag", &format!("page:{id}"), of_id),
            }
            sleep(CHANGE_INTERVAL);
        }
    }

    fn purge(
        &self,
        client: &mut Client,
        process: usize,
        method: &str,
        argument: &str,
        matches: impl Fn(&Target) -> bool,
    ) {
        // Only this thread changes the data.
        let matching: Vec<_> = Target::all()
            .filter(matches)
            .map(|target| (target.index(), self.database.version(target.id)))
            .collect();
        let answer = client.send("POST", &format!("/purge/{method}"), "", argument);
        let now = Instant::now();
        let is_executed = match answer {
            Ok(answer) if answer.status == 200 => true,
            Ok(answer) if answer.status == 503 => false,
            other => {
                return self.counts.failed.lock().unwrap().push(format!("{method} {argument:?}: {other:?}"));
            }
        };
        let count = if is_executed { &self.counts.purges } else { &self.counts.pending };
        count.fetch_add(1, SeqCst);
        for (place, version) in matching {
            self.purged[process][place].lock().unwrap().push((now, version));
            if is_executed {
                self.executed[place].lock().unwrap().push((now, version));
            }
        }
    }

    /// Lets the clients send requests for this time, and longer on a slow machine: until there were enough of them to prove
    /// something.
    pub(crate) fn go_on_for(&self, time: Duration) {
        sleep(time);
        wait_until("there were enough requests and purges", || {
            let counts = [&self.counts.requests, &self.counts.purges].map(|count| count.load(SeqCst));
            counts[0] > 100 && counts[1] > 10
        });
    }

    /// Returns the longest response time since the last call.
    pub(crate) fn slowest(&self) -> Duration {
        Duration::from_micros(self.counts.slowest.swap(0, SeqCst))
    }

    /// Waits until one process serves a page of the other one.
    pub(crate) fn wait_shared(&self, longest: Duration) -> Option<Duration> {
        let start = Instant::now();
        let [mut one, mut other] = [self.processes[0].client(), self.processes[1].client()];
        for id in 1000.. {
            let path = format!("/page/{id}");
            let _ = one.send("GET", &path, "", "");
            sleep(Duration::from_millis(10));
            if other.send("GET", &path, "", "").is_ok_and(|answer| answer.is_remote_hit()) {
                return Some(start.elapsed());
            }
            if start.elapsed() > longest {
                break;
            }
        }
        None
    }

    /// Waits until no process serves an old page.
    pub(crate) fn wait_current(&self, longest: Duration) -> Option<Duration> {
        let start = Instant::now();
        let mut clients = [self.processes[0].client(), self.processes[1].client()];
        'again: while start.elapsed() < longest {
            for target in Target::all() {
                for client in &mut clients {
                    if client.get(&target.path()).content().version != self.database.version(target.id) {
                        sleep(Duration::from_millis(10));
                        continue 'again;
                    }
                }
            }
            return Some(start.elapsed());
        }
        None
    }

    #[track_caller]
    pub(crate) fn assert_correct(&self, when: &str) {
        self.assert_pages_correct(when);
        let (requests, purges) = (self.counts.requests.load(SeqCst), self.counts.purges.load(SeqCst));
        assert!(requests > 100 && purges > 10, "{when}: only {requests} requests and {purges} purges");
    }

    /// The same, for any number of requests.
    #[track_caller]
    pub(crate) fn assert_pages_correct(&self, when: &str) {
        let (failed, wrong) = (self.counts.failed.lock().unwrap(), self.counts.wrong.lock().unwrap());
        let first = |lines: &[String]| lines.iter().take(5).cloned().collect::<Vec<_>>().join("\n  ");
        let requests = self.counts.requests.load(SeqCst);
        assert!(failed.is_empty(), "{when}: {} of {requests} failed:\n  {}", failed.len(), first(&failed));
        assert!(wrong.is_empty(), "{when}: {} of {requests} were wrong:\n  {}", wrong.len(), first(&wrong));
    }
}

struct StopOnDrop<'o>(&'o AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}
