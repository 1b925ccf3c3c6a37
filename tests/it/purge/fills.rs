//! Fills that run while their page is purged: the clients that wait get the response, but it is not stored.

use std::{future::Future, pin::Pin};

use actix_web::{Error, FromRequest, HttpRequest, HttpResponse, dev::Payload, web};
use cache_page::{KeyInput, Outcome, PageCache, PageCacheMiddleware, Reason, cache_page, purge_page};

use super::{ADDED_TAGS, EXPIRIES, POST, PURGES, Purge, removed, site, with_a_named_cache};
use crate::support::{Crowd, Origin};

#[actix_web::test]
async fn page_that_is_purged_during_its_fill_is_not_stored() {
    for (name, purge) in PURGES.into_iter().chain(EXPIRIES).chain(ADDED_TAGS) {
        let app = site().paused().start().await;
        let crowd = Crowd::send([app.get(POST)]).await;
        assert_eq!(removed(purge(app.cache())).await, 0, "{name}");
        app.finish(1).await;
        let response = crowd.responses().await.remove(0);
        assert_eq!(response.outcome(), Some(Outcome::NotStored(Reason::Purged)), "{name}: {response:?}");
        response.assert_fwd("miss").assert_status(200).assert_body("page 1");
        assert_eq!((app.pages(), app.count(Outcome::NotStored(Reason::Purged))), (0, 1), "{name}");
    }
}

#[actix_web::test]
async fn page_that_was_purged_during_its_fill_is_stored_the_next_time() {
    for (name, purge) in PURGES.into_iter().chain(EXPIRIES).chain(ADDED_TAGS) {
        let app = site().paused().start().await;
        let crowd = Crowd::send([app.get(POST)]).await;
        purge(app.cache()).await.unwrap();
        app.resume().await;
        drop(crowd.responses().await);
        let response = app.get(POST).await;
        assert!(response.is_stored() && response.text() == "page 2", "{name}: {response:?}");
        assert!(app.get(POST).await.is_hit(), "{name}");
    }
}

#[actix_web::test]
async fn fill_from_before_a_purge_does_not_replace_a_newer_page() {
    for (name, purge) in PURGES.into_iter().chain(EXPIRIES) {
        let app = site().paused().start().await;
        let before = Crowd::send(app.get(POST).times(2)).await;
        purge(app.cache()).await.unwrap();
        let after = Crowd::send(app.get(POST).times(2)).await;
        app.finish_run(2).await;
        assert_eq!((before.answered(), after.answered()), (0, 2), "{name}");
        app.finish_run(1).await;
        for (crowd, expected) in [(before, "page 1"), (after, "page 2")] {
            for response in crowd.responses().await {
                assert_eq!((response.status, response.text()), (200, expected), "{name}: {response:?}");
            }
        }
        let response = app.get(POST).await;
        assert!(response.is_hit() && response.text() == "page 2", "{name}: {response:?}");
    }
}

#[actix_web::test]
async fn purge_of_another_page_does_not_affect_a_fill() {
    let purges: [(&str, Purge); 12] = [
        ("another path", |cache| cache.purge_path("/posts/2")),
        ("the path above", |cache| cache.purge_path("/posts")),
        ("another query", |cache| cache.purge_url("/posts/1")),
        ("another value of the query", |cache| cache.purge_url("/posts/1?x=2")),
        ("another host", |cache| cache.purge_url("http://elsewhere.example/posts/1?x=1")),
        ("a longer prefix", |cache| cache.purge_prefix("/posts/1/")),
        ("another handler", |cache| cache.purge_handler("post")),
        ("another tag", |cache| cache.purge_tag("post")),
        ("another placeholder", |cache| cache.purge_tag("post:2")),
        ("expiry of another placeholder", |cache| cache.expire_tag("post:2")),
        ("expiry of another path", |cache| cache.expire_path("/posts/2")),
        ("expiry of another handler", |cache| cache.expire_handler("post")),
    ];
    for (name, purge) in purges {
        let app = site().paused().start().await;
        let before = Crowd::send(app.get(POST).times(2)).await;
        purge(app.cache()).await.unwrap();
        let after = Crowd::send(app.get(POST).times(2)).await;
        assert_eq!(app.waiting(), [1], "{name}");
        app.finish(1).await;
        let response = before.responses().await.remove(0);
        assert!(response.is_stored(), "{name}: {response:?}");
        for response in after.responses().await {
            assert_eq!(response.text(), "page 1", "{name}: {response:?}");
        }
        assert!(app.get(POST).await.is_hit(), "{name}");
    }
}

/// Arguments are extracted before the key of the page is known.
struct SlowArgument(u64);

impl FromRequest for SlowArgument {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let origin = Origin::extract(request);
        Box::pin(async move { Ok(Self(origin.await?.pass().await)) })
    }
}

impl KeyInput for SlowArgument {}

#[cache_page(60)]
async fn extracted(argument: SlowArgument) -> String {
    format!("page {}", argument.0)
}

