//! The example for many processes, as its README starts it: two processes, which are this executable again, and a server.

#[allow(dead_code, reason = "the tests request no statistics")]
#[path = "../../examples/redis/main.rs"]
mod example;

use std::{
    env,
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use crate::{
    client::{Answer, Client},
    process::wait_until,
    server::{Server, free_port},
};

const VARIABLE: &str = "CACHE_PAGE_EXAMPLE";

pub(crate) fn is_requested() -> bool {
    env::var_os(VARIABLE).is_some()
}

pub(crate) fn run() {
    example::main().unwrap();
}

struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(server: &Server) -> Self {
        let port = free_port();
        let variables = [(VARIABLE, "1"), ("REDIS_URL", &server.url()), ("PORT", &port.to_string())].map(own);
        let mut command = Command::new(env::current_exe().unwrap());
        let child = command.envs(variables).stdout(Stdio::null()).spawn().unwrap();
        let process = Self { child, address: ([127, 0, 0, 1], port).into() };
        wait_until("the process listens", || Client::new(process.address).send("GET", "/", "", "").is_ok());
        process
    }

    fn send(&self, method: &str, path: &str) -> Answer {
        Client::new(self.address).send(method, path, "", "").unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn own((name, value): (&'static str, &str)) -> (&'static str, String) {
    (name, value.to_owned())
}

/// The processes have the timeouts of the example, which may elapse on a busy machine, and first have to hash this executable. So the
/// commands are repeated until they do what the README says.
pub(crate) fn example_shares_its_page_and_its_purge() {
    let server = Server::start();
    let [one, other] = [(); 2].map(|()| Process::start(&server));
    wait_until("the page of one is shared, and purged in both", || {
        one.send("POST", "/purge");
        let made = one.send("GET", "/time");
        let shared = other.send("GET", "/time");
        let purged = one.send("POST", "/purge");
        let next = other.send("GET", "/time");
        made.is_stored()
            && shared.is_remote_hit()
            && shared.body == made.body
            && purged.text() == "purged 1 pages here; in the others: Confirmed\n"
            && next.is_stored()
            && next.body != made.body
    });
}
