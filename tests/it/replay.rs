//! What comes back from a kept page.

use std::time::{Duration, SystemTime};

use actix_web::{
    HttpResponse,
    http::header::HttpDate,
    test::{TestRequest, call_service},
};

use crate::legacy::{Server, app_answering, get};

#[actix_web::test]
async fn headers_come_back_byte_for_byte_and_in_order() {
    let (app, _, _) = app_answering(|| {
        HttpResponse::Ok()
            .append_header(("x-unknown", "b"))
            .append_header(("x-unknown", "a"))
            .append_header(("x-unknown", "b"))
            .append_header(("x-empty", ""))
            .append_header(("link", "<a>; rel=x, <b>; rel=\"y, z\""))
            .append_header(("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"))
            .append_header(("etag", "\"own\""))
            .append_header(("cache-status", "upstream; hit"))
            .append_header(("cache-control", "public , max-age=7"))
            .body(vec![0_u8, 255, 10, 13])
    })
    .await;
    let (first, second) = (get(&app, "/").await, get(&app, "/").await);
    assert!(second.is_hit() || second.outcome().starts_with("upstream; hit, cache_page; hit"));
    assert_eq!(first.lasting_headers(), second.lasting_headers());
    assert_eq!(first.body, second.body);
    assert_eq!(second.header("x-unknown").as_deref(), Some("b, a, b"));
    assert_eq!(second.header("cache-control").as_deref(), Some("public , max-age=7"));
    assert_eq!(second.header("etag").as_deref(), Some("\"own\""));
    assert_eq!(second.header("cache-status").as_deref(), Some("upstream; hit, cache_page; hit; ttl=7"));
}

#[actix_web::test]
async fn what_was_about_the_connection_does_not_come_back() {
    const GONE: [&str; 12] = [
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-authentication-info",
        "content-length",
        "x-hop",
        "x-hop-too",
    ];
    let (app, _, _) = app_answering(|| {
        let mut response = HttpResponse::Ok();
        for name in GONE {
            response
                .append_header((name, if name == "connection" { "close, X-Hop ,x-hop-too" } else { "x" }));
        }
        response.append_header(("x-end", "stays")).body("page")
    })
    .await;
    let first = get(&app, "/").await;
    assert!(first.is_stored());
    assert_eq!(
        first.header("x-hop").as_deref(),
        Some("x"),
        "the client that made it gets what the handler sent"
    );
    let second = get(&app, "/").await;
    assert!(second.is_hit());
    for name in GONE {
        assert_eq!(second.header(name), None, "{name}");
    }
    assert_eq!(second.header("x-end").as_deref(), Some("stays"));
}

/// Words of an author's own after the status.
#[actix_web::test]
async fn the_reason_phrase_comes_back() {
    let (app, _, _) = app_answering(|| HttpResponse::Ok().reason("Fine By Me").finish()).await;
    for _ in 0..2 {
        let response = call_service(&app, TestRequest::get().to_request()).await;
        assert_eq!(response.response().head().reason(), "Fine By Me");
    }
}

#[actix_web::test]
async fn age_and_date_are_those_of_the_fill() {
    let (app, _, clock) = app_answering(|| HttpResponse::Ok().body("page")).await;
    let first = get(&app, "/").await;
    clock.advance(Duration::from_secs(42));
    let second = get(&app, "/").await;
    assert_eq!(second.header("age").as_deref(), Some("42"));
    assert_eq!(second.header("date"), first.header("date"));
    let date: HttpDate = second.header("date").unwrap().parse().unwrap();
    assert!(SystemTime::now().duration_since(date.into()).unwrap_or_default() < Duration::from_secs(60));
}

#[actix_web::test]
async fn age_from_elsewhere_is_counted_in() {
    let (app, _, clock) = app_answering(|| {
        HttpResponse::Ok()
            .insert_header(("age", "30"))
            .insert_header(("cache-control", "max-age=100"))
            .finish()
    })
    .await;
    assert_eq!(get(&app, "/").await.header("age").as_deref(), Some("30"));
    clock.advance(Duration::from_secs(5));
    let hit = get(&app, "/").await;
    assert_eq!(hit.header("age").as_deref(), Some("35"));
    assert_eq!(hit.outcome(), "cache_page; hit; ttl=65");
}

#[actix_web::test]
async fn a_handlers_own_expiry_is_not_contradicted() {
    let (app, _, _) = app_answering(|| {
        let in_a_minute = HttpDate::from(SystemTime::now() + Duration::from_secs(60));
        HttpResponse::Ok().insert_header(("expires", in_a_minute.to_string())).finish()
    })
    .await;
    assert!(get(&app, "/").await.is_stored());
    let hit = get(&app, "/").await;
    assert!(hit.is_hit());
    assert_eq!(hit.header("cache-control"), None);
}

/// No body, an empty body and a body look on the wire as they did the first time; `HEAD` has none.
#[test]
fn bodies_on_the_wire() {
    use actix_web::{Responder, web};
    use cache_page::cache_page;

    #[cache_page(60)]
    async fn none() -> impl Responder {
        HttpResponse::MovedPermanently().insert_header(("location", "/some")).finish()
    }
    #[cache_page(60)]
    async fn empty() -> impl Responder {
        ""
    }
    #[cache_page(60)]
    async fn some() -> impl Responder {
        "page"
    }

    let server = Server::start(|config| {
        config.route("/none", web::to(none)).route("/empty", web::to(empty)).route("/some", web::to(some));
    });
    for path in ["/none", "/empty", "/some"] {
        let first = server.ask("GET", path, "");
        assert!(first.is_stored(), "{path}");
        let answers = server.ask_all("GET", &[path, path], "");
        for answer in answers {
            assert!(answer.is_hit(), "{path}");
            assert_eq!((answer.status, &answer.body), (first.status, &first.body), "{path}");
            let but_connection = |answer: &crate::legacy::Answer| {
                let mut lines = answer.lasting_headers();
                lines.retain(|(name, _)| name != "connection");
                lines
            };
            assert_eq!(but_connection(&answer), but_connection(&first), "{path}");
        }
        let head = server.ask("HEAD", path, "");
        assert!(head.is_hit(), "{path}");
        assert_eq!(head.header("content-length"), first.header("content-length"), "{path}");
    }
}
