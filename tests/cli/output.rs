//! What is printed: stable JSON, and nothing that controls the terminal.

use std::fs::File;

use serde_json::Value;

use crate::{
    SECRET,
    disk::folder_with_pages,
    program,
    redis::server_with_pages,
    run, run_with,
    server::free_port,
    site::{Site, wait_until},
};

/// Returns the names of the fields.
fn names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn json_has_the_same_shape_for_all_targets() {
    let (site, (server, _owner)) = (Site::filled(), server_with_pages("shop"));
    let (_directory, folder) = folder_with_pages("shop");
    let (inspector, redis) = (site.inspector(), server.url());
    for (target, name) in [
        (&["--inspector", &*inspector][..], "inspector"),
        (&["--redis", &redis, "--key-prefix", "shop"], "redis"),
        (&["--disk", &folder, "--key-prefix", "shop"], "disk"),
    ] {
        let json = |arguments: &[&str]| {
            let run = run(&[target, arguments, &["--json"]].concat());
            let json = run.assert_done().json();
            assert_eq!((&json["target"], &json["error"]), (&name.into(), &Value::Null));
            json
        };
        assert_eq!(names(&json(&["stats"])), ["command", "error", "stats", "target"]);
        let entries = json(&["entries", "/posts/1"]);
        assert_eq!(names(&entries), ["command", "entries", "error", "more", "target"]);
        let entry = &entries["entries"][0];
        assert_eq!(
            names(entry),
            ["age_seconds", "bytes", "handler", "path", "state", "status", "ttl_seconds"]
        );
        assert_eq!((&entry["path"], &entry["handler"]), (&"/posts/1".into(), &"posts".into()));
        assert_eq!(entry["state"], "fresh");
        assert_eq!(entry["status"], 200);
        assert!(entry["ttl_seconds"].as_u64().unwrap() <= 600, "{entry}");
        let explained = json(&["explain", "http://example.com/posts/1"]);
        assert!(["hit", "stored"].contains(&explained["verdict"].as_str().unwrap()), "{explained}");
        assert_eq!(explained["entries"][0]["differs"], Value::Array(Vec::new()), "{explained}");
        let preview = json(&["purge", "--dry-run", "tag", "posts", "post:1"]);
        assert_eq!(
            names(&preview),
            ["command", "dry_run", "error", "purges", "soft", "target", "would_purge"]
        );
        // All pages have the tag `posts`, and one has `post:1` too. An inspector is asked about one purge at a time.
        assert_eq!(preview["would_purge"], if name == "inspector" { 31 } else { 30 });
        let purge = json(&["purge", "--soft", "tag", "post:1", "post:2"]);
        assert_eq!(
            names(&purge),
            ["command", "delivered", "dry_run", "error", "purged", "purges", "requested", "soft", "target"]
        );
        assert_eq!((&purge["requested"], &purge["delivered"]), (&2.into(), &2.into()));
        assert_eq!(names(&purge["purges"][0]), ["delivery", "kind", "purged", "value"]);
        assert_eq!(purge["purged"], if name == "redis" { Value::Null } else { 2.into() });
        let entry = &json(&["entries", "--tag", "post:1"])["entries"][0];
        assert_ne!(entry["state"], "fresh", "{entry}");
    }
}

#[test]
fn failure_is_json_with_code_and_hint() {
    let url = format!("http://127.0.0.1:{}/cache", free_port());
    let run = run(&["stats", "--json", "--inspector", &url]);
    run.assert_failed(3, "cannot connect");
    let json = run.json();
    assert_eq!((&json["command"], &json["target"]), (&"stats".into(), &"inspector".into()));
    let error = &json["error"];
    assert_eq!((&error["code"], &error["exit_code"]), (&"unreachable".into(), &3.into()));
    assert!(error["message"].as_str().unwrap().contains(&url));
    assert!(error["hint"].is_string());
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let site = Site::filled();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut program = program();
    let status = program.args(["entries", "--inspector", &site.inspector()]).stdout(full).status().unwrap();
    assert_eq!(status.code(), Some(1));
}

/// What is in a key may be a secret of a visitor.
#[test]
fn hosts_and_queries_are_shown_nowhere() {
    let (server, site) = server_with_pages("");
    site.get(&format!("/posts/40?token={SECRET}"));
    let (inspector, redis) = (site.inspector(), server.url());
    for target in [["--inspector", &*inspector], ["--redis", &redis]] {
        let on = |command: &[&str]| run(&[&target[..], command].concat());
        wait_until("the page is stored", || on(&["entries", "/posts/40"]).code == 0);
        for command in [&["entries"][..], &["explain", "/posts/40"], &["explain", "/posts/40", "--json"]] {
            // `run` asserts that the secret is not in it.
            assert!(!on(command).assert_done().stdout.contains("example.com"));
        }
    }
}

/// Paths are chosen by clients.
#[test]
fn stored_text_cannot_control_the_terminal() {
    let hostile = "/files/%1B%5B2J%1B%5D0;title%07%0Afake%C2%9B31m%E2%80%AEabc";
    let site = Site::start(cache_page::PageCache::new());
    assert!(site.get(hostile).contains("stored"), "{}", site.get(hostile));
    let (server, owner) = server_with_pages("");
    owner.get(hostile);
    let (inspector, redis) = (site.inspector(), server.url());
    for target in [["--inspector", &*inspector], ["--redis", &redis]] {
        wait_until("the page is stored", || run(&[&target[..], &["entries", "title"]].concat()).code == 0);
        for command in [
            &["entries", "title"][..],
            &["entries", "title", "--json"],
            &["explain", hostile],
            &["explain", hostile, "--json"],
        ] {
            let run = run(&[&target[..], command].concat());
            run.assert_done();
            assert!(run.stdout.contains("title") || command[0] == "explain", "{run:?}");
            let is_control = |letter: &char| letter.is_control() && *letter != '\n' || *letter == '\u{202e}';
            assert_eq!(run.stdout.chars().find(is_control), None, "{run:?}");
            assert!(!run.stdout.lines().any(|line| line.starts_with("fake")), "{run:?}");
        }
    }
}

#[test]
fn values_are_read_from_standard_input() {
    let site = Site::filled();
    let inspector = site.inspector();
    let purge = ["--inspector", &*inspector, "purge", "path", "-"];
    let run = run_with(&purge, &[], "/posts/1\n\n/posts/2\n/posts/none\n");
    // No bar is drawn, because the standard error is no terminal.
    run.assert_done()
        .assert_shows("path /posts/1: 1 page removed")
        .assert_shows("3 of 3 purges delivered, 2 pages");
    assert_eq!(site.cache.stats().pages(), 28);
    run_with(&purge, &[], "\n\n").assert_failed(2, "no path to purge");
}
