//! Storing the response of a run, completing its flight and publishing it to the remote store.

use std::sync::Arc;

use actix_web::web::Bytes;

use super::{
    admission::Admission,
    publish::publish,
    response_headers::{self, GeneratedHeaders},
    run::Run,
};
use crate::{
    cache::SharedResult,
    http::{VaryNames, vary},
    key::KeyHash,
    outcome::{Outcome, Reason},
    page::{LinesOwner, Page, ResponseHead},
    purge::PurgeKeys,
    store::{Entry, Lifetime},
    time::{instant::Instant, jitter},
};

/// What an entry is made of, except for its generated headers.
struct Parts<'p> {
    head: ResponseHead<'p>,
    body: Option<&'p Bytes>,
    lines_owner: LinesOwner,
    lifetime: Lifetime,
    local_expiry: Option<Instant>,
    purge_keys: Arc<PurgeKeys>,
    asks_for_validators: bool,
}

/// Stores the response of a run, shares it with its followers and publishes it. Adds the headers that the entry has beside those of the
/// handler to `generated`, which must be empty.
///
/// Followers also receive a response for which there is no room: it is shareable, and they asked for it while it was made.
pub(crate) fn store(
    run: &mut Run,
    head: ResponseHead<'_>,
    body: Option<&Bytes>,
    admission: &Admission,
    generated: &mut GeneratedHeaders,
) -> Result<Arc<Entry>, Reason> {
    let is_encodable = body.is_some_and(|body| admission.is_encodable(head, Some(body.len()), &run.context));
    let body_bytes = body.map(AsRef::as_ref);
    response_headers::generate(head, body_bytes, admission, is_encodable, &run.context, generated);
    let parts = Parts::new(run, head, body, admission)?;
    let vary_names = &admission.vary_names;
    if !run.context.fits(body) {
        share_unstored(run, &parts, vary_names, Reason::BodyTooLarge);
        return Err(Reason::BodyTooLarge);
    }
    let mut page = parts.page(generated);
    if is_encodable {
        page = page.encodable();
        // The handler often generates the same page again.
        run.stale.iter().for_each(|stale| page.adopt_encodings(&stale.page));
    }
    let entry = parts.entry(page);
    if run.context.policy.rejects(run.request.request(), &entry.page) {
        return Err(Reason::NoStoreIf);
    }
    let flight_key = flight_key(run);
    if let Err(reason) = put(run, &entry, vary_names) {
        share_unstored(run, &parts, vary_names, reason);
        return Err(reason);
    }
    publish_entry(run, &entry, vary_names);
    share(run, &entry, vary_names, flight_key);
    Ok(entry)
}

impl<'p> Parts<'p> {
    fn new(
        run: &Run,
        head: ResponseHead<'p>,
        body: Option<&'p Bytes>,
        admission: &Admission,
    ) -> Result<Self, Reason> {
        let cache = &run.context.cache;
        let purge_keys = run.context.purge_keys(run.request.request(), &admission.tags);
        let max_jitter = cache.timeouts().ttl_jitter;
        Ok(Self {
            head,
            body,
            lines_owner: cache.store().lines_owner(),
            lifetime: Lifetime {
                created_at: admission.created_at,
                initial_age: admission.headers.initial_age(head.headers, admission.date),
                ttl: admission.decision.ttl.map(|ttl| jitter::shorten_randomly(ttl, max_jitter)),
                stale: admission.decision.stale,
                fill_time: admission.fill_time,
            },
            local_expiry: cache.remote().map(|remote| remote.local_expiry(admission.created_at)),
            purge_keys: purge_keys.ok_or(Reason::KeyTooLong)?,
            asks_for_validators: admission.asks_for_validators,
        })
    }

    fn page(&self, generated: &GeneratedHeaders) -> Page {
        Page::from_response(self.head, generated, self.body.cloned(), self.lines_owner)
    }

    fn entry(&self, page: Page) -> Arc<Entry> {
        let entry = Entry::new(page, self.lifetime, Arc::clone(&self.purge_keys))
            .revalidatable(self.asks_for_validators);
        Arc::new(match self.local_expiry {
            Some(expiry) => entry.with_local_expiry(expiry),
            None => entry,
        })
    }
}

/// Returns the key under which requests wait that are known to share the response, where this run does not lead their flight.
fn flight_key(run: &Run) -> Option<Box<[u8]>> {
    if run.participation.is_leader() {
        return None;
    }
    let (store, key) = (run.context.cache.store(), run.context.cache_key()?);
    Some(store.with_coalescing_key(key, run.request.headers(), |key| Box::from(key)))
}

fn put(run: &Run, entry: &Arc<Entry>, vary_names: &VaryNames) -> Result<(), Reason> {
    let store = run.context.cache.store();
    match run.context.cache.remote() {
        // With `local_ttl` zero, responses are stored remotely only.
        Some(remote) if !remote.serves_from_memory() => {
            store.may_store(entry)?;
            if remote.is_available() { Ok(()) } else { Err(Reason::RemoteUnavailable) }
        }
        _ => {
            let key = run.context.cache_key().ok_or(Reason::KeyTooLong)?;
            store.put(key, vary_names.clone(), run.request.headers(), Arc::clone(entry))
        }
    }
}

fn publish_entry(run: &mut Run, entry: &Arc<Entry>, vary_names: &VaryNames) {
    let Run { context, request, participation, .. } = run;
    let (Some(remote), Some(key)) = (context.cache.remote(), context.cache_key()) else { return };
    let mut vary_names = vary_names.clone();
    let known = context.cache.store().vary_names(key);
    known.into_iter().for_each(|name| vary::insert(&mut vary_names, name));
    publish(context, request.headers(), remote, entry, &vary_names, participation.take_lease());
}

fn share(run: &mut Run, entry: &Arc<Entry>, vary_names: &VaryNames, flight_key: Option<Box<[u8]>>) {
    let leader = run.participation.take_leader();
    let cache = &run.context.cache;
    let result = || shared_result(run, Arc::clone(entry), vary_names);
    match (leader, flight_key) {
        (Some(leader), _) => {
            // A follower that did not wait for the end of the stream may have marked the key.
            cache.uncacheable_keys().remove(leader.key_hash());
            leader.complete_with(result);
        }
        (None, Some(key)) => {
            cache.flights().complete_with(&key, result);
            cache.uncacheable_keys().remove(KeyHash::of(&key));
        }
        (None, None) => {}
    }
}

/// Shares a response that is not stored, as the client of this run gets it.
fn share_unstored(run: &mut Run, parts: &Parts<'_>, vary_names: &VaryNames, reason: Reason) {
    let Some(leader) = run.participation.take_leader() else { return };
    leader.complete_with(|| {
        let entry = parts.entry(parts.page(&run.generate_unstored(parts.head.headers, reason)));
        let is_rejected = run.context.policy.rejects(run.request.request(), &entry.page);
        if is_rejected { None } else { shared_result(run, entry, vary_names) }
    });
}

fn shared_result(run: &Run, entry: Arc<Entry>, vary_names: &VaryNames) -> Option<SharedResult> {
    run.context.shared_result(
        entry,
        (Outcome::Collapsed, run.started),
        vary_names.clone(),
        run.request.headers(),
    )
}
