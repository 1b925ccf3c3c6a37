//! Which server an App is behind, where all of them share the cache of the process.

use actix_http::Request;
use actix_service::map_config;
use actix_web::{
    App, Error, HttpServer,
    dev::{AppConfig, Service, ServiceResponse},
    rt::System,
    test::{TestRequest, init_service},
    web,
};
use cache_page::cache_page;

use crate::legacy::{asking, send};

#[cache_page(60)]
async fn name(name: web::Data<&'static str>) -> String {
    name.to_string()
}

fn site(name_of_site: &'static str) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static {
    move |config| {
        config.app_data(web::Data::new(name_of_site)).route("/", web::get().to(name));
    }
}

/// An App as a worker of a server with this configuration has it.
async fn served(
    name: &'static str,
    config: AppConfig,
) -> impl Service<Request, Response = ServiceResponse, Error = Error> {
    let app = App::new().configure(site(name));
    init_service(map_config(app, move |_: AppConfig| config.clone())).await
}

/// The URL is one and the same, whatever the server would make of it.
fn over_tcp() -> TestRequest {
    let headers = [("host", "one.example"), ("x-forwarded-proto", "https")];
    asking("/", &headers).peer_addr(([127, 0, 0, 1], 50_000).into())
}

fn configured(secure: bool, host: &str, port: u16) -> AppConfig {
    AppConfig::__priv_test_new(secure, host.to_owned(), ([127, 0, 0, 1], port).into())
}

/// All that is known of a server tells its App from others, and its workers share their pages.
#[actix_web::test]
async fn servers_that_differ_in_one_thing() {
    let servers = [
        ("secure", configured(true, "localhost:8080", 8080)),
        ("host", configured(false, "other.example:8080", 8080)),
        ("port", configured(false, "localhost:8080", 8081)),
        ("secure host", configured(true, "other.example:8080", 8080)),
        ("secure port", configured(true, "localhost:8080", 8081)),
        ("host port", configured(false, "other.example:8080", 8081)),
        ("all", configured(true, "other.example:8080", 8081)),
    ];
    for (name, config) in &servers {
        let worker = served(name, config.clone()).await;
        assert!(send(&worker, over_tcp()).await.is_stored(), "{name}");
    }
    for (name, config) in &servers {
        let worker = served(name, config.clone()).await;
        let answer = send(&worker, over_tcp()).await;
        assert_eq!((answer.text(), answer.is_hit()), (*name, true));
    }
}

/// The same address, host name and all: a port that was free again.
#[test]
fn servers_of_two_systems_on_one_address() {
    for name in ["one", "two"] {
        let run = move || {
            System::new().block_on(async move {
                let app = served(name, configured(false, "systems.example", 8082)).await;
                assert_eq!(send(&app, over_tcp()).await.text(), name);
                assert!(send(&app, over_tcp()).await.is_hit());
            });
        };
        std::thread::spawn(run).join().unwrap();
    }
}

/// Without a peer there is no address either: a Unix socket has the one that actix-web makes up.
#[actix_web::test]
async fn servers_without_an_address() {
    let config = configured(true, "localhost:8080", 8080);
    let (one, two) = (served("one", config.clone()).await, served("two", config).await);
    let unaddressed = || TestRequest::get().uri("/");
    for is_hit in [false, true] {
        for (app, name) in [(&one, "one"), (&two, "two")] {
            let answer = send(app, unaddressed()).await;
            assert_eq!((answer.text(), answer.is_hit()), (name, is_hit));
        }
    }
}

/// A directory for sockets, gone with all that is in it when it is dropped.
#[cfg(unix)]
struct Sockets(std::path::PathBuf);

#[cfg(unix)]
impl Sockets {
    fn ask(&self, name: &str) -> String {
        use std::io::{Read as _, Write as _};

        let mut stream = std::os::unix::net::UnixStream::connect(self.0.join(name)).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

#[cfg(unix)]
impl Drop for Sockets {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(unix)]
#[test]
fn servers_on_two_unix_sockets() {
    let directory = std::env::temp_dir().join(format!("cache_page-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let sockets = Sockets(directory.clone());
    let (sender, receiver) = std::sync::mpsc::channel();
    let system = std::thread::spawn(move || {
        System::new().block_on(async move {
            // Two in one System, with one host name, and with nothing that actix-web would tell them apart by.
            let mut servers = Vec::new();
            for name in ["public", "admin"] {
                let server = HttpServer::new(move || App::new().configure(site(name)))
                    .workers(1)
                    .disable_signals()
                    .bind_uds(directory.join(name))
                    .unwrap()
                    .run();
                sender.send(server.handle()).unwrap();
                servers.push(actix_web::rt::spawn(server));
            }
            for server in servers {
                server.await.unwrap().unwrap();
            }
        });
    });
    let handles = [receiver.recv().unwrap(), receiver.recv().unwrap()];
    for is_hit in [false, true] {
        for name in ["admin", "public"] {
            let answer = sockets.ask(name);
            assert!(answer.ends_with(&format!("\r\n\r\n{name}")), "{answer}");
            assert_eq!(answer.contains("cache_page; hit"), is_hit, "{answer}");
        }
    }
    // Stopping begins with the call; the thread ends when both have stopped.
    drop(handles.map(|handle| handle.stop(false)));
    system.join().unwrap();
}
