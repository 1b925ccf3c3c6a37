//! Chromium and curl decode what the cache has encoded.

use std::{
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use actix_web::{App, HttpResponse, HttpServer, get};
use cache_page::{PageCache, cache_page};
use serde_json::json;

use crate::{browser::Browser, site::Site};

const CODINGS: [&str; 3] = ["br", "zstd", "gzip"];

/// A page of 30 KB with characters of several bytes.
fn text() -> String {
    let lines = (0..600).map(|number| format!("<p>Line {number} of a page: a, é, €, 𝄞.</p>\n"));
    format!("<!doctype html><meta charset=\"utf-8\"><title>long</title>{}", lines.collect::<String>())
}

#[get("/")]
#[cache_page(600, compress = true)]
async fn page() -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(text())
}

fn start() -> Site {
    let cache = PageCache::new();
    Site::start(move |[first, second]| {
        let app = move || App::new().app_data(cache.clone()).service(page);
        HttpServer::new(app).workers(1).listen(first).unwrap().listen(second).unwrap().run()
    })
}

#[test]
fn chromium_decodes_each_coding() {
    let site = start();
    let browser = Browser::start();
    browser.open(&site.url("/"));
    let fetch = "return fetch('/', {cache: 'no-store'})
        .then(async page => [page.headers.get('content-encoding'), page.headers.get('cache-status'), await page.text()])";
    let fetched = |browser: &Browser| {
        let values = browser.run(fetch);
        [0, 1, 2].map(|position| values[position].as_str().unwrap_or_default().to_owned())
    };
    // It accepts all of them, and the server prefers brotli. A page of this size is encoded in the background.
    browser.wait_until("encoded", |browser| fetched(browser)[0] == "br");
    browser.devtools("Network.enable", &json!({}));
    for coding in CODINGS {
        let headers = json!({ "headers": { "Accept-Encoding": coding } });
        browser.devtools("Network.setExtraHTTPHeaders", &headers);
        browser.wait_until("encoded", |browser| fetched(browser)[0] == coding);
        let [_, outcome, decoded] = fetched(&browser);
        assert!(outcome.contains("; hit"), "{coding}: {outcome}");
        assert!(decoded == text(), "{coding}: {decoded}");
        browser.reload();
        let source = browser.source();
        assert!(source.contains("<p>Line 599 of a page: a, é, €, 𝄞.</p>"), "{coding}: {source}");
    }
}

/// Requests the page with curl, and returns the head and the decoded body.
fn curl(site: &Site, coding: &str) -> (String, String) {
    let header = format!("Accept-Encoding: {coding}");
    let output = Command::new("curl")
        .args(["--silent", "--compressed", "--dump-header", "/dev/stderr", "--header", &header])
        .arg(site.url("/"))
        .output()
        .expect("curl runs");
    let [head, body] = [output.stderr, output.stdout].map(|bytes| String::from_utf8(bytes).unwrap());
    (head.to_lowercase(), body)
}

#[test]
fn curl_decodes_each_coding() {
    let site = start();
    for coding in CODINGS {
        let (head, body) = curl(&site, "identity");
        assert!(!head.contains("content-encoding"), "{head}");
        assert!(body == text());
        let field = format!("content-encoding: {coding}\r\n");
        let deadline = Instant::now() + Duration::from_secs(30);
        let head = loop {
            let (head, body) = curl(&site, coding);
            assert!(body == text(), "{coding}: {head}");
            if head.contains(&field) {
                break head;
            }
            assert!(Instant::now() < deadline, "not encoded: {head}");
            sleep(Duration::from_millis(20));
        };
        assert!(head.contains("vary: accept-encoding\r\n"), "{head}");
    }
}
