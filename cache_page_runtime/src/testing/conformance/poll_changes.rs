//! Changes: a process receives every purge, or an incomplete batch.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Harness, LIMIT, LONG, Process, SHORT, complete, entry, id, keys, prefix};
use crate::remote::{
    Change, ChangeBatch, GetRequest, GetResponse, Lease, LeaseStatus, PutRequest, PutResult, RemoteStore,
};

pub(super) async fn run<S: RemoteStore>(harness: &Harness<'_, S>) {
    returns_the_message_of_a_purge(harness).await;
    returns_purges_in_order(harness).await;
    returns_each_purge_to_all_processes(harness).await;
    returns_the_sequence_number(harness).await;
    waits_for_changes(harness).await;
    does_not_block_other_calls(harness).await;
    reports_missing_purges(harness).await;
    reports_awaited_entries_only(harness).await;
}

/// Returns the messages of the purges of a batch.
fn messages(batch: &ChangeBatch) -> Vec<Vec<u8>> {
    let message = |change: &Change| match change {
        Change::Purged(message) => Some(message.clone()),
        Change::Filled(_) => None,
    };
    batch.changes.iter().filter_map(message).collect()
}

async fn returns_the_message_of_a_purge<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let payloads =
        [b"message".to_vec(), vec![0], every_byte.clone(), every_byte.repeat(16), b"\r\n'\"\\%s".to_vec()];
    for (index, payload) in payloads.into_iter().enumerate() {
        let scope = if index % 2 == 0 { keys(&["a"]) } else { prefix("/p") };
        other.send_purge(scope, index % 2 == 1, &payload).await;
        let batch = one.poll(Duration::ZERO).await;
        assert!(batch.complete, "the batch after a purge is incomplete");
        assert_eq!(messages(&batch), [payload], "the messages after a purge");
        let batch = one.poll(Duration::ZERO).await;
        assert!(batch.complete && messages(&batch).is_empty(), "a purge was returned twice");
    }
}

async fn returns_purges_in_order<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, mut other) = harness.two_processes().await;
    let all: Vec<Vec<u8>> = (0..50_u8).map(|index| vec![index]).collect();
    for (index, payload) in all.iter().enumerate() {
        let purger = if index % 3 == 0 { &one } else { &other };
        purger.send_purge(keys(&["a"]), index % 2 == 1, payload).await;
    }
    for process in [&mut one, &mut other] {
        let batch = process.poll(Duration::ZERO).await;
        assert!(batch.complete, "the batch after 50 purges is incomplete");
        assert_eq!(messages(&batch), all, "the messages of 50 purges, those of the process included");
    }
}

async fn returns_each_purge_to_all_processes<S: RemoteStore>(harness: &Harness<'_, S>) {
    let namespace = harness.namespace();
    let mut processes = Vec::new();
    for _ in 0..4 {
        processes.push(harness.process(&namespace).await);
    }
    let first = processes[0].cursor.clone();
    for payload in [b"one", b"two"] {
        processes[3].send_purge(keys(&["a"]), false, payload).await;
        for process in &mut processes {
            let batch = process.poll(Duration::ZERO).await;
            assert!(batch.complete, "the batch after a purge is incomplete");
            assert_eq!(messages(&batch), [payload.to_vec()], "the messages of each of four processes");
        }
    }
    processes[1].cursor = first;
    let batch = processes[1].poll(Duration::ZERO).await;
    let holds = !batch.complete || messages(&batch) == [b"one".to_vec(), b"two".to_vec()];
    assert!(holds, "the batch after an earlier cursor lacks purges");
    let late = harness.process(&namespace).await;
    assert!(late.sequence >= processes[0].sequence, "a new process gets an earlier sequence number");
}

async fn returns_the_sequence_number<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, mut other) = harness.two_processes().await;
    let before = one.sequence;
    other.purge(keys(&["a"])).await;
    let batch = one.poll(Duration::ZERO).await;
    assert_eq!(messages(&batch).len(), 1, "the messages after one purge");
    assert!(batch.sequence > before, "a purge did not increase the sequence number");
    let result = one.put(entry(id("entry"), &["a"], batch.sequence)).await;
    assert_eq!(result, PutResult::Stored, "put with the sequence number of the last purge");
    assert_eq!(other.current_sequence().await, batch.sequence, "the sequence number of the other process");
    let next = one.poll(Duration::ZERO).await;
    assert_eq!(next.sequence, batch.sequence, "the sequence number without a further purge");
}

