//! What comes of a lookup.

use std::pin::Pin;

use actix_web::HttpResponse;

use crate::fill::{Bypass, Fill, Handler, Served};

/// The last step of a request.
pub(crate) enum Step {
    Respond(HttpResponse),
    /// The client gets a stored response, which the fill refreshes in the background.
    RespondAndRefresh(HttpResponse, Box<Fill>),
    /// The handler runs for this request.
    Fill(Box<Fill>),
    /// The handler runs, and its response is neither stored nor shared.
    Bypass(Box<Bypass>),
}

/// A step that runs the handler. It is small, because it is a part of the future of every request.
pub(crate) enum Run {
    Fill(Box<Fill>),
    Bypass(Box<Bypass>),
}

impl Step {
    /// Returns the response, or what runs the handler for it.
    pub(crate) fn into_run(self) -> Result<HttpResponse, Run> {
        match self {
            Self::Respond(response) | Self::RespondAndRefresh(response, _) => Ok(response),
            Self::Fill(fill) => Err(Run::Fill(fill)),
            Self::Bypass(bypass) => Err(Run::Bypass(bypass)),
        }
    }
}

impl Run {
    pub(crate) async fn run(self, handler: Pin<&mut dyn Handler>) -> Served {
        match self {
            Self::Fill(fill) => fill.run(handler).await,
            Self::Bypass(bypass) => bypass.run(handler).await,
        }
    }
}
