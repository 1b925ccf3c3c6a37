//! [`Encodings`]: the encoded bodies of a page, at most one per coding.

use std::{mem, sync::Arc};

use actix_web::{http::header::HeaderValue, web::Bytes};
use smallvec::SmallVec;

use super::header::weight_of_bytes;
use crate::{
    http::{Coding, PreferredCodings},
    sync::{Mutex, lock},
};

/// The encoded bodies of a page, which are made when the first client asks for them.
pub(crate) struct Encodings(Mutex<[Slot; Coding::ALL.len()]>);

enum Slot {
    /// No client has asked for the coding, or the body was evicted.
    Absent,
    InProgress,
    Ready(Arc<EncodedBody>),
    /// The body does not become shorter, or there was no room for it.
    Unusable,
}

/// The body of a page in one coding.
pub(crate) struct EncodedBody {
    pub(crate) coding: Coding,
    pub(crate) body: Bytes,
    /// The entity tag of this representation, if the page has one.
    pub(crate) etag: Option<HeaderValue>,
}

/// What a client is sent of a page with encoded bodies.
#[derive(Default)]
pub(crate) struct EncodingChoice {
    /// The best representation that there is, or `None` for the identity.
    pub(crate) encoded: Option<Arc<EncodedBody>>,
    /// The coding that the client prefers and that is not being encoded yet.
    pub(crate) wanted: Option<Coding>,
}

impl Encodings {
    pub(super) fn new() -> Self {
        let slot = |coding: Coding| if coding.is_available() { Slot::Absent } else { Slot::Unusable };
        Self(Mutex::new(Coding::ALL.map(slot)))
    }

    /// Chooses a representation for a client with these preferences.
    pub(crate) fn choose(&self, preferred: &PreferredCodings) -> EncodingChoice {
        let mut choice = EncodingChoice::default();
        let mut is_first = true;
        let slots = lock(&self.0);
        for coding in preferred.as_slice() {
            match &slots[*coding as usize] {
                Slot::Unusable => continue,
                Slot::Ready(encoded) => {
                    choice.encoded = Some(Arc::clone(encoded));
                    break;
                }
                Slot::Absent if is_first => choice.wanted = Some(*coding),
                Slot::Absent | Slot::InProgress => {}
            }
            is_first = false;
        }
        choice
    }

    /// Claims the encoding of the body, unless another request has.
    pub(crate) fn claim(&self, coding: Coding) -> bool {
        self.replace_if(coding, |slot| matches!(slot, Slot::Absent), Slot::InProgress)
    }

    /// Ends a claim without a result.
    pub(crate) fn release(&self, coding: Coding) {
        self.replace_if(coding, |slot| matches!(slot, Slot::InProgress), Slot::Absent);
    }

    /// Ends a claim with the encoded body, or with `None` if there will be none. Returns what it replaces.
    pub(crate) fn finish(&self, coding: Coding, encoded: Option<Arc<EncodedBody>>) -> impl Send + use<> {
        let slot = encoded.map_or(Slot::Unusable, Slot::Ready);
        mem::replace(&mut lock(&self.0)[coding as usize], slot)
    }

    fn replace_if(&self, coding: Coding, condition: impl FnOnce(&Slot) -> bool, new: Slot) -> bool {
        let slots = &mut *lock(&self.0);
        let slot = &mut slots[coding as usize];
        let is_replaced = condition(slot);
        if is_replaced {
            *slot = new;
        }
        is_replaced
    }

    /// Removes all bodies, and returns them, so that the caller frees them when nothing is locked. They are made again when a client asks
    /// for them.
    pub(crate) fn take(&self) -> SmallVec<[Arc<EncodedBody>; Coding::ALL.len()]> {
        let slots = &mut *lock(&self.0);
        let ready = slots.iter_mut().filter(|slot| matches!(slot, Slot::Ready(_)));
        let taken = ready.map(|slot| mem::replace(slot, Slot::Absent));
        taken.filter_map(|slot| if let Slot::Ready(encoded) = slot { Some(encoded) } else { None }).collect()
    }

    /// Returns the codings that there is a body in.
    pub(crate) fn stored(&self) -> SmallVec<[Coding; Coding::ALL.len()]> {
        let ready = |slot: &Slot| if let Slot::Ready(encoded) = slot { Some(encoded.coding) } else { None };
        lock(&self.0).iter().filter_map(ready).collect()
    }

    /// Returns the bytes that all bodies allocate.
    pub(crate) fn weight(&self) -> usize {
        let weight = |slot: &Slot| if let Slot::Ready(encoded) = slot { encoded.weight() } else { 0 };
        lock(&self.0).iter().map(weight).sum()
    }

    /// Copies what is ready with `copy`, which returns the bytes of a body.
    pub(super) fn copy(&self, copy: impl Fn(&Bytes) -> Bytes) -> Self {
        let slot = |slot: &Slot| match slot {
            Slot::Absent | Slot::InProgress => Slot::Absent,
            Slot::Unusable => Slot::Unusable,
            Slot::Ready(encoded) => {
                let etag =
                    encoded.etag.as_ref().and_then(|etag| HeaderValue::from_bytes(etag.as_bytes()).ok());
                Slot::Ready(Arc::new(EncodedBody { coding: encoded.coding, body: copy(&encoded.body), etag }))
            }
        };
        let slots = lock(&self.0);
        Self(Mutex::new([slot(&slots[0]), slot(&slots[1]), slot(&slots[2])]))
    }
}

impl EncodedBody {
    /// Returns the bytes that the body allocates.
    pub(crate) fn weight(&self) -> usize {
        let etag = self.etag.as_ref().map_or(0, |etag| weight_of_bytes(etag.len()));
        // With two reference counts.
        size_of::<Self>() + 16 + weight_of_bytes(self.body.len()) + etag
    }

    /// Returns the value of `Content-Encoding`.
    pub(super) fn content_encoding(&self) -> HeaderValue {
        HeaderValue::from_static(self.coding.name())
    }
}
