//! A real nginx in front, with and without `proxy_cache_valid`: it sends no visitor what is for another one, and stores the pages of
//! anonymous visitors.
//!
//! `cargo test --test nginx` needs nginx; `cargo xtask test` installs it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    env, fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::mpsc::channel,
    thread::{self, sleep},
    time::{Duration, Instant},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, get, rt::System, web};
use cache_page::{PageCacheMiddleware, cache_page};

/// Returns what identifies the client of a request, which each response shows.
fn visitor(request: &HttpRequest) -> String {
    let values = ["cookie", "authorization", "x-preview"].map(|name| request.headers().get(name));
    values.into_iter().flatten().map(|value| value.to_str().unwrap()).collect()
}

fn is_preview(request: &HttpRequest) -> bool {
    request.headers().contains_key("x-preview")
}

#[get("/anonymous")]
#[cache_page(60)]
async fn anonymous(#[anonymous] request: HttpRequest) -> String {
    visitor(&request)
}

#[get("/keyed")]
#[cache_page(60, vary_by = visitor)]
async fn keyed(#[unkeyed] request: HttpRequest) -> String {
    visitor(&request)
}

#[get("/missing")]
#[cache_page(60, vary_by = visitor)]
async fn missing(#[unkeyed] request: HttpRequest) -> HttpResponse {
    HttpResponse::NotFound().body(visitor(&request))
}

#[get("/preview")]
#[cache_page(60, bypass_if = is_preview)]
async fn preview(#[unkeyed] request: HttpRequest) -> String {
    request.headers().get("x-preview").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

#[get("/plain")]
#[cache_page(60)]
async fn plain() -> &'static str {
    "for all"
}

async fn inside(request: HttpRequest) -> String {
    visitor(&request)
}

/// Starts the application in a thread of its own.
fn start_application() -> (SocketAddr, ServerHandle) {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        System::new().block_on(async move {
            let site =
                || web::scope("/site").wrap(PageCacheMiddleware::new(60)).default_service(web::to(inside));
            let app = move || App::new().service((anonymous, keyed, missing, preview, plain)).service(site());
            let server = HttpServer::new(app).workers(1).bind("127.0.0.1:0").unwrap();
            let address = server.addrs()[0];
            let server = server.run();
            sender.send((address, server.handle())).unwrap();
            server.await.unwrap();
        });
    });
    receiver.recv().unwrap()
}

struct Nginx {
    child: Child,
    address: SocketAddr,
    directory: PathBuf,
}

impl Nginx {
    /// Starts a caching nginx in front of an application. `options` are those of its cache.
    fn start(application: SocketAddr, options: &str) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let directory =
            env::temp_dir().join(format!("cache_page-nginx-{}-{}", process::id(), address.port()));
        fs::create_dir(&directory).unwrap();
        let configuration = directory.join("nginx.conf");
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {name};"))
            .concat();
        let text = format!(
            "daemon off; master_process off; pid nginx.pid;
             events {{ }}
             http {{
                 access_log off; {temporary}
                 proxy_cache_path cache keys_zone=pages:1m;
                 server {{
                     listen {address};
                     location / {{
                         proxy_pass http://{application}; proxy_cache pages; {options}
                         add_header X-Nginx $upstream_cache_status always;
                     }}
                 }}
             }}"
        );
        fs::write(&configuration, text).unwrap();
        let child = Command::new(program())
            .args(["-e", "stderr", "-p"])
            .arg(&directory)
            .arg("-c")
            .arg(&configuration)
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx is installed; `cargo xtask test` does it");
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "nginx does not listen");
            sleep(Duration::from_millis(10));
        }
        Self { child, address, directory }
    }

    /// Sends a request with one header, and returns the head and the body of the response.
    fn get(&self, path: &str, header: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: site\r\nconnection: close\r\n{header}\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.to_lowercase(), body.to_owned())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Debian's folder for servers is not in the path of every user.
fn program() -> &'static Path {
    let path = Path::new("/usr/sbin/nginx");
    if path.exists() { path } else { Path::new("nginx") }
}

/// The last ones store what has no `Cache-Control`, errors included.
const OPTIONS: [&str; 3] = ["", "proxy_cache_valid 200 1m;", "proxy_cache_valid any 1m;"];

/// Runs a check with each configuration of nginx.
fn with_each_nginx(check: impl Fn(&Nginx)) {
    let (application, handle) = start_application();
    for options in OPTIONS {
        check(&Nginx::start(application, options));
    }
    drop(handle.stop(false));
}

const VISITORS: [(&str, &str); 4] = [
    ("cookie: id=alice", "id=alice"),
    ("cookie: id=bob", "id=bob"),
    ("authorization: carol", "carol"),
    ("x-none: dave", ""),
];

#[test]
fn nobody_is_sent_what_is_for_another_visitor() {
    with_each_nginx(|nginx| {
        for path in ["/anonymous", "/keyed", "/missing", "/site/a"] {
            for _ in 0..2 {
                for (header, shown) in VISITORS {
                    let (head, body) = nginx.get(path, header);
                    assert_eq!(body, shown, "{path} with {header}: {head}");
                }
            }
        }
        for _ in 0..2 {
            for name in ["alice", "bob"] {
                assert_eq!(nginx.get("/preview", &format!("x-preview: {name}")).1, name);
            }
            assert_eq!(nginx.get("/preview", "x-none: a").1, "");
        }
    });
}

#[test]
fn page_for_all_anonymous_visitors_is_stored() {
    with_each_nginx(|nginx| {
        for path in ["/anonymous", "/plain"] {
            nginx.get(path, "x-none: a");
            let (head, _) = nginx.get(path, "x-none: b");
            assert!(head.contains("x-nginx: hit"), "{path}: {head}");
        }
    });
}
