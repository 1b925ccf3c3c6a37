//! What one process has purged, others do not send.

use std::{
    thread::{self, sleep},
    time::{Duration, Instant},
};

use crate::{
    application::Settings,
    basics::{assert_all_keys_have_a_time, two},
    database::Database,
    load::Load,
    process::{Process, settings, until, within, without_memory},
    proxy::{Mode, Proxy},
    server::Server,
};

/// Each verb with what it is about, and a path that this is.
const VERBS: [(&str, &str, &str); 8] = [
    ("all", "", "/page/7"),
    ("handler", "page", "/page/7"),
    ("path", "/page/7", "/page/7?a=1"),
    ("prefix", "/pa", "/page/7"),
    ("tag", "page:7", "/page/7"),
    ("tag", "pages", "/page/7"),
    ("url", "/page/7?a=1", "/page/7?a=1"),
    ("url", "http://site.test/page/7?a=1", "/page/7?a=1"),
];

pub(crate) fn each_verb_holds_in_other_processes_at_once_without_memory() {
    let (server, database) = (Server::start(), Database::new());
    let processes = two(&without_memory(&server, &database));
    for (verb, about, path) in VERBS {
        for verb in [format!("purge_{verb}"), format!("expire_{verb}")] {
            for round in 0..6 {
                let [one, other] = [&processes[round % 2], &processes[1 - round % 2]];
                until("it is shared", || other.get(path).is_remote_hit());
                let version = database.change(7);
                // Nobody was told yet.
                assert_eq!(other.get(path).shown().version, version - 1);
                one.purge(&verb, about);
                let answers = [other.get(path), one.get(path)];
                for answer in answers {
                    assert_eq!(answer.shown().version, version, "{verb} {about:?}: {}", answer.outcome());
                }
            }
        }
    }
    // What a purge is not about stays.
    let [one, other] = processes;
    one.store("/page/70");
    for (verb, about) in [
        ("purge_path", "/page/7"),
        ("purge_prefix", "/page/71"),
        ("purge_tag", "page:7"),
        ("purge_handler", "pag"),
        ("purge_url", "/page/70?a=1"),
        ("expire_url", "http://site.test/page/7"),
    ] {
        one.purge(verb, about);
        assert!(other.get("/page/70").is_remote_hit(), "{verb} {about:?}");
    }
    let nothing = one.tell("purge_path", "page");
    assert_eq!(nothing.status, 400, "{}", nothing.text());
}

pub(crate) fn pages_without_an_end_are_purged_too() {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = two(&without_memory(&server, &database));
    for about in ["all", "handler endless", "path /endless/1", "prefix /end", "tag page:1", "url /endless/1"]
    {
        let (verb, about) = about.split_once(' ').unwrap_or((about, ""));
        for verb in [format!("purge_{verb}"), format!("expire_{verb}")] {
            until("it is shared", || other.get("/endless/1").is_remote_hit());
            let version = database.change(1);
            one.purge(&verb, about);
            let answers = [other.get("/endless/1"), one.get("/endless/1")];
            for answer in answers {
                assert_eq!(answer.shown().version, version, "{verb} {about:?}: {}", answer.outcome());
            }
        }
    }
    assert_all_keys_have_a_time(&mut server.client());
}

pub(crate) fn each_verb_is_heard_of_by_other_processes_with_memory() {
    let (server, database) = (Server::start(), Database::new());
    let settings = settings(&server, &database);
    let processes = two(&settings);
    let mut slowest = Duration::ZERO;
    for (verb, about, path) in VERBS {
        for verb in [format!("purge_{verb}"), format!("expire_{verb}")] {
            for round in 0..4 {
                let [one, other] = [&processes[round % 2], &processes[1 - round % 2]];
                until("it is in memory", || {
                    let answer = other.get(path);
                    answer.outcome().contains("; hit") && !answer.is_remote_hit()
                });
                let version = database.change(7);
                one.purge(&verb, about);
                assert_eq!(one.get(path).shown().version, version);
                let longest = settings.max_purge_lag + Duration::from_millis(200);
                let took =
                    within(longest, "it has heard of it", || other.get(path).shown().version == version);
                slowest = slowest.max(took);
            }
        }
    }
    println!("with memory, a purge is heard of after {slowest:?} at most");
}

