//! Files that were damaged while no process had them open.

use std::{fs, path::Path};

use actix_web::rt::System;
use cache_page::{DiskStore, remote::RemoteStore as _};

use crate::{
    directory::Directory,
    support::{CAPACITY, bytes, entry, open, purge_of, put, sequence},
};

/// Creates a folder with two entries, of which one is purged, and returns the bytes of its file.
fn folder_with_entries(folder: &Path) -> Vec<u8> {
    System::new().block_on(async {
        let store = open(folder, CAPACITY).await;
        put(&store, "purged", vec![1; 5000]).await;
        put(&store, "kept", vec![2; 5000]).await;
        store.purge(purge_of("nothing", false)).await.unwrap();
        store.purge(purge_of("tag purged", false)).await.unwrap();
    });
    fs::read(folder.join("pages.redb")).unwrap()
}

/// Opens the folder, and checks that no entry is wrong and that new ones can be stored. Returns whether an entry was kept.
fn check(folder: &Path, damage: &str) -> bool {
    System::new().block_on(async {
        let store = open(folder, CAPACITY).await;
        assert_eq!(bytes(&store, "purged").await, None, "after {damage}");
        let kept = bytes(&store, "kept").await;
        assert!(kept.as_ref().is_none_or(|kept| *kept == [2; 5000]), "a wrong entry after {damage}");
        // An empty file replaces the damaged one when the damage is found.
        let start = std::time::Instant::now();
        loop {
            let sequence = sequence(&store).await;
            let stored = store.put(entry("new", "3", sequence)).await.is_ok();
            if stored && bytes(&store, "new").await.as_deref() == Some(b"3") {
                return kept.is_some();
            }
            assert!(start.elapsed().as_secs() < 10, "nothing can be stored after {damage}");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    })
}

pub(crate) fn truncated_file_loses_pages_and_heals() {
    let directory = Directory::new();
    let original = folder_with_entries(directory.path());
    for length in [0, 1, 100, 320, 4096, 10_000, original.len() / 2, original.len() - 1] {
        folder_with_entries(directory.path());
        fs::write(directory.path().join("pages.redb"), &original[..length]).unwrap();
        check(directory.path(), &format!("a cut to {length} bytes"));
    }
}

pub(crate) fn flipped_bytes_restore_no_purged_page() {
    let directory = Directory::new();
    let folder = directory.path().join("cache");
    let original = folder_with_entries(&folder);
    let guard = fs::read(folder.join("last-purge")).unwrap();
    // The header, and bytes in all parts of the file that are not empty.
    let used: Vec<usize> = (0..original.len()).filter(|index| original[*index] != 0).collect();
    let header = (0..320).step_by(5);
    let others = used.iter().copied().step_by(used.len() / 150);
    let mut kept = 0;
    let positions: Vec<usize> = header.chain(others).collect();
    for position in &positions {
        let mut damaged = original.clone();
        damaged[*position] ^= if position % 2 == 0 { 1 } else { 0xff };
        fs::write(folder.join("pages.redb"), damaged).unwrap();
        fs::write(folder.join("last-purge"), &guard).unwrap();
        kept += usize::from(check(&folder, &format!("a flip of byte {position}")));
    }
    assert!(kept * 2 > positions.len(), "{kept} of {} files kept their pages", positions.len());
}

pub(crate) fn missing_purge_number_empties_the_folder() {
    let directory = Directory::new();
    folder_with_entries(directory.path());
    fs::write(directory.path().join("last-purge"), [7; 16]).unwrap();
    assert!(!check(directory.path(), "a damaged number"));
}

/// The engine returns to an earlier transaction if the header of its file is damaged.
pub(crate) fn older_file_restores_no_purged_page() {
    let directory = Directory::new();
    let file = directory.path().join("pages.redb");
    let older = System::new().block_on(async {
        let store = open(directory.path(), CAPACITY).await;
        put(&store, "purged", vec![1; 5000]).await;
        put(&store, "kept", vec![2; 5000]).await;
        drop(store);
        let older = fs::read(&file).unwrap();
        let store = open(directory.path(), CAPACITY).await;
        assert!(bytes(&store, "purged").await.is_some());
        store.purge(purge_of("tag purged", false)).await.unwrap();
        older
    });
    fs::write(&file, older).unwrap();
    assert!(!check(directory.path(), "a return to an earlier transaction"));
}

pub(crate) fn folder_that_cannot_be_created_is_a_miss() {
    let directory = Directory::new();
    let file = directory.path().join("file");
    fs::write(&file, "not a folder").unwrap();
    System::new().block_on(async {
        let store = DiskStore::open(file.join("cache"), CAPACITY).unwrap();
        let sequence = sequence(&store).await;
        assert!(store.put(entry("page", "1", sequence)).await.is_err());
        assert_eq!(bytes(&store, "page").await, None);
        assert!(store.purge(purge_of("all", false)).await.is_err());
    });
}
