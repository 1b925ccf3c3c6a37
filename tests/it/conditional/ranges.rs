//! `Range` (RFC 9110 14).

use actix_web::HttpResponse;
use cache_page::Reason;

use super::{BEFORE, CHANGED, Handler, on_miss_and_hit, tagged};
use crate::support::{Call, TestApp, pipeline};

#[actix_web::test]
async fn single_range_is_cut_and_any_other_gets_the_full_page() {
    for (range, status, content_range, body) in [
        ("bytes=0-0", 206, Some("bytes 0-0/10"), "0"),
        ("bytes=2-5", 206, Some("bytes 2-5/10"), "2345"),
        ("bytes=7-", 206, Some("bytes 7-9/10"), "789"),
        ("bytes=7-1000", 206, Some("bytes 7-9/10"), "789"),
        ("bytes=-3", 206, Some("bytes 7-9/10"), "789"),
        ("bytes=-1000", 206, Some("bytes 0-9/10"), "0123456789"),
        ("BYTES=0-1", 206, Some("bytes 0-1/10"), "01"),
        ("bytes=10-", 416, Some("bytes */10"), ""),
        ("bytes=99999999999999999999-", 416, Some("bytes */10"), ""),
        ("bytes=-0", 416, Some("bytes */10"), ""),
        ("bytes=0-1,3-4", 200, None, "0123456789"),
        ("bytes=5-2", 200, None, "0123456789"),
        ("lines=0-1", 200, None, "0123456789"),
        ("bytes=", 200, None, "0123456789"),
        ("bytes=-", 200, None, "0123456789"),
        ("bytes=0x1-2", 200, None, "0123456789"),
        ("0-1", 200, None, "0123456789"),
        ("", 200, None, "0123456789"),
    ] {
        for response in on_miss_and_hit(tagged, &[("range", range)]).await {
            response.assert_status(status).assert_body(body);
            assert_eq!(response.header("content-range").as_deref(), content_range, "{response:?}");
            // RFC 9110 15.3.7: a part has the headers that the full page would have.
            if status != 416 {
                response.assert_header("etag", "\"v1\"");
                assert!(response.header("date").is_some(), "{response:?}");
            }
        }
    }
}

#[actix_web::test]
async fn several_range_headers_get_the_full_page() {
    for response in on_miss_and_hit(tagged, &[("range", "bytes=0-1"), ("range", "bytes=3-4")]).await {
        response.assert_status(200);
    }
}

#[actix_web::test]
async fn if_none_match_is_evaluated_before_the_range() {
    for response in on_miss_and_hit(tagged, &[("range", "bytes=0-1"), ("if-none-match", "\"v1\"")]).await {
        response.assert_status(304);
    }
}

/// A client must not join parts of two versions.
#[actix_web::test]
async fn range_with_a_failed_precondition_gets_no_part() {
    for condition in [("if-match", "\"v0\""), ("if-match", "W/\"v1\""), ("if-unmodified-since", BEFORE)] {
        for response in on_miss_and_hit(tagged, &[("range", "bytes=5-"), condition]).await {
            response.assert_status(412).assert_body("").assert_no_header("content-range");
        }
    }
}

#[actix_web::test]
async fn range_with_a_fulfilled_precondition_gets_its_part() {
    for condition in [("if-match", "\"v0\", \"v1\""), ("if-match", "*"), ("if-unmodified-since", CHANGED)] {
        for response in on_miss_and_hit(tagged, &[("range", "bytes=5-"), condition]).await {
            response.assert_status(206).assert_body("56789");
        }
    }
}

#[actix_web::test]
async fn range_of_an_empty_page_gets_the_full_page() {
    let empty = |_: &Call| HttpResponse::Ok().body("");
    for range in ["bytes=-5", "bytes=0-", "bytes=0-0"] {
        for response in on_miss_and_hit(empty, &[("range", range)]).await {
            response.assert_status(200).assert_no_header("content-range");
        }
    }
}

#[actix_web::test]
async fn handler_can_refuse_ranges() {
    let refusing = |_: &Call| HttpResponse::Ok().insert_header(("accept-ranges", "None")).body("0123456789");
    for response in on_miss_and_hit(refusing, &[("range", "bytes=2-3")]).await {
        response.assert_status(200).assert_body("0123456789");
    }
}

