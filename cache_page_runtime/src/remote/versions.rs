//! Which version of the site had its pages in the store before this one.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::time::sleep;

use super::{
    client::RemoteClient,
    messages::{GetRequest, PutRequest},
    namespace::{Namespace, entry_id},
    seen_purges::SeenPurges,
};
use crate::{
    purge::PurgeSeq,
    time::{Clock, Instant},
};

/// After how long another attempt is made to read and write the record, which doubles with each one.
const FIRST_INTERVAL: Duration = Duration::from_millis(5);
const MAX_INTERVAL: Duration = Duration::from_secs(1);

/// The time after which the record expires, unless a process starts.
const TTL: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The key of the record. No page has it: the first byte is that of no page key.
const KEY: &[u8] = b"\xffversions";

/// The hash of a version.
type Version = [u8; 16];

/// For how long the pages of the previous version are served as stale ones, and which version that is.
pub(super) struct PreviousVersion {
    until: Instant,
    version: OnceLock<Version>,
}

impl PreviousVersion {
    /// The pages are served for this time from now on.
    pub(super) fn new(window: Duration) -> Self {
        Self { until: Clock::System.now() + window, version: OnceLock::new() }
    }

    /// Returns the namespace of the previous version, if it is known and its pages are still served.
    pub(super) fn namespace(&self) -> Option<Namespace> {
        let version = self.version.get()?;
        (Clock::System.now() < self.until).then_some(Namespace::Version(*version))
    }

    /// Reads from the store which version was there, and records that it is `current` now, as soon as the store is available.
    pub(super) async fn exchange(
        &self,
        client: &Arc<RemoteClient>,
        seen_purges: &SeenPurges,
        current: Version,
    ) {
        let mut interval = FIRST_INTERVAL;
        while !client.is_available() || self.try_exchange(client, seen_purges, current).await.is_none() {
            sleep(interval).await;
            interval = MAX_INTERVAL.min(2 * interval);
        }
    }

    async fn try_exchange(
        &self,
        client: &Arc<RemoteClient>,
        seen_purges: &SeenPurges,
        current: Version,
    ) -> Option<()> {
        let key = entry_id(KEY);
        let request = GetRequest { key, if_version: None, purge_keys: Vec::new(), lease: None };
        let stored = client.get(request).await.ok()?.entry.and_then(|entry| entry.bytes);
        let stored = stored.as_deref().and_then(<[u8]>::split_last_chunk);
        let previous = match stored {
            // Another process of this version has recorded it, with the one before.
            Some((before, last)) if *last == current => before.try_into().ok(),
            Some((_, last)) => Some(*last),
            None => None,
        };
        if let Some(previous) = previous {
            let _ = self.version.set(previous);
        }
        if stored.is_some_and(|(_, last)| *last == current) {
            return Some(());
        }
        let request = PutRequest {
            key,
            bytes: [&previous.map(Vec::from).unwrap_or_default()[..], &current].concat(),
            purge_keys: vec![key],
            path: String::new(),
            purge_seq: seen_purges.sequence_at(PurgeSeq::now()),
            started: Duration::ZERO,
            fresh_for: Some(TTL),
            ttl: TTL,
            owner: None,
        };
        matches!(client.put(request).await, Ok(super::PutResult::Stored)).then_some(())
    }
}
