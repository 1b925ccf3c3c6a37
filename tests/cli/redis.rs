//! Commands against a Redis server that processes share.

use std::time::Duration;

use cache_page::PageCache;

#[cfg(feature = "redis-cluster")]
use crate::resp::Reply;
use crate::{
    SECRET, run,
    server::{Server, free_port},
    site::{PURGES, Site, wait_until},
};

fn cache(server: &Server, key_prefix: &str) -> PageCache {
    // Only a purge ends the life of a page in memory.
    let long = Duration::from_secs(600);
    let cache = PageCache::builder().redis(server.url()).key_prefix(key_prefix).version("1");
    cache.local_ttl(long).max_purge_lag(long).remote_timeout(Duration::from_secs(30)).build()
}

fn site(server: &Server, key_prefix: &str) -> Site {
    connected(cache(server, key_prefix))
}

fn connected(cache: PageCache) -> Site {
    let site = Site::start(cache);
    wait_until("the application is connected", || site.cache.stats().remote().unwrap().is_available);
    site
}

/// Returns a server with thirty pages, and the application that has stored them.
pub(crate) fn server_with_pages(key_prefix: &str) -> (Server, Site) {
    let server = Server::start();
    let site = site(&server, key_prefix);
    site.fill();
    wait_until("the pages are stored", || site.cache.stats().remote().unwrap().stored == 30);
    (server, site)
}

#[test]
fn purge_is_delivered_to_all_processes() {
    let (server, one) = server_with_pages("shop");
    let other = site(&server, "shop");
    let (url, hit) = (server.url(), |site: &Site| site.is_hit("/posts/1") && site.is_hit("/posts/2"));
    assert!(hit(&one) && hit(&other));
    let shop = ["--redis", &*url, "--key-prefix", "shop", "purge"];
    let run = run(&[&shop[..], &["tag", "post:1", "post:3"]].concat());
    run.assert_done()
        .assert_shows("tag post:1: delivered to all processes")
        .assert_shows("2 of 2 purges delivered");
    for site in [&one, &other] {
        // A copy in memory would be served for ten minutes.
        wait_until("the process has received the purge", || {
            !site.cache.entries().any(|entry| entry.path() == "/posts/1")
        });
        assert!(site.is_hit("/posts/2"), "other pages stay");
    }
    assert!(!one.is_hit("/posts/1"), "the page is generated again");
}

#[test]
fn every_kind_of_purge_removes_what_it_would() {
    for (purge, pages) in PURGES {
        let (server, _site) = server_with_pages("shop");
        let (url, count) = (server.url(), |run: crate::Run| run.json()["stats"]["pages"].as_u64());
        let on = |arguments: &[&str]| run(&[&["--redis", &url, "--namespace", "shop"], arguments].concat());
        let would = on(&[&["purge", "--dry-run", "--json"], purge].concat());
        assert_eq!(would.assert_done().json()["would_purge"], pages);
        assert_eq!(count(on(&["stats", "--json"])), Some(30));
        on(&[&["purge", "--soft"], purge].concat()).assert_done();
        let stats = on(&["stats", "--json"]).json();
        assert_eq!((&stats["stats"]["pages"], &stats["stats"]["fresh"]), (&30.into(), &(30 - pages).into()));
        on(&[&["purge"], purge].concat()).assert_done();
        let left = on(&["stats", "--json"]);
        assert_eq!(count(left), Some(30 - pages), "{purge:?}");
    }
}

#[test]
fn wrong_key_prefix_names_the_right_ones() {
    let (server, site) = server_with_pages("shop & co");
    let url = server.url();
    for command in [&["stats"][..], &["entries"], &["purge", "--dry-run", "all"], &["purge", "all"]] {
        let run = run(&[&["--redis", &url, "--key-prefix", "shp"], command].concat());
        run.assert_failed(4, "nothing was ever stored").assert_failed(4, "--key-prefix 'shop & co'");
    }
    run(&["purge", "all", "--redis", &url]).assert_failed(4, "without a key prefix");
    assert_eq!(site.cache.stats().pages(), 30, "nothing was purged");
    let empty = Server::start();
    run(&["stats", "--redis", &empty.url()]).assert_failed(4, "No cache has stored anything");
    let database = format!("{url}/5");
    run(&["stats", "--redis", &database, "--key-prefix", "shop & co"]).assert_failed(4, "Check the URL");
}

