//! The conformance tests pass for the engine of these tests, and for none that breaks a sentence of the contract.

use std::{panic::AssertUnwindSafe, time::Duration};

use actix_web::web::Bytes;
use cache_page::remote::{
    BoxFuture, ChangeBatch, Cursor, GetRequest, GetResponse, Id, LeaseStatus, PurgeRequest, PurgeScope,
    PutRequest, PutResult, ReleaseReason, RemoteEntry, RemoteStore, Version,
};
use cache_page::testing::conformance;
use futures_util::FutureExt as _;

use super::memory::{Engine, MemoryStore};

#[actix_web::test]
async fn the_engine_of_these_tests_does_what_it_must() {
    let engine = Engine::default();
    conformance::run(|| engine.store()).await;
}

/// What a store does wrong.
#[derive(Clone, Copy, Debug)]
enum Breaks {
    Bytes,
    Lasts,
    Age,
    Prefixes,
    Overtakes,
    PurgesNothing,
    PurgesEverything,
    PurgesFirstNameOnly,
    Since,
    ExpiresByPurging,
    PurgesByExpiring,
    ForgetsExpiries,
    PrefixesBySegment,
    Numbers,
    Known,
    LeadsAll,
    LeadsNobody,
    ReleasesAll,
    ReleasesNothing,
    ClaimsForEver,
    ClaimsFresh,
    KeepsClaimsWithPages,
    Apart,
    SwallowsChanges,
    ShortensTold,
    RepeatsChanges,
    KnowsAll,
    NeverWaits,
    Confirms,
    ConfirmsExpired,
    Versions,
}

#[derive(Debug)]
struct Broken {
    store: MemoryStore,
    breaks: Breaks,
}

impl RemoteStore for Broken {
    fn set_namespace(&self, key_prefix: &str) {
        let key_prefix = match self.breaks {
            Breaks::Prefixes => key_prefix.trim_end_matches(['*', '%', '_']),
            _ => key_prefix,
        };
        self.store.set_namespace(key_prefix);
    }

