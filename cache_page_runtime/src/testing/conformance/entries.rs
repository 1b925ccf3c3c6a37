//! Entries: `get` returns what was put, until its TTL has elapsed.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::{Harness, LIMIT, LONG, SHORT, connect, entry, eventually, has_bytes, id, keys};
use crate::remote::{GetRequest, PurgeRequest, PutRequest, PutResult, ReleaseReason, RemoteStore};

pub(super) async fn run<S: RemoteStore>(harness: &Harness<'_, S>) {
    returns_the_same_bytes(harness).await;
    returns_the_age(harness).await;
    replaces_an_earlier_entry(harness).await;
    removes_an_entry_after_its_ttl(harness).await;
    keeps_purge_keys_as_long_as_entries(harness).await;
    does_not_replace_a_later_fill(harness).await;
    separates_namespaces(harness).await;
    survives_a_reset_of_connections(harness).await;
    survives_dropped_calls(harness).await;
}

async fn returns_the_same_bytes<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let sequence = one.current_sequence().await;
    assert!(!other.contains(id("none")).await, "`get` returned an entry that was never put");
    let every_byte: Vec<u8> = (0..=u8::MAX).cycle().take(1 << 20).collect();
    let contents = [Vec::new(), vec![0], b"\r\n$1\r\n\0'\"\\%".to_vec(), every_byte];
    for (index, bytes) in contents.into_iter().enumerate() {
        let key = id(&format!("entry {index}"));
        let request = PutRequest { bytes: bytes.clone(), ..entry(key, &["a", "b"], sequence) };
        assert_eq!(one.put(request).await, PutResult::Stored, "put of {} bytes", bytes.len());
        for process in [&one, &other] {
            let found = process.get(key).await;
            assert!(found.is_some(), "an entry of {} bytes was put and is missing", bytes.len());
            assert!(has_bytes(found.as_ref(), &bytes), "an entry of {} bytes has changed", bytes.len());
            assert!(found.is_some_and(|found| found.expired.is_none()), "a new entry is expired");
        }
    }
}

async fn returns_the_age<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let sequence = one.current_sequence().await;
    let started_at = Instant::now();
    one.put(entry(id("entry"), &["a"], sequence)).await;
    sleep(SHORT).await;
    let age = other.get(id("entry")).await.map(|found| found.age).unwrap_or_default();
    // The clock of the server may be coarse, and differs from this one.
    assert!(age >= SHORT / 2, "the age of an entry is {age:?}, {SHORT:?} after it was put");
    let max = started_at.elapsed() + Duration::from_secs(1);
    assert!(age <= max, "the age of an entry is {age:?}, at most {max:?} after it was put");
}

async fn replaces_an_earlier_entry<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let sequence = one.current_sequence().await;
    for bytes in [b"the first".to_vec(), b"the second one".to_vec(), b"3".to_vec()] {
        let request = PutRequest { bytes: bytes.clone(), ..entry(id("entry"), &["a"], sequence) };
        assert_eq!(one.put(request).await, PutResult::Stored, "put of a later fill");
        let found = other.get(id("entry")).await;
        assert!(has_bytes(found.as_ref(), &bytes), "`get` did not return the entry that was put last");
    }
}

async fn removes_an_entry_after_its_ttl<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let sequence = one.current_sequence().await;
    one.put(PutRequest { ttl: SHORT, ..entry(id("short"), &["a"], sequence) }).await;
    one.put(PutRequest { fresh_for: None, ..entry(id("long"), &["a"], sequence) }).await;
    eventually("an entry is removed after its TTL", async || !other.contains(id("short")).await).await;
    assert!(other.contains(id("long")).await, "an entry was removed with another one of the same purge key");
    assert!(!one.contains(id("short")).await, "a removed entry is back");
}

/// A store may keep data for each purge key. It has to live as long as all entries with that key.
async fn keeps_purge_keys_as_long_as_entries<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let sequence = one.current_sequence().await;
    one.put(PutRequest { ttl: SHORT, ..entry(id("first"), &["a"], sequence) }).await;
    one.put(entry(id("long"), &["a"], sequence)).await;
    one.put(PutRequest { ttl: SHORT, ..entry(id("last"), &["a"], sequence) }).await;
    eventually("entries are removed after their TTL", async || {
        !other.contains(id("first")).await && !other.contains(id("last")).await
    })
    .await;
    assert!(other.contains(id("long")).await, "an entry was removed with others of the same purge key");
    one.purge(keys(&["a"])).await;
    assert!(!other.contains(id("long")).await, "a purge key does not match after another entry has expired");
}

