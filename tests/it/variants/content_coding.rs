//! Pages that a middleware compresses after the cache, and handlers that compress by themselves.

use std::io::Write as _;

use actix_web::{
    HttpRequest, HttpResponse, Responder, get,
    middleware::{Compress, Logger},
    route,
    web::{self, ServiceConfig},
};
use cache_page::{Outcome, cache_page};
use flate2::{Compression, write::GzEncoder};

use crate::support::{TestApp, TestRequest, TestResponse, pipeline};

fn text() -> String {
    "This text is long enough for compression, because it repeats itself. ".repeat(5)
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[route("/plain", method = "GET", method = "HEAD")]
#[cache_page(60)]
async fn plain() -> impl Responder {
    HttpResponse::Ok().insert_header(("content-type", "text/html")).body(text())
}

/// Compresses by itself, and sends `Vary`.
#[route("/encoded", method = "GET", method = "HEAD")]
#[cache_page(60)]
async fn encoded(#[unkeyed] request: HttpRequest) -> impl Responder {
    let accepts_gzip = request.headers().get("accept-encoding").is_some_and(|value| value == "gzip");
    let mut response = HttpResponse::Ok();
    response.insert_header(("vary", "accept-encoding"));
    if accepts_gzip {
        response.insert_header(("content-encoding", "gzip")).body(gzip(&text()))
    } else {
        response.body(text())
    }
}

fn pages(config: &mut ServiceConfig) {
    config.service(plain).service(encoded);
}

fn pages_in_a_compressed_scope(config: &mut ServiceConfig) {
    config.service(web::scope("").wrap(Compress::default()).configure(pages));
}

struct Site {
    name: &'static str,
    app: TestApp,
    /// Whether a middleware compresses all pages.
    compresses: bool,
}

async fn sites() -> [Site; 3] {
    let around_the_app = TestApp::builder().configure(pages).wrap(Compress::default).start().await;
    let in_a_scope = TestApp::builder().configure(pages_in_a_compressed_scope).wrap(Logger::default);
    let without = TestApp::builder().configure(pages).wrap(Logger::default).start().await;
    [
        Site { name: "Compress around the App", app: around_the_app, compresses: true },
        Site { name: "Compress around a scope", app: in_a_scope.start().await, compresses: true },
        Site { name: "no Compress", app: without, compresses: false },
    ]
}

/// The values of `Accept-Encoding`, in two orders: the first one decides what is stored first.
const ORDERS: [[Option<&str>; 6]; 2] = [
    [Some("gzip"), Some("identity"), None, Some("gzip"), Some("identity"), None],
    [Some("identity"), Some("gzip"), None, Some("gzip"), Some("identity"), None],
];

fn request(app: &TestApp, uri: &str, accepted: Option<&str>) -> TestRequest {
    accepted.iter().fold(app.get(uri), |request, accepted| request.header("accept-encoding", accepted))
}

/// Calls the check with a response to each request: of each site, each path and each client, on misses and hits.
async fn for_all(check: impl AsyncFn(&str, TestRequest, TestResponse, bool)) {
    for Site { name, app, compresses } in sites().await {
        for path in ["/plain", "/encoded"] {
            for (number, order) in ORDERS.into_iter().enumerate() {
                for accepted in order {
                    let request = request(&app, &format!("{path}?{number}"), accepted);
                    let response = request.clone().await;
                    let is_encoded = accepted == Some("gzip") && (compresses || path == "/encoded");
                    check(name, request, response, is_encoded).await;
                }
            }
        }
    }
}

#[actix_web::test]
async fn client_gets_only_content_codings_that_it_accepts() {
    for_all(async |site, _, response, is_encoded| {
        response.assert_status(200);
        assert_eq!(response.decoded(), text(), "{site}: {response:?}");
        assert_eq!(response.header("content-encoding").is_some(), is_encoded, "{site}: {response:?}");
        if is_encoded {
            let vary = response.header("vary").unwrap_or_default().to_lowercase();
            assert!(vary.contains("accept-encoding"), "{site}: {response:?}");
        }
    })
    .await;
}

#[actix_web::test]
async fn page_compressed_by_a_middleware_is_stored_once() {
    for Site { name, app, .. } in sites().await {
        for accepted in ORDERS.into_iter().flatten() {
            request(&app, "/plain", accepted).await.assert_status(200);
        }
        assert_eq!((app.count(Outcome::Stored), app.pages()), (1, 1), "{name}");
    }
}

#[actix_web::test]
async fn page_compressed_by_its_handler_is_stored_for_each_client() {
    for Site { name, app, .. } in sites().await {
        for accepted in ORDERS.into_iter().flatten() {
            request(&app, "/encoded", accepted).await.assert_status(200);
        }
        assert_eq!((app.count(Outcome::Stored), app.pages()), (3, 3), "{name}");
    }
}

/// The bytes of two clients may differ, so the entity tag is weak.
#[actix_web::test]
async fn entity_tag_is_weak_and_revalidates_a_compressed_page() {
    for_all(async |site, request, response, _| {
        let etag = response.header("etag").unwrap_or_default();
        assert!(etag.starts_with("W/"), "{site}: {response:?}");
        let revalidation = request.header("if-none-match", &etag).await;
        revalidation.assert_hit().assert_status(304).assert_body("");
        revalidation.assert_header("etag", &etag).assert_no_header("content-encoding");
    })
    .await;
}

/// The cache does not know the ranges of what a middleware compresses.
#[actix_web::test]
async fn range_is_not_cut_of_what_a_middleware_may_compress() {
    for_all(async |site, request, full, _| {
        let accepts_gzip = request.to_string().contains("gzip");
        // What the handler has encoded stays as it is.
        let is_cut = !accepts_gzip || request.to_string().contains("/encoded");
        for (range, status, body) in [("bytes=2-5", 206, &full.body[2..6]), ("bytes=9999999-", 416, b"")] {
            let response = request.clone().header("range", range).await;
            response.assert_hit();
            if is_cut {
                response.assert_status(status).assert_body(body);
            } else {
                assert_eq!((response.status, response.decoded()), (200, text()), "{site}: {response:?}");
            }
        }
    })
    .await;
}

/// A part has the bytes of the full response, whatever `Compress` does to that.
#[actix_web::test]
async fn range_of_any_media_type_is_part_of_the_full_response() {
    let types = [
        ("image/png", 206),
        ("IMAGE/WEBP", 206),
        ("video/mp4", 206),
        ("video/mp4; codecs=\"avc1\"", 206),
        ("image/svg+xml", 200),
        ("audio/mpeg", 200),
        ("application/pdf", 200),
        ("application/octet-stream", 200),
        ("text/html", 200),
        ("image", 200),
        ("", 200),
    ];
    for (media_type, status) in types {
        let app = TestApp::builder().wrap(Compress::default).handler(move |_| {
            let mut response = HttpResponse::Ok();
            response.insert_header(("content-type", media_type)).body(text())
        });
        let app = app.start().await;
        let full = app.get("/").header("accept-encoding", "gzip").await;
        full.assert_stored();
        assert_eq!(full.header("content-encoding").is_none(), status == 206, "{full:?}");
        for accepted in ["gzip", "br, gzip;q=0.5", "*"] {
            let part = app.get("/").header("accept-encoding", accepted).header("range", "bytes=40-").await;
            part.assert_hit().assert_status(status);
            if status == 206 {
                part.assert_body(&full.body[40..]).assert_no_header("content-encoding");
            } else {
                assert_eq!(part.decoded(), text(), "{part:?}");
            }
        }
        let part = app.get("/").header("range", "bytes=40-").await;
        part.assert_hit().assert_status(206).assert_body(&text()[40..]);
    }
}

/// A strong entity tag, which a middleware that compresses passes on.
#[get("/")]
#[cache_page(60)]
async fn with_a_strong_tag() -> impl Responder {
    HttpResponse::Ok().insert_header(("etag", "\"strong\"")).body(text())
}

async fn resumed_download(accepted: &str) -> TestResponse {
    let app = TestApp::builder().configure(|config| {
        config.service(with_a_strong_tag);
    });
    let app = app.wrap(Compress::default).start().await;
    let first = app.get("/").header("accept-encoding", accepted).await;
    assert_eq!(first.decoded(), text(), "{first:?}");
    app.get("/")
        .header("accept-encoding", accepted)
        .header("range", "bytes=40-")
        .header("if-range", "\"strong\"")
        .await
}

/// What the client has is compressed, what the cache has is not: their bytes cannot be joined.
#[actix_web::test]
async fn resumed_download_of_a_compressed_page_gets_the_full_page() {
    for accepted in
        ["gzip", "gzip, deflate, br", "GZIP;q=0.5", "*", "identity;q=0.1, gzip", "deflate;q=0, gzip;q=1"]
    {
        let response = resumed_download(accepted).await;
        response.assert_status(200);
        assert_eq!(response.decoded(), text(), "{response:?}");
    }
}

/// Browsers accept no coding where they request a range.
#[actix_web::test]
async fn resumed_download_without_a_coding_gets_the_rest() {
    for accepted in ["identity", "", "identity;q=1, *;q=0", "Identity, gzip;q=0.000"] {
        resumed_download(accepted).await.assert_status(206).assert_body(&text()[40..]);
    }
}

/// A body where the client expects none would be read as the next response.
#[actix_web::test]
async fn compressed_responses_on_one_connection_are_framed_correctly() {
    let app = TestApp::builder().configure(pages_in_a_compressed_scope).serve();
    for headers in [&[("accept-encoding", "gzip")][..], &[], &[("accept-encoding", "identity")]] {
        let paths = ["/plain", "/encoded", "/plain"];
        for response in pipeline(&paths.map(|path| app.get(path).headers(headers))).await {
            assert_eq!(response.decoded(), text(), "{response:?}");
            let is_encoded = response.header("content-encoding").is_some();
            assert_eq!(is_encoded, headers.contains(&("accept-encoding", "gzip")), "{response:?}");
        }
        for head in pipeline(&paths.map(|path| app.head(path).headers(headers))).await {
            head.assert_hit().assert_status(200);
        }
        for revalidation in
            pipeline(&app.get("/plain").headers(headers).header("if-none-match", "*").times(2)).await
        {
            revalidation.assert_hit().assert_status(304);
        }
    }
}
