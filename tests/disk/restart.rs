//! The example `restart`, through sockets: a process, and the next one.

#[allow(dead_code, reason = "the tests do not call `main`")]
#[path = "../../examples/restart/main.rs"]
mod example;

use std::{path::Path, time::Duration};

use actix_web::{App, HttpServer, rt::System};
use cache_page::{PageCache, WarmUpSummary};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::directory::Directory;

async fn get(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response
}

/// Runs the site as a process does from its start to its end. Returns the result of its warm-up, and a page.
async fn run(folder: &Path) -> (WarmUpSummary, String) {
    let cache = PageCache::builder().disk(folder).version("1").remote_timeout(Duration::from_secs(5)).build();
    let app_cache = cache.clone();
    let app = move || App::new().app_data(app_cache.clone()).configure(example::configure);
    let warm_up = cache.warm_up("http://localhost", ["/posts/1", "/posts/2"]);
    let server = HttpServer::new(app.clone()).workers(1).bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    let server = actix_web::rt::spawn(server);
    assert!(get(address, "/ready").await.starts_with("HTTP/1.0 503"));
    let summary = warm_up.through(app()).await;
    assert!(get(address, "/ready").await.starts_with("HTTP/1.0 200"));
    let page = get(address, "/posts/1").await;
    handle.stop(true).await;
    server.await.unwrap().unwrap();
    assert!(cache.shut_down(Duration::from_secs(60)).await.is_complete());
    (summary, page)
}

pub(crate) fn example_serves_the_pages_of_the_last_process() {
    let directory = Directory::new();
    let runs = [(); 2].map(|()| System::new().block_on(run(directory.path())));
    let [(first, page), (second, same)] = runs;
    assert_eq!((first.done(), second.done()), (2, 2), "{first}; {second}");
    assert!(page.contains("Post 1, made by process"), "{page}");
    let [page, same] = [&page, &same].map(|response| response.split_once("\r\n\r\n").unwrap());
    assert_eq!(page.1, same.1);
    for (head, _) in [page, same] {
        assert!(head.contains("cache-status: cache_page; hit"), "{head}");
    }
}
