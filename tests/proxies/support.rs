//! An application behind a real proxy.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::channel,
    },
    thread,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, get, post, rt::System, web};
use cache_page::{PageCache, PageCacheMiddleware, TagHeader, cache_page, purge_page};

#[path = "proxy.rs"]
mod proxy;

pub(crate) use proxy::Proxy;

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

#[get("/language")]
#[cache_page(60, vary = ["accept-language"])]
async fn language(#[unkeyed] request: HttpRequest) -> String {
    let language = request.headers().get("accept-language").map(|value| value.to_str().unwrap());
    language.unwrap_or("none").to_owned()
}

/// The number of runs of the handlers of posts.
static RUNS: AtomicUsize = AtomicUsize::new(0);

/// Without `cdn_ttl`, a page with tags is not stored downstream.
#[get("/posts")]
#[cache_page(60, tags = ["posts"], cdn_ttl = 60)]
async fn posts() -> String {
    format!("posts, run {}", RUNS.fetch_add(1, Ordering::SeqCst))
}

#[get("/posts/{id}")]
#[cache_page(60, tags = ["post:{id}"], cdn_ttl = 60)]
async fn post_page(id: web::Path<String>) -> String {
    format!("post {id}, run {}", RUNS.fetch_add(1, Ordering::SeqCst))
}

#[get("/revalidated")]
#[cache_page(60, tags = ["posts"])]
async fn revalidated() -> String {
    format!("posts, run {}", RUNS.fetch_add(1, Ordering::SeqCst))
}

#[post("/posts/{id}")]
#[purge_page(tags = ["posts", "post:{id}"])]
async fn write() -> &'static str {
    "written"
}

async fn inside(request: HttpRequest) -> String {
    visitor(&request)
}

/// Starts the application in a thread of its own.
pub(crate) fn start_application() -> (SocketAddr, ServerHandle) {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        System::new().block_on(async move {
            let cache = PageCache::builder().tag_header(TagHeader::SurrogateKey).build();
            let site =
                || web::scope("/site").wrap(PageCacheMiddleware::new(60)).default_service(web::to(inside));
            let pages = || (anonymous, keyed, missing, preview, plain, language);
            let blog = || (posts, post_page, revalidated, write);
            let app =
                move || App::new().app_data(cache.clone()).service(pages()).service(blog()).service(site());
            let server = HttpServer::new(app).workers(1).bind("127.0.0.1:0").unwrap();
            let address = server.addrs()[0];
            let server = server.run();
            sender.send((address, server.handle())).unwrap();
            server.await.unwrap();
        });
    });
    receiver.recv().unwrap()
}

impl Proxy {
    pub(crate) fn get(&self, path: &str, header: &str) -> (String, String) {
        self.send("GET", path, header)
    }

    /// Sends a request with one header, and returns the head and the body of the response.
    pub(crate) fn send(&self, method: &str, path: &str, header: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: site\r\nconnection: close\r\n{header}\r\n\r\n")
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.to_lowercase(), body.to_owned())
    }
}

const VISITORS: [(&str, &str); 4] = [
    ("cookie: id=alice", "id=alice"),
    ("cookie: id=bob", "id=bob"),
    ("authorization: carol", "carol"),
    ("x-none: dave", ""),
];

/// Requests each page for each visitor, twice.
pub(crate) fn assert_visitors_are_kept_apart(proxy: &Proxy) {
    for path in ["/anonymous", "/keyed", "/missing", "/site/a"] {
        for _ in 0..2 {
            for (header, shown) in VISITORS {
                let (head, body) = proxy.get(path, header);
                assert_eq!(body, shown, "{path} with {header}: {head}");
            }
        }
    }
    for _ in 0..2 {
        for name in ["alice", "bob"] {
            assert_eq!(proxy.get("/preview", &format!("x-preview: {name}")).1, name);
        }
        assert_eq!(proxy.get("/preview", "x-none: a").1, "");
    }
}
