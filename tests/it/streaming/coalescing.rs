//! Requests for a page that is being streamed.

use std::time::Duration;

use actix_web::{HttpResponse, body::BodySize, rt::spawn};
use cache_page::{Outcome, Reason};

use super::{Bodies, streaming};
use crate::support::{Call, Crowd, Next, TestApp, TestAppBuilder, settle};

/// As [`streaming`], with a header in each response.
fn streaming_with(header: (&'static str, &'static str)) -> (TestAppBuilder, Bodies) {
    let bodies = Bodies::default();
    let handler = {
        let bodies = bodies.clone();
        move |_: &Call| HttpResponse::Ok().insert_header(header).body(bodies.next().body())
    };
    (TestApp::builder().handler(handler), bodies)
}

#[actix_web::test]
async fn followers_of_a_stream_wait_for_its_end() {
    let (app, bodies) = streaming();
    let app = app.start().await;
    let source = bodies.add(&["one"]);
    let crowd = Crowd::send(app.get("/").times(10)).await;
    assert_eq!((app.runs(), crowd.answered()), (1, 0));
    source.finish();
    let responses = crowd.responses().await;
    for response in &responses {
        response.assert_body("one");
    }
    for follower in &responses[1..] {
        follower.assert_collapsed();
    }
    assert_eq!((app.runs(), app.count(Outcome::Collapsed)), (1, 9));
}

#[actix_web::test]
async fn followers_run_at_once_when_a_stream_exceeds_the_limit() {
    let (app, bodies) = streaming();
    let app = app.cache(|cache| cache.max_body(8)).start().await;
    let sources = [(); 3].map(|()| bodies.add(&["12345678"]));
    let crowd = Crowd::send(app.get("/").times(3)).await;
    assert_eq!(app.runs(), 1);
    sources[0].push("9");
    settle().await;
    assert_eq!((app.runs(), crowd.answered()), (3, 0));
    // The key is remembered as uncacheable.
    bodies.add(&["1"]);
    let late = Crowd::send([app.get("/")]).await;
    assert_eq!(app.runs(), 4);
    drop((crowd, late));
    settle().await;
    assert_eq!(app.pages(), 0);
}

#[actix_web::test]
async fn follower_takes_over_from_a_stream_that_breaks_off() {
    let (app, bodies) = streaming();
    let app = app.start().await;
    let source = bodies.add(&["one"]);
    let (_, mut body) = app.get("/").stream().await;
    let crowd = Crowd::send(app.get("/").times(10)).await;
    bodies.add(&["two"]).finish();
    source.fail();
    assert_eq!(body.read(), ("one".to_owned(), Next::Error));
    let responses = crowd.responses().await;
    assert_eq!((app.runs(), app.count(Outcome::Collapsed)), (2, 9));
    for response in &responses {
        response.assert_body("two");
    }
    app.get("/").await.assert_hit().assert_body("two");
}

#[actix_web::test]
async fn client_that_leaves_a_stream_is_replaced_by_a_follower() {
    let (app, bodies) = streaming();
    let app = app.start().await;
    let first = bodies.add(&["one"]);
    let (_, mut body) = app.get("/").stream().await;
    assert_eq!(body.next(), Next::Chunk("one".to_owned()));
    let crowd = Crowd::send(app.get("/").times(2)).await;
    assert_eq!((app.runs(), crowd.answered()), (1, 0));
    bodies.add(&["two"]).finish();
    drop(body);
    first.finish();
    let responses = crowd.responses().await;
    responses[0].assert_not_stored(Reason::Streamed).assert_fwd("miss").assert_body("two");
    responses[1].assert_collapsed().assert_fwd("miss").assert_ttl(60).assert_body("two");
    assert_eq!((app.runs(), app.count(Outcome::NotStored(Reason::ClientGone))), (2, 1));
    app.get("/").await.assert_hit().assert_body("two");
}

/// How long a client may leave a body unread before a follower runs the handler.
const STALL: Duration = Duration::from_millis(24);

#[actix_web::test]
async fn client_that_does_not_read_is_replaced_by_one_follower() {
    let (app, bodies) = streaming();
    let app = app.start().await;
    bodies.add(&["one"]);
    let (_, _unread) = app.get("/").stream().await;
    let crowd = Crowd::send(app.get("/").times(10)).await;
    bodies.add(&["two"]).finish();
    app.advance_by(STALL - Duration::from_millis(1));
    settle().await;
    assert_eq!((crowd.answered(), app.runs()), (0, 1));
    app.advance_by(Duration::from_millis(1));
    for response in crowd.responses().await {
        response.assert_body("two");
    }
    assert_eq!((app.runs(), app.count(Outcome::Collapsed)), (2, 9));
    app.get("/").await.assert_hit().assert_body("two");
}

