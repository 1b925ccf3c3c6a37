//! What a handler sets for a single response.

use std::time::Duration;

use actix_web::http::header::{HeaderName, HeaderValue};

use crate::{
    http::{TargetedCacheControl, structured_fields::ParseError},
    purge::{
        PurgeKey, Tag, TagError,
        tag::{self, MAX_TAGS},
    },
};

/// Options that take precedence over the attribute's. `None` and empty lists leave the attribute's in place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    pub(crate) no_store: bool,
    /// `Some(None)` sets no expiry.
    pub(crate) ttl: Option<Option<Duration>>,
    /// The freshness lifetime that the cache's targeted field gives, if the field replaces `Cache-Control` and `Expires`.
    pub(crate) targeted_lifetime: Option<Option<Duration>>,
    pub(crate) stale_while_revalidate: Option<Duration>,
    pub(crate) stale_if_error: Option<Duration>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) vary: Vec<HeaderName>,
    /// The error of a tag that was not added. The response must not be stored, because a purge of that tag would miss it.
    pub(crate) tag_error: Option<TagError>,
}

impl Overrides {
    /// Adds the options of the cache's targeted header (RFC 9213). Options that are set already take precedence.
    pub(crate) fn merge_targeted<'v>(
        &mut self,
        values: impl Iterator<Item = &'v HeaderValue>,
    ) -> Result<(), ParseError> {
        let TargetedCacheControl {
            no_store,
            has_directives,
            ttl,
            stale_while_revalidate,
            stale_if_error,
            tags,
            vary,
        } = TargetedCacheControl::parse(values)?;
        self.no_store |= no_store;
        self.targeted_lifetime = has_directives.then_some(ttl);
        self.stale_while_revalidate = self.stale_while_revalidate.or(stale_while_revalidate);
        self.stale_if_error = self.stale_if_error.or(stale_if_error);
        tags.iter().for_each(|tag| self.add_tag(tag));
        self.vary.extend(vary);
        Ok(())
    }

    pub(crate) fn add_tag(&mut self, tag: &str) {
        if let Err(error) = tag::check(tag) {
            self.tag_error = Some(error);
            return;
        }
        let tag = Tag::new(tag);
        if self.has_tag(tag.key) {
            return;
        }
        if self.tags.len() >= MAX_TAGS {
            self.tag_error = Some(TagError::TooMany);
            return;
        }
        self.tags.push(tag);
    }

    pub(crate) fn has_tag(&self, key: PurgeKey) -> bool {
        self.tags.iter().any(|tag| tag.key == key)
    }
}
