//! Commands against a running application.

use std::net::TcpListener;

use crate::{
    SECRET, run, run_with,
    server::free_port,
    site::{PURGES, Site},
    stub::{Stub, empty, json},
};

#[test]
fn purge_removes_pages_of_the_process() {
    for (purge, removed) in PURGES {
        let site = Site::filled();
        let inspector = site.inspector();
        let with = |more: &[&str]| run(&[&["--inspector", &inspector, "purge"], purge, more].concat());
        let pages = if removed == 1 { "1 page".to_owned() } else { format!("{removed} pages") };
        with(&["--dry-run"]).assert_done().assert_shows(&format!("would purge {pages}"));
        assert_eq!(site.cache.stats().pages(), 30, "nothing is purged yet");
        with(&["--soft"]).assert_done().assert_shows(&format!("{pages} made stale"));
        assert_eq!(site.cache.stats().pages(), 30);
        let stale = site.cache.entries().filter(|entry| !entry.is_fresh()).count();
        assert_eq!(stale as u64, removed);
        with(&[]).assert_done().assert_shows(&format!("{pages} removed"));
        assert_eq!(site.cache.stats().pages() as u64, 30 - removed);
    }
}

#[test]
fn stats_and_explain_say_what_the_application_knows() {
    let site = Site::filled();
    site.get("/posts/1");
    site.get("/missing");
    let inspector = site.inspector();
    let on = |arguments: &[&str]| run(&[&["--inspector", &inspector][..], arguments].concat());
    let stats = on(&["stats"]);
    stats.assert_done().assert_shows("requests    32").assert_shows("pages       30").assert_shows("second");
    stats.assert_shows("posts: requests 31, runs 30").assert_shows("not-stored (status)");
    assert!(!on(&["stats", "--json"]).stdout.contains("token"));
    on(&["stats", "--cache", "second"]).assert_done().assert_shows("requests    0");
    on(&["explain", "http://example.com/posts/1"]).assert_done().assert_shows("It is a hit of posts");
    let unknown = on(&["explain", "/posts/99"]);
    unknown.assert_done().assert_shows("It is a miss");
    assert!(!unknown.stdout.contains("missing"), "the reasons of other handlers: {unknown:?}");
    on(&["explain", "/missing"]).assert_done().assert_shows("was not stored");
    let with_header = on(&["explain", "/posts/1", "-H", "Authorization: Basic eA=="]);
    with_header.assert_done().assert_shows("authorization");
    on(&["explain", "posts"]).assert_failed(2, "is not a URL");
}

#[test]
fn entries_are_listed_over_many_answers() {
    let site = Site::start(cache_page::PageCache::new());
    for number in 0..130 {
        site.get(&format!("/posts/{number}"));
    }
    let inspector = site.inspector();
    let on = |arguments: &[&str]| run(&[&["--inspector", &inspector, "entries"][..], arguments].concat());
    assert_eq!(on(&["--limit", "1000"]).assert_done().stdout.lines().count(), 131);
    let some = on(&["--limit", "60"]);
    some.assert_done().assert_shows("There are more");
    assert_eq!(some.stdout.lines().count(), 62);
    assert_eq!(on(&["/posts/12*"]).assert_done().stdout.lines().count(), 12);
    assert_eq!(on(&["--tag", "post:12"]).assert_done().stdout.lines().count(), 2);
    on(&["/none"]).assert_failed(4, "no stored page matches");
    on(&["--status", "404"]).assert_failed(4, "no stored page matches");
}

#[test]
fn application_that_does_not_answer_is_unreachable() {
    let closed = format!("http://127.0.0.1:{}/cache", free_port());
    run(&["stats", "--inspector", &closed]).assert_failed(3, "cannot connect");
    run(&["purge", "all", "--inspector", &closed]).assert_failed(3, "cannot connect");
    // It accepts connections, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/cache", silent.local_addr().unwrap());
    run(&["stats", "--inspector", &url, "--timeout", "1"]).assert_failed(3, "does not answer in time");
    let broken = Stub::start(&[&empty("502 Bad Gateway", "")]);
    run(&["stats", "--inspector", &broken.url()]).assert_failed(3, "502");
}

#[test]
fn what_is_no_inspector_is_nothing_there() {
    let site = Site::filled();
    let elsewhere = site.inspector().replace("/cache", "/other");
    run(&["stats", "--inspector", &elsewhere]).assert_failed(4, "no inspector at");
    for answer in [
        json("200 OK", "{}"),
        json("200 OK", "[1]"),
        json("200 OK", "\"token\""),
        json("404 Not Found", "{\"error\":\"?\"}"),
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n<html>".to_owned(),
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n\u{1b}\x00".to_owned(),
        "SSH-2.0-OpenSSH_9.9\r\n".to_owned(),
    ] {
        let stub = Stub::start(&[&answer]);
        for command in [&["stats"][..], &["entries"], &["explain", "/"], &["purge", "all"]] {
            let run = run(&[&["--inspector", &stub.url()], command].concat());
            run.assert_failed(4, "no inspector at");
        }
    }
    let inspector = site.inspector();
    run(&["stats", "--inspector", &inspector, "--cache", "third"]).assert_failed(4, "no cache of this name");
}

