//! The tracing span of a run of a handler.

use std::fmt::{self, Display, Write as _};

use actix_web::HttpRequest;
use http::header::HeaderName;
use tracing::{Span, field::Empty, level_filters::LevelFilter};

use super::Observer;
use crate::{
    http::{RequestOrigin, header_class::RequestNames},
    key::KeyParts,
    outcome::{ForwardReason, Outcome, Reason},
    policy::HandlerId,
};

/// The span of one run of a handler. It is empty, and takes no memory, where no subscriber is interested in it.
#[derive(Clone, Default)]
pub(crate) struct FillSpan(Option<Box<Span>>);

/// What the span says of the run. The values of the key that may identify a client are left out: those of cookies, query parameters,
/// arguments and headers, but for the scheme and the host.
#[derive(Clone, Copy)]
pub(crate) struct FillSubject<'r> {
    pub(crate) observer: &'r Observer,
    pub(crate) handler: HandlerId,
    pub(crate) cause: ForwardReason,
    pub(crate) request: &'r HttpRequest,
    pub(crate) names: RequestNames,
    pub(crate) key: &'r KeyParts,
}

/// The fields of a span are only evaluated if it is enabled.
macro_rules! span {
    ($subject:expr, $($parent:tt)*) => {{
        let FillSubject { observer, handler, cause, request, names, key } = $subject;
        let origin = || RequestOrigin::with_names(request, names);
        tracing::debug_span!(
            target: "cache_page",
            $($parent)*,
            cache = observer.name(),
            handler = handler.name,
            cause = cause.token(),
            scheme = origin().scheme,
            host = origin().host,
            path = request.uri().path(),
            query = request.uri().query().map(QueryNames).map(tracing::field::display),
            vary = tracing::field::display(HeaderNames(key)),
            outcome = Empty,
            reason = Empty,
        )
    }};
}

impl FillSpan {
    /// The run of a request that waits for it: within the current span.
    #[inline]
    pub(crate) fn of_fill(subject: FillSubject<'_>) -> Self {
        if !is_wanted() {
            return Self::default();
        }
        Self::new(span!(subject, "fill"))
    }

    /// A background refresh. It follows from the current span, that of the request which was answered with the stale page.
    pub(crate) fn of_refresh(subject: FillSubject<'_>) -> Self {
        if !is_wanted() {
            return Self::default();
        }
        let span = span!(subject, parent: None, "refresh");
        span.follows_from(Span::current());
        Self::new(span)
    }

    fn new(span: Span) -> Self {
        Self((!span.is_disabled()).then(|| Box::new(span)))
    }

    /// Calls a function within the span.
    #[inline]
    pub(crate) fn in_scope<T>(&self, f: impl FnOnce() -> T) -> T {
        match &self.0 {
            None => f(),
            Some(span) => span.in_scope(f),
        }
    }

    /// Adds the outcome.
    // The oldest version of tracing that is allowed takes references.
    #[allow(clippy::needless_borrows_for_generic_args)]
    pub(crate) fn record(&self, outcome: Outcome) {
        if let Some(span) = &self.0 {
            span.record("outcome", &outcome.as_str());
            span.record("reason", &outcome.reason().map(Reason::as_str));
        }
    }
}

/// Returns whether a subscriber may be interested.
///
/// The macro evaluates the fields for the `log` crate too, where that feature of `tracing` is enabled and there is no subscriber, whatever
/// the level of the logger is. actix-http enables it.
fn is_wanted() -> bool {
    LevelFilter::current() >= LevelFilter::DEBUG
}

/// The names of the parameters in a query, as they were sent. One without a value may be a token itself, and is left out.
struct QueryNames<'q>(&'q str);

impl Display for QueryNames<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters = self.0.split('&').filter_map(|parameter| parameter.split_once('='));
        // A token in base64 may end with padding.
        let named = parameters.filter(|(_, value)| !value.trim_start_matches('=').is_empty());
        write_list(f, named.map(|(name, _)| name))
    }
}

/// The names of the request headers that are in the key.
struct HeaderNames<'k>(&'k KeyParts);

impl Display for HeaderNames<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, self.0.vary_names().map(HeaderName::as_str))
    }
}

fn write_list<'n>(f: &mut fmt::Formatter<'_>, names: impl Iterator<Item = &'n str>) -> fmt::Result {
    for (index, name) in names.enumerate() {
        if index > 0 {
            f.write_char(',')?;
        }
        f.write_str(name)?;
    }
    Ok(())
}
