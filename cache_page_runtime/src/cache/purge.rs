//! PurgeFuture and expiring pages that somebody knows to have changed.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::ResponseError;
use tokio::{
    runtime::Handle,
    sync::oneshot::Receiver,
    time::{Sleep, sleep},
};

use crate::{
    cache::page_cache::PageCache,
    http::RequestOrigin,
    purge::selector::PurgeMode,
    purge::{
        selector::{self, PurgeSelector},
        tag::{self, TagError},
    },
    remote::StoreError,
};

/// What a purge did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurgeSummary {
    pages: usize,
}

impl PurgeSummary {
    /// How many pages went, each variant of one counted; of an `expire_…`, how many became stale.
    #[must_use]
    pub fn pages(self) -> usize {
        self.pages
    }
}

/// Why a purge did not do what it should.
///
/// As an error of a handler, it is answered with 500.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurgeError {
    message: String,
    is_pending: bool,
}

impl PurgeError {
    fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), is_pending: false }
    }

    fn pending(why: &StoreError) -> Self {
        Self { message: why.to_string(), is_pending: true }
    }

    /// Whether it is still under way: it was done here, the shared tier has not confirmed it in time, and is told again until it does.
    /// Pages of that tier may be sent until then, by other processes. Otherwise what was to be purged cannot be the name of
    /// anything, and nothing was purged.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.is_pending
    }
}

impl fmt::Display for PurgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, is_pending } = self;
        if *is_pending {
            write!(
                f,
                "purged in this process, and not yet in the shared tier, which is told again: {message}"
            )
        } else {
            write!(f, "nothing was purged: {message}")
        }
    }
}

impl std::error::Error for PurgeError {}

impl ResponseError for PurgeError {}

impl From<TagError> for PurgeError {
    fn from(mistake: TagError) -> Self {
        Self::new(mistake)
    }
}

/// A purge that was begun: what every verb of [`PageCache`] returns, to be awaited.
///
/// When it was made, the pages of this process are gone already, whether it is awaited or not. What is waited for is the shared
/// tier, where the cache has one: once it is done, no other process that asks there is sent a purged page any more. It never
/// takes longer than the tier's [deadline](crate::PageCacheBuilder::remote_timeout).
///
/// ```
/// # use cache_page::{PageCache, PurgeError};
/// # async fn saved(cache: PageCache) -> Result<(), PurgeError> {
/// let purged = cache.purge_tag("posts").await?;
/// println!("{} pages were kept here", purged.pages());
/// # Ok(())
/// # }
/// ```
#[must_use = "await it: that it is done here does not mean that it is done in a shared tier"]
#[derive(Debug)]
pub struct PurgeFuture {
    purged: Result<PurgeSummary, PurgeError>,
    elsewhere: Vec<Receiver<Result<(), StoreError>>>,
    /// The longest that is waited for all of them, and until when that is.
    most: Duration,
    ends: Option<Pin<Box<Sleep>>>,
}

impl PurgeFuture {
    /// Whether it was waited for long enough. Where nothing tells the time, it never is.
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        if self.ends.is_none() && Handle::try_current().is_ok() {
            self.ends = Some(Box::pin(sleep(self.most)));
        }
        self.ends.as_mut().is_some_and(|ends| ends.as_mut().poll(context).is_ready())
    }

    /// Does not wait for it: what fails is tried again, and told in the log.
    pub(crate) fn leave(self) {}
}

impl Future for PurgeFuture {
    type Output = Result<PurgeSummary, PurgeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        while let Some(last) = self.elsewhere.last_mut() {
            let done = match Pin::new(last).poll(context) {
                Poll::Pending if self.is_over(context) => {
                    self.elsewhere.clear();
                    let why = StoreError::unavailable(format_args!("no answer within {:?}", self.most));
                    self.purged = self.purged.clone().and_then(|_| Err(PurgeError::pending(&why)));
                    break;
                }
                Poll::Pending => return Poll::Pending,
                Poll::Ready(done) => done.unwrap_or_else(|_| Err(StoreError::unavailable("it is shut down"))),
            };
            self.elsewhere.pop();
            if let (Err(why), Ok(_)) = (done, &self.purged) {
                self.purged = Err(PurgeError::pending(&why));
            }
        }
        Poll::Ready(self.purged.clone())
    }
}

