//! What goes wrong between applications and their server, under load: for two processes that keep nothing in memory, and for two
//! that do.

use std::{
    env,
    sync::{Mutex, atomic::Ordering::SeqCst},
    thread::sleep,
    time::Duration,
};

use crate::{
    application::Settings,
    database::Database,
    load::Load,
    process::{Process, settings},
    proxy::{Mode, Proxy},
    server::Server,
};

/// How long memory is trusted here.
const PURGE_DELAY: Duration = Duration::from_millis(500);

/// What a machine takes that has other things to do.
const SLACK: Duration = Duration::from_millis(50);

/// It must be over by then what a fault left behind.
const RECOVERY: Duration = Duration::from_secs(5);

/// How long a request waits for a page that somebody else makes, and what else it may take.
const PATIENCE: Duration = Duration::from_secs(7);

static ROWS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn lasts() -> Duration {
    let seconds = env::var("CACHE_PAGE_REDIS_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs_f64(seconds.unwrap_or(1.0))
}

/// A server, and a proxy before it for each process.
struct Way {
    server: Server,
    proxies: [Proxy; 2],
}

impl Way {
    fn set_both(&mut self, mode: Mode) {
        self.proxies.iter().for_each(|proxy| proxy.set(mode));
    }
}

pub(crate) fn server_killed_and_back_empty() {
    fault("server killed, back empty", |way| way.server.kill(), |way| way.server.start_again());
}

pub(crate) fn server_stopped() {
    fault("server stopped, goes on", |way| way.server.pause(), |way| way.server.resume());
}

pub(crate) fn stalled_for_one_process() {
    fault("stalled for one", |way| way.proxies[1].set(Mode::Stall), |way| way.set_both(Mode::Pass));
}

pub(crate) fn stalled_for_both() {
    fault("stalled for both", |way| way.set_both(Mode::Stall), |way| way.set_both(Mode::Pass));
}

pub(crate) fn reset_for_one_process() {
    fault("reset for one", |way| way.proxies[1].set(Mode::Reset), |way| way.set_both(Mode::Pass));
}

pub(crate) fn reset_for_both() {
    fault("reset for both", |way| way.set_both(Mode::Reset), |way| way.set_both(Mode::Pass));
}

pub(crate) fn slow_for_one_process() {
    fault("slow for one", |way| way.proxies[1].set(Mode::Slow(15, 15)), |way| way.set_both(Mode::Pass));
}

pub(crate) fn corrupted_for_one_process() {
    fault("corrupted for one", |way| way.proxies[1].set(Mode::Corrupt(30)), |way| way.set_both(Mode::Pass));
}

pub(crate) fn corrupted_for_both() {
    fault("corrupted for both", |way| way.set_both(Mode::Corrupt(60)), |way| way.set_both(Mode::Pass));
}

/// Of those that were just tried.
pub(crate) fn table() {
    println!("{}", head());
    ROWS.lock().unwrap().iter().for_each(|row| println!("{row}"));
}

fn head() -> String {
    format!(
        "{:<26} {:>7} {:>9} {:>7} {:>8} {:>6} {:>6} {:>10} {:>10} {:>10} {:>10}",
        "fault",
        "memory",
        "requests",
        "purges",
        "pending",
        "failed",
        "wrong",
        "slowest",
        "then",
        "shared in",
        "new in"
    )
}

fn fault(name: &str, begin: impl FnOnce(&mut Way), end: impl FnOnce(&mut Way)) {
    let server = Server::start();
    let proxies = [Proxy::before(server.port()), Proxy::before(server.port())];
    let mut way = Way { server, proxies };
    let loads = [Duration::ZERO, Duration::from_secs(60)].map(|local_ttl| load(&way, local_ttl));
    let [zero, memory] = &loads;
    let mut slowest = [Duration::ZERO; 2];
    let shared = zero.run(|| {
        memory.run(|| {
            sleep(Duration::from_millis(400));
            for load in &loads {
                let _ = load.slowest();
            }
            begin(&mut way);
            sleep(lasts());
            slowest = [zero.slowest(), memory.slowest()];
            end(&mut way);
            let shared = [zero.until_shared(RECOVERY), memory.until_shared(RECOVERY)];
            sleep(Duration::from_millis(400));
            shared
        })
    });
    let then = [zero.slowest(), memory.slowest()];
    let new = [zero.until_new(RECOVERY), memory.until_new(RECOVERY)];
    println!("{}", head());
    for (at, load) in loads.iter().enumerate() {
        let time = |time: Option<Duration>| time.map_or("never".to_owned(), |time| format!("{time:.0?}"));
        let tally = &load.tally;
        let row = format!(
            "{name:<26} {:>7} {:>9} {:>7} {:>8} {:>6} {:>6} {:>10} {:>10} {:>10} {:>10}",
            if at == 0 { "no" } else { "yes" },
            tally.requests.load(SeqCst),
            tally.purges.load(SeqCst),
            tally.pending.load(SeqCst),
            tally.failed.lock().unwrap().len(),
            tally.wrong.lock().unwrap().len(),
            format!("{:.0?}", slowest[at]),
            format!("{:.0?}", then[at]),
            time(shared[at]),
            time(new[at]),
        );
        println!("{row}");
        if shared[at].is_none() || new[at].is_none() {
            // What may tell why.
            for process in &load.processes {
                println!("process {}: {:?}", process.id(), process.stats());
            }
        }
        ROWS.lock().unwrap().push(row);
    }
    for (at, load) in loads.iter().enumerate() {
        load.assert_right(&format!("{name}, {} memory", if at == 0 { "without" } else { "with" }));
    }
    for at in 0..2 {
        assert!(shared[at].is_some(), "{name}: pages are not shared again after {RECOVERY:?}");
        assert!(new[at].is_some(), "{name}: what was purged is not gone after {RECOVERY:?}");
        // Longer than that, nobody waits for another process either.
        let longest = slowest[at].max(then[at]);
        assert!(longest < PATIENCE, "{name}: somebody waited for {longest:?}");
    }
}

fn load(way: &Way, local_ttl: Duration) -> Load {
    let database = Database::new();
    let settings = Settings {
        local_ttl,
        key_prefix: format!("test-{}", local_ttl.as_millis()),
        max_purge_lag: PURGE_DELAY,
        slow: Duration::from_millis(60),
        ..settings(&way.server, &database)
    };
    let processes = [0, 1].map(|at| {
        let urls = vec![way.proxies[at].url()];
        Process::start(&Settings { urls, ..settings.clone() })
    });
    let allowed = if local_ttl.is_zero() { Duration::ZERO } else { PURGE_DELAY + SLACK };
    Load::of(processes, database, allowed)
}
