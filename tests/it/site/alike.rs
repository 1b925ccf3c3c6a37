//! What the middleware tells of a page is what the attribute tells of an open one.

use super::*;

#[cache_page(60)]
async fn by_attribute(request: HttpRequest) -> HttpResponse {
    answer(&request)
}

async fn by_middleware(request: HttpRequest) -> HttpResponse {
    answer(&request)
}

/// Each path is another answer.
fn answer(request: &HttpRequest) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    match request.path() {
        "/etag" => response.insert_header(("etag", "\"own\"")),
        "/modified" => response.insert_header(("last-modified", "Tue, 15 Nov 1994 12:45:26 GMT")),
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
        "/error" => return actix_web::error::ErrorBadRequest("no").error_response(),
        _ => &mut response,
    };
    response.body("a page that is longer than nothing")
}

#[actix_web::test]
async fn every_answer_to_every_request() {
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
    const LINES: [&[(&str, &str)]; 8] = [
        &[],
        &[("if-none-match", "*")],
        &[("if-none-match", "\"own\"")],
        &[("if-modified-since", "Tue, 15 Nov 1994 12:45:26 GMT")],
        &[("range", "bytes=2-5")],
        &[("range", "bytes=900-")],
        &[("accept-language", "de")],
        &[("cookie", "a=b")],
    ];
    let clock = ManualClock::new();
    let cache = || PageCache::builder().clock(clock.clone()).build();
    let app = App::new().app_data(cache()).default_service(web::to(by_attribute));
    let attribute = init_service(app).await;
    let app = App::new()
        .app_data(cache())
        .wrap(PageCacheMiddleware::new(60))
        .default_service(web::to(by_middleware));
    let middleware = init_service(app).await;
    for path in PATHS {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::GET, Method::POST] {
            for lines in LINES {
                let request = || asking(path, lines).method(method.clone());
                let (one, other) = (send(&attribute, request()).await, send(&middleware, request()).await);
                let about = format!("{method} {path} {lines:?}");
                assert_eq!(one.status, other.status, "{about}");
                assert_eq!(one.lasting_headers(), other.lasting_headers(), "{about}");
                assert_eq!(one.header("age"), other.header("age"), "{about}");
                assert_eq!(one.text(), other.text(), "{about}");
            }
            clock.advance(seconds(1));
        }
    }
}

/// The status line and the time of each are the same over the whole life of a page.
#[actix_web::test]
async fn over_time() {
    let clock = ManualClock::new();
    let cache = || PageCache::builder().clock(clock.clone()).build();
    let app = App::new().app_data(cache()).default_service(web::to(by_attribute));
    let attribute = init_service(app).await;
    let app = App::new()
        .app_data(cache())
        .wrap(PageCacheMiddleware::new(60))
        .default_service(web::to(by_middleware));
    let middleware = init_service(app).await;
    for _ in 0..20 {
        for path in ["/plain", "/max-age", "/moved", "/missing"] {
            let (one, other) = (get(&attribute, path).await, get(&middleware, path).await);
            assert_eq!((one.outcome(), one.header("age")), (other.outcome(), other.header("age")), "{path}");
        }
        clock.advance(seconds(7));
    }
}
