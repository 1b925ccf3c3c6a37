//! Purges that a process could not deliver before it ended.

use std::{fs, path::Path, time::Duration};

use cache_page::{PageCacheBuilder, RemotePurge};

use super::{POST, connect, process, remote_only};
use crate::support::{Backend, Behavior, Directory, Method, TestApp, until};

fn with_journal(folder: &Path) -> impl FnOnce(PageCacheBuilder) -> PageCacheBuilder {
    move |cache| cache.purge_journal(folder)
}

/// Starts a process that stores a page, purges it while the store is unavailable, and ends.
async fn purge_and_end(backend: &Backend, folder: &Path, purge: impl AsyncFn(&TestApp)) {
    let one = connect(process("one", backend).cache(with_journal(folder))).await;
    one.fill(one.get(POST)).await;
    one.store().set_behavior(&Method::ALL, Behavior::Fails);
    one.wait_unavailable().await;
    purge(&one).await;
    until("the purge is written", || files(folder).len() == 1).await;
}

async fn purge_post(one: &TestApp) {
    let summary = one.cache().purge_path(POST).await.unwrap();
    assert_eq!(summary.remote(), RemotePurge::Pending);
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let Ok(folder) = fs::read_dir(folder) else { return Vec::new() };
    let files = folder.map(|file| file.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|it| it == "purges")).collect()
}

#[actix_web::test]
async fn next_process_delivers_what_the_last_one_could_not() {
    let (backend, folder) = (Backend::new(), Directory::new());
    let other = remote_only("other", &backend).await;
    purge_and_end(&backend, folder.path(), purge_post).await;
    other.get(POST).await.assert_remote_hit().assert_body("page 1 of one");

    let next = connect(process("next", &backend).cache(with_journal(folder.path()))).await;
    until("the purge is delivered", || backend.purges() == 1).await;
    assert_ne!(next.get(POST).await.text(), "page 1 of one");
    other.receive_purges().await;
    assert_ne!(other.get(POST).await.text(), "page 1 of one");
    until("the journal is empty", || files(folder.path()).is_empty()).await;
}

#[actix_web::test]
async fn next_process_serves_no_page_whose_purge_it_has_yet_to_deliver() {
    let (backend, folder) = (Backend::new(), Directory::new());
    purge_and_end(&backend, folder.path(), purge_post).await;
    let next = process("next", &backend).cache(with_journal(folder.path()));
    next.store().set_behavior(&[Method::Purge], Behavior::Rejects);
    let next = connect(next).await;
    assert_ne!(next.get(POST).await.text(), "page 1 of one");
    assert_eq!((backend.purges(), files(folder.path()).len()), (0, 1));
}

#[actix_web::test]
async fn soft_purge_remains_a_soft_purge() {
    let (backend, folder) = (Backend::new(), Directory::new());
    purge_and_end(&backend, folder.path(), async |one| {
        one.cache().expire_path("/refreshed").await.unwrap();
        one.cache().expire_tag("none").await.unwrap();
    })
    .await;
    let other = remote_only("other", &backend).await;
    other.fill(other.get("/refreshed")).await;
    let _next = connect(process("next", &backend).cache(with_journal(folder.path()))).await;
    until("both purges are delivered", || backend.purges() == 2).await;
    other.receive_purges().await;
    let response = other.get("/refreshed").await;
    response.assert_body("page 1 of other");
    assert!(response.cache_status().ttl().is_some_and(|ttl| ttl <= 0), "{response:?}");
}

#[actix_web::test]
async fn damaged_journal_purges_everything() {
    for damage in [
        (|bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 1)) as fn(&mut Vec<u8>),
        |bytes| bytes[20] ^= 1,
        |bytes| bytes[0] ^= 0x80,
        |bytes| *bytes = vec![0; 3],
    ] {
        let (backend, folder) = (Backend::new(), Directory::new());
        purge_and_end(&backend, folder.path(), async |one| {
            one.cache().purge_path("/other").await.unwrap();
        })
        .await;
        let file = files(folder.path()).remove(0);
        let mut bytes = fs::read(&file).unwrap();
        damage(&mut bytes);
        fs::write(&file, bytes).unwrap();
        let next = connect(process("next", &backend).cache(with_journal(folder.path()))).await;
        until("the purge is delivered", || backend.purges() >= 1).await;
        assert_ne!(next.get(POST).await.text(), "page 1 of one");
    }
}

#[actix_web::test]
async fn journal_is_that_of_a_key_prefix() {
    let (backend, folder) = (Backend::new(), Directory::new());
    purge_and_end(&backend, folder.path(), purge_post).await;
    let other_site =
        process("other", &backend).cache(|cache| cache.key_prefix("b").purge_journal(folder.path()));
    let other_site = connect(other_site).await;
    other_site.cache().purge_tag("last").await.unwrap();
    assert_eq!((backend.purges(), files(folder.path()).len()), (1, 1), "the purge of a tag alone");
}

#[actix_web::test]
async fn delivered_purges_leave_no_file() {
    let (backend, folder) = (Backend::new(), Directory::new());
    let one = connect(process("one", &backend).cache(with_journal(folder.path()))).await;
    one.cache().purge_path(POST).await.unwrap();
    assert!(files(folder.path()).is_empty());
    one.store().set_behavior(&[Method::Purge], Behavior::Rejects);
    purge_post(&one).await;
    until("the purge is written", || files(folder.path()).len() == 1).await;
    one.store().set_behavior(&[Method::Purge], Behavior::Works);
    until("the journal is empty", || files(folder.path()).is_empty()).await;
    assert_eq!(backend.purges(), 2);
}

#[actix_web::test]
async fn folder_that_cannot_be_written_stops_nothing() {
    let (backend, folder) = (Backend::new(), Directory::new());
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let options = |cache: PageCacheBuilder| {
        cache.purge_journal(file.join("purges")).remote_timeout(Duration::from_millis(50))
    };
    let one = connect(process("one", &backend).cache(options)).await;
    one.store().set_behavior(&[Method::Purge], Behavior::Rejects);
    purge_post(&one).await;
    one.store().set_behavior(&[Method::Purge], Behavior::Works);
    until("the purge is delivered", || backend.purges() == 1).await;
}
