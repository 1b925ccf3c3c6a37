//! One spelling of `Accept-Encoding` for the services inside.
//!
//! A service that encodes its responses, such as actix-web's `Compress`, has one page per value of the header. Clients spell the same
//! preferences in many ways, and the services inside must not see what is not in the key. So they see the normal form, and so does the key.

use actix_web::{
    dev::ServiceRequest,
    http::{Method, header::ACCEPT_ENCODING},
};

use super::held_requests::HeldRequests;
use crate::http::accept_encoding;

/// Gives a request the normal form of its `Accept-Encoding`. A request that an outer service holds keeps its own.
pub(super) fn normalize(request: &mut ServiceRequest, held: &HeldRequests) {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return;
    }
    let Some(value) = accept_encoding::normalized(request.headers()) else { return };
    if let Some(head) = held.head_mut(request) {
        head.headers.insert(ACCEPT_ENCODING, value);
    }
}