/// The cache polls in a loop, so a poll that does not wait uses a whole processor.
async fn waits_for_changes<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, _other) = harness.two_processes().await;
    for wait in [Duration::ZERO, SHORT, SHORT * 4] {
        let started_at = Instant::now();
        let batch = one.poll(wait).await;
        assert!(batch.complete && batch.changes.is_empty(), "the batch without a purge");
        assert!(started_at.elapsed() >= wait / 2, "a poll did not wait {wait:?} for changes");
    }
}

async fn does_not_block_other_calls<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    for round in 0..5 {
        let (store, cursor) = (Arc::clone(&one.store), one.cursor.clone());
        let wait = Duration::from_secs(2);
        let poll =
            tokio::spawn(
                async move { complete("poll_changes", store.poll_changes(Some(cursor), wait)).await },
            );
        if round > 0 {
            tokio::time::sleep(SHORT).await;
        }
        let sequence = one.sequence;
        one.put(entry(id("entry"), &["a"], sequence)).await;
        assert!(one.get(id("entry")).await.is_some(), "`get` failed during a poll");
        other.send_purge(keys(&["a"]), false, b"message").await;
        let batch = poll.await;
        assert!(batch.is_ok(), "`poll_changes` panicked");
        if let Ok(batch) = batch {
            one.cursor = batch.cursor.clone();
            one.sequence = batch.sequence;
            assert!(batch.complete, "the batch of a poll during which a purge was executed is incomplete");
            let mut received = messages(&batch);
            if received.is_empty() {
                // The poll had completed before the purge.
                received = messages(&one.poll(Duration::ZERO).await);
            }
            assert_eq!(received, [b"message".to_vec()], "the messages after a purge during a poll");
        }
    }
}

/// A store may limit the length of its log.
async fn reports_missing_purges<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let first = one.cursor.clone();
    let mut all: Vec<Vec<u8>> = Vec::new();
    for count in [1, 30, 300, 5000] {
        while all.len() < count {
            let payload = all.len().to_le_bytes().to_vec();
            other.send_purge(keys(&["a"]), false, &payload).await;
            all.push(payload);
        }
        one.cursor = first.clone();
        let batch = one.poll(Duration::ZERO).await;
        let holds = !batch.complete || messages(&batch) == all;
        assert!(holds, "a complete batch has {} of {count} purges", messages(&batch).len());
        other.send_purge(keys(&["a"]), false, b"one more").await;
        all.push(b"one more".to_vec());
        let batch = one.poll(Duration::ZERO).await;
        assert!(batch.complete, "the batch after an incomplete one is incomplete");
        assert_eq!(messages(&batch), [b"one more".to_vec()], "the messages of the next batch");
    }
}

async fn reports_awaited_entries_only<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, mut other) = harness.two_processes().await;
    let sequence = one.current_sequence().await;
    let lookup = async |process: &Process<S>, owner| -> GetResponse {
        let lease = Some(Lease { owner: id(owner), ttl: LONG });
        let request = GetRequest { key: id("entry"), if_version: None, purge_keys: Vec::new(), lease };
        complete("get", process.store.get(request)).await
    };
    assert_eq!(lookup(&one, "one").await.lease, LeaseStatus::Acquired, "the first request");
    assert_eq!(lookup(&other, "other").await.lease, LeaseStatus::Held, "another owner's request");
    one.put(PutRequest { owner: Some(id("one")), ..entry(id("entry"), &["a"], sequence) }).await;
    one.put(entry(id("another"), &["a"], sequence)).await;
    let started_at = Instant::now();
    while lookup(&other, "other").await.entry.is_none() {
        assert!(started_at.elapsed() < LIMIT, "a process that polls does not find the entry");
    }
    let batch = other.poll(Duration::ZERO).await;
    assert!(batch.complete && messages(&batch).is_empty(), "the batch without a purge");
    let has_others = batch.changes.iter().any(|change| *change != Change::Filled(id("entry")));
    assert!(!has_others, "changes of entries that no process waits for: {:?}", batch.changes);
}
