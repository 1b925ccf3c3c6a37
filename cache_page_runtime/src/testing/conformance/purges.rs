//! Purges: a purged entry is not returned, and an entry of an earlier fill is not stored.

use std::sync::Arc;

use super::{Harness, Process, complete, entry, id, keys, prefix};
use crate::remote::{PurgeRequest, PurgeResult, PurgeScope, PutRequest, PutResult, RemoteStore};

pub(super) async fn run<S: RemoteStore>(harness: &Harness<'_, S>) {
    matches_each_purge_key(harness).await;
    does_not_depend_on_expected_keys(harness).await;
    keeps_entries_that_do_not_match(harness).await;
    matches_all_entries_with_a_key(harness).await;
    rejects_entries_of_earlier_fills(harness).await;
    wins_over_a_concurrent_put(harness).await;
    matches_path_prefixes(harness).await;
    matches_prefixes_literally(harness).await;
    rejects_paths_of_earlier_fills(harness).await;
    assigns_increasing_sequence_numbers(harness).await;
}

async fn matches_each_purge_key<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let all: Vec<String> = (0..140).map(|index| format!("key {index}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    for key in [0, 1, 69, 138, 139].map(|index| all[index]) {
        let sequence = one.current_sequence().await;
        let result = one.put(entry(id("entry"), &all, sequence)).await;
        assert_eq!(result, PutResult::Stored, "put of an entry with 140 purge keys");
        assert!(other.contains(id("entry")).await, "an entry with 140 purge keys is missing");
        other.purge(keys(&[key])).await;
        for process in [&one, &other] {
            assert!(!process.contains(id("entry")).await, "an entry after the purge of its {key}, of 140");
        }
    }
}

/// The purge keys of a lookup are a hint.
async fn does_not_depend_on_expected_keys<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let hints: [&[&str]; 6] = [&[], &["a"], &["c"], &["a", "b", "c"], &["c", "a"], &["b", "b"]];
    for purged in ["a", "b", "c"] {
        let sequence = one.current_sequence().await;
        one.put(entry(id("entry"), &["a", "b", "c"], sequence)).await;
        for expected in hints {
            let found = other.get_expecting(id("entry"), expected).await;
            assert!(found.is_some(), "an entry is missing if the keys {expected:?} are expected");
        }
        one.purge(keys(&[purged])).await;
        for expected in hints {
            for process in [&one, &other] {
                let found = process.get_expecting(id("entry"), expected).await;
                assert!(found.is_none(), "{purged:?} was purged, and the keys {expected:?} are expected");
            }
            let found = other.get_expecting(id("none"), expected).await;
            assert!(found.is_none(), "`get` returned an entry that was never put");
        }
    }
}

async fn keeps_entries_that_do_not_match<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let sequence = one.current_sequence().await;
    one.put(entry(id("entry"), &["a", "b"], sequence)).await;
    other.purge(keys(&["c", "entry", "A"])).await;
    other.purge(PurgeScope::Keys(Vec::new())).await;
    for path in ["/posts/2", "/posts/1/", "/Posts", "posts", "/post/", "/comments"] {
        other.purge(prefix(path)).await;
    }
    assert!(one.contains(id("entry")).await, "an entry was purged that no purge matches");
}

async fn matches_all_entries_with_a_key<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let sequence = one.current_sequence().await;
    let all: Vec<_> = (0..50).map(|index| id(&format!("entry {index}"))).collect();
    for (index, key) in all.iter().enumerate() {
        let purge_key = if index % 2 == 0 { "even" } else { "odd" };
        one.put(entry(*key, &["all", purge_key], sequence)).await;
    }
    let count = async |process: &Process<S>| {
        let mut count = 0;
        for key in &all {
            count += usize::from(process.contains(*key).await);
        }
        count
    };
    assert_eq!(count(&other).await, 50, "entries before a purge");
    other.purge(keys(&["even", "unused"])).await;
    assert_eq!((count(&one).await, count(&other).await), (25, 25), "entries after the purge of one key");
    one.purge(keys(&["all"])).await;
    assert_eq!((count(&one).await, count(&other).await), (0, 0), "entries after the purge of the common key");
}

