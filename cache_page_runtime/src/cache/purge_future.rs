//! The future of a purge, and its result.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    time::{Instant, Sleep, sleep_until, timeout_at},
};

use super::{local_purges::LocalPurges, page_cache::PageCache};
use crate::{
    key::KeyedUrl,
    purge::PurgeError,
    remote::{PurgeAck, PurgeResult, RemoteTier},
    time::deadline_after,
};

/// How long the future of a purge waits until the memory of the pages is free.
const SWEEP_TIMEOUT: Duration = Duration::from_secs(1);

/// How long [`PurgeFuture::delivered`] waits.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);

/// The result of a purge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurgeSummary {
    pages: usize,
    remote: RemotePurge,
}

/// Whether a purge has reached the [remote store](crate::remote) of the cache and those of its named caches.
///
/// It has no number of pages: a purge of a remote store does not look at them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemotePurge {
    /// The cache has no remote store.
    NoStore,
    /// The remote store has executed the purge. It returns none of the purged pages.
    Confirmed,
    /// The remote store has not confirmed the purge in time, or is unavailable. The purge is queued, and is retried until the store
    /// confirms it or this process ends; the next process goes on if there is a
    /// [`purge_journal`](crate::PageCacheBuilder::purge_journal). Until then, other processes may serve purged pages.
    Pending,
    /// The remote store has executed the purge, but as far as it remembers, no process has ever stored a page there with the
    /// [`key_prefix`](crate::PageCacheBuilder::key_prefix) of this cache. In a program that only purges, the prefix is probably not that
    /// of the servers, or the URL leads to another store.
    NothingStored,
}

impl PurgeSummary {
    /// Returns how many pages in the memory of this process were removed, or made stale by `expire_…`. Each variant of a page counts
    /// as one.
    ///
    /// If that takes longer than a second, because there are hundreds of thousands, this is the number of those so far.
    #[must_use]
    pub fn pages(self) -> usize {
        self.pages
    }

    /// Returns what the purge has done in the remote store.
    #[must_use]
    pub fn remote(self) -> RemotePurge {
        self.remote
    }
}

/// The future of a purge, which every `purge_…` and `expire_…` method of [`PageCache`] returns.
///
/// The purge has already taken effect in this process, whether or not the future is awaited. Awaited, it waits until the memory of
/// the pages is free, but for no longer than a second. That is already so if there were few pages to look at, and another thread frees
/// the memory of more. The future also waits for the remote store, if the cache has one, but for no longer than the [timeout](crate::PageCacheBuilder::remote_timeout) of that store since the method
/// was called, and not at all while that store is unavailable. A purge that is not confirmed by then is no error: it is queued, and
/// [`PurgeSummary::remote`] says so.
///
/// ```
/// # use cache_page::{PageCache, PurgeError};
/// # async fn saved(cache: PageCache) -> Result<(), PurgeError> {
/// let summary = cache.purge_tag("posts").await?;
/// println!("removed {} pages of this process; remote store: {:?}", summary.pages(), summary.remote());
/// # Ok(())
/// # }
/// ```
///
/// A program that ends after a purge waits until the purge is [`delivered`](Self::delivered).
///
/// # Errors
///
/// Completes with an error if the argument of the purge was invalid. Nothing was purged then.
#[must_use = "whether the remote store has executed the purge is only known when this future has completed"]
#[derive(Debug)]
#[doc(alias("invalidation", "Purge"))]
pub struct PurgeFuture {
    local: Result<LocalPurges, PurgeError>,
    local_timeout: Timeout,
    remotes: Vec<RemotePart>,
    /// The hottest pages of each cache that were purged, if they can be refilled.
    refills: Vec<(PageCache, Vec<KeyedUrl>)>,
    /// The longest timeout of the remote stores.
    remote_timeout: Timeout,
}

