//! What becomes of a request, and why.

/// What became of a request to a cached handler. Every request has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// A kept page was sent, or the part of it that was asked for; the handler did not run.
    Hit,
    /// The client's own copy is that page: it was told so (304), and nothing was sent; the handler did not run.
    Revalidated,
    /// A page of the shared tier was sent, which another process had made; the handler did not run.
    RemoteHit,
    /// The page that another request was just making was sent; the handler did not run for this one.
    Collapsed,
    /// A page whose time is over was sent, as that rule allows ([`Reason::StaleWhileRevalidate`],
    /// [`Reason::StaleIfError`]).
    Stale(Reason),
    /// The handler ran, and its page is kept for those that come after.
    Stored,
    /// The handler ran, and its page is not kept, by that rule.
    NotStored(Reason),
    /// The request does not use the cache, by that rule.
    Bypass(Reason),
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $token:literal,)+) => {
        /// The rule that kept a request from the cache, or a response out of it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Reason {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The word for it in `Cache-Status`, metrics and logs.
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
    /// The request is neither `GET` nor `HEAD`.
    Method = "method",
    /// The cache is switched off.
    Disabled = "disabled",
    /// There is no cache of the name that the attribute's `cache` says.
    UnknownCache = "unknown-cache",
    /// The attribute's `when` said no.
    BypassIf = "bypass-if",
    /// The page is open, and the request carries credentials.
    Credentials = "credentials",
    /// The request has a body, which no key covers, and a middleware cannot see whether anything inside reads it.
    Body = "body",
    /// What the key would have to cover is longer than a key may be.
    KeyTooLong = "key-too-long",
    /// There is no `PageCache` in the App, and nothing that tells this App from others.
    UnknownApp = "unknown-app",
    /// The request says `no-store`, in a cache that was told to listen.
    RequestNoStore = "request-no-store",
    /// The request says `only-if-cached`, in a cache that was told to listen, and there is no page: the answer is 504.
    OnlyIfCached = "only-if-cached",
    /// `HEAD` does not show the body that would be kept.
    Head = "head",
    /// A status that is not kept without the handler's explicit word, or never.
    Status = "status",
    /// The response sets a cookie.
    SetCookie = "set-cookie",
    /// The response has another header that is about one visitor, such as `Clear-Site-Data`.
    UserSpecificHeader = "user-specific-header",
    /// The response says `no-store`, or its handler did by a `PageControl`.
    NoStore = "no-store",
    /// The response says `no-cache`.
    NoCache = "no-cache",
    /// The response says `private`.
    Private = "private",
    /// The response says that its time is over, or says nothing that could be relied on.
    Expired = "expired",
    /// The response depends on things that are in no request header (`Vary: *`).
    Vary = "vary",
    /// There are as many variants of the page as there may be.
    TooManyVariants = "too-many-variants",
    /// The response switches protocols; or the request wants to, and a middleware cannot see whether anything inside would.
    Upgrade = "upgrade",
    /// A stream of events, which has no end.
    EventStream = "event-stream",
    /// The response allows scripts by a nonce, which is for one visitor.
    CspNonce = "csp-nonce",
    /// The body is still to come: whether its page is kept shows at its end. Only the header says so; what is counted is
    /// what became of it.
    Streamed = "streamed",
    /// The body broke off: its stream ended with an error, or with another length than it had announced.
    IncompleteBody = "incomplete-body",
    /// A page whose making began later is kept already.
    Superseded = "superseded",
    /// Something that the page may show was purged while it was made.
    Purged = "purged",
    /// The page has a tag that cannot be, or too many: no purge would find it. The log tells which.
    InvalidTag = "invalid-tag",
    /// The response's own word for this cache could not be read. The log tells why.
    InvalidTargetedField = "invalid-targeted-field",
    /// So much was being gathered from other streams that there was no room for this one's copy.
    StreamBudget = "stream-budget",
    /// Memory sends nothing by itself (`local_ttl` is zero), and the shared tier is out of reach.
    RemoteUnavailable = "remote-unavailable",
    /// The body is longer than one that is kept may be.
    BodyTooLarge = "body-too-large",
    /// The attribute's `unless` said so.
    NoStoreIf = "no-store-if",
    /// The handler did not come to an end, or its body did not: it panicked, or its client went away.
    ClientGone = "client-gone",
    /// The page's time is over, and it is made anew in the background or was just tried to be.
    StaleWhileRevalidate = "stale-while-revalidate",
    /// The page's time is over, and the handler failed to make it anew, or did so just before.
    StaleIfError = "stale-if-error",
}

impl Outcome {
    /// How many there are, each reason counted.
    pub(crate) const COUNT: usize = 5 + 3 * Reason::ALL.len();

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let reasons = || Reason::ALL.iter().copied();
        [Self::Hit, Self::Revalidated, Self::RemoteHit, Self::Collapsed, Self::Stored]
            .into_iter()
            .chain(reasons().map(Self::Stale))
            .chain(reasons().map(Self::NotStored))
            .chain(reasons().map(Self::Bypass))
    }

    /// The word for it in metrics and logs.
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

    /// The rule behind it, where there is one.
    #[must_use]
    pub const fn reason(self) -> Option<Reason> {
        match self {
            Self::Stale(reason) | Self::NotStored(reason) | Self::Bypass(reason) => Some(reason),
            Self::Hit | Self::Revalidated | Self::RemoteHit | Self::Collapsed | Self::Stored => None,
        }
    }

    /// Its place among all of them.
    pub(crate) const fn index(self) -> usize {
        const EACH: usize = Reason::ALL.len();
        match self {
            Self::Hit => 0,
            Self::Revalidated => 1,
            Self::RemoteHit => 2,
            Self::Collapsed => 3,
            Self::Stored => 4,
            Self::Stale(reason) => 5 + reason as usize,
            Self::NotStored(reason) => 5 + EACH + reason as usize,
            Self::Bypass(reason) => 5 + 2 * EACH + reason as usize,
        }
    }
}

/// Why the handler has to run although the request may use the cache (RFC 9211 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForwardReason {
    /// No page is kept under its key.
    Miss,
    /// Pages are kept, and none for the request headers that they depend on.
    VaryMiss,
    /// There was one, and its time was over, or about to be.
    Stale,
    /// The client asked for a new one, and the cache was told to listen.
    Request,
}

impl ForwardReason {
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
    fn every_outcome_has_a_place_of_its_own() {
        let places: Vec<usize> = Outcome::all().map(Outcome::index).collect();
        assert_eq!(places, (0..Outcome::COUNT).collect::<Vec<_>>());
    }
}
