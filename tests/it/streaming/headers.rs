//! Headers of a response whose body is still to come.

use actix_web::{Error, HttpResponse, web::Bytes};
use cache_page::cache_page;

use super::{Bodies, streaming};
use crate::support::{Origin, TestApp};

#[actix_web::test]
async fn head_of_a_stream_has_a_lifetime_and_no_etag() {
    let (app, bodies) = streaming();
    let app = app.start().await;
    bodies.add(&["page"]);
    let (head, _) = app.get("/").stream().await;
    head.assert_header("cache-control", "max-age=60").assert_no_header("etag");
}

#[actix_web::test]
async fn stored_stream_has_all_headers_of_the_handler_and_an_etag() {
    let bodies = Bodies::default();
    let app = {
        let bodies = bodies.clone();
        TestApp::with_handler(move |_| {
            let mut response = HttpResponse::Ok();
            response.insert_header(("content-type", "text/plain"));
            response.append_header(("x-a", "1")).append_header(("x-a", "2")).body(bodies.next().body())
        })
        .await
    };
    bodies.add(&["page"]).finish();
    app.get("/").await.assert_body("page");
    let hit = app.get("/").await;
    hit.assert_hit().assert_header("x-a", "1, 2").assert_header("content-type", "text/plain");
    for name in ["etag", "cache-control", "date"] {
        assert!(hit.header(name).is_some(), "{name}: {hit:?}");
    }
}

#[cache_page(60, vary = ["accept-language"])]
async fn by_language(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

#[cache_page(60)]
async fn by_visitor(#[key] visitor: Bytes, origin: Origin) -> Result<HttpResponse, Error> {
    drop(visitor);
    origin.respond().await
}

/// Downstream caches may store the first response, too.
#[actix_web::test]
async fn head_of_a_stream_says_what_the_page_depends_on() {
    let (app, bodies) = streaming();
    let app = app.route("/language", by_language).route("/visitor", by_visitor).start().await;
    for (uri, name, value) in
        [("/language", "vary", "accept-language"), ("/visitor", "cache-control", "private, no-cache")]
    {
        bodies.add(&["page"]).finish();
        let (head, mut body) = app.get(uri).stream().await;
        head.assert_header(name, value);
        drop(body.read());
        app.get(uri).await.assert_hit().assert_header(name, value);
    }
}
