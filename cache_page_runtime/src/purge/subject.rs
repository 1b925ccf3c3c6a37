//! What a stored page can be purged by.

use std::{iter, sync::Arc};

use actix_web::HttpRequest;
use smallvec::SmallVec;

use super::{key::PurgeKey, log::PurgeSeq, normal_form, stable_id, tag::Tag};
use crate::{
    http::{QueryRule, RequestOrigin, header_class::RequestNames},
    key::Id,
};

/// The handler of a request, as far as purges need it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandlerSubject {
    pub(crate) name: &'static str,
    pub(crate) key: PurgeKey,
    pub(crate) query_rule: QueryRule,
}

/// Whether purge keys include the [stable ids](stable_id), by which a remote store purges a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StableIds {
    Include,
    Omit,
}

/// Everything that the page of a request can be purged by, except its tags.
#[derive(Clone, Debug)]
pub(crate) struct RequestSubject {
    /// The last purge before the request began.
    pub(crate) purge_seq: PurgeSeq,
    handler: &'static HandlerSubject,
    pub(super) path: Box<str>,
    pub(super) path_key: PurgeKey,
    pub(super) origin: PurgeKey,
    query: PurgeKey,
    /// The stable id of the URL, with [`StableIds::Include`]. Behind a pointer, since most caches have no remote store.
    url_id: Option<Box<Id>>,
}

/// Everything that a stored page can be purged by.
#[derive(Debug)]
pub(crate) struct PurgeKeys {
    pub(super) subject: RequestSubject,
    /// The tags, each of them once. Most pages have none, and nothing is allocated for them.
    tag_keys: Box<[PurgeKey]>,
    /// The names of the tags, with [`StableIds::Include`].
    tag_names: Option<Box<TagNames>>,
}

#[derive(Debug)]
struct TagNames(Box<[Box<str>]>);

impl RequestSubject {
    pub(crate) fn new(
        request: &HttpRequest,
        handler: &'static HandlerSubject,
        purge_seq: PurgeSeq,
        stable_ids: StableIds,
    ) -> Self {
        Self::with_names(request, RequestNames::ANY, handler, purge_seq, stable_ids)
    }

    /// As [`new`](Self::new), for a request whose headers have these names, so that none is looked up in vain.
    pub(crate) fn with_names(
        request: &HttpRequest,
        names: RequestNames,
        handler: &'static HandlerSubject,
        purge_seq: PurgeSeq,
        stable_ids: StableIds,
    ) -> Self {
        let head = request.head();
        let path = normal_form::uri_path(head.uri.path());
        let origin = RequestOrigin::with_names(request, names);
        let query = head.uri.query();
        let url_id = match (stable_ids, handler.query_rule) {
            (StableIds::Omit, _) => None,
            (StableIds::Include, QueryRule::All) => Some(Box::new(stable_id::url(&path, query))),
            (StableIds::Include, _) => Some(Box::new(stable_id::any_query(&path))),
        };
        Self {
            purge_seq,
            handler,
            path_key: PurgeKey::from_normal_path(&path),
            path: path.into(),
            origin: PurgeKey::from_origin(origin.scheme, origin.host),
            query: PurgeKey::from_query(query, handler.query_rule),
            url_id,
        }
    }

    /// Returns the same subject for a request that began at another point of the purge log.
    pub(crate) fn at(&self, purge_seq: PurgeSeq) -> Self {
        Self { purge_seq, ..self.clone() }
    }

    pub(crate) fn with_tags(self, tags: &[Tag]) -> Arc<PurgeKeys> {
        let mut tag_keys: SmallVec<[PurgeKey; 16]> = SmallVec::new();
        let mut tag_names = Vec::new();
        for tag in tags {
            if [self.path_key, self.handler.key].contains(&tag.key) || tag_keys.contains(&tag.key) {
                continue;
            }
            tag_keys.push(tag.key);
            tag_names.extend(self.url_id.is_some().then(|| tag.name.clone()));
        }
        let tag_keys = tag_keys.as_slice().into();
        let tag_names = (!tag_names.is_empty()).then(|| Box::new(TagNames(tag_names.into())));
        Arc::new(PurgeKeys { subject: self, tag_keys, tag_names })
    }

    pub(super) fn handler_key(&self) -> PurgeKey {
        self.handler.key
    }

    /// Returns whether the handler treats `query` as the query of this request.
    pub(super) fn has_query(&self, query: Option<&str>) -> bool {
        self.query == PurgeKey::from_query(query, self.handler.query_rule)
    }
}

impl PurgeKeys {
    /// Returns the sequence number of the last purge before the page's request began.
    pub(crate) fn purge_seq(&self) -> PurgeSeq {
        self.subject.purge_seq
    }

    /// Returns the keys under which the purge index has the page: path, handler and tags, each once.
    pub(crate) fn index_keys(&self) -> impl ExactSizeIterator<Item = PurgeKey> {
        (0..self.tag_keys.len() + 2).map(|place| match place {
            0 => self.subject.path_key,
            1 => self.subject.handler.key,
            place => self.tag_keys[place - 2],
        })
    }

    /// Returns the tags. Their names are empty unless the stable ids were included.
    pub(crate) fn tags(&self) -> impl Iterator<Item = Tag> {
        let names = self.tag_names().iter().cloned().chain(iter::repeat_with(Box::default));
        self.tag_keys.iter().zip(names).map(|(key, name)| Tag { key: *key, name })
    }

    /// Returns the names of the tags, or nothing unless the stable ids were included.
    pub(crate) fn tag_names(&self) -> &[Box<str>] {
        self.tag_names.as_deref().map_or(&[], |TagNames(names)| names)
    }

    /// Returns the key under which the purge index has the pages of the handler.
    pub(crate) fn handler_key(&self) -> PurgeKey {
        self.subject.handler_key()
    }

    pub(crate) fn handler_name(&self) -> &'static str {
        self.subject.handler.name
    }

    /// Returns the path in its normal form.
    pub(crate) fn path(&self) -> &str {
        &self.subject.path
    }

    /// Returns the ids by which a remote store purges the page.
    pub(crate) fn stable_ids(&self) -> Vec<Id> {
        let RequestSubject { path, handler, url_id, .. } = &self.subject;
        let mut ids = vec![stable_id::all(), stable_id::path(path), stable_id::handler(handler.name)];
        // The id of a URL without a query is that of its path.
        ids.extend(url_id.as_deref().copied().filter(|url| !ids.contains(url)));
        ids.extend(self.tag_names().iter().map(|tag| stable_id::tag(tag)));
        ids
    }

    /// Returns the allocated size in bytes.
    pub(crate) fn weight(&self) -> usize {
        let names: usize = self.tag_names().iter().map(|name| size_of_val(name) + name.len() + 16).sum();
        let stable_id =
            self.subject.url_id.as_ref().map_or(0, |_| size_of::<Id>() + 16 + size_of::<TagNames>());
        size_of::<Self>() + 16 + self.subject.path.len() + size_of_val(&*self.tag_keys) + stable_id + names
    }
}
