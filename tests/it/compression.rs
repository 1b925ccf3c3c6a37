//! Pages that middleware compresses on their way out, and pages that come compressed.

use std::io::{Read as _, Write as _};

use actix_http::Request;
use actix_web::{
    App, Error, HttpRequest, HttpResponse, Responder,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    get,
    middleware::{Compress, Logger},
    route,
    test::init_service,
    web,
};
use cache_page::{Outcome, PageCache, cache_page};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};

use crate::legacy::{Answer, Server, asking, send};

const LONG: &str = "A page that is worth being compressed, for it says the same again and again. ";

fn long() -> String {
    LONG.repeat(5)
}

#[route("/long", method = "GET", method = "HEAD")]
#[cache_page(60)]
async fn compressible() -> impl Responder {
    HttpResponse::Ok().insert_header(("content-type", "text/html")).body(long())
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// A handler that brings its own encodings, and says so.
#[route("/encoded", method = "GET", method = "HEAD")]
#[cache_page(60)]
async fn encoded(#[unkeyed] request: HttpRequest) -> impl Responder {
    let accepts = request.headers().get("accept-encoding").is_some_and(|line| line == "gzip");
    let mut response = HttpResponse::Ok();
    response.insert_header(("vary", "accept-encoding"));
    if accepts {
        response.insert_header(("content-encoding", "gzip")).body(gzip(&long()))
    } else {
        response.body(long())
    }
}

fn pages(config: &mut web::ServiceConfig, cache: &PageCache) {
    config.app_data(cache.clone()).service(compressible).service(encoded);
}

/// What a client makes of an answer that it can decode.
fn decoded(answer: &Answer) -> String {
    match answer.header("content-encoding").as_deref() {
        None => answer.text().to_owned(),
        Some("gzip") => {
            let mut text = String::new();
            GzDecoder::new(&answer.body[..]).read_to_string(&mut text).unwrap();
            text
        }
        Some(other) => panic!("nobody asked for {other}"),
    }
}

/// Clients with and without an encoding take turns, and get what they can read: on a miss, on hits, and whatever else
/// they ask for.
async fn assert_readable<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
    compresses: bool,
) {
    for path in ["/long", "/encoded"] {
        for first in ["gzip", "identity"] {
            let uri = format!("{path}?{first}");
            let second = if first == "gzip" { "identity" } else { "gzip" };
            for accepted in [first, second, "none", "gzip", "identity", "none"] {
                let header = ("accept-encoding", accepted);
                let headers = if accepted == "none" { &[][..] } else { &[header] };
                let answer = send(app, asking(&uri, headers)).await;
                assert_eq!((answer.status, decoded(&answer)), (200, long()), "{uri} {accepted}");
                let encodes = accepted == "gzip" && (compresses || path == "/encoded");
                assert_eq!(answer.header("content-encoding").is_some(), encodes, "{uri} {accepted}");
                let etag = answer.header("etag").unwrap();
                assert!(etag.starts_with("W/"), "the bytes may differ, so the tag is weak");
                if encodes {
                    assert!(answer.header("vary").unwrap().to_lowercase().contains("accept-encoding"));
                }

                let with = |more| [headers, &[more]].concat();
                let known = send(app, asking(&uri, &with(("if-none-match", &etag)))).await;
                assert_eq!((known.status, known.text(), known.is_hit()), (304, "", true), "{uri} {accepted}");
                assert_eq!(known.header("content-encoding"), None);
                assert_eq!(known.header("etag").as_ref(), Some(&etag));

                for (range, status) in [("bytes=2-5", 206), ("bytes=9999999-", 416)] {
                    let part = send(app, asking(&uri, &with(("range", range)))).await;
                    let parts = (status, if status == 206 { long()[2..6].to_owned() } else { String::new() });
                    // What is encoded on the way out has no parts that the cache knows.
                    let expected = if accepted == "gzip" { (200, long()) } else { parts };
                    assert_eq!((part.status, decoded(&part)), expected, "{uri} {accepted} {range}");
                    assert!(part.is_hit(), "{uri} {accepted} {range}");
                }
            }
        }
    }
}

#[actix_web::test]
async fn compression_outside() {
    let cache = PageCache::new();
    let app = App::new().wrap(Compress::default()).configure(|config| pages(config, &cache));
    assert_readable(&init_service(app).await, true).await;
    // One page a URL where it is compressed outside; where the handler does it, one for each thing that clients say.
    assert_eq!((cache.stats().count(Outcome::Stored), cache.stats().pages()), (2 + 2 * 3, 2 + 2 * 3));
}

#[actix_web::test]
async fn compression_inside_a_scope() {
    let cache = PageCache::new();
    let scope = web::scope("").wrap(Compress::default()).configure(|config| pages(config, &cache));
    let app = App::new().wrap(Logger::default()).service(scope);
    assert_readable(&init_service(app).await, true).await;

    let app = App::new().wrap(Logger::default()).configure(|config| pages(config, &cache));
    assert_readable(&init_service(app).await, false).await;
}

#[test]
fn compression_over_a_socket() {
    let cache = PageCache::new();
    let server = Server::start(move |config| {
        config.service(web::scope("").wrap(Compress::default()).configure(|config| pages(config, &cache)));
    });
    for headers in ["Accept-Encoding: gzip\r\n", "", "Accept-Encoding: identity\r\n"] {
        for answer in server.ask_all("GET", &["/long", "/encoded", "/long"], headers) {
            assert_eq!(decoded(&answer), long(), "{headers}");
            assert_eq!(answer.header("content-encoding").is_some(), headers.contains("gzip"));
        }
        // A body after any of them would be taken for the next answer.
        let heads = server.ask_all("HEAD", &["/long", "/encoded", "/long"], headers);
        assert!(heads.iter().all(|head| (head.status, head.is_hit()) == (200, true)), "{headers}: {heads:?}");
        let known = server.ask_all("GET", &["/long", "/long"], &format!("{headers}If-None-Match: *\r\n"));
        assert!(
            known.iter().all(|known| (known.status, known.is_hit()) == (304, true)),
            "{headers}: {known:?}"
        );
    }
}

/// A download of a page that was encoded on the way out, although its tag is a strong one, goes on: the rest of it is not
/// to be had from the page as it is kept.
#[actix_web::test]
async fn a_compressed_download_that_broke_off() {
    #[get("/")]
    #[cache_page(60)]
    async fn page() -> impl Responder {
        HttpResponse::Ok().insert_header(("etag", "\"strong\"")).body(long())
    }
    let app = App::new().wrap(Compress::default()).app_data(PageCache::new()).service(page);
    let app = init_service(app).await;
    let rest = [("range", "bytes=40-"), ("if-range", "\"strong\"")];
    for accepted in
        ["gzip", "gzip, deflate, br", "GZIP;q=0.5", "*", "identity;q=0.1, gzip", "deflate;q=0, gzip;q=1"]
    {
        let accepted = ("accept-encoding", accepted);
        let first = send(&app, asking("/", &[accepted])).await;
        assert_eq!(decoded(&first), long());
        let second = send(&app, asking("/", &[&[accepted][..], &rest].concat())).await;
        assert_eq!((second.status, decoded(&second)), (200, long()), "{accepted:?}");
    }
    // Browsers ask for no encoding where they ask for a range.
    for accepted in ["identity", "", "identity;q=1, *;q=0", "Identity, gzip;q=0.000"] {
        let second = send(&app, asking("/", &[&[("accept-encoding", accepted)][..], &rest].concat())).await;
        assert_eq!((second.status, second.text()), (206, &long()[40..]), "{accepted:?}");
    }
}
