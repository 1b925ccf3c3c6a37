//! Looking for a response in the remote store before the handler runs.
//!
//! The request that would run the handler does this, and not the store in memory. So a process sends one request per page, the
//! followers wait for it as they wait for a handler, and a hit in memory costs the same as without a remote store.

mod previous;

use std::{sync::Arc, time::Duration};

use actix_web::http::{Method, header::HeaderMap};
use tokio::{sync::Notify, time::timeout};

use super::{context::Context, request_handle::RequestHandle};
use crate::{
    http::{VaryNames, vary},
    key::{CacheKey, Id, Version},
    observe::record_sizes,
    outcome::ForwardReason,
    purge::{LocalSelector, PurgeMode, PurgeSeq, RequestSubject, Tag},
    remote::{
        DecodeError, Frame, GetResponse, LeaseStatus, RemoteEntry, RemoteError, RemoteLease, RemoteTier,
        Waiter, decode, entry_id, variant_key,
    },
    store::{Entry, RemoteRef},
    time::{deadline_after, instant::Instant},
};

/// How often a request that waits for another process asks again without a notification.
const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// The difference of age up to which entries of two processes may be the same response.
const SAME_AGE: Duration = Duration::from_millis(100);

/// The number of times that a request asks again because what it found was purged or is a set of `Vary` names.
const MAX_LOOKUPS: u32 = 3;

/// What a fill looks for.
pub(crate) struct FetchRequest<'f> {
    pub(crate) context: &'f Context,
    pub(crate) request: &'f RequestHandle,
    pub(crate) cause: ForwardReason,
    /// An entry in local memory that the remote store may confirm.
    pub(crate) cached: Option<Arc<Entry>>,
    /// The entry that the fill replaces.
    pub(crate) stale: Option<Arc<Entry>>,
    /// Whether anything but the client of the fill may wait for its response.
    pub(crate) is_awaited: bool,
    /// Whether a stale entry may be served while it is refreshed.
    pub(crate) accepts_stale: bool,
}

/// What was found.
#[derive(Default)]
pub(crate) struct Fetched {
    /// An entry that answers the request. A lease that comes with it is for its refresh.
    pub(crate) hit: Option<Arc<Entry>>,
    /// An entry that the handler may revalidate.
    pub(crate) stale: Option<Arc<Entry>>,
    /// The right to run the handler for all processes.
    pub(crate) lease: Option<RemoteLease>,
    pub(crate) error: Option<RemoteError>,
    /// The response was uncacheable lately, so that no request waits for another.
    pub(crate) is_uncoalesced: bool,
}

/// Looks for the response of a fill, and waits for a process that is making it.
pub(crate) async fn fetch(request: FetchRequest<'_>) -> Fetched {
    if let Some(remote) = request.context.cache.remote()
        && let Err(error) = remote.wait_available().await
    {
        return Fetched { error: Some(error), ..Fetched::default() };
    }
    match Fetch::new(request) {
        Some(fetch) => fetch.run().await,
        None => Fetched::default(),
    }
}

struct Fetch<'f> {
    request: FetchRequest<'f>,
    remote: &'f RemoteTier,
    local_key: CacheKey<'f>,
    headers: &'f HeaderMap,
    /// The key in the remote store, without the variant.
    key: Vec<u8>,
    /// The request headers that the response is known to vary by.
    vary_names: VaryNames,
    /// Identifies the lease of this fill.
    owner: Id,
    /// Whether the page is made if it is not found, for others than the client of the fill too.
    makes_page: bool,
    takes_lease: bool,
    /// The entry that the next request asks the remote store to confirm.
    cached: Option<Arc<Entry>>,
    prediction: Option<Prediction>,
    lookups: u32,
    /// When the remote store was last asked. It may have answered long before the answer is read.
    asked_at: Instant,
    /// Whether the page of the previous version was looked for.
    has_looked_back: bool,
    fetched: Fetched,
}

/// What the response is probably purged by, as far as the request tells.
struct Prediction {
    subject: RequestSubject,
    purge_keys: Vec<Id>,
}

