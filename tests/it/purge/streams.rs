//! Streamed bodies that are not complete when their page is purged.

use actix_web::HttpResponse;
use cache_page::PageCache;

use super::{Purge, site};
use crate::support::{BodySource, Call, Crowd, Next, TestApp};

/// An application whose handler streams `page N` in its Nth run. The test ends the bodies.
async fn streaming() -> (TestApp, [BodySource; 2]) {
    let sources = [BodySource::new(), BodySource::new()];
    sources[0].push("page 1");
    sources[1].push("page 2");
    let bodies = sources.clone();
    let handler = move |call: &Call| {
        let run = usize::try_from(call.run).unwrap();
        HttpResponse::Ok().body(bodies[run - 1].body())
    };
    (site().handler(handler).start().await, sources)
}

#[actix_web::test]
async fn body_that_is_complete_after_a_purge_is_not_stored() {
    let purges: [(&str, Purge, bool); 4] = [
        ("purge_path", |cache| cache.purge_path("/streamed"), false),
        ("expire_path", |cache| cache.expire_path("/streamed"), false),
        ("purge_all", PageCache::purge_all, false),
        ("purge_path of another page", |cache| cache.purge_path("/refreshed/1"), true),
    ];
    for (name, purge, is_stored) in purges {
        let (app, sources) = streaming().await;
        let (_, mut body) = app.get("/streamed").stream().await;
        assert_eq!(body.read(), ("page 1".to_owned(), Next::Pending), "{name}");
        purge(app.cache()).await.unwrap();
        sources[0].push(", complete").finish();
        assert_eq!(body.read(), (", complete".to_owned(), Next::End), "{name}");
        assert_eq!(app.pages(), usize::from(is_stored), "{name}");
        sources[1].finish();
        let response = app.get("/streamed").await;
        let expected = if is_stored { "page 1, complete" } else { "page 2" };
        assert_eq!((response.is_hit(), response.text()), (is_stored, expected), "{name}: {response:?}");
    }
}

#[actix_web::test]
async fn requests_after_a_purge_do_not_wait_for_a_stream() {
    let (app, sources) = streaming().await;
    let before = Crowd::send(app.get("/streamed").times(2)).await;
    app.cache().purge_path("/streamed").await.unwrap();
    let after = Crowd::send(app.get("/streamed").times(2)).await;
    assert_eq!((app.runs(), before.answered(), after.answered()), (2, 0, 0));
    for (crowd, source, expected) in [(before, &sources[0], "page 1"), (after, &sources[1], "page 2")] {
        source.finish();
        for response in crowd.responses().await {
            response.assert_status(200).assert_body(expected);
        }
    }
    app.get("/streamed").await.assert_hit().assert_body("page 2");
}
