//! What a handler says of its page while it makes it.

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    fmt,
    future::{Ready, ready},
    rc::Rc,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest,
    dev::Payload,
    http::header::{HeaderName, HeaderValue},
};

use crate::{
    http::{TargetedCacheControl, structured_fields::ParseError},
    page::Page,
    purge::{
        selector::{PurgeKey, Tag},
        tag::{self, MOST_TAGS, TagError},
    },
};

/// An argument by which a handler decides about its own page: for how long, under which tags, or not at all. What it says
/// wins over the attribute.
///
/// ```
/// # mod app {
/// use std::time::Duration;
///
/// use actix_web::{Responder, get, web};
/// use cache_page::{PageControl, cache_page};
/// # struct Feed { ids: Vec<u64>, is_draft: bool }
///
/// #[get("/feed")]
/// #[cache_page(60)]
/// async fn feed(feed: web::Data<Feed>, control: PageControl) -> impl Responder {
///     if feed.is_draft {
///         control.no_store();
///     }
///     for id in &feed.ids {
///         control.tag(format!("post:{id}"));
///     }
///     control.ttl(Duration::from_secs(600));
///     "…"
/// }
/// # }
/// ```
///
/// In a handler that is not cached, or on a request that passes the cache by, it does nothing. There is one for each request:
/// clones speak of the same page.
#[derive(Clone, Default)]
pub struct PageControl {
    shared: Rc<ControlState>,
}

#[derive(Default)]
struct ControlState {
    said: RefCell<Overrides>,
    validators: RefCell<Option<Validators>>,
    /// The handler asked for them, so that a 304 of its own answers to them.
    asked: Cell<bool>,
    /// How often somebody said that its page is its own to keep, or nobody's: what is around that keeps nothing.
    taken: Cell<u32>,
}

/// Whether there is a middleware anywhere.
static IS_AROUND: AtomicBool = AtomicBool::new(false);

/// What was said until the handler came to its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    pub(crate) no_store: bool,
    /// `Some(None)` is for ever.
    pub(crate) ttl: Option<Option<Duration>>,
    pub(crate) stale_while_revalidate: Option<Duration>,
    pub(crate) stale_if_error: Option<Duration>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) vary: Vec<HeaderName>,
    /// Something was said that cannot be: the page is not kept without it.
    pub(crate) mistake: Option<TagError>,
}

impl Overrides {
    /// What the cache's own response header says. What the handler's argument says wins over it.
    pub(crate) fn read<'v>(
        &mut self,
        lines: impl Iterator<Item = &'v HeaderValue>,
    ) -> Result<(), ParseError> {
        let TargetedCacheControl { no_store, ttl, stale_while_revalidate, stale_if_error, tags, vary } =
            TargetedCacheControl::parse(lines)?;
        self.no_store |= no_store;
        self.ttl = self.ttl.or(ttl.map(Some));
        self.stale_while_revalidate = self.stale_while_revalidate.or(stale_while_revalidate);
        self.stale_if_error = self.stale_if_error.or(stale_if_error);
        tags.iter().for_each(|tag| self.tag(tag));
        self.vary.extend(vary);
        Ok(())
    }

    pub(crate) fn tag(&mut self, tag: &str) {
        if let Err(mistake) = tag::check(tag) {
            self.mistake = Some(mistake);
            return;
        }
        let tag = Tag::new(tag);
        if self.has(tag.name) {
            return;
        }
        if self.tags.len() >= MOST_TAGS {
            self.mistake = Some(TagError::ManyTags);
            return;
        }
        self.tags.push(tag);
    }

    pub(crate) fn has(&self, name: PurgeKey) -> bool {
        self.tags.iter().any(|tag| tag.name == name)
    }
}

/// By what a page that is to be made anew can be told from the one it was (RFC 9110 8.8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    pub(crate) etag: Option<HeaderValue>,
    pub(crate) last_modified: Option<HeaderValue>,
}

impl Validators {
    /// Its `ETag`, the handler's own or the one that the cache made of its body.
    #[must_use]
    pub fn etag(&self) -> Option<&HeaderValue> {
        self.etag.as_ref()
    }

    /// Its `Last-Modified`.
    #[must_use]
    pub fn last_modified(&self) -> Option<&HeaderValue> {
        self.last_modified.as_ref()
    }
}

impl PageControl {
    /// How long the page is kept; `None` is until it is evicted. It applies whatever the status is, but for those that are
    /// never kept, and for what a handler returns as its `Err`.
    ///
    /// It wins over the response's own `max-age`, for this cache and not for those further down. For no time is not at all.
    // It is called for what it says.
    #[allow(clippy::must_use_candidate)]
    pub fn ttl(&self, ttl: impl Into<Option<Duration>>) -> &Self {
        self.words().ttl = Some(ttl.into());
        self
    }

