//! Purges take effect in all processes.

use std::{
    thread::{self, sleep},
    time::{Duration, Instant},
};

use crate::{
    application::Settings,
    database::Database,
    load::Load,
    process::{Process, remote_only, settings, wait_at_most, wait_until},
    proxy::{Mode, Proxy},
    server::Server,
    sharing::{assert_all_keys_expire, start_two},
};

/// Each kind of purge with its argument, and a path that it matches.
const PURGES: [(&str, &str, &str); 8] = [
    ("all", "", "/page/7"),
    ("handler", "page", "/page/7"),
    ("path", "/page/7", "/page/7?a=1"),
    ("prefix", "/pa", "/page/7"),
    ("tag", "page:7", "/page/7"),
    ("tag", "pages", "/page/7"),
    ("url", "/page/7?a=1", "/page/7?a=1"),
    ("url", "http://site.test/page/7?a=1", "/page/7?a=1"),
];

pub(crate) fn purge_takes_effect_at_once_without_local_memory() {
    let (server, database) = (Server::start(), Database::new());
    let processes = start_two(&remote_only(&server, &database));
    for (method, argument, path) in PURGES {
        for method in [format!("purge_{method}"), format!("expire_{method}")] {
            for round in 0..6 {
                let [one, other] = [&processes[round % 2], &processes[1 - round % 2]];
                wait_until("the page is shared", || other.get(path).is_remote_hit());
                let version = database.change(7);
                // The page was not purged yet.
                assert_eq!(other.get(path).content().version, version - 1);
                one.purge(&method, argument);
                let answers = [other.get(path), one.get(path)];
                for answer in answers {
                    assert_eq!(
                        answer.content().version,
                        version,
                        "{method} {argument:?}: {}",
                        answer.outcome()
                    );
                }
            }
        }
    }
    // A page that no purge matches.
    let [one, other] = processes;
    one.fill("/page/70");
    for (method, argument) in [
        ("purge_path", "/page/7"),
        ("purge_prefix", "/page/71"),
        ("purge_tag", "page:7"),
        ("purge_handler", "pag"),
        ("purge_url", "/page/70?a=1"),
        ("expire_url", "http://site.test/page/7"),
    ] {
        one.purge(method, argument);
        assert!(other.get("/page/70").is_remote_hit(), "{method} {argument:?}");
    }
    let nothing = one.try_purge("purge_path", "page");
    assert_eq!(nothing.status, 400, "{}", nothing.text());
}

pub(crate) fn page_without_expiry_is_purged() {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = start_two(&remote_only(&server, &database));
    for argument in
        ["all", "handler no-expiry", "path /no-expiry/1", "prefix /no-exp", "tag page:1", "url /no-expiry/1"]
    {
        let (method, argument) = argument.split_once(' ').unwrap_or((argument, ""));
        for method in [format!("purge_{method}"), format!("expire_{method}")] {
            wait_until("the page is shared", || other.get("/no-expiry/1").is_remote_hit());
            let version = database.change(1);
            one.purge(&method, argument);
            let answers = [other.get("/no-expiry/1"), one.get("/no-expiry/1")];
            for answer in answers {
                assert_eq!(answer.content().version, version, "{method} {argument:?}: {}", answer.outcome());
            }
        }
    }
    assert_all_keys_expire(&mut server.client());
}

pub(crate) fn purge_reaches_local_memory_within_the_lag() {
    let (server, database) = (Server::start(), Database::new());
    let settings = settings(&server, &database);
    let processes = start_two(&settings);
    let mut slowest = Duration::ZERO;
    for (method, argument, path) in PURGES {
        for method in [format!("purge_{method}"), format!("expire_{method}")] {
            for round in 0..4 {
                let [one, other] = [&processes[round % 2], &processes[1 - round % 2]];
                wait_until("the page is in local memory", || {
                    let answer = other.get(path);
                    answer.outcome().contains("; hit") && !answer.is_remote_hit()
                });
                let version = database.change(7);
                one.purge(&method, argument);
                assert_eq!(one.get(path).content().version, version);
                let longest = settings.max_purge_lag + Duration::from_millis(200);
                let took = wait_at_most(longest, "the purge is received", || {
                    other.get(path).content().version == version
                });
                slowest = slowest.max(took);
            }
        }
    }
    println!("a purge is received within {slowest:?}");
}

