//! The conformance suite passes for the store of these tests, and fails for every store that violates the contract.

use std::{panic::AssertUnwindSafe, time::Duration};

use actix_web::web::Bytes;
use cache_page::remote::{
    BoxFuture, ChangeBatch, Cursor, GetRequest, GetResponse, Id, LeaseStatus, PurgeRequest, PurgeResult,
    PurgeScope, PutRequest, PutResult, ReleaseReason, RemoteEntry, RemoteStore, Version,
};
use cache_page::testing::conformance;
use futures_util::FutureExt as _;

use crate::support::{Backend, MemoryStore};

#[actix_web::test]
async fn backend_of_the_tests_passes_the_conformance_suite() {
    let backend = Backend::on_the_system_clock();
    conformance::run(|| backend.store()).await;
}

/// A violation of the contract.
#[derive(Clone, Copy, Debug)]
enum Violation {
    TruncatesBytes,
    IgnoresTtl,
    ReportsNoAge,
    MergesNamespaces,
    ReplacesLaterFills,
    PurgesNothing,
    PurgesEverything,
    MatchesFirstKeyOnly,
    IgnoresPurgeSeq,
    SoftPurgesRemove,
    PurgesExpire,
    ReportsNoExpiry,
    MatchesWholeSegmentsOnly,
    ReportsOneSequence,
    IgnoresMinSequence,
    GrantsEveryLease,
    GrantsNoLease,
    ReleasesOtherOwners,
    IgnoresReleases,
    IgnoresLeaseTtl,
    LeasesFreshEntries,
    KeepsLeaseAfterPut,
    IgnoresUncacheable,
    LosesChanges,
    TruncatesMessages,
    RepeatsChanges,
    ReportsAllComplete,
    NeverWaits,
    ConfirmsAnyVersion,
    ConfirmsExpiredEntries,
    ReusesVersions,
    ReportsLaterSequence,
    ReportsUnusedNamespace,
}

#[derive(Debug)]
struct ViolatingStore {
    store: MemoryStore,
    violation: Violation,
}

impl RemoteStore for ViolatingStore {
    fn set_namespace(&self, key_prefix: &str) {
        let key_prefix = match self.violation {
            Violation::MergesNamespaces => key_prefix.trim_end_matches(['*', '%', '_']),
            _ => key_prefix,
        };
        self.store.set_namespace(key_prefix);
    }

