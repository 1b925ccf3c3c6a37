//! Faults between the processes and the server, under load: for two processes without local memory, and for two with it.

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
    process::{LIMIT, Process, settings},
    proxy::{Mode, Proxy},
    server::Server,
};

/// The `max_purge_lag` of the processes.
const MAX_PURGE_LAG: Duration = Duration::from_millis(500);

/// The timeouts of the processes, which are the default ones.
const REMOTE_TIMEOUT: Duration = Duration::from_millis(50);
const COALESCE_TIMEOUT: Duration = Duration::from_secs(5);

/// No request waits longer than for the coalesce timeout, and some more on a slow machine.
const MAX_WAIT: Duration = Duration::from_secs(30);

static ROWS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn fault_duration() -> Duration {
    let seconds = env::var("CACHE_PAGE_REDIS_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs_f64(seconds.unwrap_or(1.0))
}

/// A server, and a proxy for each process in front of it.
struct Topology {
    server: Server,
    proxies: [Proxy; 2],
}

impl Topology {
    fn set_both(&mut self, mode: Mode) {
        self.proxies.iter().for_each(|proxy| proxy.set(mode));
    }
}

pub(crate) fn pages_are_correct_after_the_server_was_killed() {
    run_fault(
        "server killed, back empty",
        |topology| topology.server.kill(),
        |topology| topology.server.restart(),
    );
}

pub(crate) fn pages_are_correct_while_the_server_is_stopped() {
    run_fault("server stopped", |topology| topology.server.pause(), |topology| topology.server.resume());
}

pub(crate) fn pages_are_correct_while_one_connection_stalls() {
    run_fault(
        "stalled for one",
        |topology| topology.proxies[1].set(Mode::Stall),
        |topology| topology.set_both(Mode::Pass),
    );
}

pub(crate) fn pages_are_correct_while_all_connections_stall() {
    run_fault(
        "stalled for both",
        |topology| topology.set_both(Mode::Stall),
        |topology| topology.set_both(Mode::Pass),
    );
}

pub(crate) fn pages_are_correct_while_one_connection_is_reset() {
    run_fault(
        "reset for one",
        |topology| topology.proxies[1].set(Mode::Reset),
        |topology| topology.set_both(Mode::Pass),
    );
}

pub(crate) fn pages_are_correct_while_all_connections_are_reset() {
    run_fault(
        "reset for both",
        |topology| topology.set_both(Mode::Reset),
        |topology| topology.set_both(Mode::Pass),
    );
}

pub(crate) fn pages_are_correct_while_one_connection_is_slow() {
    run_fault(
        "slow for one",
        |topology| topology.proxies[1].set(Mode::Slow(15, 15)),
        |topology| topology.set_both(Mode::Pass),
    );
}

pub(crate) fn pages_are_correct_while_one_connection_is_corrupted() {
    run_fault(
        "corrupted for one",
        |topology| topology.proxies[1].set(Mode::Corrupt(30)),
        |topology| topology.set_both(Mode::Pass),
    );
}

pub(crate) fn pages_are_correct_while_all_connections_are_corrupted() {
    run_fault(
        "corrupted for both",
        |topology| topology.set_both(Mode::Corrupt(60)),
        |topology| topology.set_both(Mode::Pass),
    );
}

/// Prints the results of all faults.
pub(crate) fn table() {
    println!("{}", table_header());
    ROWS.lock().unwrap().iter().for_each(|row| println!("{row}"));
}

fn table_header() -> String {
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

fn run_fault(name: &str, start: impl FnOnce(&mut Topology), end: impl FnOnce(&mut Topology)) {
    let server = Server::start();
    let proxies = [Proxy::in_front_of(server.port()), Proxy::in_front_of(server.port())];
    let mut topology = Topology { server, proxies };
    let loads = [Duration::ZERO, Duration::from_secs(60)].map(|local_ttl| start_load(&topology, local_ttl));
    let [zero, memory] = &loads;
    let mut slowest = [Duration::ZERO; 2];
    let shared = zero.run(|| {
        memory.run(|| {
            for load in &loads {
                assert!(load.wait_shared(LIMIT).is_some(), "{name}: pages are not shared before the fault");
                load.go_on_for(Duration::from_millis(400));
                let _ = load.slowest();
            }
            start(&mut topology);
            sleep(fault_duration());
            slowest = [zero.slowest(), memory.slowest()];
            end(&mut topology);
            let shared = [zero.wait_shared(LIMIT), memory.wait_shared(LIMIT)];
            sleep(Duration::from_millis(400));
            shared
        })
    });
    let then = [zero.slowest(), memory.slowest()];
    let new = [zero.wait_current(LIMIT), memory.wait_current(LIMIT)];
    println!("{}", table_header());
    for (at, load) in loads.iter().enumerate() {
        let time = |time: Option<Duration>| time.map_or("never".to_owned(), |time| format!("{time:.0?}"));
        let counts = &load.counts;
        let row = format!(
            "{name:<26} {:>7} {:>9} {:>7} {:>8} {:>6} {:>6} {:>10} {:>10} {:>10} {:>10}",
            if at == 0 { "no" } else { "yes" },
            counts.requests.load(SeqCst),
            counts.purges.load(SeqCst),
            counts.pending.load(SeqCst),
            counts.failed.lock().unwrap().len(),
            counts.wrong.lock().unwrap().len(),
            format!("{:.0?}", slowest[at]),
            format!("{:.0?}", then[at]),
            time(shared[at]),
            time(new[at]),
        );
        println!("{row}");
        if shared[at].is_none() || new[at].is_none() {
            // For the analysis of the failure.
            for process in &load.processes {
                println!("process {}: {:?}", process.id(), process.stats());
            }
        }
        ROWS.lock().unwrap().push(row);
    }
    for (at, load) in loads.iter().enumerate() {
        load.assert_correct(&format!("{name}, {} memory", if at == 0 { "without" } else { "with" }));
    }
    for at in 0..2 {
        assert!(shared[at].is_some(), "{name}: pages are not shared within {LIMIT:?}");
        assert!(new[at].is_some(), "{name}: purged pages are served after {LIMIT:?}");
        // This includes requests that wait for another process.
        let longest = slowest[at].max(then[at]);
        assert!(longest < MAX_WAIT, "{name}: a request took {longest:?}");
    }
}

fn start_load(topology: &Topology, local_ttl: Duration) -> Load {
    let database = Database::new();
    let settings = Settings {
        local_ttl,
        key_prefix: format!("test-{}", local_ttl.as_millis()),
        max_purge_lag: MAX_PURGE_LAG,
        remote_timeout: REMOTE_TIMEOUT,
        coalesce_timeout: COALESCE_TIMEOUT,
        handler_time: Duration::from_millis(60),
        ..settings(&topology.server, &database)
    };
    let processes = [0, 1].map(|at| {
        let urls = vec![topology.proxies[at].url()];
        Process::start(&Settings { urls, ..settings.clone() })
    });
    let allowed = if local_ttl.is_zero() { Duration::ZERO } else { MAX_PURGE_LAG };
    Load::new(processes, database, allowed)
}
