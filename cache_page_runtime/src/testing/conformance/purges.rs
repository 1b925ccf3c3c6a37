//! Purges: what was purged is not sent any more, and what was made of older data is not kept.

use std::sync::Arc;

use crate::remote::{PurgeRequest, PurgeScope, PutRequest, PutResult, RemoteStore};
use crate::testing::conformance::{Bench, Process, done, id, names, page, prefix};

pub(super) async fn all<S: RemoteStore>(bench: &Bench<'_, S>) {
    takes_pages_by_each_of_their_names(bench).await;
    does_not_depend_on_what_is_known_before(bench).await;
    leaves_pages_of_other_names(bench).await;
    takes_all_pages_of_a_name(bench).await;
    refuses_what_was_begun_before(bench).await;
    wins_over_what_is_put_meanwhile(bench).await;
    takes_paths_by_prefixes(bench).await;
    takes_prefixes_as_they_are(bench).await;
    refuses_paths_that_were_begun_before(bench).await;
    has_a_number_that_grows(bench).await;
}

async fn takes_pages_by_each_of_their_names<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let all: Vec<String> = (0..140).map(|number| format!("name {number}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    for name in [0, 1, 69, 138, 139].map(|place| all[place]) {
        let since = one.now().await;
        assert_eq!(one.put(page(id("page"), &all, since)).await, PutResult::Stored, "it has seen all purges");
        assert!(other.has(id("page")).await, "a page that was kept");
        other.purge(names(&[name])).await;
        assert!(!one.has(id("page")).await && !other.has(id("page")).await, "{name} was purged, of 140");
    }
}

/// Which names a page has is known by the page, whatever whoever asks for it thinks.
async fn does_not_depend_on_what_is_known_before<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let known: [&[&str]; 6] = [&[], &["a"], &["c"], &["a", "b", "c"], &["c", "a"], &["b", "b"]];
    for purged in ["a", "b", "c"] {
        let since = one.now().await;
        one.put(page(id("page"), &["a", "b", "c"], since)).await;
        for own in known {
            let kept = other.get_knowing(id("page"), own).await;
            assert!(kept.is_some(), "a page that is there, for whoever knows the names {own:?} of it");
        }
        one.purge(names(&[purged])).await;
        for own in known {
            for process in [&one, &other] {
                let kept = process.get_knowing(id("page"), own).await;
                assert!(kept.is_none(), "{purged:?} was purged, and the names {own:?} are known");
            }
            assert!(other.get_knowing(id("none"), own).await.is_none(), "a page that nobody put");
        }
    }
}

async fn leaves_pages_of_other_names<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let since = one.now().await;
    one.put(page(id("page"), &["a", "b"], since)).await;
    other.purge(names(&["c", "page", "A"])).await;
    other.purge(PurgeScope::Keys(Vec::new())).await;
    for others in ["/posts/2", "/posts/1/", "/Posts", "posts", "/post/", "/comments"] {
        other.purge(prefix(others)).await;
    }
    assert!(one.has(id("page")).await, "a page went that no purge was about");
}

async fn takes_all_pages_of_a_name<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let since = one.now().await;
    let all: Vec<_> = (0..50).map(|number| id(&format!("page {number}"))).collect();
    for (number, at) in all.iter().enumerate() {
        let name = if number % 2 == 0 { "even" } else { "odd" };
        one.put(page(*at, &["all", name], since)).await;
    }
    let left = async |process: &Process<S>| {
        let mut left = 0;
        for at in &all {
            left += usize::from(process.has(*at).await);
        }
        left
    };
    assert_eq!(left(&other).await, 50, "pages that were kept");
    other.purge(names(&["even", "nobody's"])).await;
    assert_eq!((left(&one).await, left(&other).await), (25, 25), "one of two names was purged");
    one.purge(names(&["all"])).await;
    assert_eq!((left(&one).await, left(&other).await), (0, 0), "the name of all was purged");
}

async fn refuses_what_was_begun_before<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, mut other) = bench.two().await;
    let before = one.now().await;
    // A name that there never was a page of, and one that there is.
    one.put(page(id("known"), &["known"], before)).await;
    for name in ["unknown", "known"] {
        let before = one.now().await;
        other.purge(names(&[name])).await;
        for process in [&one, &other] {
            let taken = process.put(page(id("page"), &["all", name], before)).await;
            assert_eq!(taken, PutResult::Purged, "its making began before {name:?} was purged");
            assert!(!one.has(id("page")).await && !other.has(id("page")).await, "it is kept all the same");
        }
        let after = other.now().await;
        assert!(after > before, "the number of a purge is greater than that of the last one before it");
        assert_eq!(
            one.put(page(id("page"), &["all", name], after)).await,
            PutResult::Stored,
            "it has seen that purge"
        );
        assert!(other.has(id("page")).await, "a page that was kept after a purge");
        // Nor does one that is too old take the place of one that is not.
        assert_eq!(
            one.put(page(id("page"), &["all", name], before)).await,
            PutResult::Purged,
            "the same, once more"
        );
        other.purge(names(&["all"])).await;
        assert!(!one.has(id("page")).await, "a page that was put after a purge is purged like any other");
    }
}

