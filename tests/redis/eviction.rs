//! Eviction of some keys and not of others. A page too many may be purged, but never a page too few.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    application::Settings,
    database::Database,
    load::Load,
    process::{LIMIT, remote_only, wait_until},
    proxy::Random,
    resp::Reply,
    server::Server,
    sharing::start_two,
};

pub(crate) fn deleted_keys_restore_no_purged_page() {
    let (server, database) = (Server::start(), Database::new());
    let settings = Settings { handler_time: Duration::from_millis(30), ..remote_only(&server, &database) };
    let load = Load::new(start_two(&settings), database, Duration::ZERO);
    let (mut client, mut random) = (server.client(), Random(7));
    let before = load.processes[1].stats()["remote_hits"];
    let deleted = load.run(|| {
        let (start, mut deleted) = (Instant::now(), 0);
        let is_enough = |deleted| {
            deleted > 100 && load.processes[1].stats()["remote_hits"] > before || start.elapsed() > LIMIT
        };
        while start.elapsed() < Duration::from_secs(4) || !is_enough(deleted) {
            let kinds = ["s", "s", "s", "x", "xs", "n", "r", "t", "l", "c", "p"];
            let kind = kinds[usize::try_from(random.below(kinds.len() as u64)).unwrap()];
            let mut keys = client.keys_of(kind);
            if !keys.is_empty() {
                let key = keys.swap_remove(usize::try_from(random.below(keys.len() as u64)).unwrap());
                deleted += client.try_command(&[b"DEL", &key]).unwrap().number();
            }
            // A longer pause lets the processes share pages.
            sleep(Duration::from_millis(if random.below(40) == 0 { 100 } else { random.below(3) }));
        }
        deleted
    });
    load.assert_correct("while keys are deleted");
    let shared = load.processes[1].stats()["remote_hits"] - before;
    println!("{deleted} keys were deleted, with {shared} remote hits");
    assert!(deleted > 100 && shared > 0);
}

/// The list of rules is evicted, and the stamp that refers to it is not.
pub(crate) fn evicted_rules_restore_no_purged_page() {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = start_two(&remote_only(&server, &database));
    let mut client = server.client();
    for method in ["purge_prefix", "expire_prefix"] {
        one.fill("/page/1");
        assert!(other.get("/page/1").is_remote_hit());
        let version = database.change(1);
        one.purge(method, "/page/");
        for list in client.keys_of("xs") {
            assert_eq!(client.try_command(&[b"DEL", &list]).unwrap(), Reply::Number(1));
        }
        one.purge(method, "/elsewhere/");
        let answer = other.get("/page/1");
        assert_eq!(answer.content().version, version, "{method}: {}", answer.outcome());
        one.purge("purge_all", "");
    }
}

pub(crate) fn eviction_restores_no_purged_page() {
    for policy in ["allkeys-random", "allkeys-lru", "volatile-lru", "noeviction"] {
        let (server, database) = (Server::start(), Database::new());
        let settings =
            Settings { handler_time: Duration::from_millis(30), ..remote_only(&server, &database) };
        let load = Load::new(start_two(&settings), database, Duration::ZERO);
        let used = server.command("INFO memory").text();
        let used = String::from_utf8(used).unwrap();
        let used = used.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().trim();
        let most = used.parse::<u64>().unwrap() + 200 * 1024;
        server.command(&format!("CONFIG SET maxmemory-policy {policy}"));
        server.command(&format!("CONFIG SET maxmemory {most}"));
        let evicted = || -> u64 {
            let stats = String::from_utf8(server.command("INFO stats").text()).unwrap();
            let evicted = stats.lines().find_map(|line| line.strip_prefix("evicted_keys:"));
            evicted.unwrap().trim().parse().unwrap()
        };
        load.run(|| {
            load.go_on_for(Duration::from_millis(1500));
            if policy != "noeviction" {
                wait_until("keys are evicted", || evicted() > 0);
            }
        });
        load.assert_correct(policy);
        println!("{policy}: {} keys were evicted", evicted());
        assert_eq!(policy == "noeviction", evicted() == 0);
    }
}
