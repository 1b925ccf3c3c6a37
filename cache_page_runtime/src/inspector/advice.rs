//! What to do about a reason.

use crate::outcome::Reason;

/// Returns one sentence on what an operator can do about a reason.
pub(super) const fn of(reason: Reason) -> &'static str {
    match reason {
        Reason::Method => "Only GET and HEAD use the cache; nothing to do.",
        Reason::Disabled => "The cache was built with `enabled(false)`.",
        Reason::UnknownCache => {
            "Add the cache that the attribute names with `PageCacheBuilder::named_cache`."
        }
        Reason::UnknownHost => {
            "Add the host to `allowed_hosts`, or let the proxy send the right one; scanners send others."
        }
        Reason::HostSpelling => "Let the proxy send the host in lower case.",
        Reason::BypassIf => "The `bypass_if` of the handler returned true.",
        Reason::Credentials => {
            "Name the session cookie with `session_cookies`, or replace `HttpRequest` by the arguments that the handler needs."
        }
        Reason::LoggedIn => "Visitors who are logged in have no cached page here; nothing to do.",
        Reason::ExtractorError => "An argument of the handler is an `Err`; look at what the clients send.",
        Reason::ContentEncoding => {
            "The handler encodes the body itself; leave that to the option `compress` of the cache."
        }
        Reason::Body => "Clients send GET requests with a body; find out which ones.",
        Reason::RequestHeld => {
            "A service outside of the middleware holds the request; move the middleware outwards."
        }
        Reason::KeyTooLong => {
            "The URL and the headers in the key exceed 8 KiB; name the parameters that count with `query`."
        }
        Reason::UnknownApp => "Add a `PageCache` to the App with `app_data`.",
        Reason::RequestNoStore | Reason::OnlyIfCached => {
            "The client asks for it; `honor_request_cache_control(false)` ignores it."
        }
        Reason::Head => "A HEAD has no body that could be stored; the next GET stores the page.",
        Reason::Status => "Name the status in `statuses` to store it too.",
        Reason::SelfRedirect => "The redirect leads to the same page; add what decides about it to the key.",
        Reason::SetCookie => "Set the cookie in another handler, or not for anonymous visitors.",
        Reason::SessionChanged => "Do not touch the session of anonymous visitors in this handler.",
        Reason::UserSpecificHeader => {
            "The response has a header for one client, such as a CSRF token; send it from another handler."
        }
        Reason::NoStore => "The response says `no-store`, or the handler called `PageControl::no_store`.",
        Reason::NoCache => "The response says `no-cache`; remove it from the handler's `Cache-Control`.",
        Reason::Private => "The response says `private`; remove it if the page is the same for everybody.",
        Reason::Expired => {
            "The response has expired already: check `max-age`, `Expires` and the clock of the upstream server."
        }
        Reason::Vary => "Let the handler name request headers in `Vary` instead of `*`.",
        Reason::Upgrade => "A WebSocket handshake is never stored; nothing to do.",
        Reason::EventStream => "A stream of server-sent events does not end; nothing to do.",
        Reason::CspNonce => "Use hashes in the Content-Security-Policy of cached pages instead of a nonce.",
        Reason::Streamed => "The body was still being sent.",
        Reason::IncompleteBody => "The handler's body ended with an error; see its log.",
        Reason::Superseded => "A newer response was stored meanwhile; nothing to do.",
        Reason::Purged => {
            "A purge arrived while the handler ran; if there are many, purge more specific tags."
        }
        Reason::InvalidTag => "A tag is not valid; the log has the tag and the handler.",
        Reason::InvalidTargetedField => {
            "The targeted cache control field is malformed; the log has the details."
        }
        Reason::StreamBudget => {
            "Many long bodies are streamed at once; raise `max_bytes`, or send shorter bodies."
        }
        Reason::RemoteUnavailable => {
            "The remote store is unavailable; a `local_ttl` keeps pages in memory meanwhile."
        }
        Reason::BodyTooLarge => "Raise `max_body`, or `max_bytes`: a page takes at most a quarter of it.",
        Reason::NoStoreIf => "The `no_store_if` of the handler returned true.",
        Reason::ClientGone => "Clients disconnect while they wait; make the handler faster.",
        Reason::HandlerPanicked => "The handler panicked; see its log.",
        Reason::FillTimeout => {
            "The handler did not complete within `fill_timeout`; make it faster, or raise the limit."
        }
        Reason::StaleWhileRevalidate => "A stale page was sent while it is refreshed, as configured.",
        Reason::StaleIfError => "The handler fails, and stale pages are sent in its place; see its log.",
    }
}
