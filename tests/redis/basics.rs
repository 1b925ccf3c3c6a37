//! What one process has made, others send.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::Write as _,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    application::Settings,
    database::Database,
    directory::Directory,
    process::{Process, settings, until, without_memory},
    resp::{Reply, Resp, kind_of},
    server::Server,
};

pub(crate) fn a_page_of_one_process_is_a_hit_in_another() {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = two(&settings(&server, &database));
    let made = one.store("/page/1");
    assert_eq!(made.shown().by, one.id());
    let shared = other.get("/page/1");
    assert!(shared.is_remote_hit(), "{}", shared.outcome());
    assert_eq!((&shared.body, database.runs("page", 1)), (&made.body, 1));
    // From here on it has a copy of its own.
    until("it comes from memory", || {
        let hit = other.get("/page/1");
        assert_eq!(hit.body, made.body);
        hit.outcome().contains("; hit") && !hit.is_remote_hit()
    });
    assert_eq!(database.runs("page", 1), 1);
}

pub(crate) fn all_headers_are_those_that_were_sent_first() {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = two(&without_memory(&server, &database));
    let made = one.store("/page/1");
    let shared = other.get("/page/1");
    assert!(shared.is_remote_hit(), "{}", shared.outcome());
    assert_eq!(shared.lasting_headers(), made.lasting_headers());
    let etag = made.header("etag").expect("pages have one").to_owned();
    let same = other.get_with_tag("/page/1", &etag);
    assert_eq!(same, 304);
    sleep(Duration::from_millis(1100));
    let age: u64 = other.get("/page/1").header("age").expect("pages have one").parse().unwrap();
    assert!((1..=5).contains(&age), "{age}");
}

pub(crate) fn a_big_page_is_shared() {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = two(&without_memory(&server, &database));
    let made = one.store("/big/1");
    let ask = || {
        let shared = other.get("/big/1");
        assert!(shared.is_remote_hit() && shared.body == made.body, "{}", shared.outcome());
    };
    ask();
    // From here on it has the page, and each request only has it confirmed.
    let before = server.sent();
    (0..20).for_each(|_| ask());
    let sent = server.sent() - before;
    assert!(sent < made.body.len() as u64 / 2, "{sent} bytes for 20 hits on {}", made.body.len());
    assert_eq!(database.runs("big", 1), 1);
}

pub(crate) fn variants_are_shared_each_on_its_own() {
    let (server, database) = (Server::start(), Database::new());
    for settings in [settings(&server, &database), without_memory(&server, &database)] {
        let settings =
            Settings { key_prefix: format!("test-{}", settings.local_ttl.as_millis()), ..settings };
        let [one, other] = two(&settings);
        let before = database.runs("varied", 1);
        for color in ["red", "green"] {
            let headers = format!("x-color: {color}\r\n");
            let made = one.get_with("/varied/1", &headers);
            assert_eq!(made.header("x-shown"), Some(color));
            until("the variant is put", || {
                let shared = other.get_with("/varied/1", &headers);
                assert_eq!(shared.header("x-shown"), Some(color));
                shared.outcome().contains("; hit") && shared.body == made.body
            });
        }
        // A process that comes later learns by itself what pages depend on.
        let late = Process::start(&settings);
        for color in ["green", "red"] {
            let shared = late.get_with("/varied/1", &format!("x-color: {color}\r\n"));
            assert!(shared.is_remote_hit(), "{}", shared.outcome());
            assert_eq!(shared.header("x-shown"), Some(color));
        }
        // Until a variant is put, others make it too.
        assert!(database.runs("varied", 1) - before <= 4);
        database.change(1);
        one.purge("purge_tag", "page:1");
        for color in ["green", "red"] {
            until("the variant is new", || {
                let new = other.get_with("/varied/1", &format!("x-color: {color}\r\n"));
                assert_eq!(new.header("x-shown"), Some(color));
                new.shown().version == database.version(1)
            });
        }
    }
}

pub(crate) fn another_prefix_sees_nothing() {
    let (server, database) = (Server::start(), Database::new());
    let own = without_memory(&server, &database);
    let one = Process::start(&own);
    one.store("/page/1");
    for prefix in ["tes", "test:", "te:st}", "%", "test%3A"] {
        let other = Process::start(&Settings { key_prefix: prefix.to_owned(), ..own.clone() });
        other.store("/page/1");
        // Nor does it hear of it.
        other.purge("purge_all", "");
        other.purge("purge_prefix", "/page/");
    }
    assert!(one.get("/page/1").is_remote_hit());
    assert_eq!(database.runs("page", 1), 6);
}