async fn wins_over_what_is_put_meanwhile<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    for round in 0..50 {
        let since = one.now().await;
        let (store, offered) = (Arc::clone(&one.store), page(id("page"), &["a"], since));
        let put = tokio::spawn(async move { done("put", store.put(offered)).await });
        if round % 2 == 0 {
            tokio::task::yield_now().await;
        }
        let purge = PurgeRequest {
            min_sequence: since,
            expire: false,
            scope: names(&["a"]),
            message: b"purged".to_vec(),
        };
        done("purge", other.store.purge(purge)).await;
        assert!(!other.has(id("page")).await, "a page that was put while it was purged, right after that");
        assert!(put.await.is_ok(), "`put` comes to an end");
        assert!(!other.has(id("page")).await, "a page that was put while it was purged");
    }
}

async fn takes_paths_by_prefixes<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let paths = ["/posts/1", "/posts", "/posts-of-others", "/post", "/pos", "/Posts/1", "/a/posts/1", "/"];
    let since = one.now().await;
    for path in paths {
        let offered = PutRequest { path: path.to_owned(), ..page(id(path), &[path], since) };
        assert_eq!(one.put(offered).await, PutResult::Stored, "it has seen all purges");
    }
    let kept = async |process: &Process<S>| {
        let mut kept = Vec::new();
        for path in paths {
            if process.has(id(path)).await {
                kept.push(path);
            }
        }
        kept
    };
    assert_eq!(kept(&other).await, paths, "pages that were kept");
    for (purged, left) in
        [("/posts/", &[1, 2, 3, 4, 5, 6, 7][..]), ("/post", &[4, 5, 6, 7]), ("/pos", &[5, 6, 7])]
    {
        other.purge(prefix(purged)).await;
        let left: Vec<&str> = left.iter().map(|place| paths[*place]).collect();
        assert_eq!(kept(&one).await, left, "what is left of {paths:?} after {purged:?}");
        assert_eq!(kept(&other).await, left, "the same in the process that purged");
    }
    let since = one.now().await;
    assert_eq!(
        one.put(page(id("/posts/1"), &["/posts/1"], since)).await,
        PutResult::Stored,
        "it has seen all purges"
    );
    assert!(other.has(id("/posts/1")).await, "a page that was put after its prefix was purged");
}

/// What means something to an engine means nothing in a prefix.
async fn takes_prefixes_as_they_are<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let since = one.now().await;
    let offered = |path: &str| PutRequest { path: path.to_owned(), ..page(id(path), &[path], since) };
    for path in ["/plain", "/über/1", "/a*b", "/a%b", "/a_b", "/a[b]c", "/a\\b", "/a'b", "/a b"] {
        one.put(offered(path)).await;
    }
    for others in
        ["/p*", "/pl%", "/pl_in", "/[op]lain", "/plain.", "/plain\\", "/.*", "%", "*", "/u", "/uber"]
    {
        other.purge(prefix(others)).await;
        assert!(one.has(id("/plain")).await, "{others:?} is no prefix of /plain");
    }
    for (path, own) in [
        ("/über/1", "/üb"),
        ("/a*b", "/a*"),
        ("/a%b", "/a%"),
        ("/a_b", "/a_"),
        ("/a[b]c", "/a[b]"),
        ("/a\\b", "/a\\"),
        ("/a'b", "/a'"),
        ("/a b", "/a "),
    ] {
        assert!(one.has(id(path)).await, "no prefix of {path} was purged yet");
        other.purge(prefix(own)).await;
        assert!(!one.has(id(path)).await, "{own:?} is a prefix of {path}");
    }
}

async fn refuses_paths_that_were_begun_before<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, mut other) = bench.two().await;
    for purged in ["/post", "/posts/1"] {
        let before = one.now().await;
        other.purge(prefix(purged)).await;
        let taken = one.put(page(id("page"), &["a"], before)).await;
        assert_eq!(taken, PutResult::Purged, "its making began before {purged:?} was purged");
        assert!(!one.has(id("page")).await, "it is kept all the same");
        let after = other.now().await;
        assert_eq!(
            one.put(page(id("page"), &["a"], after)).await,
            PutResult::Stored,
            "it has seen that purge"
        );
        let taken = one.put(page(id("page"), &["a"], before)).await;
        assert_eq!(taken, PutResult::Purged, "its making began before {purged:?} was purged, once more");
    }
}

async fn has_a_number_that_grows<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, mut other) = bench.two().await;
    let mut last = one.now().await;
    for (number, of) in
        [names(&["a"]), names(&["a"]), prefix("/p"), prefix("/p"), names(&["b"])].into_iter().enumerate()
    {
        other.tell(of, number % 2 == 1, b"told").await;
        let next = one.now().await;
        assert!(next > last, "purge {number} has the number {next}, and {last} is that of the one before it");
        last = next;
    }
    // Whoever purges may know of later ones, from an engine that forgot them.
    other.number = last + 1_000_000;
    let known = other.number;
    other.purge(names(&["a"])).await;
    let next = one.now().await;
    assert!(next > known, "a purge has the number {next}, and {known} was known to whoever purged");
    assert_eq!(
        one.put(page(id("page"), &["a"], last)).await,
        PutResult::Purged,
        "it has not seen that purge"
    );
    assert_eq!(one.put(page(id("page"), &["a"], next)).await, PutResult::Stored, "it has seen that purge");
    other.purge(names(&["a"])).await;
    assert!(!one.has(id("page")).await, "a purge after that");
    assert!(one.now().await > next, "a purge after that has a number that is greater");
}
