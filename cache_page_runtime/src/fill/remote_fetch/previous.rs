//! The page of the previous version of the site, which is served while this version's is made.

use super::{Fetch, Found};
use crate::{
    http::VaryNames,
    key::Id,
    purge::PurgeSeq,
    remote::{GetResponse, LeaseStatus, entry_id, variant_key},
};

impl Fetch<'_> {
    /// Looks for the page of the previous version, and returns whether it answers the request while this version's is made.
    pub(super) async fn find_previous(&mut self, status: LeaseStatus, id: Id) -> bool {
        let context = self.request.context;
        // An uncacheable response is made for each request.
        let is_uncacheable = self.takes_lease && status == LeaseStatus::Uncoalesced;
        // Otherwise no request would make the new page.
        let may_refresh = self.makes_page && self.request.accepts_stale && !is_uncacheable;
        if !may_refresh || self.has_looked_back {
            return false;
        }
        let Some(namespace) = self.remote.previous_namespace() else { return false };
        self.has_looked_back = true;
        let Some(page_key) = namespace.page_key(context.policy.handler(), &context.key) else { return false };
        let mut names = VaryNames::default();
        // The names of a page that varies, then the variant.
        for _ in 0..2 {
            let key = match names.is_empty() {
                true => Some(page_key.clone()),
                false => variant_key(&page_key, &names, self.headers, context.key.normalized()),
            };
            let Some(key) = key else { return false };
            let purge_seq = PurgeSeq::now();
            let response = self.remote.get(entry_id(&key), None, Vec::new(), None).await;
            let Ok(GetResponse { entry: Some(entry), .. }) = response else { return false };
            match self.decode(&entry, &key, entry_id(&key), purge_seq) {
                Found::VaryNames(found) => names = found,
                Found::Entry(entry) => {
                    let now = self.now();
                    entry.expire(now);
                    if !entry.may_serve_while_revalidating(now) {
                        return false;
                    }
                    if self.takes_lease && status == LeaseStatus::Acquired {
                        self.acquire_lease(id);
                    }
                    // Stale in local memory too, for requests that arrive before the new page is stored. It is the variant of these names.
                    self.vary_names = names;
                    self.store_local(&entry, now);
                    self.fetched.hit = Some(entry);
                    return true;
                }
                _ => return false,
            }
        }
        false
    }
}
