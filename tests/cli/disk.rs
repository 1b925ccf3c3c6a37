//! Commands against a folder.

use std::{fs, time::Duration};

use cache_page::PageCache;

use crate::{
    directory::Directory,
    run,
    site::{Site, wait_until},
};

fn site(folder: &str, key_prefix: &str) -> Site {
    let cache = PageCache::builder().disk(folder).key_prefix(key_prefix).version("1");
    let site = Site::start(cache.remote_timeout(Duration::from_secs(30)).build());
    wait_until("the folder is open", || site.cache.stats().remote().unwrap().is_available);
    site
}

/// Stops the application, and waits until its folder is closed.
fn stop(site: Site, folder: &str) {
    let summary = actix_web::rt::System::new().block_on(site.cache.shut_down(Duration::from_secs(30)));
    assert!(summary.are_pages_written, "{summary:?}");
    drop(site);
    wait_until("the folder is closed", || run(&["stats", "--disk", folder]).code != 5);
}

/// Returns a folder with the thirty pages of an application that was stopped.
pub(crate) fn folder_with_pages(key_prefix: &str) -> (Directory, String) {
    folder_with(key_prefix, 30)
}

fn folder_with(key_prefix: &str, pages: u64) -> (Directory, String) {
    let directory = Directory::new();
    let folder = directory.path().join("pages").to_str().unwrap().to_owned();
    let site = site(&folder, key_prefix);
    for number in 1..=pages {
        site.get(&format!("/posts/{number}"));
    }
    wait_until("the pages are stored", || site.cache.stats().remote().unwrap().stored == pages);
    stop(site, &folder);
    (directory, folder)
}

#[test]
fn purged_pages_are_gone_when_the_application_starts() {
    let (_directory, folder) = folder_with_pages("shop");
    let on = |arguments: &[&str]| run(&[&["--disk", &*folder, "--key-prefix", "shop"], arguments].concat());
    on(&["stats"]).assert_done().assert_shows("30 pages");
    let purge = ["purge", "path", "/posts/1", "/posts/2", "/posts/none"];
    on(&[&purge[..], &["--dry-run"]].concat()).assert_done().assert_shows("would purge 1 page");
    on(&purge)
        .assert_done()
        .assert_shows("path /posts/1: 1 page removed")
        .assert_shows("3 of 3 purges delivered, 2 pages");
    on(&["stats"]).assert_done().assert_shows("28 pages");
    on(&["entries", "/posts/1"]).assert_failed(4, "no stored page matches");
    on(&["explain", "/posts/3"])
        .assert_done()
        .assert_shows("A fresh page of this URL is stored in the folder");
    let site = site(&folder, "shop");
    assert!(!site.is_hit("/posts/1") && !site.is_hit("/posts/2"));
    assert!(site.is_hit("/posts/3"));
    stop(site, &folder);
}

/// Purged pages are removed little by little, and not before the program ends.
#[test]
fn purged_pages_are_not_listed_before_they_are_removed() {
    let (_directory, folder) = folder_with("", 1200);
    let on = |arguments: &[&str]| run(&[&["--disk", &*folder], arguments].concat());
    on(&["purge", "--soft", "tag", "posts"]).assert_done().assert_shows("1200 pages made stale");
    on(&["stats"]).assert_done().assert_shows("1200 pages").assert_shows(", 0 fresh");
    on(&["purge", "prefix", "/posts/1"]).assert_done().assert_shows("312 pages removed");
    on(&["stats"]).assert_done().assert_shows("888 pages");
    on(&["purge", "all"]).assert_done().assert_shows("888 pages removed");
    on(&["stats"]).assert_done().assert_shows("0 pages");
    on(&["purge", "all"]).assert_done().assert_shows("0 pages removed");
    on(&["entries"]).assert_failed(4, "no stored page matches");
}

#[test]
fn folder_in_use_is_refused_with_the_way_out() {
    let (_directory, folder) = folder_with_pages("");
    let site = site(&folder, "");
    for command in [&["stats"][..], &["entries"], &["explain", "/"], &["purge", "all"]] {
        let run = run(&[&["--disk", &*folder], command].concat());
        run.assert_failed(5, "a process uses the folder").assert_failed(5, "--inspector");
    }
    assert!(site.is_hit("/posts/1"), "nothing was purged");
    stop(site, &folder);
}

#[test]
fn folder_without_pages_is_nothing_there() {
    let directory = Directory::new();
    let missing = directory.path().join("missing");
    let names = [directory.path(), &missing].map(|folder| folder.to_str().unwrap().to_owned());
    for folder in &names {
        for command in [&["stats"][..], &["entries"], &["purge", "all"]] {
            run(&[&["--disk", &**folder], command].concat())
                .assert_failed(4, "there is no cache in the folder");
        }
    }
    assert!(
        !missing.exists() && fs::read_dir(directory.path()).unwrap().next().is_none(),
        "a file was created"
    );
    let (_directory, folder) = folder_with_pages("shop");
    for command in [&["stats"][..], &["entries"], &["purge", "all"]] {
        run(&[&["--disk", &*folder], command].concat()).assert_failed(4, "30 pages with other key prefixes");
    }
}

/// The program has no capacity of its own, by which pages would be evicted.
#[test]
fn purge_leaves_other_pages_and_a_damaged_file_alone() {
    let (_directory, folder) = folder_with_pages("");
    let file = format!("{folder}/pages.redb");
    run(&["purge", "tag", "none", "--disk", &folder]).assert_done().assert_shows("0 pages removed");
    run(&["stats", "--disk", &folder]).assert_done().assert_shows("30 pages");
    let damaged = vec![7; 10_000];
    fs::write(&file, &damaged).unwrap();
    for command in [&["stats"][..], &["entries"], &["purge", "all"]] {
        run(&[&["--disk", &*folder], command].concat()).assert_failed(1, "cannot be read");
    }
    assert_eq!(fs::read(&file).unwrap(), damaged);
}