async fn rejects_entries_of_earlier_fills<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, mut other) = harness.two_processes().await;
    let before = one.current_sequence().await;
    one.put(entry(id("known"), &["known"], before)).await;
    for purge_key in ["unknown", "known"] {
        let before = one.current_sequence().await;
        other.purge(keys(&[purge_key])).await;
        for process in [&one, &other] {
            let result = process.put(entry(id("entry"), &["all", purge_key], before)).await;
            assert_eq!(result, PutResult::Purged, "put before the purge of {purge_key:?}");
            for process in [&one, &other] {
                assert!(!process.contains(id("entry")).await, "a rejected entry was stored");
            }
        }
        let after = other.current_sequence().await;
        assert!(after > before, "a purge did not increase the sequence number");
        let result = one.put(entry(id("entry"), &["all", purge_key], after)).await;
        assert_eq!(result, PutResult::Stored, "put after the purge of {purge_key:?}");
        assert!(other.contains(id("entry")).await, "an entry that reflects a purge is missing");
        let result = one.put(entry(id("entry"), &["all", purge_key], before)).await;
        assert_eq!(result, PutResult::Purged, "put over an entry that reflects the purge of {purge_key:?}");
        other.purge(keys(&["all"])).await;
        assert!(!one.contains(id("entry")).await, "an entry was not purged after it was put again");
    }
}

async fn wins_over_a_concurrent_put<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    for round in 0..50 {
        let sequence = one.current_sequence().await;
        let (store, request) = (Arc::clone(&one.store), entry(id("entry"), &["a"], sequence));
        let put = tokio::spawn(async move { complete("put", store.put(request)).await });
        if round % 2 == 0 {
            tokio::task::yield_now().await;
        }
        let purge = PurgeRequest {
            min_sequence: sequence,
            expire: false,
            scope: keys(&["a"]),
            message: b"purge".to_vec(),
        };
        complete("purge", other.store.purge(purge)).await;
        assert!(!other.contains(id("entry")).await, "an entry right after its purge and a concurrent put");
        assert!(put.await.is_ok(), "`put` panicked");
        assert!(!other.contains(id("entry")).await, "an entry was put concurrently with its purge");
    }
}

async fn matches_path_prefixes<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let paths = ["/posts/1", "/posts", "/posts-of-others", "/post", "/pos", "/Posts/1", "/a/posts/1", "/"];
    let sequence = one.current_sequence().await;
    for path in paths {
        let request = PutRequest { path: path.to_owned(), ..entry(id(path), &[path], sequence) };
        assert_eq!(one.put(request).await, PutResult::Stored, "put of {path:?}");
    }
    let stored = async |process: &Process<S>| {
        let mut stored = Vec::new();
        for path in paths {
            if process.contains(id(path)).await {
                stored.push(path);
            }
        }
        stored
    };
    assert_eq!(stored(&other).await, paths, "entries before a purge");
    for (purged, remaining) in
        [("/posts/", &[1, 2, 3, 4, 5, 6, 7][..]), ("/post", &[4, 5, 6, 7]), ("/pos", &[5, 6, 7])]
    {
        other.purge(prefix(purged)).await;
        let remaining: Vec<&str> = remaining.iter().map(|index| paths[*index]).collect();
        for process in [&one, &other] {
            assert_eq!(stored(process).await, remaining, "entries after the purge of {purged:?}");
        }
    }
    let sequence = one.current_sequence().await;
    let result = one.put(entry(id("/posts/1"), &["/posts/1"], sequence)).await;
    assert_eq!(result, PutResult::Stored, "put after the purge of a prefix");
    assert!(other.contains(id("/posts/1")).await, "an entry that reflects the purge of a prefix is missing");
}

