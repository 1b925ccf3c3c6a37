//! Pages of one process are served by the others.

use std::{
    collections::HashSet,
    fs::{self, OpenOptions},
    io::Write as _,
    time::{Duration, Instant},
};

use crate::{
    application::Settings,
    database::Database,
    directory::Directory,
    process::{Process, remote_only, settings, wait_until, with_timeout},
    resp::{Reply, Resp, suffix},
    server::Server,
};

pub(crate) fn page_is_a_hit_in_another_process() {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = start_two(&settings(&server, &database));
    let filled = one.fill("/page/1");
    assert_eq!(filled.content().process_id, one.id());
    let shared = other.get("/page/1");
    assert!(shared.is_remote_hit(), "{}", shared.outcome());
    assert_eq!((&shared.body, database.runs("page", 1)), (&filled.body, 1));
    // From now on, the process has a local copy.
    assert_eq!(other.wait_in_local_memory("/page/1").body, filled.body);
    assert_eq!(database.runs("page", 1), 1);
}

pub(crate) fn remote_hit_has_the_stored_headers() {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = start_two(&remote_only(&server, &database));
    let filled = one.fill("/page/1");
    let shared = other.get("/page/1");
    assert!(shared.is_remote_hit(), "{}", shared.outcome());
    assert_eq!(shared.lasting_headers(), filled.lasting_headers());
    let etag = filled.header("etag").expect("no header").to_owned();
    let same = other.get_if_none_match("/page/1", &etag);
    assert_eq!(same, 304);
}

pub(crate) fn age_of_a_remote_hit_grows() {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = start_two(&remote_only(&server, &database));
    let start = Instant::now();
    one.fill("/page/1");
    let age = || other.get("/page/1").header("age").expect("no header").parse::<u64>().unwrap();
    wait_until("the page is a second old", || age() >= 1);
    let age = age();
    assert!(age <= start.elapsed().as_secs() + 1, "{age} seconds after {:?}", start.elapsed());
}

pub(crate) fn large_page_is_revalidated_and_not_sent_again() {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = start_two(&remote_only(&server, &database));
    let filled = one.fill("/big/1");
    let request = || {
        let shared = other.get("/big/1");
        assert!(shared.is_remote_hit() && shared.body == filled.body, "{}", shared.outcome());
    };
    request();
    // From now on, the process has the page, and each request revalidates it.
    let before = server.bytes_sent();
    (0..20).for_each(|_| request());
    let sent = server.bytes_sent() - before;
    assert!(sent < filled.body.len() as u64 / 2, "{sent} bytes for 20 hits on {}", filled.body.len());
    assert_eq!(database.runs("big", 1), 1);
}

pub(crate) fn variants_are_shared_separately() {
    let (server, database) = (Server::start(), Database::new());
    for settings in [settings(&server, &database), remote_only(&server, &database)] {
        let settings =
            Settings { key_prefix: format!("test-{}", settings.local_ttl.as_millis()), ..settings };
        let [one, other] = start_two(&settings);
        let before = database.runs("varied", 1);
        for color in ["red", "green"] {
            let headers = format!("x-color: {color}\r\n");
            let filled = one.get_with("/varied/1", &headers);
            assert_eq!(filled.header("x-shown"), Some(color));
            wait_until("the variant is stored", || {
                let shared = other.get_with("/varied/1", &headers);
                assert_eq!(shared.header("x-shown"), Some(color));
                shared.is_hit() && shared.body == filled.body
            });
        }
        // A new process reads the names of the headers from the store.
        let late = Process::start(&settings);
        for color in ["green", "red"] {
            let shared = late.get_with("/varied/1", &format!("x-color: {color}\r\n"));
            assert!(shared.is_remote_hit(), "{}", shared.outcome());
            assert_eq!(shared.header("x-shown"), Some(color));
        }
        // The other process may run the handler before the variant is stored.
        assert!(database.runs("varied", 1) - before <= 4);
        database.change(1);
        one.purge("purge_tag", "page:1");
        for color in ["green", "red"] {
            wait_until("the variant is new", || {
                let new = other.get_with("/varied/1", &format!("x-color: {color}\r\n"));
                assert_eq!(new.header("x-shown"), Some(color));
                new.content().version == database.version(1)
            });
        }
    }
}

