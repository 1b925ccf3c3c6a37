//! Pages that the cache encodes, once for all clients.

use actix_web::HttpResponse;

use crate::support::{Call, TestApp, TestRequest, TestResponse, until};

mod budget;
mod copies;
mod exclusions;
mod middleware;
mod negotiation;
mod options;
mod remote;
mod replaced;
mod runs;
mod validators;

/// What browsers send.
const ALL: &str = "gzip, deflate, br, zstd";

/// A text that becomes shorter in each coding, and is encoded at once.
const SHORT: usize = 1500;

/// A text that is encoded by another thread.
const LONG: usize = 6000;

/// Returns HTML of about this length, which no other `seed` has.
fn html(seed: u64, length: usize) -> String {
    let mut text = format!("<html><head><title>Page {seed}</title></head><body>");
    let mut number = seed;
    while text.len() < length {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("<p class=\"item\">Item {}</p>\n", number >> 48));
    }
    text
}

/// A handler whose page N has the text of seed N.
fn html_of(length: usize) -> impl Fn(&Call) -> HttpResponse + Send + Sync {
    move |call| HttpResponse::Ok().content_type("text/html; charset=utf-8").body(html(call.run, length))
}

/// An application whose cache encodes pages of this length.
async fn app(length: usize) -> TestApp {
    with_handler(html_of(length)).await
}

async fn with_handler(handler: impl Fn(&Call) -> HttpResponse + Send + Sync + 'static) -> TestApp {
    TestApp::builder().cache(|cache| cache.compress(true)).handler(handler).start().await
}

fn get(app: &TestApp, accepted: &str) -> TestRequest {
    app.get("/").header("accept-encoding", accepted)
}

/// Waits until bodies were encoded that often.
async fn encoded(app: &TestApp, times: u64) {
    until("encoded", || app.cache().stats().encodings() >= times).await;
}

/// Sends the request until its response has this coding, for a body that is encoded by another thread.
async fn in_coding(request: &TestRequest, coding: &str) -> TestResponse {
    for _ in 0..100_000 {
        let response = request.clone().await;
        if response.header("content-encoding").as_deref() == Some(coding) {
            return response;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    panic!("{request} is not sent in {coding}");
}

impl TestResponse {
    #[track_caller]
    fn assert_coding<'c>(&self, expected: impl Into<Option<&'c str>>) -> &Self {
        let found = self.header("content-encoding");
        let expected = expected.into();
        assert!(found.as_deref() == expected, "expected the coding {expected:?}\n{self:?}");
        self
    }
}
