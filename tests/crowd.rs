//! Ten thousand requests for one page at once, over real sockets, with two workers.
//!
//! The clients are a process of their own, which is this program once more: one process alone may not open as many sockets
//! as both ends need.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    env,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        atomic::{AtomicUsize, Ordering::SeqCst},
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

/// Nothing takes so long, on whatever machine.
const LONGEST: Duration = Duration::from_secs(120);

fn main() {
    let needed = CROWD as u64 + 500;
    let allowed = rlimit::increase_nofile_limit(needed).unwrap();
    assert!(allowed >= needed, "a process may open {allowed} files here, and this test needs {needed}");
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [role, address, number] = &arguments[..]
        && role == "clients"
    {
        return clients(address.parse().unwrap(), number.parse().unwrap());
    }
    let tests = [
        ("one_run_for_ten_thousand", one_run_for_ten_thousand as fn()),
        ("a_leader_whose_connection_is_reset", a_leader_whose_connection_is_reset),
        ("a_leader_that_panics", a_leader_that_panics),
        ("a_page_that_is_not_to_be_shared", a_page_that_is_not_to_be_shared),
        ("a_server_that_stops_leaves_nobody_waiting", a_server_that_stops_leaves_nobody_waiting),
    ];
    let number = tests.len();
    for (name, test) in tests {
        let start = Instant::now();
        test();
        println!("test {name} ... ok ({} ms)", start.elapsed().as_millis());
    }
    // The first one that fails ends the program.
    println!("{number} passed, 0 failed");
}

fn one_run_for_ten_thousand() {
    let site = Site::start(PageCache::builder().coalesce_timeout(LONGEST).build());
    let clients = Clients::start(&site, CROWD);
    assert_eq!(site.stage.runs.load(SeqCst), 1);
    site.stage.gate.add_permits(1);
    let answers = clients.answers();
    assert_eq!((site.stage.runs.load(SeqCst), site.cache.stats().fills_in_flight()), (1, 0));
    assert_eq!(answers["200 page 1 stored"], 1);
    assert_eq!(answers["200 page 1 collapsed"], CROWD - 1);
}

fn a_leader_whose_connection_is_reset() {
    let site = Site::start(PageCache::builder().coalesce_timeout(LONGEST).build());
    let leader = site.connect();
    until("it leads", || site.stage.runs.load(SeqCst) == 1);
    let clients = Clients::start(&site, CROWD);
    assert_eq!(site.stage.runs.load(SeqCst), 1);
    // Closed without a goodbye: what was sent is lost, and the server is told so.
    SockRef::from(&leader).set_linger(Some(Duration::ZERO)).unwrap();
    drop(leader);
    until("another one leads", || site.stage.runs.load(SeqCst) == 2);
    site.stage.gate.add_permits(1);
    let answers = clients.answers();
    assert_eq!(site.stage.runs.load(SeqCst), 2);
    assert_eq!((answers["200 page 2 stored"], answers["200 page 2 collapsed"]), (1, CROWD - 1));
}

fn a_leader_that_panics() {
    let site = Site::start(PageCache::builder().coalesce_timeout(LONGEST).build());
    site.stage.panics.store(1, SeqCst);
    let clients = Clients::start(&site, CROWD);
    site.stage.gate.add_permits(1);
    until("another one leads", || site.stage.runs.load(SeqCst) == 2);
    site.stage.gate.add_permits(1);
    let answers = clients.answers();
    assert_eq!(site.stage.runs.load(SeqCst), 2);
    assert_eq!((answers["nothing"], answers["200 page 2 stored"]), (1, 1));
    assert_eq!(answers["200 page 2 collapsed"], CROWD - 2);
}

fn a_page_that_is_not_to_be_shared() {
    let site = Site::start(PageCache::builder().coalesce_timeout(LONGEST).build());
    site.stage.is_private.store(1, SeqCst);
    let clients = Clients::start(&site, CROWD);
    assert_eq!(site.stage.runs.load(SeqCst), 1);
    site.stage.gate.add_permits(CROWD);
    let answers = clients.answers();
    assert_eq!(site.stage.runs.load(SeqCst), CROWD);
    assert_eq!(answers.len(), CROWD, "everybody has a page of his own");
    assert!(answers.keys().all(|answer| answer.ends_with(" private")));
}

/// Whoever is under way when a server stops is gone with it; what comes to the next one does not wait for that.
fn a_server_that_stops_leaves_nobody_waiting() {
    let cache = PageCache::builder().coalesce_timeout(LONGEST).build();
    let site = Site::start(cache.clone());
    let waiting: Vec<TcpStream> = (0..20).map(|_| site.connect()).collect();
    until("they are there", || site.stage.arrived.load(SeqCst) == 20);
    let before = site.stage.runs.load(SeqCst);
    site.stop();
    let next = Site::start(cache);
    next.stage.gate.add_permits(1);
    assert_eq!(read(next.connect()), "200 page 1 stored");
    assert_eq!((before, next.stage.runs.load(SeqCst), next.cache.stats().fills_in_flight()), (1, 1, 0));
    drop(waiting);
}

