//! Many who ask, and one who changes what they ask for: whoever asks after a purge was confirmed must not see what was before it.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread::{self, sleep},
    time::{Duration, Instant},
};

use crate::{
    client::{Answer, Client, Shown},
    database::Database,
    process::Process,
    proxy::Random,
};

const HANDLERS: [&str; 3] = ["page", "slow", "big"];
const IDS: u64 = 6;

/// Clients of each process.
const CLIENTS: u64 = 2;

/// So often something is changed.
const CHANGE: Duration = Duration::from_millis(12);

/// Two processes, what is asked of them and what they answered.
pub(crate) struct Load {
    pub(crate) processes: [Process; 2],
    database: Database,
    /// How long a page may be sent after another process has purged it.
    allowed: Duration,
    /// By page: when which version was confirmed to be the oldest that may be sent.
    confirmed: Versions,
    /// The same by the process that was told to purge it, where that holds whether or not it is confirmed.
    own: [Versions; 2],
    is_over: AtomicBool,
    pub(crate) tally: Tally,
}

#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) requests: AtomicU64,
    /// Purges that were confirmed, and that were not.
    pub(crate) purges: AtomicU64,
    pub(crate) pending: AtomicU64,
    /// In microseconds, since it was last looked at.
    slowest: AtomicU64,
    /// No page at all.
    pub(crate) failed: Mutex<Vec<String>>,
    /// Another page than the one that was asked for, or one that was purged.
    pub(crate) wrong: Mutex<Vec<String>>,
}

type Versions = Vec<Mutex<Vec<(Instant, u64)>>>;

fn versions() -> Versions {
    (0..HANDLERS.len() as u64 * IDS).map(|_| Mutex::default()).collect()
}

#[derive(Clone, Copy)]
struct Asked {
    handler: &'static str,
    id: u64,
}

impl Asked {
    fn all() -> impl Iterator<Item = Self> {
        HANDLERS.iter().flat_map(|handler| (0..IDS).map(move |id| Self { handler, id }))
    }

    fn path(self) -> String {
        format!("/{}/{}", self.handler, self.id)
    }

    fn place(self) -> usize {
        let handler = HANDLERS.iter().position(|handler| *handler == self.handler).unwrap();
        handler * usize::try_from(IDS).unwrap() + usize::try_from(self.id).unwrap()
    }
}

impl Load {
    pub(crate) fn of(processes: [Process; 2], database: Database, allowed: Duration) -> Self {
        Self {
            processes,
            database,
            allowed,
            confirmed: versions(),
            own: [versions(), versions()],
            is_over: AtomicBool::new(false),
            tally: Tally::default(),
        }
    }

    /// Until that comes to its end.
    pub(crate) fn run<T>(&self, meanwhile: impl FnOnce() -> T) -> T {
        thread::scope(|scope| {
            for process in 0..2 {
                for client in 0..CLIENTS {
                    scope.spawn(move || self.ask(process, 1 + 2 * client + process as u64));
                }
            }
            scope.spawn(|| self.change());
            // Also where it panics.
            let _over = Over(&self.is_over);
            meanwhile()
        })
    }

    fn ask(&self, process: usize, seed: u64) {
        let (mut client, mut random) = (self.processes[process].client(), Random(seed));
        while !self.is_over.load(SeqCst) {
            let handler = match random.below(16) {
                0 => "slow",
                1 | 2 => "big",
                _ => "page",
            };
            let asked = Asked { handler, id: random.below(IDS) };
            self.ask_for(&mut client, process, asked);
            // The machine has other things to do too.
            sleep(Duration::from_micros(300));
        }
    }

    fn ask_for(&self, client: &mut Client, process: usize, asked: Asked) {
        let start = Instant::now();
        let needed = self.needed(process, asked, start);
        let answer = client.ask("GET", &asked.path(), "", "");
        let took = start.elapsed();
        self.tally.requests.fetch_add(1, SeqCst);
        self.tally.slowest.fetch_max(u64::try_from(took.as_micros()).unwrap(), SeqCst);
        match answer {
            Err(error) => self.tally.failed.lock().unwrap().push(format!("{}: {error}", asked.path())),
            Ok(answer) if answer.status != 200 => {
                self.tally.failed.lock().unwrap().push(format!("{}: {}", asked.path(), answer.status));
            }
            Ok(answer) => self.judge(process, asked, start, needed, &answer),
        }
    }

    /// The oldest version that may be sent to whoever asks then.
    fn needed(&self, process: usize, asked: Asked, now: Instant) -> u64 {
        let until = |versions: &Versions, allowed: Duration| {
            let versions = versions[asked.place()].lock().unwrap();
            let end = versions.partition_point(|(at, _)| *at + allowed <= now);
            end.checked_sub(1).map_or(0, |last| versions[last].1)
        };
        until(&self.confirmed, self.allowed).max(until(&self.own[process], Duration::ZERO))
    }

