//! What a purge applies to.

use std::sync::Arc;

use actix_web::HttpRequest;

use super::{key::PurgeKey, normal_form, subject::PurgeKeys};
use crate::http::RequestOrigin;

/// What a purge does with the pages that it selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PurgeMode {
    Remove,
    /// Makes them stale (a soft purge).
    Expire,
}

impl PurgeMode {
    /// Returns its name in metrics and events.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Remove => "purge",
            Self::Expire => "soft-purge",
        }
    }
}

/// The pages that a purge applies to, as the caller named them. This form can be sent to other processes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PurgeSelector {
    All,
    Tag(String),
    /// In its normal form.
    Path(String),
    Handler(String),
    /// In its normal form.
    Prefix(String),
    Url {
        /// In its normal form.
        path: String,
        query: Option<String>,
        /// Scheme and host.
        origin: Option<(String, String)>,
    },
}

/// The pages that a purge applies to, hashed with the seed of this process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LocalSelector {
    All,
    Tag(PurgeKey),
    Path(PurgeKey),
    Handler(PurgeKey),
    /// In its normal form.
    Prefix(Arc<str>),
    Url(Arc<Url>),
}

/// A path with its query, on one host or on every host.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Url {
    path: PurgeKey,
    query: Option<Box<str>>,
    origin: Option<PurgeKey>,
}

impl PurgeSelector {
    /// Selects the pages of a request's URL on its host.
    pub(crate) fn from_request_url(request: &HttpRequest) -> Self {
        let head = request.head();
        let origin = RequestOrigin::of(request);
        Self::Url {
            path: normal_form::path(head.uri.path().as_bytes()).into_owned(),
            query: head.uri.query().map(str::to_owned),
            origin: Some((origin.scheme.to_owned(), origin.host.to_owned())),
        }
    }

    pub(crate) fn to_local(&self) -> LocalSelector {
        match self {
            Self::All => LocalSelector::All,
            Self::Tag(tag) => LocalSelector::Tag(PurgeKey::from_tag(tag)),
            Self::Path(path) => LocalSelector::Path(PurgeKey::from_path(path)),
            Self::Handler(name) => LocalSelector::Handler(PurgeKey::from_handler(name)),
            Self::Prefix(prefix) => LocalSelector::Prefix(prefix.as_str().into()),
            Self::Url { path, query, origin } => LocalSelector::Url(Arc::new(Url {
                path: PurgeKey::from_path(path),
                query: query.as_deref().map(Into::into),
                origin: origin.as_ref().map(|(scheme, host)| PurgeKey::from_origin(scheme, host)),
            })),
        }
    }
}

impl LocalSelector {
    /// Returns the key under which the purge index has all pages that this selects, or `None` if every page must be looked at.
    ///
    /// The index has pages by path, handler and tag only, so that most pages are in few lists. [`matches`](Self::matches) compares
    /// the query and host of a URL, and prefixes.
    pub(crate) fn index_key(&self) -> Option<PurgeKey> {
        match self {
            Self::Tag(key) | Self::Path(key) | Self::Handler(key) => Some(*key),
            Self::Url(url) => Some(url.path),
            Self::All | Self::Prefix(_) => None,
        }
    }

    /// Returns the kind of the selector.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Tag(_) => "tag",
            Self::Path(_) => "path",
            Self::Handler(_) => "handler",
            Self::Prefix(_) => "prefix",
            Self::Url(_) => "url",
        }
    }

    /// Returns whether this selects a page with these purge keys.
    pub(crate) fn matches(&self, keys: &PurgeKeys) -> bool {
        let subject = &keys.subject;
        match self {
            Self::All => true,
            Self::Tag(tag) => keys.index_keys().any(|key| key == *tag),
            Self::Path(path) => subject.path_key == *path,
            Self::Handler(handler) => subject.handler_key() == *handler,
            Self::Prefix(prefix) => subject.path.starts_with(&**prefix),
            Self::Url(url) => {
                subject.path_key == url.path
                    && url.origin.is_none_or(|origin| subject.origin == origin)
                    && subject.has_query(url.query.as_deref())
            }
        }
    }
}
