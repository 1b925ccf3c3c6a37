//! Programs that purge and end, such as a command in a deployment. They are this executable, too.

use std::{
    env,
    process::{Command, Output},
    time::Duration,
};

use actix_web::rt::System;
use cache_page::PageCache;

use crate::{
    application::Settings,
    database::Database,
    process::{Process, remote_only, wait_until},
    server::{Server, free_port},
};

/// The environment variables with the URL, the key prefix and the tag.
const VARIABLES: [&str; 3] = ["CACHE_PAGE_PURGE_URL", "CACHE_PAGE_PURGE_PREFIX", "CACHE_PAGE_PURGE_TAG"];

pub(crate) fn is_requested() -> bool {
    env::var_os(VARIABLES[0]).is_some()
}

/// Purges a tag with default options, and prints the result.
pub(crate) fn run() {
    let [url, key_prefix, tag] = VARIABLES.map(|name| env::var(name).unwrap());
    System::new().block_on(async move {
        let cache = PageCache::builder().redis(url).key_prefix(key_prefix).build();
        let purge = cache.purge_tag(&tag);
        let result = match env::var_os("CACHE_PAGE_PURGE_TIMEOUT") {
            None => purge.delivered().await,
            Some(_) => purge.delivered_within(Duration::from_millis(300)).await,
        };
        match result {
            Ok(summary) => println!("{:?}", summary.remote()),
            Err(error) => println!("{error}"),
        }
    });
}

fn purge_with(variables: [&str; 3], more: &[(&str, &str)]) -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    command.envs(VARIABLES.iter().zip(variables)).envs(more.iter().copied());
    let Output { status, stdout, .. } = command.output().unwrap();
    assert!(status.success());
    String::from_utf8(stdout).unwrap()
}

/// Without a `key_prefix`, the executable has to be hashed before pages are looked up, but not before purges are sent.
pub(crate) fn purge_of_a_short_lived_process_is_delivered() {
    let (server, database) = (Server::start(), Database::new());
    for key_prefix in ["", "test"] {
        let settings = Settings { key_prefix: key_prefix.to_owned(), ..remote_only(&server, &database) };
        let one = Process::start(&settings);
        for _ in 0..10 {
            wait_until("the page is stored", || one.get("/page/1").is_remote_hit());
            let version = database.change(1);
            assert_eq!(purge_with([&server.url(), key_prefix, "page:1"], &[]), "Confirmed\n");
            assert_eq!(one.get("/page/1").content().version, version);
        }
    }
}

pub(crate) fn purge_with_a_wrong_prefix_or_url_is_an_error() {
    let (server, database) = (Server::start(), Database::new());
    let one = Process::start(&remote_only(&server, &database));
    one.fill("/page/1");
    for key_prefix in ["", "tset"] {
        let output = purge_with([&server.url(), key_prefix, "page:1"], &[]);
        assert!(output.contains("no process has stored a page"), "{output}");
    }
    let elsewhere = format!("redis://127.0.0.1:{}", free_port());
    let output = purge_with([&elsewhere, "test", "page:1"], &[("CACHE_PAGE_PURGE_TIMEOUT", "")]);
    assert!(output.contains("not confirmed by the remote store"), "{output}");
    assert!(one.get("/page/1").is_remote_hit());
}
