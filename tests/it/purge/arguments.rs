//! Arguments that select nothing by mistake.

use cache_page::{PageCache, PurgeError};

use super::{removed, site};

#[actix_web::test]
async fn invalid_argument_is_an_error_and_purges_nothing() {
    let app = site().start().await;
    app.get("/posts/1").await;
    let long = "x".repeat(257);
    let cache = app.cache();
    for (purge, expected) in [
        (cache.purge_tag(""), "a tag must not be empty"),
        (cache.purge_tag(" "), "white space"),
        (cache.purge_tag(" posts"), "white space"),
        (cache.purge_tag("posts\n"), "control"),
        (cache.purge_tag("po\0sts"), "control"),
        (cache.purge_tag(&long), "limit 256 bytes"),
        (cache.expire_tag(""), "a tag must not be empty"),
        (cache.expire_tag(&long), "limit 256 bytes"),
        (cache.purge_path(""), "\"\" is not a path"),
        (cache.purge_path("posts/1"), "\"posts/1\" is not a path"),
        (cache.purge_path("http://localhost:8080/posts/1"), "is not a path"),
        (cache.purge_path("/posts/1?"), "use `purge_url`"),
        (cache.purge_path("/posts/1#a"), "a fragment"),
        (cache.expire_path("posts/1"), "is not a path"),
        (cache.purge_prefix("/"), "`purge_all`"),
        (cache.purge_prefix("//"), "`purge_all`"),
        (cache.purge_prefix("/posts/%2E."), "`purge_all`"),
        (cache.purge_prefix(""), "is not a path"),
        (cache.purge_prefix("posts"), "is not a path"),
        (cache.purge_prefix("/posts?"), "a query"),
        (cache.expire_prefix("/"), "`expire_all`"),
        (cache.purge_url(""), "\"\" is not a URL"),
        (cache.purge_url("posts/1"), "is not a URL"),
        (cache.purge_url("?page=1"), "is not a URL"),
        (cache.purge_url("/posts/1#a"), "is not a URL"),
        (cache.purge_url("https:///posts/1"), "is not a URL"),
        (cache.purge_url("https://:443/posts/1"), "is not a URL"),
        (cache.purge_url("https://user@/posts/1"), "is not a URL"),
        (cache.purge_url("ftp://localhost:8080/posts/1"), "is not a URL"),
        (cache.purge_url("localhost:8080/posts/1"), "is not a URL"),
        (cache.expire_url("posts/1"), "is not a URL"),
        (cache.purge_handler(""), "the name of a handler must not be empty"),
        (cache.expire_handler(""), "the name of a handler must not be empty"),
    ] {
        let error = purge.await.unwrap_err().to_string();
        assert!(
            error.starts_with("nothing was purged: ") && error.contains(expected),
            "{error} / {expected}"
        );
    }
    app.get("/posts/1").await.assert_hit();
}

#[actix_web::test]
async fn tag_of_the_maximum_length_is_valid() {
    let app = site().start().await;
    assert_eq!(removed(app.cache().purge_tag(&"x".repeat(256))).await, 0);
}

async fn purging(path: String, cache: PageCache) -> Result<String, PurgeError> {
    Ok(cache.purge_path(&path).await?.pages().to_string())
}

#[actix_web::test]
async fn handler_that_purges_returns_the_error_as_a_500() {
    let app = site().route("/purge", purging).start().await;
    app.get("/a").await;
    app.post("/purge").body("a").await.assert_status(500);
    app.get("/a").await.assert_hit();
    app.post("/purge").body("/a").await.assert_status(200).assert_body("1");
    app.get("/a").await.assert_stored();
}
