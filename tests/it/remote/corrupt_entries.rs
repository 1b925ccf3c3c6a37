//! Entries of the remote store that this cache did not write, or not under this key: no client gets them.

use cache_page::Outcome;

use super::{POST, VARIED, connect, process, remote_only, two_processes};
use crate::support::{Behavior, Method, TestResponse};

#[track_caller]
fn assert_corrupt(response: &TestResponse, body: &str) {
    response.assert_outcome(Outcome::Stored).assert_detail("remote-corrupt");
    response.assert_status(200).assert_body(body);
}

/// Returns changed and truncated copies of the bytes.
fn corruptions(good: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new(), b"garbage".to_vec(), vec![0; 5000], [good, b"x"].concat()];
    all.extend((0..good.len()).step_by(7).map(|end| good[..end].to_vec()));
    all.extend((0..good.len()).step_by(5).chain(0..20).map(|place| {
        let mut bytes = good.to_vec();
        bytes[place] ^= 1 << (place % 8);
        bytes
    }));
    all
}

#[actix_web::test]
async fn changed_or_truncated_entry_is_not_served() {
    let (backend, one, _) = two_processes().await;
    let other = remote_only("other", &backend).await;
    one.fill(one.get(POST)).await;
    let good = backend.bytes();
    // The page would replace the corrupt one.
    other.store().set_behavior(&[Method::Put], Behavior::Rejects);
    for (bytes, run) in corruptions(&good).into_iter().zip(1..) {
        backend.corrupt(|_| bytes.clone());
        assert_corrupt(&other.get(POST).await, &format!("page {run} of other"));
        assert_eq!(other.remote_stats().corrupt, run);
        // It is released in the background.
        backend.release_leases();
    }
    backend.corrupt(|_| good.clone());
    other.get(POST).await.assert_remote_hit().assert_body("page 1 of one");
}

#[actix_web::test]
async fn corrupt_entry_is_replaced() {
    let (backend, one, other) = two_processes().await;
    one.fill(one.get("/")).await;
    backend.corrupt(|bytes| bytes[..bytes.len() / 2].to_vec());
    assert_corrupt(&other.fill(other.get("/")).await, "page 1 of other");
    let third = connect(process("third", &backend)).await;
    third.get("/").await.assert_remote_hit().assert_body("page 1 of other");
}

#[actix_web::test]
async fn entry_in_the_format_of_another_version_is_not_served() {
    let (backend, one, other) = two_processes().await;
    one.fill(one.get("/")).await;
    backend.corrupt(|bytes| {
        let mut bytes = bytes.to_vec();
        bytes[2] = bytes[2].wrapping_add(1);
        bytes
    });
    assert_corrupt(&other.get("/").await, "page 1 of other");
}

/// As if two keys had the same hash.
#[actix_web::test]
async fn entry_of_another_key_is_not_served() {
    let (backend, one, other) = two_processes().await;
    for uri in ["/a", "/b", "/c"] {
        one.fill(one.get(uri)).await;
    }
    backend.swap_entries();
    for (uri, run) in [("/a", 1), ("/b", 2), ("/c", 3)] {
        other.get(uri).await.assert_stored().assert_body(format!("page {run} of other"));
    }
    assert_eq!(other.remote_stats().corrupt, 0, "entries of other keys are not corrupt");
}

#[actix_web::test]
async fn corrupt_names_of_headers_are_replaced() {
    let (backend, one, other) = two_processes().await;
    one.fill(one.get(VARIED)).await;
    backend.corrupt(|bytes| {
        let mut bytes = bytes.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        bytes
    });
    assert_corrupt(&other.fill(other.get(VARIED)).await, "page 1 of other");
    // Both the variant and the names were replaced.
    let third = connect(process("third", &backend)).await;
    third.get(VARIED).await.assert_remote_hit();
}
