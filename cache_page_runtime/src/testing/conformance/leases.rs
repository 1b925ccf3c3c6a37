//! Leases: one process runs the handler and the others wait, but never for a lease that has ended.

use std::time::Duration;

use super::{Harness, LONG, Process, SHORT, entry, eventually, id, keys};
use crate::remote::{GetResponse, Id, Lease, LeaseStatus, PutRequest, PutResult, ReleaseReason, RemoteStore};

pub(super) async fn run<S: RemoteStore>(harness: &Harness<'_, S>) {
    is_acquired_by_the_first_caller(harness).await;
    belongs_to_one_key(harness).await;
    ends_when_it_is_released(harness).await;
    is_uncoalesced_after_an_uncacheable_response(harness).await;
    ends_when_its_owner_puts(harness).await;
    ends_when_a_put_is_rejected(harness).await;
    ends_after_its_ttl(harness).await;
    is_not_acquired_for_a_fresh_entry(harness).await;
    is_acquired_for_a_stale_entry(harness).await;
    is_acquired_by_the_next_caller(harness).await;
}

impl<S: RemoteStore> Process<S> {
    async fn lookup_as(&self, key: Id, owner: &str, ttl: Duration) -> GetResponse {
        self.lookup(key, Some(Lease { owner: id(owner), ttl })).await
    }

    /// Requests the lease on a key.
    async fn acquire(&self, key: Id, owner: &str) -> LeaseStatus {
        self.lookup_as(key, owner, LONG).await.lease
    }
}

async fn is_acquired_by_the_first_caller<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (one, other) = harness.two_processes().await;
    one.lookup(id("entry"), None).await;
    assert_eq!(one.acquire(id("entry"), "one").await, LeaseStatus::Acquired, "the first request");
    for _ in 0..2 {
        assert_eq!(other.acquire(id("entry"), "other").await, LeaseStatus::Held, "another owner's request");
        assert_eq!(one.acquire(id("entry"), "one").await, LeaseStatus::Acquired, "the owner's renewal");
    }
    other.lookup(id("entry"), None).await;
    let status = one.acquire(id("entry"), "one").await;
    assert_eq!(status, LeaseStatus::Acquired, "the owner's renewal after a lookup without a lease");
}

async fn belongs_to_one_key<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (one, other) = harness.two_processes().await;
    for index in 0..20 {
        let key = id(&format!("entry {index}"));
        assert_eq!(one.acquire(key, "one").await, LeaseStatus::Acquired, "the first request for a key");
    }
    let status = other.acquire(id("another"), "other").await;
    assert_eq!(status, LeaseStatus::Acquired, "the first request for another key");
    let status = other.acquire(id("entry 7"), "other").await;
    assert_eq!(status, LeaseStatus::Held, "another owner's request");
}

async fn ends_when_it_is_released<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (one, other) = harness.two_processes().await;
    one.acquire(id("entry"), "one").await;
    other.release(id("entry"), id("other"), ReleaseReason::Retry).await;
    other.release(id("entry"), id("other"), ReleaseReason::Uncacheable(LONG)).await;
    let status = other.acquire(id("entry"), "other").await;
    assert_eq!(status, LeaseStatus::Held, "after a release by another owner");
    one.release(id("entry"), id("one"), ReleaseReason::Retry).await;
    let status = other.acquire(id("entry"), "other").await;
    assert_eq!(status, LeaseStatus::Acquired, "after a release by the owner");
    assert_eq!(one.acquire(id("entry"), "one").await, LeaseStatus::Held, "the previous owner's request");
    one.release(id("entry"), id("one"), ReleaseReason::Retry).await;
    let status = one.acquire(id("entry"), "one").await;
    assert_eq!(status, LeaseStatus::Held, "after a second release by the previous owner");
    one.release(id("none"), id("one"), ReleaseReason::Retry).await;
    let status = one.acquire(id("none"), "one").await;
    assert_eq!(status, LeaseStatus::Acquired, "after a release without a lease");
}

async fn is_uncoalesced_after_an_uncacheable_response<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    one.acquire(id("entry"), "one").await;
    one.release(id("entry"), id("one"), ReleaseReason::Uncacheable(LONG)).await;
    for (process, owner) in [(&one, "one"), (&other, "other"), (&other, "third")] {
        let status = process.acquire(id("entry"), owner).await;
        assert_eq!(status, LeaseStatus::Uncoalesced, "after an uncacheable response");
    }
    one.acquire(id("short"), "one").await;
    one.release(id("short"), id("one"), ReleaseReason::Uncacheable(SHORT)).await;
    eventually("the lease is acquired after the time of an uncacheable response", async || {
        other.acquire(id("short"), "other").await == LeaseStatus::Acquired
    })
    .await;
    let sequence = one.current_sequence().await;
    let result = one.put(entry(id("entry"), &["a"], sequence)).await;
    assert_eq!(result, PutResult::Stored, "put after an uncacheable response");
    assert!(other.contains(id("entry")).await, "an entry after an uncacheable response is missing");
}

