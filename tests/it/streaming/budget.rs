//! Copies of bodies that are being streamed take a part of the memory at most.

use cache_page::{Outcome, Reason};

use super::{Bodies, streaming};
use crate::support::{BodyReader, BodySource, Next, TestApp};

const BUDGET: usize = 400_000;
const CHUNK: &str = match str::from_utf8(&[b'x'; 9_000]) {
    Ok(text) => text,
    Err(_) => "",
};
const STREAMS: usize = 30;

/// Starts clients that read one chunk each, and then no more.
async fn with_slow_clients() -> (TestApp, Bodies, Vec<(BodySource, BodyReader)>) {
    let (app, bodies) = streaming();
    let app = app.cache(|cache| cache.max_bytes(BUDGET)).start().await;
    let mut streams = Vec::new();
    for number in 0..STREAMS {
        let source = bodies.add(&[CHUNK]);
        let (_, mut body) = app.get(&format!("/{number}")).stream().await;
        assert_eq!(body.next(), Next::Chunk(CHUNK.to_owned()));
        streams.push((source, body));
    }
    (app, bodies, streams)
}

#[actix_web::test]
async fn new_stream_is_stored_whatever_slow_clients_hold() {
    let (app, bodies, _streams) = with_slow_clients().await;
    bodies.add(&[CHUNK]).finish();
    app.get("/new").await.assert_body(CHUNK);
    app.get("/new").await.assert_hit();
}

/// All clients get their whole body; the streams that started first are not stored.
#[actix_web::test]
async fn oldest_streams_give_up_their_copies_over_the_budget() {
    let (app, _, mut streams) = with_slow_clients().await;
    for (source, body) in &mut streams {
        source.finish();
        assert_eq!(body.next(), Next::End);
    }
    let stored = BUDGET / 4 / CHUNK.len();
    assert_eq!(app.count(Outcome::NotStored(Reason::StreamBudget)), (STREAMS - stored) as u64);
    app.set_handler(|_| actix_web::HttpResponse::Ok().body("another run"));
    app.get("/0").await.assert_miss();
    app.get(&format!("/{}", STREAMS - 1)).await.assert_hit();
}
