//! Servers that are unavailable, restarted or full: requests are answered all the same.

use std::time::{Duration, Instant};

use crate::{
    application::Settings,
    database::Database,
    process::{Process, remote_only, settings, wait_at_most, wait_until, with_timeout},
    proxy::{Mode, Proxy},
    resp::Reply,
    server::{Server, free_port},
    sharing::start_two,
};

pub(crate) fn local_memory_is_served_without_a_server() {
    let (mut server, database) = (Server::start(), Database::new());
    let long = Settings { max_purge_lag: Duration::from_secs(600), ..settings(&server, &database) };
    let short = Settings {
        max_purge_lag: Duration::from_millis(300),
        key_prefix: "short".to_owned(),
        ..long.clone()
    };
    let (trusting, doubting) = (Process::start(&long), Process::start(&short));
    trusting.fill("/page/1");
    doubting.fill("/page/2");
    server.kill();
    trusting.wait_unavailable();
    doubting.wait_unavailable();
    wait_until("the lag has passed", || !doubting.get("/page/2").is_hit());
    for _ in 0..5 {
        assert!(trusting.get("/page/1").is_hit());
        // Another process may purge the page. Until the lag has passed again, it is served from memory.
        let version = database.change(2);
        let current = || doubting.get("/page/2").content().version == version;
        wait_at_most(short.max_purge_lag, "the handler runs again", current);
        wait_until("the page is a hit", || doubting.get("/page/2").is_hit());
    }
    assert_eq!(database.runs("page", 1), 1);
    // A purge is pending, and takes effect in this process.
    database.change(1);
    assert_eq!(trusting.try_purge("purge_tag", "page:1").status, 503);
    assert_eq!(trusting.get("/page/1").content().version, 1);
    assert!(trusting.get("/page/1").is_hit(), "the page after the purge is in local memory");
}

pub(crate) fn server_that_starts_late_is_used() {
    let (mut server, database) = (Server::start(), Database::new());
    server.kill();
    // A process that has just started waits that long for its first connection.
    let settings = with_timeout(remote_only(&server, &database), Duration::from_secs(1));
    let processes = [Process::spawn(&settings), Process::spawn(&settings)];
    for process in &processes {
        assert_eq!(process.get("/page/1").status, 200);
        assert_eq!(process.try_purge("purge_tag", "page:1").status, 503);
    }
    server.restart();
    processes.iter().for_each(Process::wait_available);
    // The pending purges are delivered first, and pages of earlier fills are not stored.
    wait_until("pages are shared", || {
        assert_eq!(processes[0].get("/page/2").status, 200);
        processes[1].get("/page/2").is_remote_hit()
    });
}

pub(crate) fn flushed_server_is_filled_again() {
    let (server, database) = (Server::start(), Database::new());
    for settings in [settings(&server, &database), remote_only(&server, &database)] {
        let settings =
            Settings { key_prefix: format!("test-{}", settings.local_ttl.as_millis()), ..settings };
        let [one, other] = start_two(&settings);
        for id in 0..5 {
            one.fill(&format!("/page/{id}"));
            assert!(other.get(&format!("/page/{id}")).is_remote_hit());
            assert_eq!(server.command("FLUSHALL"), Reply::Text(b"OK".to_vec()));
            wait_until("pages are shared", || {
                assert_eq!(one.get("/page/100").status, 200);
                other.get("/page/100").is_hit()
            });
            let version = database.change(100);
            one.purge("purge_tag", "page:100");
            other.wait_current("/page/100", version);
        }
    }
}

/// For example a server that saves snapshots and crashes.
pub(crate) fn server_restored_from_a_snapshot_returns_no_purged_page() {
    let database = Database::new();
    for (id, (method, argument)) in
        [("purge_path", "/big/{id}"), ("expire_tag", "page:{id}"), ("purge_all", "")].into_iter().enumerate()
    {
        let (mut server, id) = (Server::start(), id as u64);
        let [one, other] = start_two(&remote_only(&server, &database));
        let path = format!("/big/{id}");
        one.fill(&path);
        // The process has the page, which is only revalidated from now on.
        assert!(other.get(&path).is_remote_hit());
        assert_eq!(server.command("SAVE"), Reply::Text(b"OK".to_vec()));
        let version = database.change(id);
        let argument = argument.replace("{id}", &id.to_string());
        // The server does not answer while it saves.
        wait_until("the page is purged", || one.try_purge(method, &argument).status == 200);
        server.restart();
        assert!(!server.client().keys_of("p").is_empty(), "the snapshot was not loaded");
        let third = Process::start(&remote_only(&server, &database));
        [&one, &other].iter().for_each(|process| process.wait_available());
        for process in [&other, &third, &one] {
            let answer = process.get(&path);
            assert_eq!(answer.content().version, version, "{method}: {}", answer.outcome());
        }
        wait_until("the page is shared again", || {
            [&one, &other, &third].iter().all(|one| one.get(&path).is_remote_hit())
        });
        // A later connection does not purge again.
        let fourth = Process::start(&remote_only(&server, &database));
        assert!(fourth.get(&path).is_remote_hit() && other.get(&path).is_remote_hit());
    }
}