    fn get(&self, mut wanted: GetRequest) -> BoxFuture<'_, GetResponse> {
        if let (Breaks::ClaimsForEver, Some(claim)) = (self.breaks, &mut wanted.lease) {
            claim.ttl = Duration::from_secs(3600);
        }
        Box::pin(async move {
            let mut found = self.store.get(wanted.clone()).await?;
            match (self.breaks, &mut found) {
                (Breaks::Bytes, GetResponse { entry: Some(RemoteEntry { bytes: Some(bytes), .. }), .. }) => {
                    *bytes = bytes.slice(..bytes.len() / 2);
                }
                (Breaks::Confirms, GetResponse { entry: Some(kept), .. }) if wanted.if_version.is_some() => {
                    kept.bytes = None;
                }
                (Breaks::ConfirmsExpired, GetResponse { entry: Some(kept), .. }) => {
                    kept.bytes.take_if(|_| kept.expired.is_some() && wanted.if_version.is_some());
                }
                (Breaks::Versions, GetResponse { entry: Some(kept), .. }) => {
                    let one = Version(Bytes::from_static(b"one"));
                    kept.bytes.take_if(|_| wanted.if_version.as_ref() == Some(&one));
                    kept.version = Some(one);
                }
                (Breaks::Age, GetResponse { entry: Some(page), .. }) => page.age = Duration::ZERO,
                (Breaks::ForgetsExpiries, GetResponse { entry: Some(page), .. }) => page.expired = None,
                (Breaks::LeadsAll, found) => found.lease = LeaseStatus::Acquired,
                (Breaks::LeadsNobody, found) => found.lease = LeaseStatus::Held,
                (Breaks::Apart, found) if found.lease == LeaseStatus::Uncoalesced => {
                    found.lease = LeaseStatus::Held
                }
                (Breaks::ClaimsFresh, GetResponse { entry: Some(_), .. }) => {
                    if let Some(claim) = wanted.lease {
                        self.store.engine.claim(wanted.key, claim);
                    }
                }
                _ => {}
            }
            Ok(found)
        })
    }

    fn put(&self, mut page: PutRequest) -> BoxFuture<'_, PutResult> {
        match self.breaks {
            Breaks::Lasts => page.ttl = Duration::from_secs(3600),
            Breaks::Overtakes => page.started = Duration::ZERO,
            Breaks::PurgesFirstNameOnly => page.purge_keys.truncate(1),
            Breaks::Since => page.purge_seq = u64::MAX,
            Breaks::KeepsClaimsWithPages => page.owner = None,
            _ => {}
        }
        self.store.put(page)
    }

    fn release(&self, page: Id, holder: Id, left: ReleaseReason) -> BoxFuture<'_, ()> {
        match self.breaks {
            Breaks::ReleasesNothing => return Box::pin(async { Ok(()) }),
            Breaks::ReleasesAll => self.store.engine.release(page),
            _ => {}
        }
        self.store.release(page, holder, left)
    }

    fn purge(&self, mut purge: PurgeRequest) -> BoxFuture<'_, ()> {
        match (self.breaks, &mut purge.scope) {
            (Breaks::PurgesNothing, of) => *of = PurgeScope::Keys(Vec::new()),
            (Breaks::PurgesEverything, of) => *of = PurgeScope::PathPrefix(String::new()),
            (Breaks::PrefixesBySegment, PurgeScope::PathPrefix(prefix)) if !prefix.ends_with('/') => {
                prefix.push('/');
            }
            (Breaks::ExpiresByPurging, _) => purge.expire = false,
            (Breaks::PurgesByExpiring, _) => purge.expire = true,
            (Breaks::Known, _) => purge.min_sequence = 0,
            (Breaks::ShortensTold, _) => purge.message.truncate(3),
            _ => {}
        }
        self.store.purge(purge)
    }

    fn poll_changes(&self, after: Option<Cursor>, wait: Duration) -> BoxFuture<'_, ChangeBatch> {
        let wait = if let Breaks::NeverWaits = self.breaks { Duration::ZERO } else { wait };
        Box::pin(async move {
            let mut heard = self.store.poll_changes(after.clone(), wait).await?;
            match self.breaks {
                Breaks::Numbers => heard.sequence = 1,
                Breaks::SwallowsChanges => drop(heard.changes.pop()),
                Breaks::RepeatsChanges => heard.cursor = after.unwrap_or(heard.cursor),
                Breaks::KnowsAll => heard.complete = true,
                _ => {}
            }
            Ok(heard)
        })
    }
}

#[actix_web::test]
async fn one_that_breaks_a_sentence_of_the_contract_is_found_out() {
    let all = [
        Breaks::Bytes,
        Breaks::Lasts,
        Breaks::Age,
        Breaks::Prefixes,
        Breaks::Overtakes,
        Breaks::PurgesNothing,
        Breaks::PurgesEverything,
        Breaks::PurgesFirstNameOnly,
        Breaks::Since,
        Breaks::ExpiresByPurging,
        Breaks::PurgesByExpiring,
        Breaks::ForgetsExpiries,
        Breaks::PrefixesBySegment,
        Breaks::Numbers,
        Breaks::Known,
        Breaks::LeadsAll,
        Breaks::LeadsNobody,
        Breaks::ReleasesAll,
        Breaks::ReleasesNothing,
        Breaks::KeepsClaimsWithPages,
        Breaks::ClaimsFresh,
        Breaks::Apart,
        Breaks::SwallowsChanges,
        Breaks::ShortensTold,
        Breaks::RepeatsChanges,
        Breaks::KnowsAll,
        Breaks::NeverWaits,
        Breaks::ClaimsForEver,
        Breaks::Confirms,
        Breaks::ConfirmsExpired,
        Breaks::Versions,
    ];
    let runs = all.map(|breaks| async move {
        let engine = Engine::default();
        let open = || Broken { store: engine.store(), breaks };
        let run = AssertUnwindSafe(conformance::run(open)).catch_unwind().await;
        (breaks, run.is_err())
    });
    for (breaks, is_found_out) in futures_util::future::join_all(runs).await {
        assert!(is_found_out, "{breaks:?} is not found out");
    }
}
