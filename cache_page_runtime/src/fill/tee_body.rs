//! A body that is streamed to the client and copied for the store.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    web::Bytes,
};

use crate::outcome::Reason;

/// Receives a copy of a streamed body. Dropped without an end, the client has disconnected.
pub(crate) trait BodySink {
    /// The client has read all chunks, and the next one is not there yet.
    fn pending(&mut self);
    /// Takes the next chunk, or says why it does not want any more.
    fn chunk(&mut self, chunk: &[u8]) -> Result<(), Reason>;
    /// The body is complete.
    fn end(self: Box<Self>);
    /// The body is not copied to its end.
    fn abort(self: Box<Self>, reason: Reason);
}

/// The body that the client gets. Its sink is `None` once it has ended or was aborted.
pub(crate) struct TeeBody<S> {
    body: BoxBody,
    sink: Option<Box<S>>,
}

impl<S: BodySink> TeeBody<S> {
    pub(crate) fn new(body: BoxBody, sink: Option<Box<S>>) -> Self {
        Self { body, sink }
    }

    pub(crate) fn has_sink(&self) -> bool {
        self.sink.is_some()
    }
}

impl<S: BodySink> MessageBody for TeeBody<S> {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        let Poll::Ready(next) = Pin::new(&mut this.body).poll_next(context) else {
            this.sink.iter_mut().for_each(|sink| sink.pending());
            return Poll::Pending;
        };
        if let Some(mut sink) = this.sink.take() {
            match &next {
                Some(Ok(chunk)) => match sink.chunk(chunk) {
                    Ok(()) => this.sink = Some(sink),
                    Err(reason) => sink.abort(reason),
                },
                Some(Err(_)) => sink.abort(Reason::IncompleteBody),
                None => sink.end(),
            }
        }
        Poll::Ready(next)
    }
}