async fn ends_when_its_owner_puts<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let sequence = one.current_sequence().await;
    // The lease on a stale entry can be acquired.
    let stale = |owner: Option<&str>| PutRequest {
        fresh_for: Some(Duration::ZERO),
        owner: owner.map(id),
        ..entry(id("entry"), &["a"], sequence)
    };
    one.acquire(id("entry"), "one").await;
    other.put(stale(Some("other"))).await;
    other.put(stale(None)).await;
    let status = other.acquire(id("entry"), "other").await;
    assert_eq!(status, LeaseStatus::Held, "after puts by another owner and by none");
    assert_eq!(one.put(stale(Some("one"))).await, PutResult::Stored, "put by the owner");
    let status = other.acquire(id("entry"), "other").await;
    assert_eq!(status, LeaseStatus::Acquired, "after a put by the owner");
    assert_eq!(one.acquire(id("entry"), "one").await, LeaseStatus::Held, "the previous owner's request");
}

async fn ends_when_a_put_is_rejected<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let before = one.current_sequence().await;
    one.acquire(id("entry"), "one").await;
    other.purge(keys(&["a"])).await;
    let request = PutRequest { owner: Some(id("one")), ..entry(id("entry"), &["a"], before) };
    assert_eq!(one.put(request).await, PutResult::Purged, "put before a purge");
    let status = other.acquire(id("entry"), "other").await;
    assert_eq!(status, LeaseStatus::Acquired, "after a put that was purged");
    let sequence = one.current_sequence().await;
    one.acquire(id("both"), "one").await;
    other.put(entry(id("both"), &["b"], sequence)).await;
    let started = Duration::from_secs(20);
    let request = PutRequest { started, owner: Some(id("one")), ..entry(id("both"), &["b"], sequence) };
    assert_eq!(one.put(request).await, PutResult::Superseded, "put of an earlier fill");
    other.purge(keys(&["b"])).await;
    let status = other.acquire(id("both"), "other").await;
    assert_eq!(status, LeaseStatus::Acquired, "after a put that was superseded");
}

async fn ends_after_its_ttl<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (one, other) = harness.two_processes().await;
    let status = one.lookup_as(id("entry"), "one", SHORT).await.lease;
    assert_eq!(status, LeaseStatus::Acquired, "the first request");
    eventually("a lease is acquired by another owner after its TTL", async || {
        other.acquire(id("entry"), "other").await == LeaseStatus::Acquired
    })
    .await;
    assert_eq!(one.acquire(id("entry"), "one").await, LeaseStatus::Held, "the previous owner's request");
    one.release(id("entry"), id("one"), ReleaseReason::Retry).await;
    let status = one.acquire(id("entry"), "one").await;
    assert_eq!(status, LeaseStatus::Held, "after the release of an expired lease");
}

async fn is_not_acquired_for_a_fresh_entry<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let sequence = one.current_sequence().await;
    one.put(entry(id("entry"), &["a"], sequence)).await;
    one.put(PutRequest { fresh_for: None, ..entry(id("never stale"), &["a"], sequence) }).await;
    for name in ["entry", "never stale"] {
        let found = one.lookup_as(id(name), "one", LONG).await.entry;
        assert!(found.is_some(), "a fresh entry is missing in a lookup with a lease");
    }
    other.purge(keys(&["a"])).await;
    for name in ["entry", "never stale"] {
        let status = other.acquire(id(name), "other").await;
        assert_eq!(status, LeaseStatus::Acquired, "a lookup of a fresh entry has acquired its lease");
    }
}

async fn is_acquired_for_a_stale_entry<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let sequence = one.current_sequence().await;
    one.put(PutRequest { fresh_for: Some(SHORT), ..entry(id("stale"), &["a"], sequence) }).await;
    one.put(entry(id("expired"), &["b"], sequence)).await;
    other.soft_purge(keys(&["b"])).await;
    eventually("the lease on a stale entry is acquired", async || {
        one.acquire(id("stale"), "one").await == LeaseStatus::Acquired
    })
    .await;
    for name in ["stale", "expired"] {
        for (process, owner, expected) in
            [(&one, "one", LeaseStatus::Acquired), (&other, "other", LeaseStatus::Held)]
        {
            let response = process.lookup_as(id(name), owner, LONG).await;
            assert_eq!(response.lease, expected, "the lease on a {name} entry, for {owner:?}");
            assert!(response.entry.is_some(), "a {name} entry is missing in a lookup with a lease");
        }
    }
    one.put(PutRequest { owner: Some(id("one")), ..entry(id("stale"), &["a"], sequence) }).await;
    assert!(other.contains(id("stale")).await, "a refreshed entry is missing");
}

async fn is_acquired_by_the_next_caller<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let sequence = one.current_sequence().await;
    one.acquire(id("entry"), "one").await;
    for owner in ["second", "third", "fourth"] {
        assert_eq!(other.acquire(id("entry"), owner).await, LeaseStatus::Held, "another owner's request");
    }
    one.release(id("entry"), id("one"), ReleaseReason::Retry).await;
    let status = other.acquire(id("entry"), "third").await;
    assert_eq!(status, LeaseStatus::Acquired, "the first request after the release");
    assert_eq!(other.acquire(id("entry"), "second").await, LeaseStatus::Held, "another owner's request");
    other.put(PutRequest { owner: Some(id("third")), ..entry(id("entry"), &["a"], sequence) }).await;
    let found = one.lookup_as(id("entry"), "one", LONG).await.entry;
    assert!(found.is_some(), "the entry that other processes waited for is missing");
}