    fn judge(&self, process: usize, asked: Asked, start: Instant, needed: u64, answer: &Answer) {
        let shown = Shown::read(&answer.body);
        let is_it =
            shown.as_ref().is_some_and(|shown| shown.handler == asked.handler && shown.id == asked.id);
        let version = shown.as_ref().map_or(0, |shown| shown.version);
        if is_it && version >= needed {
            return;
        }
        let first = |versions: &Versions| {
            let versions = versions[asked.place()].lock().unwrap();
            versions
                .iter()
                .find(|(_, newer)| *newer > version)
                .map(|(at, _)| start.saturating_duration_since(*at))
        };
        self.tally.wrong.lock().unwrap().push(format!(
            "process {process} ({}) {}: {shown:?} instead of {needed}, {:?} after it was confirmed and {:?} after it \
             was purged here: {}",
            self.processes[process].id(),
            asked.path(),
            first(&self.confirmed),
            first(&self.own[process]),
            answer.outcome(),
        ));
    }

    fn change(&self) {
        let mut clients = [self.processes[0].client(), self.processes[1].client()];
        let mut random = Random(99);
        while !self.is_over.load(SeqCst) {
            let id = random.below(IDS);
            self.database.change(id);
            let process = usize::try_from(random.below(2)).unwrap();
            let of_id = |asked: &Asked| asked.id == id;
            match random.below(10) {
                0 => self.purge(&mut clients[process], process, "purge_all", "", |_| true),
                1 => {
                    for handler in &HANDLERS {
                        let is_meant = |asked: &Asked| asked.handler == *handler;
                        let prefix = format!("/{handler}/");
                        self.purge(&mut clients[process], process, "purge_prefix", &prefix, is_meant);
                    }
                }
                2 => {
                    for handler in &HANDLERS {
                        let path = format!("/{handler}/{id}");
                        let is_meant = |asked: &Asked| asked.path() == path;
                        self.purge(&mut clients[process], process, "expire_path", &path, is_meant);
                    }
                }
                _ => self.purge(&mut clients[process], process, "purge_tag", &format!("page:{id}"), of_id),
            }
            sleep(CHANGE);
        }
    }

    fn purge(
        &self,
        client: &mut Client,
        process: usize,
        verb: &str,
        about: &str,
        is_meant: impl Fn(&Asked) -> bool,
    ) {
        // Nobody else changes them.
        let meant: Vec<_> = Asked::all()
            .filter(is_meant)
            .map(|asked| (asked.place(), self.database.version(asked.id)))
            .collect();
        let answer = client.ask("POST", &format!("/verb/{verb}"), "", about);
        let now = Instant::now();
        let is_confirmed = match answer {
            Ok(answer) if answer.status == 200 => true,
            Ok(answer) if answer.status == 503 => false,
            other => return self.tally.failed.lock().unwrap().push(format!("{verb} {about:?}: {other:?}")),
        };
        let count = if is_confirmed { &self.tally.purges } else { &self.tally.pending };
        count.fetch_add(1, SeqCst);
        for (place, version) in meant {
            self.own[process][place].lock().unwrap().push((now, version));
            if is_confirmed {
                self.confirmed[place].lock().unwrap().push((now, version));
            }
        }
    }

    /// The longest time that somebody waited since this was last asked.
    pub(crate) fn slowest(&self) -> Duration {
        Duration::from_micros(self.tally.slowest.swap(0, SeqCst))
    }

    /// Until one of them is sent what the other one has made.
    pub(crate) fn until_shared(&self, longest: Duration) -> Option<Duration> {
        let start = Instant::now();
        let [mut one, mut other] = [self.processes[0].client(), self.processes[1].client()];
        for id in 1000.. {
            let path = format!("/page/{id}");
            let _ = one.ask("GET", &path, "", "");
            sleep(Duration::from_millis(10));
            if other.ask("GET", &path, "", "").is_ok_and(|answer| answer.is_remote_hit()) {
                return Some(start.elapsed());
            }
            if start.elapsed() > longest {
                break;
            }
        }
        None
    }

    /// Everything that was changed was purged: in the end, all pages are new.
    pub(crate) fn until_new(&self, longest: Duration) -> Option<Duration> {
        let start = Instant::now();
        let mut clients = [self.processes[0].client(), self.processes[1].client()];
        'again: while start.elapsed() < longest {
            for asked in Asked::all() {
                for client in &mut clients {
                    if client.get(&asked.path()).shown().version != self.database.version(asked.id) {
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
    pub(crate) fn assert_right(&self, when: &str) {
        self.assert_pages_are_right(when);
        let (requests, purges) = (self.tally.requests.load(SeqCst), self.tally.purges.load(SeqCst));
        assert!(requests > 100 && purges > 10, "{when}: only {requests} requests and {purges} purges");
    }

    /// However few there were.
    #[track_caller]
    pub(crate) fn assert_pages_are_right(&self, when: &str) {
        let (failed, wrong) = (self.tally.failed.lock().unwrap(), self.tally.wrong.lock().unwrap());
        let first = |lines: &[String]| lines.iter().take(5).cloned().collect::<Vec<_>>().join("\n  ");
        let requests = self.tally.requests.load(SeqCst);
        assert!(failed.is_empty(), "{when}: {} of {requests} failed:\n  {}", failed.len(), first(&failed));
        assert!(wrong.is_empty(), "{when}: {} of {requests} were wrong:\n  {}", wrong.len(), first(&wrong));
    }
}

struct Over<'o>(&'o AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}
