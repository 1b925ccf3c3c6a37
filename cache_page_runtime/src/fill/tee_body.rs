//! Bodies that come piece by piece: each piece goes to the client at once, and a copy of it here, until all are there.

use std::{
    pin::Pin,
    sync::Arc,
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
    page::{ResponseHead, body},
    store::StreamCopy,
};

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
            pieces: fill.cache.gathered().start(),
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
        self.fill.cache.gathered().append(&self.pieces, piece, self.fill.longest_body())
    }

    /// All of it is there.
    fn keep(mut self: Box<Self>) {
        let Some(admitted) = self.admitted.take() else { return };
        let Some(bytes) = self.fill.cache.gathered().finish(&self.pieces) else {
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
            has_connection: true,
        };
        match self.fill.keep(head, Some(&body::into_exact_allocation(bytes.into())), admitted) {
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
        drop(self.fill.cache.gathered().finish(&self.pieces));
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
