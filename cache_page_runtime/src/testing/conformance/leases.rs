//! Claims: one makes a page, and the others wait for it, but never for nobody.

use std::time::Duration;

use crate::remote::{GetResponse, Id, Lease, LeaseStatus, PutRequest, PutResult, ReleaseReason, RemoteStore};
use crate::testing::conformance::{Bench, LONG, Process, SHORT, eventually, id, names, page};

pub(super) async fn all<S: RemoteStore>(bench: &Bench<'_, S>) {
    is_for_the_first(bench).await;
    is_of_one_page(bench).await;
    ends_when_it_is_released(bench).await;
    ends_for_all_where_nothing_is_shared(bench).await;
    ends_with_a_page(bench).await;
    ends_with_a_page_that_is_refused(bench).await;
    ends_with_its_time(bench).await;
    is_not_needed_for_a_fresh_page(bench).await;
    is_granted_for_a_stale_page(bench).await;
    is_given_up_to_whoever_waits(bench).await;
}

impl<S: RemoteStore> Process<S> {
    async fn claim(&self, page: Id, holder: &str, lasts: Duration) -> GetResponse {
        self.find(page, Some(Lease { owner: id(holder), ttl: lasts })).await
    }

    async fn turn(&self, page: Id, holder: &str) -> LeaseStatus {
        self.claim(page, holder, LONG).await.lease
    }
}

async fn is_for_the_first<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (one, other) = bench.two().await;
    one.find(id("page"), None).await;
    assert_eq!(one.turn(id("page"), "one").await, LeaseStatus::Acquired, "nobody else is at it");
    for _ in 0..2 {
        assert_eq!(other.turn(id("page"), "other").await, LeaseStatus::Held, "another one is at it");
        assert_eq!(one.turn(id("page"), "one").await, LeaseStatus::Acquired, "it is its own claim");
    }
    other.find(id("page"), None).await;
    assert_eq!(
        one.turn(id("page"), "one").await,
        LeaseStatus::Acquired,
        "one that claimed nothing took it away"
    );
}

async fn is_of_one_page<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (one, other) = bench.two().await;
    for number in 0..20 {
        let at = id(&format!("page {number}"));
        assert_eq!(one.turn(at, "one").await, LeaseStatus::Acquired, "nobody else is at this page");
    }
    assert_eq!(
        other.turn(id("another"), "other").await,
        LeaseStatus::Acquired,
        "nobody else is at this page"
    );
    assert_eq!(other.turn(id("page 7"), "other").await, LeaseStatus::Held, "another one is at it");
}

async fn ends_when_it_is_released<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (one, other) = bench.two().await;
    one.turn(id("page"), "one").await;
    other.release(id("page"), id("other"), ReleaseReason::Retry).await;
    other.release(id("page"), id("other"), ReleaseReason::Uncacheable(LONG)).await;
    assert_eq!(
        other.turn(id("page"), "other").await,
        LeaseStatus::Held,
        "the claim of somebody else was released"
    );
    one.release(id("page"), id("one"), ReleaseReason::Retry).await;
    assert_eq!(other.turn(id("page"), "other").await, LeaseStatus::Acquired, "the claim before was released");
    assert_eq!(one.turn(id("page"), "one").await, LeaseStatus::Held, "the claim is another one's by now");
    one.release(id("page"), id("one"), ReleaseReason::Retry).await;
    assert_eq!(
        one.turn(id("page"), "one").await,
        LeaseStatus::Held,
        "it was released by whoever had it before"
    );
    // Where there is none, nothing ends.
    one.release(id("nothing"), id("one"), ReleaseReason::Retry).await;
    assert_eq!(one.turn(id("nothing"), "one").await, LeaseStatus::Acquired, "nobody is at it");
}

async fn ends_for_all_where_nothing_is_shared<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    one.turn(id("page"), "one").await;
    one.release(id("page"), id("one"), ReleaseReason::Uncacheable(LONG)).await;
    for (process, holder) in [(&one, "one"), (&other, "other"), (&other, "third")] {
        assert_eq!(
            process.turn(id("page"), holder).await,
            LeaseStatus::Uncoalesced,
            "it was not to be shared"
        );
    }
    one.turn(id("short"), "one").await;
    one.release(id("short"), id("one"), ReleaseReason::Uncacheable(SHORT)).await;
    eventually("after its time, a page is claimed again", async || {
        other.turn(id("short"), "other").await == LeaseStatus::Acquired
    })
    .await;
    // What turns out to be shared after all, is.
    let since = one.now().await;
    assert_eq!(one.put(page(id("page"), &["a"], since)).await, PutResult::Stored, "nobody need wait for it");
    assert!(other.has(id("page")).await, "a page that was kept");
}

