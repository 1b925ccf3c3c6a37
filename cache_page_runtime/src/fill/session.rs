//! Sessions of actix-session, which a handler may begin for a client that had none.
//!
//! A session middleware outside of the cache sets its cookie after the response is stored, so `Set-Cookie` does not show that the
//! response is for one client. The session of the request does. Without the feature `actix-session` nothing is looked at.

use actix_web::HttpRequest;
#[cfg(feature = "actix-session")]
use {
    actix_session::{SessionExt as _, SessionStatus},
    std::collections::HashMap,
};

use crate::{policy::HandlerPolicy, time::instant::Instant};

/// The session of a request before its handler runs.
#[cfg(feature = "actix-session")]
pub(crate) enum SessionBefore {
    /// The response may depend on anything in the session, whichever service has put it there.
    OfAnonymousVisitor,
    /// Every change counts.
    Unchanged,
    /// What a service around the cache has made of the session.
    Changed(Box<(SessionStatus, HashMap<String, String>)>),
}

#[cfg(not(feature = "actix-session"))]
pub(crate) struct SessionBefore;

#[cfg(feature = "actix-session")]
impl SessionBefore {
    /// Returns what is expected of a request without credentials.
    pub(crate) fn of_anonymous_visitor() -> Self {
        Self::OfAnonymousVisitor
    }

    /// Records the session for a handler that sees no more of the request than its arguments read.
    ///
    /// Changes by others, such as a middleware that counts visits, then do not show in its response.
    pub(crate) fn record(request: &HttpRequest) -> Self {
        // A request without a session gets an empty one, which no middleware saves.
        let session = request.get_session();
        match session.status() {
            SessionStatus::Unchanged => Self::Unchanged,
            status => Self::Changed(Box::new((status, session.entries().clone()))),
        }
    }

    /// Returns whether the session was begun, changed, renewed or ended, or should be empty and is not, so that the response is for
    /// its client alone.
    pub(super) fn is_changed(&self, request: &HttpRequest) -> bool {
        let session = request.get_session();
        match self {
            // A session that is not empty belongs to a visitor whose cookie was not taken for a credential by mistake.
            Self::OfAnonymousVisitor => {
                session.status() != SessionStatus::Unchanged || !session.entries().is_empty()
            }
            Self::Unchanged => session.status() != SessionStatus::Unchanged,
            Self::Changed(before) => session.status() != before.0 || *session.entries() != before.1,
        }
    }
}

#[cfg(not(feature = "actix-session"))]
impl SessionBefore {
    pub(crate) fn of_anonymous_visitor() -> Self {
        Self
    }

    pub(crate) fn record(_: &HttpRequest) -> Self {
        Self
    }

    pub(super) fn is_changed(&self, _: &HttpRequest) -> bool {
        false
    }
}

/// Logs an error if a session middleware is around the middleware of the cache. `request` is what the services inside returned.
#[cfg(feature = "actix-session")]
pub(super) fn check_order(request: &HttpRequest, policy: &HandlerPolicy, now: Instant) {
    // A session middleware inside has saved the entries, and taken them out of the request.
    if !request.get_session().entries().is_empty() {
        policy.log_error(
            now,
            format_args!(
                "`SessionMiddleware` is outside of `PageCacheMiddleware`, so pages that change the session are not stored, and \
                 the session is loaded on every hit; wrap the cache around it: \
                 `.wrap(SessionMiddleware::new(…)).wrap(PageCacheMiddleware::new(…))`"
            ),
        );
    }
}

#[cfg(not(feature = "actix-session"))]
pub(super) fn check_order(_: &HttpRequest, _: &HandlerPolicy, _: Instant) {}
