//! Purges of a cache and of the caches that it names.

use cache_page::PageCache;

use super::{Purge, removed, site, with_a_named_cache};

#[actix_web::test]
async fn purge_of_a_cache_includes_the_caches_that_it_names() {
    let (app, named) = with_a_named_cache(site());
    let app = app.start().await;
    let purges: [(&str, Purge, usize); 5] = [
        ("purge_tag", |cache| cache.purge_tag("posts"), 2),
        ("purge_path", |cache| cache.purge_path("/big"), 1),
        ("purge_prefix", |cache| cache.purge_prefix("/b"), 1),
        ("purge_all", PageCache::purge_all, 2),
        ("expire_all", PageCache::expire_all, 2),
    ];
    for (name, purge, expected) in purges {
        app.get("/posts/1").await;
        app.get("/big").await;
        assert_eq!(named.stats().pages(), 1, "{name}");
        assert_eq!(removed(purge(app.cache())).await, expected, "{name}");
        let response = app.get("/big").await;
        assert!(response.is_stored(), "{name}: {response:?}");
    }
}

#[actix_web::test]
async fn purge_of_a_named_cache_does_not_include_other_caches() {
    let (app, named) = with_a_named_cache(site());
    let app = app.start().await;
    app.get("/posts/1").await;
    app.get("/big").await;
    assert_eq!(removed(named.purge_tag("posts")).await, 1);
    app.get("/posts/1").await.assert_hit();
    app.get("/big").await.assert_stored();
}