async fn ends_with_a_page<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let since = one.now().await;
    // Stale at once, so that it can be claimed while it is there.
    let stale = |holder: Option<&str>| PutRequest {
        fresh_for: Some(Duration::ZERO),
        owner: holder.map(id),
        ..page(id("page"), &["a"], since)
    };
    one.turn(id("page"), "one").await;
    other.put(stale(Some("other"))).await;
    other.put(stale(None)).await;
    assert_eq!(
        other.turn(id("page"), "other").await,
        LeaseStatus::Held,
        "a page of somebody else ended the claim"
    );
    assert_eq!(one.put(stale(Some("one"))).await, PutResult::Stored, "it has seen all purges");
    assert_eq!(
        other.turn(id("page"), "other").await,
        LeaseStatus::Acquired,
        "whoever had claimed it has put it"
    );
    assert_eq!(one.turn(id("page"), "one").await, LeaseStatus::Held, "the claim is another one's by now");
}

async fn ends_with_a_page_that_is_refused<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let before = one.now().await;
    one.turn(id("page"), "one").await;
    other.purge(names(&["a"])).await;
    let offered = PutRequest { owner: Some(id("one")), ..page(id("page"), &["a"], before) };
    assert_eq!(one.put(offered).await, PutResult::Purged, "its making began before that purge");
    assert_eq!(
        other.turn(id("page"), "other").await,
        LeaseStatus::Acquired,
        "the claim did not end with the refused page"
    );
    // Another one may have put it meanwhile.
    let since = one.now().await;
    one.turn(id("both"), "one").await;
    other.put(page(id("both"), &["b"], since)).await;
    let begun = Duration::from_secs(20);
    let offered = PutRequest { started: begun, owner: Some(id("one")), ..page(id("both"), &["b"], since) };
    assert_eq!(one.put(offered).await, PutResult::Superseded, "another one is there that was begun later");
    other.purge(names(&["b"])).await;
    assert_eq!(
        other.turn(id("both"), "other").await,
        LeaseStatus::Acquired,
        "the claim did not end with the refused page"
    );
}

async fn ends_with_its_time<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (one, other) = bench.two().await;
    assert_eq!(one.claim(id("page"), "one", SHORT).await.lease, LeaseStatus::Acquired, "nobody is at it");
    eventually("after the time of a claim, somebody else is let try", async || {
        other.turn(id("page"), "other").await == LeaseStatus::Acquired
    })
    .await;
    assert_eq!(one.turn(id("page"), "one").await, LeaseStatus::Held, "the claim is another one's by now");
    one.release(id("page"), id("one"), ReleaseReason::Retry).await;
    assert_eq!(
        one.turn(id("page"), "one").await,
        LeaseStatus::Held,
        "a claim that was over ended another one's"
    );
}

async fn is_not_needed_for_a_fresh_page<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let since = one.now().await;
    one.put(page(id("page"), &["a"], since)).await;
    one.put(PutRequest { fresh_for: None, ..page(id("for ever"), &["a"], since) }).await;
    for at in ["page", "for ever"] {
        assert!(
            one.claim(id(at), "one", LONG).await.entry.is_some(),
            "a page is there for whoever would make it"
        );
    }
    other.purge(names(&["a"])).await;
    for at in ["page", "for ever"] {
        assert_eq!(other.turn(id(at), "other").await, LeaseStatus::Acquired, "a fresh page was claimed");
    }
}

async fn is_granted_for_a_stale_page<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let since = one.now().await;
    one.put(PutRequest { fresh_for: Some(SHORT), ..page(id("stale"), &["a"], since) }).await;
    one.put(page(id("expired"), &["b"], since)).await;
    other.expire(names(&["b"])).await;
    eventually("a page is claimed when it is not fresh any more", async || {
        one.turn(id("stale"), "one").await == LeaseStatus::Acquired
    })
    .await;
    for at in ["stale", "expired"] {
        for (process, holder, turn) in
            [(&one, "one", LeaseStatus::Acquired), (&other, "other", LeaseStatus::Held)]
        {
            let found = process.claim(id(at), holder, LONG).await;
            assert_eq!(found.lease, turn, "of a page that is {at}, for {holder}");
            assert!(found.entry.is_some(), "a page that is {at} is sent as well");
        }
    }
    one.put(PutRequest { owner: Some(id("one")), ..page(id("stale"), &["a"], since) }).await;
    assert!(other.has(id("stale")).await, "a page that was made anew");
}

async fn is_given_up_to_whoever_waits<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let since = one.now().await;
    one.turn(id("page"), "one").await;
    for holder in ["second", "third", "fourth"] {
        assert_eq!(other.turn(id("page"), holder).await, LeaseStatus::Held, "another one is at it");
    }
    one.release(id("page"), id("one"), ReleaseReason::Retry).await;
    assert_eq!(other.turn(id("page"), "third").await, LeaseStatus::Acquired, "whoever asks first after that");
    assert_eq!(other.turn(id("page"), "second").await, LeaseStatus::Held, "another one is at it");
    other.put(PutRequest { owner: Some(id("third")), ..page(id("page"), &["a"], since) }).await;
    assert!(one.claim(id("page"), "one", LONG).await.entry.is_some(), "the page that they waited for");
}
