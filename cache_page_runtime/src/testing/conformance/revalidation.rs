//! Revalidation: an entry whose version the caller has is sent unless it is unchanged, fresh and not expired.

use actix_web::web::Bytes;

use super::{Harness, Process, SHORT, entry, eventually, has_bytes, id, keys, prefix};
use crate::{
    purge::stable_id,
    remote::{Id, PurgeScope, PutRequest, PutResult, RemoteEntry, RemoteStore, Version},
};

/// A store may revalidate small and large entries in different ways.
const SMALL: &[u8] = b"an entry";
const LARGE: &[u8] = &[7; 20_000];

pub(super) async fn run<S: RemoteStore>(harness: &Harness<'_, S>) {
    sends_an_entry_of_another_version(harness).await;
    sends_an_entry_that_was_replaced(harness).await;
    sends_a_stale_entry(harness).await;
    does_not_confirm_a_purged_entry(harness).await;
}

impl<S: RemoteStore> Process<S> {
    async fn revalidate(&self, key: Id, version: &Version) -> Option<RemoteEntry> {
        self.lookup_version(key, Some(version.clone()), None).await.entry
    }

    /// Returns the version of a stored entry, or an invalid one if the store has no versions.
    async fn version(&self, key: Id) -> Version {
        let found = self.get(key).await;
        assert!(found.is_some(), "an entry was put and is missing");
        found.and_then(|found| found.version).unwrap_or(Version(Bytes::from_static(b"invalid")))
    }
}

/// Returns whether the store has confirmed the version or sent the same bytes.
fn is_unchanged(entry: Option<&RemoteEntry>, bytes: &[u8]) -> bool {
    entry.is_some_and(|entry| entry.bytes.is_none()) || has_bytes(entry, bytes)
}

async fn sends_an_entry_of_another_version<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let sequence = one.current_sequence().await;
    for name in ["one", "other"] {
        one.put(PutRequest { bytes: name.into(), ..entry(id(name), &["a"], sequence) }).await;
    }
    let (version, another) = (one.version(id("one")).await, one.version(id("other")).await);
    for process in [&one, &other] {
        let found = process.revalidate(id("one"), &version).await;
        assert!(is_unchanged(found.as_ref(), b"one"), "the present version was neither confirmed nor sent");
        for version in [&another, &Version(Bytes::new()), &Version(Bytes::from_static(b"\0*\r\n"))] {
            let found = process.revalidate(id("one"), version).await;
            assert!(has_bytes(found.as_ref(), b"one"), "the version of another entry was confirmed");
        }
    }
}

async fn sends_an_entry_that_was_replaced<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let sequence = one.current_sequence().await;
    one.put(entry(id("entry"), &["a"], sequence)).await;
    let first = other.version(id("entry")).await;
    for bytes in [&b"another"[..], b"an entry", LARGE, &[8; LARGE.len()], b""] {
        let version = other.version(id("entry")).await;
        one.put(PutRequest { bytes: bytes.into(), ..entry(id("entry"), &["a"], sequence) }).await;
        let found = other.revalidate(id("entry"), &version).await;
        assert!(has_bytes(found.as_ref(), bytes), "a version was confirmed after the entry was replaced");
    }
    let found = other.revalidate(id("entry"), &first).await;
    assert!(has_bytes(found.as_ref(), b""), "an old version was confirmed");
}

async fn sends_a_stale_entry<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let sequence = one.current_sequence().await;
    for bytes in [SMALL, LARGE] {
        let request = PutRequest {
            bytes: bytes.into(),
            fresh_for: Some(SHORT),
            ..entry(id("stale"), &["a"], sequence)
        };
        one.put(request).await;
        let version = other.version(id("stale")).await;
        eventually("a stale entry is sent even if its version is unchanged", async || {
            has_bytes(other.revalidate(id("stale"), &version).await.as_ref(), bytes)
        })
        .await;
    }
}

/// Creates an entry with purge keys of all kinds.
fn tagged_entry(bytes: &[u8], purge_seq: u64) -> PutRequest {
    let purge_keys = vec![stable_id::all(), stable_id::handler("posts"), id("a"), id("b")];
    PutRequest { bytes: bytes.into(), purge_keys, ..entry(id("entry"), &[], purge_seq) }
}

async fn does_not_confirm_a_purged_entry<S: RemoteStore>(harness: &Harness<'_, S>) {
    for bytes in [SMALL, LARGE] {
        for scope in [
            keys(&["b"]),
            PurgeScope::Keys(vec![stable_id::handler("posts")]),
            PurgeScope::Keys(vec![stable_id::all()]),
            prefix("/post"),
        ] {
            let (mut one, other) = harness.two_processes().await;
            let version = put_and_revalidate(&mut one, &other, bytes).await;
            one.soft_purge(scope.clone()).await;
            let found = other.revalidate(id("entry"), &version).await;
            let is_expired = found.as_ref().is_some_and(|found| found.expired.is_some());
            assert!(
                is_expired && has_bytes(found.as_ref(), bytes),
                "a version was confirmed after the soft purge of {scope:?}"
            );
            let version = put_and_revalidate(&mut one, &other, bytes).await;
            one.purge(scope.clone()).await;
            let found = other.revalidate(id("entry"), &version).await;
            assert!(found.is_none(), "an entry was returned after the purge of {scope:?}");
            let sequence = one.current_sequence().await;
            one.put(tagged_entry(b"another", sequence)).await;
            let found = other.revalidate(id("entry"), &version).await;
            assert!(has_bytes(found.as_ref(), b"another"), "a purged version was confirmed");
        }
    }
}

async fn put_and_revalidate<S: RemoteStore>(
    one: &mut Process<S>,
    other: &Process<S>,
    bytes: &[u8],
) -> Version {
    let sequence = one.current_sequence().await;
    assert_eq!(one.put(tagged_entry(bytes, sequence)).await, PutResult::Stored, "put after all purges");
    let version = other.version(id("entry")).await;
    let found = other.revalidate(id("entry"), &version).await;
    assert!(is_unchanged(found.as_ref(), bytes), "the present version was neither confirmed nor sent");
    version
}