pub(crate) fn soft_purged_page_is_served_while_it_is_refreshed() {
    let (server, database) = (Server::start(), Database::new());
    for settings in [settings(&server, &database), remote_only(&server, &database)] {
        let settings =
            Settings { key_prefix: format!("test-{}", settings.local_ttl.as_millis()), ..settings };
        let processes = start_two(&settings);
        processes[0].fill("/stale/1");
        for round in 0..6 {
            let [one, other] = [&processes[round % 2], &processes[1 - round % 2]];
            wait_until("the process has the page", || other.get("/stale/1").outcome().contains("; hit"));
            let version = database.change(1);
            one.purge("expire_tag", "page:1");
            wait_until("the page is refreshed", || {
                let answer = other.get("/stale/1");
                let shown = answer.content().version;
                // The stale page is served.
                assert!(answer.outcome().contains("; hit"), "{}", answer.outcome());
                assert!(shown == version || shown == version - 1);
                shown == version
            });
            wait_until("the other process serves the new page", || {
                one.get("/stale/1").content().version == version
            });
        }
    }
}

/// Under load.
pub(crate) fn purged_page_is_never_served_without_local_memory() {
    let (server, database) = (Server::start(), Database::new());
    let processes = start_two(&remote_only(&server, &database));
    let load = Load::new(processes, database, Duration::ZERO);
    load.run(|| sleep(Duration::from_secs(4)));
    load.assert_correct("");
}

/// The process that has requested a purge does not serve the page at all, and others not after `max_purge_lag`.
pub(crate) fn purged_page_is_never_served_with_local_memory() {
    let (server, database) = (Server::start(), Database::new());
    let settings = Settings { max_purge_lag: Duration::from_millis(300), ..settings(&server, &database) };
    let load = Load::new(start_two(&settings), database, settings.max_purge_lag + Duration::from_millis(50));
    load.run(|| sleep(Duration::from_secs(4)));
    load.assert_correct("");
}

pub(crate) fn fill_in_flight_during_a_purge_is_not_stored() {
    let (server, database) = (Server::start(), Database::new());
    for settings in [settings(&server, &database), remote_only(&server, &database)] {
        let settings =
            Settings { key_prefix: format!("test-{}", settings.local_ttl.as_millis()), ..settings };
        let [one, other] = start_two(&settings);
        for method in ["purge_tag", "expire_tag"] {
            let runs = database.runs("slow", 1);
            let early = thread::scope(|scope| {
                let early = scope.spawn(|| other.get("/slow/1"));
                wait_until("the handler runs", || database.runs("slow", 1) > runs);
                database.change(1);
                one.purge(method, "page:1");
                early.join().unwrap()
            });
            // The client of the fill gets its response.
            assert_eq!(early.content().version, database.version(1) - 1);
            for process in [&other, &one] {
                let answer = process.get("/slow/1");
                assert_eq!(answer.content().version, database.version(1), "{method}: {}", answer.outcome());
            }
            database.change(1);
            one.purge("purge_all", "");
            wait_until("the page is purged", || {
                other.get("/slow/1").content().version == database.version(1)
            });
            one.purge("purge_all", "");
            sleep(Duration::from_millis(50));
        }
    }
}

/// For example a suspended laptop or a virtual machine that is migrated.
pub(crate) fn stopped_process_does_not_serve_from_local_memory() {
    let (server, database) = (Server::start(), Database::new());
    let settings = Settings { max_purge_lag: Duration::from_millis(300), ..settings(&server, &database) };
    let [one, other] = start_two(&settings);
    for _ in 0..3 {
        wait_until("the page is in local memory", || {
            let answer = other.get("/page/1");
            answer.outcome().contains("; hit") && !answer.is_remote_hit()
        });
        other.pause();
        let version = database.change(1);
        one.purge("purge_tag", "page:1");
        sleep(settings.max_purge_lag + Duration::from_millis(50));
        // The request arrives before the process has polled the log.
        let asked = thread::scope(|scope| {
            let asked = scope.spawn(|| other.get("/page/1"));
            sleep(Duration::from_millis(50));
            other.resume();
            asked.join().unwrap()
        });
        assert_eq!(asked.content().version, version, "{}", asked.outcome());
    }
}

