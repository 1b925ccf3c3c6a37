//! A server that is not there, or cannot do what it should: requests are answered all the same.

use std::{thread::sleep, time::Duration};

use crate::{
    application::Settings,
    basics::two,
    database::Database,
    process::{LONGEST, Process, settings, until, within, without_memory},
    proxy::{Mode, Proxy},
    resp::Reply,
    server::{Server, free_port},
};

pub(crate) fn without_a_server_pages_are_served_from_memory() {
    let (mut server, database) = (Server::start(), Database::new());
    let long = Settings { max_purge_lag: Duration::from_secs(60), ..settings(&server, &database) };
    let short = Settings {
        max_purge_lag: Duration::from_millis(300),
        key_prefix: "short".to_owned(),
        ..long.clone()
    };
    let (trusting, doubting) = (Process::start(&long), Process::start(&short));
    trusting.store("/page/1");
    doubting.store("/page/2");
    server.kill();
    trusting.until_down();
    doubting.until_down();
    sleep(short.max_purge_lag);
    for _ in 0..10 {
        assert!(trusting.get("/page/1").outcome().contains("; hit"));
        let answer = doubting.get("/page/2");
        assert!(answer.status == 200 && !answer.outcome().contains("; hit"), "{}", answer.outcome());
    }
    assert_eq!((database.runs("page", 1), database.runs("page", 2)), (1, 11));
    // Purges are not confirmed, and hold here.
    database.change(1);
    assert_eq!(trusting.tell("purge_tag", "page:1").status, 503);
    assert_eq!(trusting.get("/page/1").shown().version, 1);
    assert!(trusting.get("/page/1").outcome().contains("; hit"), "what was made since is kept");
}

pub(crate) fn a_server_that_comes_late_is_found() {
    let (mut server, database) = (Server::start(), Database::new());
    server.kill();
    let settings = without_memory(&server, &database);
    let processes = [Process::begin(&settings), Process::begin(&settings)];
    for process in &processes {
        assert_eq!(process.get("/page/1").status, 200);
        assert_eq!(process.tell("purge_tag", "page:1").status, 503);
    }
    server.start_again();
    processes.iter().for_each(Process::until_up);
    // What was purged meanwhile is purged there now, and pages that were begun before are not kept.
    until("they share pages", || {
        assert_eq!(processes[0].get("/page/2").status, 200);
        processes[1].get("/page/2").is_remote_hit()
    });
}

pub(crate) fn a_server_that_was_emptied_is_filled_again() {
    let (server, database) = (Server::start(), Database::new());
    for settings in [settings(&server, &database), without_memory(&server, &database)] {
        let settings =
            Settings { key_prefix: format!("test-{}", settings.local_ttl.as_millis()), ..settings };
        let [one, other] = two(&settings);
        for id in 0..5 {
            one.store(&format!("/page/{id}"));
            assert!(other.get(&format!("/page/{id}")).is_remote_hit());
            assert_eq!(server.ask("FLUSHALL"), Reply::Text(b"OK".to_vec()));
            let took = until("they share pages", || {
                assert_eq!(one.get("/page/100").status, 200);
                other.get("/page/100").outcome().contains("; hit")
            });
            assert!(took < Duration::from_secs(2), "{took:?}");
            let version = database.change(100);
            one.purge("purge_tag", "page:100");
            until("it has heard of it", || other.get("/page/100").shown().version == version);
        }
    }
}

/// As one does that saves everything every now and then, and crashes.
pub(crate) fn a_server_that_comes_back_with_what_it_had_long_ago_brings_no_page_back() {
    let database = Database::new();
    for (id, (verb, about)) in
        [("purge_path", "/big/{id}"), ("expire_tag", "page:{id}"), ("purge_all", "")].into_iter().enumerate()
    {
        let (mut server, id) = (Server::start(), id as u64);
        let [one, other] = two(&without_memory(&server, &database));
        let path = format!("/big/{id}");
        one.store(&path);
        // From here on, it only has to be confirmed.
        assert!(other.get(&path).is_remote_hit());
        assert_eq!(server.ask("SAVE"), Reply::Text(b"OK".to_vec()));
        let version = database.change(id);
        let about = about.replace("{id}", &id.to_string());
        // While it saves, nobody is answered.
        until("it is purged", || one.tell(verb, &about).status == 200);
        server.start_again();
        assert!(!server.client().keys_of("p").is_empty(), "it is there again");
        let third = Process::start(&without_memory(&server, &database));
        [&one, &other].iter().for_each(|process| process.until_up());
        for process in [&other, &third, &one] {
            let answer = process.get(&path);
            assert_eq!(answer.shown().version, version, "{verb}: {}", answer.outcome());
        }
        until("it is shared again", || {
            [&one, &other, &third].iter().all(|one| one.get(&path).is_remote_hit())
        });
        // Whoever comes later takes nothing away.
        let fourth = Process::start(&without_memory(&server, &database));
        assert!(fourth.get(&path).is_remote_hit() && other.get(&path).is_remote_hit());
    }
}

