//! Background refreshes that run while their page is purged.

use cache_page::{PageCache, Reason};

use super::{Purge, REFRESHED_HANDLER, removed, site};
use crate::support::{Crowd, TestApp, settle};

const PAGE: &str = "/refreshed/1";

/// An application whose page is stale and being refreshed, by a run that waits.
async fn refreshing() -> TestApp {
    let app = site().start().await;
    app.get(PAGE).await;
    app.pause();
    app.advance(60);
    app.get(PAGE).await.assert_stale(Reason::StaleWhileRevalidate).assert_body("page 1");
    settle().await;
    assert_eq!(app.waiting(), [2]);
    app
}

#[actix_web::test]
async fn refresh_from_before_a_purge_is_not_stored() {
    let purges: [(&str, Purge); 3] = [
        ("purge_path", |cache| cache.purge_path(PAGE)),
        ("purge_handler", |cache| cache.purge_handler(REFRESHED_HANDLER)),
        ("purge_all", PageCache::purge_all),
    ];
    for (name, purge) in purges {
        let app = refreshing().await;
        assert_eq!(removed(purge(app.cache())).await, 1, "{name}");
        app.resume().await;
        assert_eq!((app.runs(), app.pages()), (2, 0), "{name}");
        let response = app.get(PAGE).await;
        assert!(response.is_stored() && response.text() == "page 3", "{name}: {response:?}");
    }
}

#[actix_web::test]
async fn request_after_a_purge_does_not_wait_for_a_refresh() {
    let app = refreshing().await;
    app.cache().purge_path(PAGE).await.unwrap();
    let crowd = Crowd::send(app.get(PAGE).times(2)).await;
    assert_eq!(app.waiting(), [2, 3]);
    app.finish_run(3).await;
    for response in crowd.responses().await {
        response.assert_status(200).assert_body("page 3");
    }
    app.finish_run(2).await;
    app.get(PAGE).await.assert_hit().assert_body("page 3");
}

#[actix_web::test]
async fn refresh_from_before_an_expiry_is_repeated() {
    let app = refreshing().await;
    app.cache().expire_path(PAGE).await.unwrap();
    app.finish_run(2).await;
    app.get(PAGE).await.assert_stale(Reason::StaleWhileRevalidate).assert_body("page 1");
    settle().await;
    app.finish_run(3).await;
    app.get(PAGE).await.assert_hit().assert_body("page 3");
}