#[test]
fn refusal_says_why() {
    let hidden = Site::start_with(cache_page::PageCache::new(), |inspector| inspector.allow(|_| false));
    let url = hidden.inspector();
    run(&["stats", "--inspector", &url])
        .assert_failed(5, "does not answer you")
        .assert_failed(5, "--inspector-header");
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let stub = Stub::start(&[&empty(status, "")]);
        run(&["stats", "--inspector", &stub.url()]).assert_failed(5, "refuses the request with status 40");
    }
    let redirect = Stub::start(&[&empty("302 Found", "location: https://other.example/login?secret\r\n")]);
    let header = ["--inspector-header", "Authorization: x"];
    let run_redirect = run(&[&["stats", "--inspector", &redirect.url()][..], &header[..]].concat());
    run_redirect.assert_failed(5, "redirects to \"https://other.example/login\"");
    assert_eq!(redirect.requests().len(), 1, "a redirect is not followed");
    let origin =
        "{\"error\":\"The request does not come from a page of this site.\",\"code\":\"other-origin\"}";
    let stripped = Stub::start(&[&json("200 OK", "{\"token\":\"1\"}"), &json("403 Forbidden", origin)]);
    run(&["purge", "all", "--inspector", &stripped.url()]).assert_failed(5, "Sec-Fetch-Site");
}

#[test]
fn header_of_the_operator_lets_the_program_in() {
    let wanted = format!("Bearer {SECRET}");
    let allow = move |inspector: cache_page::Inspector| {
        let wanted = wanted.clone();
        inspector.allow(move |request| {
            request
                .headers()
                .get("authorization")
                .is_some_and(|header| *header.as_bytes() == *wanted.as_bytes())
        })
    };
    let site = Site::start_with(cache_page::PageCache::new(), allow);
    site.fill();
    let (url, header) = (site.inspector(), format!("Authorization: Bearer {SECRET}"));
    let purge = ["purge", "tag", "posts", "--inspector", &*url];
    run(&purge).assert_failed(5, "does not answer you");
    assert_eq!(site.cache.stats().pages(), 30);
    run(&["explain", "/posts/1", "--inspector", &url, "-H", &header]).assert_failed(5, "does not answer you");
    run(&[&["stats", "--inspector-header", &header][..], &purge[3..]].concat()).assert_done();
    run_with(&purge, &[("CACHE_PAGE_INSPECTOR_HEADER", &header)], "").assert_done();
    assert_eq!(site.cache.stats().pages(), 0);
}

/// Several processes answer at one URL, and have different tokens.
#[test]
fn token_of_another_process_is_replaced() {
    let (token, refusal) = (json("200 OK", "{\"token\":\"1\"}"), "{\"error\":\"\",\"code\":\"wrong-token\"}");
    let (refusal, purged) =
        (json("403 Forbidden", refusal), json("200 OK", "{\"purged\":3,\"remote\":\"none\"}"));
    let lucky = Stub::start(&[&token, &refusal, &token, &refusal, &token, &purged]);
    run(&["purge", "all", "--inspector", &lucky.url()]).assert_done().assert_shows("3 pages removed");
    let requests = lucky.requests();
    assert_eq!(requests.len(), 6);
    assert!(
        requests[5].contains("x-inspector-token: 1") && requests[5].contains("sec-fetch-site: same-origin")
    );
    let answers: Vec<&str> = std::iter::repeat_n([&*token, &*refusal], 20).flatten().collect();
    let unlucky = Stub::start(&answers);
    run(&["purge", "all", "--inspector", &unlucky.url()]).assert_failed(5, "one `secret`");
}

#[test]
fn purge_that_is_not_confirmed_is_a_failure() {
    let answer = "{\"purged\":0,\"remote\":\"pending\"}";
    let stub = Stub::start(&[&json("200 OK", "{\"token\":\"1\"}"), &json("200 OK", answer)]);
    let run = run(&["purge", "tag", "posts", "--json", "--inspector", &stub.url(), "--timeout", "7"]);
    run.assert_failed(3, "has not confirmed the purge in time");
    assert_eq!(run.json()["purges"][0]["delivery"], "pending");
    assert_eq!(run.json()["delivered"], 0);
    assert!(stub.requests()[1].contains("wait=7"), "{:?}", stub.requests());
}

#[test]
fn list_that_never_ends_is_no_answer() {
    let endless = Stub::start(&[&json("200 OK", "{\"entries\":[],\"after\":\"1\"}")]);
    run(&["entries", "--inspector", &endless.url()]).assert_failed(4, "no inspector at");
    assert_eq!(endless.requests().len(), 2);
}

#[test]
fn preview_of_several_purges_is_at_most_their_sum() {
    let site = Site::filled();
    let inspector = site.inspector();
    let preview = run(&["--inspector", &inspector, "purge", "--dry-run", "tag", "posts", "post:1"]);
    preview.assert_done().assert_shows("in all: would purge at most 31 pages");
}