pub(crate) fn expired_pages_stand_in_while_they_are_made_anew() {
    let (server, database) = (Server::start(), Database::new());
    for settings in [settings(&server, &database), without_memory(&server, &database)] {
        let settings =
            Settings { key_prefix: format!("test-{}", settings.local_ttl.as_millis()), ..settings };
        let processes = two(&settings);
        processes[0].store("/stale/1");
        for round in 0..6 {
            let [one, other] = [&processes[round % 2], &processes[1 - round % 2]];
            until("it has the page", || other.get("/stale/1").outcome().contains("; hit"));
            let version = database.change(1);
            one.purge("expire_tag", "page:1");
            until("it is made anew", || {
                let answer = other.get("/stale/1");
                let shown = answer.shown().version;
                // Nobody waits for it.
                assert!(answer.outcome().contains("; hit"), "{}", answer.outcome());
                assert!(shown == version || shown == version - 1);
                shown == version
            });
            until("all others have it too", || one.get("/stale/1").shown().version == version);
        }
    }
}

/// With many who ask all the time.
pub(crate) fn a_purged_page_never_comes_back_without_memory() {
    let (server, database) = (Server::start(), Database::new());
    let processes = two(&without_memory(&server, &database));
    let load = Load::of(processes, database, Duration::ZERO);
    load.run(|| sleep(Duration::from_secs(4)));
    load.assert_right("");
}

/// Who has purged it does not send it any more at all, others not after the delay.
pub(crate) fn a_purged_page_never_comes_back_with_memory() {
    let (server, database) = (Server::start(), Database::new());
    let settings = Settings { max_purge_lag: Duration::from_millis(300), ..settings(&server, &database) };
    let load = Load::of(two(&settings), database, settings.max_purge_lag + Duration::from_millis(50));
    load.run(|| sleep(Duration::from_secs(4)));
    load.assert_right("");
}

pub(crate) fn what_was_being_made_is_not_kept() {
    let (server, database) = (Server::start(), Database::new());
    for settings in [settings(&server, &database), without_memory(&server, &database)] {
        let settings =
            Settings { key_prefix: format!("test-{}", settings.local_ttl.as_millis()), ..settings };
        let [one, other] = two(&settings);
        for verb in ["purge_tag", "expire_tag"] {
            let runs = database.runs("slow", 1);
            let early = thread::scope(|scope| {
                let early = scope.spawn(|| other.get("/slow/1"));
                until("it is being made", || database.runs("slow", 1) > runs);
                database.change(1);
                one.purge(verb, "page:1");
                early.join().unwrap()
            });
            // Whoever asked before may be sent it.
            assert_eq!(early.shown().version, database.version(1) - 1);
            for process in [&other, &one] {
                let answer = process.get("/slow/1");
                assert_eq!(answer.shown().version, database.version(1), "{verb}: {}", answer.outcome());
            }
            database.change(1);
            one.purge("purge_all", "");
            until("it is gone", || other.get("/slow/1").shown().version == database.version(1));
            one.purge("purge_all", "");
            sleep(Duration::from_millis(50));
        }
    }
}

/// As a laptop is that was closed, or a machine that is moved.
pub(crate) fn a_process_that_was_stopped_does_not_trust_its_memory() {
    let (server, database) = (Server::start(), Database::new());
    let settings = Settings { max_purge_lag: Duration::from_millis(300), ..settings(&server, &database) };
    let [one, other] = two(&settings);
    for _ in 0..3 {
        until("it is in memory", || {
            let answer = other.get("/page/1");
            answer.outcome().contains("; hit") && !answer.is_remote_hit()
        });
        other.pause();
        let version = database.change(1);
        one.purge("purge_tag", "page:1");
        sleep(settings.max_purge_lag + Duration::from_millis(50));
        // It is asked before it can have heard anything.
        let asked = thread::scope(|scope| {
            let asked = scope.spawn(|| other.get("/page/1"));
            sleep(Duration::from_millis(50));
            other.resume();
            asked.join().unwrap()
        });
        assert_eq!(asked.shown().version, version, "{}", asked.outcome());
    }
}

