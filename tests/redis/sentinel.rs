//! A server and its replica, and a sentinel that puts one in the place of the other.

use std::{
    fs,
    process::{Child, Command, Stdio},
    time::Instant,
};

use crate::{
    application::{Kind, Settings},
    basics::two,
    database::Database,
    directory::Directory,
    process::{settings, until},
    resp::{Reply, Resp},
    server::{Server, free_port, program},
};

struct Sentinel {
    child: Child,
    port: u16,
    _directory: Directory,
}

impl Sentinel {
    /// It knows the replica of that server when this returns.
    fn watch(server: &Server) -> Self {
        let (port, directory) = (free_port(), Directory::new());
        let file = directory.path().join("sentinel.conf");
        let lines = [
            format!("port {port}"),
            "bind 127.0.0.1".to_owned(),
            format!("dir {}", directory.path().display()),
            format!("sentinel monitor main 127.0.0.1 {} 1", server.port()),
            "sentinel down-after-milliseconds main 500".to_owned(),
            "sentinel failover-timeout main 3000".to_owned(),
        ];
        fs::write(&file, lines.join("\n")).unwrap();
        let child = Command::new(program())
            .arg(&file)
            .arg("--sentinel")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let sentinel = Self { child, port, _directory: directory };
        until("the sentinel knows the replica", || {
            let told = Resp::connect(port)
                .and_then(|mut client| client.try_ask(&[b"SENTINEL", b"REPLICAS", b"main"]));
            matches!(told, Ok(Reply::Many(replicas)) if !replicas.is_empty())
        });
        sentinel
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn a_replica_takes_the_place_of_its_master() {
    let (mut master, database) = (Server::start(), Database::new());
    let port = master.port().to_string();
    // What a replica is told at once, it has at once.
    let replica = Server::with(&["--replicaof", "127.0.0.1", &port, "--repl-diskless-sync-delay", "0"]);
    let sentinel = Sentinel::watch(&master);
    let settings =
        Settings { kind: Kind::Sentinel, urls: vec![sentinel.url()], ..settings(&master, &database) };
    let [one, other] = two(&settings);
    one.store("/page/1");
    assert!(other.get("/page/1").is_remote_hit());
    until("the replica has the page", || !replica.client().keys_of("p").is_empty());
    master.kill();
    let failed = Instant::now();
    let (mut number, mut is_seen) = (0, false);
    until("pages are shared again, by what was the replica", || {
        number += 1;
        let path = format!("/page/{}", 100 + number);
        let answers = [one.get(&path), other.get(&path)];
        // Nobody is told that something is wrong meanwhile.
        answers.iter().for_each(|answer| assert_eq!(answer.status, 200, "{}", answer.outcome()));
        is_seen |= !one.is_up();
        is_seen && answers[1].is_remote_hit()
    });
    println!("after {:.1?}, a replica is in the place of its master", failed.elapsed());
    // Purges go on as well, above all numbers that were before.
    one.store("/page/2");
    until("it is shared", || other.get("/page/2").outcome().contains("; hit"));
    let version = database.change(2);
    one.purge("purge_tag", "page:2");
    until("the other one hears of it", || other.get("/page/2").shown().version == version);
    let purged = database.change(1);
    one.purge("purge_all", "");
    until("and what was there before is purged too", || other.get("/page/1").shown().version == purged);
}