/// Again and again: with each page that expires, the client asks first and does not read.
#[actix_web::test]
async fn request_after_a_client_stopped_reading_does_not_wait() {
    let (app, bodies) = streaming();
    let app = app.start().await;
    let mut unread = Vec::new();
    for _ in 0..5 {
        bodies.add(&["one", "two"]);
        let (_, mut body) = app.get("/").stream().await;
        // The client stops in the middle.
        assert_eq!(body.next(), Next::Chunk("one".to_owned()));
        unread.push(body);
        app.advance_by(STALL);
        bodies.add(&["page"]).finish();
        app.get("/").await.assert_body("page");
        app.get("/").await.assert_hit();
        app.advance(60);
    }
    assert_eq!(app.runs(), 10);
}

/// The number of clients that do not read does not matter.
#[actix_web::test]
async fn several_clients_that_do_not_read_delay_others_briefly() {
    let (app, bodies) = streaming();
    let app = app.start().await;
    let mut unread = Vec::new();
    for _ in 0..3 {
        bodies.add(&["unread"]);
        unread.push(app.get("/").stream().await);
        app.advance_by(STALL);
    }
    bodies.add(&["page"]).finish();
    let crowd = Crowd::send(app.get("/").times(5)).await;
    assert_eq!(crowd.answered(), 5);
    for response in crowd.responses().await {
        response.assert_body("page");
    }
}

/// Two clients do not read. The one that comes first leads, and the other one takes over from it.
#[actix_web::test]
async fn clients_that_do_not_read_cost_one_run_each() {
    let (app, bodies) = streaming();
    let app = app.start().await;
    bodies.add(&["unread"]);
    let (_, _first) = app.get("/").stream().await;
    let second = spawn(app.get("/").stream());
    settle().await;
    let crowd = Crowd::send(app.get("/").times(48)).await;
    assert_eq!(app.runs(), 1);
    bodies.add(&["unread"]);
    app.advance_by(STALL);
    let _second = second.await.unwrap();
    assert_eq!((app.runs(), crowd.answered()), (2, 0));
    bodies.add(&["page"]).finish();
    app.advance_by(STALL / 2);
    settle().await;
    assert_eq!((app.runs(), crowd.answered()), (3, 48));
    for response in crowd.responses().await {
        response.assert_body("page");
    }
}

/// However many there are, one after the other.
#[actix_web::test]
async fn clients_that_do_not_read_delay_others_by_50_ms_together() {
    let (app, bodies) = streaming();
    let app = app.start().await;
    let mut unread = Vec::new();
    for _ in 0..5 {
        bodies.add(&["unread"]);
        unread.push(spawn(app.get("/").stream()));
        settle().await;
    }
    let crowd = Crowd::send(app.get("/").times(10)).await;
    assert_eq!(app.runs(), 1);
    bodies.add(&["page"]).finish();
    for _ in 0..49 {
        app.advance_by(Duration::from_millis(1));
        settle().await;
    }
    assert_eq!((app.runs(), crowd.answered()), (6, 10));
    app.get("/").await.assert_hit().assert_body("page");
}

/// A client that reads all there is does not lose the lead, however slowly the handler goes on.
#[actix_web::test]
async fn slow_handler_keeps_its_followers_for_the_coalesce_timeout() {
    let (app, bodies) = streaming();
    let app = app.start().await;
    let source = bodies.add(&["one"]);
    let (_, mut body) = app.get("/").stream().await;
    assert_eq!(body.read(), ("one".to_owned(), Next::Pending));
    let crowd = Crowd::send(app.get("/").times(5)).await;
    for _ in 0..4 {
        app.advance(1);
        settle().await;
        source.push("more");
        assert_eq!(body.read(), ("more".to_owned(), Next::Pending));
    }
    assert_eq!((app.runs(), crowd.answered()), (1, 0));
    source.finish();
    assert_eq!(body.next(), Next::End);
    assert_eq!(crowd.responses().await.len(), 5);
    assert_eq!(app.runs(), 1);
}

