//! The inspector in a real Chromium: its pages obey their own policy, show hostile text as text, and purge; no other site can.
//!
//! `cargo test --test inspector` needs chromium; `cargo xtask test` installs it. The pages have no scripts. What a person would do with them
//! is done by a page of the test application, on the same origin or on another one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    env, fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{self, Command, Output},
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::channel,
    },
    thread,
};

use actix_web::{
    App, HttpResponse, HttpServer, dev::ServerHandle, get, http::header::ContentType, rt::System, web,
};
use cache_page::{PageCache, cache_page};

/// It would show that a script runs: the title and the text of the page would change.
const HOSTILE: &str =
    "%3Cscript%3Edocument.title='run'%3C%2Fscript%3E%3Cimg%20src=x%20onerror=document.title='run'%3E%22'%3E";

#[get("/posts/{id}")]
#[cache_page(600, name = "posts", tags = ["posts", "post:{id}"])]
async fn post(id: web::Path<String>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("x-hostile", "\"><script>document.title='run'</script>"))
        .body(id.into_inner())
}

/// Sends a form with the fields of its own query.
const SUBMIT: &str = "<!doctype html><title>submit</title><body><script>
    const form = document.createElement('form');
    form.method = 'post';
    for (const [name, value] of new URLSearchParams(location.search)) {
        const field = document.createElement('input');
        [field.name, field.value] = [name, value];
        if (name == 'target') form.setAttribute('action', value); else form.append(field);
    }
    document.body.append(form);
    form.submit();
</script>";

async fn html(text: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::html()).body(text)
}

/// An application with an inspector, on two origins.
struct Site {
    cache: PageCache,
    origins: Vec<String>,
    server: ServerHandle,
}

