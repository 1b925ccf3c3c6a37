//! Streaming bodies: sent chunk by chunk, and stored if they are complete.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use actix_web::{HttpResponse, body::BodySize};

use crate::support::{BodySource, Call, TestApp, TestAppBuilder};

mod background;
mod budget;
mod coalescing;
mod completion;
mod headers;

/// The sources of the bodies, in the order of the runs.
#[derive(Clone, Default)]
struct Bodies(Arc<Mutex<VecDeque<BodySource>>>);

impl Bodies {
    /// Adds the body of the next run, with the chunks that are there from the start.
    fn add(&self, chunks: &[&'static str]) -> BodySource {
        let source = BodySource::new();
        for chunk in chunks {
            source.push(*chunk);
        }
        self.0.lock().unwrap().push_back(source.clone());
        source
    }

    fn next(&self) -> BodySource {
        self.0.lock().unwrap().pop_front().expect("the test provides a body")
    }
}

/// An application that streams bodies of a length that is not announced.
fn streaming() -> (TestAppBuilder, Bodies) {
    sized(BodySize::Stream)
}

fn sized(size: BodySize) -> (TestAppBuilder, Bodies) {
    let bodies = Bodies::default();
    let handler = {
        let bodies = bodies.clone();
        move |_: &Call| HttpResponse::Ok().body(bodies.next().body_of(size))
    };
    (TestApp::builder().handler(handler), bodies)
}
