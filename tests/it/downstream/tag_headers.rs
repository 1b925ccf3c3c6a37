//! Headers with the tags of a page.

use actix_web::{HttpResponse, Responder, web};
use cache_page::{PageCacheBuilder, PageControl, TagHeader, cache_page};

use crate::support::TestApp;

#[cache_page(60, tags = ["posts", "post:{id}"])]
async fn post(control: PageControl, id: web::Path<String>) -> impl Responder {
    control.tag("a, b\\\"c");
    format!("post {id}")
}

fn with_all(cache: PageCacheBuilder) -> PageCacheBuilder {
    ALL.into_iter().fold(cache, PageCacheBuilder::tag_header)
}

const ALL: [TagHeader; 3] = [TagHeader::SurrogateKey, TagHeader::CacheTag, TagHeader::CacheGroups];

#[actix_web::test]
async fn tags_are_not_sent_by_default() {
    let app = TestApp::builder().route("/{id}", post).start().await;
    let page = app.get("/7").await;
    page.assert_stored();
    for name in ["surrogate-key", "cache-tag", "cache-groups"] {
        page.assert_no_header(name);
    }
}

#[actix_web::test]
async fn stored_page_hit_and_304_have_the_tags() {
    let app = TestApp::builder().cache(with_all).route("/{id}", post).start().await;
    let stored = app.get("/7").await;
    stored.assert_stored();
    let hit = app.get("/7").await;
    hit.assert_hit();
    let not_modified = app.get("/7").header("if-none-match", stored.header("etag").unwrap()).await;
    not_modified.assert_status(304);
    for page in [stored, hit, not_modified] {
        page.assert_header("surrogate-key", "a%2C%20b\\\"c posts post:7")
            .assert_header("cache-tag", "a%2C%20b\\\"c,posts,post:7")
            .assert_header("cache-groups", "\"a, b%5C%22c\", \"posts\", \"post:7\"");
    }
}

/// A client chooses part of a tag, and must not add another one.
#[actix_web::test]
async fn tag_with_a_separator_is_one_tag() {
    let app = TestApp::builder().cache(with_all).route("/{id}", post).start().await;
    let page = app.get("/7%20posts:8,x%22%C3%BC%25").await;
    page.assert_stored()
        .assert_header("surrogate-key", "a%2C%20b\\\"c posts post:7%20posts:8%2Cx\"%C3%BC%25")
        .assert_header("cache-groups", "\"a, b%5C%22c\", \"posts\", \"post:7 posts:8,x%22%C3%BC%25\"");
}

#[actix_web::test]
async fn header_of_the_handler_is_not_changed() {
    #[cache_page(60, tags = ["posts"])]
    async fn page() -> HttpResponse {
        HttpResponse::Ok().insert_header(("surrogate-key", "own")).body("page")
    }
    let app = TestApp::builder().cache(with_all).route("/", page).start().await;
    app.get("/").await.assert_stored().assert_header("surrogate-key", "own");
    app.get("/").await.assert_hit().assert_header("surrogate-key", "own");
}

#[cache_page(60)]
async fn long(control: PageControl, count: web::Path<usize>) -> impl Responder {
    for number in 0..*count {
        control.tag(format!("{number:0200}"));
    }
    "page"
}

/// nginx has one buffer for all headers of a response. The page is stored here, where purges find it.
#[actix_web::test]
async fn headers_have_a_limited_length_together() {
    let app = TestApp::builder().cache(with_all).route("/{count}", long).start().await;
    for (path, expected) in [("/10", Some(2009)), ("/20", None)] {
        let stored = app.get(path).await;
        assert_eq!(stored.header("surrogate-key").map(|value| value.len()), expected, "{path}");
        stored.assert_stored().assert_no_header("cache-tag").assert_no_header("cache-groups");
        app.get(path).await.assert_hit();
    }
}

#[actix_web::test]
async fn page_without_tags_has_no_such_header() {
    #[cache_page(60)]
    async fn page() -> impl Responder {
        "page"
    }
    let app = TestApp::builder().cache(with_all).route("/", page).start().await;
    let page = app.get("/").await;
    page.assert_stored();
    for name in ["surrogate-key", "cache-tag", "cache-groups"] {
        page.assert_no_header(name);
    }
}

#[actix_web::test]
async fn page_that_a_304_confirms_has_the_tags_of_the_page() {
    #[cache_page(60, tags = ["posts"])]
    async fn page(control: PageControl) -> HttpResponse {
        if control.validators().is_some() {
            return HttpResponse::NotModified().finish();
        }
        control.tag("late");
        HttpResponse::Ok().body("page")
    }
    let app = TestApp::builder().cache(with_all).route("/", page).start().await;
    app.get("/").await.assert_stored().assert_header("surrogate-key", "late posts");
    app.advance(61);
    app.get("/").await.assert_fwd_status(304).assert_header("surrogate-key", "late posts");
    app.get("/").await.assert_hit().assert_header("surrogate-key", "late posts");
}
