//! The store without faults.

use std::fs;

use actix_web::rt::System;
use cache_page::{DiskStore, remote::RemoteStore as _, testing::conformance};

use crate::{
    child::Child,
    directory::Directory,
    support::{CAPACITY, bytes, flush, get, open, purge_of, put},
};

pub(crate) fn disk_passes_the_conformance_suite() {
    let directory = Directory::new();
    System::new().block_on(async {
        let _open = open(directory.path(), CAPACITY).await;
        conformance::run(|| DiskStore::open(directory.path(), CAPACITY).unwrap()).await;
    });
}

pub(crate) fn entry_survives_a_restart() {
    let directory = Directory::new();
    System::new().block_on(async {
        let store = open(directory.path(), CAPACITY).await;
        put(&store, "page", vec![7; 100_000]).await;
        drop(store);
        let store = open(directory.path(), CAPACITY).await;
        assert_eq!(bytes(&store, "page").await, Some(vec![7; 100_000]));
    });
}

pub(crate) fn purge_survives_a_restart() {
    let directory = Directory::new();
    System::new().block_on(async {
        let store = open(directory.path(), CAPACITY).await;
        put(&store, "purged", "1").await;
        put(&store, "kept", "2").await;
        store.purge(purge_of("tag purged", false)).await.unwrap();
        drop(store);
        let store = open(directory.path(), CAPACITY).await;
        assert_eq!(bytes(&store, "purged").await, None);
        assert_eq!(bytes(&store, "kept").await, Some(b"2".to_vec()));
    });
}

pub(crate) fn soft_purge_survives_a_restart() {
    let directory = Directory::new();
    System::new().block_on(async {
        let store = open(directory.path(), CAPACITY).await;
        put(&store, "page", "1").await;
        store.purge(purge_of("tag page", true)).await.unwrap();
        for _ in 0..3 {
            flush(&store).await;
        }
        drop(store);
        let store = open(directory.path(), CAPACITY).await;
        assert!(get(&store, "page").await.unwrap().expired.is_some());
    });
}

pub(crate) fn capacity_is_kept_by_evicting_the_oldest() {
    let directory = Directory::new();
    let capacity = 4 << 20;
    System::new().block_on(async {
        let store = open(directory.path(), capacity).await;
        for index in 0..1000 {
            put(&store, &format!("page {index}"), vec![1; 10_000]).await;
            if index % 50 == 0 {
                flush(&store).await;
            }
        }
        flush(&store).await;
        assert_eq!(bytes(&store, "page 0").await, None);
        assert!(bytes(&store, "page 999").await.is_some());
    });
    let length = fs::metadata(directory.path().join("pages.redb")).unwrap().len();
    assert!(length < capacity * 3, "the file has {length} bytes");
}

pub(crate) fn entry_that_was_looked_up_is_evicted_later() {
    let directory = Directory::new();
    System::new().block_on(async {
        let store = open(directory.path(), 4 << 20).await;
        put(&store, "often", vec![1; 10_000]).await;
        put(&store, "never", vec![1; 10_000]).await;
        for index in 0..1000 {
            put(&store, &format!("page {index}"), vec![1; 10_000]).await;
            assert!(bytes(&store, "often").await.is_some(), "after {index} pages");
            if index % 20 == 0 {
                flush(&store).await;
            }
        }
        assert_eq!(bytes(&store, "never").await, None);
    });
}

/// A sweep removes what was purged, and forgets the purges.
pub(crate) fn forgotten_purges_restore_no_entry() {
    let directory = Directory::new();
    System::new().block_on(async {
        let store = open(directory.path(), CAPACITY).await;
        for index in 0..2000 {
            put(&store, &format!("page {index}"), "1").await;
        }
        for index in (0..2000).step_by(10) {
            store.purge(purge_of(&format!("tag page {index}"), false)).await.unwrap();
        }
        let check = async |store: &DiskStore| {
            for index in 0..2000 {
                let is_kept = bytes(store, &format!("page {index}")).await.is_some();
                assert_eq!(is_kept, index % 10 != 0, "page {index}");
            }
        };
        check(&store).await;
        drop(store);
        check(&open(directory.path(), CAPACITY).await).await;
    });
}

pub(crate) fn folder_is_for_the_current_user_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = Directory::new();
    let folder = directory.path().join("var/cache");
    System::new().block_on(async { drop(open(&folder, CAPACITY).await) });
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
}

pub(crate) fn second_process_works_without_the_disk() {
    let directory = Directory::new();
    let first = Child::start(directory.path());
    System::new().block_on(async {
        let store = DiskStore::open(directory.path(), CAPACITY).unwrap();
        assert_eq!(bytes(&store, "page 1").await, None);
        let sequence = crate::support::sequence(&store).await;
        assert!(store.put(crate::support::entry("page", "1", sequence)).await.is_err());
        assert!(store.purge(purge_of("all", false)).await.is_err());
        first.kill();
        let store = open(directory.path(), CAPACITY).await;
        put(&store, "page", "1").await;
    });
}