/// A point in time until which the future waits.
#[derive(Debug)]
struct Timeout {
    deadline: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

/// The purge of one remote store.
#[derive(Debug)]
struct RemotePart {
    ack: PurgeAck,
    key_prefix: String,
    /// `None` until the first attempt has completed.
    state: Option<RemotePurge>,
}

impl PurgeFuture {
    /// Creates the future of a purge in this process.
    pub(super) fn new(local: Result<LocalPurges, PurgeError>) -> Self {
        let now = Instant::now();
        let timeout = |deadline| Timeout { deadline, timer: None };
        Self {
            local,
            local_timeout: timeout(now + SWEEP_TIMEOUT),
            remotes: Vec::new(),
            refills: Vec::new(),
            remote_timeout: timeout(now),
        }
    }

    /// Adds a remote store that executes the purge too.
    pub(super) fn add_remote(&mut self, cache: &PageCache, remote: &RemoteTier, ack: PurgeAck) {
        let deadline = &mut self.remote_timeout.deadline;
        *deadline = (*deadline).max(deadline_after(remote.options().timeout));
        self.remotes.push(RemotePart { ack, key_prefix: cache.key_prefix().to_owned(), state: None });
    }

    pub(super) fn set_refills(&mut self, refills: Vec<(PageCache, Vec<KeyedUrl>)>) {
        self.refills = refills;
    }

    /// Has the [refiller](PageCache::refiller) of the cache refill the hottest of the purged pages, at most 100, in the background.
    ///
    /// The purged pages are not served meanwhile, except for those of a soft purge. Without a refiller that is running, this has no
    /// effect.
    ///
    /// ```
    /// # use cache_page::{PageCache, PurgeError};
    /// # async fn saved(cache: PageCache) -> Result<(), PurgeError> {
    /// cache.purge_tag("posts").refill().await?;
    /// # Ok(())
    /// # }
    /// ```
    // As with every purge, the future need not be awaited.
    #[allow(clippy::must_use_candidate, clippy::return_self_not_must_use)]
    pub fn refill(mut self) -> Self {
        self.refills.drain(..).for_each(|(cache, urls)| cache.refill(urls));
        self
    }

    /// Waits until the remote store has executed the purge, for at most 10 seconds.
    ///
    /// It is for programs that purge and end, such as a command in a deployment. The process must not end before, because it is its
    /// own queue that delivers the purge. A handler awaits the `PurgeFuture` itself, so that it responds while the remote store is
    /// unavailable.
    ///
    /// ```no_run
    /// use cache_page::PageCache;
    ///
    /// # #[cfg(feature = "redis")]
    /// #[actix_web::main]
    /// async fn main() -> Result<(), cache_page::PurgeError> {
    ///     let cache = PageCache::builder().redis("redis://localhost:6379").key_prefix("shop").build();
    ///     cache.purge_tag("prices").delivered().await?;
    ///     Ok(())
    /// }
    /// # #[cfg(not(feature = "redis"))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// * The argument of the purge was invalid.
    /// * The remote store has not confirmed the purge in time: [`PurgeError::is_pending`].
    /// * No process has stored a page in the remote store with this `key_prefix`: [`PurgeError::is_nothing_stored`]. If there are
    ///   several remote stores, because named caches have their own, this is an error if it is so in all of them.
    pub async fn delivered(self) -> Result<PurgeSummary, PurgeError> {
        self.delivered_within(DELIVERY_TIMEOUT).await
    }

    /// Waits as [`delivered`](Self::delivered) does, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`delivered`](Self::delivered).
    pub async fn delivered_within(self, timeout: Duration) -> Result<PurgeSummary, PurgeError> {
        let prefix = self.remotes.last().map(|part| part.key_prefix.clone()).unwrap_or_default();
        let (summary, failure) = self.settle(timeout).await?;
        match (summary.remote, failure) {
            (_, Some(failure)) => Err(PurgeError::pending(failure)),
            (RemotePurge::NothingStored, None) => Err(PurgeError::nothing_stored(&prefix)),
            (_, None) => Ok(summary),
        }
    }

