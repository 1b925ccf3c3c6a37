//! Requests for a page that is being streamed.

use cache_page::{Outcome, Reason};

use super::streaming;
use crate::support::{Crowd, Next, settle};

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

/// The response of the one that runs the handler then is for all that still wait.
#[actix_web::test]
async fn slow_client_delays_followers_for_the_coalesce_timeout_only() {
    let (app, bodies) = streaming();
    let app = app.start().await;
    bodies.add(&["one"]);
    let (_, _slow) = app.get("/").stream().await;
    let early = Crowd::send([app.get("/")]).await;
    app.advance(3);
    let late = Crowd::send([app.get("/")]).await;
    bodies.add(&["two"]).finish();
    app.advance(2);
    settle().await;
    assert_eq!((early.answered(), late.answered(), app.runs()), (1, 1, 2));
    app.get("/").await.assert_hit().assert_body("two");
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
