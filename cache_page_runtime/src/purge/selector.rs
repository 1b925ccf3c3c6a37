//! What a page is about, and what a purge is about.
//!
//! Names are kept as hashes with a seed of the process's own. Where two of them are mixed up, a page goes that need not: no more
//! than that is lost.

use std::{
    borrow::Cow,
    hash::BuildHasher as _,
    sync::{Arc, OnceLock},
};

use actix_web::HttpRequest;
use foldhash::quality::RandomState;
use percent_encoding::percent_decode;
use smallvec::SmallVec;

use crate::{
    http::{QueryRule, RequestOrigin},
    policy::policy::Policy,
    purge::log::PurgeSeq,
    remote::{Id, name},
};

/// A name that pages are found by: a path, a handler or a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PurgeKey(u64);

/// A tag: what pages here are found by, and what other processes are told of it.
#[derive(Clone, Debug)]
pub(crate) struct Tag {
    pub(crate) name: PurgeKey,
    pub(crate) text: Box<str>,
}

impl Tag {
    pub(crate) fn new(tag: &str) -> Self {
        Self { name: PurgeKey::of_tag(tag), text: tag.into() }
    }
}

/// Those that an attribute gives a page. Most have a few.
pub(crate) type Tags = SmallVec<[Tag; 4]>;

impl PurgeKey {
    /// Of a path without escapes.
    pub(crate) fn of_path(path: &str) -> Self {
        Self::hash(0, path.as_bytes())
    }

    pub(crate) fn of_handler(handler: &str) -> Self {
        Self::hash(1, handler.as_bytes())
    }

    pub(crate) fn of_tag(tag: &str) -> Self {
        Self::hash(2, tag.as_bytes())
    }

    /// Schemes and hosts are the same in any case (RFC 9110 4.2.3).
    pub(crate) fn of_origin(scheme: &str, host: &str) -> Self {
        // A scheme has no slash.
        let mut origin: SmallVec<[u8; 64]> = SmallVec::new();
        [scheme, "/", host].iter().for_each(|part| origin.extend_from_slice(part.as_bytes()));
        origin.make_ascii_lowercase();
        Self::hash(3, &origin)
    }

    /// Of what counts in a query.
    fn of_query(query: Option<&str>, policy: &Policy) -> Self {
        match policy.parameters().select(query.unwrap_or_default()) {
            None => Self::hash(4 + u8::from(query.is_some()), query.unwrap_or_default().as_bytes()),
            Some(parameters) => Self(hasher().hash_one((6_u8, &*parameters))),
        }
    }

    fn hash(kind: u8, name: &[u8]) -> Self {
        Self(hasher().hash_one((kind, name)))
    }
}

fn hasher() -> &'static RandomState {
    static HASHER: OnceLock<RandomState> = OnceLock::new();
    HASHER.get_or_init(RandomState::default)
}

/// A path without its escapes: people who purge one write it as they read it.
///
/// What is no text is written as actix-web writes it in the parts of a path.
pub(crate) fn plain(path: &[u8]) -> Cow<'_, str> {
    percent_decode(path).decode_utf8_lossy()
}

/// What a page is about, but for its tags.
#[derive(Clone, Debug)]
pub(crate) struct RequestSubject {
    pub(crate) since: PurgeSeq,
    policy: &'static Policy,
    path: Box<str>,
    by_path: PurgeKey,
    by_handler: PurgeKey,
    origin: PurgeKey,
    query: PurgeKey,
    /// What other processes purge it by as a URL, where they are told of it.
    url: Option<Id>,
}

/// What a page is about.
#[derive(Debug)]
pub(crate) struct PurgeKeys {
    subject: RequestSubject,
    tags: Box<[PurgeKey]>,
    /// The tags, where other processes are told of the page.
    texts: Box<[Box<str>]>,
}

impl RequestSubject {
    pub(crate) fn new(
        request: &HttpRequest,
        policy: &'static Policy,
        since: PurgeSeq,
        is_shared: bool,
    ) -> Self {
        let head = request.head();
        let path = plain(head.uri.path().as_bytes());
        let origin = RequestOrigin::new(head, head.headers.get("host"), request.app_config());
        let query = head.uri.query();
        let url = is_shared.then(|| match policy.parameters() {
            QueryRule::All => name::query(&path, query),
            QueryRule::Only(_) | QueryRule::Except(_) => name::picked(&path),
        });
        Self {
            since,
            policy,
            by_path: PurgeKey::of_path(&path),
            path: path.into(),
            by_handler: policy.by_handler(),
            origin: PurgeKey::of_origin(origin.scheme, origin.host),
            query: PurgeKey::of_query(query, policy),
            url,
        }
    }

    /// The same, of something that was begun then.
    pub(crate) fn at(&self, since: PurgeSeq) -> Self {
        Self { since, ..self.clone() }
    }

    pub(crate) fn with(self, tags: &[Tag]) -> Arc<PurgeKeys> {
        let texts = if self.url.is_some() {
            tags.iter().map(|tag| tag.text.clone()).collect()
        } else {
            Box::default()
        };
        Arc::new(PurgeKeys { subject: self, tags: tags.iter().map(|tag| tag.name).collect(), texts })
    }
}

