//! A remote store without pages, and a cache that has one.

use std::{future::ready, time::Duration};

use cache_page::{
    PageCache,
    remote::{
        BoxFuture, ChangeBatch, Cursor, GetRequest, GetResponse, Id, LeaseStatus, PurgeRequest, PurgeResult,
        PutRequest, PutResult, ReleaseReason, RemoteStore,
    },
};

/// A remote store that is always empty, so that all hits come from memory.
#[derive(Debug)]
struct EmptyStore;

impl RemoteStore for EmptyStore {
    fn get(&self, _: GetRequest) -> BoxFuture<'_, GetResponse> {
        Box::pin(ready(Ok(GetResponse { entry: None, lease: LeaseStatus::Acquired })))
    }

    fn put(&self, _: PutRequest) -> BoxFuture<'_, PutResult> {
        Box::pin(ready(Ok(PutResult::Stored)))
    }

    fn release(&self, _: Id, _: Id, _: ReleaseReason) -> BoxFuture<'_, ()> {
        Box::pin(ready(Ok(())))
    }

    fn purge(&self, _: PurgeRequest) -> BoxFuture<'_, PurgeResult> {
        Box::pin(ready(Ok(PurgeResult { sequence: 2, is_namespace_used: true })))
    }

    fn poll_changes(&self, after: Option<Cursor>, wait: Duration) -> BoxFuture<'_, ChangeBatch> {
        Box::pin(async move {
            let complete = after.is_some();
            if complete {
                tokio::time::sleep(wait).await;
            }
            Ok(ChangeBatch { complete, changes: Vec::new(), cursor: Cursor(Vec::new()), sequence: 1 })
        })
    }
}

/// Creates a cache with a remote store, which serves from memory.
pub(crate) async fn cache_with_remote_store() -> PageCache {
    let cache = PageCache::builder()
        .remote_store(EmptyStore)
        .key_prefix("bench")
        .max_purge_lag(Duration::from_secs(3600));
    let cache = cache.build();
    while !cache.stats().remote().is_some_and(|remote| remote.is_available) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    cache
}
