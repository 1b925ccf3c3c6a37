//! Complete response bodies.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody, None as NoBody},
    web::Bytes,
};

/// Returns the bytes of a complete body, or `None` if the response has no body.
///
/// # Errors
///
/// Returns a body that is a stream unchanged.
pub(crate) fn into_bytes(body: BoxBody) -> Result<Option<Bytes>, BoxBody> {
    match body.size() {
        BodySize::None => Ok(None),
        // Servers do not poll a body of announced length 0, so a stream would never be seen to complete.
        BodySize::Sized(0) => Ok(Some(Bytes::new())),
        _ => body.try_into_bytes().map(Some),
    }
}

/// Returns the body that sends these bytes; the reverse of [`into_bytes`].
pub(crate) fn from_bytes(bytes: Option<Bytes>) -> BoxBody {
    match bytes {
        Some(bytes) => BoxBody::new(bytes),
        None => BoxBody::new(NoBody::new()),
    }
}

/// The longest body that its page copies in any case.
const MAX_SHORT: usize = 4096;

/// Returns whether a page copies a body, whatever allocation it is in.
pub(super) fn is_short(bytes: &Bytes) -> bool {
    bytes.len() <= MAX_SHORT
}

/// Returns the same bytes in an allocation of about their own size, or as they are if a page copies them.
///
/// A body may be a slice of a large buffer. Storing the slice would keep the whole buffer in memory, which the budget does
/// not count. A body that fills its own allocation is not copied.
pub(crate) fn into_exact_allocation(bytes: Bytes) -> Bytes {
    if is_short(&bytes) {
        return bytes;
    }
    match bytes.try_into_mut() {
        Ok(bytes) if bytes.capacity() <= bytes.len() + bytes.len() / 8 => bytes.freeze(),
        Ok(bytes) => Bytes::copy_from_slice(&bytes),
        // The bytes are static or shared, and `Bytes` does not expose the size of the shared allocation.
        Err(shared) => Bytes::copy_from_slice(&shared),
    }
}

/// A body that is not sent, because the request is a `HEAD`. Its length is.
struct AnnouncedBody(BodySize);

/// Returns a body of this size for the response to a `HEAD`.
pub(crate) fn announce(size: BodySize) -> BoxBody {
    BoxBody::new(AnnouncedBody(size))
}

impl MessageBody for AnnouncedBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}
