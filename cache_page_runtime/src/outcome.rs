//! The outcome of a request, and the reason for it.

use std::{error::Error, fmt, str::FromStr};

/// What the cache did with a request. Every request to a cached handler has exactly one outcome.
///
/// It is reported in `Cache-Status`, in [`Stats`](crate::Stats), in the metric of the feature `metrics` and in a `tracing` event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// A stored page was sent, or a part of it; the handler did not run.
    Hit,
    /// The client's copy of the page was current and the response was 304; the handler did not run.
    Revalidated,
    /// A page from the remote store was sent; the handler did not run in this process.
    RemoteHit,
    /// The page of a concurrent request was sent; the handler did not run for this request.
    Collapsed,
    /// A stale page was sent, because of [`Reason::StaleWhileRevalidate`] or [`Reason::StaleIfError`].
    Stale(Reason),
    /// The handler ran, and its response was stored.
    Stored,
    /// The handler ran, and its response was not stored.
    NotStored(Reason),
    /// The request bypassed the cache.
    Bypass(Reason),
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $token:literal,)+) => {
        /// Why a request bypassed the cache, a response was not stored, or a stale page was sent.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Reason {
            /// All reasons.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Returns the name of the reason in `Cache-Status`, metrics and logs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $token,)+
                }
            }
        }
    };
}

reasons! {
    /// The method is neither `GET` nor `HEAD`.
    Method = "method",
    /// The cache is disabled.
    Disabled = "disabled",
    /// There is no cache with the name in the attribute's `cache`.
    UnknownCache = "unknown-cache",
    /// The request names a host that [`PageCacheBuilder::allowed_hosts`](crate::PageCacheBuilder::allowed_hosts) does not contain.
    UnknownHost = "unknown-host",
    /// The request names a host in a spelling that browsers do not use: with capital letters, user information, or zeros in front of
    /// the port. Guards and handlers may tell it from the usual spelling, so it would need a page of its own.
    HostSpelling = "host-spelling",
    /// The attribute's `bypass_if` returned `true`.
    BypassIf = "bypass-if",
    /// The request carries credentials, and the page is cached only for requests without credentials.
    Credentials = "credentials",
    /// The visitor is logged in, and the page is stored for anonymous visitors only: an `#[anonymous]` argument has a value, or a
    /// `KeyInput` called `KeyBuilder::anonymous_if`.
    LoggedIn = "logged-in",
    /// An argument of type `Result` is an `Err`, which may contain any part of the request.
    ExtractorError = "extractor-error",
    /// The stored page has a `Content-Encoding` that the client does not accept (`Accept-Encoding`). A request without
    /// `Accept-Encoding` accepts none.
    ContentEncoding = "content-encoding",
    /// The request has a body. The service within a middleware may read it, but it is not part of the key.
    Body = "body",
    /// A service outside of a middleware holds the request, so that the cookies and query parameters that are not in the key cannot be
    /// removed from it.
    RequestHeld = "request-held",
    /// The key is longer than 8 KiB.
    KeyTooLong = "key-too-long",
    /// The App has no `PageCache`, and nothing else identifies the App.
    UnknownApp = "unknown-app",
    /// The request has `Cache-Control: no-store`, and the cache honors request directives.
    RequestNoStore = "request-no-store",
    /// The request has `Cache-Control: only-if-cached`, the cache honors request directives, and no page is stored. The response is
    /// 504.
    OnlyIfCached = "only-if-cached",
    /// The method is `HEAD`, so the response has no body that could be stored.
    Head = "head",
    /// The status is never stored, or only with an explicit lifetime.
    Status = "status",
    /// The redirect leads to the URL that it answers, or to one with the same key. Stored, it would be followed for ever.
    SelfRedirect = "self-redirect",
    /// The response has `Set-Cookie`.
    SetCookie = "set-cookie",
    /// The handler has begun, changed or ended the session of its client (feature `actix-session`), so the response is for that
    /// client. Or the page is for requests without credentials, and the request has a session with values: the name of its cookie is
    /// missing from `session_cookies`.
    SessionChanged = "session-changed",
    /// The response has another header that is meant for one client, such as `Clear-Site-Data` or `X-CSRF-Token`.
    UserSpecificHeader = "user-specific-header",
    /// The response has `Cache-Control: no-store`, or the handler called `PageControl::no_store`.
    NoStore = "no-store",
    /// The response has `Cache-Control: no-cache`.
    NoCache = "no-cache",
    /// The response has `Cache-Control: private`.
    Private = "private",
    /// The response has already expired, or its explicit lifetime is malformed.
    Expired = "expired",
    /// The response varies by more than request headers (`Vary: *`), or `Vary` is malformed.
    Vary = "vary",
    /// The response switches protocols; or the request asks for it, and the service within a middleware may do so.
    Upgrade = "upgrade",
    /// The response is a stream of server-sent events, which does not end.
    EventStream = "event-stream",
    /// The Content Security Policy of the response has a nonce, which is for one client.
    CspNonce = "csp-nonce",
    /// The body is streamed, and whether the response is stored is decided at its end. Only `Cache-Status` has this reason; the
    /// outcome that is counted is the one at the end of the body.
    Streamed = "streamed",
    /// The body ended with an error, or has another length than announced.
    IncompleteBody = "incomplete-body",
    /// A page whose handler started later is already stored.
    Superseded = "superseded",
    /// A matching purge happened while the handler ran.
    Purged = "purged",
    /// The page has an invalid tag or too many tags, so that no purge would find it. The log has the details.
    InvalidTag = "invalid-tag",
    /// The targeted cache control field of the response is malformed. The log has the details.
    InvalidTargetedField = "invalid-targeted-field",
    /// The limit for the bodies that are buffered while they are streamed was reached.
    StreamBudget = "stream-budget",
    /// The remote store is unavailable, and `local_ttl` is zero, so that every request depends on it.
    RemoteUnavailable = "remote-unavailable",
    /// The body is longer than the maximum for stored bodies.
    BodyTooLarge = "body-too-large",
    /// The attribute's `no_store_if` returned `true`.
    NoStoreIf = "no-store-if",
    /// The client disconnected before the handler or the body completed.
    ClientGone = "client-gone",
    /// The handler or the body panicked.
    HandlerPanicked = "handler-panicked",
    /// A background refresh did not complete within `fill_timeout`, or its worker stopped.
    FillTimeout = "fill-timeout",
    /// The page is stale, and is refreshed in the background or a refresh failed recently.
    StaleWhileRevalidate = "stale-while-revalidate",
    /// The page is stale, and the handler failed for this request or recently.
    StaleIfError = "stale-if-error",
}

