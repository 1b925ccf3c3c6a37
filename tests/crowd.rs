//! Ten thousand concurrent requests for one page, over real sockets, to a server with two workers.
//!
//! The clients are a second process of this program, because one process may not open the sockets of both ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    env,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    time::{Duration, Instant},
};

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::{ServerHandle, Service as _},
    rt::System,
    web,
};
use cache_page::{PageCache, cache_page};
use socket2::SockRef;
use tokio::sync::Semaphore;

const CROWD: usize = 10_000;

/// The deadline of everything that a test waits for.
const DEADLINE: Duration = Duration::from_secs(120);

fn main() {
    let needed = CROWD as u64 + 500;
    let allowed = rlimit::increase_nofile_limit(needed).unwrap();
    assert!(allowed >= needed, "the test needs {needed} open files, and a process may have {allowed}");
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [mode, address, number] = &arguments[..]
        && mode == "clients"
    {
        return run_clients(address.parse().unwrap(), number.parse().unwrap());
    }
    let tests = [
        ("concurrent_requests_share_one_run", concurrent_requests_share_one_run as fn()),
        ("leader_with_a_reset_connection_is_replaced", leader_with_a_reset_connection_is_replaced),
        ("leader_that_panics_is_replaced", leader_that_panics_is_replaced),
        ("private_response_is_not_shared", private_response_is_not_shared),
        (
            "flight_of_a_stopped_server_does_not_block_the_next",
            flight_of_a_stopped_server_does_not_block_the_next,
        ),
    ];
    let number = tests.len();
    for (name, test) in tests {
        let start = Instant::now();
        test();
        println!("test {name} ... ok ({} ms)", start.elapsed().as_millis());
    }
    // The first failure ends the program.
    println!("{number} passed, 0 failed");
}

fn concurrent_requests_share_one_run() {
    let site = Site::start(PageCache::builder().coalesce_timeout(DEADLINE).build());
    let clients = Clients::start(&site, CROWD);
    assert_eq!(site.handler.runs.load(SeqCst), 1);
    site.handler.permits.add_permits(1);
    let responses = clients.responses();
    assert_eq!((site.handler.runs.load(SeqCst), site.cache.stats().fills_in_flight()), (1, 0));
    assert_eq!(responses["200 page 1 stored"], 1);
    assert_eq!(responses["200 page 1 collapsed"], CROWD - 1);
}

fn leader_with_a_reset_connection_is_replaced() {
    let site = Site::start(PageCache::builder().coalesce_timeout(DEADLINE).build());
    let leader = site.connect();
    until("the first request leads", || site.handler.runs.load(SeqCst) == 1);
    let clients = Clients::start(&site, CROWD);
    assert_eq!(site.handler.runs.load(SeqCst), 1);
    // Without lingering, closing resets the connection.
    SockRef::from(&leader).set_linger(Some(Duration::ZERO)).unwrap();
    drop(leader);
    until("another request leads", || site.handler.runs.load(SeqCst) == 2);
    site.handler.permits.add_permits(1);
    let responses = clients.responses();
    assert_eq!(site.handler.runs.load(SeqCst), 2);
    assert_eq!((responses["200 page 2 stored"], responses["200 page 2 collapsed"]), (1, CROWD - 1));
}

fn leader_that_panics_is_replaced() {
    let site = Site::start(PageCache::builder().coalesce_timeout(DEADLINE).build());
    site.handler.panics.store(1, SeqCst);
    let clients = Clients::start(&site, CROWD);
    site.handler.permits.add_permits(1);
    until("another request leads", || site.handler.runs.load(SeqCst) == 2);
    site.handler.permits.add_permits(1);
    let responses = clients.responses();
    assert_eq!(site.handler.runs.load(SeqCst), 2);
    assert_eq!((responses["no response"], responses["200 page 2 stored"]), (1, 1));
    assert_eq!(responses["200 page 2 collapsed"], CROWD - 2);
}

fn private_response_is_not_shared() {
    let site = Site::start(PageCache::builder().coalesce_timeout(DEADLINE).build());
    site.handler.is_private.store(true, SeqCst);
    let clients = Clients::start(&site, CROWD);
    assert_eq!(site.handler.runs.load(SeqCst), 1);
    site.handler.permits.add_permits(CROWD);
    let responses = clients.responses();
    assert_eq!(site.handler.runs.load(SeqCst), CROWD);
    assert_eq!(responses.len(), CROWD, "each client gets its own response");
    assert!(responses.keys().all(|response| response.ends_with(" private")));
}

/// The requests in flight end with their server. A server with the same cache does not wait for them.
fn flight_of_a_stopped_server_does_not_block_the_next() {
    let cache = PageCache::builder().coalesce_timeout(DEADLINE).build();
    let site = Site::start(cache.clone());
    let waiting: Vec<TcpStream> = (0..20).map(|_| site.connect()).collect();
    until("all requests have arrived", || site.handler.arrived.load(SeqCst) == 20);
    let before = site.handler.runs.load(SeqCst);
    site.stop();
    let next = Site::start(cache);
    next.handler.permits.add_permits(1);
    assert_eq!(read(next.connect()), "200 page 1 stored");
    assert_eq!((before, next.handler.runs.load(SeqCst), next.cache.stats().fills_in_flight()), (1, 1, 0));
    drop(waiting);
}

