//! Bodies that come piece by piece: each piece goes to the client at once, and a copy of it here, until all are there.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    dev,
    http::header::HeaderMap,
    rt::task::yield_now,
    web::Bytes,
};
use http::StatusCode;

use crate::{
    fill::{commit::Admission, fill::Fill},
    observe::Report,
    outcome::{Outcome, Reason},
    page::{body, page::ResponseHead},
};

/// What is there of all bodies that are still to come to their end. When that is, is up to clients, and some never read on:
/// the one that was begun first is given up where another one needs its room.
pub(crate) struct StreamBudget {
    under_way: Mutex<InflightStreams>,
    most: usize,
}

#[derive(Default)]
struct InflightStreams {
    /// Taken by all of them together.
    bytes: usize,
    copies: VecDeque<Arc<StreamCopy>>,
}

/// What is there of one of them; nothing once it was given up. Only locked by whoever has locked those under way.
#[derive(Default)]
struct StreamCopy(Mutex<Option<Vec<u8>>>);

impl StreamBudget {
    pub(crate) fn new(most: usize) -> Self {
        Self { under_way: Mutex::default(), most }
    }

    fn begin(&self) -> Arc<StreamCopy> {
        let pieces = Arc::new(StreamCopy(Mutex::new(Some(Vec::new()))));
        lock(&self.under_way).copies.push_back(Arc::clone(&pieces));
        pieces
    }

    fn add(&self, pieces: &Arc<StreamCopy>, piece: &[u8], longest: usize) -> Result<(), Reason> {
        let mut under_way = lock(&self.under_way);
        let (length, capacity) = match &*lock(&pieces.0) {
            Some(bytes) => (bytes.len().saturating_add(piece.len()), bytes.capacity()),
            None => return Err(Reason::StreamBudget),
        };
        if length > longest {
            return Err(Reason::BodyTooLarge);
        }
        if length > capacity {
            // Twice as much as before, so that a body of many pieces is not copied at each of them.
            let more = length.max(capacity.saturating_mul(2)).min(longest) - capacity;
            self.make_room(&mut under_way, pieces, more)?;
            under_way.bytes += more;
            if let Some(bytes) = &mut *lock(&pieces.0) {
                bytes.reserve_exact(capacity + more - bytes.len());
            }
        }
        if let Some(bytes) = &mut *lock(&pieces.0) {
            bytes.extend_from_slice(piece);
        }
        Ok(())
    }

    fn make_room(
        &self,
        under_way: &mut InflightStreams,
        wanted: &Arc<StreamCopy>,
        more: usize,
    ) -> Result<(), Reason> {
        while under_way.bytes.saturating_add(more) > self.most {
            let oldest = under_way.copies.iter().position(|pieces| !Arc::ptr_eq(pieces, wanted));
            let oldest =
                oldest.and_then(|place| under_way.copies.remove(place)).ok_or(Reason::StreamBudget)?;
            under_way.bytes -= lock(&oldest.0).take().map_or(0, |bytes| bytes.capacity());
        }
        Ok(())
    }

    /// All that is there, which is not under way any more.
    fn end(&self, pieces: &Arc<StreamCopy>) -> Option<Vec<u8>> {
        let mut under_way = lock(&self.under_way);
        let bytes = lock(&pieces.0).take()?;
        under_way.bytes -= bytes.capacity();
        under_way.copies.retain(|other| !Arc::ptr_eq(other, pieces));
        Some(bytes)
    }
}

/// Nothing panics halfway through a change while one of these is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The body that the client gets.
pub(crate) struct TeeBody {
    body: BoxBody,
    copy: Option<Box<StreamedFill>>,
}

/// What is there of the page.
struct StreamedFill {
    fill: Box<Fill>,
    admitted: Option<Admission>,
    status: StatusCode,
    reason: Option<&'static str>,
    headers: HeaderMap,
    pieces: Arc<StreamCopy>,
    /// How long it will be, if its handler told.
    announced: Option<u64>,
}

impl TeeBody {
    pub(crate) fn start(
        fill: Box<Fill>,
        head: &dev::ResponseHead,
        body: BoxBody,
        admitted: Admission,
    ) -> Self {
        let announced = match body.size() {
            BodySize::Sized(length) => Some(length),
            BodySize::None | BodySize::Stream => None,
        };
        let is_too_large = announced.is_some_and(|length| length > fill.longest_body() as u64);
        let copy = Box::new(StreamedFill {
            pieces: fill.cache.gathered().begin(),
            fill,
            admitted: Some(admitted),
            status: head.status,
            reason: head.reason,
            headers: head.headers.clone(),
            announced,
        });
        if is_too_large {
            copy.refuse(Reason::BodyTooLarge);
            return Self { body, copy: None };
        }
        Self { body, copy: Some(copy) }
    }

    /// Reads it where there is no client, as long as it may be kept.
    pub(crate) async fn drain(mut self) {
        while self.copy.is_some() {
            std::future::poll_fn(|context| Pin::new(&mut self).poll_next(context)).await;
            yield_now().await;
        }
    }
}

impl StreamedFill {
    fn add(&self, piece: &[u8]) -> Result<(), Reason> {
        self.fill.cache.gathered().add(&self.pieces, piece, self.fill.longest_body())
    }

    /// All of it is there.
    fn keep(mut self: Box<Self>) {
        let Some(admitted) = self.admitted.take() else { return };
        let Some(bytes) = self.fill.cache.gathered().end(&self.pieces) else {
            return self.refuse(Reason::StreamBudget);
        };
        if self.announced.is_some_and(|length| length != bytes.len() as u64) {
            return self.refuse(Reason::IncompleteBody);
        }
        if admitted.is_over(self.fill.now()) {
            return self.refuse(Reason::Expired);
        }
        let fill = admitted.fill;
        let head = ResponseHead {
            status: self.status,
            reason: self.reason,
            headers: &self.headers,
            names_own: true,
        };
        match self.fill.keep(head, Some(&body::compact(bytes.into())), admitted) {
            Ok(_) => {
                let forward_reason = self.fill.forwarded.ok();
                let report = Report { forward_reason, fill_time: Some(fill), ..Report::of(Outcome::Stored) };
                self.fill.report(report, None);
            }
            Err(reason) => self.refuse(reason),
        }
    }

    fn refuse(mut self: Box<Self>, reason: Reason) {
        let now = self.fill.now();
        if reason != Reason::Purged {
            self.fill.part(None, now);
        }
        let forward_reason = self.fill.forwarded.ok();
        self.fill.report(Report { forward_reason, ..Report::of(Outcome::NotStored(reason)) }, None);
    }
}

impl Drop for StreamedFill {
    fn drop(&mut self) {
        drop(self.fill.cache.gathered().end(&self.pieces));
    }
}

impl MessageBody for TeeBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        let piece = Pin::new(&mut this.body).poll_next(context);
        let Poll::Ready(piece) = piece else { return Poll::Pending };
        if let Some(copy) = this.copy.take() {
            match &piece {
                Some(Ok(piece)) => match copy.add(piece) {
                    Ok(()) => this.copy = Some(copy),
                    Err(reason) => copy.refuse(reason),
                },
                Some(Err(_)) => copy.refuse(Reason::IncompleteBody),
                None => copy.keep(),
            }
        }
        Poll::Ready(piece)
    }
}
