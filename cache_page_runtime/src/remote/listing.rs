//! What a remote store contains, for the program `cache-page`.

use std::{ops::ControlFlow, time::Duration};

use actix_web::web::Bytes;

use super::{
    codec::{Frame, PurgeMessage, decode_any},
    messages::{PurgeRequest, PurgeScope},
    namespace::{describe_key, random_id},
    purge_queue::scope_of,
};
use crate::{
    key::Id,
    purge::{PurgeError, PurgeMode, PurgeSelector, parse},
};

/// What a purge selects in a remote store.
#[derive(Clone, Debug)]
pub struct Selection {
    selector: PurgeSelector,
    scope: PurgeScope,
}

/// A page as the store knows it.
#[derive(Clone, Debug)]
pub struct PageHead {
    /// The path in its normal form.
    pub path: String,
    /// The keys that it is purged by, as far as the store knows them.
    pub purge_keys: Vec<Id>,
    /// What the store keeps of the page.
    pub bytes: u64,
    /// The time since the page was stored.
    pub age: Duration,
    /// For how long the page is fresh, if it expires.
    pub ttl: Option<Duration>,
    /// Whether the page is fresh, and was not soft-purged.
    pub is_fresh: bool,
}

/// What the bytes of a page say. Its host and its query may be secrets of visitors: they are only to be compared.
#[derive(Clone, Debug)]
pub struct PageDetails {
    /// The scheme and the host of the URL.
    pub origin: (String, String),
    /// The query of the URL.
    pub query: Option<String>,
    /// The name of the handler. Pages that are for one build of the program do not have it.
    pub handler: Option<String>,
    /// The status of the response.
    pub status: u16,
}

/// Receives the pages of a store, until it breaks.
pub trait Visitor {
    /// Returns whether the details of a page are wanted, for which its bytes are read.
    fn wants(&mut self, head: &PageHead) -> bool;

    /// Called for each page, with its details if they are wanted and the bytes can be decoded.
    fn visit(&mut self, head: &PageHead, details: Option<PageDetails>) -> ControlFlow<()>;
}

impl Selection {
    /// Parses the argument of a purge: `kind` is `tag`, `path`, `url`, `prefix`, `handler` or `all`.
    ///
    /// # Errors
    ///
    /// Fails for another kind, and as the method of [`PageCache`](crate::PageCache) with that name.
    pub fn parse(kind: &str, value: &str) -> Result<Self, PurgeError> {
        let selector = parse::to_selector(kind, value)?;
        let scope = scope_of(&selector);
        Ok(Self { selector, scope })
    }

    /// Returns whether a purge in the store removes a page.
    #[must_use]
    pub fn selects(&self, head: &PageHead) -> bool {
        match (&self.selector, &self.scope) {
            (PurgeSelector::All, _) => true,
            (_, PurgeScope::Keys(keys)) => keys.iter().any(|key| head.purge_keys.contains(key)),
            (_, PurgeScope::PathPrefix(prefix)) => head.path.starts_with(prefix),
        }
    }

    /// Returns the path that pages of a URL or path have in their normal form.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match &self.selector {
            PurgeSelector::Path(path) | PurgeSelector::Url { path, .. } => Some(path),
            _ => None,
        }
    }

    /// Returns the scheme and the host that a URL names.
    #[must_use]
    pub fn origin(&self) -> Option<(&str, &str)> {
        match &self.selector {
            PurgeSelector::Url { origin: Some((scheme, host)), .. } => Some((scheme, host)),
            _ => None,
        }
    }

    /// Returns the request that purges this in a store, after the purges up to `min_sequence`.
    #[must_use]
    pub fn to_request(&self, expire: bool, min_sequence: u64) -> PurgeRequest {
        let mode = if expire { PurgeMode::Expire } else { PurgeMode::Remove };
        let message = PurgeMessage { sender: Id(random_id()), mode, selector: self.selector.clone() };
        PurgeRequest { min_sequence, expire, scope: self.scope.clone(), message: message.encode() }
    }
}

/// Returns what the bytes of a page say.
pub(super) fn details_of(bytes: &Bytes) -> Option<PageDetails> {
    let (key, Frame::Page(page)) = decode_any(bytes)? else { return None };
    let (url, handler) = describe_key(&key)?;
    Some(PageDetails {
        origin: (url.scheme, url.host),
        query: url.path_and_query.split_once('?').map(|(_, query)| query.to_owned()),
        handler,
        status: page.page.status,
    })
}