/// What happens in the handler.
struct Stage {
    /// Requests that came to the App, and runs of the handler that began.
    arrived: AtomicUsize,
    runs: AtomicUsize,
    /// How many runs may come to their end.
    gate: Semaphore,
    /// How many of them panic there.
    panics: AtomicUsize,
    is_private: AtomicUsize,
}

#[cache_page(600)]
async fn page(stage: web::Data<Stage>) -> HttpResponse {
    let run = stage.runs.fetch_add(1, SeqCst) + 1;
    stage.gate.acquire().await.unwrap().forget();
    let panics = stage.panics.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
    assert!(panics.is_err(), "the handler panics, as the test wants it to");
    let mut response = HttpResponse::Ok();
    if stage.is_private.load(SeqCst) == 1 {
        response.insert_header(("cache-control", "private"));
    }
    response.body(format!("page {run}"))
}

struct Site {
    cache: PageCache,
    stage: web::Data<Stage>,
    address: SocketAddr,
    handle: ServerHandle,
    server: Option<std::thread::JoinHandle<()>>,
}

impl Site {
    fn start(cache: PageCache) -> Self {
        let stage = web::Data::new(Stage {
            arrived: AtomicUsize::new(0),
            runs: AtomicUsize::new(0),
            gate: Semaphore::new(0),
            panics: AtomicUsize::new(0),
            is_private: AtomicUsize::new(0),
        });
        let (sender, receiver) = mpsc::channel();
        let (served, shared) = (stage.clone(), cache.clone());
        let server = std::thread::spawn(move || {
            System::new().block_on(async move {
                let app = move || {
                    let stage = served.clone();
                    App::new()
                        .app_data(shared.clone())
                        .app_data(stage.clone())
                        .wrap_fn(move |request, service| {
                            stage.arrived.fetch_add(1, SeqCst);
                            service.call(request)
                        })
                        .route("/", web::get().to(page))
                };
                let server = HttpServer::new(app)
                    .workers(2)
                    .client_request_timeout(LONGEST)
                    .keep_alive(LONGEST)
                    .shutdown_timeout(1)
                    .disable_signals();
                let server = server.bind(("127.0.0.1", 0)).unwrap();
                let address = server.addrs()[0];
                let server = server.run();
                sender.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, handle) = receiver.recv().unwrap();
        Self { cache, stage, address, handle, server: Some(server) }
    }

    /// A client of this process's own.
    fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(server) = self.server.take() {
            // Stopping begins with the call; the thread ends when it is done.
            drop(self.handle.stop(true));
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

/// The other process.
struct Clients {
    child: Child,
    told: BufReader<std::process::ChildStdout>,
}

impl Clients {
    /// Returns when all requests have come to the App.
    fn start(site: &Site, number: usize) -> Self {
        let before = site.stage.arrived.load(SeqCst);
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["clients", &site.address.to_string(), &number.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let told = BufReader::new(child.stdout.take().unwrap());
        until("they are there", || site.stage.arrived.load(SeqCst) == before + number);
        Self { child, told }
    }

    /// How many got what.
    fn answers(mut self) -> BTreeMap<String, usize> {
        let mut answers = BTreeMap::new();
        for line in self.told.by_ref().lines() {
            let line = line.unwrap();
            let (number, answer) = line.split_once(' ').unwrap();
            answers.insert(answer.to_owned(), number.parse().unwrap());
        }
        assert!(self.child.wait().unwrap().success());
        answers
    }
}

fn clients(address: SocketAddr, number: usize) {
    let connections: Vec<TcpStream> = (0..number).map(|_| connect(address)).collect();
    let mut answers = BTreeMap::new();
    for connection in connections {
        *answers.entry(read(connection)).or_insert(0_usize) += 1;
    }
    let mut out = io::stdout().lock();
    for (answer, number) in answers {
        writeln!(out, "{number} {answer}").unwrap();
    }
}

/// A connection with a request on it.
fn connect(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONGEST)).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
    stream
}

/// Status, body and outcome.
fn read(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    if stream.read_to_string(&mut answer).is_err() || answer.is_empty() {
        return "nothing".to_owned();
    }
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap();
    let told = head.split("\r\n").find_map(|line| line.strip_prefix("cache-status: ")).unwrap();
    let outcome = ["stored", "collapsed", "hit", "private"].into_iter().find(|word| told.contains(word));
    format!("{status} {body} {}", outcome.unwrap_or(told))
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < LONGEST, "waited in vain until {what}");
        std::thread::yield_now();
    }
}