/// What the remote store has under one key.
enum Found {
    Nothing,
    Entry(Arc<Entry>),
    /// The cached entry, which is still current.
    Confirmed(Arc<Entry>),
    VaryNames(VaryNames),
    /// An entry that was purged while it was sent.
    Purged,
}

/// What follows from a lookup.
enum Progress {
    Done,
    LookAgain,
    Miss,
}

impl<'f> Fetch<'f> {
    fn new(request: FetchRequest<'f>) -> Option<Self> {
        let context = request.context;
        let remote = context.cache.remote()?;
        let local_key = context.cache_key()?;
        let makes_page = request.cause != ForwardReason::Request
            && *request.request.method() == Method::GET
            && request.is_awaited;
        Some(Self {
            remote,
            local_key,
            headers: request.request.headers(),
            key: remote.namespace().page_key(context.policy.handler(), &context.key)?,
            vary_names: context.cache.store().vary_names(local_key),
            owner: remote.new_lease_owner(),
            makes_page,
            takes_lease: makes_page && remote.options().coalesce_across_processes,
            // A client that asked for a newer response is not served from a cache, not even with a confirmed entry.
            cached: request.cached.clone().filter(|_| request.cause != ForwardReason::Request),
            prediction: None,
            lookups: 0,
            asked_at: context.now(),
            has_looked_back: false,
            fetched: Fetched::default(),
            request,
        })
    }

    async fn run(mut self) -> Fetched {
        let remote = self.remote;
        let deadline = deadline_after(self.request.context.cache.timeouts().coalesce_timeout);
        let mut waiter: Option<Waiter<'_>> = None;
        loop {
            let Some(key) = self.variant_key() else { return self.fetched };
            let id = entry_id(&key);
            // Registered first: a notification during the request may be about its response.
            let notify = waiter.as_ref().map(Waiter::notification);
            let notified = notify.as_deref().map(Notify::notified);
            let (found, status) = match self.look_up(&key, id).await {
                Ok(response) => response,
                Err(error) => {
                    self.fetched.error = Some(error);
                    return self.fetched;
                }
            };
            match self.apply(found, status, id) {
                Progress::Done => return self.fetched,
                Progress::LookAgain => continue,
                Progress::Miss => {}
            }
            if self.find_previous(status, id).await {
                return self.fetched;
            }
            match status {
                _ if !self.takes_lease => return self.fetched,
                LeaseStatus::Held if tokio::time::Instant::now() < deadline => {}
                LeaseStatus::Held => return self.fetched,
                LeaseStatus::Acquired => {
                    self.acquire_lease(id);
                    return self.fetched;
                }
                LeaseStatus::Uncoalesced => {
                    self.fetched.is_uncoalesced = true;
                    return self.fetched;
                }
            }
            match notified {
                // The next request is made at once, since the process may have finished before the waiter was registered.
                None => drop(waiter.insert(remote.register_waiter(id))),
                Some(notified) => drop(timeout(POLL_INTERVAL, notified).await),
            }
        }
    }

    /// Returns the key of the variant that this request selects.
    fn variant_key(&self) -> Option<Vec<u8>> {
        if self.vary_names.is_empty() {
            return Some(self.key.clone());
        }
        variant_key(&self.key, &self.vary_names, self.headers, self.request.context.key.normalized())
    }

    async fn look_up(&mut self, key: &[u8], id: Id) -> Result<(Found, LeaseStatus), RemoteError> {
        let purge_seq = PurgeSeq::now();
        let if_version = self.cached.as_ref().and_then(|cached| self.version_of(cached, id));
        let cached = self.cached.take_if(|_| if_version.is_some());
        if self.prediction.is_none() && if_version.is_none() {
            self.prediction = self.predict();
        }
        let purge_keys = self.prediction.as_ref().map(|prediction| prediction.purge_keys.clone());
        let owner = self.takes_lease.then_some(self.owner);
        self.asked_at = self.now();
        let response = self.remote.get(id, if_version, purge_keys.unwrap_or_default(), owner);
        let GetResponse { entry, lease } = response.await?;
        let found = match (entry, cached) {
            (None, _) => Found::Nothing,
            (Some(RemoteEntry { bytes: None, .. }), Some(cached)) => {
                if self.was_purged_since(&cached, purge_seq) {
                    Found::Purged
                } else {
                    Found::Confirmed(cached)
                }
            }
            (Some(entry), _) => self.decode(&entry, key, id, purge_seq),
        };
        Ok((found, lease))
    }