pub(crate) fn other_key_prefix_shares_nothing() {
    let (server, database) = (Server::start(), Database::new());
    let own = remote_only(&server, &database);
    let one = Process::start(&own);
    one.fill("/page/1");
    for prefix in ["tes", "test:", "te:st}", "%", "test%3A"] {
        let other = Process::start(&Settings { key_prefix: prefix.to_owned(), ..own.clone() });
        other.fill("/page/1");
        // The first process does not receive these purges.
        other.purge("purge_all", "");
        other.purge("purge_prefix", "/page/");
    }
    assert!(one.get("/page/1").is_remote_hit());
    assert_eq!(database.runs("page", 1), 6);
}

pub(crate) fn other_build_shares_purges_but_no_pages() {
    let (server, database, directory) = (Server::start(), Database::new(), Directory::new());
    let program = another_build(&directory);
    let no_prefix = |settings| Settings { key_prefix: String::new(), ..settings };
    let settings = no_prefix(settings(&server, &database));
    let [one, same] = start_two(&settings);
    let other = Process::spawn_program(&program, &settings, &[]);
    other.wait_available();
    one.fill("/page/1");
    assert!(same.get("/page/1").is_remote_hit(), "the same build");
    other.fill("/page/1");
    assert_eq!(database.runs("page", 1), 2);
    database.change(1);
    one.purge("purge_tag", "page:1");
    for process in [&same, &other] {
        process.wait_current("/page/1", 1);
    }
    database.change(1);
    other.purge("purge_prefix", "/page/");
    for process in [&one, &same] {
        process.wait_current("/page/1", 2);
    }
}

pub(crate) fn other_build_with_the_same_prefix_shares_pages() {
    let (server, database, directory) = (Server::start(), Database::new(), Directory::new());
    let settings = remote_only(&server, &database);
    let one = Process::start(&settings);
    let other = Process::spawn_program(&another_build(&directory), &settings, &[]);
    other.wait_available();
    let filled = one.fill("/page/1");
    let shared = other.get("/page/1");
    assert!(shared.is_remote_hit() && shared.body == filled.body, "{}", shared.outcome());
}

pub(crate) fn url_selects_password_and_database() {
    let (server, database) = (Server::with(&["--requirepass", "secret"]), Database::new());
    let url = |rest: &str| vec![server.url().replace("redis://", "redis://:secret@") + rest];
    let settings = |rest| Settings { urls: url(rest), ..settings(&server, &database) };
    let [one, other] = start_two(&settings("/3"));
    one.fill("/page/1");
    assert!(other.get("/page/1").is_remote_hit());
    let elsewhere = Process::start(&settings("/4"));
    assert!(elsewhere.get("/page/1").is_stored());
    let mut client = server.client();
    client.command("AUTH secret");
    assert!(client.keys().is_empty());
    client.command("SELECT 3");
    assert!(!client.keys().is_empty());
    // With a wrong password, the store is unavailable.
    let wrong = vec![server.url().replace("redis://", "redis://:wrong@")];
    // A process that has just started waits that long for its first connection.
    let wrong = Settings { urls: wrong, ..with_timeout(settings(""), Duration::from_secs(1)) };
    let outside = Process::spawn(&wrong);
    assert_eq!(outside.get("/page/1").status, 200);
    assert!(!outside.is_available());
}

