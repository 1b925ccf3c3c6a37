//! Three servers that are one.

use std::{process::Command, thread::sleep, time::Duration};

use cache_page::RedisStore;

use crate::{
    application::{Kind, Settings},
    basics::assert_all_keys_have_a_time,
    contract,
    database::Database,
    load::Load,
    process::{Process, settings, until, within},
    server::{Server, command_line, free_port},
};

pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let nodes: Vec<Server> = (0..3)
            .map(|_| {
                Server::with(&[
                    "--cluster-enabled",
                    "yes",
                    // On a slow machine too, none is taken for dead that is not.
                    "--cluster-node-timeout",
                    "30000",
                    // One without slots stays what it is.
                    "--cluster-allow-replica-migration",
                    "no",
                    "--cluster-port",
                    &free_port().to_string(),
                ])
            })
            .collect();
        let addresses = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port()));
        let made = Command::new(command_line())
            .args(["--cluster", "create"])
            .args(addresses)
            .arg("--cluster-yes")
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
        for node in &nodes {
            until("the cluster is one", || {
                let told = String::from_utf8(node.ask("CLUSTER INFO").text()).unwrap();
                told.contains("cluster_state:ok")
            });
        }
        Self { nodes }
    }

    pub(crate) fn settings(&self, database: &Database, local_ttl: Duration) -> Settings {
        Settings {
            urls: self.nodes.iter().map(Server::url).collect(),
            kind: Kind::Cluster,
            local_ttl,
            // Purges go to each of its parts.
            deadline: Duration::from_millis(500),
            key_prefix: format!("test-{}", local_ttl.as_millis()),
            ..settings(&self.nodes[0], database)
        }
    }
}

pub(crate) fn a_cluster_is_one_cache() {
    let mut cluster = Cluster::start();
    pages_are_spread_and_shared(&cluster);
    purges_hold(&cluster);
    one_makes_a_page_for_all(&cluster);
    no_purged_page_is_sent(&cluster);
    cluster.nodes.iter().for_each(|node| assert_all_keys_have_a_time(&mut node.client()));
    a_node_gives_its_slots_away(&cluster);
    a_node_is_killed(&mut cluster);
}

pub(crate) fn a_cluster_does_what_a_store_must() {
    let cluster = Cluster::start();
    contract::check(|| RedisStore::cluster(cluster.nodes.iter().map(Server::url)).unwrap());
}

fn pages_are_spread_and_shared(cluster: &Cluster) {
    let database = Database::new();
    let settings = cluster.settings(&database, Duration::ZERO);
    let [one, other] = [Process::start(&settings), Process::start(&settings)];
    for id in 0..40 {
        let made = one.store(&format!("/page/{id}"));
        let shared = other.get(&format!("/page/{id}"));
        assert!(shared.is_remote_hit() && shared.body == made.body, "{}", shared.outcome());
    }
    for color in ["red", "green"] {
        let headers = format!("x-color: {color}\r\n");
        until("the variant is shared", || {
            assert_eq!(one.get_with("/varied/1", &headers).header("x-shown"), Some(color));
            other.get_with("/varied/1", &headers).is_remote_hit()
        });
    }
    for node in &cluster.nodes {
        assert!(!node.client().keys_of("p").is_empty(), "each node has some pages");
    }
}

fn purges_hold(cluster: &Cluster) {
    let database = Database::new();
    for local_ttl in [Duration::ZERO, Duration::from_secs(60)] {
        let settings = cluster.settings(&database, local_ttl);
        let [one, other] = [Process::start(&settings), Process::start(&settings)];
        for (verb, about) in [
            ("tag", "pages"),
            ("handler", "page"),
            ("prefix", "/page/"),
            ("all", ""),
            ("path", "/page/3"),
            ("url", "/page/3"),
        ] {
            for verb in [format!("purge_{verb}"), format!("expire_{verb}")] {
                let ids = if about.ends_with('3') { 3..4 } else { 0..10 };
                for id in ids.clone() {
                    until("it is shared", || {
                        one.get(&format!("/page/{id}"));
                        other.get(&format!("/page/{id}")).outcome().contains("; hit")
                    });
                    database.change(id);
                }
                one.purge(&verb, about);
                for id in ids {
                    let longest =
                        if local_ttl.is_zero() { Duration::ZERO } else { Duration::from_millis(1200) };
                    let path = format!("/page/{id}");
                    let is_new = || other.get(&path).shown().version == database.version(id);
                    if longest.is_zero() {
                        assert!(is_new(), "{verb} {about:?}: {path}");
                    } else {
                        within(longest, "it has heard of it", is_new);
                    }
                }
            }
        }
    }
}