    fn apply(&mut self, found: Found, status: LeaseStatus, id: Id) -> Progress {
        match found {
            Found::Entry(entry) => self.take(entry, status, id),
            Found::Confirmed(entry) => {
                let now = self.now();
                if !entry.is_fresh(now) || entry.is_invalidated() {
                    // It expired while the remote store was asked.
                    return Progress::LookAgain;
                }
                entry.set_local_expiry(self.remote.local_expiry(self.asked_at));
                self.fetched.hit = Some(entry);
                Progress::Done
            }
            Found::VaryNames(names) if self.vary_names.is_empty() && self.may_look_again() => {
                names.into_iter().for_each(|name| vary::insert(&mut self.vary_names, name));
                let store = self.request.context.cache.store();
                store.record_vary(self.local_key, self.vary_names.clone());
                Progress::LookAgain
            }
            Found::Purged if self.may_look_again() => Progress::LookAgain,
            Found::Nothing | Found::VaryNames(_) | Found::Purged => Progress::Miss,
        }
    }

    /// Stores an entry in local memory, and decides whether it answers the request.
    fn take(&mut self, entry: Arc<Entry>, status: LeaseStatus, id: Id) -> Progress {
        let now = self.now();
        let is_stored = self.store_local(&entry, now);
        let is_wanted = self.request.cause != ForwardReason::Request;
        let is_fresh = entry.is_fresh(now) && self.is_newer(&entry, now);
        let is_servable_stale =
            self.request.accepts_stale && !entry.is_fresh(now) && entry.may_serve_while_revalidating(now);
        if is_wanted && (is_fresh || is_servable_stale) {
            if !is_fresh && self.takes_lease && status == LeaseStatus::Acquired {
                self.acquire_lease(id);
            }
            self.fetched.hit = Some(entry);
            return Progress::Done;
        }
        // A newer entry in local memory is the one that the handler revalidates.
        let is_current = |stale: &Arc<Entry>| stale.is_fresh(now) && !stale.must_revalidate_remote(now);
        let has_newer = !is_stored && self.stale().is_some_and(is_current);
        if !has_newer {
            self.fetched.stale = Some(entry);
        }
        if is_wanted { Progress::Miss } else { Progress::Done }
    }

    fn acquire_lease(&mut self, id: Id) {
        let max_duration = self.request.context.cache.timeouts().fill_timeout;
        self.fetched.lease = Some(self.remote.keep_lease(id, self.owner, max_duration));
    }

    fn may_look_again(&mut self) -> bool {
        let may = self.lookups < MAX_LOOKUPS;
        self.lookups += u32::from(may);
        may
    }

    fn now(&self) -> Instant {
        self.request.context.now()
    }

    fn stale(&self) -> Option<&Arc<Entry>> {
        self.fetched.stale.as_ref().or(self.request.stale.as_ref())
    }

    /// Returns the version of a cached entry that the remote store can confirm under this id.
    fn version_of(&self, cached: &Entry, id: Id) -> Option<Version> {
        let now = self.now();
        let remote_ref = cached.remote_ref().filter(|remote_ref| remote_ref.id == id)?;
        let is_confirmable =
            cached.must_revalidate_remote(now) && cached.is_fresh(now) && !cached.is_invalidated();
        is_confirmable.then(|| remote_ref.version.clone())
    }

    /// Returns whether an entry is another response than the one that is refreshed before it expires.
    fn is_newer(&self, entry: &Entry, now: Instant) -> bool {
        // The start of one response differs a little from process to process.
        let is_later = |stale: &Entry| entry.started_at().since(stale.started_at()) > SAME_AGE;
        let is_early = |stale: &Entry| stale.is_fresh(now) && !stale.must_revalidate_remote(now);
        self.stale().is_none_or(|stale| !is_early(stale) || is_later(stale))
    }

