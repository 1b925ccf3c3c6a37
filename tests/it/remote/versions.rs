//! Builds of one site that follow one another, with a version each.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    rt::{task::yield_now, time::sleep},
};
use cache_page::{Outcome, PageCacheBuilder, Reason};

use super::{POST, REFRESHED, connect, process};
use crate::support::{Backend, Call, TestApp};

const HOUR: Duration = Duration::from_secs(3600);

/// More than a build needs until it knows the version before it.
const PAGES: usize = 200;

/// Starts a build that serves pages of the version before it.
async fn deploy(name: &'static str, backend: &Backend, window: Duration) -> TestApp {
    deploy_with(name, backend, |cache| cache.stale_across_versions(window)).await
}

async fn deploy_with(
    name: &'static str,
    backend: &Backend,
    options: impl FnOnce(PageCacheBuilder) -> PageCacheBuilder,
) -> TestApp {
    connect(process(name, backend).cache(|cache| options(cache.version(name)))).await
}

/// The URL of a page that no request of the new build has had.
fn page(number: usize) -> String {
    format!("{REFRESHED}?number={number}")
}

/// Starts a build and stores pages, of which the next build needs a few until it knows the version of this one.
async fn deploy_and_fill(name: &'static str, backend: &Backend) -> TestApp {
    let app = deploy(name, backend, HOUR).await;
    for number in 0..PAGES {
        app.fill(app.get(&page(number))).await;
    }
    app
}

/// Requests pages until one is served that the previous version has stored.
async fn first_old_page(new: &TestApp) {
    for number in 0..PAGES {
        let response = new.get(&page(number)).await;
        if response.outcome() == Some(Outcome::Stale(Reason::StaleWhileRevalidate)) {
            return;
        }
        // The process learns it in a thread of its own.
        sleep(Duration::from_millis(1)).await;
    }
    panic!("no page of the previous version was served");
}

/// Requests a page until the new build has made it.
async fn until_new_page(new: &TestApp, url: &str) {
    for _ in 0..100_000 {
        let response = new.get(url).await;
        if response.text().ends_with("of new") {
            response.assert_hit();
            return;
        }
        yield_now().await;
    }
    panic!("the new page was not served");
}

#[actix_web::test]
async fn page_of_the_previous_version_is_served_while_the_new_one_is_made() {
    let backend = Backend::new();
    let old = deploy_and_fill("old", &backend).await;
    let new = deploy("new", &backend, HOUR).await;
    first_old_page(&new).await;
    new.pause();
    let url = page(PAGES - 1);
    for _ in 0..2 {
        let response = new.get(&url).await;
        response.assert_stale(Reason::StaleWhileRevalidate).assert_body(format!("page {PAGES} of old"));
    }
    new.resume().await;
    until_new_page(&new, &url).await;
    // The old build keeps its own.
    old.get(&url).await.assert_hit().assert_body(format!("page {PAGES} of old"));
}

#[actix_web::test]
async fn without_coalescing_old_pages_are_served_and_replaced() {
    let backend = Backend::new();
    let _old = deploy_and_fill("old", &backend).await;
    let options =
        |cache: PageCacheBuilder| cache.stale_across_versions(HOUR).coalesce_across_processes(false);
    let new = deploy_with("new", &backend, options).await;
    first_old_page(&new).await;
    let url = page(PAGES - 1);
    new.get(&url)
        .await
        .assert_stale(Reason::StaleWhileRevalidate)
        .assert_body(format!("page {PAGES} of old"));
    until_new_page(&new, &url).await;
}

#[actix_web::test]
async fn page_of_the_previous_version_is_not_served_by_default() {
    let backend = Backend::new();
    let old = deploy("old", &backend, HOUR).await;
    old.fill(old.get(REFRESHED)).await;
    let new = deploy("new", &backend, Duration::ZERO).await;
    new.get(REFRESHED).await.assert_stored().assert_body("page 1 of new");
}

#[actix_web::test]
async fn handler_that_serves_no_stale_page_serves_no_old_one() {
    let backend = Backend::new();
    let old = deploy("old", &backend, HOUR).await;
    old.fill(old.get(POST)).await;
    let new = deploy("new", &backend, HOUR).await;
    new.get(POST).await.assert_stored().assert_body("page 1 of new");
}

#[actix_web::test]
async fn purged_page_of_the_previous_version_is_not_served() {
    let backend = Backend::new();
    let _old = deploy_and_fill("old", &backend).await;
    let new = deploy("new", &backend, HOUR).await;
    first_old_page(&new).await;
    new.cache().purge_tag("refreshed").await.unwrap();
    new.get(&page(PAGES - 1)).await.assert_stored();
}

#[actix_web::test]
async fn second_process_of_a_version_knows_the_previous_one_too() {
    let backend = Backend::new();
    let _old = deploy_and_fill("old", &backend).await;
    let first = deploy("new", &backend, HOUR).await;
    first_old_page(&first).await;
    let second = deploy("new", &backend, HOUR).await;
    first_old_page(&second).await;
}

#[actix_web::test]
async fn return_to_the_previous_version_uses_its_pages() {
    let backend = Backend::new();
    let old = deploy("old", &backend, HOUR).await;
    old.fill(old.get(REFRESHED)).await;
    let new = deploy("new", &backend, HOUR).await;
    drop(new);
    let back = deploy("old", &backend, HOUR).await;
    back.get(REFRESHED).await.assert_remote_hit().assert_body("page 1 of old");
}

/// Otherwise a visitor would be served the page of another one's language.
#[actix_web::test]
async fn variants_of_the_previous_version_are_kept_apart() {
    let in_its_language = |call: &Call| {
        let language = call.header_values("accept-language").concat();
        HttpResponse::Ok().insert_header(("vary", "accept-language")).body(format!("old page in {language}"))
    };
    let backend = Backend::new();
    let old = deploy_and_fill("old", &backend).await;
    old.set_handler(in_its_language);
    let get =
        |app: &TestApp, language: &str| app.get("/refreshed?varied").header("accept-language", language);
    for language in ["de", "fr"] {
        old.fill(get(&old, language)).await;
    }
    let new = deploy("new", &backend, HOUR).await;
    first_old_page(&new).await;
    new.pause();
    for language in ["de", "fr", "de"] {
        get(&new, language).await.assert_body(format!("old page in {language}"));
    }
    new.resume().await;
}