impl Outcome {
    /// The number of outcomes, with each reason counted separately.
    pub(crate) const COUNT: usize = 5 + 3 * Reason::ALL.len();

    /// Returns all outcomes, one for each reason where there is a reason.
    pub fn all() -> impl Iterator<Item = Self> {
        let reasons = || Reason::ALL.iter().copied();
        [Self::Hit, Self::Revalidated, Self::RemoteHit, Self::Collapsed, Self::Stored]
            .into_iter()
            .chain(reasons().map(Self::Stale))
            .chain(reasons().map(Self::NotStored))
            .chain(reasons().map(Self::Bypass))
    }

    /// Returns the name of the outcome in metrics and logs, without its reason.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Revalidated => "revalidated",
            Self::RemoteHit => "remote-hit",
            Self::Collapsed => "collapsed",
            Self::Stale(_) => "stale",
            Self::Stored => "stored",
            Self::NotStored(_) => "not-stored",
            Self::Bypass(_) => "bypass",
        }
    }

    /// Returns the reason, if this outcome has one.
    #[must_use]
    pub const fn reason(self) -> Option<Reason> {
        match self {
            Self::Stale(reason) | Self::NotStored(reason) | Self::Bypass(reason) => Some(reason),
            Self::Hit | Self::Revalidated | Self::RemoteHit | Self::Collapsed | Self::Stored => None,
        }
    }

    /// Returns the position in [`all`](Self::all).
    pub(crate) const fn index(self) -> usize {
        const REASONS: usize = Reason::ALL.len();
        match self {
            Self::Hit => 0,
            Self::Revalidated => 1,
            Self::RemoteHit => 2,
            Self::Collapsed => 3,
            Self::Stored => 4,
            Self::Stale(reason) => 5 + reason as usize,
            Self::NotStored(reason) => 5 + REASONS + reason as usize,
            Self::Bypass(reason) => 5 + 2 * REASONS + reason as usize,
        }
    }
}

/// Writes the name, and after a colon the reason if there is one: `hit`, `not-stored: set-cookie`. [`FromStr`] reads it.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            Some(reason) => f.pad(&format!("{}: {reason}", self.as_str())),
            None => f.pad(self.as_str()),
        }
    }
}

impl FromStr for Outcome {
    type Err = ParseOutcomeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, reason) = match text.split_once(": ") {
            Some((name, reason)) => (name, Some(reason.parse()?)),
            None => (text, None),
        };
        Self::all()
            .find(|outcome| outcome.as_str() == name && outcome.reason() == reason)
            .ok_or(ParseOutcomeError(()))
    }
}

/// Writes [`as_str`](Reason::as_str), which [`FromStr`] reads.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Reason {
    type Err = ParseOutcomeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == text).ok_or(ParseOutcomeError(()))
    }
}

/// The error of parsing a string that is not an [`Outcome`] or [`Reason`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseOutcomeError(());

impl fmt::Display for ParseOutcomeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the name of an outcome or a reason")
    }
}

impl Error for ParseOutcomeError {}

/// Why a request that may use the cache was forwarded to the handler (RFC 9211 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForwardReason {
    /// There was no stored page for the key.
    Miss,
    /// There were stored pages for the key, but none for the request headers that they vary by.
    VaryMiss,
    /// The stored page was stale, or was refreshed before it expired.
    Stale,
    /// The request's `Cache-Control` did not accept the stored page.
    Request,
}

impl ForwardReason {
    /// Returns the value of the `fwd` parameter of `Cache-Status`.
    ///
    /// A miss is `miss`, not `uri-miss`: the key contains more than the URI, and a missing page does not show which part of the
    /// key was new.
    pub(crate) const fn token(self) -> &'static str {
        match self {
            Self::Miss => "miss",
            Self::VaryMiss => "vary-miss",
            Self::Stale => "stale",
            Self::Request => "request",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_is_the_position_in_all() {
        let indexes: Vec<usize> = Outcome::all().map(Outcome::index).collect();
        assert_eq!(indexes, (0..Outcome::COUNT).collect::<Vec<_>>());
    }
}
