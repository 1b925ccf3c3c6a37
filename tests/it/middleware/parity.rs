//! A middleware does with a response what the attribute does with that of an anonymous-only handler.

use actix_web::{
    HttpRequest, HttpResponse,
    error::ErrorBadRequest,
    http::{Method, StatusCode},
    web,
};
use cache_page::{PageCacheMiddleware, cache_page};

use crate::support::{AnyHeader, TestApp};

/// With a tag, because writes purge the pages of a middleware.
#[cache_page(60, tags = ["all"])]
async fn with_attribute(request: AnyHeader) -> HttpResponse {
    respond(&request.0)
}

async fn without_attribute(request: HttpRequest) -> HttpResponse {
    respond(&request)
}

const PATHS: [&str; 14] = [
    "/plain",
    "/etag",
    "/modified",
    "/max-age",
    "/private",
    "/cookie",
    "/vary",
    "/vary-all",
    "/missing",
    "/moved",
    "/failed",
    "/nonce",
    "/twice",
    "/error",
];

const LAST_MODIFIED: &str = "Tue, 15 Nov 1994 12:45:26 GMT";

const HEADERS: [&[(&str, &str)]; 8] = [
    &[],
    &[("if-none-match", "*")],
    &[("if-none-match", "\"own\"")],
    &[("if-modified-since", LAST_MODIFIED)],
    &[("range", "bytes=2-5")],
    &[("range", "bytes=900-")],
    &[("accept-language", "de")],
    &[("cookie", "a=b")],
];

/// Returns another response for each of [`PATHS`].
fn respond(request: &HttpRequest) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    match request.path() {
        "/etag" => response.insert_header(("etag", "\"own\"")),
        "/modified" => response.insert_header(("last-modified", LAST_MODIFIED)),
        "/max-age" => response.insert_header(("cache-control", "public, max-age=10")),
        "/private" => response.insert_header(("cache-control", "private")),
        "/cookie" => response.insert_header(("set-cookie", "a=b")),
        "/vary" => response.insert_header(("vary", "accept-language")),
        "/vary-all" => response.insert_header(("vary", "*")),
        "/missing" => response.status(StatusCode::NOT_FOUND),
        "/moved" => response.status(StatusCode::MOVED_PERMANENTLY).insert_header(("location", "/")),
        "/failed" => response.status(StatusCode::BAD_GATEWAY),
        "/nonce" => response.insert_header(("content-security-policy", "script-src 'nonce-abc'")),
        "/twice" => response.append_header(("x-twice", "1")).append_header(("x-twice", "2")),
        "/error" => return ErrorBadRequest("fails on purpose").error_response(),
        _ => &mut response,
    };
    response.body("a page that is longer than nothing")
}

/// The same application with the attribute and with the middleware, on one clock.
async fn pair() -> [TestApp; 2] {
    let attribute = TestApp::builder().configure(|config| {
        config.default_service(web::to(with_attribute));
    });
    let attribute = attribute.start().await;
    let middleware = TestApp::builder().clock(attribute.clock()).configure(|config| {
        config.default_service(web::to(without_attribute));
    });
    [attribute, middleware.wrap(|| PageCacheMiddleware::new(60)).start().await]
}

#[actix_web::test]
async fn middleware_responds_as_the_attribute_does() {
    let [attribute, middleware] = pair().await;
    for path in PATHS {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::GET, Method::POST] {
            for headers in HEADERS {
                let send = async |app: &TestApp| app.request(method.clone(), path).headers(headers).await;
                let (one, other) = (send(&attribute).await, send(&middleware).await);
                // The middleware fills for a HEAD.
                if method == Method::HEAD && !one.is_hit() {
                    continue;
                }
                let both = format!("{one:?}\n{other:?}");
                assert_eq!(one.status, other.status, "{both}");
                assert_eq!(one.stored_headers(), other.stored_headers(), "{both}");
                assert_eq!(one.header("age"), other.header("age"), "{both}");
                assert_eq!(one.text(), other.text(), "{both}");
            }
            attribute.advance(1);
        }
    }
}

#[actix_web::test]
async fn middleware_reports_the_outcomes_of_the_attribute() {
    let [attribute, middleware] = pair().await;
    for _ in 0..20 {
        for path in ["/plain", "/max-age", "/moved", "/missing"] {
            let (one, other) = (attribute.get(path).await, middleware.get(path).await);
            assert_eq!(one.cache_status(), other.cache_status(), "{path}");
            assert_eq!(one.header("age"), other.header("age"), "{path}");
        }
        attribute.advance(7);
    }
}
