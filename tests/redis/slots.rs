//! A slot of a cluster that goes from one node to another, key by key, as where there is a new node.

use std::{collections::HashSet, time::Duration};

use crate::{
    basics::two,
    cluster::Cluster,
    database::Database,
    process::{Process, until},
    resp::{Reply, Resp, kind_of},
    server::Server,
};

/// The slot of a page, on its way.
struct Move {
    slot: String,
    from: Resp,
    to: Resp,
    others: Vec<Resp>,
    port: String,
}

impl Move {
    fn begin(cluster: &Cluster, page: &[u8]) -> Self {
        let mut nodes: Vec<Resp> = cluster.nodes.iter().map(Server::client).collect();
        let slot = nodes[0].try_ask(&[b"CLUSTER", b"KEYSLOT", page]).unwrap().number().to_string();
        let place =
            nodes.iter_mut().position(|node| node.keys_of("p").iter().any(|key| key == page)).unwrap();
        let other = usize::from(place == 0);
        let port = cluster.nodes[other].port().to_string();
        let (from, to) = (cluster.nodes[place].client(), cluster.nodes[other].client());
        let mut moves = Self { slot, from, to, others: nodes, port };
        let (source, target) = (id(&mut moves.from), id(&mut moves.to));
        let slot = &moves.slot;
        assert_done(&moves.to.ask(&format!("CLUSTER SETSLOT {slot} IMPORTING {source}")));
        assert_done(&moves.from.ask(&format!("CLUSTER SETSLOT {slot} MIGRATING {target}")));
        moves
    }

    /// Those keys are on the other node from here on.
    fn go(&mut self, is_meant: impl Fn(&[u8]) -> bool) {
        let keys = self.from.ask(&format!("CLUSTER GETKEYSINSLOT {} 1000", self.slot)).many();
        for key in keys.into_iter().map(Reply::text).filter(|key| is_meant(key)) {
            let words: [&[u8]; 6] = [b"MIGRATE", b"127.0.0.1", self.port.as_bytes(), &key, b"0", b"5000"];
            assert_done(&self.from.try_ask(&words).unwrap());
        }
    }

    /// The rest, and it is there to stay.
    fn end(mut self) {
        self.go(|_| true);
        let (slot, target) = (&self.slot, id(&mut self.to));
        // The one that gets it first, so that somebody has it all the time.
        for node in [&mut self.to, &mut self.from].into_iter().chain(&mut self.others) {
            assert_done(&node.ask(&format!("CLUSTER SETSLOT {slot} NODE {target}")));
        }
    }
}

fn id(node: &mut Resp) -> String {
    String::from_utf8(node.ask("CLUSTER MYID").text()).unwrap()
}

#[track_caller]
fn assert_done(reply: &Reply) {
    assert!(!matches!(reply, Reply::Failed(_)), "{reply:?}");
}

/// The one page that is there and was not before.
fn new_page(cluster: &Cluster, known: &mut HashSet<Vec<u8>>) -> Vec<u8> {
    let pages = cluster.nodes.iter().flat_map(|node| node.client().keys_of("p"));
    let mut new = pages.filter(|key| known.insert(key.clone()));
    new.next().expect("a page was put")
}

/// One part of what the cluster knows of a page is on one node and the rest on another while it is purged.
pub(crate) fn a_slot_that_moves_brings_no_purged_page_back() {
    let (cluster, database) = (Cluster::start(), Database::new());
    let settings = cluster.settings(&database, Duration::ZERO);
    let [one, other] = two(&settings);
    // By the first letters of what is behind the prefix.
    let parts =
        [("the numbers", "nr"), ("the stamps", "sx"), ("the page", "p"), ("all but the stamps", "nrpclt")];
    // From here on, all shards know that there are purges.
    one.purge("purge_tag", "nothing");
    let (mut id, mut known, mut confirmed) = (0, HashSet::new(), 0);
    for (what, letters) in parts {
        // Of the first one, the log goes with it.
        for (verb, about, is_first_shard) in [
            ("purge_path", "/big/{id}", true),
            ("purge_path", "/big/{id}", false),
            ("purge_prefix", "/big/{id}", false),
            ("purge_all", "", false),
        ] {
            let key = loop {
                id += 1;
                one.store(&format!("/big/{id}"));
                let key = new_page(&cluster, &mut known);
                if key.windows(4).any(|part| part == b":0}:") == is_first_shard {
                    break key;
                }
            };
            let path = format!("/big/{id}");
            let is_new = |process: &Process| {
                let answer = process.get(&path);
                assert_eq!(answer.status, 200);
                answer.shown().version == database.version(id)
            };
            until("it is shared", || other.get(&path).is_remote_hit());
            let mut moves = Move::begin(&cluster, &key);
            moves.go(|key| letters.as_bytes().contains(&kind_of(key)[0]));
            database.change(id);
            let is_confirmed = one.tell(verb, &about.replace("{id}", &id.to_string())).status == 200;
            confirmed += u32::from(is_confirmed);
            let assert_right = |when: &str| {
                for process in [&other, &one] {
                    assert!(is_new(process) || !is_confirmed, "{when} {what} first, {verb}");
                }
            };
            assert_right("while a slot moves,");
            moves.end();
            assert_right("when a slot has moved,");
            until("it is purged, if it was not before", || is_new(&one) && is_new(&other));
            until("it is shared again", || {
                one.get(&path).is_remote_hit() && other.get(&path).is_remote_hit()
            });
        }
    }
    println!("{confirmed} of 16 purges were confirmed while a slot moved");
    assert!((1..16).contains(&confirmed), "{confirmed}");
}
