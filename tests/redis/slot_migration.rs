//! The migration of a cluster slot to another node, key by key.

use std::{collections::HashSet, time::Duration};

use crate::{
    cluster::{Cluster, MOVING_TIMEOUT},
    database::Database,
    process::{Process, wait_until, with_timeout},
    resp::{Reply, Resp, suffix},
    server::Server,
    sharing::start_two,
};

/// The migration of the slot of a page.
struct SlotMigration {
    slot: String,
    from: Resp,
    to: Resp,
    others: Vec<Resp>,
    port: String,
}

impl SlotMigration {
    fn start(cluster: &Cluster, page: &[u8]) -> Self {
        let mut nodes: Vec<Resp> = cluster.nodes.iter().map(Server::client).collect();
        let slot = nodes[0].try_command(&[b"CLUSTER", b"KEYSLOT", page]).unwrap().number().to_string();
        let place =
            nodes.iter_mut().position(|node| node.keys_of("p").iter().any(|key| key == page)).unwrap();
        let other = usize::from(place == 0);
        let port = cluster.nodes[other].port().to_string();
        let (from, to) = (cluster.nodes[place].client(), cluster.nodes[other].client());
        let mut moves = Self { slot, from, to, others: nodes, port };
        let (source, target) = (id(&mut moves.from), id(&mut moves.to));
        let slot = &moves.slot;
        assert_ok(&moves.to.command(&format!("CLUSTER SETSLOT {slot} IMPORTING {source}")));
        assert_ok(&moves.from.command(&format!("CLUSTER SETSLOT {slot} MIGRATING {target}")));
        moves
    }

    /// Moves some keys to the other node.
    fn move_keys(&mut self, matches: impl Fn(&[u8]) -> bool) {
        let keys = self.from.command(&format!("CLUSTER GETKEYSINSLOT {} 1000", self.slot)).array();
        for key in keys.into_iter().map(Reply::text).filter(|key| matches(key)) {
            let words: [&[u8]; 6] = [b"MIGRATE", b"127.0.0.1", self.port.as_bytes(), &key, b"0", b"5000"];
            assert_ok(&self.from.try_command(&words).unwrap());
        }
    }

    /// Moves the remaining keys, and ends the migration.
    fn finish(mut self) {
        self.move_keys(|_| true);
        let (slot, target) = (&self.slot, id(&mut self.to));
        // The new owner first, so that the slot always has one.
        for node in [&mut self.to, &mut self.from].into_iter().chain(&mut self.others) {
            assert_ok(&node.command(&format!("CLUSTER SETSLOT {slot} NODE {target}")));
        }
    }
}

fn id(node: &mut Resp) -> String {
    String::from_utf8(node.command("CLUSTER MYID").text()).unwrap()
}

#[track_caller]
fn assert_ok(reply: &Reply) {
    assert!(!matches!(reply, Reply::Error(_)), "{reply:?}");
}

/// Returns the key of the page that was stored last.
fn new_page(cluster: &Cluster, known: &mut HashSet<Vec<u8>>) -> Vec<u8> {
    let pages = cluster.nodes.iter().flat_map(|node| node.client().keys_of("p"));
    let mut new = pages.filter(|key| known.insert(key.clone()));
    new.next().expect("no page was stored")
}

/// While a page is purged, some of the keys of its shard are on one node and the rest are on another one.
pub(crate) fn migrating_slot_restores_no_purged_page() {
    let (cluster, database) = (Cluster::start(), Database::new());
    let settings = with_timeout(cluster.settings(&database, Duration::ZERO), MOVING_TIMEOUT);
    let [one, other] = start_two(&settings);
    // The kinds of keys that are moved first.
    let parts =
        [("the numbers", "nr"), ("the stamps", "sx"), ("the page", "p"), ("all but the stamps", "nrpclt")];
    // Creates the sequence in all shards.
    one.purge("purge_tag", "nothing");
    let (mut id, mut known, mut confirmed) = (0, HashSet::new(), 0);
    for (what, letters) in parts {
        // The first shard contains the log.
        for (method, argument, is_first_shard) in [
            ("purge_path", "/big/{id}", true),
            ("purge_path", "/big/{id}", false),
            ("purge_prefix", "/big/{id}", false),
            ("purge_all", "", false),
        ] {
            let key = loop {
                id += 1;
                one.fill(&format!("/big/{id}"));
                let key = new_page(&cluster, &mut known);
                if key.windows(4).any(|part| part == b":0}:") == is_first_shard {
                    break key;
                }
            };
            let path = format!("/big/{id}");
            let is_new = |process: &Process| {
                let answer = process.get(&path);
                assert_eq!(answer.status, 200);
                answer.content().version == database.version(id)
            };
            wait_until("the page is shared", || other.get(&path).is_remote_hit());
            let mut moves = SlotMigration::start(&cluster, &key);
            moves.move_keys(|key| letters.as_bytes().contains(&suffix(key)[0]));
            database.change(id);
            let is_confirmed =
                one.try_purge(method, &argument.replace("{id}", &id.to_string())).status == 200;
            confirmed += u32::from(is_confirmed);
            let assert_right = |when: &str| {
                for process in [&other, &one] {
                    assert!(is_new(process) || !is_confirmed, "{when} {what} first, {method}");
                }
            };
            assert_right("during the migration of");
            moves.finish();
            assert_right("after the migration of");
            wait_until("the page is purged", || is_new(&one) && is_new(&other));
            wait_until("the page is shared again", || {
                one.get(&path).is_remote_hit() && other.get(&path).is_remote_hit()
            });
        }
    }
    println!("{confirmed} of 16 purges were executed during a migration");
    assert!((1..16).contains(&confirmed), "{confirmed}");
}
