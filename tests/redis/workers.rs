//! The connections of workers, over which they look up pages.

use std::collections::HashSet;

use crate::{
    database::Database,
    process::{remote_only, wait_until},
    server::Server,
    sharing::start_two,
};

pub(crate) fn connections_of_workers_are_used_and_replaced() {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = start_two(&remote_only(&server, &database));
    one.fill("/page/1");
    let mut known = HashSet::new();
    for _ in 0..3 {
        wait_until("a worker looks up pages over its connection", || {
            assert_eq!(other.get("/page/1").status, 200);
            lookup_connections(&server).iter().any(|id| !known.contains(id))
        });
        for id in lookup_connections(&server) {
            server.command(&format!("CLIENT KILL ID {id}"));
            known.insert(id);
        }
        wait_until("the page is shared", || other.get("/page/1").is_remote_hit());
    }
}

/// Returns the ids of connections whose last command is a lookup.
fn lookup_connections(server: &Server) -> Vec<String> {
    let list = String::from_utf8(server.command("CLIENT LIST TYPE normal").text()).unwrap();
    let field = |line: &str, name: &str| {
        line.split(' ').find_map(|field| field.strip_prefix(name)).unwrap_or_default().to_owned()
    };
    list.lines().filter(|line| field(line, "cmd=") == "mget").map(|line| field(line, "id=")).collect()
}