/// After one request has waited in vain, no other one waits for that stream.
#[actix_web::test]
async fn endless_stream_delays_followers_for_one_timeout_only() {
    let (app, bodies) = streaming();
    let app = app.start().await;
    let source = bodies.add(&["one"]);
    let (_, mut body) = app.get("/").stream().await;
    assert_eq!(body.read(), ("one".to_owned(), Next::Pending));
    let first = Crowd::send([app.get("/")]).await;
    bodies.add(&["two"]);
    app.advance(5);
    settle().await;
    assert_eq!((app.runs(), first.answered()), (2, 0));
    let mut runs = 2;
    for _ in 0..20 {
        app.advance(20);
        bodies.add(&["another"]);
        let (_, mut visitor) = app.get("/").stream().await;
        assert_eq!(visitor.next(), Next::Chunk("another".to_owned()));
        runs += 1;
        assert_eq!(app.runs(), runs);
        source.push("more");
        assert_eq!(body.read(), ("more".to_owned(), Next::Pending));
    }
}

/// Parts that are sent as things happen: no request waits for their end, not even the first one.
#[actix_web::test]
async fn live_stream_delays_no_request() {
    let live = [
        ("content-type", "application/x-ndjson"),
        ("content-type", "multipart/x-mixed-replace; boundary=frame"),
        ("x-accel-buffering", "no"),
    ];
    for header in live {
        let (app, bodies) = streaming_with(header);
        let app = app.start().await;
        let mut streams = Vec::new();
        for run in 1..=20 {
            bodies.add(&["part"]);
            let (_, mut body) = app.get("/").stream().await;
            assert_eq!((body.read(), app.runs()), (("part".to_owned(), Next::Pending), run), "{header:?}");
            streams.push(body);
            app.advance(7);
        }
    }
}

#[actix_web::test]
async fn live_stream_that_is_complete_is_stored() {
    let (app, bodies) = streaming_with(("content-type", "application/x-ndjson"));
    let app = app.start().await;
    let source = bodies.add(&["{}"]);
    let (_, mut body) = app.get("/").stream().await;
    let crowd = {
        bodies.add(&["{}"]).finish();
        Crowd::send([app.get("/")]).await
    };
    assert_eq!((crowd.answered(), app.runs()), (1, 2));
    source.finish();
    assert_eq!(body.read(), ("{}".to_owned(), Next::End));
    app.get("/").await.assert_hit().assert_body("{}");
}

/// An announced length means that the response is there, whatever its type.
#[actix_web::test]
async fn lines_of_a_known_length_are_coalesced() {
    let bodies = Bodies::default();
    let app = TestApp::builder().handler({
        let bodies = bodies.clone();
        move |_: &Call| {
            let mut response = HttpResponse::Ok();
            response.insert_header(("content-type", "application/x-ndjson"));
            response.body(bodies.next().body_of(BodySize::Sized(2)))
        }
    });
    let app = app.start().await;
    let source = bodies.add(&["{}"]);
    let crowd = Crowd::send(app.get("/").times(10)).await;
    source.finish();
    assert_eq!((crowd.responses().await.len(), app.runs()), (10, 1));
}

/// The stream is remembered for as long as it lasts, even if the handler sends nothing for minutes.
#[actix_web::test]
async fn silent_stream_does_not_delay_later_requests() {
    let (app, bodies) = streaming();
    let app = app.start().await;
    bodies.add(&["one"]);
    let (_, mut body) = app.get("/").stream().await;
    assert_eq!(body.read(), ("one".to_owned(), Next::Pending));
    for seconds in [29, 29, 29] {
        app.advance(seconds);
        bodies.add(&["page"]);
        let (_, mut visitor) = app.get("/").stream().await;
        assert_eq!(visitor.next(), Next::Chunk("page".to_owned()));
    }
    assert_eq!(app.runs(), 4);
}

#[actix_web::test]
async fn stream_that_ends_late_does_not_replace_a_newer_page() {
    let (app, bodies) = streaming();
    let app = app.start().await;
    let source = bodies.add(&["one"]);
    let (_, mut slow) = app.get("/").stream().await;
    let crowd = Crowd::send([app.get("/")]).await;
    bodies.add(&["two"]).finish();
    app.advance(5);
    crowd.responses().await[0].assert_body("two");
    assert_eq!(slow.next(), Next::Chunk("one".to_owned()));
    source.finish();
    assert_eq!(slow.next(), Next::End);
    assert_eq!(app.count(Outcome::NotStored(Reason::Superseded)), 1);
    app.get("/").await.assert_hit().assert_body("two");
}
