//! A server that forgets some things and keeps others: pages may go that need not, and none may stay that must not.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    application::Settings, basics::two, database::Database, load::Load, process::without_memory,
    proxy::Random, resp::Reply, server::Server,
};

pub(crate) fn no_purged_page_is_sent_whatever_goes_missing() {
    let (server, database) = (Server::start(), Database::new());
    let settings = Settings { slow: Duration::from_millis(30), ..without_memory(&server, &database) };
    let load = Load::of(two(&settings), database, Duration::ZERO);
    let (mut client, mut random) = (server.client(), Random(7));
    let before = load.processes[1].stats()["shared"];
    let deleted = load.run(|| {
        let (start, mut deleted) = (Instant::now(), 0);
        while start.elapsed() < Duration::from_secs(4) {
            let kinds = ["s", "s", "s", "x", "xs", "n", "r", "t", "l", "c", "p"];
            let kind = kinds[usize::try_from(random.below(kinds.len() as u64)).unwrap()];
            let mut keys = client.keys_of(kind);
            if !keys.is_empty() {
                let key = keys.swap_remove(usize::try_from(random.below(keys.len() as u64)).unwrap());
                deleted += client.try_ask(&[b"DEL", &key]).unwrap().number();
            }
            // Now and then there is some time to share pages.
            sleep(Duration::from_millis(if random.below(40) == 0 { 100 } else { random.below(3) }));
        }
        deleted
    });
    load.assert_right("where keys go missing");
    let shared = load.processes[1].stats()["shared"] - before;
    println!("{deleted} keys were deleted, and {shared} pages came from the other process all the same");
    assert!(deleted > 100 && shared > 0);
}

/// The list of prefixes goes, and what it was for stays.
pub(crate) fn prefixes_that_were_forgotten_do_not_bring_pages_back() {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = two(&without_memory(&server, &database));
    let mut client = server.client();
    for verb in ["purge_prefix", "expire_prefix"] {
        one.store("/page/1");
        assert!(other.get("/page/1").is_remote_hit());
        let version = database.change(1);
        one.purge(verb, "/page/");
        for list in client.keys_of("xs") {
            assert_eq!(client.try_ask(&[b"DEL", &list]).unwrap(), Reply::Number(1));
        }
        one.purge(verb, "/elsewhere/");
        let answer = other.get("/page/1");
        assert_eq!(answer.shown().version, version, "{verb}: {}", answer.outcome());
        one.purge("purge_all", "");
    }
}

pub(crate) fn no_purged_page_is_sent_by_a_server_that_evicts() {
    for policy in ["allkeys-random", "allkeys-lru", "volatile-lru", "noeviction"] {
        let (server, database) = (Server::start(), Database::new());
        let settings = Settings { slow: Duration::from_millis(30), ..without_memory(&server, &database) };
        let load = Load::of(two(&settings), database, Duration::ZERO);
        let used = server.ask("INFO memory").text();
        let used = String::from_utf8(used).unwrap();
        let used = used.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().trim();
        let most = used.parse::<u64>().unwrap() + 200 * 1024;
        server.ask(&format!("CONFIG SET maxmemory-policy {policy}"));
        server.ask(&format!("CONFIG SET maxmemory {most}"));
        load.run(|| sleep(Duration::from_millis(1500)));
        load.assert_right(policy);
        let evicted = String::from_utf8(server.ask("INFO stats").text()).unwrap();
        let evicted = evicted.lines().find_map(|line| line.strip_prefix("evicted_keys:")).unwrap().to_owned();
        println!("{policy}: {evicted} keys were evicted");
        assert_eq!(policy == "noeviction", evicted == "0");
    }
}