#[test]
fn explain_shows_the_stored_pages_of_a_url() {
    let (server, _site) = server_with_pages("");
    let url = server.url();
    let explain = |page: &str| run(&["explain", page, "--redis", &url]);
    explain("/posts/1").assert_done().assert_shows("A fresh page of this URL is stored in Redis");
    explain("http://example.com/posts/1").assert_done().assert_shows("A fresh page of this URL");
    explain("http://other.example/posts/1").assert_done().assert_shows("with another host");
    explain("https://example.com/posts/1").assert_done().assert_shows("with another scheme");
    explain("/posts/1?page=2").assert_done().assert_shows("with another query");
    explain("/posts/99").assert_done().assert_shows("No page of this path is stored in Redis");
    explain("/posts/1").assert_shows("--inspector");
}

#[test]
fn server_that_does_not_answer_is_unreachable() {
    let closed = format!("redis://127.0.0.1:{}", free_port());
    for command in [&["stats"][..], &["entries"], &["explain", "/"], &["purge", "all"]] {
        run(&[&["--redis", &closed], command].concat()).assert_failed(3, "cannot be used");
    }
    let server = Server::start();
    server.pause();
    for command in [&["stats"][..], &["purge", "tag", "posts"]] {
        run(&[&["--redis", &server.url(), "--timeout", "1"], command].concat()).assert_failed(3, "within 1s");
    }
    server.resume();
}

#[test]
fn password_is_checked_and_not_shown() {
    let server = Server::with(&["--requirepass", SECRET]);
    let with = |password: &str| format!("redis://:{password}@127.0.0.1:{}", server.port());
    for command in [&["stats"][..], &["purge", "all"]] {
        run(&[&["--redis", &server.url()], command].concat())
            .assert_failed(5, "refuses the user or the password");
        run(&[&["--redis", &with("wrong")], command].concat())
            .assert_failed(5, "refuses the user or the password");
        run(&[&["--redis", &with(SECRET)], command].concat()).assert_failed(4, "nothing was ever stored");
    }
}

#[test]
fn purge_by_an_inspector_waits_for_the_store() {
    let server = Server::start();
    // A purge without `wait` would be pending after 50 milliseconds.
    let site = Site::start(PageCache::builder().redis(server.url()).key_prefix("shop").build());
    let is_available = || site.cache.stats().remote().unwrap().is_available;
    wait_until("the application is connected", is_available);
    site.fill();
    server.pause();
    let url = site.inspector();
    let purge = ["purge", "tag", "post:1", "--inspector", &*url, "--timeout"];
    run(&[&purge[..], &["1"]].concat()).assert_failed(3, "has not confirmed the purge in time");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| run(&[&purge[..], &["60"]].concat()));
        wait_until("the store is unavailable", || !is_available());
        server.resume();
        waiting.join().unwrap().assert_done().assert_shows("delivered to all processes");
    });
}

/// The user has the commands that a cache needs, and none to list keys.
#[test]
fn user_who_may_not_list_pages_may_purge_them() {
    const COMMANDS: &str = "+eval +evalsha +getrange +info +mget +ping +xread +del +exists +get +pexpire +pttl +set +time +unlink \
        +xadd +xrange +xrevrange +zadd +zcard +zmscore +zrange +zrangebyscore +zrem +zremrangebyrank";
    let (server, site) = server_with_pages("shop");
    server.command(&format!("ACL SETUSER deploy on >{SECRET} ~cp1:* {COMMANDS}"));
    let url = server.url().replace("redis://", &format!("redis://deploy:{SECRET}@"));
    let with = |arguments: &[&str]| run(&[&["--redis", &url, "--key-prefix", "shop"], arguments].concat());
    with(&["purge", "all"]).assert_done();
    wait_until("the purge is received", || site.cache.stats().pages() == 0);
    with(&["stats"]).assert_failed(5, "the user may not do this").assert_failed(5, "SCAN");
}

