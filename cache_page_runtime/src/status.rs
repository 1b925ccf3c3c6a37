//! What became of a request, and why: told in `Cache-Status` (RFC 9211).

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use http::header::{HeaderName, HeaderValue};

pub(crate) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A kept page was sent; the handler did not run.
    Hit { ttl: Option<Duration> },
    /// The handler ran, and its page is kept for those that come after.
    Stored { why: Forward, ttl: Option<Duration> },
    /// The handler ran, and its page may not be kept.
    NotKept { why: Forward, reason: Reason },
    /// The request may not use the cache at all.
    Bypass(Reason),
}

/// Why the handler had to run although the request may use the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forward {
    /// No page is kept under its key.
    Miss,
    /// There was one, and its time was over.
    Stale,
}

/// Which rule kept a request from the cache or a response out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The request is neither `GET` nor `HEAD`.
    Method,
    /// An open page, and the request carries credentials.
    Credentials,
    /// What the key would have to cover is longer than a key may be.
    KeyTooLong,
    /// No `PageCache` in the App, and nothing that tells this App from others.
    UnknownApp,
    /// `HEAD` does not show the body that would be kept.
    Head,
    /// A status that is not kept without the handler's explicit word, or never.
    Status,
    /// The response sets a cookie.
    SetCookie,
    /// The response says `no-store`.
    NoStore,
    /// The response says `no-cache`.
    NoCache,
    /// The response says `private`.
    Private,
    /// The response says that its time is over already, or says nothing one could rely on.
    Expired,
    /// The response depends on request headers that the key does not cover.
    Vary,
    /// The response switches protocols.
    Upgrade,
    /// A stream of events, which has no end.
    EventStream,
    /// The response allows scripts by a nonce, which is for one visitor.
    Nonce,
    /// The body is not at hand in one piece.
    Streamed,
    /// The body is longer than a body that is kept may be.
    TooLarge,
}

impl Reason {
    /// The word for it in `Cache-Status`.
    pub(crate) fn token(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Credentials => "credentials",
            Self::KeyTooLong => "key-too-long",
            Self::UnknownApp => "unknown-app",
            Self::Head => "head",
            Self::Status => "status",
            Self::SetCookie => "set-cookie",
            Self::NoStore => "no-store",
            Self::NoCache => "no-cache",
            Self::Private => "private",
            Self::Expired => "expired",
            Self::Vary => "vary",
            Self::Upgrade => "upgrade",
            Self::EventStream => "event-stream",
            Self::Nonce => "nonce",
            Self::Streamed => "streamed",
            Self::TooLarge => "too-large",
        }
    }
}

impl Forward {
    fn token(self) -> &'static str {
        match self {
            Self::Miss => "miss",
            Self::Stale => "stale",
        }
    }
}

/// One member of the `Cache-Status` list (RFC 9211 2).
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cache_page; ")?;
        let ttl = match *self {
            Self::Hit { ttl } => {
                f.write_str("hit")?;
                ttl
            }
            Self::Stored { why, ttl } => {
                write!(f, "fwd={}; stored", why.token())?;
                ttl
            }
            Self::NotKept { why, reason } => {
                return write!(f, "fwd={}; detail={}", why.token(), reason.token());
            }
            Self::Bypass(Reason::Method) => return f.write_str("fwd=method"),
            Self::Bypass(reason) => return write!(f, "fwd=bypass; detail={}", reason.token()),
        };
        match ttl {
            // Whole seconds, so that it and `Age` add up to the lifetime.
            Some(ttl) => write!(f, "; ttl={}", ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0)),
            None => Ok(()),
        }
    }
}

impl Outcome {
    /// One event a request, at `debug`.
    pub(crate) fn trace(self, handler: &'static str) {
        tracing::debug!(target: "cache_page", handler, "{self}");
    }

    pub(crate) fn header(self) -> Option<HeaderValue> {
        let mut text = String::with_capacity(48);
        write!(text, "{self}").ok()?;
        HeaderValue::try_from(text).ok()
    }
}
