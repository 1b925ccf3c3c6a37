//! Which representation a client is sent (RFC 9110 12.5.3).

use super::{ALL, LONG, SHORT, app, encoded, get, html, in_coding};

#[actix_web::test]
async fn client_is_sent_the_coding_that_it_accepts() {
    for length in [SHORT, LONG] {
        let app = app(length).await;
        app.get("/").await.assert_stored().assert_coding(None);
        let text = html(1, length);
        for coding in ["gzip", "br", "zstd"] {
            let response = in_coding(&get(&app, coding), coding).await;
            response.assert_hit().assert_header("vary", "accept-encoding");
            response.assert_header("content-type", "text/html; charset=utf-8");
            assert_eq!(response.decoded(), text, "{coding}");
            assert!(response.body.len() < text.len() / 2, "{coding}: {} bytes", response.body.len());
            let identity = app.get("/").await;
            identity.assert_hit().assert_coding(None).assert_body(&text);
        }
        assert_eq!((app.runs(), app.cache().stats().encodings(), app.pages()), (1, 3, 1));
    }
}

#[actix_web::test]
async fn best_coding_by_weight_and_then_by_size_is_sent() {
    let app = app(SHORT).await;
    app.get("/").await.assert_stored();
    for (accepted, coding) in [
        (ALL, Some("br")),
        ("gzip, zstd", Some("zstd")),
        ("gzip;q=0.9, br;q=0.8", Some("gzip")),
        ("*", Some("br")),
        ("*;q=0.5, gzip;q=0.6", Some("gzip")),
        ("x-gzip", Some("gzip")),
        ("identity;q=0", None),
        ("identity;q=0, gzip;q=0.1", Some("gzip")),
        ("identity, gzip;q=0.5", None),
        ("identity", None),
        ("", None),
        ("br;q=0", None),
        ("deflate", None),
        ("br;q=1.5", None),
    ] {
        let response = get(&app, accepted).await;
        response.assert_hit().assert_status(200).assert_coding(coding);
        assert_eq!(response.decoded(), html(1, SHORT), "{accepted}");
    }
    assert_eq!((app.pages(), app.cache().stats().encodings()), (1, 3));
}

#[actix_web::test]
async fn all_spellings_share_one_body() {
    let app = app(SHORT).await;
    app.get("/").await.assert_stored();
    let bodies: Vec<_> =
        ["br", "BR", "gzip;q=0.5,br", "br ; q=1.0", "br, *;q=0", "*, gzip;q=0, zstd;q=0"].into();
    let first = get(&app, bodies[0]).await;
    for accepted in bodies {
        let response = get(&app, accepted).await;
        response.assert_hit().assert_coding("br").assert_body(&first.body);
    }
    assert_eq!(app.cache().stats().encodings(), 1);
}

/// A shorter body than that of the page is sent while the preferred one is not there.
#[actix_web::test]
async fn nobody_waits_for_the_encoder() {
    let app = app(LONG).await;
    app.get("/").await.assert_stored();
    get(&app, "zstd").await.assert_hit().assert_coding(None).assert_body(html(1, LONG));
    in_coding(&get(&app, "zstd"), "zstd").await.assert_hit();
    get(&app, "br, zstd").await.assert_hit().assert_coding("zstd");
    in_coding(&get(&app, "br, zstd"), "br").await.assert_hit();
    encoded(&app, 2).await;
}

#[actix_web::test]
async fn response_of_the_handler_is_sent_as_it_is() {
    let app = app(SHORT).await;
    let miss = get(&app, ALL).await;
    miss.assert_stored().assert_coding(None).assert_header("vary", "accept-encoding");
    let hit = get(&app, "identity").await;
    assert_eq!(hit.assert_hit().stored_headers(), miss.stored_headers());
}

/// The socket shows what `Content-Length` says.
#[actix_web::test]
async fn head_request_has_the_headers_of_the_encoded_page() {
    let app = crate::support::TestApp::builder().cache(|cache| cache.compress(true));
    let app = app.handler(super::html_of(SHORT)).serve();
    app.get("/").await.assert_stored();
    for accepted in [ALL, "gzip", "identity"] {
        let full = get(&app, accepted).await;
        let head = app.head("/").header("accept-encoding", accepted).await;
        head.assert_hit().assert_status(200);
        assert_eq!(head.stored_headers(), full.stored_headers(), "{accepted}");
        assert_eq!(full.header("content-length"), Some(full.body.len().to_string()), "{full:?}");
    }
}