/// Only the process that has requested the purge knows of it when the server loses it, and the log lacks it.
pub(crate) fn purge_lost_by_a_restart_still_reaches_local_memory() {
    let (mut server, database) = (Server::start(), Database::new());
    let proxy = Proxy::in_front_of(server.port());
    let near = settings(&server, &database);
    let (one, other) =
        (Process::start(&near), Process::start(&Settings { urls: vec![proxy.url()], ..near.clone() }));
    one.fill("/page/1");
    other.wait_in_local_memory("/page/1");
    assert_eq!(server.command("SAVE"), Reply::Text(b"OK".to_vec()));
    proxy.set(Mode::Stall);
    let version = database.change(1);
    wait_until("the page is purged", || one.try_purge("purge_path", "/page/1").status == 200);
    server.restart();
    proxy.set(Mode::Reset);
    other.wait_unavailable();
    proxy.set(Mode::Pass);
    other.wait_available();
    for _ in 0..20 {
        let answer = other.get("/page/1");
        assert_eq!(answer.content().version, version, "{}", answer.outcome());
    }
}

pub(crate) fn flushed_scripts_are_sent_again() {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = start_two(&remote_only(&server, &database));
    for id in 0..12 {
        let path = format!("/page/{id}");
        let flush = |turn| {
            if id % 3 == turn {
                server.command("SCRIPT FLUSH");
            }
        };
        flush(0);
        one.fill(&path);
        flush(1);
        let answer = other.get(&path);
        assert!(answer.is_remote_hit(), "{}", answer.outcome());
        let version = database.change(id);
        flush(2);
        one.purge("purge_tag", &format!("page:{id}"));
        assert_eq!(other.get(&path).content().version, version);
    }
}

pub(crate) fn disconnected_replica_does_not_delay_requests() {
    let (server, database) = (Server::start(), Database::new());
    for settings in [settings(&server, &database), remote_only(&server, &database)] {
        let settings =
            Settings { key_prefix: format!("test-{}", settings.local_ttl.as_millis()), ..settings };
        let [one, other] = start_two(&settings);
        one.fill("/page/1");
        assert!(other.get("/page/1").is_hit());
        server.command(&format!("REPLICAOF 127.0.0.1 {}", free_port()));
        let start = Instant::now();
        for id in 0..50 {
            for process in [&one, &other] {
                assert_eq!(process.get(&format!("/page/{id}")).status, 200);
            }
        }
        // None of the requests has waited for the timeout of the store.
        assert!(start.elapsed() < settings.remote_timeout, "{:?}", start.elapsed());
        // A replica may lag behind its master, so it is not used.
        [&one, &other].iter().for_each(|process| process.wait_unavailable());
        let version = database.change(1);
        let answer = one.try_purge("purge_tag", "page:1");
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_eq!(one.get("/page/1").content().version, version, "the purge takes effect in this process");
        server.command("REPLICAOF NO ONE");
        other.wait_current("/page/1", version);
        wait_until("pages are shared", || {
            one.get("/page/200");
            other.get("/page/200").is_hit()
        });
    }
}

pub(crate) fn full_server_does_not_delay_requests() {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = start_two(&remote_only(&server, &database));
    one.fill("/page/1");
    assert!(other.get("/page/1").is_remote_hit());
    server.command("CONFIG SET maxmemory 1");
    for id in 0..20 {
        assert_eq!(one.get(&format!("/page/{id}")).status, 200);
    }
    assert!(other.get("/page/1").is_remote_hit(), "a stored page is served");
    for method in ["purge_tag", "expire_tag"] {
        let version = database.change(1);
        one.purge(method, "page:1");
        assert_eq!(other.get("/page/1").content().version, version);
        server.command("CONFIG SET maxmemory 0");
        wait_until("the page is shared again", || {
            one.get("/page/1");
            other.get("/page/1").is_remote_hit()
        });
        server.command("CONFIG SET maxmemory 1");
    }
    let version = database.change(1);
    one.purge("purge_prefix", "/page/");
    assert_eq!(other.get("/page/1").content().version, version);
    let stats = one.stats();
    assert!(one.is_available() && other.is_available() && stats["rejected"] > 0, "{stats:?}");
}

pub(crate) fn purge_while_disconnected_is_delivered_later() {
    let (server, database) = (Server::start(), Database::new());
    for (number, mode) in [Mode::Stall, Mode::Reset].into_iter().enumerate() {
        let proxy = Proxy::in_front_of(server.port());
        let key_prefix = format!("test-{number}");
        let near = Settings { key_prefix, ..remote_only(&server, &database) };
        let far = Settings { urls: vec![proxy.url()], ..with_timeout(near.clone(), Duration::from_secs(1)) };
        let (one, other) = (Process::start(&far), Process::start(&near));
        let ids = [1, 2, 3];
        for id in ids {
            other.fill(&format!("/page/{id}"));
        }
        proxy.set(mode);
        for id in ids {
            database.change(id);
            let answer = one.try_purge("purge_tag", &format!("page:{id}"));
            assert_eq!(answer.status, 503, "{}", answer.text());
        }
        one.wait_unavailable();
        proxy.set(Mode::Pass);
        for id in ids {
            other.wait_current(&format!("/page/{id}"), database.version(id));
        }
    }
}
