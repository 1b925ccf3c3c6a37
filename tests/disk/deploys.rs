//! Caches with a folder, as builds of one site that follow one another.

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use actix_web::{App, get, rt::System, test, web};
use cache_page::{PageCache, cache_page};

use crate::directory::Directory;

#[get("/posts/{id}")]
#[cache_page(600, tags = ["posts"])]
async fn post(id: web::Path<u32>, runs: web::Data<AtomicUsize>) -> String {
    format!("post {id}, run {}", runs.fetch_add(1, Ordering::Relaxed))
}

fn cache(folder: &Path, version: &str) -> PageCache {
    // A busy machine may be slow.
    PageCache::builder().disk(folder).version(version).remote_timeout(Duration::from_secs(5)).build()
}

/// Waits until the folder is open. What is filled before is in memory only.
async fn opened(cache: &PageCache) {
    let start = Instant::now();
    while !cache.stats().remote().unwrap().is_available {
        assert!(start.elapsed() < Duration::from_secs(10), "the folder is not open");
        actix_web::rt::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Requests a page of one build, and returns its body.
async fn request(cache: &PageCache, runs: &web::Data<AtomicUsize>) -> String {
    opened(cache).await;
    let app = App::new().app_data(cache.clone()).app_data(runs.clone()).service(post);
    let app = test::init_service(app).await;
    let request = test::TestRequest::get().uri("/posts/1").to_request();
    String::from_utf8(test::call_and_read_body(&app, request).await.to_vec()).unwrap()
}

/// Waits until the page of a build is in the store.
async fn stored(cache: &PageCache) {
    let start = Instant::now();
    while cache.stats().remote().unwrap().stored == 0 {
        let remote = cache.stats().remote().cloned();
        assert!(start.elapsed() < Duration::from_secs(10), "no page was put: {remote:?}");
        actix_web::rt::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn same_version_uses_the_pages_of_the_last_build() {
    let directory = Directory::new();
    let runs = web::Data::new(AtomicUsize::new(0));
    System::new().block_on(async {
        let first = cache(directory.path(), "1");
        assert_eq!(request(&first, &runs).await, "post 1, run 0");
        stored(&first).await;
        drop(first);
        let second = cache(directory.path(), "1");
        assert_eq!(request(&second, &runs).await, "post 1, run 0");
    });
}

pub(crate) fn versions_have_their_own_pages() {
    let directory = Directory::new();
    let runs = web::Data::new(AtomicUsize::new(0));
    System::new().block_on(async {
        let (old, new) = (cache(directory.path(), "1"), cache(directory.path(), "2"));
        assert_eq!(request(&old, &runs).await, "post 1, run 0");
        assert_eq!(request(&new, &runs).await, "post 1, run 1");
        stored(&old).await;
        stored(&new).await;
        drop((old, new));
        assert_eq!(request(&cache(directory.path(), "1"), &runs).await, "post 1, run 0");
        assert_eq!(request(&cache(directory.path(), "2"), &runs).await, "post 1, run 1");
    });
}

pub(crate) fn purge_reaches_the_pages_of_all_versions() {
    let directory = Directory::new();
    let runs = web::Data::new(AtomicUsize::new(0));
    System::new().block_on(async {
        let old = cache(directory.path(), "1");
        request(&old, &runs).await;
        stored(&old).await;
        let new = cache(directory.path(), "2");
        new.purge_tag("posts").await.unwrap();
        drop((old, new));
        assert_eq!(request(&cache(directory.path(), "1"), &runs).await, "post 1, run 1");
    });
}
