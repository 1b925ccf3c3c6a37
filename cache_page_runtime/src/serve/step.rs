//! What comes of a lookup.

use actix_web::HttpResponse;

use crate::{
    coalesce::UncacheableMark,
    fill::{Bypass, Fill},
    outcome::{ForwardReason, Reason},
    time::instant::Instant,
};

/// The last step of a request.
pub(super) enum Step {
    Respond(HttpResponse),
    /// The client gets a stored response, which the fill refreshes in the background.
    RespondAndRefresh(HttpResponse, Box<Fill>),
    Run(Run),
}

/// How the handler runs for a request. It is small, because it is a part of the future of every request.
pub(super) enum Run {
    Fill(Box<Fill>),
    /// A fill is started only if the response may be stored.
    Uncacheable(UncacheableKey),
    /// The response is neither stored nor shared.
    Bypass(Reason),
}

/// A request for a key that was uncacheable lately.
pub(super) struct UncacheableKey {
    pub(super) mark: UncacheableMark,
    pub(super) cause: ForwardReason,
    pub(super) started: Instant,
}

/// The last step of a request that a service owns while it runs, so that nothing borrows it.
pub(crate) enum ServiceStep {
    Respond(HttpResponse),
    RespondAndRefresh(HttpResponse, Box<Fill>),
    Fill(Box<Fill>),
    Bypass(Box<Bypass>),
}

impl Step {
    /// Returns the response, or how to run the handler for it.
    pub(super) fn into_run(self) -> Result<HttpResponse, Run> {
        match self {
            Self::Respond(response) | Self::RespondAndRefresh(response, _) => Ok(response),
            Self::Run(run) => Err(run),
        }
    }
}
