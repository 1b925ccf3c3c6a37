//! Bodies that are at hand as a whole, which are the ones that can be kept.

use actix_web::{
    body::{BodySize, BoxBody, MessageBody as _, None as NoBody},
    web::Bytes,
};

/// The bytes of a body, `None` if the response has none; or the body as it was, if it is still to come.
pub(crate) fn bytes(body: BoxBody) -> Result<Option<Bytes>, BoxBody> {
    match body.size() {
        BodySize::None => Ok(None),
        // Servers do not read what is announced to be nothing: it would never come to its end.
        BodySize::Sized(0) => Ok(Some(Bytes::new())),
        _ => body.try_into_bytes().map(Some),
    }
}

/// The reverse.
pub(crate) fn whole(bytes: Option<Bytes>) -> BoxBody {
    match bytes {
        Some(bytes) => BoxBody::new(bytes),
        None => BoxBody::new(NoBody::new()),
    }
}

/// The same bytes in an allocation of their own size: a short body may be a piece of a large buffer, and keeping the one
/// would keep the other.
pub(crate) fn compact(bytes: Bytes) -> Bytes {
    match bytes.try_into_mut() {
        Ok(whole) if whole.capacity() <= whole.len() + whole.len() / 8 => whole.freeze(),
        Ok(loose) => Bytes::copy_from_slice(&loose),
        // Somebody else holds it as well, or it is a constant; how large it is as a whole is not to be known.
        Err(shared) => Bytes::copy_from_slice(&shared),
    }
}
