//! Soft purges: entries stay, and are reported as expired.

use std::time::Duration;

use super::{Harness, entry, has_bytes, id, keys, prefix};
use crate::remote::{PutRequest, PutResult, RemoteStore};

pub(super) async fn run<S: RemoteStore>(harness: &Harness<'_, S>) {
    expires_entries(harness).await;
    does_not_expire_other_entries(harness).await;
    rejects_entries_of_earlier_fills(harness).await;
    does_not_restore_purged_entries(harness).await;
}

async fn expires_entries<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    for scope in [|| keys(&["a"]), || keys(&["b"]), || keys(&["c", "a"]), || prefix("/post")] {
        let sequence = one.current_sequence().await;
        one.put(entry(id("entry"), &["a", "b"], sequence)).await;
        let found = other.get(id("entry")).await;
        assert!(found.is_some_and(|found| found.expired.is_none()), "an entry after a soft purge is expired");
        other.soft_purge(scope()).await;
        for process in [&one, &other] {
            let found = process.get(id("entry")).await;
            assert!(found.is_some(), "the soft purge of {:?} removed an entry", scope());
            let times = found.and_then(|found| Some((found.expired?, found.age)));
            assert!(times.is_some(), "the soft purge of {:?} did not expire an entry", scope());
            let in_order = times.is_some_and(|(expired, age)| expired <= age + Duration::from_secs(1));
            assert!(in_order, "an entry was expired before it was put: {times:?}");
        }
        other.purge(keys(&["c"])).await;
        other.soft_purge(keys(&["c"])).await;
        let found = one.get(id("entry")).await;
        assert!(
            found.is_some_and(|found| found.expired.is_some()),
            "an entry is no longer expired after purges that do not match it"
        );
    }
}

async fn does_not_expire_other_entries<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let sequence = one.current_sequence().await;
    one.put(entry(id("entry"), &["a", "b"], sequence)).await;
    other.soft_purge(keys(&["c", "entry"])).await;
    other.soft_purge(prefix("/posts/2")).await;
    other.soft_purge(prefix("/p*")).await;
    let found = one.get(id("entry")).await;
    assert!(
        found.is_some_and(|found| found.expired.is_none()),
        "a soft purge that does not match an entry has expired or removed it"
    );
}

async fn rejects_entries_of_earlier_fills<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, mut other) = harness.two_processes().await;
    // The first of each pair matches no entry, the second one does.
    for scope in [|| keys(&["a"]), || keys(&["a"]), || prefix("/posts"), || prefix("/posts")] {
        let before = one.current_sequence().await;
        other.soft_purge(scope()).await;
        let bytes = b"older".to_vec();
        let request = PutRequest { bytes, ..entry(id("entry"), &["a"], before) };
        assert_eq!(one.put(request).await, PutResult::Purged, "put before the soft purge of {:?}", scope());
        let found = one.get(id("entry")).await;
        assert!(!has_bytes(found.as_ref(), b"older"), "a rejected entry was stored");
        let after = other.current_sequence().await;
        assert!(after > before, "a soft purge did not increase the sequence number");
        let result = one.put(entry(id("entry"), &["a"], after)).await;
        assert_eq!(result, PutResult::Stored, "put after the soft purge of {:?}", scope());
        let found = other.get(id("entry")).await;
        assert!(
            found.is_some_and(|found| found.expired.is_none()),
            "an entry that reflects a soft purge is expired"
        );
    }
}

async fn does_not_restore_purged_entries<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    for scope in [|| keys(&["a"]), || prefix("/posts")] {
        let sequence = one.current_sequence().await;
        one.put(entry(id("entry"), &["a"], sequence)).await;
        other.purge(scope()).await;
        other.soft_purge(scope()).await;
        assert!(!one.contains(id("entry")).await, "an entry after the purge and soft purge of {:?}", scope());
        let sequence = one.current_sequence().await;
        one.put(entry(id("entry"), &["a"], sequence)).await;
        other.soft_purge(scope()).await;
        other.purge(scope()).await;
        assert!(!one.contains(id("entry")).await, "an entry after the soft purge and purge of {:?}", scope());
    }
}
