//! A purged page is not served after the call returned, not even from the copies that workers have.

use std::thread;

use cache_page::{PageCache, cache_page};

use super::{EXPIRIES, POST, PURGES, Purge, removed, site};
use crate::support::{Origin, TestApp, pipeline};

/// The future needs not be awaited: it completes when other processes have the purge.
async fn assert_gone_when_the_call_returns(call: impl Fn(PageCache, Purge) -> cache_page::PurgeFuture) {
    for (name, purge) in PURGES.into_iter().chain(EXPIRIES) {
        let app = site().start().await;
        for _ in 0..20 {
            app.get(POST).await;
        }
        assert_eq!(app.runs(), 1, "{name}");
        let future = call(app.cache().clone(), purge);
        let response = app.get(POST).await;
        assert!(response.is_stored() && response.text() == "page 2", "{name}: {response:?}");
        assert_eq!(removed(future).await, 1, "{name}");
        assert!(app.get(POST).await.is_hit(), "{name}");
    }
}

#[actix_web::test]
async fn hot_page_is_gone_when_the_call_returns() {
    assert_gone_when_the_call_returns(|cache, purge| purge(&cache)).await;
}

#[actix_web::test]
async fn hot_page_is_gone_when_a_call_in_another_thread_returns() {
    let call = |cache, purge: Purge| thread::spawn(move || purge(&cache)).join().unwrap();
    assert_gone_when_the_call_returns(call).await;
}

#[cache_page(60, tags = ["all"])]
async fn tagged(origin: Origin) -> String {
    format!("page {}", origin.count())
}

#[actix_web::test]
async fn no_worker_serves_a_purged_page() {
    let app = TestApp::builder().route("/", tagged).serve();
    let purges: [Purge; 4] = [
        |cache| cache.purge_path("/"),
        |cache| cache.purge_tag("all"),
        |cache| cache.expire_tag("all"),
        PageCache::purge_all,
    ];
    for (purges_before, purge) in purges.into_iter().enumerate() {
        // The workers take turns at connections.
        for _ in 0..4 {
            for response in pipeline(&app.get("/").times(20)).await {
                response.assert_body(format!("page {}", purges_before + 1));
            }
        }
        assert_eq!(removed(purge(app.cache())).await, 1);
    }
}
