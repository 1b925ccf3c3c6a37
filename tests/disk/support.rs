//! Calls of a store.

use std::time::{Duration, Instant};

use cache_page::{
    DiskStore,
    remote::{
        GetRequest, Id, PurgeRequest, PurgeScope, PutRequest, PutResult, RemoteEntry, RemoteStore as _,
    },
};

pub(crate) const LONG: Duration = Duration::from_secs(600);
pub(crate) const CAPACITY: u64 = 64 << 20;

pub(crate) fn id(name: &str) -> Id {
    let mut bytes = [0; 16];
    let length = name.len().min(16);
    bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
    Id(bytes)
}

pub(crate) fn entry(name: &str, bytes: impl Into<Vec<u8>>, purge_seq: u64) -> PutRequest {
    PutRequest {
        key: id(name),
        bytes: bytes.into(),
        purge_keys: vec![id(&format!("tag {name}")), id("all")],
        path: format!("/{name}"),
        purge_seq,
        started: Duration::ZERO,
        fresh_for: Some(LONG),
        ttl: LONG,
        owner: None,
    }
}

/// Opens a store, and waits until its file is open.
pub(crate) async fn open(folder: &std::path::Path, capacity: u64) -> DiskStore {
    let store = DiskStore::open(folder, capacity).unwrap();
    let start = Instant::now();
    loop {
        let sequence = sequence(&store).await;
        if store.put(entry("is it open?", "", sequence)).await.is_ok() || start.elapsed() > LONG / 20 {
            return store;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) async fn sequence(store: &DiskStore) -> u64 {
    store.poll_changes(None, Duration::ZERO).await.unwrap().sequence
}

pub(crate) async fn put(store: &DiskStore, name: &str, bytes: impl Into<Vec<u8>>) {
    let sequence = sequence(store).await;
    let result = store.put(entry(name, bytes, sequence)).await;
    assert_eq!(result, Ok(PutResult::Stored));
}

pub(crate) async fn get(store: &DiskStore, name: &str) -> Option<RemoteEntry> {
    let request = GetRequest { key: id(name), if_version: None, purge_keys: Vec::new(), lease: None };
    store.get(request).await.unwrap().entry
}

pub(crate) async fn bytes(store: &DiskStore, name: &str) -> Option<Vec<u8>> {
    get(store, name).await.map(|entry| entry.bytes.unwrap().to_vec())
}

pub(crate) fn purge_of(tag: &str, expire: bool) -> PurgeRequest {
    let scope = PurgeScope::Keys(vec![id(tag)]);
    PurgeRequest { min_sequence: 0, expire, scope, message: b"purge".to_vec() }
}

/// Waits until what was put before is in the file: a purge is written after it.
pub(crate) async fn flush(store: &DiskStore) {
    store.purge(purge_of("nothing", false)).await.unwrap();
}