pub(crate) fn another_build_shares_no_pages_and_hears_of_purges() {
    let (server, database, directory) = (Server::start(), Database::new(), Directory::new());
    let program = another_build(&directory);
    let no_prefix = |settings| Settings { key_prefix: String::new(), ..settings };
    let settings = no_prefix(settings(&server, &database));
    let [one, same] = two(&settings);
    let other = Process::run(&program, &settings, &[]);
    other.until_up();
    one.store("/page/1");
    assert!(same.get("/page/1").is_remote_hit(), "the same program shares them");
    other.store("/page/1");
    assert_eq!(database.runs("page", 1), 2);
    database.change(1);
    one.purge("purge_tag", "page:1");
    for process in [&same, &other] {
        until("it has heard of the purge", || process.get("/page/1").shown().version == 1);
    }
    database.change(1);
    other.purge("purge_prefix", "/page/");
    for process in [&one, &same] {
        until("it has heard of the purge", || process.get("/page/1").shown().version == 2);
    }
}

pub(crate) fn another_build_with_the_same_prefix_shares_pages() {
    let (server, database, directory) = (Server::start(), Database::new(), Directory::new());
    let settings = without_memory(&server, &database);
    let one = Process::start(&settings);
    let other = Process::run(&another_build(&directory), &settings, &[]);
    other.until_up();
    let made = one.store("/page/1");
    let shared = other.get("/page/1");
    assert!(shared.is_remote_hit() && shared.body == made.body, "{}", shared.outcome());
}

pub(crate) fn a_password_and_a_database_are_in_the_url() {
    let (server, database) = (Server::with(&["--requirepass", "secret"]), Database::new());
    let url = |rest: &str| vec![server.url().replace("redis://", "redis://:secret@") + rest];
    let settings = |rest| Settings { urls: url(rest), ..settings(&server, &database) };
    let [one, other] = two(&settings("/3"));
    one.store("/page/1");
    assert!(other.get("/page/1").is_remote_hit());
    let elsewhere = Process::start(&settings("/4"));
    assert!(elsewhere.get("/page/1").is_stored());
    let mut client = server.client();
    client.ask("AUTH secret");
    assert!(client.keys().is_empty());
    client.ask("SELECT 3");
    assert!(!client.keys().is_empty());
    // A wrong one is as good as no server.
    let wrong = Settings { urls: vec![server.url().replace("redis://", "redis://:wrong@")], ..settings("") };
    let outside = Process::begin(&wrong);
    assert_eq!(outside.get("/page/1").status, 200);
    assert!(!outside.is_up());
}

/// What the documentation of `RedisStore` names, and what its scripts use.
pub(crate) fn a_user_who_may_do_only_what_is_needed_will_do() {
    const COMMANDS: &str = "+eval +evalsha +getrange +info +mget +ping +xread +del +exists +get +pexpire +pttl +set +time \
        +unlink +xadd +xrange +xrevrange +zadd +zcard +zmscore +zrange +zrangebyscore +zrem +zremrangebyrank";
    let (server, database) = (Server::start(), Database::new());
    let done = server.ask(&format!("ACL SETUSER app on >secret ~cp1:* {COMMANDS}"));
    assert!(!matches!(done, Reply::Failed(_)), "{done:?}");
    let urls = vec![server.url().replace("redis://", "redis://app:secret@")];
    let [one, other] = two(&Settings { urls, ..without_memory(&server, &database) });
    for path in ["/page/1", "/big/1", "/brief/1"] {
        let made = one.store(path);
        for _ in 0..3 {
            let shared = other.get(path);
            assert!(shared.is_remote_hit() && shared.body == made.body, "{path}: {}", shared.outcome());
        }
    }
    other.get("/private/1");
    for (verb, about) in [
        ("expire_tag", "page:1"),
        ("expire_prefix", "/brief"),
        ("purge_prefix", "/page"),
        ("purge_handler", "big"),
        ("expire_all", ""),
        ("purge_all", ""),
    ] {
        one.purge(verb, about);
        assert!(!other.get("/page/1").outcome().is_empty());
    }
    for process in [&one, &other] {
        let stats = process.stats();
        assert_eq!((stats["refused"], stats["down"], stats["is_up"]), (0, 0, 1));
    }
}

pub(crate) fn every_key_has_a_time_and_goes() {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = two(&settings(&server, &database));
    for id in 0..3 {
        one.store(&format!("/page/{id}"));
        other.store(&format!("/brief/{id}"));
        other.get_with(&format!("/varied/{id}"), "x-color: red\r\n");
        one.get(&format!("/private/{id}"));
    }
    for verb in ["purge_tag", "expire_tag"] {
        one.purge(verb, "page:1");
    }
    for verb in ["purge_prefix", "expire_prefix"] {
        one.purge(verb, "/page/2");
    }
    other.store("/page/1");
    one.purge("expire_all", "");
    let mut client = server.client();
    assert_all_keys_have_a_time(&mut client);
    // With short lives, nothing stays but what tells of the last purges.
    client.ask("FLUSHALL");
    until("the number is there again", || !client.keys_of("n").is_empty());
    for id in 10..13 {
        until("it is kept", || {
            one.get(&format!("/brief/{id}"));
            client.keys_of("p").len() > id - 10
        });
    }
    other.purge("purge_prefix", "/brief/10");
    other.purge("expire_tag", "page:11");
    until("nothing is left of pages", || client.keys().iter().all(|key| b"ntlr".contains(&kind_of(key)[0])));
}

