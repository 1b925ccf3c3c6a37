//! Streaming bodies under the control of a test.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    web::Bytes,
};
use futures_util::FutureExt as _;

/// The source of a streaming body: the body yields what the test pushes, and waits where there is nothing.
#[derive(Clone, Default)]
pub(crate) struct BodySource(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    waker: Option<Waker>,
    /// How many bodies there are.
    bodies: usize,
}

enum Item {
    Chunk(Bytes),
    Error,
    End,
}

impl BodySource {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a chunk to the body.
    pub(crate) fn push(&self, chunk: impl Into<Bytes>) -> &Self {
        self.add(Item::Chunk(chunk.into()))
    }

    /// Ends the body with an error.
    pub(crate) fn fail(&self) {
        self.add(Item::Error);
    }

    /// Ends the body.
    pub(crate) fn finish(&self) {
        self.add(Item::End);
    }

    /// Returns the body, of a length that is not announced.
    pub(crate) fn body(&self) -> impl MessageBody + use<> {
        self.body_of(BodySize::Stream)
    }

    /// Returns the body, with the length that it announces.
    pub(crate) fn body_of(&self, size: BodySize) -> impl MessageBody + use<> {
        self.queue().bodies += 1;
        SourceBody { source: self.clone(), size }
    }

    /// Returns whether there is a body that reads the source: it was not dropped.
    pub(crate) fn is_read(&self) -> bool {
        self.queue().bodies > 0
    }

    fn add(&self, item: Item) -> &Self {
        let mut queue = self.queue();
        queue.items.push_back(item);
        if let Some(waker) = queue.waker.take() {
            waker.wake();
        }
        drop(queue);
        self
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct SourceBody {
    source: BodySource,
    size: BodySize,
}

impl Drop for SourceBody {
    fn drop(&mut self) {
        self.source.queue().bodies -= 1;
    }
}

impl MessageBody for SourceBody {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let mut queue = self.source.queue();
        match queue.items.pop_front() {
            Some(Item::Chunk(chunk)) => Poll::Ready(Some(Ok(chunk))),
            Some(Item::Error) => Poll::Ready(Some(Err(io::Error::other("the source of the body failed")))),
            Some(Item::End) => Poll::Ready(None),
            None => {
                queue.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// The body of a response, read by the test. Dropping it is what happens if the client disconnects.
pub(crate) struct BodyReader(Pin<Box<BoxBody>>);

/// What a body yields at the moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Chunk(String),
    Error,
    End,
    /// Nothing is there yet.
    Pending,
}

impl BodyReader {
    pub(super) fn new(body: BoxBody) -> Self {
        Self(Box::pin(body))
    }

    /// Returns what the body yields without waiting.
    pub(crate) fn next(&mut self) -> Next {
        match poll_fn(|context| self.0.as_mut().poll_next(context)).now_or_never() {
            Some(Some(Ok(chunk))) => Next::Chunk(String::from_utf8(chunk.to_vec()).expect("UTF-8")),
            Some(Some(Err(_))) => Next::Error,
            Some(None) => Next::End,
            None => Next::Pending,
        }
    }

    /// Reads chunks until the body yields something else, and returns their text and what that is.
    pub(crate) fn read(&mut self) -> (String, Next) {
        let mut text = String::new();
        loop {
            match self.next() {
                Next::Chunk(chunk) => text.push_str(&chunk),
                end => return (text, end),
            }
        }
    }
}
