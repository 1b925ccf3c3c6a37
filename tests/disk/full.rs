//! A disk that takes no more bytes: requests are answered all the same, and no purged page comes back.
//!
//! A process whose files are limited in size (`ulimit -f`) gets the errors that a full disk gives.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use actix_http::Request;
use actix_web::{
    App, Error, HttpResponse,
    dev::{Service, ServiceResponse},
    get,
    rt::System,
    test::{TestRequest, call_and_read_body, init_service},
    web,
};
use cache_page::{PageCache, cache_page};

use crate::directory::Directory;

const FOLDER: &str = "CACHE_PAGE_TEST_LIMITED_FOLDER";

/// Changes with each write.
static VERSION: AtomicUsize = AtomicUsize::new(0);

const PAGES: usize = 300;
const LENGTH: usize = 16 * 1024;

#[get("/pages/{page}")]
#[cache_page(600, tags = ["page:{page}"])]
async fn numbered(page: web::Path<usize>) -> HttpResponse {
    HttpResponse::Ok().body(content(*page))
}

fn content(page: usize) -> Vec<u8> {
    let mut content = format!("page {page}, version {}\n", VERSION.load(Ordering::Relaxed)).into_bytes();
    content.resize(LENGTH, b'.');
    content
}

fn open(folder: &Path) -> PageCache {
    // In memory, no page is found again.
    let cache = PageCache::builder().disk(folder).version("1").local_ttl(Duration::ZERO);
    cache.remote_timeout(Duration::from_secs(5)).build()
}

async fn app(cache: &PageCache) -> impl Service<Request, Response = ServiceResponse, Error = Error> {
    init_service(App::new().app_data(cache.clone()).service(numbered)).await
}

async fn get(app: &impl Service<Request, Response = ServiceResponse, Error = Error>, page: usize) -> Vec<u8> {
    let request = TestRequest::get().uri(&format!("/pages/{page}")).to_request();
    call_and_read_body(app, request).await.to_vec()
}

pub(crate) fn is_requested() -> bool {
    env::var_os(FOLDER).is_some()
}

/// Requests all pages, and again while they change.
pub(crate) fn run() {
    let folder = PathBuf::from(env::var_os(FOLDER).unwrap());
    System::new().block_on(async {
        let cache = open(&folder);
        let app = app(&cache).await;
        for page in 0..PAGES {
            assert!(get(&app, page).await == content(page), "page {page} is wrong");
        }
        cache.shut_down(Duration::from_secs(10)).await;
        for page in 0..PAGES {
            if page % 10 == 0 {
                VERSION.fetch_add(1, Ordering::Relaxed);
                cache.purge_all().await.unwrap();
            }
            assert!(get(&app, page).await == content(page), "page {page} is old");
        }
    });
}

/// Runs the process with files of at most this number of KiB.
fn run_limited(folder: &Path, kib: usize) {
    // A write beyond the limit fails, instead of ending the process.
    let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\"", kib * 2);
    let program = env::current_exe().unwrap();
    let output = Command::new("sh").args(["-c", &script]).arg(program).env(FOLDER, folder).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "with {kib} KiB: {errors}");
}

/// Fills the folder with pages, without a limit.
async fn fill(folder: &Path) {
    let cache = open(folder);
    let start = Instant::now();
    while !cache.stats().remote().unwrap().is_available {
        assert!(start.elapsed() < Duration::from_secs(10));
        actix_web::rt::time::sleep(Duration::from_millis(5)).await;
    }
    let app = app(&cache).await;
    for page in 0..20 {
        get(&app, page).await;
    }
    assert!(cache.shut_down(Duration::from_secs(60)).await.is_complete());
}

pub(crate) fn requests_are_answered_when_the_disk_is_full() {
    // From a file that cannot be created to one that holds a part of the pages.
    for kib in [1, 64, 512, 2048, 4096] {
        let directory = Directory::new();
        run_limited(directory.path(), kib);
    }
}

pub(crate) fn purged_pages_do_not_come_back_from_a_full_disk() {
    for kib in [0, 64, 2048] {
        let directory = Directory::new();
        System::new().block_on(fill(directory.path()));
        run_limited(directory.path(), kib);
        // The process has purged everything. What is there now was stored by it, in its last version, unless a purge could not be written:
        // then the folder is empty.
        VERSION.store(PAGES / 10, Ordering::Relaxed);
        System::new().block_on(async {
            let cache = open(directory.path());
            let app = app(&cache).await;
            for page in 0..20 {
                let page_found = get(&app, page).await;
                let expected = format!("page {page}, version {}\n", PAGES / 10);
                assert!(page_found.starts_with(expected.as_bytes()), "with {kib} KiB, page {page} is old");
            }
        });
        VERSION.store(0, Ordering::Relaxed);
    }
}
