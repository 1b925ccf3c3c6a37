//! Concurrent requests for variants of one page.

use actix_web::HttpResponse;

use super::{bodies, paused};
use crate::support::{Call, Crowd, TestApp, TestRequest};

/// Shows and names the language of the request.
fn by_language(call: &Call) -> HttpResponse {
    let language = call.header_values("accept-language");
    HttpResponse::Ok().insert_header(("vary", "accept-language")).body(format!("{language:?} {}", call.run))
}

/// Returns as many requests, for three variants in turn.
fn requests(app: &TestApp, number: usize) -> Vec<TestRequest> {
    let request = |number| match number % 3 {
        0 => app.get("/").header("accept-language", "de"),
        1 => app.get("/").header("accept-language", "en"),
        _ => app.get("/"),
    };
    (0..number).map(request).collect()
}

#[actix_web::test]
async fn follower_of_another_variant_gets_its_own() {
    let app = paused().handler(by_language).start().await;
    for round in ["before the names are known", "after that"] {
        let crowd = Crowd::send(requests(&app, 30)).await;
        app.finish(3).await;
        let responses = crowd.responses().await;
        for (number, response) in responses.iter().enumerate() {
            let language = ["[\"de\"]", "[\"en\"]", "[]"][number % 3];
            assert!(response.text().starts_with(language), "{round}: {response:?}");
        }
        assert_eq!(bodies(&responses).len(), 3, "{round}");
        app.advance(60);
    }
    assert_eq!(app.runs(), 6);
}

#[actix_web::test]
async fn variants_are_filled_side_by_side_once_the_names_are_known() {
    let app = paused().handler(by_language).start().await;
    let crowd = Crowd::send(requests(&app, 1)).await;
    app.finish(1).await;
    drop(crowd.responses().await);
    app.advance(60);
    let crowd = Crowd::send(requests(&app, 30)).await;
    assert_eq!(app.waiting(), [2, 3, 4]);
    // The one that started last does not wait for the others.
    app.finish_run(4).await;
    assert_eq!(crowd.answered(), 10);
    app.finish(2).await;
    assert_eq!(bodies(&crowd.responses().await).len(), 3);
}

/// The names of a page that is not stored are not known to later requests.
#[actix_web::test]
async fn follower_of_a_variant_that_is_too_large_runs_at_once() {
    let app = paused()
        .cache(|cache| cache.max_body(1))
        .handler(|call| {
            let accept = call.header_values("accept");
            HttpResponse::Ok().insert_header(("vary", "accept")).body(format!("{accept:?}"))
        })
        .start()
        .await;
    let values: Vec<String> = (0..20).map(|number| (number / 2).to_string()).collect();
    let crowd = Crowd::send(values.iter().map(|value| app.get("/").header("accept", value))).await;
    assert_eq!(app.waiting().len(), 1);
    app.finish(1).await;
    assert_eq!(app.waiting().len(), 18, "one follower wanted the same variant");
    app.finish(18).await;
    for (value, response) in values.iter().zip(crowd.responses().await) {
        response.assert_body(format!("[{value:?}]"));
    }
}
