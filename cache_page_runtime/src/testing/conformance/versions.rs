//! Pages that the caller has: they are only said to be the same while they are, and good.

use actix_web::web::Bytes;

use crate::testing::conformance::{Bench, Process, SHORT, eventually, id, is_of, names, page, prefix};
use crate::{
    purge::stable_id,
    remote::{Id, PurgeScope, PutRequest, PutResult, RemoteEntry, RemoteStore, Version},
};

/// A store may treat them differently.
const SMALL: &[u8] = b"a page";
const LARGE: &[u8] = &[7; 20_000];

pub(super) async fn all<S: RemoteStore>(bench: &Bench<'_, S>) {
    is_sent_to_whoever_has_another(bench).await;
    is_sent_where_it_is_another_by_now(bench).await;
    is_sent_when_it_is_stale(bench).await;
    counts_for_nothing_when_it_was_purged(bench).await;
}

impl<S: RemoteStore> Process<S> {
    /// What there is, for whoever has that.
    async fn get_having(&self, page: Id, have: &Version) -> Option<RemoteEntry> {
        self.find_having(page, Some(have.clone()), None).await.entry
    }

    /// What a page is called that is there; or something else, where the store has no such names.
    async fn version(&self, page: Id) -> Version {
        let kept = self.get(page).await;
        assert!(kept.is_some(), "a page that was put is not there");
        kept.and_then(|kept| kept.version).unwrap_or(Version(Bytes::from_static(b"nothing")))
    }
}

/// Whether these bytes are what the caller has by now.
fn are_known(kept: Option<&RemoteEntry>, bytes: &[u8]) -> bool {
    kept.is_some_and(|there| there.bytes.is_none()) || is_of(kept, bytes)
}

async fn is_sent_to_whoever_has_another<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let since = one.now().await;
    for at in ["one", "other"] {
        one.put(PutRequest { bytes: at.into(), ..page(id(at), &["a"], since) }).await;
    }
    let (version, another) = (one.version(id("one")).await, one.version(id("other")).await);
    for process in [&one, &other] {
        let kept = process.get_having(id("one"), &version).await;
        assert!(are_known(kept.as_ref(), b"one"), "neither the page nor that it is the same");
        for have in [&another, &Version(Bytes::new()), &Version(Bytes::from_static(b"\0*\r\n"))] {
            let kept = process.get_having(id("one"), have).await;
            assert!(is_of(kept.as_ref(), b"one"), "it is not the page that the caller has");
        }
    }
}

async fn is_sent_where_it_is_another_by_now<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let since = one.now().await;
    one.put(page(id("page"), &["a"], since)).await;
    let version = other.version(id("page")).await;
    for bytes in [&b"other one"[..], b"a page", LARGE, &[8; LARGE.len()], b""] {
        let version = other.version(id("page")).await;
        one.put(PutRequest { bytes: bytes.into(), ..page(id("page"), &["a"], since) }).await;
        let kept = other.get_having(id("page"), &version).await;
        assert!(is_of(kept.as_ref(), bytes), "it is another page by now than the one that the caller has");
    }
    let kept = other.get_having(id("page"), &version).await;
    assert!(is_of(kept.as_ref(), b""), "the caller has an older one");
}

async fn is_sent_when_it_is_stale<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let since = one.now().await;
    for bytes in [SMALL, LARGE] {
        let offered =
            PutRequest { bytes: bytes.into(), fresh_for: Some(SHORT), ..page(id("stale"), &["a"], since) };
        one.put(offered).await;
        let version = other.version(id("stale")).await;
        eventually("a page that is stale is sent to whoever has it, too", async || {
            is_of(other.get_having(id("stale"), &version).await.as_ref(), bytes)
        })
        .await;
    }
}

/// A page that goes by all kinds of names.
fn named(bytes: &[u8], since: u64) -> PutRequest {
    let names = vec![stable_id::all(), stable_id::handler("posts"), id("a"), id("b")];
    PutRequest { bytes: bytes.into(), purge_keys: names, ..page(id("page"), &[], since) }
}

async fn counts_for_nothing_when_it_was_purged<S: RemoteStore>(bench: &Bench<'_, S>) {
    for bytes in [SMALL, LARGE] {
        for of in [
            names(&["b"]),
            PurgeScope::Keys(vec![stable_id::handler("posts")]),
            PurgeScope::Keys(vec![stable_id::all()]),
            prefix("/post"),
        ] {
            let (mut one, other) = bench.two().await;
            for expires in [true, false] {
                let since = one.now().await;
                assert_eq!(one.put(named(bytes, since)).await, PutResult::Stored, "it has seen all purges");
                let version = other.version(id("page")).await;
                let kept = other.get_having(id("page"), &version).await;
                assert!(are_known(kept.as_ref(), bytes), "neither the page nor that it is the same");
                if expires {
                    one.expire(of.clone()).await;
                    let kept = other.get_having(id("page"), &version).await;
                    let is_expired = kept.as_ref().is_some_and(|kept| kept.expired.is_some());
                    assert!(is_expired && is_of(kept.as_ref(), bytes), "it was expired, whoever has it");
                    continue;
                }
                one.purge(of.clone()).await;
                assert!(
                    other.get_having(id("page"), &version).await.is_none(),
                    "it was purged, whoever has it"
                );
                let since = one.now().await;
                one.put(named(b"anew", since)).await;
                let kept = other.get_having(id("page"), &version).await;
                assert!(is_of(kept.as_ref(), b"anew"), "it was purged, and made anew");
            }
        }
    }
}
