//! Publishing a stored response to the other processes.

use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, http::header::HeaderMap};

use super::context::Context;
use crate::{
    cache::PageCache,
    http::VaryNames,
    purge::{PurgeMode, PurgeSelector},
    remote::{PutRequest, RemoteLease, RemoteTier, encode_page, encode_vary_names, entry_id, variant_key},
    store::Entry,
    time::instant::Instant,
};

/// The longest time that a remote store keeps a response, so that nothing is left behind there. A response without expiry is
/// made again after it.
const MAX_TTL: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Puts an entry into the remote store in the background. The client does not wait for that; other processes wait by the lease,
/// which ends when the entry is stored.
pub(crate) fn publish(
    context: &Context,
    headers: &HeaderMap,
    remote: &RemoteTier,
    entry: &Arc<Entry>,
    vary_names: &VaryNames,
    lease: Option<RemoteLease>,
) {
    let store = context.cache.store();
    let local_key =
        context.cache_key().map(|key| store.with_coalescing_key(key, headers, |key| Box::from(key)));
    let (store, entry) = (Arc::clone(store), Arc::clone(entry));
    let Some(requests) = put_requests(context, headers, remote, &entry, vary_names, lease.as_ref()) else {
        return;
    };
    let keys = Arc::clone(entry.shared_purge_keys());
    remote.put(requests, lease, &keys, move || {
        if let Some(key) = local_key {
            store.remove_under(&key, &entry);
        }
    });
}

fn put_requests(
    context: &Context,
    headers: &HeaderMap,
    remote: &RemoteTier,
    entry: &Entry,
    vary_names: &VaryNames,
    lease: Option<&RemoteLease>,
) -> Option<Vec<PutRequest>> {
    let purge_seq = remote.sequence_at(entry.purge_keys().purge_seq());
    if purge_seq == 0 {
        // The remote store would reject a response whose fill started before this process heard of its purges.
        return None;
    }
    let now = context.now();
    let key = remote.namespace().page_key(context.policy.handler(), &context.key)?;
    let variant = match vary_names.is_empty() {
        true => None,
        false => Some(variant_key(&key, vary_names, headers, context.key.normalized())?),
    };
    let entry_key = variant.as_deref().unwrap_or(&key);
    let bytes = encode_page(entry_key, entry, entry.purge_keys().tag_names(), now);
    let mut request = put_request(entry, entry_key, bytes, purge_seq, now);
    // The lease was acquired before the response turned out to vary. Those who wait for it are notified when it ends.
    request.owner = lease.and_then(|lease| lease.owner_of(request.key));
    let mut requests = vec![request];
    if variant.is_some() {
        // After the entry, since a process that reads the names looks for the entry at once. They are put each time: they may
        // have been evicted, and the entry cannot be found without them.
        let bytes = encode_vary_names(&key, vary_names);
        let names = put_request(entry, &key, bytes, purge_seq, now);
        requests.push(PutRequest { fresh_for: None, started: Duration::ZERO, ..names });
    }
    Some(requests)
}

/// Returns the request that puts an encoded body of an entry into the store, except for its bytes, or `None` if the store would reject it.
pub(crate) fn encoded_put_request(
    remote: &RemoteTier,
    entry: &Entry,
    key: &[u8],
    now: Instant,
) -> Option<PutRequest> {
    let purge_seq = remote.sequence_at(entry.purge_keys().purge_seq());
    (purge_seq > 0).then(|| put_request(entry, key, Vec::new(), purge_seq, now))
}

fn put_request(entry: &Entry, key: &[u8], bytes: Vec<u8>, purge_seq: u64, now: Instant) -> PutRequest {
    let purge_keys = entry.purge_keys();
    let ttl = entry.remote_expires_at().map_or(MAX_TTL, |expires_at| expires_at.since(now));
    PutRequest {
        key: entry_id(key),
        bytes,
        purge_keys: purge_keys.stable_ids(),
        path: purge_keys.path().to_owned(),
        purge_seq,
        started: now.since(entry.started_at()),
        fresh_for: entry.ttl(now),
        ttl: ttl.clamp(Duration::from_millis(1), MAX_TTL),
        owner: None,
    }
}

/// Purges the URL of a request in the remote store.
pub(super) fn purge_url(cache: &PageCache, request: Option<&HttpRequest>) {
    let Some((remote, request)) = cache.remote().zip(request) else { return };
    // It is retried until the remote store confirms it.
    drop(remote.purge(PurgeMode::Remove, &PurgeSelector::from_request_url(request)));
}