/// The commands in the documentation of `RedisStore`, and those that the scripts use.
pub(crate) fn restricted_user_with_the_documented_commands_works() {
    const COMMANDS: &str = "+eval +evalsha +getrange +info +mget +ping +xread +del +exists +get +pexpire +pttl +set +time \
        +unlink +xadd +xrange +xrevrange +zadd +zcard +zmscore +zrange +zrangebyscore +zrem +zremrangebyrank";
    let (server, database) = (Server::start(), Database::new());
    let done = server.command(&format!("ACL SETUSER app on >secret ~cp1:* {COMMANDS}"));
    assert!(!matches!(done, Reply::Error(_)), "{done:?}");
    let urls = vec![server.url().replace("redis://", "redis://app:secret@")];
    let [one, other] = start_two(&Settings { urls, ..remote_only(&server, &database) });
    for path in ["/page/1", "/big/1", "/short-ttl/1"] {
        let filled = one.fill(path);
        for _ in 0..3 {
            let shared = other.get(path);
            assert!(shared.is_remote_hit() && shared.body == filled.body, "{path}: {}", shared.outcome());
        }
    }
    other.get("/private/1");
    for (method, argument) in [
        ("expire_tag", "page:1"),
        ("expire_prefix", "/short-ttl"),
        ("purge_prefix", "/page"),
        ("purge_handler", "big"),
        ("expire_all", ""),
        ("purge_all", ""),
    ] {
        one.purge(method, argument);
        assert!(!other.get("/page/1").outcome().is_empty());
    }
    for process in [&one, &other] {
        let stats = process.stats();
        assert_eq!((stats["rejected"], stats["unavailable"], stats["is_available"]), (0, 0, 1));
    }
}

pub(crate) fn every_key_expires() {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = start_two(&settings(&server, &database));
    for id in 0..3 {
        one.fill(&format!("/page/{id}"));
        other.fill(&format!("/short-ttl/{id}"));
        other.get_with(&format!("/varied/{id}"), "x-color: red\r\n");
        one.get(&format!("/private/{id}"));
    }
    for method in ["purge_tag", "expire_tag"] {
        one.purge(method, "page:1");
    }
    for method in ["purge_prefix", "expire_prefix"] {
        one.purge(method, "/page/2");
    }
    other.fill("/page/1");
    one.purge("expire_all", "");
    let mut client = server.client();
    assert_all_keys_expire(&mut client);
    // When the pages have expired, only the record of the last purges stays.
    client.command("FLUSHALL");
    wait_until("the sequence is created again", || !client.keys_of("n").is_empty());
    // They are generated again where the machine is so slow that they expire.
    wait_until("three pages are stored", || {
        (10..13).for_each(|id| drop(one.get(&format!("/short-ttl/{id}"))));
        client.keys_of("p").len() >= 3
    });
    other.purge("purge_prefix", "/short-ttl/10");
    other.purge("expire_tag", "page:11");
    wait_until("all data of pages has expired", || {
        client.keys().iter().all(|key| b"ntlru".contains(&suffix(key)[0]))
    });
}

/// Each value is of another page, so that the pages that replace them do not matter.
pub(crate) fn corrupt_value_is_a_miss() {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = start_two(&remote_only(&server, &database));
    let (mut client, mut known) = (server.client(), HashSet::new());
    for (id, corrupt) in (0..).zip(corruptions()) {
        let path = format!("/page/{id}");
        one.fill(&path);
        let key = client.keys_of("p").into_iter().find(|key| known.insert(key.clone()));
        let key = key.expect("the page has a key");
        let value = client.try_command(&[b"GET", &key]).unwrap().text();
        let Some((command, arguments)) = corrupt(&value) else { break };
        client.try_command(&[b"DEL", &key]).unwrap();
        let words: Vec<&[u8]> =
            [command.as_bytes(), &key].into_iter().chain(arguments.iter().map(|word| &word[..])).collect();
        let reply = client.try_command(&words).unwrap();
        assert!(!matches!(reply, Reply::Error(_)), "{reply:?}");
        let answer = other.get(&path);
        assert!(!answer.is_hit(), "{path}: {}", answer.outcome());
        assert_eq!(answer.content().process_id, other.id());
    }
    assert!(known.len() > 50 && other.is_available());
}