#[actix_web::test]
async fn page_of_arguments_read_before_a_purge_is_not_stored() {
    let purges: [(&str, Purge); 3] = [
        ("purge_path", |cache| cache.purge_path("/extracted")),
        ("expire_path", |cache| cache.expire_path("/extracted")),
        ("purge_all", PageCache::purge_all),
    ];
    for (name, purge) in purges {
        let app = site().route("/extracted", extracted).paused().start().await;
        let crowd = Crowd::send([app.get("/extracted")]).await;
        assert_eq!(app.waiting(), [1], "{name}");
        purge(app.cache()).await.unwrap();
        app.resume().await;
        let response = crowd.responses().await.remove(0);
        assert_eq!(response.outcome(), Some(Outcome::NotStored(Reason::Purged)), "{name}: {response:?}");
        response.assert_fwd("miss").assert_status(200).assert_body("page 1");
        let response = app.get("/extracted").await;
        assert!(response.is_stored() && response.text() == "page 2", "{name}: {response:?}");
    }
}

/// The fill of a middleware starts when the request arrives at it.
#[actix_web::test]
async fn fill_of_a_middleware_does_not_replace_a_newer_page() {
    async fn page(origin: Origin) -> Result<HttpResponse, Error> {
        origin.respond().await
    }
    let app = site()
        .configure(|config| {
            config.service(web::resource("/").wrap(PageCacheMiddleware::new(60)).route(web::get().to(page)));
        })
        .paused()
        .start()
        .await;
    let before = Crowd::send(app.get("/").times(2)).await;
    app.cache().purge_path("/").await.unwrap();
    let after = Crowd::send(app.get("/").times(2)).await;
    assert_eq!(app.waiting(), [1, 2]);
    app.finish_run(2).await;
    app.finish_run(1).await;
    for (crowd, expected) in [(before, "page 1"), (after, "page 2")] {
        for response in crowd.responses().await {
            response.assert_status(200).assert_body(expected);
        }
    }
    app.get("/").await.assert_hit().assert_body("page 2");
}

#[actix_web::test]
async fn page_of_a_named_cache_purged_during_its_fill_is_not_stored() {
    let purges: [(&str, Purge); 4] = [
        ("purge_tag", |cache| cache.purge_tag("posts")),
        ("purge_path", |cache| cache.purge_path("/big")),
        ("purge_all", PageCache::purge_all),
        ("purge_tag of the named cache", |cache| cache.named("big").expect("that name").purge_tag("posts")),
    ];
    for (name, purge) in purges {
        let (app, _) = with_a_named_cache(site().paused());
        let app = app.start().await;
        let before = Crowd::send([app.get("/big")]).await;
        purge(app.cache()).await.unwrap();
        let after = Crowd::send([app.get("/big")]).await;
        app.finish_run(1).await;
        let response = before.responses().await.remove(0);
        assert_eq!(response.outcome(), Some(Outcome::NotStored(Reason::Purged)), "{name}: {response:?}");
        app.finish_run(2).await;
        let response = after.responses().await.remove(0);
        assert_eq!((response.status, response.text()), (200, "page 2"), "{name}: {response:?}");
        let response = app.get("/big").await;
        assert!(response.is_hit(), "{name}: {response:?}");
    }
}

#[purge_page(tags = ["posts"])]
async fn edit() -> HttpResponse {
    HttpResponse::Ok().finish()
}

#[actix_web::test]
async fn page_that_is_generated_during_a_write_is_not_stored() {
    let app = site().route("/edit", edit).paused().start().await;
    let before = Crowd::send(app.get(POST).times(2)).await;
    app.post("/edit").await.assert_status(200);
    let after = Crowd::send(app.get(POST).times(2)).await;
    app.finish_run(1).await;
    app.finish_run(2).await;
    for (crowd, expected) in [(before, "page 1"), (after, "page 2")] {
        for response in crowd.responses().await {
            response.assert_status(200).assert_body(expected);
        }
    }
    app.get(POST).await.assert_hit().assert_body("page 2");
}

#[actix_web::test]
async fn page_that_is_purged_while_the_handler_fails_is_not_served() {
    let purges: [(&str, Purge, u16); 4] = [
        ("purge_path", |cache| cache.purge_path("/kept-on-error"), 500),
        ("purge_all", PageCache::purge_all, 500),
        ("expire_path", |cache| cache.expire_path("/kept-on-error"), 200),
        ("purge_path of another page", |cache| cache.purge_path("/refreshed/1"), 200),
    ];
    for (name, purge, expected) in purges {
        let app = site().start().await;
        app.get("/kept-on-error").await;
        app.pause();
        app.advance(60);
        app.set_handler(|_| HttpResponse::InternalServerError().finish());
        let crowd = Crowd::send([app.get("/kept-on-error")]).await;
        purge(app.cache()).await.unwrap();
        app.finish_run(2).await;
        let response = crowd.responses().await.remove(0);
        assert_eq!(response.status, expected, "{name}: {response:?}");
    }
}
