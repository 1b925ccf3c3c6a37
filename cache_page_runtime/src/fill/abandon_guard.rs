//! The report of a request whose client disconnects, or whose handler panics.

use crate::{
    cache::PageCache,
    observe::{Report, RunPath},
    outcome::{ForwardReason, Outcome, Reason},
    policy::HandlerPolicy,
};

/// Reports the outcome if it is dropped while the handler runs.
pub(crate) struct AbandonGuard<'c> {
    cache: &'c PageCache,
    policy: &'static HandlerPolicy,
    outcome: Outcome,
    cause: Option<ForwardReason>,
    path: RunPath,
}

impl<'c> AbandonGuard<'c> {
    /// For a request that bypasses the cache for this reason.
    pub(crate) fn of_bypass(
        cache: &'c PageCache,
        policy: &'static HandlerPolicy,
        reason: Reason,
        path: RunPath,
    ) -> Self {
        Self { cache, policy, outcome: Outcome::Bypass(reason), cause: None, path }
    }

    /// For a request whose response may be stored.
    pub(crate) fn of_miss(
        cache: &'c PageCache,
        policy: &'static HandlerPolicy,
        cause: ForwardReason,
        path: RunPath,
    ) -> Self {
        Self { cache, policy, outcome: Outcome::NotStored(Reason::ClientGone), cause: Some(cause), path }
    }

    /// Ends without a report, and returns the path of the request.
    pub(crate) fn disarm(mut self) -> RunPath {
        let path = std::mem::take(&mut self.path);
        std::mem::forget(self);
        path
    }
}

impl Drop for AbandonGuard<'_> {
    fn drop(&mut self) {
        let outcome = match self.outcome {
            Outcome::NotStored(_) if std::thread::panicking() => Outcome::NotStored(Reason::HandlerPanicked),
            outcome => outcome,
        };
        let report = Report { forward_reason: self.cause, ..Report::of(outcome) };
        let (observer, handler) = (self.cache.observer(), self.policy.handler_id());
        report.log(observer, handler);
        report.remember(std::mem::take(&mut self.path), observer, self.cache.clock());
    }
}
