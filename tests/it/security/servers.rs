//! Apps without a `PageCache` share the global cache. Each server has its own pages in it, which its workers share.

use std::{net::SocketAddr, thread};

use actix_web::{
    dev::AppConfig,
    rt::System,
    web::{self, ServiceConfig},
};
use cache_page::cache_page;

use crate::support::{TestApp, TestRequest};

#[cache_page(60)]
async fn name_of_the_site(name: web::Data<&'static str>) -> String {
    name.to_string()
}

fn site(name: &'static str) -> impl Fn(&mut ServiceConfig) + Clone + Send + Sync {
    move |config| {
        config.app_data(web::Data::new(name)).route("/", web::get().to(name_of_the_site));
    }
}

/// Starts an App as a worker of a server with this configuration does.
async fn worker(name: &'static str, config: &AppConfig) -> TestApp {
    TestApp::builder().without_cache().configure(site(name)).server(config).start().await
}

fn server(is_secure: bool, host: &str, port: u16) -> AppConfig {
    AppConfig::__priv_test_new(is_secure, host.to_owned(), ([127, 0, 0, 1], port).into())
}

/// A request over TCP. Its headers determine its URL, whatever the configuration of the server says.
fn request_over_tcp(app: &TestApp) -> TestRequest {
    let client = SocketAddr::from(([127, 0, 0, 1], 50_000));
    app.get("/").header("host", "one.example").header("x-forwarded-proto", "https").peer_addr(client)
}

#[actix_web::test]
async fn servers_that_differ_in_any_part_have_their_own_pages() {
    let servers = [
        ("secure", server(true, "localhost:8080", 8080)),
        ("host", server(false, "other.example:8080", 8080)),
        ("port", server(false, "localhost:8080", 8081)),
        ("secure, host", server(true, "other.example:8080", 8080)),
        ("secure, port", server(true, "localhost:8080", 8081)),
        ("host, port", server(false, "other.example:8080", 8081)),
        ("secure, host, port", server(true, "other.example:8080", 8081)),
    ];
    for (name, config) in &servers {
        let app = worker(name, config).await;
        request_over_tcp(&app).await.assert_stored().assert_body(name);
    }
    for (name, config) in &servers {
        let app = worker(name, config).await;
        request_over_tcp(&app).await.assert_hit().assert_body(name);
    }
}

#[actix_web::test]
async fn workers_of_one_server_share_pages() {
    let config = server(false, "workers.example", 8083);
    let [one, two] = [worker("site", &config).await, worker("site", &config).await];
    request_over_tcp(&one).await.assert_stored();
    request_over_tcp(&two).await.assert_hit();
}

/// As where the address of a server that has stopped is used again.
#[test]
fn servers_of_two_systems_on_one_address_have_their_own_pages() {
    for name in ["one", "two"] {
        let run = move || {
            System::new().block_on(async move {
                let app = worker(name, &server(false, "systems.example", 8082)).await;
                request_over_tcp(&app).await.assert_stored().assert_body(name);
                request_over_tcp(&app).await.assert_hit().assert_body(name);
            });
        };
        thread::spawn(run).join().unwrap();
    }
}

/// Without the address of a client there is none of the server either: actix-web makes one up for a Unix socket.
#[actix_web::test]
async fn servers_without_an_address_have_their_own_pages() {
    let config = server(true, "localhost:8080", 8080);
    let (one, two) = (worker("one", &config).await, worker("two", &config).await);
    for (app, name) in [(&one, "one"), (&two, "two")] {
        app.get("/").await.assert_stored().assert_body(name);
    }
    for (app, name) in [(&one, "one"), (&two, "two")] {
        app.get("/").await.assert_hit().assert_body(name);
    }
}

#[cfg(unix)]
mod unix_sockets {
    use std::path::PathBuf;

    use actix_web::{App, HttpServer, rt::spawn};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::UnixStream,
    };

    use super::site;

    /// A directory for sockets. Dropping it removes it.
    struct Directory(PathBuf);

    impl Directory {
        fn new() -> Self {
            let path = std::env::temp_dir().join(format!("cache_page-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        async fn get(&self, socket: &str) -> String {
            let mut stream = UnixStream::connect(self.0.join(socket)).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").await.unwrap();
            let mut response = String::new();
            stream.read_to_string(&mut response).await.unwrap();
            response
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            // An error would only leave an empty directory.
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    /// The servers are in one `System` and have one host name: actix-web does not distinguish them.
    #[actix_web::test]
    async fn servers_on_two_unix_sockets_have_their_own_pages() {
        let directory = Directory::new();
        let mut handles = Vec::new();
        for name in ["public", "admin"] {
            let server = HttpServer::new(move || App::new().configure(site(name)))
                .workers(1)
                .disable_signals()
                .bind_uds(directory.0.join(name))
                .unwrap()
                .run();
            handles.push(server.handle());
            spawn(server);
        }
        for is_hit in [false, true] {
            for name in ["admin", "public"] {
                let response = directory.get(name).await;
                assert!(response.ends_with(&format!("\r\n\r\n{name}")), "{response}");
                // Only a hit has an age.
                assert_eq!(response.contains("\r\nage: "), is_hit, "{response}");
            }
        }
        for handle in handles {
            handle.stop(false).await;
        }
    }
}
