//! Waiting until a response is sent, when no reference to its request is left.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    web::Bytes,
};
use tokio::sync::oneshot::{Receiver, Sender, channel};

/// Completes when the body of a response is first polled or dropped. Servers drop the request before that.
pub(super) type ResponseSent = Receiver<()>;

/// A body that notifies when it is sent.
struct NotifyOnSend {
    body: BoxBody,
    /// Dropping it completes the receiver.
    sent: Option<Sender<()>>,
}

/// Wraps a body so that the receiver completes when the body is sent.
pub(super) fn notify_on_send(body: BoxBody) -> (BoxBody, ResponseSent) {
    let (sender, receiver) = channel();
    (BoxBody::new(NotifyOnSend { body, sent: Some(sender) }), receiver)
}

impl MessageBody for NotifyOnSend {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        drop(self.sent.take());
        Pin::new(&mut self.body).poll_next(context)
    }
}