/// What the handler does, and what it counts.
struct Handler {
    /// The number of requests that the App has received.
    arrived: AtomicUsize,
    /// The number of runs that have started.
    runs: AtomicUsize,
    /// Each permit lets one run end.
    permits: Semaphore,
    /// How many of the next runs panic.
    panics: AtomicUsize,
    is_private: AtomicBool,
}

#[cache_page(600)]
async fn page(handler: web::Data<Handler>) -> HttpResponse {
    let run = handler.runs.fetch_add(1, SeqCst) + 1;
    handler.permits.acquire().await.unwrap().forget();
    let panics = handler.panics.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
    assert!(panics.is_err(), "the handler panics on purpose");
    let mut response = HttpResponse::Ok();
    if handler.is_private.load(SeqCst) {
        response.insert_header(("cache-control", "private"));
    }
    response.body(format!("page {run}"))
}

struct Site {
    cache: PageCache,
    handler: web::Data<Handler>,
    address: SocketAddr,
    server_handle: ServerHandle,
    server: Option<std::thread::JoinHandle<()>>,
}

impl Site {
    fn start(cache: PageCache) -> Self {
        let handler = web::Data::new(Handler {
            arrived: AtomicUsize::new(0),
            runs: AtomicUsize::new(0),
            permits: Semaphore::new(0),
            panics: AtomicUsize::new(0),
            is_private: AtomicBool::new(false),
        });
        let (sender, receiver) = mpsc::channel();
        let (served, shared) = (handler.clone(), cache.clone());
        let server = std::thread::spawn(move || {
            System::new().block_on(async move {
                let app = move || {
                    let handler = served.clone();
                    App::new()
                        .app_data(shared.clone())
                        .app_data(handler.clone())
                        .wrap_fn(move |request, service| {
                            handler.arrived.fetch_add(1, SeqCst);
                            service.call(request)
                        })
                        .route("/", web::get().to(page))
                };
                let server = HttpServer::new(app)
                    .workers(2)
                    .client_request_timeout(DEADLINE)
                    .keep_alive(DEADLINE)
                    .shutdown_timeout(1)
                    .disable_signals();
                let server = server.bind(("127.0.0.1", 0)).unwrap();
                let address = server.addrs()[0];
                let server = server.run();
                sender.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, server_handle) = receiver.recv().unwrap();
        Self { cache, handler, address, server_handle, server: Some(server) }
    }

    /// Sends a request from this process.
    fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(server) = self.server.take() {
            // The call starts to stop the server; the thread ends when that is done.
            drop(self.server_handle.stop(true));
            server.join().unwrap();
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.end();
        }
    }
}

/// The process with the clients.
struct Clients {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Clients {
    /// Starts the process, and returns when all requests have arrived at the App.
    fn start(site: &Site, number: usize) -> Self {
        let before = site.handler.arrived.load(SeqCst);
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["clients", &site.address.to_string(), &number.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        until("all requests have arrived", || site.handler.arrived.load(SeqCst) == before + number);
        Self { child, output }
    }

    /// Returns how many clients got each response.
    fn responses(mut self) -> BTreeMap<String, usize> {
        let mut responses = BTreeMap::new();
        for line in self.output.by_ref().lines() {
            let line = line.unwrap();
            let (number, response) = line.split_once(' ').unwrap();
            responses.insert(response.to_owned(), number.parse().unwrap());
        }
        assert!(self.child.wait().unwrap().success());
        responses
    }
}

fn run_clients(address: SocketAddr, number: usize) {
    let connections: Vec<TcpStream> = (0..number).map(|_| connect(address)).collect();
    let mut responses = BTreeMap::new();
    for connection in connections {
        *responses.entry(read(connection)).or_insert(0_usize) += 1;
    }
    let mut out = io::stdout().lock();
    for (response, number) in responses {
        writeln!(out, "{number} {response}").unwrap();
    }
}

/// Opens a connection and sends a request.
fn connect(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
    stream
}

/// Reads a response, and returns its status, body and outcome.
fn read(mut stream: TcpStream) -> String {
    let mut response = String::new();
    if stream.read_to_string(&mut response).is_err() || response.is_empty() {
        return "no response".to_owned();
    }
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap();
    let cache_status = head.split("\r\n").find_map(|line| line.strip_prefix("cache-status: ")).unwrap();
    let outcome =
        ["stored", "collapsed", "hit", "private"].into_iter().find(|outcome| cache_status.contains(outcome));
    format!("{status} {body} {}", outcome.unwrap_or(cache_status))
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < DEADLINE, "not within two minutes: {what}");
        std::thread::yield_now();
    }
}