pub(crate) fn garbage_under_the_key_of_a_page_is_a_miss() {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = two(&without_memory(&server, &database));
    let mut client = server.client();
    one.store("/page/1");
    let key = client.keys_of("p").remove(0);
    let mut garbage: Vec<Vec<Vec<u8>>> =
        ["RPUSH key garbage", "SADD key garbage", "HSET key garbage garbage"]
            .map(|line| line.split(' ').map(|word| word.as_bytes().to_vec()).collect())
            .to_vec();
    let whole = client.try_ask(&[b"GET", &key]).unwrap().text();
    let mut texts =
        vec![b"garbage".to_vec(), b"99999999".to_vec(), b"00000000".to_vec(), b"-0000001".to_vec()];
    for at in (0..whole.len()).step_by(7) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        texts.extend([changed, whole[..at].to_vec(), whole[at + 1..].to_vec()]);
    }
    garbage.extend(texts.into_iter().map(|text| vec![b"SET".to_vec(), b"key".to_vec(), text]));
    for line in garbage {
        let line: Vec<&[u8]> =
            line.iter().map(|word| if word == b"key" { &key[..] } else { &word[..] }).collect();
        client.try_ask(&[b"DEL", &key]).unwrap();
        let done = client.try_ask(&line).unwrap();
        assert!(!matches!(done, Reply::Failed(_)), "{done:?}");
        let before = other.stats();
        let answer = other.get("/page/1");
        assert!(!answer.outcome().contains("; hit"), "{}", answer.outcome());
        assert_eq!(answer.shown().by, other.id());
        // What is put behind the response must not come in between. It may be overtaken by what is there, which is not counted.
        let start = Instant::now();
        let puts = |stats: &BTreeMap<String, u64>| stats["kept"] + stats["purged"] + stats["refused"];
        let expected = puts(&before) + 1 + u64::from(answer.outcome().contains("refused"));
        while puts(&other.stats()) < expected && start.elapsed() < Duration::from_millis(200) {
            sleep(Duration::from_millis(1));
        }
        client.try_ask(&[b"DEL", &key]).unwrap();
        one.store("/page/1");
    }
    assert!(other.is_up());
}

/// As the server has it when its clock goes back, or when a replica whose clock is behind takes its place.
pub(crate) fn a_page_from_later_than_now_is_made_anew() {
    let (server, database) = (Server::start(), Database::new());
    let mut client = server.client();
    for one_fill in [true, false] {
        let (key_prefix, deadline) = (format!("later-{one_fill}"), Duration::from_secs(2));
        let settings = without_memory(&server, &database);
        let [one, other] = two(&Settings { one_fill, deadline, key_prefix: key_prefix.clone(), ..settings });
        for path in ["/page/1", "/big/1"] {
            one.store(path);
            // What the process has of a long one is not sent any more either.
            (0..2).for_each(|_| assert!(other.get(path).is_remote_hit()));
            let of_this = |key: &Vec<u8>| String::from_utf8_lossy(key).contains(&key_prefix);
            let key = client.keys_of("p").into_iter().rfind(of_this).unwrap();
            let mut page = client.try_ask(&[b"GET", &key]).unwrap().text();
            let head: usize = str::from_utf8(&page[..8]).unwrap().parse().unwrap();
            // When it was put, when it was begun, and how long it is fresh.
            for start in [8, 8 + head + 8].iter().flat_map(|once| [1, 2, 3].map(|place| once + 16 * place)) {
                let digits = &mut page[start..start + 16];
                let time: u64 = str::from_utf8(digits).unwrap().parse().unwrap();
                digits.copy_from_slice(format!("{:016}", time + 3_600_000_000).as_bytes());
            }
            client.try_ask(&[b"SET", &key, &page, b"KEEPTTL"]).unwrap();
            let made = other.store(path);
            let shared = one.get(path);
            assert!(shared.is_remote_hit() && shared.body == made.body, "{path}: {}", shared.outcome());
            client.try_ask(&[b"DEL", &key]).unwrap();
        }
    }
}

#[track_caller]
pub(crate) fn assert_all_keys_have_a_time(client: &mut Resp) {
    for key in client.keys() {
        // It may just have gone.
        let left = client.try_ask(&[b"PTTL", &key]).unwrap().number();
        assert!(left > 0 || left == -2, "{:?} has no time", key.escape_ascii().to_string());
    }
}

pub(crate) fn two(settings: &Settings) -> [Process; 2] {
    [Process::start(settings), Process::start(settings)]
}

/// This program with a byte behind it, which is another one.
fn another_build(directory: &Directory) -> std::path::PathBuf {
    let program = directory.path().join("application");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    OpenOptions::new().append(true).open(&program).unwrap().write_all(b"\n").unwrap();
    program
}

impl Process {
    /// The status for a client that has this page already.
    fn get_with_tag(&self, path: &str, etag: &str) -> u16 {
        self.get_with(path, &format!("If-None-Match: {etag}\r\n")).status
    }
}