#[actix_web::test]
async fn content_digest_is_sent_with_the_full_page_only() {
    let digested =
        |_: &Call| HttpResponse::Ok().insert_header(("content-digest", "sha-256=:x:")).body("0123456789");
    for response in on_miss_and_hit(digested, &[("range", "bytes=2-3")]).await {
        response.assert_status(206).assert_body("23").assert_no_header("content-digest");
    }
    for response in on_miss_and_hit(digested, &[]).await {
        response.assert_header("content-digest", "sha-256=:x:");
    }
}

#[actix_web::test]
async fn partial_response_of_the_handler_is_sent_as_it_is() {
    let app = TestApp::with_handler(|_| {
        HttpResponse::PartialContent()
            .insert_header(("content-range", "bytes 2-3/10"))
            .insert_header(("cache-control", "max-age=60"))
            .body("23")
    })
    .await;
    for run in 1..=2 {
        let response = app.get("/").header("range", "bytes=2-3").await;
        response.assert_not_stored(Reason::Status).assert_status(206).assert_body("23");
        response.assert_header("content-range", "bytes 2-3/10");
        assert_eq!(app.runs(), run);
    }
}

async fn stored_on_a_socket() -> TestApp {
    let app = TestApp::builder().handler(tagged).serve();
    app.get("/").await.assert_stored();
    app
}

#[actix_web::test]
async fn range_of_a_head_request_is_ignored_on_a_socket() {
    let app = stored_on_a_socket().await;
    for response in pipeline(&app.head("/").header("range", "bytes=2-3").times(2)).await {
        response.assert_hit().assert_status(200).assert_header("content-length", "10");
    }
}

#[actix_web::test]
async fn partial_response_has_its_own_length_on_a_socket() {
    let app = stored_on_a_socket().await;
    let part = app.get("/").header("range", "bytes=2-3").await;
    part.assert_hit().assert_status(206).assert_body("23").assert_header("content-length", "2");
    let none = app.get("/").header("range", "bytes=10-").await;
    none.assert_hit().assert_status(416).assert_body("").assert_header("content-range", "bytes */10");
}

/// Clients resume a download or seek in a video where the page says that it has ranges.
#[actix_web::test]
async fn page_that_is_not_text_has_accept_ranges() {
    for (media_type, expected) in [
        ("video/mp4", Some("bytes")),
        ("application/pdf", Some("bytes")),
        ("application/octet-stream", Some("bytes")),
        ("text/html; charset=utf-8", None),
        ("application/json", None),
        ("image/svg+xml", None),
    ] {
        let app = TestApp::with_handler(move |_| {
            HttpResponse::Ok().insert_header(("content-type", media_type)).body("0123456789")
        })
        .await;
        for _ in 0..2 {
            let response = app.get("/").await;
            assert_eq!(response.header("accept-ranges").as_deref(), expected, "{response:?}");
        }
    }
    for response in on_miss_and_hit(tagged, &[("range", "bytes=2-3")]).await {
        response.assert_status(206).assert_header("accept-ranges", "bytes");
    }
}

#[actix_web::test]
async fn response_without_ranges_has_no_accept_ranges() {
    let handlers: [Handler; 3] = [
        |_| HttpResponse::Ok().finish(),
        |_| HttpResponse::NotFound().insert_header(("cache-control", "max-age=9")).body("none"),
        |_| HttpResponse::Ok().insert_header(("cache-control", "no-store")).body("0123456789"),
    ];
    for handler in handlers {
        let app = TestApp::with_handler(handler).await;
        for _ in 0..2 {
            app.get("/").await.assert_no_header("accept-ranges");
        }
    }
}

#[actix_web::test]
async fn accept_ranges_of_the_handler_is_not_changed() {
    let own = |_: &Call| HttpResponse::Ok().insert_header(("accept-ranges", "none")).body("0123456789");
    for response in on_miss_and_hit(own, &[]).await {
        response.assert_header("accept-ranges", "none");
    }
}
