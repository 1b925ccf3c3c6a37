//! Giving a page that a handler made to the other processes.

use std::time::Duration;

use crate::{
    fill::fill::Fill,
    http::VaryNames,
    purge::{PurgeMode, PurgeSelector},
    remote::{PutRequest, RemoteLease, RemoteTier, encode_page, encode_vary_names, entry_id, variant_key},
    store::Entry,
    time::instant::Instant,
};

/// A store is told to keep nothing for longer, so that nothing is left behind there: pages without an end are made anew after it.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Fill {
    /// Gives the page to the shared tier, behind its request.
    pub(crate) fn give(
        &self,
        tier: &RemoteTier,
        page: &Entry,
        names: &VaryNames,
        claim: Option<RemoteLease>,
    ) {
        if let Some(offers) = self.offers(tier, page, names, claim.as_ref()) {
            tier.put(offers, claim);
        }
    }

    fn offers(
        &self,
        tier: &RemoteTier,
        page: &Entry,
        names: &VaryNames,
        claim: Option<&RemoteLease>,
    ) -> Option<Vec<PutRequest>> {
        let since = tier.sequence_at(page.purge_keys().purge_seq());
        if since == 0 {
            // Nothing was heard of purges when it was begun, and it would be refused.
            return None;
        }
        let now = self.now();
        let whole = tier.namespace().page_key(self.policy.handler(), &self.cover)?;
        let variant = match names.is_empty() {
            true => None,
            false => Some(variant_key(&whole, names, self.request.headers())?),
        };
        let place = variant.as_deref().unwrap_or(&whole);
        let bytes = encode_page(place, page, page.purge_keys().tag_names(), now);
        let mut own = offered(page, place, bytes, since, now);
        // It may have turned out to be a variant: others wait where that is not known yet, and are let go by the claim's end.
        own.owner = claim.and_then(|lease| lease.owner_of(own.key));
        let mut offers = vec![own];
        if variant.is_some() {
            // Behind the page, which whoever reads them looks for at once. Each time: they may be gone, and then nobody who comes
            // later finds the page.
            let bytes = encode_vary_names(&whole, names);
            let found = PutRequest {
                fresh_for: None,
                started: Duration::ZERO,
                ..offered(page, &whole, bytes, since, now)
            };
            offers.push(found);
        }
        Some(offers)
    }

    /// Whether anybody else may be waiting for what is made.
    pub(crate) fn is_for_others(&self, tier: &RemoteTier) -> bool {
        self.leader.is_some() || self.in_background || !tier.serves_from_memory()
    }

    /// The old page is gone in all processes.
    pub(crate) fn withdraw_everywhere(&self) {
        let Some((tier, request)) = self.cache.tier().zip(self.request.request()) else { return };
        // Nobody waits for it, and it is told again until it is done.
        drop(tier.purge(PurgeMode::Remove, &PurgeSelector::from_request_url(request)));
    }
}

fn offered(page: &Entry, place: &[u8], bytes: Vec<u8>, since: u64, now: Instant) -> PutRequest {
    let about = page.purge_keys();
    let kept_for = page.remote_expires_at().map_or(LONGEST, |until| until.since(now));
    PutRequest {
        key: entry_id(place),
        bytes,
        purge_keys: about.stable_ids(),
        path: about.path().to_owned(),
        purge_seq: since,
        started: now.since(page.started_at()),
        fresh_for: page.ttl(now),
        ttl: kept_for.clamp(Duration::from_millis(1), LONGEST),
        owner: None,
    }
}