impl PurgeKeys {
    /// How many purges there were when its making began.
    pub(crate) fn since(&self) -> PurgeSeq {
        self.subject.since
    }

    /// What it is found by.
    pub(crate) fn names(&self) -> SmallVec<[PurgeKey; 8]> {
        let mut names = SmallVec::from_slice(&[self.subject.by_path, self.subject.by_handler]);
        // One that was said twice is one.
        self.tags.iter().for_each(|tag| {
            if !names.contains(tag) {
                names.push(*tag);
            }
        });
        names
    }

    /// Its tags; without their texts where no other process is told of them.
    pub(crate) fn tags(&self) -> impl Iterator<Item = Tag> {
        let texts = self.texts.iter().cloned().chain(std::iter::repeat_with(Box::default));
        self.tags.iter().zip(texts).map(|(name, text)| Tag { name: *name, text })
    }

    /// Where other processes are told of it.
    pub(crate) fn texts(&self) -> &[Box<str>] {
        &self.texts
    }

    pub(crate) fn path(&self) -> &str {
        &self.subject.path
    }

    pub(crate) fn handler(&self) -> &'static str {
        self.subject.policy.handler()
    }

    /// What purges of its URL go by in other processes.
    pub(crate) fn url(&self) -> Option<Id> {
        self.subject.url
    }

    pub(crate) fn weight(&self) -> usize {
        let texts: usize = self.texts.iter().map(|text| size_of_val(text) + text.len() + 16).sum();
        size_of::<Self>() + 16 + self.subject.path.len() + size_of_val(&*self.tags) + texts
    }
}

/// What a purge does with the entries that it selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PurgeMode {
    /// Removes them.
    Remove,
    /// Makes them stale (soft purge).
    Expire,
}

/// What a purge is about, as whoever called for it said it: names are hashed with a seed of the process's own, and mean nothing to
/// another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PurgeSelector {
    All,
    Tag(String),
    /// Without escapes.
    Path(String),
    Handler(String),
    /// Without escapes.
    Prefix(String),
    Url {
        /// Without escapes.
        path: String,
        query: Option<String>,
        /// Scheme and host.
        origin: Option<(String, String)>,
    },
}

impl PurgeSelector {
    /// The URL of a request, as a whole.
    pub(crate) fn of_url(request: &HttpRequest) -> Self {
        let head = request.head();
        let origin = RequestOrigin::new(head, head.headers.get("host"), request.app_config());
        Self::Url {
            path: plain(head.uri.path().as_bytes()).into_owned(),
            query: head.uri.query().map(str::to_owned),
            origin: Some((origin.scheme.to_owned(), origin.host.to_owned())),
        }
    }

    pub(crate) fn target(&self) -> LocalSelector {
        match self {
            Self::All => LocalSelector::All,
            Self::Tag(tag) => LocalSelector::Tag(PurgeKey::of_tag(tag)),
            Self::Path(path) => LocalSelector::Path(PurgeKey::of_path(path)),
            Self::Handler(handler) => LocalSelector::Handler(PurgeKey::of_handler(handler)),
            Self::Prefix(prefix) => LocalSelector::Prefix(prefix.as_str().into()),
            Self::Url { path, query, origin } => LocalSelector::Url(Arc::new(Url {
                path: PurgeKey::of_path(path),
                query: query.as_deref().map(Into::into),
                origin: origin.as_ref().map(|(scheme, host)| PurgeKey::of_origin(scheme, host)),
            })),
        }
    }
}

/// What a purge is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LocalSelector {
    All,
    Tag(PurgeKey),
    Path(PurgeKey),
    Handler(PurgeKey),
    /// Without escapes.
    Prefix(Arc<str>),
    Url(Arc<Url>),
}

/// A path with its query, and on which host if that was said.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Url {
    pub(crate) path: PurgeKey,
    pub(crate) query: Option<Box<str>>,
    pub(crate) origin: Option<PurgeKey>,
}

impl LocalSelector {
    /// The name that all pages are found by which it is about, if there is one.
    pub(crate) fn name(&self) -> Option<PurgeKey> {
        match self {
            Self::Tag(name) | Self::Path(name) | Self::Handler(name) => Some(*name),
            Self::Url(url) => Some(url.path),
            Self::All | Self::Prefix(_) => None,
        }
    }

    /// What kind of thing it is.
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

    pub(crate) fn concerns(&self, about: &PurgeKeys) -> bool {
        let PurgeKeys { subject, tags, .. } = about;
        match self {
            Self::All => true,
            Self::Tag(tag) => tags.contains(tag),
            Self::Path(path) => subject.by_path == *path,
            Self::Handler(handler) => subject.by_handler == *handler,
            Self::Prefix(prefix) => subject.path.starts_with(&**prefix),
            Self::Url(url) => {
                subject.by_path == url.path
                    && url.origin.is_none_or(|origin| subject.origin == origin)
                    && subject.query == PurgeKey::of_query(url.query.as_deref(), subject.policy)
            }
        }
    }
}