    fn get(&self, mut request: GetRequest) -> BoxFuture<'_, GetResponse> {
        if let (Violation::IgnoresLeaseTtl, Some(lease)) = (self.violation, &mut request.lease) {
            lease.ttl = Duration::from_secs(3600);
        }
        Box::pin(async move {
            let mut response = self.store.get(request.clone()).await?;
            match (self.violation, &mut response) {
                (
                    Violation::TruncatesBytes,
                    GetResponse { entry: Some(RemoteEntry { bytes: Some(bytes), .. }), .. },
                ) => {
                    *bytes = bytes.slice(..bytes.len() / 2);
                }
                (Violation::ConfirmsAnyVersion, GetResponse { entry: Some(entry), .. })
                    if request.if_version.is_some() =>
                {
                    entry.bytes = None;
                }
                (Violation::ConfirmsExpiredEntries, GetResponse { entry: Some(entry), .. }) => {
                    entry.bytes.take_if(|_| entry.expired.is_some() && request.if_version.is_some());
                }
                (Violation::ReusesVersions, GetResponse { entry: Some(entry), .. }) => {
                    let one = Version(Bytes::from_static(b"one"));
                    entry.bytes.take_if(|_| request.if_version.as_ref() == Some(&one));
                    entry.version = Some(one);
                }
                (Violation::ReportsNoAge, GetResponse { entry: Some(entry), .. }) => {
                    entry.age = Duration::ZERO;
                }
                (Violation::ReportsNoExpiry, GetResponse { entry: Some(entry), .. }) => entry.expired = None,
                (Violation::GrantsEveryLease, response) => response.lease = LeaseStatus::Acquired,
                (Violation::GrantsNoLease, response) => response.lease = LeaseStatus::Held,
                (Violation::IgnoresUncacheable, response) if response.lease == LeaseStatus::Uncoalesced => {
                    response.lease = LeaseStatus::Held;
                }
                (Violation::LeasesFreshEntries, GetResponse { entry: Some(_), .. }) => {
                    if let Some(lease) = request.lease {
                        self.store.backend.grant_lease(request.key, lease);
                    }
                }
                _ => {}
            }
            Ok(response)
        })
    }

    fn put(&self, mut request: PutRequest) -> BoxFuture<'_, PutResult> {
        match self.violation {
            Violation::IgnoresTtl => request.ttl = Duration::from_secs(3600),
            Violation::ReplacesLaterFills => request.started = Duration::ZERO,
            Violation::MatchesFirstKeyOnly => request.purge_keys.truncate(1),
            Violation::IgnoresPurgeSeq => request.purge_seq = u64::MAX,
            Violation::KeepsLeaseAfterPut => request.owner = None,
            _ => {}
        }
        self.store.put(request)
    }

    fn release(&self, key: Id, owner: Id, reason: ReleaseReason) -> BoxFuture<'_, ()> {
        match self.violation {
            Violation::IgnoresReleases => return Box::pin(async { Ok(()) }),
            Violation::ReleasesOtherOwners => self.store.backend.release_lease(key),
            _ => {}
        }
        self.store.release(key, owner, reason)
    }

    fn purge(&self, mut request: PurgeRequest) -> BoxFuture<'_, PurgeResult> {
        match (self.violation, &mut request.scope) {
            (Violation::PurgesNothing, scope) => *scope = PurgeScope::Keys(Vec::new()),
            (Violation::PurgesEverything, scope) => *scope = PurgeScope::PathPrefix(String::new()),
            (Violation::MatchesWholeSegmentsOnly, PurgeScope::PathPrefix(prefix))
                if !prefix.ends_with('/') =>
            {
                prefix.push('/');
            }
            (Violation::SoftPurgesRemove, _) => request.expire = false,
            (Violation::PurgesExpire, _) => request.expire = true,
            (Violation::IgnoresMinSequence, _) => request.min_sequence = 0,
            (Violation::TruncatesMessages, _) => request.message.truncate(3),
            _ => {}
        }
        Box::pin(async move {
            let mut result = self.store.purge(request).await?;
            match self.violation {
                Violation::ReportsLaterSequence => result.sequence += 1,
                Violation::ReportsUnusedNamespace => result.is_namespace_used = false,
                _ => {}
            }
            Ok(result)
        })
    }

    fn poll_changes(&self, after: Option<Cursor>, wait: Duration) -> BoxFuture<'_, ChangeBatch> {
        let wait = if let Violation::NeverWaits = self.violation { Duration::ZERO } else { wait };
        Box::pin(async move {
            let mut batch = self.store.poll_changes(after.clone(), wait).await?;
            match self.violation {
                Violation::ReportsOneSequence => batch.sequence = 1,
                Violation::LosesChanges => drop(batch.changes.pop()),
                Violation::RepeatsChanges => batch.cursor = after.unwrap_or(batch.cursor),
                Violation::ReportsAllComplete => batch.complete = true,
                _ => {}
            }
            Ok(batch)
        })
    }
}

#[actix_web::test]
async fn conformance_suite_detects_every_violation() {
    let all = [
        Violation::TruncatesBytes,
        Violation::IgnoresTtl,
        Violation::ReportsNoAge,
        Violation::MergesNamespaces,
        Violation::ReplacesLaterFills,
        Violation::PurgesNothing,
        Violation::PurgesEverything,
        Violation::MatchesFirstKeyOnly,
        Violation::IgnoresPurgeSeq,
        Violation::SoftPurgesRemove,
        Violation::PurgesExpire,
        Violation::ReportsNoExpiry,
        Violation::MatchesWholeSegmentsOnly,
        Violation::ReportsOneSequence,
        Violation::IgnoresMinSequence,
        Violation::GrantsEveryLease,
        Violation::GrantsNoLease,
        Violation::ReleasesOtherOwners,
        Violation::IgnoresReleases,
        Violation::KeepsLeaseAfterPut,
        Violation::LeasesFreshEntries,
        Violation::IgnoresUncacheable,
        Violation::LosesChanges,
        Violation::TruncatesMessages,
        Violation::RepeatsChanges,
        Violation::ReportsAllComplete,
        Violation::NeverWaits,
        Violation::IgnoresLeaseTtl,
        Violation::ConfirmsAnyVersion,
        Violation::ConfirmsExpiredEntries,
        Violation::ReusesVersions,
        Violation::ReportsLaterSequence,
        Violation::ReportsUnusedNamespace,
    ];
    let runs = all.map(|violation| async move {
        let backend = Backend::on_the_system_clock();
        let open = || ViolatingStore { store: backend.store(), violation };
        let run = AssertUnwindSafe(conformance::run(open)).catch_unwind().await;
        (violation, run.is_err())
    });
    for (violation, is_detected) in futures_util::future::join_all(runs).await {
        assert!(is_detected, "the suite passes for {violation:?}");
    }
}
