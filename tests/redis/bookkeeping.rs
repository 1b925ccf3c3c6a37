//! Keys that are overwritten by accident, with a value of another type or with garbage.

use std::time::Duration;

use crate::{
    database::Database,
    process::{Process, remote_only, wait_at_most, wait_until},
    resp::{Reply, Resp, suffix},
    server::Server,
    sharing::{assert_all_keys_expire, start_two},
};

/// The time after which pages have to be stored again.
const LIMIT: Duration = Duration::from_secs(5);

/// The kinds of keys. `w` is the mark beside a lease that another process waits.
const KINDS: [&str; 12] = ["p", "s", "x", "xs", "r", "c", "w", "i", "n", "t", "l", "u"];

/// Commands that write a value of each type, or garbage.
fn garbage() -> Vec<Vec<Vec<u8>>> {
    let zeros = "0".repeat(16);
    let nines = "9".repeat(16);
    let in_order = |text: &str| text.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
    let mut all: Vec<Vec<Vec<u8>>> = [
        "RPUSH KEY garbage",
        "SADD KEY garbage",
        "HSET KEY field garbage",
        "ZADD KEY 7 garbage",
        "ZADD KEY inf f inf p inf x",
        "XADD KEY * field garbage",
        "XADD KEY 18446744073709551615-18446744073709551615 field garbage",
        "SET KEY garbage",
        "SET KEY -",
        "SET KEY 1",
    ]
    .map(in_order)
    .into();
    let mut bytes = (0..=255u8).collect::<Vec<_>>();
    bytes.extend_from_within(..);
    for text in [b"".to_vec(), b"0123456789abcdef".to_vec(), bytes] {
        all.push(vec![b"SET".to_vec(), b"KEY".to_vec(), text]);
    }
    // Numbers where numbers belong.
    for number in [&zeros, &nines, "1111111111111111", "3333333333333333"] {
        for count in [1, 4, 6, 20] {
            all.push(vec![b"SET".to_vec(), b"KEY".to_vec(), number.repeat(count).into_bytes()]);
        }
    }
    all
}

/// Overwrites all keys of a kind, or creates the only one of it. Returns whether there is one.
fn overwrite(client: &mut Resp, kind: &str, command: &[Vec<u8>]) -> bool {
    let is_of_kind = |key: &[u8]| {
        let rest = suffix(key);
        let is_waiting_mark = rest.len() == 18 && rest[0] == b'c' && rest[17] == b'w';
        match kind {
            "w" => is_waiting_mark,
            "p" | "s" | "c" => rest.starts_with(kind.as_bytes()) && rest.len() == 17,
            _ => rest == kind.as_bytes(),
        }
    };
    let all = client.keys();
    let mut keys: Vec<_> = all.iter().filter(|key| is_of_kind(key)).cloned().collect();
    if let (Some(key), true, false) = (all.first(), keys.is_empty(), ["p", "s", "c", "w"].contains(&kind)) {
        keys.push([&key[..key.len() - suffix(key).len()], kind.as_bytes()].concat());
    }
    for key in &keys {
        let words: Vec<&[u8]> =
            command.iter().map(|word| if word == b"KEY" { &key[..] } else { &word[..] }).collect();
        // A process may create the key again between the two commands.
        for reply in client.transaction(&[&[b"DEL", key], &words]) {
            assert!(!matches!(reply, Reply::Error(_)), "{reply:?}");
        }
    }
    !keys.is_empty()
}

/// Writes every kind of key but leases, which the caller holds.
fn write_all_kinds(one: &Process, id: u64) {
    one.purge("purge_tag", "none");
    one.get(&format!("/page/{id}"));
    one.get("/private/1");
    for method in ["purge_prefix", "expire_prefix"] {
        one.purge(method, "/none");
    }
}