impl Site {
    fn start() -> Self {
        let cache = PageCache::builder().named_cache("second", PageCache::new()).build();
        let served = cache.clone();
        let (sender, receiver) = channel();
        thread::spawn(move || {
            System::new().block_on(async move {
                let app = move || {
                    App::new()
                        .app_data(served.clone())
                        .service(post)
                        .service(served.inspector("/cache"))
                        .route("/submit", web::get().to(|| html(SUBMIT)))
                };
                let server =
                    HttpServer::new(app).workers(1).bind("127.0.0.1:0").unwrap().bind("127.0.0.1:0").unwrap();
                let origins = server.addrs().iter().map(|address| format!("http://{address}")).collect();
                let server = server.run();
                sender.send((origins, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (origins, server) = receiver.recv().unwrap();
        let site = Self { cache, origins, server };
        for number in 1..=30 {
            site.fetch(&format!("/posts/{number}"));
        }
        site.fetch(&format!("/posts/{HOSTILE}"));
        assert_eq!(site.cache.stats().pages(), 31);
        site
    }

    /// Requests a page without a browser.
    fn fetch(&self, path: &str) -> String {
        let host = self.origins[0].trim_start_matches("http://");
        let mut connection = TcpStream::connect(host).unwrap();
        write!(connection, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut response = String::new();
        connection.read_to_string(&mut response).unwrap();
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
        response
    }

    /// Returns the token in the form of the page about a purge.
    fn token(&self) -> String {
        let page = self.fetch("/cache/purge?kind=all");
        let token = page.split("name=\"token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        token.expect("a form with a token").to_owned()
    }

    fn show(&self, path: &str) -> Shown {
        let shown = open(&format!("{}{path}", self.origins[0]));
        assert!(
            shown.dom.contains("cache_page</strong>"),
            "{path} is no page of the inspector:\n{}",
            shown.dom
        );
        assert!(!shown.dom.contains("<title>run"), "{path}: a script ran");
        assert!(shown.console.is_empty(), "{path}: the console has {:#?}", shown.console);
        self.take_screenshots(path);
        shown
    }

    /// Takes screenshots for people to look at, if the variable `CACHE_PAGE_SCREENSHOTS` names a folder.
    fn take_screenshots(&self, path: &str) {
        let Some(folder) = env::var_os("CACHE_PAGE_SCREENSHOTS") else { return };
        let name: String =
            path.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '-' }).take(60).collect();
        for (kind, size, dark) in
            [("light", "1200,1500", "1"), ("dark", "1200,1500", "0"), ("phone", "500,1500", "1")]
        {
            let file = PathBuf::from(&folder).join(format!("{name}{kind}.png"));
            let scheme = format!("--blink-settings=preferredColorScheme={dark}");
            let arguments =
                [format!("--screenshot={}", file.display()), format!("--window-size={size}"), scheme];
            chromium(&arguments, &format!("{}{path}", self.origins[0]));
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

/// What Chromium shows.
struct Shown {
    dom: String,
    /// Errors of scripts, and violations of the policy.
    console: Vec<String>,
}

impl Shown {
    #[track_caller]
    fn assert_shows(&self, text: &str) -> &Self {
        assert!(self.dom.contains(text), "{text:?} is not in\n{}", self.dom);
        self
    }
}

/// Opens a URL, waits until its scripts and forms are done, and returns what is shown then.
fn open(url: &str) -> Shown {
    let output = chromium(&["--enable-logging=stderr".to_owned(), "--dump-dom".to_owned()], url);
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!dom.is_empty(), "{url} shows nothing:\n{log}");
    Shown { dom, console: log.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect() }
}

/// Runs Chromium without a window.
fn chromium(arguments: &[String], url: &str) -> Output {
    static RUNS: AtomicUsize = AtomicUsize::new(0);

    let name = format!("cache_page-chromium-{}-{}", process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
    let profile = env::temp_dir().join(name);
    let output = Command::new("timeout")
        .args(["60", "chromium"])
        // The sandbox needs rights that containers lack. Only pages of the test are opened.
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        .args(["--virtual-time-budget=5000", "--hide-scrollbars"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(arguments)
        .arg(url)
        .output()
        .expect("chromium runs");
    let _ = fs::remove_dir_all(profile);
    output
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[test]
fn every_page_obeys_its_policy() {
    let site = Site::start();
    site.show("/cache").assert_shows("Overview of default").assert_shows("Hit ratio").assert_shows("<svg");
    site.show("/cache/handlers?sort=stored").assert_shows(">posts</a>");
    site.show("/cache/entries?sort=bytes")
        .assert_shows("31 pages found")
        .assert_shows("&lt;script&gt;document.title");
    site.show("/cache/entries?tag=post:7").assert_shows(">/posts/7</a>");
    let hostile = site.cache.entries().find(|entry| entry.path().contains("script")).expect("it is stored");
    let list = site.show(&format!("/cache/entries?path={}", encoded(hostile.path()))).dom;
    let link = list.split("href=\"/cache/entries/").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    site.show(&format!("/cache/entries/{link}"))
        .assert_shows("x-hostile")
        .assert_shows("\"&gt;&lt;script&gt;");
    site.show("/cache/explain?url=/posts/7").assert_shows("<strong>hit</strong>");
    site.show("/cache/purge?kind=tag&value=post:7").assert_shows("Remove 1 page");
    site.show("/cache?cache=second").assert_shows("Overview of second");
}

#[test]
fn forms_explain_and_purge() {
    let site = Site::start();
    site.show("/submit?target=/cache/explain&url=/posts/7%3Fa&headers=Accept:+*/*")
        .assert_shows("<strong>miss</strong>")
        .assert_shows("another query");
    let token = site.token();
    site.show(&format!("/submit?target=/cache/purge&kind=tag&value=post:7&token={token}"))
        .assert_shows("<strong>1</strong> page removed");
    assert_eq!(site.cache.stats().pages(), 30);
    site.show(&format!("/submit?target=/cache/purge&kind=all&mode=expire&token={token}"))
        .assert_shows("<strong>30</strong> pages made stale");
    assert!(site.cache.entries().all(|entry| !entry.is_fresh()));
}

#[test]
fn other_site_purges_nothing_even_with_the_token() {
    let site = Site::start();
    let target = encoded(&format!("{}/cache/purge", site.origins[0]));
    let forged = format!("{}/submit?target={target}&kind=all&token={}", site.origins[1], site.token());
    open(&forged).assert_shows("The form is not from this process");
    assert_eq!(site.cache.stats().pages(), 31);
}