/// # PurgeFuture
///
/// A purge removes pages now, and what is made of older data afterwards is not kept: a page whose making began before the
/// purge is sent to those who asked for it before, and to nobody else. When the call returns, no worker of this process sends a purged
/// page any more; when what it returns was awaited, the [shared tier](crate::remote) does not either. An `expire_…` makes pages stale instead, as if their time were over: with `stale_while_revalidate` the next
/// visitor is sent the old page while it is made anew; without, they wait for the new one.
///
/// Where an App has no cache of its own, that of the process is meant, with the pages of all Apps in it.
///
/// All of these go for the caches that are [`named`](crate::PageCacheBuilder::named) here too, and tell how many pages
/// went here. Tags, paths and handlers take time for each page that goes and for no other; everything is purged in constant
/// time; a prefix is looked for in all that is kept.
impl PageCache {
    /// Removes the pages of this path, on every host, with every query, and all their variants.
    ///
    /// The path may be written as people read it or with escapes: `"/tags/über"` is `"/tags/%C3%BCber"`.
    ///
    /// # Errors
    ///
    /// If it does not begin with a slash, or has a query.
    pub fn purge_path(&self, path: &str) -> PurgeFuture {
        self.start(PurgeMode::Remove, to_path(path))
    }

    /// Makes the pages stale that [`purge_path`](Self::purge_path) removes.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn expire_path(&self, path: &str) -> PurgeFuture {
        self.start(PurgeMode::Expire, to_path(path))
    }

    /// Removes the page of one URL, and all its variants: a path with its query (`"/posts?page=2"`) on every host, or a whole
    /// URL (`"https://example.com/posts?page=2"`) on that one.
    ///
    /// Scheme and host are compared as actix-web's `ConnectionInfo` has them: behind a proxy that does not send
    /// `X-Forwarded-Proto`, pages are those of `http`. The query is compared as the handler's attribute has it: where `query = ["page"]` stands, other parameters do not
    /// matter, nor does their order.
    ///
    /// # Errors
    ///
    /// If it is neither, or has a fragment.
    pub fn purge_url(&self, url: &str) -> PurgeFuture {
        self.start(PurgeMode::Remove, to_url(url))
    }

    /// Makes the pages stale that [`purge_url`](Self::purge_url) removes.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn expire_url(&self, url: &str) -> PurgeFuture {
        self.start(PurgeMode::Expire, to_url(url))
    }

    /// Removes the pages of all paths that begin with these letters: `"/posts/"` is about everything below it, `"/posts"`
    /// also about `/posts-of-others`.
    ///
    /// It looks at every page that is kept, and nothing else is kept meanwhile; pages are still sent.
    ///
    /// # Errors
    ///
    /// If it does not begin with a slash, has a query, or is only that slash, which would be everything.
    pub fn purge_prefix(&self, prefix: &str) -> PurgeFuture {
        self.start(PurgeMode::Remove, to_prefix(prefix))
    }

    /// Makes the pages stale that [`purge_prefix`](Self::purge_prefix) removes.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn expire_prefix(&self, prefix: &str) -> PurgeFuture {
        self.start(PurgeMode::Expire, to_prefix(prefix))
    }

    /// Removes the pages that have this tag, by the attribute's `tags` or by [`PageControl::tag`](crate::PageControl::tag).
    ///
    /// # Errors
    ///
    /// If no page can have it: it is empty, longer than 256 bytes, or has control characters in it or blanks around it.
    pub fn purge_tag(&self, tag: &str) -> PurgeFuture {
        self.start(PurgeMode::Remove, to_tag(tag))
    }

    /// Makes the pages stale that have this tag.
    ///
    /// # Errors
    ///
    /// As for [`purge_tag`](Self::purge_tag).
    pub fn expire_tag(&self, tag: &str) -> PurgeFuture {
        self.start(PurgeMode::Expire, to_tag(tag))
    }

    /// Removes the pages of a handler, by its name in [`Stats`](crate::Stats): `"module::path::function"`, or what the
    /// attribute's `name` says.
    ///
    /// # Errors
    ///
    /// If the name is empty. One that no handler has is no error, because a handler is not known before its first request.
    pub fn purge_handler(&self, name: &str) -> PurgeFuture {
        self.start(PurgeMode::Remove, to_handler(name))
    }

    /// Makes the pages of a handler stale.
    ///
    /// # Errors
    ///
    /// As for [`purge_handler`](Self::purge_handler).
    pub fn expire_handler(&self, name: &str) -> PurgeFuture {
        self.start(PurgeMode::Expire, to_handler(name))
    }

    /// Removes all pages, in constant time: what they take is given back by and by as others are kept, or by
    /// [`sweep`](Self::remove_expired).
    ///
    /// # Errors
    ///
    /// Only of a shared tier.
    pub fn purge_all(&self) -> PurgeFuture {
        self.start(PurgeMode::Remove, Ok(PurgeSelector::All))
    }

    /// Makes all pages stale. It takes time for each of them.
    ///
    /// # Errors
    ///
    /// Only of a shared tier.
    pub fn expire_all(&self) -> PurgeFuture {
        self.start(PurgeMode::Expire, Ok(PurgeSelector::All))
    }

    fn start(&self, verb: PurgeMode, text: Result<PurgeSelector, PurgeError>) -> PurgeFuture {
        match text {
            Ok(text) => self.purge(verb, &text),
            Err(mistake) => {
                PurgeFuture { purged: Err(mistake), elsewhere: Vec::new(), most: Duration::ZERO, ends: None }
            }
        }
    }

    /// Here at once, and in shared tiers by and by.
    pub(crate) fn purge(&self, verb: PurgeMode, text: &PurgeSelector) -> PurgeFuture {
        let (target, mut pages, mut elsewhere, mut most) = (text.target(), 0, Vec::new(), Duration::ZERO);
        for cache in self.with_named() {
            // What this process is sent from there meanwhile, it knows to be purged.
            if let Some((done, deadline)) = cache.tier().map(|tier| tier.purge(verb, text)) {
                elsewhere.push(done);
                most = most.max(deadline);
            }
            pages += cache.store().purge(verb, &target, cache.clock().now());
        }
        tracing::debug!(target: "cache_page", verb = ?verb, about = target.as_str(), pages, "purged");
        PurgeFuture { purged: Ok(PurgeSummary { pages }), elsewhere, most, ends: None }
    }
}

