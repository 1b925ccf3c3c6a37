//! Encoded bodies in the remote store: of several processes, one encodes the body of a page.

use std::{future::Future, sync::Arc, time::Duration};

use actix_web::web::Bytes;
use tokio::runtime::Handle;
use xxhash_rust::xxh3::xxh3_128;

use super::{
    client::RemoteClient,
    codec::{DecodeError, Frame, decode, encode_encoded_body},
    lease::RemoteLease,
    messages::{GetRequest, Lease, LeaseStatus, PutRequest},
    namespace::{encoding_key, entry_id},
};
use crate::{http::Coding, key::Id};

/// The body of a page in one coding, in the remote store.
pub(crate) struct RemoteEncoding {
    client: Arc<RemoteClient>,
    runtime: Handle,
    key: Vec<u8>,
    owner: Id,
}

/// What the remote store has.
pub(crate) enum EncodingLookup {
    Found(Bytes),
    /// Nothing. This process encodes the body, and has the lease for it if the store is available.
    Missing(Option<RemoteLease>),
    /// Another process encodes the body.
    InProgress,
}

impl RemoteEncoding {
    /// `page_key` is the key of the page or of its variant in the store. The key of the encoded body has a hash of the body, so that it
    /// never leads to that of another version of the page.
    pub(super) fn new(
        client: Arc<RemoteClient>,
        runtime: Handle,
        owner: Id,
        page_key: &[u8],
        coding: Coding,
        body: &[u8],
    ) -> Self {
        let key = encoding_key(page_key, coding.name(), xxh3_128(body));
        Self { client, runtime, key, owner }
    }

    /// Puts the encoded body into the store, which ends the lease. `request` is that of the page.
    pub(crate) async fn put(&self, mut request: PutRequest, body: &[u8], lease: Option<RemoteLease>) {
        request.bytes = encode_encoded_body(&self.key, body);
        request.owner = lease.as_ref().map(|_| self.owner);
        let Some(_permit) = self.client.reserve(request.bytes.len()) else {
            return self.client.count_overload();
        };
        let result = self.client.put(request).await;
        if let (Some(mut lease), Ok(_)) = (lease, &result) {
            lease.disarm();
        }
        self.client.counters().count_put(result);
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    /// Runs a task that no request waits for.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.runtime.spawn(task));
    }

    /// Looks for the encoded body. `max_duration` limits the lease.
    pub(crate) async fn look_up(&self, max_duration: Duration) -> EncodingLookup {
        let id = entry_id(&self.key);
        let lease = Some(Lease::of(self.owner));
        let request = GetRequest { key: id, if_version: None, purge_keys: Vec::new(), lease };
        let Ok(response) = self.client.get(request).await else { return EncodingLookup::Missing(None) };
        let lease = (response.lease == LeaseStatus::Acquired).then(|| {
            let (client, runtime) = (Arc::clone(&self.client), self.runtime.clone());
            RemoteLease::keep(client, runtime, id, self.owner, max_duration)
        });
        match response.entry.and_then(|entry| entry.bytes).map(|bytes| decode(&bytes, &self.key)) {
            // A stale one is as good, since its key names the content. Dropped, the lease ends.
            Some(Ok(Frame::EncodedBody(body))) => return EncodingLookup::Found(body),
            Some(Err(DecodeError::Corrupt)) => self.client.report_corrupt(),
            _ => {}
        }
        match response.lease {
            LeaseStatus::Held => EncodingLookup::InProgress,
            LeaseStatus::Acquired | LeaseStatus::Uncoalesced => EncodingLookup::Missing(lease),
        }
    }
}
