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
    let inspector = ["stats", "--inspector", "http://localhost/cache"];
    let with = |more: &[&'static str]| [&inspector[..], more].concat();
    for (arguments, message) in [
        (vec!["unknown"], "unrecognized subcommand"),
        (vec!["stats", "--inspector"], "a value is required"),
        (vec!["stats", "--disk", "folder", "--redis", &port], "cannot be used with"),
        (vec!["stats", "--inspector", "localhost:8080/cache"], "the URL of an inspector is like"),
        (vec!["stats", "--inspector", "ftp://localhost/cache"], "the URL of an inspector is like"),
        (vec!["stats", "--inspector", "http://localhost/cache?a=b"], "the URL of an inspector is like"),
        (with(&["--redis", "redis://localhost"]), "cannot be used with"),
        (with(&["--key-prefix", "shop"]), "--key-prefix is for"),
        (with(&["--inspector-header", "no colon"]), "not of the form 'Name: value'"),
        (vec!["stats", "--redis", "http://localhost"], "invalid Redis URL"),
        (vec!["stats", "--redis", &port, "--cache", "second"], "--cache is for --inspector"),
        (vec!["stats", "--redis", &port, "--inspector-header", "A: b"], "--inspector-header is for"),
        (vec!["purge", "tag", "--redis", &port], "<VALUE>..."),
        (vec!["purge", "tag", " ", "--redis", &port], "there is no tag to purge"),
        (vec!["entries", "--limit", "0", "--redis", &port], "invalid value '0'"),
        (vec!["explain", "/", "-H", "no colon", "--redis", &port], "a header is written as"),
    ] {
        run(&arguments).assert_failed(2, message);
    }
}

#[test]
fn invalid_purge_is_an_error_of_usage_everywhere() {
    let (site, (_directory, folder)) = (Site::filled(), folder_with_pages(""));
    let inspector = site.inspector();
    let redis = crate::server::Server::start();
    let targets = [["--inspector", &inspector], ["--redis", &redis.url()], ["--disk", &folder]];
    for target in targets {
        for (kind, value, message) in [
            ("path", "posts", "is not a path such as"),
            ("prefix", "/", "cache-page purge all"),
            ("url", "posts", "is not a URL such as"),
            ("path", "/a?b", "cache-page purge url"),
        ] {
            run(&[&target[..], &["purge", kind, value]].concat()).assert_failed(2, message);
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
    run(&["stats", "--redis", &redis]).assert_failed(3, "cannot be used");
    run(&["purge", "all", "--json", "--redis", &redis]).assert_failed(3, "cannot be used");
    for url in [format!("redis://:{SECRET}@:x"), format!("http://:{SECRET}@localhost"), SECRET.to_owned()] {
        run_with(&["stats"], &[("CACHE_PAGE_REDIS", &url)], "").assert_failed(2, "invalid Redis URL");
        run(&["stats", "--redis", &url, "--json"]).assert_failed(2, "invalid Redis URL");
    }
    let inspector = format!("http://operator:{SECRET}@127.0.0.1/cache");
    run(&["stats", "--inspector", &inspector]).assert_failed(2, "no user and password");
    let closed = format!("http://127.0.0.1:{}/cache", free_port());
    for header in [format!("Authorization: Bearer {SECRET}"), SECRET.to_owned(), format!("A: {SECRET}\n")] {
        let is_valid = header.starts_with("Auth") || header.starts_with("A:");
        let (code, message) = if is_valid { (3, "cannot connect") } else { (2, "not of the form") };
        run(&["stats", "--inspector", &closed, "--inspector-header", &header]).assert_failed(code, message);
        let variable = [("CACHE_PAGE_INSPECTOR_HEADER", &*header)];
        run_with(&["stats", "--inspector", &closed, "--json"], &variable, "").assert_failed(code, message);
    }
}
