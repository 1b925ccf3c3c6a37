//! The handler argument that sets options for a single response.

use std::{
    cell::{Cell, RefCell, RefMut},
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

use super::overrides::Overrides;
use crate::{http::conditional, key::KeyInput};

/// A handler argument that controls how the handler's response is cached: for how long, with which tags, or not at all.
///
/// What it sets takes precedence over the attribute's options.
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
/// It has no effect in a handler that is not cached, or on a request that bypasses the cache. A request has one control, which its
/// clones share.
#[derive(Clone, Default)]
#[doc(alias("CacheControl", "per_response"))]
pub struct PageControl {
    state: Rc<ControlState>,
}

#[derive(Default)]
struct ControlState {
    overrides: RefCell<Overrides>,
    validators: RefCell<Option<Validators>>,
    /// Whether the handler read the validators, so that its 304 refers to them.
    validators_read: Cell<bool>,
    /// Whether the handler asked for validators, also if there were none.
    asks_for_validators: Cell<bool>,
    /// How many attributes and middlewares inside have claimed the response, so that no middleware around them stores it.
    inner_claims: Cell<u32>,
}

/// Whether this process has a [`PageCacheMiddleware`](crate::PageCacheMiddleware).
static HAS_MIDDLEWARE: AtomicBool = AtomicBool::new(false);

/// The validators of the page that a handler refreshes (RFC 9110 8.8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    pub(crate) etag: Option<HeaderValue>,
    pub(crate) last_modified: Option<HeaderValue>,
}

impl Validators {
    /// Returns the page's `ETag`, which either the handler or the cache has generated.
    #[must_use]
    pub fn etag(&self) -> Option<&HeaderValue> {
        self.etag.as_ref()
    }

    /// Returns the page's `Last-Modified`.
    #[must_use]
    pub fn last_modified(&self) -> Option<&HeaderValue> {
        self.last_modified.as_ref()
    }
}

impl From<conditional::Representation<'_>> for Validators {
    fn from(page: conditional::Representation<'_>) -> Self {
        Self { etag: page.etag.cloned(), last_modified: page.last_modified.cloned() }
    }
}

impl PageControl {
    /// Sets the TTL of the response. `None` stores it without expiry, until it is evicted.
    ///
    /// It applies to every status that can be stored. If the handler returns an `Err`, it applies to client errors (4xx), such as 404,
    /// and to the attribute's `statuses`. It takes precedence over the response's `max-age` in this cache, but not in downstream
    /// caches. With a TTL of zero, the response is not stored.
    #[allow(clippy::must_use_candidate)]
    pub fn ttl(&self, ttl: impl Into<Option<Duration>>) -> &Self {
        self.overrides().ttl = Some(ttl.into());
        self
    }

    /// Sets for how long after its expiry the response may be served stale while the handler refreshes it in the background
    /// (RFC 5861 3).
    ///
    /// It has no effect unless the attribute also has `stale_while_revalidate`, or the handler is inside a
    /// [`PageCacheMiddleware`](crate::PageCacheMiddleware). Other handlers cannot run in the background.
    #[allow(clippy::must_use_candidate)]
    #[doc(alias("grace", "swr"))]
    pub fn stale_while_revalidate(&self, time: Duration) -> &Self {
        self.overrides().stale_while_revalidate = Some(time);
        self
    }

    /// Adds a tag, by which [`PageCache::purge_tag`](crate::PageCache::purge_tag) selects the page.
    ///
    /// A tag has 1 to 256 bytes, no control characters, and no white space at its beginning or end. A page has at most 128 tags. If
    /// a tag is invalid or there are too many, the response is not stored, because a purge of that tag would miss it. The cache
    /// logs an error.
    #[allow(clippy::must_use_candidate)]
    pub fn tag(&self, tag: impl AsRef<str>) -> &Self {
        self.overrides().add_tag(tag.as_ref());
        self
    }

