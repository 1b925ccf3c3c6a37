//! A cluster of three nodes.

use std::{process::Command, thread::sleep, time::Duration};

use cache_page::RedisStore;

use crate::{
    application::{Deployment, Settings},
    conformance,
    database::Database,
    load::Load,
    process::{Process, settings, wait_at_most, wait_until, with_timeout},
    server::{Server, cli_program, free_port},
    sharing::assert_all_keys_expire,
};

/// The `remote_timeout` while slots move or a node is dead, and calls may wait for it in vain.
pub(crate) const MOVING_TIMEOUT: Duration = Duration::from_millis(500);

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
                    // No node is considered dead on a slow machine.
                    "--cluster-node-timeout",
                    "30000",
                    // A node without slots does not become a replica.
                    "--cluster-allow-replica-migration",
                    "no",
                    "--cluster-port",
                    &free_port().to_string(),
                ])
            })
            .collect();
        let addresses = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port()));
        let filled = Command::new(cli_program())
            .args(["--cluster", "create"])
            .args(addresses)
            .arg("--cluster-yes")
            .output()
            .unwrap();
        assert!(filled.status.success(), "{}", String::from_utf8_lossy(&filled.stdout));
        for node in &nodes {
            wait_until("the cluster is formed", || {
                let text = String::from_utf8(node.command("CLUSTER INFO").text()).unwrap();
                text.contains("cluster_state:ok")
            });
        }
        Self { nodes }
    }

    pub(crate) fn settings(&self, database: &Database, local_ttl: Duration) -> Settings {
        Settings {
            urls: self.nodes.iter().map(Server::url).collect(),
            deployment: Deployment::Cluster,
            local_ttl,
            key_prefix: format!("test-{}", local_ttl.as_millis()),
            ..settings(&self.nodes[0], database)
        }
    }
}

pub(crate) fn cluster_shares_pages_and_purges() {
    let mut cluster = Cluster::start();
    check_pages_are_shared(&cluster);
    check_purges(&cluster);
    check_coalescing(&cluster);
    check_load(&cluster);
    cluster.nodes.iter().for_each(|node| assert_all_keys_expire(&mut node.client()));
    check_resharding(&cluster);
    check_killed_node(&mut cluster);
}

pub(crate) fn cluster_passes_the_conformance_suite() {
    let cluster = Cluster::start();
    conformance::check(|| RedisStore::cluster(cluster.nodes.iter().map(Server::url)).unwrap());
}

fn check_pages_are_shared(cluster: &Cluster) {
    let database = Database::new();
    let settings = cluster.settings(&database, Duration::ZERO);
    let [one, other] = [Process::start(&settings), Process::start(&settings)];
    for id in 0..40 {
        let filled = one.fill(&format!("/page/{id}"));
        let shared = other.get(&format!("/page/{id}"));
        assert!(shared.is_remote_hit() && shared.body == filled.body, "{}", shared.outcome());
    }
    for color in ["red", "green"] {
        let headers = format!("x-color: {color}\r\n");
        wait_until("the variant is shared", || {
            assert_eq!(one.get_with("/varied/1", &headers).header("x-shown"), Some(color));
            other.get_with("/varied/1", &headers).is_remote_hit()
        });
    }
    for node in &cluster.nodes {
        assert!(!node.client().keys_of("p").is_empty(), "a node has no pages");
    }
}

fn check_purges(cluster: &Cluster) {
    let database = Database::new();
    for local_ttl in [Duration::ZERO, Duration::from_secs(60)] {
        let settings = cluster.settings(&database, local_ttl);
        let [one, other] = [Process::start(&settings), Process::start(&settings)];
        for (method, argument) in [
            ("tag", "pages"),
            ("handler", "page"),
            ("prefix", "/page/"),
            ("all", ""),
            ("path", "/page/3"),
            ("url", "/page/3"),
        ] {
            for method in [format!("purge_{method}"), format!("expire_{method}")] {
                let ids = if argument.ends_with('3') { 3..4 } else { 0..10 };
                for id in ids.clone() {
                    wait_until("the page is shared", || {
                        one.get(&format!("/page/{id}"));
                        other.get(&format!("/page/{id}")).is_hit()
                    });
                    database.change(id);
                }
                one.purge(&method, argument);
                for id in ids {
                    let longest = if local_ttl.is_zero() { Duration::ZERO } else { settings.max_purge_lag };
                    wait_at_most(longest, "the purge is received", || {
                        other.get(&format!("/page/{id}")).content().version == database.version(id)
                    });
                }
            }
        }
    }
}

fn check_coalescing(cluster: &Cluster) {
    let database = Database::new();
    let settings =
        Settings { key_prefix: "one".to_owned(), ..cluster.settings(&database, Duration::from_secs(60)) };
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

fn check_load(cluster: &Cluster) {
    let database = Database::new();
    let settings = Settings { key_prefix: "load".to_owned(), ..cluster.settings(&database, Duration::ZERO) };
    let settings = Settings { handler_time: Duration::from_millis(30), ..settings };
    let load = Load::new([Process::start(&settings), Process::start(&settings)], database, Duration::ZERO);
    load.run(|| load.go_on_for(Duration::from_secs(2)));
    load.assert_correct("in a cluster");
}

fn check_resharding(cluster: &Cluster) {
    let database = Database::new();
    let settings = cluster.settings(&database, Duration::ZERO);
    let settings = Settings { key_prefix: "slots".to_owned(), ..with_timeout(settings, MOVING_TIMEOUT) };
    let settings = Settings { handler_time: Duration::from_millis(30), ..settings };
    let load = Load::new([Process::start(&settings), Process::start(&settings)], database, Duration::ZERO);
    let [from, to] = [0, 2].map(|place| cluster.nodes[place].command("CLUSTER MYID").text());
    let [from, to] = [from, to].map(|id| String::from_utf8(id).unwrap());
    let slowest = load.run(|| {
        load.go_on_for(Duration::from_millis(300));
        let _ = load.slowest();
        let address = format!("127.0.0.1:{}", cluster.nodes[0].port());
        let moved = Command::new(cli_program())
            .args(["--cluster", "reshard", &address, "--cluster-from", &from, "--cluster-to", &to])
            .args(["--cluster-slots", "16384", "--cluster-yes"])
            .output()
            .unwrap();
        assert!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stdout));
        load.slowest()
    });
    load.assert_pages_correct("while slots of the cluster move");
    let left = cluster.nodes[0].client().keys();
    assert!(left.is_empty(), "the node still has keys: {left:?}");
    println!("slots of a cluster moved: the longest response time was {slowest:.0?}");
}

fn check_killed_node(cluster: &mut Cluster) {
    let database = Database::new();
    let settings = cluster.settings(&database, Duration::ZERO);
    let settings = Settings { key_prefix: "kill".to_owned(), ..with_timeout(settings, MOVING_TIMEOUT) };
    let settings = Settings { handler_time: Duration::from_millis(30), ..settings };
    let load = Load::new([Process::start(&settings), Process::start(&settings)], database, Duration::ZERO);
    let slowest = load.run(|| {
        load.go_on_for(Duration::from_millis(300));
        let _ = load.slowest();
        for node in &cluster.nodes {
            node.command("CONFIG SET cluster-node-timeout 1000");
        }
        cluster.nodes[1].kill();
        sleep(Duration::from_secs(3));
        load.slowest()
    });
    load.assert_pages_correct("after a node of the cluster was killed");
    println!("a node of a cluster killed: the longest response time was {slowest:.0?}");
}