/// Whatever one key of any kind is replaced by, both processes share pages and purges again.
fn assert_recovers(kinds: &[&str]) {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = start_two(&remote_only(&server, &database));
    let mut client = server.client();
    let mut id = 0;
    for kind in kinds {
        for command in garbage() {
            id += 1;
            let (known, new) = (format!("/page/{id}"), format!("/big/{id}"));
            let what = || format!("{kind} is {}", command.join(&b' ').escape_ascii());
            write_all_kinds(&one, id);
            let version = database.change(id);
            // A lease that no process holds, and one that is waited for.
            let leases = ["c", "w"].contains(kind);
            if leases {
                let keys = client.keys_of("p");
                for page in keys {
                    let mut lease = page.clone();
                    let start = page.len() - 17;
                    lease[start] = b'c';
                    client.try_command(&[b"SET", &lease, b"0123456789abcdef", b"PX", b"1000"]).unwrap();
                    client
                        .try_command(&[b"SET", &[&lease[..], b"w"].concat(), b"1", b"PX", b"1000"])
                        .unwrap();
                    client.try_command(&[b"DEL", &page]).unwrap();
                }
            }
            assert!(overwrite(&mut client, kind, &command), "there is no key of the kind {kind}");
            // Purges are executed.
            for method in ["expire_tag", "purge_tag"] {
                wait_at_most(LIMIT, &what(), || one.try_purge(method, &format!("page:{id}")).status == 200);
            }
            wait_until("the page is current", || other.get(&known).content().version == version);
            for path in [&known, &new] {
                wait_at_most(LIMIT, &format!("{path}, {}", what()), || {
                    let answers = [one.get(path), other.get(path)];
                    answers.iter().all(|answer| {
                        assert_eq!(answer.content().version, version, "{}", what());
                        answer.is_remote_hit()
                    })
                });
            }
            for method in ["purge_prefix", "purge_all"] {
                let version = database.change(id);
                let argument = if method == "purge_all" { "" } else { "/page/" };
                wait_at_most(LIMIT, &what(), || one.try_purge(method, argument).status == 200);
                assert_eq!(other.get(&known).content().version, version, "{method}, {}", what());
            }
            assert!(one.is_available() && other.is_available(), "{}", what());
        }
    }
    // What was overwritten has no TTL, unless it was deleted since.
    client.command("FLUSHALL");
    wait_until("the page is shared", || {
        one.get("/page/1");
        other.get("/page/1").is_remote_hit()
    });
    assert_all_keys_expire(&mut client);
}

pub(crate) fn overwritten_pages_and_leases_are_replaced() {
    assert_recovers(&["p", "c", "w"]);
}

pub(crate) fn overwritten_stamps_are_replaced() {
    assert_recovers(&["s", "x", "xs", "r"]);
}

pub(crate) fn overwritten_log_and_sequence_are_replaced() {
    assert_recovers(&["i", "n", "t", "l", "u"]);
}

/// With connections that are opened while the keys are garbage.
pub(crate) fn process_starts_with_overwritten_keys() {
    let (server, database) = (Server::start(), Database::new());
    let settings = remote_only(&server, &database);
    let one = Process::start(&settings);
    let mut client = server.client();
    for command in garbage() {
        write_all_kinds(&one, 1);
        for kind in KINDS {
            overwrite(&mut client, kind, &command);
        }
        let what = command.join(&b' ').escape_ascii().to_string();
        let other = Process::spawn(&settings);
        wait_at_most(LIMIT, &what, || other.is_available());
        wait_at_most(LIMIT, &what, || {
            one.get("/page/1");
            other.get("/page/1").is_remote_hit()
        });
        let version = database.change(1);
        wait_at_most(LIMIT, &what, || other.try_purge("purge_tag", "page:1").status == 200);
        assert_eq!(one.get("/page/1").content().version, version, "{what}");
    }
}

/// Without the record, each new connection would purge everything.
pub(crate) fn record_of_the_run_is_kept() {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let (server, database) = (Server::start(), Database::new());
    let _process = Process::start(&remote_only(&server, &database));
    let mut client = server.client();
    let keys = client.keys_of("i");
    let [key] = &keys[..] else { panic!("{keys:?}") };
    client.try_command(&[b"PEXPIRE", key, (14 * DAY).to_string().as_bytes()]).unwrap();
    wait_until("it is recorded for longer", || {
        client.try_command(&[b"PTTL", key]).unwrap().number() > 30 * DAY
    });
}