/// Answers of the store are on their way for a while. Two requests of one process are one question to it, but not where the second
/// one comes after a purge.
pub(crate) fn who_comes_after_a_purge_is_not_given_what_was_asked_for_before_it() {
    let (server, database) = (Server::start(), Database::new());
    let proxy = Proxy::before(server.port());
    let near = Settings { deadline: Duration::from_secs(2), ..without_memory(&server, &database) };
    let far = Settings { urls: vec![proxy.url()], ..near.clone() };
    let (one, other) = (Process::start(&near), Process::start(&far));
    until("it is shared", || other.get("/page/1").is_remote_hit() | one.get("/page/1").is_remote_hit());
    proxy.set(Mode::Slow(0, 60));
    for _ in 0..10 {
        let version = thread::scope(|scope| {
            scope.spawn(|| other.get("/page/1"));
            sleep(Duration::from_millis(20));
            let version = database.change(1);
            one.purge("purge_tag", "page:1");
            let answer = other.get("/page/1");
            assert_eq!(answer.shown().version, version, "{}", answer.outcome());
            version
        });
        assert_eq!(one.get("/page/1").shown().version, version);
    }
}

/// Who cannot hear of purges does not share what was begun before one.
pub(crate) fn who_comes_after_a_purge_is_not_given_what_was_begun_before_it_out_of_reach() {
    let (server, database) = (Server::start(), Database::new());
    let delay = Duration::from_millis(300);
    for local_ttl in [Duration::ZERO, Duration::from_secs(60)] {
        let proxy = Proxy::before(server.port());
        let near = Settings {
            local_ttl,
            key_prefix: format!("test-{}", local_ttl.as_millis()),
            max_purge_lag: delay,
            slow: Duration::from_millis(1500),
            ..settings(&server, &database)
        };
        let far = Settings { urls: vec![proxy.url()], ..near.clone() };
        let (one, other) = (Process::start(&near), Process::start(&far));
        proxy.set(Mode::Stall);
        other.until_down();
        let runs = database.runs("slow", 1);
        thread::scope(|scope| {
            scope.spawn(|| other.get("/slow/1"));
            until("it is being made", || database.runs("slow", 1) > runs);
            let version = database.change(1);
            one.purge("purge_tag", "page:1");
            if !local_ttl.is_zero() {
                sleep(delay + Duration::from_millis(100));
            }
            let asked = Instant::now();
            let answer = other.get("/slow/1");
            let took = asked.elapsed();
            assert_eq!(
                answer.shown().version,
                version,
                "with {local_ttl:?} in memory, after {took:?}: {}",
                answer.outcome()
            );
        });
        proxy.set(Mode::Pass);
    }
}

/// A page that nobody has seen before, made while other things are purged all the time.
pub(crate) fn what_is_purged_elsewhere_keeps_no_page_from_being_shared() {
    let (server, database) = (Server::start(), Database::new());
    let settings = Settings { deadline: Duration::from_secs(2), ..without_memory(&server, &database) };
    let [one, other] = two(&settings);
    for id in 0..3 {
        thread::scope(|scope| {
            let made = scope.spawn(|| one.store(&format!("/slow/{id}")));
            while !made.is_finished() {
                for (verb, about) in
                    [("purge_tag", "page:70"), ("expire_path", "/slow/70"), ("purge_url", "/slow")]
                {
                    other.purge(verb, about);
                }
            }
        });
        assert!(other.get(&format!("/slow/{id}")).is_remote_hit());
        assert_eq!(database.runs("slow", id), 1);
    }
    assert_eq!(one.stats()["purged"], 0);
}
