//! Variants by the `Vary` of responses from inside.

use std::io::Read as _;

use actix_web::{
    Error, HttpResponse,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderName, HeaderValue},
    middleware::{Compress, Next, from_fn},
    web,
};
use cache_page::PageCacheMiddleware;
use flate2::read::GzDecoder;

use crate::support::{Call, TestApp, TestResponse};

/// Replaces what the client claims to be its region.
async fn set_region(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let place = request.headers().get("x-place").map_or("nowhere", |place| place.to_str().unwrap());
    let region = HeaderValue::from_str(&format!("of {place}")).unwrap();
    request.headers_mut().insert(HeaderName::from_static("x-region"), region);
    next.call(request).await
}

fn region(call: &Call) -> HttpResponse {
    let region = call.header_values("x-region").concat();
    HttpResponse::Ok().insert_header(("vary", "x-region, x-place")).body(region)
}

async fn with_regions() -> TestApp {
    let app = TestApp::builder().uncached().handler(region).wrap(|| from_fn(set_region));
    app.wrap(|| PageCacheMiddleware::new(60)).start().await
}

#[actix_web::test]
async fn variant_is_selected_by_the_request_as_received() {
    let app = with_regions().await;
    for is_hit in [false, true] {
        for place in ["here", "there"] {
            let response = app.get("/").header("x-place", place).await;
            response.assert_body(format!("of {place}"));
            assert_eq!(response.is_hit(), is_hit, "{response:?}");
        }
    }
}

#[actix_web::test]
async fn forged_header_does_not_select_the_variant_of_another_region() {
    let app = with_regions().await;
    for _ in 0..2 {
        for place in ["here", "there"] {
            app.get("/").header("x-place", place).await.assert_body(format!("of {place}"));
        }
        let forged = app.get("/").header("x-place", "here").header("x-region", "of there").await;
        forged.assert_body("of here");
    }
}

async fn long() -> String {
    "a page ".repeat(100)
}

fn decoded(response: &TestResponse) -> String {
    if response.header("content-encoding").is_none() {
        return response.text().to_owned();
    }
    let mut text = String::new();
    GzDecoder::new(&*response.body).read_to_string(&mut text).unwrap();
    text
}

#[actix_web::test]
async fn page_that_is_compressed_inside_has_a_variant_per_encoding() {
    let app = TestApp::builder()
        .configure(|config| {
            let scope = web::scope("").wrap(Compress::default()).wrap(PageCacheMiddleware::new(60));
            config.service(scope.route("/", web::get().to(long)));
        })
        .start()
        .await;
    for is_hit in [false, true] {
        for (accepted, encoding) in [("gzip", Some("gzip")), ("identity", None)] {
            let response = app.get("/").header("accept-encoding", accepted).await;
            assert_eq!(response.header("content-encoding").as_deref(), encoding, "{response:?}");
            assert_eq!(response.is_hit(), is_hit, "{response:?}");
            let varies = response.header("vary").is_some_and(|vary| vary.contains("accept-encoding"));
            assert!(varies || encoding.is_none(), "{response:?}");
            assert_eq!(decoded(&response), "a page ".repeat(100));
        }
    }
}