/// Nobody but who purged had heard of it when the server lost it, and the log says nothing of it.
pub(crate) fn what_a_server_forgot_before_others_heard_of_it_is_not_sent_from_memory() {
    let (mut server, database) = (Server::start(), Database::new());
    let proxy = Proxy::before(server.port());
    let near = settings(&server, &database);
    let (one, other) =
        (Process::start(&near), Process::start(&Settings { urls: vec![proxy.url()], ..near.clone() }));
    one.store("/page/1");
    until("it comes from memory", || {
        let hit = other.get("/page/1");
        hit.outcome().contains("; hit") && !hit.is_remote_hit()
    });
    assert_eq!(server.ask("SAVE"), Reply::Text(b"OK".to_vec()));
    proxy.set(Mode::Stall);
    let version = database.change(1);
    until("it is purged", || one.tell("purge_path", "/page/1").status == 200);
    server.start_again();
    proxy.set(Mode::Reset);
    other.until_down();
    proxy.set(Mode::Pass);
    other.until_up();
    for _ in 0..20 {
        let answer = other.get("/page/1");
        assert_eq!(answer.shown().version, version, "{}", answer.outcome());
    }
}

pub(crate) fn scripts_that_were_flushed_are_sent_again() {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = two(&without_memory(&server, &database));
    for id in 0..12 {
        let path = format!("/page/{id}");
        let flush = |turn| {
            if id % 3 == turn {
                server.ask("SCRIPT FLUSH");
            }
        };
        flush(0);
        one.store(&path);
        flush(1);
        let answer = other.get(&path);
        assert!(answer.is_remote_hit(), "{}", answer.outcome());
        let version = database.change(id);
        flush(2);
        one.purge("purge_tag", &format!("page:{id}"));
        assert_eq!(other.get(&path).shown().version, version);
    }
}

pub(crate) fn a_replica_without_its_master_keeps_nobody_waiting() {
    let (server, database) = (Server::start(), Database::new());
    for settings in [settings(&server, &database), without_memory(&server, &database)] {
        let settings =
            Settings { key_prefix: format!("test-{}", settings.local_ttl.as_millis()), ..settings };
        let [one, other] = two(&settings);
        one.store("/page/1");
        assert!(other.get("/page/1").outcome().contains("; hit"));
        server.ask(&format!("REPLICAOF 127.0.0.1 {}", free_port()));
        for id in 0..50 {
            for process in [&one, &other] {
                let took = within(Duration::from_secs(1), "it answers", || {
                    process.get(&format!("/page/{id}")).status == 200
                });
                assert!(took < Duration::from_secs(1));
            }
        }
        // What it is behind its master by is nobody's knowledge.
        [&one, &other].iter().for_each(|process| process.until_down());
        let version = database.change(1);
        let answer = one.tell("purge_tag", "page:1");
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_eq!(one.get("/page/1").shown().version, version, "it holds here");
        server.ask("REPLICAOF NO ONE");
        let longest = Duration::from_secs(5);
        within(longest, "it is purged by now", || other.get("/page/1").shown().version == version);
        within(longest, "they share pages", || {
            one.get("/page/200");
            other.get("/page/200").outcome().contains("; hit")
        });
    }
}

pub(crate) fn a_full_server_that_evicts_nothing_keeps_nobody_waiting() {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = two(&without_memory(&server, &database));
    one.store("/page/1");
    assert!(other.get("/page/1").is_remote_hit());
    server.ask("CONFIG SET maxmemory 1");
    for id in 0..20 {
        assert_eq!(one.get(&format!("/page/{id}")).status, 200);
    }
    assert!(other.get("/page/1").is_remote_hit(), "what is there is sent");
    for verb in ["purge_tag", "expire_tag"] {
        let version = database.change(1);
        one.purge(verb, "page:1");
        assert_eq!(other.get("/page/1").shown().version, version);
        server.ask("CONFIG SET maxmemory 0");
        until("it is shared again", || {
            one.get("/page/1");
            other.get("/page/1").is_remote_hit()
        });
        server.ask("CONFIG SET maxmemory 1");
    }
    let version = database.change(1);
    one.purge("purge_prefix", "/page/");
    assert_eq!(other.get("/page/1").shown().version, version);
    let stats = one.stats();
    assert!(one.is_up() && other.is_up() && stats["refused"] > 0, "{stats:?}");
}

pub(crate) fn what_was_purged_out_of_reach_is_purged_when_it_is_back() {
    let (server, database) = (Server::start(), Database::new());
    for (number, mode) in [Mode::Stall, Mode::Reset].into_iter().enumerate() {
        let proxy = Proxy::before(server.port());
        let key_prefix = format!("test-{number}");
        let near = Settings { key_prefix, ..without_memory(&server, &database) };
        let far = Settings { urls: vec![proxy.url()], ..near.clone() };
        let (one, other) = (Process::start(&far), Process::start(&near));
        let ids = [1, 2, 3];
        for id in ids {
            other.store(&format!("/page/{id}"));
        }
        proxy.set(mode);
        for id in ids {
            database.change(id);
            let answer = one.tell("purge_tag", &format!("page:{id}"));
            assert_eq!(answer.status, 503, "{}", answer.text());
        }
        one.until_down();
        proxy.set(Mode::Pass);
        for id in ids {
            let took = within(LONGEST, "it is purged", || {
                other.get(&format!("/page/{id}")).shown().version == database.version(id)
            });
            assert!(took < Duration::from_secs(5), "{took:?}");
        }
    }
}
