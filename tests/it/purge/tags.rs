//! Tags of pages: what placeholders expand to, how many there may be, and when they are removed.

use actix_web::{Error, HttpResponse, get, web::ServiceConfig};
use cache_page::{PageControl, Reason, cache_page};

use super::{removed, site};
use crate::support::{Call, Origin, TestApp};

#[cache_page(60, tags = ["a", "b"])]
async fn labelled(control: PageControl, origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond_with(&control).await
}

async fn app() -> TestApp {
    site().route("/labelled", labelled).start().await
}

/// Returns a handler that adds these tags.
fn adding(tags: Vec<String>) -> impl Fn(&Call) -> HttpResponse + Send + Sync {
    move |call| {
        for tag in &tags {
            call.control().tag(tag);
        }
        HttpResponse::Ok().body(format!("page {}", call.run))
    }
}

fn tags(number: usize) -> Vec<String> {
    (0..number).map(|number| format!("tag {number}")).collect()
}

#[actix_web::test]
async fn placeholder_of_a_tag_is_the_decoded_path_parameter() {
    let app = app().await;
    for (uri, tag) in [
        ("/posts/7", "post:7"),
        ("/posts/%37", "post:7"),
        ("/posts/a%20b", "post:a b"),
        ("/posts/%C3%BCber", "post:über"),
        ("/posts/a%2Fb", "post:a/b"),
        ("/posts/100%25", "post:100%"),
        ("/posts/a+b", "post:a+b"),
    ] {
        let response = app.get(uri).await;
        assert!(response.is_stored(), "{response:?}");
        assert_eq!(removed(app.cache().purge_tag(tag)).await, 1, "{tag}");
        let response = app.get(uri).await;
        assert!(response.is_stored(), "after a purge of {tag}: {response:?}");
        app.cache().purge_all().await.unwrap();
    }
}

/// A purge by that tag would not find the page.
#[actix_web::test]
async fn page_whose_path_makes_a_tag_invalid_is_not_stored() {
    let app = app().await;
    for uri in ["/posts/a%20", "/posts/a%0Ab", &format!("/posts/{}", "x".repeat(252))] {
        let response = app.get(uri).await;
        response.assert_not_stored(Reason::InvalidTag).assert_fwd("miss").assert_status(200);
    }
    assert_eq!(app.pages(), 0);
}

/// The macro does not see the route, so the mistake shows when requests come.
#[get("/wrong/{id}")]
#[cache_page(60, tags = ["wrong", "wrong:{slug}"])]
async fn wrong(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

#[actix_web::test]
async fn page_with_a_placeholder_that_the_route_lacks_is_not_stored() {
    let service = |config: &mut ServiceConfig| {
        config.service(wrong);
    };
    let app = TestApp::builder().configure(service).start().await;
    for run in 1..=2 {
        let response = app.get("/wrong/1").await;
        response.assert_not_stored(Reason::InvalidTag).assert_fwd("miss").assert_status(200);
        response.assert_body(format!("page {run}"));
    }
}

#[actix_web::test]
async fn page_with_an_invalid_tag_or_too_many_tags_is_not_stored() {
    let app = app().await;
    // The attribute has two tags of its own, of 128.
    for invalid in [tags(127), tags(129), vec!["x".repeat(257)], vec![String::new()], vec!["x ".to_owned()]] {
        let description = format!("{} tags, the last one {:?}", invalid.len(), invalid.last());
        app.set_handler(adding(invalid));
        let response = app.get("/labelled").await;
        assert_eq!(response.cache_status().detail(), Some("invalid-tag"), "{description}: {response:?}");
        response.assert_not_stored(Reason::InvalidTag).assert_fwd("miss");
    }
}

#[actix_web::test]
async fn page_with_the_maximum_number_of_tags_is_found_by_each() {
    let app = app().await;
    // A tag that is added twice counts once.
    app.set_handler(adding([tags(126), tags(126)].concat()));
    for tag in ["tag 0", "tag 125", "a", "b"] {
        let response = app.get("/labelled").await;
        assert!(response.is_stored(), "{response:?}");
        assert_eq!(removed(app.cache().purge_tag(tag)).await, 1, "{tag}");
    }
}

#[actix_web::test]
async fn replaced_page_is_found_by_its_new_tags_only() {
    let app = app().await;
    for (tag, expected) in [("old", 0), ("both", 1), ("new", 1)] {
        app.set_handler(adding(vec!["old".to_owned(), "both".to_owned()]));
        app.get("/labelled").await;
        app.set_handler(adding(vec!["new".to_owned(), "both".to_owned()]));
        app.cache().expire_path("/labelled").await.unwrap();
        app.get("/labelled").await.assert_stored();
        assert_eq!(removed(app.cache().purge_tag(tag)).await, expected, "{tag}");
        assert_eq!(app.get("/labelled").await.is_hit(), expected == 0, "{tag}");
        app.cache().purge_all().await.unwrap();
    }
}

#[actix_web::test]
async fn purged_page_is_not_found_by_its_other_tags() {
    let app = app().await;
    app.set_handler(adding(vec!["one".to_owned(), "other".to_owned()]));
    app.get("/labelled").await;
    for (tag, expected) in [("one", 1), ("other", 0)] {
        assert_eq!((removed(app.cache().purge_tag(tag)).await, app.pages()), (expected, 0), "{tag}");
    }
}

#[actix_web::test]
async fn evicted_page_is_not_found_by_its_tags() {
    let app = site().cache(|cache| cache.max_bytes(64 * 1024)).start().await;
    for id in 0..500 {
        app.get(&format!("/posts/{id}")).await;
    }
    let stored = app.pages();
    assert!(stored < 500, "some pages were evicted: {stored}");
    for (tag, expected) in [("post:0", 0), ("posts", stored)] {
        assert_eq!(removed(app.cache().purge_tag(tag)).await, expected, "{tag}");
    }
}

#[actix_web::test]
async fn swept_page_is_not_found_by_its_tags_or_path() {
    let app = app().await;
    app.get("/posts/1").await;
    app.advance(60);
    app.cache().remove_expired();
    assert_eq!(removed(app.cache().purge_tag("post:1")).await, 0);
    assert_eq!(removed(app.cache().purge_path("/posts/1")).await, 0);
}
