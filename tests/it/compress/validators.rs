//! Conditional requests and ranges of pages with encoded representations.

use actix_web::HttpResponse;

use super::{ALL, SHORT, app, get, html, with_handler};
use crate::support::TestApp;

/// An application with all representations of a page, and their entity tags.
async fn with_all_representations(etag: Option<&'static str>) -> (TestApp, Vec<(&'static str, String)>) {
    let app = with_handler(move |call| {
        let mut response = HttpResponse::Ok();
        etag.iter().for_each(|etag| {
            response.insert_header(("etag", *etag));
        });
        response.content_type("text/html").body(html(call.run, SHORT))
    })
    .await;
    app.get("/").await.assert_stored();
    let mut tags = Vec::new();
    for coding in ["identity", "gzip", "br", "zstd"] {
        tags.push((coding, get(&app, coding).await.assert_hit().header("etag").unwrap()));
    }
    (app, tags)
}

#[actix_web::test]
async fn each_representation_has_its_own_entity_tag() {
    let (_, tags) = with_all_representations(Some("\"v1\"")).await;
    let expected = ["\"v1\"", "\"v1-gz\"", "\"v1-br\"", "\"v1-zst\""];
    assert_eq!(tags.iter().map(|(_, tag)| tag).collect::<Vec<_>>(), expected);
    let (_, tags) = with_all_representations(Some("W/\"v1\"")).await;
    assert_eq!(tags[1].1, "W/\"v1-gz\"");
    let (_, tags) = with_all_representations(None).await;
    let generated = tags[0].1.strip_suffix('"').unwrap();
    assert!(generated.starts_with("W/\""), "{tags:?}");
    assert_eq!(tags[2].1, format!("{generated}-br\""));
}

#[actix_web::test]
async fn any_representation_of_the_page_is_revalidated() {
    for etag in [None, Some("\"v1\""), Some("W/\"v1\"")] {
        let (app, tags) = with_all_representations(etag).await;
        for (coding, tag) in &tags {
            for accepted in [*coding, ALL, "gzip", "identity"] {
                for list in [tag.clone(), format!("\"other\", {tag}")] {
                    let response = get(&app, accepted).header("if-none-match", &list).await;
                    response.assert_hit().assert_status(304).assert_coding(None);
                    // It is the tag of the response that the client has.
                    response.assert_header("etag", tag).assert_header("vary", "accept-encoding");
                }
            }
        }
        let any = get(&app, "br").header("if-none-match", "*").await;
        any.assert_status(304).assert_header("etag", &tags[2].1);
    }
}

#[actix_web::test]
async fn older_version_in_any_coding_is_replaced() {
    let (app, tags) = with_all_representations(None).await;
    app.cache().purge_all().await.unwrap();
    app.get("/").await.assert_stored();
    for (coding, tag) in tags {
        for accepted in [coding, ALL] {
            get(&app, accepted).header("if-none-match", &tag).await.assert_hit().assert_status(200);
        }
    }
    for tag in ["\"-br\"", "\"x-br\"", "W/\"-gz\"", "br", "\"br\""] {
        get(&app, "br").header("if-none-match", tag).await.assert_status(200);
    }
}

/// A handler may have a tag that ends as ours do.
#[actix_web::test]
async fn suffix_means_nothing_for_pages_that_are_not_encoded() {
    let app = with_handler(|_| HttpResponse::Ok().insert_header(("etag", "\"a\"")).body("short")).await;
    app.get("/").await.assert_stored();
    get(&app, "br").header("if-none-match", "\"a-br\"").await.assert_hit().assert_status(200);
}

#[actix_web::test]
async fn precondition_holds_for_the_tag_of_any_representation() {
    let (app, tags) = with_all_representations(Some("\"v1\"")).await;
    for (_, tag) in &tags {
        get(&app, ALL).header("if-match", tag).await.assert_hit().assert_status(200);
    }
    let failed = get(&app, ALL).header("if-match", "\"v0-br\"").await;
    failed.assert_status(412).assert_header("vary", "accept-encoding");
    let (app, tags) = with_all_representations(Some("W/\"v1\"")).await;
    get(&app, ALL).header("if-match", &tags[2].1).await.assert_status(412);
}

#[actix_web::test]
async fn ranges_are_those_of_the_body_as_it_is() {
    let (app, tags) = with_all_representations(Some("\"v1\"")).await;
    let text = html(1, SHORT);
    let part = app.get("/").header("range", "bytes=10-19").await;
    part.assert_hit().assert_status(206).assert_coding(None).assert_body(&text[10..20]);
    part.assert_header("vary", "accept-encoding").assert_header("etag", "\"v1\"");
    for (coding, _) in &tags[1..] {
        let full = get(&app, coding).header("range", "bytes=10-19").await;
        full.assert_hit().assert_status(200).assert_coding(*coding);
    }
    // The client has a part of the encoded body.
    let resumed = app.get("/").header("range", "bytes=10-").header("if-range", "\"v1-br\"").await;
    resumed.assert_status(200).assert_coding(None).assert_body(&text);
}

#[actix_web::test]
async fn encoded_page_has_no_header_about_other_bytes() {
    let app = with_handler(|call| {
        HttpResponse::Ok()
            .insert_header(("accept-ranges", "bytes"))
            .insert_header(("content-digest", "sha-256=:YQ==:"))
            .insert_header(("repr-digest", "sha-256=:YQ==:"))
            .insert_header(("x-other", "stays"))
            .body(html(call.run, SHORT))
    })
    .await;
    app.get("/").await.assert_stored();
    let encoded = get(&app, "br").await;
    encoded.assert_hit().assert_coding("br").assert_header("x-other", "stays");
    for name in ["accept-ranges", "content-digest", "repr-digest"] {
        encoded.assert_no_header(name);
        assert!(get(&app, "identity").await.header(name).is_some(), "{name}");
    }
}

#[actix_web::test]
async fn every_response_names_the_header_in_vary() {
    let app = app(SHORT).await;
    let miss = app.get("/").await;
    miss.assert_stored().assert_header("vary", "accept-encoding");
    let tag = miss.header("etag").unwrap();
    for accepted in ["identity", "br", "gzip;q=0"] {
        get(&app, accepted).await.assert_hit().assert_header("vary", "accept-encoding");
        let confirmed = get(&app, accepted).header("if-none-match", &tag).await;
        confirmed.assert_status(304).assert_header("vary", "accept-encoding");
    }
}