/// Two requests of one process share a lookup that is in flight, unless the second one arrives after a purge.
pub(crate) fn lookup_in_flight_is_not_shared_after_a_purge() {
    let (server, database) = (Server::start(), Database::new());
    let proxy = Proxy::in_front_of(server.port());
    let near = Settings { remote_timeout: Duration::from_secs(2), ..remote_only(&server, &database) };
    let far = Settings { urls: vec![proxy.url()], ..near.clone() };
    let (one, other) = (Process::start(&near), Process::start(&far));
    wait_until("the page is shared", || {
        other.get("/page/1").is_remote_hit() | one.get("/page/1").is_remote_hit()
    });
    proxy.set(Mode::Slow(0, 60));
    for _ in 0..10 {
        let version = thread::scope(|scope| {
            scope.spawn(|| other.get("/page/1"));
            sleep(Duration::from_millis(20));
            let version = database.change(1);
            one.purge("purge_tag", "page:1");
            let answer = other.get("/page/1");
            assert_eq!(answer.content().version, version, "{}", answer.outcome());
            version
        });
        assert_eq!(one.get("/page/1").content().version, version);
    }
}

/// A process that receives no purges does not coalesce requests with an earlier fill.
pub(crate) fn fill_in_flight_is_not_shared_while_disconnected() {
    let (server, database) = (Server::start(), Database::new());
    let delay = Duration::from_millis(300);
    for local_ttl in [Duration::ZERO, Duration::from_secs(60)] {
        let proxy = Proxy::in_front_of(server.port());
        let near = Settings {
            local_ttl,
            key_prefix: format!("test-{}", local_ttl.as_millis()),
            max_purge_lag: delay,
            handler_time: Duration::from_millis(1500),
            ..settings(&server, &database)
        };
        let far = Settings { urls: vec![proxy.url()], ..near.clone() };
        let (one, other) = (Process::start(&near), Process::start(&far));
        proxy.set(Mode::Stall);
        other.wait_unavailable();
        let runs = database.runs("slow", 1);
        thread::scope(|scope| {
            scope.spawn(|| other.get("/slow/1"));
            wait_until("the handler runs", || database.runs("slow", 1) > runs);
            let version = database.change(1);
            one.purge("purge_tag", "page:1");
            if !local_ttl.is_zero() {
                sleep(delay + Duration::from_millis(100));
            }
            let asked = Instant::now();
            let answer = other.get("/slow/1");
            let took = asked.elapsed();
            assert_eq!(
                answer.content().version,
                version,
                "with {local_ttl:?} in memory, after {took:?}: {}",
                answer.outcome()
            );
        });
        proxy.set(Mode::Pass);
    }
}

/// A new page is generated while other pages are purged all the time.
pub(crate) fn unrelated_purges_do_not_reject_a_page() {
    let (server, database) = (Server::start(), Database::new());
    let settings = Settings { remote_timeout: Duration::from_secs(2), ..remote_only(&server, &database) };
    let [one, other] = start_two(&settings);
    for id in 0..3 {
        thread::scope(|scope| {
            let filled = scope.spawn(|| one.fill(&format!("/slow/{id}")));
            while !filled.is_finished() {
                for (method, argument) in
                    [("purge_tag", "page:70"), ("expire_path", "/slow/70"), ("purge_url", "/slow")]
                {
                    other.purge(method, argument);
                }
            }
        });
        assert!(other.get(&format!("/slow/{id}")).is_remote_hit());
        assert_eq!(database.runs("slow", id), 1);
    }
    assert_eq!(one.stats()["purged"], 0);
}
