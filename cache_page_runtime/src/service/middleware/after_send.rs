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
pub(super) struct Sent(Rc<State>);

#[derive(Default)]
struct State {
    is_sent: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Sent {
    pub(super) fn when_sent(&self, body: BoxBody) -> BoxBody {
        BoxBody::new(Sending { body, sent: self.clone() })
    }

    fn set(&self) {
        if !self.0.is_sent.replace(true)
            && let Some(waker) = self.0.waker.take()
        {
            waker.wake();
        }
    }
}

impl Future for Sent {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0.is_sent.get() {
            return Poll::Ready(());
        }
        self.0.waker.replace(Some(context.waker().clone()));
        Poll::Pending
    }
}

struct Sending {
    body: BoxBody,
    sent: Sent,
}

impl MessageBody for Sending {
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

impl Drop for Sending {
    fn drop(&mut self) {
        self.sent.set();
    }
}
