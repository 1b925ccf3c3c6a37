//! Expiring: pages stay, and are known to be expired.

use std::time::Duration;

use crate::remote::{PutRequest, PutResult, RemoteStore};
use crate::testing::conformance::{Bench, id, is_of, names, page, prefix};

pub(super) async fn all<S: RemoteStore>(bench: &Bench<'_, S>) {
    leaves_pages_as_expired(bench).await;
    leaves_other_pages_as_they_are(bench).await;
    refuses_what_was_begun_before(bench).await;
    does_not_bring_back_what_was_purged(bench).await;
}

async fn leaves_pages_as_expired<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    for of in [|| names(&["a"]), || names(&["b"]), || names(&["c", "a"]), || prefix("/post")] {
        let since = one.now().await;
        one.put(page(id("page"), &["a", "b"], since)).await;
        let kept = other.get(id("page")).await;
        assert!(kept.is_some_and(|kept| kept.expired.is_none()), "a page is expired that was put after that");
        other.expire(of()).await;
        for process in [&one, &other] {
            let kept = process.get(id("page")).await;
            assert!(kept.is_some(), "a page went when {:?} was expired", of());
            let kept = kept.and_then(|kept| Some((kept.expired?, kept.age)));
            assert!(kept.is_some(), "a page is not expired after {:?} was", of());
            let in_order = kept.is_some_and(|(expired, age)| expired <= age + Duration::from_secs(1));
            assert!(in_order, "a page was expired before it was put: {kept:?}");
        }
        // It stays so, whoever purges what else.
        other.purge(names(&["c"])).await;
        other.expire(names(&["c"])).await;
        let kept = one.get(id("page")).await;
        assert!(kept.is_some_and(|kept| kept.expired.is_some()), "a page is not expired any more");
    }
}

async fn leaves_other_pages_as_they_are<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let since = one.now().await;
    one.put(page(id("page"), &["a", "b"], since)).await;
    other.expire(names(&["c", "page"])).await;
    other.expire(prefix("/posts/2")).await;
    other.expire(prefix("/p*")).await;
    let kept = one.get(id("page")).await;
    assert!(
        kept.is_some_and(|kept| kept.expired.is_none()),
        "a page was expired, or went, that was not meant"
    );
}

async fn refuses_what_was_begun_before<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, mut other) = bench.two().await;
    // Names and paths that there never was a page of, then such as there is one of.
    for of in [|| names(&["a"]), || names(&["a"]), || prefix("/posts"), || prefix("/posts")] {
        let before = one.now().await;
        other.expire(of()).await;
        let bytes = b"older".to_vec();
        let taken = one.put(PutRequest { bytes, ..page(id("page"), &["a"], before) }).await;
        assert_eq!(taken, PutResult::Purged, "its making began before {:?} was expired", of());
        let kept = one.get(id("page")).await;
        assert!(!is_of(kept.as_ref(), b"older"), "it is kept all the same");
        let after = other.now().await;
        assert!(after > before, "expiring has a number, as purging has");
        assert_eq!(one.put(page(id("page"), &["a"], after)).await, PutResult::Stored, "it has seen that");
        let kept = other.get(id("page")).await;
        assert!(kept.is_some_and(|kept| kept.expired.is_none()), "a page is expired that has seen that");
    }
}

async fn does_not_bring_back_what_was_purged<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    for of in [|| names(&["a"]), || prefix("/posts")] {
        let since = one.now().await;
        one.put(page(id("page"), &["a"], since)).await;
        other.purge(of()).await;
        other.expire(of()).await;
        assert!(!one.has(id("page")).await, "{:?} was purged, then expired", of());
        let since = one.now().await;
        one.put(page(id("page"), &["a"], since)).await;
        other.expire(of()).await;
        other.purge(of()).await;
        assert!(!one.has(id("page")).await, "{:?} was expired, then purged", of());
    }
}
