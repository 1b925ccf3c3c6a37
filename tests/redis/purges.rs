//! Purges take effect in all processes.

use std::{
    thread::{self, sleep},
    time::Duration,
};

use crate::{
    application::Settings,
    database::Database,
    load::Load,
    process::{Process, remote_only, settings, wait_at_most, wait_until, with_timeout},
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
                other.wait_in_local_memory(path);
                let version = database.change(7);
                one.purge(&method, argument);
                assert_eq!(one.get(path).content().version, version);
                let took = wait_at_most(settings.max_purge_lag, "the purge is received", || {
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
            other.wait_hit("/stale/1");
            let version = database.change(1);
            one.purge("expire_tag", "page:1");
            wait_until("the page is refreshed", || {
                let answer = other.get("/stale/1");
                let shown = answer.content().version;
                // The stale page is served.
                assert!(answer.is_hit(), "{}", answer.outcome());
                assert!(shown == version || shown == version - 1);
                shown == version
            });
            one.wait_current("/stale/1", version);
        }
    }
}

/// Under load. A page may be served until the purge is executed.
pub(crate) fn purged_page_is_never_served_without_local_memory() {
    let (server, database) = (Server::start(), Database::new());
    let processes = start_two(&remote_only(&server, &database));
    let load = Load::new(processes, database, Duration::ZERO);
    load.run(|| load.go_on_for(Duration::from_secs(4)));
    load.assert_correct("");
}

/// The process that has requested a purge does not serve the page at all, and others not after `max_purge_lag`.
pub(crate) fn purged_page_is_never_served_with_local_memory() {
    let (server, database) = (Server::start(), Database::new());
    let settings = Settings { max_purge_lag: Duration::from_millis(300), ..settings(&server, &database) };
    let load = Load::new(start_two(&settings), database, settings.max_purge_lag);
    load.run(|| load.go_on_for(Duration::from_secs(4)));
    load.assert_correct("");
}

pub(crate) fn fill_in_flight_during_a_purge_is_not_stored() {
    let (server, database) = (Server::start(), Database::new());
    for method in ["purge_tag", "expire_tag"] {
        for settings in [settings(&server, &database), remote_only(&server, &database)] {
            let key_prefix = format!("{method}-{}", settings.local_ttl.as_millis());
            let settings = Settings { key_prefix, ..settings };
            let [one, other] = start_two(&settings);
            let runs = database.runs("slow", 1);
            let early = thread::scope(|scope| {
                let early = scope.spawn(|| other.get("/slow/1"));
                wait_until("the handler runs", || database.runs("slow", 1) > runs);
                database.change(1);
                one.purge(method, "page:1");
                early.join().unwrap()
            });
            // The client of the fill gets its response.
            let version = database.version(1);
            assert_eq!(early.content().version, version - 1);
            if !settings.local_ttl.is_zero() {
                // On a slow machine, the process receives the purge after the fill.
                other.wait_current("/slow/1", version);
            }
            for process in [&other, &one] {
                let answer = process.get("/slow/1");
                assert_eq!(answer.content().version, version, "{method}: {}", answer.outcome());
            }
        }
    }
}

/// For example a suspended laptop or a virtual machine that is migrated.
pub(crate) fn stopped_process_does_not_serve_from_local_memory() {
    let (server, database) = (Server::start(), Database::new());
    let settings = Settings { max_purge_lag: Duration::from_millis(300), ..settings(&server, &database) };
    let [one, other] = start_two(&settings);
    for _ in 0..3 {
        other.wait_in_local_memory("/page/1");
        other.pause();
        let version = database.change(1);
        one.purge("purge_tag", "page:1");
        // The lag is real time, whatever the process does.
        sleep(settings.max_purge_lag + Duration::from_millis(50));
        // The request is there before the process polls the log.
        let mut client = other.client();
        client.write("GET", "/page/1", "", "").unwrap();
        other.resume();
        let answer = client.read().unwrap();
        assert_eq!(answer.content().version, version, "{}", answer.outcome());
    }
}

/// Two requests of one process share a lookup that is in flight, unless the second one arrives after a purge.
pub(crate) fn lookup_in_flight_is_not_shared_after_a_purge() {
    let (server, database) = (Server::start(), Database::new());
    let proxy = Proxy::in_front_of(server.port());
    let near = remote_only(&server, &database);
    let far = Settings { urls: vec![proxy.url()], ..near.clone() };
    let (one, other) = (Process::start(&near), Process::start(&far));
    wait_until("the page is shared", || {
        other.get("/page/1").is_remote_hit() | one.get("/page/1").is_remote_hit()
    });
    // The replies of the server take a while.
    proxy.set(Mode::Slow(0, 150));
    for _ in 0..10 {
        let version = thread::scope(|scope| {
            let lookups = server.calls("mget");
            scope.spawn(|| other.get("/page/1"));
            wait_until("the lookup was executed", || server.calls("mget") > lookups);
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
    for local_ttl in [Duration::ZERO, Duration::from_secs(60)] {
        let proxy = Proxy::in_front_of(server.port());
        let near = Settings {
            local_ttl,
            key_prefix: format!("test-{}", local_ttl.as_millis()),
            max_purge_lag: Duration::from_millis(300),
            handler_time: Duration::from_secs(2),
            ..settings(&server, &database)
        };
        // Only the connection of the other process times out: the purge must be executed.
        let far = Settings { urls: vec![proxy.url()], ..with_timeout(near.clone(), Duration::from_secs(1)) };
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
                // Until then, an older page may be served. The lag is real time, whatever the process does.
                sleep(near.max_purge_lag + Duration::from_millis(100));
            }
            let answer = other.get("/slow/1");
            assert_eq!(
                answer.content().version,
                version,
                "with {local_ttl:?} in memory: {}",
                answer.outcome()
            );
        });
        proxy.set(Mode::Pass);
    }
}

/// A new page is generated while other pages are purged all the time.
pub(crate) fn unrelated_purges_do_not_reject_a_page() {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = start_two(&remote_only(&server, &database));
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
