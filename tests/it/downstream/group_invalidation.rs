//! `Cache-Group-Invalidation` in the responses of `#[purge_page]` handlers (RFC 9875 3).

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use cache_page::{PageCache, PageCacheBuilder, TagHeader, purge_page};

use crate::support::{TestApp, TestRequest};

const NAME: &str = "cache-group-invalidation";

/// Responds with the status that the request asks for.
#[purge_page(tags = ["posts", "post:{id}"])]
async fn write(request: HttpRequest) -> HttpResponse {
    let status =
        request.headers().get("x-status").and_then(|status| StatusCode::from_bytes(status.as_bytes()).ok());
    HttpResponse::new(status.unwrap_or(StatusCode::OK))
}

#[purge_page(tags = ["posts"])]
async fn forward() -> HttpResponse {
    HttpResponse::Ok().insert_header((NAME, "\"upstream\"")).finish()
}

#[purge_page(paths = ["/posts"])]
async fn by_path() -> HttpResponse {
    HttpResponse::Ok().finish()
}

#[purge_page(tags = ["posts"], cache = "other")]
async fn in_other_cache() -> HttpResponse {
    HttpResponse::Ok().finish()
}

fn with_groups(cache: PageCacheBuilder) -> PageCacheBuilder {
    cache.tag_header(TagHeader::CacheGroups)
}

async fn app(options: fn(PageCacheBuilder) -> PageCacheBuilder) -> TestApp {
    let builder = TestApp::builder().cache(options).route("/post/{id}", write).route("/forward", forward);
    builder.route("/path", by_path).route("/other", in_other_cache).start().await
}

/// Returns all lines of the field in the response.
async fn announced(request: TestRequest) -> Vec<String> {
    let response = request.await;
    let values = response.stored_headers().into_iter().filter(|(name, _)| name == NAME);
    values.map(|(_, value)| String::from_utf8(value).unwrap()).collect()
}

#[actix_web::test]
async fn successful_write_names_the_purged_tags() {
    let app = app(with_groups).await;
    for status in ["200", "201", "204", "303"] {
        let request = app.post("/post/7").header("x-status", status);
        assert_eq!(announced(request).await, ["\"posts\", \"post:7\""], "{status}");
    }
    assert_eq!(announced(app.post("/post/%22,%C3%BC")).await, ["\"posts\", \"post:%22,%C3%BC\""]);
}

#[actix_web::test]
async fn failed_write_names_no_tags() {
    let app = app(with_groups).await;
    for status in ["400", "404", "409", "500"] {
        assert!(announced(app.post("/post/7").header("x-status", status)).await.is_empty(), "{status}");
    }
}

/// A cache must ignore the field there.
#[actix_web::test]
async fn response_to_a_safe_method_names_no_tags() {
    let app = app(with_groups).await;
    assert!(announced(app.get("/post/7")).await.is_empty());
}

#[actix_web::test]
async fn tags_are_only_named_with_cache_groups() {
    let other =
        |cache: PageCacheBuilder| cache.tag_header(TagHeader::SurrogateKey).tag_header(TagHeader::CacheTag);
    for options in [|cache| cache, other] {
        assert!(announced(app(options).await.post("/post/7")).await.is_empty());
    }
}

#[actix_web::test]
async fn groups_that_the_handler_names_are_sent_too() {
    let app = app(with_groups).await;
    assert_eq!(announced(app.post("/forward")).await, ["\"upstream\"", "\"posts\""]);
    assert!(announced(app.post("/path")).await.is_empty());
}

/// The pages of that cache have the header, or do not.
#[actix_web::test]
async fn named_cache_decides_about_its_own_tags() {
    let without = app(|cache| with_groups(cache).named_cache("other", PageCache::new())).await;
    assert!(announced(without.post("/other")).await.is_empty());
    let with = app(|cache| cache.named_cache("other", with_groups(PageCache::builder()).build())).await;
    assert_eq!(announced(with.post("/other")).await, ["\"posts\""]);
}

#[actix_web::test]
async fn field_that_would_be_too_long_is_not_sent() {
    let app = app(with_groups).await;
    let long = "x".repeat(240);
    assert_eq!(announced(app.post(&format!("/post/{long}"))).await, [format!("\"posts\", \"post:{long}\"")]);
    // Percent-encoding triples the length of a tag. Several such tags are too long.
    #[purge_page(tags = ["1{a}", "2{a}", "3{a}", "4{a}", "5{a}"])]
    async fn many(_: web::Path<String>) -> HttpResponse {
        HttpResponse::Ok().finish()
    }
    let app = TestApp::builder().cache(with_groups).route("/{a}", many).start().await;
    assert!(announced(app.post(&format!("/{}", "%C3%BC".repeat(120)))).await.is_empty());
}
