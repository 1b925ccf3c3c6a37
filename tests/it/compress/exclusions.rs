//! Pages that are not encoded.

use actix_web::{HttpResponse, Responder, get, http::header::ContentType};
use cache_page::{Policy, cache_page};

use super::{ALL, SHORT, get, html, with_handler};
use crate::support::{Origin, TestApp};

/// Checks that a page with this header is not encoded, and does not vary by `Accept-Encoding`.
async fn assert_not_encoded(name: &'static str, value: &'static str) {
    let app =
        with_handler(move |call| HttpResponse::Ok().insert_header((name, value)).body(html(call.run, SHORT)))
            .await;
    app.get("/").await.assert_stored();
    for accepted in [ALL, "gzip"] {
        let response = get(&app, accepted).await;
        assert_eq!(response.body, html(1, SHORT), "{name}: {value}");
        response.assert_hit().assert_coding(None).assert_no_header("vary");
    }
    assert_eq!(app.cache().stats().encodings(), 0, "{name}: {value}");
}

#[actix_web::test]
async fn formats_that_are_compressed_are_sent_as_they_are() {
    for value in ["image/png", "video/mp4", "font/woff2", "application/zip", "Application/GZip; a=b"] {
        assert_not_encoded("content-type", value).await;
    }
}

#[actix_web::test]
async fn response_that_forbids_it_is_not_encoded() {
    assert_not_encoded("cache-control", "max-age=60, no-transform").await;
    assert_not_encoded("signature", "sig1=:YQ==:").await;
}

#[actix_web::test]
async fn no_transform_holds_beside_a_targeted_field() {
    let name = actix_web::http::header::HeaderName::from_static("x-cache");
    let app = TestApp::builder().cache(|cache| cache.compress(true).targeted_cache_control(name));
    let app = app.handler(|call| {
        HttpResponse::Ok()
            .insert_header(("cache-control", "no-transform"))
            .insert_header(("x-cache", "max-age=60"))
            .body(html(call.run, SHORT))
    });
    let app = app.start().await;
    app.get("/").await.assert_stored();
    get(&app, ALL).await.assert_hit().assert_coding(None);
}

#[actix_web::test]
async fn short_body_is_sent_as_it_is() {
    for (length, coding) in [(859, None), (860, Some("br"))] {
        let app = with_handler(move |_| HttpResponse::Ok().body(html(1, length)[..length].to_owned())).await;
        app.get("/").await.assert_stored();
        get(&app, ALL).await.assert_hit().assert_coding(coding);
    }
}

#[actix_web::test]
async fn body_that_does_not_become_shorter_is_sent_as_it_is() {
    let mut number = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        number.to_le_bytes()[7]
    })
    .take(SHORT)
    .collect();
    let body = noise.clone();
    let app = with_handler(move |_| HttpResponse::Ok().body(body.clone())).await;
    app.get("/").await.assert_stored();
    for _ in 0..3 {
        get(&app, ALL).await.assert_hit().assert_coding(None).assert_body(&noise);
    }
    // Each coding was tried once.
    assert_eq!(app.cache().stats().encodings(), 3);
}

/// It is stored as it is, once for each value of `Accept-Encoding`.
#[actix_web::test]
async fn handler_that_negotiates_by_itself_is_left_alone() {
    let app = with_handler(|call| {
        let coding = call.header_values("accept-encoding").concat();
        let mut response = HttpResponse::Ok();
        if coding == "x-own" {
            response.insert_header(("content-encoding", "x-own"));
        }
        response.insert_header(("vary", "accept-encoding")).body(html(1, SHORT))
    })
    .await;
    for expected in [None, Some("x-own")] {
        let accepted = expected.unwrap_or("br");
        for _ in 0..2 {
            get(&app, accepted).await.assert_coding(expected).assert_body(html(1, SHORT));
        }
    }
    assert_eq!((app.pages(), app.cache().stats().encodings()), (2, 0));
}

#[get("/keyed/{name}")]
#[cache_page(60)]
async fn keyed(#[key] name: actix_web::web::Path<String>, origin: Origin) -> impl Responder {
    let run = origin.count();
    HttpResponse::Ok().insert_header(ContentType::html()).body(format!("{name}{}", html(run, SHORT)))
}

/// A page per session.
#[get("/session")]
#[cache_page(60, vary_cookie = ["session"])]
async fn session(origin: Origin) -> impl Responder {
    format!("a{}", html(origin.count(), SHORT))
}

#[get("/asked/{name}")]
#[cache_page(60, compress = true)]
async fn asked(#[key] name: actix_web::web::Path<String>, origin: Origin) -> impl Responder {
    let run = origin.count();
    HttpResponse::Ok().insert_header(ContentType::html()).body(format!("{name}{}", html(run, SHORT)))
}

/// The length of a response shows how much of it repeats itself (BREACH).
#[actix_web::test]
async fn page_of_one_visitor_is_only_encoded_if_its_handler_says_so() {
    let app = TestApp::builder().cache(|cache| cache.compress(true)).configure(|config| {
        config.service(keyed).service(session).service(asked);
    });
    let app = app.start().await;
    for (path, coding) in [("/keyed/a", None), ("/session", None), ("/asked/a", Some("br"))] {
        app.get(path).await.assert_stored();
        let response = app.get(path).header("accept-encoding", ALL).await;
        response.assert_hit().assert_coding(coding);
        assert!(response.decoded().starts_with('a'), "{response:?}");
    }
}

const QUIET: Policy = Policy::new(60).compress(false);

#[get("/quiet")]
#[cache_page(policy = QUIET)]
async fn quiet(origin: Origin) -> impl Responder {
    html(origin.count(), SHORT)
}

#[actix_web::test]
async fn policy_exempts_its_handlers() {
    let app = TestApp::builder().cache(|cache| cache.compress(true)).configure(|config| {
        config.service(quiet);
    });
    let app = app.start().await;
    app.get("/quiet").await.assert_stored().assert_no_header("vary");
    app.get("/quiet").header("accept-encoding", ALL).await.assert_hit().assert_coding(None);
}

#[actix_web::test]
async fn error_page_is_encoded_too() {
    let app = with_handler(|call| {
        HttpResponse::NotFound().insert_header(("cache-control", "max-age=60")).body(html(call.run, SHORT))
    })
    .await;
    app.get("/").await.assert_stored();
    let response = get(&app, ALL).await;
    response.assert_hit().assert_status(404).assert_coding("br");
    assert_eq!(response.decoded(), html(1, SHORT));
}
