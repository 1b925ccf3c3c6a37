//! Bodies that come piece by piece: each piece goes to the client at once, and a copy of it here, until all are there.

use std::{
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll},
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    dev::ResponseHead,
    http::header::HeaderMap,
    web::Bytes,
};
use http::StatusCode;

use crate::{
    body,
    fill::{Admitted, Fill},
    outcome::{Outcome, Reason},
    page::Head,
    status::Report,
};

/// How much all bodies together hold that are still to come to their end. Clients decide when that is.
pub(crate) struct Gathered {
    bytes: AtomicUsize,
    most: usize,
}

impl Gathered {
    pub(crate) fn new(most: usize) -> Self {
        Self { bytes: AtomicUsize::new(0), most }
    }

    fn take(&self, more: usize) -> bool {
        let sum = |bytes: usize| bytes.checked_add(more).filter(|sum| *sum <= self.most);
        self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The body that the client gets.
pub(crate) struct Gather {
    body: BoxBody,
    copy: Option<Box<Copy>>,
}

/// What is there of the page.
struct Copy {
    fill: Box<Fill>,
    admitted: Option<Admitted>,
    status: StatusCode,
    reason: Option<&'static str>,
    headers: HeaderMap,
    bytes: Vec<u8>,
    /// What was taken of the room for all, which is what `bytes` has allocated.
    taken: usize,
    /// How long it will be, if its handler told.
    announced: Option<u64>,
}

impl Gather {
    pub(crate) fn start(fill: Box<Fill>, head: &ResponseHead, body: BoxBody, admitted: Admitted) -> Self {
        let announced = match body.size() {
            BodySize::Sized(length) => Some(length),
            BodySize::None | BodySize::Stream => None,
        };
        let mut copy = Box::new(Copy {
            fill,
            admitted: Some(admitted),
            status: head.status,
            reason: head.reason,
            headers: head.headers.clone(),
            bytes: Vec::new(),
            taken: 0,
            announced,
        });
        let fits =
            copy.make_room(announced.map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX)));
        let copy = match fits {
            Ok(()) => Some(copy),
            Err(reason) => {
                copy.refuse(reason);
                None
            }
        };
        Self { body, copy }
    }

    /// Reads it where there is no client, as long as it may be kept.
    pub(crate) async fn drain(mut self) {
        while self.copy.is_some() {
            std::future::poll_fn(|context| Pin::new(&mut self).poll_next(context)).await;
        }
    }
}

impl Copy {
    /// Room for so many bytes more.
    fn make_room(&mut self, more: usize) -> Result<(), Reason> {
        let length = self.bytes.len().saturating_add(more);
        if length > self.fill.longest_body() {
            return Err(Reason::TooLarge);
        }
        if length > self.bytes.capacity() {
            // Twice as much as before, so that a body of many pieces is not copied at each of them.
            let capacity = length.max(self.bytes.capacity().saturating_mul(2)).min(self.fill.longest_body());
            let additional = capacity - self.taken;
            if !self.fill.cache.gathered().take(additional) {
                return Err(Reason::Crowded);
            }
            self.taken = capacity;
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        Ok(())
    }

    fn add(&mut self, piece: &[u8]) -> Result<(), Reason> {
        self.make_room(piece.len())?;
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// All of it is there.
    fn keep(mut self: Box<Self>) {
        let bytes = std::mem::take(&mut self.bytes);
        let Some(admitted) = self.admitted.take() else { return };
        if self.announced.is_some_and(|length| length != bytes.len() as u64) {
            return self.refuse(Reason::BrokenOff);
        }
        let fill = admitted.fill;
        let head = Head { status: self.status, reason: self.reason, headers: &self.headers, names_own: true };
        let now = self.fill.cache.clock().now();
        match self.fill.keep(head, Some(&body::compact(bytes.into())), admitted, now) {
            Ok(_) => {
                let report = Report {
                    forward: self.fill.forwarded(),
                    fill: Some(fill),
                    ..Report::of(Outcome::Stored)
                };
                self.fill.tell(report, None);
            }
            Err(reason) => self.refuse(reason),
        }
    }

    fn refuse(mut self: Box<Self>, reason: Reason) {
        self.fill.part(reason);
        let report = Report { forward: self.fill.forwarded(), ..Report::of(Outcome::NotKept(reason)) };
        self.fill.tell(report, None);
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.fill.cache.gathered().give_back(self.taken);
    }
}

impl MessageBody for Gather {
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
        if let Some(mut copy) = this.copy.take() {
            match &piece {
                Some(Ok(piece)) => match copy.add(piece) {
                    Ok(()) => this.copy = Some(copy),
                    Err(reason) => copy.refuse(reason),
                },
                Some(Err(_)) => copy.refuse(Reason::BrokenOff),
                None => copy.keep(),
            }
        }
        Poll::Ready(piece)
    }
}