    /// Returns whether an entry was purged or expired after `purge_seq`, as far as this process knows.
    fn was_purged_since(&self, entry: &Entry, purge_seq: PurgeSeq) -> bool {
        let matches = |(_, selector): &(PurgeMode, LocalSelector)| selector.matches(entry.purge_keys());
        let purge_log = self.request.context.cache.store().purge_log();
        self.remote.has_pending_purge(entry.purge_keys(), purge_seq)
            || purge_log.was_purged_since(purge_seq, matches)
    }

    fn predict(&self) -> Option<Prediction> {
        let FetchRequest { context, request, .. } = self.request;
        let subject = context.subject(request.request())?;
        let tags = request.request().map(|request| context.policy.expand_tags(request).0).unwrap_or_default();
        let purge_keys = subject.clone().with_tags(&tags).stable_ids();
        Some(Prediction { subject, purge_keys })
    }

    fn decode(&mut self, entry: &RemoteEntry, key: &[u8], id: Id, purge_seq: PurgeSeq) -> Found {
        if self.prediction.is_none() {
            self.prediction = self.predict();
        }
        let Some(Prediction { subject, .. }) = &self.prediction else { return Found::Nothing };
        // Only an entry that this request has may come without its bytes.
        let bytes = entry.bytes.as_ref().ok_or(DecodeError::Corrupt);
        let decoded = match bytes.and_then(|bytes| decode(bytes, key)) {
            Ok(Frame::VaryNames(names)) => return Found::VaryNames(names),
            Ok(Frame::Page(decoded)) => decoded,
            // The key of a page leads to no encoded body.
            Ok(Frame::EncodedBody(_)) | Err(DecodeError::KeyMismatch) => return Found::Nothing,
            Err(DecodeError::Corrupt) => {
                self.remote.report_corrupt();
                self.fetched.error = Some(RemoteError::Corrupt);
                return Found::Nothing;
            }
        };
        let tags: Vec<Tag> = decoded.tags.iter().map(|tag| Tag::new(tag)).collect();
        let purge_keys = subject.at(purge_seq).with_tags(&tags);
        let remote_ref = entry.version.clone().map(|version| RemoteRef { id, version });
        let now = self.now();
        let is_stored = self.remote.serves_from_memory() || remote_ref.is_some();
        let decoded = decoded.page.to_entry(entry.age, now, purge_keys, is_stored);
        let Some(decoded) = decoded else { return Found::Nothing };
        let decoded =
            decoded.with_remote_ref(remote_ref).with_local_expiry(self.remote.local_expiry(self.asked_at));
        if let Some(expired) = entry.expired {
            decoded.expire(now.before(expired));
        }
        if self.was_purged_since(&decoded, purge_seq) {
            return Found::Purged;
        }
        Found::Entry(Arc::new(decoded))
    }

    /// Stores an entry in local memory, to be served or confirmed there. Returns whether it was stored.
    fn store_local(&self, entry: &Arc<Entry>, now: Instant) -> bool {
        let is_confirmable = entry.remote_ref().is_some() && entry.is_fresh(now);
        // The remote store has decided which of two entries is newer: ages differ a little from process to process.
        let replaceable = |old: &&Arc<Entry>| !old.is_fresh(now) || old.must_revalidate_remote(now);
        let replaced = self.request.cached.as_ref().or(self.stale()).filter(replaceable);
        let store = self.request.context.cache.store();
        let is_stored = (self.remote.serves_from_memory() || is_confirmable) && {
            let (names, entry) = (self.vary_names.clone(), Arc::clone(entry));
            store.replace(self.local_key, names, self.headers, entry, replaced).is_ok()
        };
        if let (Some(replaced), false) = (replaced, is_stored) {
            store.remove_if_current(self.local_key, self.headers, replaced);
        }
        record_sizes(self.request.context.cache.observer(), store);
        is_stored
    }
}