    /// Does not store the response or share it with concurrent requests. The page that was stored before is removed.
    #[allow(clippy::must_use_candidate)]
    #[doc(alias("never_cache", "private"))]
    pub fn no_store(&self) -> &Self {
        self.overrides().no_store = true;
        self
    }

    /// Adds a request header to the response's `Vary` (RFC 9110 12.5.5): the response depends on its value.
    #[allow(clippy::must_use_candidate)]
    pub fn vary_on(&self, header: HeaderName) -> &Self {
        let mut overrides = self.overrides();
        if !overrides.vary.contains(&header) {
            overrides.vary.push(header);
        }
        drop(overrides);
        self
    }

    /// Returns the validators of the page that this run of the handler refreshes, or `None` if there is no such page.
    ///
    /// A handler that finds its content unchanged may respond with `304 Not Modified`. The page is then fresh again, with its old body
    /// and the headers of the 304 (RFC 9111 4.3.4). Its tags remain, but a TTL that was set for the old response must be set again.
    ///
    /// An expired page is available here until room is needed: the pages of a handler that calls this method, also if it returns
    /// `None`, stay in memory after they have expired. They are evicted before all others, count in
    /// [`Stats::pages`](crate::Stats::pages), and are removed by purges and by
    /// [`remove_expired`](crate::PageCache::remove_expired).
    #[must_use]
    pub fn validators(&self) -> Option<Validators> {
        let validators = self.state.validators.borrow().clone();
        self.state.validators_read.set(validators.is_some());
        self.state.asks_for_validators.set(true);
        validators
    }

    /// Returns the control of a request, if its handler or a middleware has asked for one.
    pub(crate) fn get(request: &HttpRequest) -> Option<Self> {
        request.extensions().get::<Self>().cloned()
    }

    /// Returns the control of a request. Inserts one if there is none.
    pub(crate) fn get_or_insert(request: &HttpRequest) -> Self {
        Self::get(request).unwrap_or_else(|| {
            let control = Self::default();
            request.extensions_mut().insert(control.clone());
            control
        })
    }

    /// Sets the validators for the next run of the handler.
    pub(crate) fn start(&self, validators: Option<Validators>) {
        *self.state.validators.borrow_mut() = validators;
        self.state.validators_read.set(false);
        self.state.asks_for_validators.set(false);
    }

    pub(crate) fn take_overrides(&self) -> Overrides {
        std::mem::take(&mut *self.overrides())
    }

    /// Returns whether the handler has asked for validators, also if there were none.
    pub(crate) fn asks_for_validators(&self) -> bool {
        self.state.asks_for_validators.get()
    }

    /// Returns the validators that the handler has read, once.
    pub(crate) fn take_read_validators(&self) -> Option<Validators> {
        self.state.validators_read.take().then(|| self.state.validators.borrow().clone()).flatten()
    }

    /// Records that this process has a middleware, so that [`claim_inside`](Self::claim_inside) has an effect from now on.
    pub(crate) fn mark_middleware_present() {
        HAS_MIDDLEWARE.store(true, Ordering::Relaxed);
    }

    /// Claims the response for an attribute or a middleware. No middleware around it stores the response then.
    #[inline]
    pub(crate) fn claim_inside(request: &HttpRequest) {
        // Most processes have no middleware. They skip the lookup, which would be done on each hit.
        if HAS_MIDDLEWARE.load(Ordering::Relaxed)
            && let Some(control) = Self::get(request)
        {
            control.state.inner_claims.set(control.inner_claims() + 1);
        }
    }

    pub(crate) fn inner_claims(&self) -> u32 {
        self.state.inner_claims.get()
    }

    fn overrides(&self) -> RefMut<'_, Overrides> {
        self.state.overrides.borrow_mut()
    }
}

impl FromRequest for PageControl {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::get_or_insert(request)))
    }
}

/// Adds nothing: it reads nothing from the request.
#[diagnostic::do_not_recommend]
impl KeyInput for PageControl {}

impl fmt::Debug for PageControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PageControl").field(&*self.state.overrides.borrow()).finish()
    }
}
