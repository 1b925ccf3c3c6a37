//! The lease of a fill on an entry of the remote store: while one process holds it, the others wait for its response.

use std::{sync::Arc, time::Duration};

use tokio::{runtime::Handle, task::JoinHandle, time::sleep};

use super::{
    client::RemoteClient,
    messages::{GetRequest, Lease, ReleaseReason},
};
use crate::key::Id;

/// How long a lease outlives its last renewal: after a process has died, another one takes over after this time.
const LEASE_TTL: Duration = Duration::from_secs(1);

const RENEWAL_INTERVAL: Duration = Duration::from_millis(300);

/// How long processes run their handlers uncoalesced after an uncacheable response.
const UNCACHEABLE_TTL: Duration = Duration::from_secs(5);

impl Lease {
    /// Creates the lease that `owner` requests.
    pub(super) fn of(owner: Id) -> Self {
        Self { owner, ttl: LEASE_TTL }
    }
}

/// A lease that a fill of this process holds. It is renewed in the background, and released when it is dropped.
pub(crate) struct RemoteLease {
    client: Arc<RemoteClient>,
    runtime: Handle,
    key: Id,
    owner: Id,
    is_released: bool,
    renewal: JoinHandle<()>,
}

impl RemoteLease {
    /// Keeps the lease that the store has granted to `owner`, for at most `max_duration`.
    pub(super) fn keep(
        client: Arc<RemoteClient>,
        runtime: Handle,
        key: Id,
        owner: Id,
        max_duration: Duration,
    ) -> Self {
        let renewal = runtime.spawn(renew(Arc::clone(&client), key, owner, max_duration));
        Self { client, runtime, key, owner, is_released: false, renewal }
    }

    /// Returns the owner if this is a lease on `key`.
    pub(crate) fn owner_of(&self, key: Id) -> Option<Id> {
        (self.key == key).then_some(self.owner)
    }

    /// Releases the lease after an uncacheable response: for a while, no process waits for another one.
    pub(crate) fn release_uncacheable(mut self) {
        self.release(ReleaseReason::Uncacheable(UNCACHEABLE_TTL));
    }

    /// Stops the renewal of the lease, because its entry is being put: if that takes too long, another process takes over.
    pub(super) fn stop_renewal(&self) {
        self.renewal.abort();
    }

    /// Records that the store has ended the lease.
    pub(super) fn disarm(&mut self) {
        self.renewal.abort();
        self.is_released = true;
    }

    fn release(&mut self, reason: ReleaseReason) {
        self.renewal.abort();
        if !std::mem::replace(&mut self.is_released, true) {
            let (client, key, owner) = (Arc::clone(&self.client), self.key, self.owner);
            self.runtime.spawn(async move {
                // If it fails, the lease expires.
                let _ = client.release(key, owner, reason).await;
            });
        }
    }
}

impl Drop for RemoteLease {
    fn drop(&mut self) {
        self.release(ReleaseReason::Retry);
    }
}

async fn renew(client: Arc<RemoteClient>, key: Id, owner: Id, max_duration: Duration) {
    let renewals = max_duration.as_millis() / RENEWAL_INTERVAL.as_millis();
    for _ in 0..renewals {
        sleep(RENEWAL_INTERVAL).await;
        let lease = Some(Lease::of(owner));
        // If it fails, the next renewal may succeed; otherwise another process runs the handler too.
        let request = GetRequest { key, if_version: None, purge_keys: Vec::new(), lease };
        let _ = client.get(request).await;
    }
}
