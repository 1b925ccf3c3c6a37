//! An application on a socket.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::mpsc::channel,
    thread,
    time::{Duration, Instant},
};

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, get, rt::System, web};
use cache_page::{Inspector, PageCache, cache_page};

/// The arguments of purges, and how many of the 30 pages of [`Site::filled`] they remove.
pub(crate) const PURGES: [(&[&str], u64); 8] = [
    (&["tag", "posts"], 30),
    (&["tag", "post:7"], 1),
    (&["path", "/posts/7"], 1),
    (&["url", "http://example.com/posts/7"], 1),
    (&["prefix", "/posts/1"], 11),
    (&["handler", "posts"], 30),
    (&["all"], 30),
    (&["tag", "none"], 0),
];

/// Longer than any condition takes, on a slow machine.
const LIMIT: Duration = Duration::from_secs(60);

#[get("/posts/{id}")]
#[cache_page(600, name = "posts", tags = ["posts", "post:{id}"])]
async fn post(id: web::Path<String>) -> HttpResponse {
    HttpResponse::Ok().insert_header(("x-id", "1")).body(format!("post {id}"))
}

/// Its path may have any characters, because no tag is made of it.
#[get("/files/{name}")]
#[cache_page(600, name = "files")]
async fn file(name: web::Path<String>) -> String {
    name.into_inner()
}

#[get("/missing")]
#[cache_page(600, name = "missing")]
async fn missing() -> HttpResponse {
    HttpResponse::NotFound().finish()
}

pub(crate) struct Site {
    pub(crate) cache: PageCache,
    address: String,
    server: ServerHandle,
}

impl Site {
    /// Starts an application with an inspector at `/cache`.
    pub(crate) fn start(cache: PageCache) -> Self {
        Self::start_with(cache, |inspector| inspector)
    }

    pub(crate) fn start_with(
        cache: PageCache,
        inspector: impl Fn(Inspector) -> Inspector + Clone + Send + 'static,
    ) -> Self {
        let (served, (sender, receiver)) = (cache.clone(), channel());
        thread::spawn(move || {
            System::new().block_on(async move {
                let app = move || {
                    App::new()
                        .app_data(served.clone())
                        .service(post)
                        .service(missing)
                        .service(file)
                        .service(inspector(served.inspector("/cache")))
                };
                let server = HttpServer::new(app).workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
                let address = server.addrs()[0].to_string();
                let server = server.run();
                sender.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, server) = receiver.recv().unwrap();
        Self { cache, address, server }
    }

    /// Starts an application with thirty pages in memory.
    pub(crate) fn filled() -> Self {
        let site = Self::start(PageCache::builder().named_cache("second", PageCache::new()).build());
        site.fill();
        site
    }

    pub(crate) fn fill(&self) {
        for number in 1..=30 {
            self.get(&format!("/posts/{number}"));
        }
    }

    /// The URL of the inspector.
    pub(crate) fn inspector(&self) -> String {
        format!("http://{}/cache", self.address)
    }

    /// Requests a page, and returns what the cache says of it.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        write!(connection, "GET {path} HTTP/1.0\r\nHost: example.com\r\n\r\n").unwrap();
        let mut response = String::new();
        connection.read_to_string(&mut response).unwrap();
        let status = response.lines().find_map(|line| line.strip_prefix("cache-status: "));
        status.unwrap_or_else(|| panic!("{response}")).to_owned()
    }

    pub(crate) fn is_hit(&self, path: &str) -> bool {
        self.get(path).contains("; hit")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

#[track_caller]
pub(crate) fn wait_until(condition: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LIMIT, "not within {LIMIT:?}: {condition}");
        thread::sleep(Duration::from_millis(2));
    }
}
