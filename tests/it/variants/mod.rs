//! Pages that differ by the request headers that the handler names in `Vary` (RFC 9111 4.1).

use actix_web::HttpResponse;

use crate::support::{Call, TestApp};

mod budget;
mod content_coding;
mod fills;
mod keyed;
mod limit;
mod names;
mod normalize;
mod page_control;
mod selection;
mod unaccepted_coding;

/// Returns a handler that sends these lines of `Vary`. The body shows the values of `x-a`, `x-b` and `cookie`, and is padded
/// by as many bytes as the query says.
fn varying(lines: &'static [&'static str]) -> impl Fn(&Call) -> HttpResponse + Send + Sync {
    move |call| {
        let mut response = HttpResponse::Ok();
        for line in lines {
            response.append_header(("vary", *line));
        }
        let padding = call.request.uri().query().and_then(|length| length.parse().ok()).unwrap_or(0);
        response.body(format!("{} {}", values(call), "x".repeat(padding)))
    }
}

fn values(call: &Call) -> String {
    let [a, b, cookie] = ["x-a", "x-b", "cookie"].map(|name| call.header_values(name));
    format!("{a:?} {b:?} {cookie:?}")
}

/// An application whose page varies by `x-a`.
async fn app() -> TestApp {
    TestApp::with_handler(varying(&["x-a"])).await
}
