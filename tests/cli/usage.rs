//! Arguments, and where the program looks for its target.

use crate::{SECRET, disk::folder_with_pages, run, run_with, server::free_port, site::Site};

#[test]
fn help_and_version_are_printed() {
    let help = run(&["--help"]);
    help.assert_done().assert_shows("Exit codes:").assert_shows("--inspector").assert_shows("Examples:");
    assert!(help.stdout.lines().all(|line| line.chars().count() <= 130), "{help:?}");
    run(&["--version"]).assert_done().assert_shows(concat!("cache-page ", env!("CARGO_PKG_VERSION")));
    run(&["purge", "--help"]).assert_done().assert_shows("one a line");
    // Without arguments, it is an error.
    run(&[]).assert_failed(2, "Usage:");
    run(&["purge"]).assert_failed(2, "Usage:");
}

#[test]
fn wrong_arguments_end_with_code_2() {
    let port = format!("redis://127.0.0.1:{}", free_port());
    for arguments in [
        &["unknown"][..],
        &["stats", "--inspector"],
        &["stats", "--inspector", "http://localhost/cache", "--redis", &port],
        &["stats", "--disk", "folder", "--redis", &port],
        &["stats", "--inspector", "localhost:8080/cache"],
        &["stats", "--inspector", "ftp://localhost/cache"],
        &["stats", "--inspector", "http://localhost/cache?a=b"],
        &["stats", "--inspector", "http://localhost/cache", "--key-prefix", "shop"],
        &["stats", "--inspector", "http://localhost/cache", "--inspector-header", "no colon"],
        &["stats", "--redis", "http://localhost"],
        &["stats", "--redis", &port, "--cache", "second"],
        &["stats", "--redis", &port, "--inspector-header", "A: b"],
        &["purge", "tag"],
        &["purge", "tag", " ", "--redis", &port],
        &["entries", "--limit", "0", "--redis", &port],
        &["explain", "/", "-H", "no colon", "--redis", &port],
    ] {
        run(arguments).assert_failed(2, "");
    }
}

#[test]
fn invalid_purge_is_an_error_of_usage_everywhere() {
    let (site, (_directory, folder)) = (Site::filled(), folder_with_pages(""));
    let inspector = site.inspector();
    let redis = crate::server::Server::start();
    let targets = [["--inspector", &inspector], ["--redis", &redis.url()], ["--disk", &folder]];
    for target in targets {
        for purge in [["path", "posts"], ["prefix", "/"], ["url", "posts"], ["path", "/a?b"]] {
            let arguments = [&target[..], &["purge"], &purge[..]].concat();
            run(&arguments).assert_failed(2, "");
        }
    }
    assert_eq!(site.cache.stats().pages(), 30);
}

#[test]
fn target_is_found_in_the_environment() {
    let site = Site::filled();
    let inspector = site.inspector();
    run(&["stats"]).assert_failed(2, "where is the cache?");
    run_with(&["stats"], &[("CACHE_PAGE_INSPECTOR", &inspector)], "").assert_done();
    run_with(&["stats"], &[("CACHE_PAGE_INSPECTOR", "")], "").assert_failed(2, "where is the cache?");
    let both = [("CACHE_PAGE_INSPECTOR", &*inspector), ("CACHE_PAGE_DISK", "/nowhere")];
    run_with(&["stats"], &both, "").assert_failed(2, "several targets");
    // An option takes precedence.
    run_with(&["stats", "--inspector", &inspector], &[("CACHE_PAGE_DISK", "/nowhere")], "").assert_done();
}

/// [`run`] asserts that the secret is in no output.
#[test]
fn passwords_are_in_no_output() {
    let redis = format!("redis://user:{SECRET}@127.0.0.1:{}/0", free_port());
    run(&["stats", "--redis", &redis]).assert_failed(3, "");
    run(&["purge", "all", "--json", "--redis", &redis]).assert_failed(3, "");
    for url in [format!("redis://:{SECRET}@:x"), format!("http://:{SECRET}@localhost"), SECRET.to_owned()] {
        run_with(&["stats"], &[("CACHE_PAGE_REDIS", &url)], "").assert_failed(2, "invalid Redis URL");
        run(&["stats", "--redis", &url, "--json"]).assert_failed(2, "");
    }
    let inspector = format!("http://operator:{SECRET}@127.0.0.1/cache");
    run(&["stats", "--inspector", &inspector]).assert_failed(2, "no user and password");
    let closed = format!("http://127.0.0.1:{}/cache", free_port());
    for header in [format!("Authorization: Bearer {SECRET}"), SECRET.to_owned(), format!("A: {SECRET}\n")] {
        let code = if header.starts_with("Auth") || header.starts_with("A:") { 3 } else { 2 };
        run(&["stats", "--inspector", &closed, "--inspector-header", &header]).assert_failed(code, "");
        let variable = [("CACHE_PAGE_INSPECTOR_HEADER", &*header)];
        run_with(&["stats", "--inspector", &closed, "--json"], &variable, "").assert_failed(code, "");
    }
}