    /// Waits likewise, and returns what the purge has done by then.
    #[cfg(feature = "inspector")]
    pub(crate) async fn settled_within(self, timeout: Duration) -> Result<PurgeSummary, PurgeError> {
        self.settle(timeout).await.map(|(summary, _)| summary)
    }

    /// Returns what the purge has done within `timeout`, and why it is still pending if it is.
    async fn settle(self, timeout: Duration) -> Result<(PurgeSummary, Option<String>), PurgeError> {
        let deadline = deadline_after(timeout);
        let local = self.local?;
        let (mut states, mut failure) = (Vec::new(), None);
        for RemotePart { ack: PurgeAck { first_attempt, mut delivery }, .. } in self.remotes {
            let result = timeout_at(deadline, &mut delivery).await;
            failure = match result {
                Ok(Ok(result)) => {
                    states.push(state_of(result));
                    continue;
                }
                Ok(Err(_)) => Some("the remote store was shut down".to_owned()),
                Err(_) => {
                    let failure = first_attempt.await.ok().and_then(Result::err);
                    let failure = failure.map(|error| format!("; {error}")).unwrap_or_default();
                    Some(format!("not within {timeout:?}{failure}"))
                }
            };
            states.push(RemotePurge::Pending);
            break;
        }
        // If it takes longer, the pages so far are counted.
        let _ = timeout_at(self.local_timeout.deadline.min(deadline), local.clone()).await;
        Ok((PurgeSummary { pages: local.pages(), remote: summarize(states) }, failure))
    }

    /// Does not wait for the remote store. The cache retries and logs what fails.
    pub(crate) fn detach(self) {}
}

impl Timeout {
    /// Returns whether the timeout has elapsed. Outside of a tokio runtime, it never does.
    fn has_elapsed(&mut self, context: &mut Context<'_>) -> bool {
        if self.timer.is_none() && Handle::try_current().is_ok() {
            self.timer = Some(Box::pin(sleep_until(self.deadline)));
        }
        self.timer.as_mut().is_some_and(|timer| timer.as_mut().poll(context).is_ready())
    }
}

impl Future for PurgeFuture {
    type Output = Result<PurgeSummary, PurgeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut is_waiting = false;
        for part in self.remotes.iter_mut().filter(|part| part.state.is_none()) {
            match Pin::new(&mut part.ack.first_attempt).poll(context) {
                Poll::Pending => is_waiting = true,
                Poll::Ready(Ok(Ok(result))) => part.state = Some(state_of(result)),
                Poll::Ready(Ok(Err(_)) | Err(_)) => part.state = Some(RemotePurge::Pending),
            }
        }
        let is_sweeping = self.local.as_mut().is_ok_and(|local| Pin::new(local).poll(context).is_pending());
        // Both are polled, so that either wakes the task.
        let must_wait_for_remote = is_waiting && !self.remote_timeout.has_elapsed(context);
        let must_wait_for_sweep = is_sweeping && !self.local_timeout.has_elapsed(context);
        if must_wait_for_remote || must_wait_for_sweep {
            return Poll::Pending;
        }
        let states = self.remotes.iter().map(|part| part.state.unwrap_or(RemotePurge::Pending));
        let remote = summarize(states);
        let pages = self.local.as_ref().map(LocalPurges::pages).map_err(Clone::clone);
        Poll::Ready(pages.map(|pages| PurgeSummary { pages, remote }))
    }
}

fn state_of(result: PurgeResult) -> RemotePurge {
    if result.is_namespace_used { RemotePurge::Confirmed } else { RemotePurge::NothingStored }
}

/// Returns the state of the purge in several remote stores.
fn summarize(states: impl IntoIterator<Item = RemotePurge>) -> RemotePurge {
    let combine = |one, other| match (one, other) {
        (RemotePurge::Pending, _) | (_, RemotePurge::Pending) => RemotePurge::Pending,
        (RemotePurge::NothingStored, other) => other,
        (one, _) => one,
    };
    states.into_iter().reduce(combine).unwrap_or(RemotePurge::NoStore)
}