async fn does_not_replace_a_later_fill<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let sequence = one.current_sequence().await;
    let started = Duration::from_secs(20);
    let lifetimes = [Some(LONG), None];
    for (index, fresh_for) in lifetimes.into_iter().enumerate() {
        let key = id(&format!("entry {index}"));
        let later =
            PutRequest { started, fresh_for, bytes: b"later".to_vec(), ..entry(key, &["a"], sequence) };
        one.put(later).await;
        let earlier =
            PutRequest { started: started * 2, bytes: b"earlier".to_vec(), ..entry(key, &["a"], sequence) };
        assert_eq!(
            other.put(earlier).await,
            PutResult::Superseded,
            "put of a fill that started before that of the fresh entry"
        );
        let found = other.get(key).await;
        assert!(has_bytes(found.as_ref(), b"later"), "a superseded entry was stored");
        let latest = PutRequest { started: started / 2, ..entry(key, &["a"], sequence) };
        assert_eq!(
            other.put(latest).await,
            PutResult::Stored,
            "put of a fill that started after that of the stored entry"
        );
    }
    one.put(PutRequest { fresh_for: Some(Duration::ZERO), ..entry(id("stale"), &["a"], sequence) }).await;
    let earlier = PutRequest { started, ..entry(id("stale"), &["a"], sequence) };
    assert_eq!(other.put(earlier).await, PutResult::Stored, "put over a stale entry");
}

/// Uses prefixes that are easily confused when they are concatenated with something else.
async fn separates_namespaces<S: RemoteStore>(harness: &Harness<'_, S>) {
    let base = harness.namespace();
    let prefixes = ["", ":", "}", "{", "%", "*", "_", "ü", "-longer"].map(|end| format!("{base}{end}"));
    let mut processes = Vec::new();
    for prefix in &prefixes {
        processes.push(harness.process(prefix).await);
    }
    for index in 0..processes.len() {
        let sequence = processes[index].current_sequence().await;
        for (other, process) in processes.iter().enumerate() {
            assert_eq!(
                process.contains(id("entry")).await,
                other < index,
                "the entry of {:?}, in {:?}",
                prefixes[index],
                prefixes[other]
            );
        }
        processes[index].put(entry(id("entry"), &["a"], sequence)).await;
    }
    processes[0].send_purge(keys(&["a"]), false, b"message").await;
    for (index, process) in processes.iter_mut().enumerate() {
        let prefix = &prefixes[index];
        let contains = process.contains(id("entry")).await;
        assert_eq!(contains, index > 0, "an entry in {prefix:?}, after a purge in {base:?}");
        let batch = process.poll(Duration::ZERO).await;
        assert_eq!(batch.changes.is_empty(), index > 0, "changes in {prefix:?}, after a purge in {base:?}");
        assert!(batch.complete, "a batch in {prefix:?} is incomplete");
    }
}

async fn survives_a_reset_of_connections<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let sequence = one.current_sequence().await;
    one.put(entry(id("entry"), &["a"], sequence)).await;
    one.store.reset_connections();
    let batch = connect(&*one.store, Some(one.cursor.clone())).await;
    assert!(batch.complete, "the batch after `reset_connections` is incomplete");
    assert!(
        one.contains(id("entry")).await && other.contains(id("entry")).await,
        "an entry was lost by `reset_connections`"
    );
}

/// The cache drops calls that time out, at any point.
async fn survives_dropped_calls<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let sequence = one.current_sequence().await;
    for index in 0..20 {
        let key = id(&format!("entry {index}"));
        let store = &*one.store;
        let get = GetRequest { key, if_version: None, purge_keys: Vec::new(), lease: None };
        let purge = PurgeRequest {
            min_sequence: sequence,
            expire: false,
            scope: keys(&["other"]),
            message: b"other".to_vec(),
        };
        let time = Duration::from_micros(index * 50);
        let _ = timeout(time, store.get(get)).await;
        let _ = timeout(time, store.put(entry(key, &["a"], sequence))).await;
        let _ = timeout(time, store.release(key, id("one"), ReleaseReason::Retry)).await;
        let _ = timeout(time, store.purge(purge)).await;
        let _ = timeout(time, store.poll_changes(Some(one.cursor.clone()), SHORT)).await;
    }
    let batch = connect(&*one.store, Some(one.cursor.clone())).await;
    let last = PutRequest { bytes: b"the last".to_vec(), ..entry(id("last"), &["a"], batch.sequence) };
    // The store may still execute a dropped purge.
    let started_at = Instant::now();
    loop {
        let purge_seq = one.current_sequence().await;
        if one.put(PutRequest { purge_seq, ..last.clone() }).await == PutResult::Stored {
            break;
        }
        assert!(started_at.elapsed() < LIMIT, "after dropped calls, the store rejects all entries");
    }
    for process in [&one, &other] {
        let found = process.get(id("last")).await;
        assert!(has_bytes(found.as_ref(), b"the last"), "`get` returned the result of a dropped call");
    }
}