/// Returns a command that writes a corrupt value, and its arguments after the key; `None` if the value is too short for it.
type Corruption = Box<dyn Fn(&[u8]) -> Option<(&'static str, Vec<Vec<u8>>)>>;

fn corruptions() -> impl Iterator<Item = Corruption> {
    let of_another_type =
        [("RPUSH", 1), ("SADD", 1), ("HSET", 2)].map(|(command, arguments)| -> Corruption {
            Box::new(move |_| Some((command, vec![b"garbage".to_vec(); arguments])))
        });
    let texts = ["garbage", "99999999", "00000000", "-0000001"]
        .map(|text| -> Corruption { Box::new(move |_| Some(("SET", vec![text.into()]))) });
    let changed = (0..).step_by(7).flat_map(|at| {
        let set = |change: fn(&[u8], usize) -> Vec<u8>| -> Corruption {
            Box::new(move |value| (at < value.len()).then(|| ("SET", vec![change(value, at)])))
        };
        [
            set(|value, at| [&value[..at], &[value[at] ^ 1], &value[at + 1..]].concat()),
            set(|value, at| value[..at].to_vec()),
            set(|value, at| value[at + 1..].to_vec()),
        ]
    });
    of_another_type.into_iter().chain(texts).chain(changed)
}

/// For example if the clock of the server goes back, or a replica with a slower clock is promoted.
pub(crate) fn page_stored_in_the_future_is_refreshed() {
    let (server, database) = (Server::start(), Database::new());
    let mut client = server.client();
    for coalesce_across_processes in [true, false] {
        let key_prefix = format!("later-{coalesce_across_processes}");
        let [one, other] = start_two(&Settings {
            coalesce_across_processes,
            key_prefix: key_prefix.clone(),
            ..remote_only(&server, &database)
        });
        for path in ["/page/1", "/big/1"] {
            one.fill(path);
            // The copy of a long page in local memory is not confirmed either.
            (0..2).for_each(|_| assert!(other.get(path).is_remote_hit()));
            let of_this = |key: &Vec<u8>| String::from_utf8_lossy(key).contains(&key_prefix);
            let key = client.keys_of("p").into_iter().rfind(of_this).unwrap();
            let mut page = client.try_command(&[b"GET", &key]).unwrap().text();
            let head: usize = str::from_utf8(&page[..8]).unwrap().parse().unwrap();
            // When the page was stored, when its fill started, and until when it is fresh.
            for start in [8, 8 + head + 8].iter().flat_map(|once| [1, 2, 3].map(|place| once + 16 * place)) {
                let digits = &mut page[start..start + 16];
                let time: u64 = str::from_utf8(digits).unwrap().parse().unwrap();
                digits.copy_from_slice(format!("{:016}", time + 3_600_000_000).as_bytes());
            }
            client.try_command(&[b"SET", &key, &page, b"KEEPTTL"]).unwrap();
            let filled = other.fill(path);
            let shared = one.get(path);
            assert!(shared.is_remote_hit() && shared.body == filled.body, "{path}: {}", shared.outcome());
            client.try_command(&[b"DEL", &key]).unwrap();
        }
    }
}

#[track_caller]
pub(crate) fn assert_all_keys_expire(client: &mut Resp) {
    for key in client.keys() {
        // The key may have expired, or have less than a millisecond left.
        let left = client.try_command(&[b"PTTL", &key]).unwrap().number();
        assert!(left >= 0 || left == -2, "{:?} has no TTL", key.escape_ascii().to_string());
    }
}

pub(crate) fn start_two(settings: &Settings) -> [Process; 2] {
    [Process::start(settings), Process::start(settings)]
}

/// Copies this executable with one more byte, which makes it another build.
fn another_build(directory: &Directory) -> std::path::PathBuf {
    let program = directory.path().join("application");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    OpenOptions::new().append(true).open(&program).unwrap().write_all(b"\n").unwrap();
    program
}

impl Process {
    /// Returns the status of a conditional request.
    fn get_if_none_match(&self, path: &str, etag: &str) -> u16 {
        self.get_with(path, &format!("If-None-Match: {etag}\r\n")).status
    }
}
