//! What clients that want a part, or only what is kept, must not be given; and what a response keeps when it is cut.

use actix_web::{
    App, HttpRequest, HttpResponse,
    error::InternalError,
    test::{TestRequest, call_service, init_service},
    web,
};
use cache_page::{PageCache, cache_page};

use crate::legacy::{Answer, app_answering, asking, get, send};

fn second_version() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("etag", "\"v2\""))
        .insert_header(("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"))
        .body("0123456789")
}

/// The answer on a miss, and that on a hit.
async fn both(answer: fn() -> HttpResponse, headers: &[(&str, &str)]) -> [Answer; 2] {
    let (app, _, _) = app_answering(answer).await;
    let miss = send(&app, asking("/", headers)).await;
    let hit = send(&app, asking("/", headers)).await;
    assert!(miss.is_stored() && hit.is_hit(), "{headers:?}");
    [miss, hit]
}

/// A client that has a part of one version must not put a part of another behind it.
#[actix_web::test]
async fn parts_of_another_version() {
    for condition in [
        ("if-match", "\"v1\""),
        ("if-match", "W/\"v2\""),
        ("if-unmodified-since", "Sun, 06 Nov 1994 08:49:36 GMT"),
    ] {
        for answer in both(second_version, &[("range", "bytes=5-"), condition]).await {
            assert_eq!((answer.status, answer.text()), (200, "0123456789"), "{condition:?}");
        }
    }
}

#[actix_web::test]
async fn parts_of_nothing() {
    for range in ["bytes=-5", "bytes=0-", "bytes=0-0"] {
        for answer in both(|| HttpResponse::Ok().body(""), &[("range", range)]).await {
            assert_eq!((answer.status, answer.header("content-range")), (200, None), "{range}");
        }
    }
}

#[actix_web::test]
async fn parts_that_the_handler_does_not_want_made() {
    let refusing = || HttpResponse::Ok().insert_header(("accept-ranges", "None")).body("0123456789");
    for answer in both(refusing, &[("range", "bytes=2-3")]).await {
        assert_eq!((answer.status, answer.text()), (200, "0123456789"));
    }
    let digested = || HttpResponse::Ok().insert_header(("content-digest", "sha-256=:x:")).body("0123456789");
    for answer in both(digested, &[("range", "bytes=2-3")]).await {
        assert_eq!((answer.status, answer.text(), answer.header("content-digest")), (206, "23", None));
    }
    for answer in both(digested, &[]).await {
        assert_eq!(answer.header("content-digest").as_deref(), Some("sha-256=:x:"));
    }
}

/// Middleware may look for what a handler left in its response, however little of it the client wants.
#[actix_web::test]
async fn what_is_cut_keeps_what_is_not_sent() {
    let (app, _, _) = app_answering(|| {
        let mut response = second_version();
        response.extensions_mut().insert("left by the handler");
        response
    })
    .await;
    let request = TestRequest::get().insert_header(("if-none-match", "\"v2\"")).to_request();
    let response = call_service(&app, request).await;
    assert_eq!(response.status(), 304);
    assert_eq!(response.response().extensions().get::<&str>(), Some(&"left by the handler"));

    let (app, _, _) = app_answering(|| {
        let mut lasting = HttpResponse::Ok();
        lasting.insert_header(("cache-control", "max-age=60")).insert_header(("etag", "\"v2\""));
        HttpResponse::from_error(InternalError::from_response("failed", lasting.body("0123456789")))
    })
    .await;
    let request = TestRequest::get().insert_header(("if-none-match", "\"v2\"")).to_request();
    let response = call_service(&app, request).await;
    assert_eq!((response.status().as_u16(), response.response().error().is_some()), (200, true));
}

/// No handler runs for a client that only takes what is kept, whatever keeps its request from the cache.
#[actix_web::test]
async fn only_what_is_kept() {
    #[cache_page(60, bypass_if = |request| request.path() == "/never")]
    async fn page(_request: HttpRequest) -> &'static str {
        "page"
    }
    let cache = PageCache::builder().honor_request_cache_control(true).build();
    let app = init_service(App::new().app_data(cache).default_service(web::to(page))).await;
    let long = format!("/?{}", "x".repeat(9000));
    for (uri, header) in [
        ("/", ("x-none", "")),
        ("/never", ("x-none", "")),
        (&*long, ("x-none", "")),
        ("/", ("cookie", "a=b")),
        ("/", ("cache-control", "no-store")),
    ] {
        let answer = send(&app, asking(uri, &[("cache-control", "only-if-cached"), header])).await;
        assert_eq!((answer.status, answer.text()), (504, ""), "{header:?}");
        assert!(answer.outcome().ends_with("detail=only-if-cached"), "{}", answer.outcome());
    }
    assert!(get(&app, "/").await.is_stored());
    assert!(send(&app, asking("/", &[("cache-control", "only-if-cached")])).await.is_hit());
    let post = TestRequest::post().uri("/").insert_header(("cache-control", "only-if-cached"));
    assert_eq!(send(&app, post).await.text(), "page");
}

/// Middleware that knows one line of `Vary` must find all of it there.
#[actix_web::test]
async fn vary_is_on_one_line() {
    let answer = || {
        HttpResponse::Ok()
            .append_header(("vary", "accept"))
            .append_header(("vary", "accept-language"))
            .body("page")
    };
    let (app, _, _) = app_answering(answer).await;
    for _ in 0..2 {
        let answer = get(&app, "/").await;
        let lines: Vec<_> = answer.headers.get_all("vary").collect();
        assert_eq!(lines, ["accept, accept-language"]);
    }
}