/// Uses characters that are special in the query language of some server.
async fn matches_prefixes_literally<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, other) = harness.two_processes().await;
    let sequence = one.current_sequence().await;
    let request = |path: &str| PutRequest { path: path.to_owned(), ..entry(id(path), &[path], sequence) };
    for path in ["/plain", "/über/1", "/a*b", "/a%b", "/a_b", "/a[b]c", "/a\\b", "/a'b", "/a b"] {
        one.put(request(path)).await;
    }
    for pattern in
        ["/p*", "/pl%", "/pl_in", "/[op]lain", "/plain.", "/plain\\", "/.*", "%", "*", "/u", "/uber"]
    {
        other.purge(prefix(pattern)).await;
        assert!(one.contains(id("/plain")).await, "the prefix {pattern:?} matches \"/plain\"");
    }
    for (path, purged) in [
        ("/über/1", "/üb"),
        ("/a*b", "/a*"),
        ("/a%b", "/a%"),
        ("/a_b", "/a_"),
        ("/a[b]c", "/a[b]"),
        ("/a\\b", "/a\\"),
        ("/a'b", "/a'"),
        ("/a b", "/a "),
    ] {
        assert!(one.contains(id(path)).await, "{path:?} was purged by a prefix that does not match it");
        other.purge(prefix(purged)).await;
        assert!(!one.contains(id(path)).await, "the prefix {purged:?} does not match {path:?}");
    }
}

async fn rejects_paths_of_earlier_fills<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, mut other) = harness.two_processes().await;
    for purged in ["/post", "/posts/1"] {
        let before = one.current_sequence().await;
        other.purge(prefix(purged)).await;
        let result = one.put(entry(id("entry"), &["a"], before)).await;
        assert_eq!(result, PutResult::Purged, "put before the purge of the prefix {purged:?}");
        assert!(!one.contains(id("entry")).await, "a rejected entry was stored");
        let after = other.current_sequence().await;
        let result = one.put(entry(id("entry"), &["a"], after)).await;
        assert_eq!(result, PutResult::Stored, "put after the purge of the prefix {purged:?}");
        let result = one.put(entry(id("entry"), &["a"], before)).await;
        assert_eq!(result, PutResult::Purged, "put over an entry that reflects the purge of {purged:?}");
    }
}

async fn assigns_increasing_sequence_numbers<S: RemoteStore>(harness: &Harness<'_, S>) {
    let (mut one, mut other) = harness.two_processes().await;
    let mut last = one.current_sequence().await;
    let scopes = [keys(&["a"]), keys(&["a"]), prefix("/p"), prefix("/p"), keys(&["b"])];
    for (index, scope) in scopes.into_iter().enumerate() {
        let PurgeResult { sequence, .. } = other.send_purge(scope, index % 2 == 1, b"message").await;
        let next = one.current_sequence().await;
        assert_eq!(sequence, next, "the sequence number in the result of purge {index}");
        assert!(next > last, "purge {index} has the sequence number {next}, the one before it {last}");
        last = next;
    }
    // As if the server had lost later purges.
    other.sequence = last + 1_000_000;
    let min_sequence = other.sequence;
    other.purge(keys(&["a"])).await;
    let next = one.current_sequence().await;
    assert!(next > min_sequence, "the sequence number {next} is not greater than `min_sequence`");
    let result = one.put(entry(id("entry"), &["a"], last)).await;
    assert_eq!(result, PutResult::Purged, "put before that purge");
    let result = one.put(entry(id("entry"), &["a"], next)).await;
    assert_eq!(result, PutResult::Stored, "put after that purge");
    let result = other.send_purge(keys(&["another"]), false, b"message").await;
    assert!(result.is_namespace_used, "the result of a purge beside an entry");
    other.purge(keys(&["a"])).await;
    assert!(!one.contains(id("entry")).await, "an entry after a later purge");
    assert!(one.current_sequence().await > next, "a later purge did not increase the sequence number");
}