    /// For how long after its time the page is sent while it is made anew in the background (RFC 5861 3).
    ///
    /// Only where the attribute has a `stale_while_revalidate` as well, or around the handler is a `PageCacheMiddleware`: other
    /// handlers cannot be run in the background.
    // It is called for what it says.
    #[allow(clippy::must_use_candidate)]
    pub fn stale_while_revalidate(&self, time: Duration) -> &Self {
        self.words().stale_while_revalidate = Some(time);
        self
    }

    /// Adds a tag, by which [`PageCache::purge_tag`](crate::PageCache::purge_tag) finds the page.
    ///
    /// A tag is neither empty nor longer than 256 bytes, has no control characters and no blanks around it; a page has 128 of
    /// them at most. A page to which something else is said is not kept (`tags`), because no purge would find it, and the log
    /// tells so.
    // It is called for what it says.
    #[allow(clippy::must_use_candidate)]
    pub fn tag(&self, tag: impl AsRef<str>) -> &Self {
        self.words().tag(tag.as_ref());
        self
    }

    /// The page is not kept, and nobody else is sent it. The old one, if there is one, goes.
    // It is called for what it says.
    #[allow(clippy::must_use_candidate)]
    pub fn no_store(&self) -> &Self {
        self.words().no_store = true;
        self
    }

    /// The page depends on this request header: its name is added to the response's `Vary` (RFC 9110 12.5.5).
    // It is called for what it says.
    #[allow(clippy::must_use_candidate)]
    pub fn vary_on(&self, header: HeaderName) -> &Self {
        let mut words = self.words();
        if !words.vary.contains(&header) {
            words.vary.push(header);
        }
        drop(words);
        self
    }

    /// What the page that is being made anew can be compared by, if there is one.
    ///
    /// A handler that finds that it still is as it was may answer `304 Not Modified`: the page is fresh again then, with the
    /// headers that were sent along, and its body is not made (RFC 9111 4.3.4). It keeps its tags; a time that was said when its
    /// body was made has to be said again.
    ///
    /// There is one as long as the old page is kept, or was there when this request came.
    #[must_use]
    pub fn validators(&self) -> Option<Validators> {
        let validators = self.shared.validators.borrow().clone();
        self.shared.asked.set(validators.is_some());
        validators
    }

    /// Of a request, if its handler or somebody around it asked for one.
    pub(crate) fn of(request: &HttpRequest) -> Option<Self> {
        request.extensions().get::<Self>().cloned()
    }

    /// Of a request that has one from now on.
    pub(crate) fn put(request: &HttpRequest) -> Self {
        let known = Self::of(request);
        known.unwrap_or_else(|| {
            let new = Self::default();
            request.extensions_mut().insert(new.clone());
            new
        })
    }

    /// The handler begins, and nothing is said yet.
    pub(crate) fn begin(&self, old: Option<&Page>) {
        let validators = old.map(|old| {
            let known = old.representation();
            Validators { etag: known.etag.cloned(), last_modified: known.last_modified.cloned() }
        });
        *self.shared.validators.borrow_mut() = validators;
        self.shared.asked.set(false);
    }

    pub(crate) fn take(&self) -> Overrides {
        std::mem::take(&mut *self.words())
    }

    /// What the handler compared its page with.
    pub(crate) fn compared(&self) -> Option<Validators> {
        self.shared.asked.take().then(|| self.shared.validators.borrow().clone()).flatten()
    }

    /// From now on, requests are handed on through middlewares.
    pub(crate) fn surround() {
        IS_AROUND.store(true, Ordering::Relaxed);
    }

    /// Whoever is around keeps nothing of this page.
    #[inline]
    pub(crate) fn take_over(request: &HttpRequest) {
        // Most Apps have no middleware, and need not look for it on each hit.
        if IS_AROUND.load(Ordering::Relaxed)
            && let Some(around) = Self::of(request)
        {
            around.shared.taken.set(around.taken() + 1);
        }
    }

    pub(crate) fn taken(&self) -> u32 {
        self.shared.taken.get()
    }

    fn words(&self) -> std::cell::RefMut<'_, Overrides> {
        self.shared.said.borrow_mut()
    }
}

impl FromRequest for PageControl {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::put(request)))
    }
}

impl fmt::Debug for PageControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PageControl").field(&*self.shared.said.borrow()).finish()
    }
}
