//! One spelling of `Accept-Encoding` for the services inside.
//!
//! A service that encodes its responses, such as actix-web's `Compress`, has one page per value of the header. Clients spell the same
//! preferences in many ways, and the services inside must not see what is not in the key. So they see the normal form, and so does the key.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
};

use actix_web::{
    dev::ServiceRequest,
    http::{Method, header::ACCEPT_ENCODING},
};

use crate::http::accept_encoding;

/// Whether outer services hold requests, which cannot be changed then.
pub(super) type RequestsHeld = Rc<Cell<bool>>;

/// Gives a request the normal form of its `Accept-Encoding`. A request that an outer service holds keeps its own.
pub(super) fn normalize(request: &mut ServiceRequest, are_held: &RequestsHeld) {
    if !matches!(*request.method(), Method::GET | Method::HEAD) || are_held.get() {
        return;
    }
    let Some(value) = accept_encoding::normalized(request.headers()) else { return };
    // This panics if there is another reference, and nothing else tells whether there is. It has changed nothing then.
    let head = catch_unwind(AssertUnwindSafe(|| {
        let _ = request.head_mut();
    }));
    match head {
        Ok(()) => drop(request.headers_mut().insert(ACCEPT_ENCODING, value)),
        // Not tried again, since the panic is logged.
        Err(_) => are_held.set(true),
    }
}
