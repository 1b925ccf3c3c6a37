//! The connections of workers, over which they look up pages.

use std::collections::HashSet;

use crate::{
    application::Settings,
    database::Database,
    process::{Process, remote_only, wait_until},
    proxy::{Mode, Proxy},
    server::Server,
    sharing::start_two,
};

pub(crate) fn connections_of_workers_are_used_and_replaced() {
    let (server, database) = (Server::start(), Database::new());
    let [one, other] = start_two(&remote_only(&server, &database));
    one.fill("/page/1");
    // The connections that the threads of a process share are open.
    let mut known: HashSet<_> = clients(&server).into_iter().map(|client| client.id).collect();
    for _ in 0..3 {
        let mut opened = Vec::new();
        wait_until("a worker looks up pages over its connection", || {
            assert!(other.get("/page/1").is_remote_hit());
            let lookups = clients(&server).into_iter().filter(|client| client.last_command == "mget");
            opened = lookups.map(|client| client.id).filter(|id| !known.contains(id)).collect();
            !opened.is_empty()
        });
        for id in opened {
            server.command(&format!("CLIENT KILL ID {id}"));
            known.insert(id);
        }
        // The lookup is repeated over the shared connection.
        assert!(other.get("/page/1").is_remote_hit());
    }
}

pub(crate) fn lookup_is_repeated_if_its_connection_ends() {
    let (server, database) = (Server::start(), Database::new());
    let proxy = Proxy::in_front_of(server.port());
    let near = remote_only(&server, &database);
    let far = Settings { urls: vec![proxy.url()], ..near.clone() };
    let (one, other) = (Process::start(&near), Process::start(&far));
    one.fill("/page/1");
    proxy.set(Mode::EndLookups);
    wait_until("a lookup has ended its connection", || {
        assert!(other.get("/page/1").is_remote_hit());
        proxy.ended_lookups() > 0
    });
    assert!(other.is_available());
}

struct Client {
    id: String,
    last_command: String,
}

fn clients(server: &Server) -> Vec<Client> {
    let list = String::from_utf8(server.command("CLIENT LIST TYPE normal").text()).unwrap();
    let field = |line: &str, name: &str| {
        line.split(' ').find_map(|field| field.strip_prefix(name)).unwrap_or_default().to_owned()
    };
    let clients = list.lines();
    clients.map(|line| Client { id: field(line, "id="), last_command: field(line, "cmd=") }).collect()
}