fn one_makes_a_page_for_all(cluster: &Cluster) {
    let database = Database::new();
    let settings = Settings {
        key_prefix: "one".to_owned(),
        deadline: Duration::from_secs(2),
        ..cluster.settings(&database, Duration::from_secs(60))
    };
    let processes = [Process::start(&settings), Process::start(&settings), Process::start(&settings)];
    for id in 0..3 {
        std::thread::scope(|scope| {
            for process in &processes {
                scope.spawn(move || assert_eq!(process.get(&format!("/slow/{id}")).status, 200));
            }
        });
        assert_eq!(database.runs("slow", id), 1);
    }
}

fn no_purged_page_is_sent(cluster: &Cluster) {
    let database = Database::new();
    let settings = Settings { key_prefix: "load".to_owned(), ..cluster.settings(&database, Duration::ZERO) };
    let settings = Settings { slow: Duration::from_millis(30), ..settings };
    let load = Load::of([Process::start(&settings), Process::start(&settings)], database, Duration::ZERO);
    load.run(|| sleep(Duration::from_secs(2)));
    load.assert_right("in a cluster");
}

fn a_node_gives_its_slots_away(cluster: &Cluster) {
    let database = Database::new();
    let settings = Settings { key_prefix: "slots".to_owned(), ..cluster.settings(&database, Duration::ZERO) };
    let settings = Settings { slow: Duration::from_millis(30), ..settings };
    let load = Load::of([Process::start(&settings), Process::start(&settings)], database, Duration::ZERO);
    let [from, to] = [0, 2].map(|place| cluster.nodes[place].ask("CLUSTER MYID").text());
    let [from, to] = [from, to].map(|id| String::from_utf8(id).unwrap());
    let slowest = load.run(|| {
        sleep(Duration::from_millis(300));
        let _ = load.slowest();
        let address = format!("127.0.0.1:{}", cluster.nodes[0].port());
        let moved = Command::new(command_line())
            .args(["--cluster", "reshard", &address, "--cluster-from", &from, "--cluster-to", &to])
            .args(["--cluster-slots", "16384", "--cluster-yes"])
            .output()
            .unwrap();
        assert!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stdout));
        load.slowest()
    });
    load.assert_pages_are_right("where slots of a cluster move");
    let left = cluster.nodes[0].client().keys();
    assert!(left.is_empty(), "it has none any more: {left:?}");
    println!("slots of a cluster moved: nobody waited for longer than {slowest:.0?}");
}

fn a_node_is_killed(cluster: &mut Cluster) {
    let database = Database::new();
    let settings = Settings { key_prefix: "kill".to_owned(), ..cluster.settings(&database, Duration::ZERO) };
    let settings = Settings { slow: Duration::from_millis(30), ..settings };
    let load = Load::of([Process::start(&settings), Process::start(&settings)], database, Duration::ZERO);
    let slowest = load.run(|| {
        sleep(Duration::from_millis(300));
        let _ = load.slowest();
        for node in &cluster.nodes {
            node.ask("CONFIG SET cluster-node-timeout 1000");
        }
        cluster.nodes[1].kill();
        sleep(Duration::from_secs(3));
        load.slowest()
    });
    load.assert_pages_are_right("where a node of the cluster was killed");
    println!("a node of a cluster killed: nobody waited for longer than {slowest:.0?}");
}
