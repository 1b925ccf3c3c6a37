//! Encoding the body of a page for the first client that asks for it.

use std::{sync::Arc, time::Duration};

use actix_web::http::header::HeaderMap;
use tokio::{runtime::Handle, task::spawn_blocking, time::sleep};

use super::lookup::Lookup;
use crate::{
    cache::{Encoder, EncodingPermit},
    fill::encoded_put_request,
    http::Coding,
    key::{CacheKey, KeyParts},
    page::{EncodedBody, MAX_IN_PLACE},
    remote::{EncodingLookup, PutRequest, RemoteEncoding, variant_key},
    store::{Entry, Store},
    sync::is_panicking,
    time::Instant,
};

/// The encoding of one body in one coding. Dropped before it has run, it leaves that to another request.
struct EncodingJob {
    store: Arc<Store>,
    /// The key under which the entry is stored.
    key: Box<[u8]>,
    entry: Arc<Entry>,
    coding: Coding,
    encoder: Encoder,
    is_finished: bool,
}

/// The time after which a process looks again for a body that another one encodes.
const RETRY_INTERVAL: Duration = Duration::from_millis(25);

/// The place of an encoded body in the remote store.
struct SharedEncoding {
    place: RemoteEncoding,
    /// The request that puts it there, except for its bytes.
    put: Option<PutRequest>,
    /// The longest time for which other processes wait for this one.
    max_duration: Duration,
}

/// An entry whose body is to be encoded, and the request that asks for it.
struct EncodingRequest<'r> {
    store: &'r Arc<Store>,
    encoder: &'r Encoder,
    key: CacheKey<'r>,
    headers: &'r HeaderMap,
    entry: &'r Arc<Entry>,
    coding: Coding,
}

impl Lookup<'_> {
    /// Encodes the body of an entry for this request, unless another one does. Returns it if that was done at once.
    #[cold]
    pub(super) fn encode(
        &self,
        key: &KeyParts,
        entry: &Arc<Entry>,
        coding: Coding,
        now: Instant,
    ) -> Option<Arc<EncodedBody>> {
        let request = EncodingRequest {
            store: self.cache.store(),
            encoder: self.cache.encoder(),
            key: key.key()?,
            headers: self.request.headers(),
            entry,
            coding,
        };
        request.encode(|| self.shared_encoding(key, entry, coding, now))
    }

    /// Returns the place of an encoded body in the remote store.
    fn shared_encoding(
        &self,
        key: &KeyParts,
        entry: &Entry,
        coding: Coding,
        now: Instant,
    ) -> Option<SharedEncoding> {
        let remote = self.cache.remote().filter(|remote| remote.is_available())?;
        let page_key = remote.namespace().page_key(self.policy.handler(), key)?;
        let names = self.cache.store().vary_names(key.key()?);
        let variant = match names.is_empty() {
            true => None,
            false => Some(variant_key(&page_key, &names, self.request.headers(), key.normalized())?),
        };
        let place = remote.encoding(variant.as_ref().unwrap_or(&page_key), coding, entry.page.body());
        let put = encoded_put_request(remote, entry, place.key(), now);
        Some(SharedEncoding { place, put, max_duration: self.cache.timeouts().fill_timeout })
    }
}

impl EncodingRequest<'_> {
    /// Encodes the body, unless another request does. Returns it if that was done at once.
    ///
    /// A longer body is encoded by another thread, and no request waits for it. `share` returns its place in the remote store, where another
    /// process may have put it.
    fn encode(&self, share: impl FnOnce() -> Option<SharedEncoding>) -> Option<Arc<EncodedBody>> {
        let is_in_place = self.entry.page.body().len() <= MAX_IN_PLACE;
        let permit = if is_in_place { None } else { Some(self.encoder.acquire()?) };
        let job = self.claim()?;
        match permit {
            None => job.run(),
            Some(permit) => {
                match share() {
                    Some(shared) => shared.spawn(job, permit),
                    None => job.spawn(permit),
                }
                None
            }
        }
    }

    fn claim(&self) -> Option<EncodingJob> {
        self.entry.page.encodings().filter(|encodings| encodings.claim(self.coding))?;
        Some(EncodingJob {
            store: Arc::clone(self.store),
            key: self.store.entry_key(self.key, self.headers),
            entry: Arc::clone(self.entry),
            coding: self.coding,
            encoder: self.encoder.clone(),
            is_finished: false,
        })
    }
}

impl SharedEncoding {
    fn spawn(self, job: EncodingJob, permit: EncodingPermit) {
        let Self { place, put, max_duration } = self;
        let place = Arc::new(place);
        let own = Arc::clone(&place);
        place.spawn(async move {
            run_for_all(job, &own, put, max_duration).await;
            drop(permit);
        });
    }
}

/// Takes the encoded body from the remote store, or encodes the body and puts it there.
async fn run_for_all(
    mut job: EncodingJob,
    place: &RemoteEncoding,
    put: Option<PutRequest>,
    max_duration: Duration,
) {
    let lease = match place.look_up(max_duration).await {
        EncodingLookup::Found(body) => {
            let encoded = job.entry.page.encoded_body(job.coding, body);
            return job.finish(Some(encoded));
        }
        // The next request looks again.
        EncodingLookup::InProgress => return sleep(RETRY_INTERVAL).await,
        EncodingLookup::Missing(lease) => lease,
    };
    let encoded = spawn_blocking(move || job.run()).await;
    if let (Ok(Some(encoded)), Some(put)) = (encoded, put) {
        place.put(put, &encoded.body, lease).await;
    }
}

impl EncodingJob {
    fn run(mut self) -> Option<Arc<EncodedBody>> {
        self.encoder.count();
        let encoded = self.entry.page.encode(self.coding);
        self.finish(encoded.clone());
        encoded
    }

    fn finish(&mut self, encoded: Option<Arc<EncodedBody>>) {
        self.is_finished = true;
        self.store.finish_encoding(&self.key, &self.entry, self.coding, encoded);
    }

    fn spawn(self, permit: EncodingPermit) {
        // actix-web calls handlers in a runtime.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(move || {
                self.run();
                drop(permit);
            });
        }
    }
}

impl Drop for EncodingJob {
    fn drop(&mut self) {
        let Some(encodings) = self.entry.page.encodings().filter(|_| !self.is_finished) else { return };
        if is_panicking() {
            // It would panic again.
            encodings.finish(self.coding, None);
        } else {
            encodings.release(self.coding);
        }
    }
}