pub(crate) fn to_path(path: &str) -> Result<PurgeSelector, PurgeError> {
    let path = is_path(path)?;
    Ok(PurgeSelector::Path(selector::plain(path.as_bytes()).into_owned()))
}

pub(crate) fn to_tag(tag: &str) -> Result<PurgeSelector, PurgeError> {
    tag::check(tag)?;
    Ok(PurgeSelector::Tag(tag.to_owned()))
}

fn to_handler(name: &str) -> Result<PurgeSelector, PurgeError> {
    if name.is_empty() {
        return Err(PurgeError::new("a handler's name is not empty"));
    }
    Ok(PurgeSelector::Handler(name.to_owned()))
}

fn to_url(url: &str) -> Result<PurgeSelector, PurgeError> {
    let wrong = || {
        PurgeError::new(format_args!(
            "{url:?} is no URL; write one such as \"/posts?page=2\" or \"https://example.com/posts?page=2\""
        ))
    };
    if url.contains('#') {
        return Err(wrong());
    }
    let (origin, rest) = match url.split_once("://") {
        Some((scheme @ ("http" | "https"), rest)) => {
            let (host, path) = rest.split_at(rest.find(['/', '?']).ok_or_else(wrong)?);
            if host.is_empty() {
                return Err(wrong());
            }
            (Some((scheme.to_owned(), host.to_owned())), path)
        }
        _ => (None, url),
    };
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    let path = is_path(path).map_err(|_| wrong())?;
    let path = selector::plain(path.as_bytes()).into_owned();
    Ok(PurgeSelector::Url { path, query: query.map(Into::into), origin })
}

/// The pages that a reference in a response names, if that is on the same origin as the path that was asked for. As for any path, they
/// are those of every host: who writes must not be able to keep old pages by saying another one.
pub(crate) fn referred_to(reference: &str, base: &str, origin: &RequestOrigin<'_>) -> Option<PurgeSelector> {
    let reference = reference.split(['?', '#']).next().unwrap_or_default();
    let path = match reference.strip_prefix("//") {
        Some(rest) => of_host(rest, origin.host)?,
        None if reference.starts_with('/') => reference.to_owned(),
        None if reference.is_empty() => base.to_owned(),
        None => match reference.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(origin.scheme) => of_host(rest, origin.host)?,
            Some(_) => return None,
            // Beside the last segment.
            None => format!("{}/{reference}", base.rsplit_once('/')?.0),
        },
    };
    to_path(&without_dots(&path)).ok()
}

/// RFC 3986 5.2.4.
fn without_dots(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    if path.ends_with("/.") || path.ends_with("/..") {
        segments.push("");
    }
    format!("/{}", segments.join("/"))
}

fn of_host(rest: &str, host: &str) -> Option<String> {
    let (there, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.is_empty() { "/" } else { path };
    there.eq_ignore_ascii_case(host).then(|| path.to_owned())
}

fn to_prefix(prefix: &str) -> Result<PurgeSelector, PurgeError> {
    let path = is_path(prefix)?;
    if path == "/" {
        return Err(PurgeError::new(
            "the prefix \"/\" is every page; `purge_all` and `expire_all` are for that",
        ));
    }
    Ok(PurgeSelector::Prefix(selector::plain(path.as_bytes()).into_owned()))
}

fn is_path(path: &str) -> Result<&str, PurgeError> {
    if !path.starts_with('/') {
        return Err(PurgeError::new(format_args!("{path:?} is no path; write one such as \"/posts/1\"")));
    }
    if path.contains(['?', '#']) {
        return Err(PurgeError::new(format_args!(
            "{path:?} has a query or a fragment, and a path has none; `purge_url` is for one query"
        )));
    }
    Ok(path)
}
