//! Names that the handler adds to `Vary` by `PageControl::vary_on`.

use actix_web::{
    Error, HttpResponse,
    http::header::{ACCEPT_LANGUAGE, DNT},
};
use cache_page::{PageControl, cache_page};

use crate::support::{Call, Crowd, Origin, TestApp, TestRequest};

#[cache_page(60)]
async fn page(origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
    origin.respond_with(&control).await
}

fn varying(call: &Call) -> HttpResponse {
    call.control().vary_on(ACCEPT_LANGUAGE).vary_on(DNT).vary_on(DNT);
    HttpResponse::Ok().body(format!("page {}", call.run))
}

async fn app() -> TestApp {
    TestApp::builder().route("/", page).handler(varying).start().await
}

/// Requests for three variants.
fn requests(app: &TestApp) -> [TestRequest; 3] {
    [("de", "0"), ("en", "0"), ("de", "1")]
        .map(|(language, dnt)| app.get("/").header("accept-language", language).header("dnt", dnt))
}

#[actix_web::test]
async fn each_value_of_a_header_of_vary_on_has_its_own_page() {
    let app = app().await;
    for request in requests(&app) {
        request.await.assert_stored();
    }
    for (request, page) in requests(&app).into_iter().zip(["page 1", "page 2", "page 3"]) {
        request.await.assert_hit().assert_body(page);
    }
}

#[actix_web::test]
async fn names_of_vary_on_are_sent_once_in_vary() {
    let app = app().await;
    for _ in 0..2 {
        for request in requests(&app) {
            request.await.assert_header("vary", "accept-language, dnt");
        }
    }
}

#[actix_web::test]
async fn follower_of_another_variant_of_vary_on_gets_its_own() {
    let app = app().await;
    app.pause();
    let crowd = Crowd::send(requests(&app)).await;
    assert_eq!(app.runs(), 1);
    app.resume().await;
    for response in crowd.responses().await {
        response.assert_stored();
    }
}
