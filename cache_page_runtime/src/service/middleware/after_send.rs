//! Waiting until a response is on its way, when nobody holds its request any more.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    web::Bytes,
};

/// Comes when the body is first read, or dropped: servers let go of the request before either.
#[derive(Clone, Default)]
pub(super) struct ResponseSent(Rc<State>);

#[derive(Default)]
struct State {
    is_sent: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl ResponseSent {
    pub(super) fn when_sent(&self, body: BoxBody) -> BoxBody {
        BoxBody::new(NotifyOnSend { body, sent: self.clone() })
    }

    fn set(&self) {
        if !self.0.is_sent.replace(true)
            && let Some(waker) = self.0.waker.take()
        {
            waker.wake();
        }
    }
}

impl Future for ResponseSent {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0.is_sent.get() {
            return Poll::Ready(());
        }
        self.0.waker.replace(Some(context.waker().clone()));
        Poll::Pending
    }
}

struct NotifyOnSend {
    body: BoxBody,
    sent: ResponseSent,
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
        self.sent.set();
        Pin::new(&mut self.body).poll_next(context)
    }
}

impl Drop for NotifyOnSend {
    fn drop(&mut self) {
        self.sent.set();
    }
}
