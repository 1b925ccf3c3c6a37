//! A master, its replica, and a sentinel that promotes the replica.

use std::{
    fs,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    application::{Deployment, Settings},
    database::Database,
    directory::Directory,
    process::{settings, wait_until, with_timeout},
    resp::{Reply, Resp},
    server::{Server, free_port, program},
    sharing::start_two,
};

struct Sentinel {
    child: Child,
    port: u16,
    _directory: Directory,
}

impl Sentinel {
    /// Starts a sentinel that monitors a server, and waits until it has found the replica.
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
        wait_until("the sentinel knows the replica", || {
            let text = Resp::connect(port)
                .and_then(|mut client| client.try_command(&[b"SENTINEL", b"REPLICAS", b"main"]));
            matches!(text, Ok(Reply::Array(replicas)) if !replicas.is_empty())
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

pub(crate) fn promoted_replica_is_used() {
    let (mut master, database) = (Server::start(), Database::new());
    let port = master.port().to_string();
    // The replica synchronizes without a delay.
    let replica = Server::with(&["--replicaof", "127.0.0.1", &port, "--repl-diskless-sync-delay", "0"]);
    let sentinel = Sentinel::watch(&master);
    let settings = Settings {
        deployment: Deployment::Sentinel,
        urls: vec![sentinel.url()],
        ..with_timeout(settings(&master, &database), Duration::from_secs(1))
    };
    let [one, other] = start_two(&settings);
    one.fill("/page/1");
    assert!(other.get("/page/1").is_remote_hit());
    wait_until("the replica has the page", || !replica.client().keys_of("p").is_empty());
    master.kill();
    let failed = Instant::now();
    let (mut number, mut is_seen) = (0, false);
    wait_until("pages are shared on the promoted replica", || {
        number += 1;
        let path = format!("/page/{}", 100 + number);
        let answers = [one.get(&path), other.get(&path)];
        // Clients get no errors during the failover.
        answers.iter().for_each(|answer| assert_eq!(answer.status, 200, "{}", answer.outcome()));
        is_seen |= !one.is_available();
        is_seen && answers[1].is_remote_hit()
    });
    println!("a replica was promoted after {:.1?}", failed.elapsed());
    // Purges take effect, with numbers greater than those of the master.
    one.fill("/page/2");
    other.wait_hit("/page/2");
    let version = database.change(2);
    one.purge("purge_tag", "page:2");
    other.wait_current("/page/2", version);
    let purged = database.change(1);
    one.purge("purge_all", "");
    other.wait_current("/page/1", purged);
}
