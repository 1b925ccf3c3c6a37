//! What comes of a lookup.

use actix_web::HttpResponse;

use crate::fill::{Bypass, Fill};

/// The last step of a request.
pub(crate) enum Step {
    Respond(HttpResponse),
    /// The client gets a stored response, which the fill refreshes in the background.
    RespondAndRefresh(HttpResponse, Box<Fill>),
    /// The handler runs for this request.
    Fill(Box<Fill>),
    /// The handler runs, and its response is neither stored nor shared.
    Bypass(Bypass),
}
