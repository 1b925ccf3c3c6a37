//! A body is stored if it is complete, and not longer than it may be.

use actix_web::{
    HttpResponse,
    body::{BodySize, to_bytes},
};
use cache_page::{Outcome, Reason};

use super::{sized, streaming};
use crate::support::{BodySource, Next, TestApp};

#[actix_web::test]
async fn chunks_are_sent_as_they_come() {
    let (app, bodies) = streaming();
    let app = app.start().await;
    let source = bodies.add(&["one, "]);
    let (head, mut body) = app.get("/").stream().await;
    head.assert_not_stored(Reason::Streamed).assert_fwd("miss");
    assert_eq!(body.next(), Next::Chunk("one, ".to_owned()));
    assert_eq!(body.next(), Next::Pending);
    source.push("two");
    assert_eq!(body.next(), Next::Chunk("two".to_owned()));
    assert_eq!(body.next(), Next::Pending);
}

#[actix_web::test]
async fn complete_body_is_stored_at_its_end() {
    let (app, bodies) = streaming();
    let app = app.start().await;
    let source = bodies.add(&["one, ", "two"]);
    let (_, mut body) = app.get("/").stream().await;
    assert_eq!(body.read(), ("one, two".to_owned(), Next::Pending));
    assert_eq!((app.pages(), app.cache().stats().requests()), (0, 0));
    source.finish();
    assert_eq!(body.next(), Next::End);
    assert_eq!((app.count(Outcome::Stored), app.cache().stats().requests()), (1, 1));
    app.get("/").await.assert_hit().assert_body("one, two");
    assert_eq!(app.runs(), 1);
}

#[actix_web::test]
async fn age_of_a_streamed_page_counts_from_its_head() {
    let (app, bodies) = streaming();
    let app = app.start().await;
    let source = bodies.add(&["page"]);
    let (_, mut body) = app.get("/").stream().await;
    assert_eq!(body.next(), Next::Chunk("page".to_owned()));
    app.advance(10);
    source.finish();
    assert_eq!(body.next(), Next::End);
    app.get("/").await.assert_hit().assert_age(10).assert_ttl(50);
}

#[actix_web::test]
async fn page_that_expired_while_it_was_streamed_is_not_stored() {
    let (app, bodies) = streaming();
    let app = app.start().await;
    let source = bodies.add(&[]);
    let response = app.get("/").call().await;
    app.advance(60);
    source.push("old").finish();
    assert_eq!(to_bytes(response.into_body()).await.unwrap(), "old");
    assert_eq!(app.count(Outcome::NotStored(Reason::Expired)), 1);
}

type End = fn(&BodySource);

/// Sends a body of that size to a cache that stores at most eight bytes, and returns what the client reads, `None` if the body
/// ends with an error.
async fn read(size: BodySize, end: End) -> (TestApp, Option<String>) {
    let (app, bodies) = sized(size);
    let app = app.cache(|cache| cache.max_body(8)).start().await;
    end(&bodies.add(&[]));
    let body = to_bytes(app.get("/").call().await.into_body()).await;
    let text = body.ok().map(|body| String::from_utf8(body.to_vec()).unwrap());
    assert_eq!(app.cache().stats().requests(), 1);
    (app, text)
}

#[actix_web::test]
async fn incomplete_body_is_not_stored_and_the_client_sees_it() {
    let cases: [(BodySize, End, Option<&str>); 4] = [
        (BodySize::Stream, |body| body.push("one, ").fail(), None),
        (BodySize::Stream, BodySource::fail, None),
        (BodySize::Sized(5), |body| body.push("one").finish(), Some("one")),
        (BodySize::Sized(3), |body| body.push("one").push("two").finish(), Some("onetwo")),
    ];
    for (size, end, expected) in cases {
        let (app, text) = read(size, end).await;
        assert_eq!(text.as_deref(), expected, "{size:?}");
        assert_eq!(app.count(Outcome::NotStored(Reason::IncompleteBody)), 1, "{size:?}");
        assert_eq!(app.pages(), 0, "{size:?}");
    }
}

#[actix_web::test]
async fn body_over_the_limit_is_streamed_and_not_stored() {
    let cases: [(BodySize, End, &str); 3] = [
        (BodySize::Stream, |body| body.push("12345678").push("9").finish(), "123456789"),
        (BodySize::Stream, |body| body.push("1").push("2345678901").finish(), "12345678901"),
        (BodySize::Sized(9), |body| body.push("123456789").finish(), "123456789"),
    ];
    for (size, end, expected) in cases {
        let (app, text) = read(size, end).await;
        assert_eq!(text.as_deref(), Some(expected));
        assert_eq!(app.count(Outcome::NotStored(Reason::BodyTooLarge)), 1, "{expected}");
        assert_eq!(app.pages(), 0, "{expected}");
    }
}

#[actix_web::test]
async fn body_that_announces_too_many_bytes_is_refused_unread() {
    let (app, bodies) = sized(BodySize::Sized(9));
    let app = app.cache(|cache| cache.max_body(8)).start().await;
    bodies.add(&["123456789"]);
    let (_, mut body) = app.get("/").stream().await;
    assert_eq!(app.count(Outcome::NotStored(Reason::BodyTooLarge)), 1);
    assert_eq!(body.next(), Next::Chunk("123456789".to_owned()));
}

#[actix_web::test]
async fn body_of_exactly_the_limit_is_stored() {
    let (app, text) = read(BodySize::Sized(8), |body| body.push("1234").push("5678").finish()).await;
    assert_eq!(text.as_deref(), Some("12345678"));
    app.get("/").await.assert_hit().assert_body("12345678");
}

/// A server does not read a body that announces no bytes.
#[actix_web::test]
async fn stream_of_zero_bytes_is_stored_unread() {
    let (app, bodies) = sized(BodySize::Sized(0));
    let app = app.start().await;
    bodies.add(&[]).finish();
    let (head, body) = app.get("/").stream().await;
    head.assert_stored();
    drop(body);
    app.get("/").await.assert_hit().assert_body("");
    assert_eq!(app.runs(), 1);
}

#[actix_web::test]
async fn stream_of_a_head_request_is_not_stored() {
    let (app, bodies) = streaming();
    let app = app.start().await;
    bodies.add(&[]).finish();
    app.head("/").await.assert_not_stored(Reason::Head).assert_fwd("miss");
    assert_eq!(app.pages(), 0);
}

/// They have no end, so they are refused by their head and delivered as they come.
#[actix_web::test]
async fn event_streams_and_upgrades_are_not_stored_nor_coalesced() {
    for (name, value, reason) in [
        ("content-type", "text/event-stream", Reason::EventStream),
        ("upgrade", "websocket", Reason::Upgrade),
    ] {
        let (app, bodies) = streaming();
        let app = {
            let bodies = bodies.clone();
            app.handler(move |_| HttpResponse::Ok().insert_header((name, value)).body(bodies.next().body()))
        };
        let app = app.start().await;
        let mut streams = Vec::new();
        for _ in 0..3 {
            let source = bodies.add(&["data: 1\n\n"]);
            let (head, body) = app.get("/").stream().await;
            head.assert_not_stored(reason).assert_fwd("miss");
            streams.push((source, body));
        }
        for (source, body) in &mut streams {
            assert_eq!(body.read(), ("data: 1\n\n".to_owned(), Next::Pending));
            source.push("data: 2\n\n");
            assert_eq!(body.read(), ("data: 2\n\n".to_owned(), Next::Pending));
        }
        assert_eq!(app.runs(), 3);
    }
}
