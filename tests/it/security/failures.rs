//! Clients that disconnect and handlers that panic.

use std::{
    collections::HashSet,
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpStream},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    HttpResponse,
    body::{BodySize, MessageBody},
    web::Bytes,
};
use cache_page::{Outcome, Reason};

use crate::support::{Crowd, TestApp, pipeline};

const CHUNK: usize = 65_536;
const CHUNKS: usize = 128;

/// A stream of as many chunks, more than a socket takes at once.
struct Chunks(usize);

impl MessageBody for Chunks {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let Some(left) = self.0.checked_sub(1) else { return Poll::Ready(None) };
        self.0 = left;
        Poll::Ready(Some(Ok(Bytes::from(vec![b'x'; CHUNK]))))
    }
}

#[actix_web::test]
async fn body_that_a_client_did_not_read_to_its_end_is_complete() {
    let app = TestApp::builder()
        .handler(|call| match call.request.path() {
            "/streamed" => HttpResponse::Ok().body(Chunks(CHUNKS)),
            _ => HttpResponse::Ok().body(vec![b'x'; CHUNK * CHUNKS]),
        })
        .serve();
    for path in ["/streamed", "/whole"] {
        for _ in 0..3 {
            let mut stream = TcpStream::connect(app.address()).unwrap();
            write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost:8080\r\n\r\n").unwrap();
            stream.read_exact(&mut [0; 1000]).unwrap();
            stream.shutdown(Shutdown::Both).unwrap();
        }
        for _ in 0..2 {
            let response = app.get(path).await;
            response.assert_status(200);
            assert_eq!(response.body.len(), CHUNK * CHUNKS, "{response:?}");
        }
    }
}

/// A request that arrives during the abandoned run takes its place.
#[actix_web::test]
async fn client_that_disconnects_does_not_delay_the_next_one() {
    let app = TestApp::builder().paused().start().await;
    let mut crowd = Crowd::send(app.get("/").times(2)).await;
    let abandoned = || app.count(Outcome::NotStored(Reason::ClientGone));
    assert_eq!((app.waiting(), abandoned()), (vec![1], 0));
    crowd.abort(0).await;
    assert_eq!((app.waiting(), abandoned()), (vec![2], 1));
    app.finish(1).await;
    crowd.responses().await[0].assert_stored();
    app.get("/").await.assert_hit();
    assert_eq!(app.cache().stats().requests(), 3);
}

async fn worker() -> String {
    format!("{:?}", std::thread::current().id())
}

#[actix_web::test]
async fn handler_that_panics_ends_one_connection_and_no_worker() {
    const PANICS: u64 = 6;
    let app = TestApp::builder()
        .handler(|call| {
            assert!(call.run > PANICS, "the handler panics on purpose");
            HttpResponse::Ok().body("page")
        })
        .route("/worker", worker)
        .serve();
    for _ in 0..PANICS {
        let mut stream = TcpStream::connect(app.address()).unwrap();
        // No machine is so slow.
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        write!(stream, "GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n").unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).unwrap();
        assert!(response.is_empty(), "{}", String::from_utf8_lossy(&response));
    }
    assert_eq!((app.count(Outcome::NotStored(Reason::HandlerPanicked)), app.pages()), (PANICS, 0));
    app.get("/").await.assert_stored();
    let mut workers = HashSet::new();
    for _ in 0..20 {
        let responses = pipeline(&[app.get("/"), app.get("/worker")]).await;
        responses[0].assert_hit();
        workers.insert(responses[1].body.clone());
    }
    assert_eq!((workers.len(), app.runs()), (2, PANICS + 1));
}