#[cfg(feature = "redis-cluster")]
#[test]
fn purge_in_a_cluster_is_delivered() {
    let server = Server::with(&["--cluster-enabled", "yes"]);
    // A cluster of one node.
    server.command("CLUSTER ADDSLOTSRANGE 0 16383");
    wait_until("the cluster is ready", || matches!(server.command("SET ready 1"), Reply::Text(_)));
    let url = server.url();
    let cluster = ["--redis-cluster", &*url, "--key-prefix", "shop"];
    let on = |arguments: &[&str]| run(&[&cluster[..], arguments].concat());
    on(&["purge", "all"]).assert_failed(4, "nothing was ever stored in this cluster");
    let store = cache_page::RedisStore::cluster([&url]).unwrap();
    let long = Duration::from_secs(600);
    let options =
        PageCache::builder().remote_store(store).key_prefix("shop").local_ttl(long).max_purge_lag(long);
    let site = connected(options.remote_timeout(Duration::from_secs(30)).build());
    site.fill();
    wait_until("the pages are stored", || site.cache.stats().remote().unwrap().stored == 30);
    on(&["purge", "tag", "post:1"]).assert_done().assert_shows("delivered to all processes");
    wait_until("the process has received the purge", || site.cache.stats().pages() == 29);
    for command in [&["stats"][..], &["entries"], &["explain", "/"], &["purge", "--dry-run", "all"]] {
        on(command).assert_failed(6, "a cluster cannot be listed");
    }
}

#[test]
fn server_that_cannot_be_used_is_named() {
    let cluster = Server::with(&["--cluster-enabled", "yes"]);
    run(&["purge", "all", "--redis", &cluster.url()]).assert_failed(6, "a node of a cluster");
    let master = Server::start();
    let replica = Server::with(&["--replicaof", "127.0.0.1", &master.port().to_string()]);
    run(&["purge", "all", "--redis", &replica.url()]).assert_failed(5, "a replica");
}

/// The program connects as another process would, and must not purge for that.
#[test]
fn reading_a_server_changes_nothing() {
    let (server, site) = server_with_pages("shop");
    let (url, before) = (server.url(), site.cache.stats().pages());
    for command in [&["stats"][..], &["entries"], &["explain", "/posts/1"], &["purge", "--dry-run", "all"]] {
        run(&[&["--redis", &url, "--key-prefix", "shop"], command].concat()).assert_done();
    }
    assert_eq!(site.cache.stats().pages(), before);
    let other = self::site(&server, "shop");
    assert!(other.is_hit("/posts/1"));
}

#[test]
fn pages_with_long_paths_are_listed() {
    let (server, site) = server_with_pages("shop");
    let path = format!("/files/{}", "x".repeat(3000));
    site.get(&path);
    wait_until("the page is stored", || site.cache.stats().remote().unwrap().stored == 31);
    let url = server.url();
    let on = |arguments: &[&str]| run(&[&["--redis", &url, "--key-prefix", "shop"], arguments].concat());
    assert_eq!(on(&["stats", "--json"]).json()["stats"]["pages"], 31);
    on(&["purge", "--dry-run", "path", &path]).assert_done().assert_shows("would purge 1 page");
}

/// The application has the right key prefix, whether or not a page was stored with it.
#[test]
fn purge_by_an_inspector_before_the_first_page_is_delivered() {
    let server = Server::start();
    let site = site(&server, "shop");
    let inspector = site.inspector();
    let purge = run(&["purge", "all", "--inspector", &inspector]);
    purge.assert_done().assert_shows("0 pages removed; delivered to all processes");
}

#[test]
fn preview_of_several_purges_counts_each_page_once() {
    let (server, _site) = server_with_pages("shop");
    let url = server.url();
    let on = ["--redis", &*url, "--key-prefix", "shop", "purge", "--dry-run"];
    let preview = run(&[&on[..], &["tag", "posts", "post:1"]].concat());
    preview.assert_done().assert_shows("tag post:1: would purge 1 page");
    preview.assert_shows("in all: would purge 30 pages");
}

#[test]
fn explain_finds_the_page_of_a_url_among_many_of_its_path() {
    let (server, site) = server_with_pages("");
    for page in 0..150 {
        site.get(&format!("/posts/1?page={page}"));
    }
    wait_until("the pages are stored", || site.cache.stats().remote().unwrap().stored == 180);
    for page in [0, 75, 149] {
        let explained = run(&["explain", &format!("/posts/1?page={page}"), "--redis", &server.url()]);
        explained.assert_done().assert_shows("A fresh page of this URL is stored in Redis");
    }
}
