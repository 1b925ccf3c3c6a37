//! Which variant answers a request.

use actix_web::HttpResponse;

use super::{app, varying};
use crate::support::{Call, Crowd, TestApp};

const VALUES: [&[(&str, &str)]; 7] = [
    &[],
    &[("x-a", "")],
    &[("x-a", "1")],
    &[("x-a", "2")],
    &[("x-a", "1"), ("x-a", "2")],
    &[("x-a", "2"), ("x-a", "1")],
    &[("x-a", "1"), ("x-a", "1")],
];

#[actix_web::test]
async fn each_value_of_a_named_header_has_its_own_page() {
    let app = app().await;
    let mut bodies = Vec::new();
    for (position, headers) in VALUES.into_iter().enumerate() {
        let response = app.get("/").headers(headers).await;
        response.assert_stored().assert_fwd(if position == 0 { "miss" } else { "vary-miss" }).assert_ttl(60);
        response.assert_header("vary", "x-a");
        bodies.push(response.body);
    }
    for (headers, body) in VALUES.into_iter().zip(bodies) {
        app.get("/").headers(headers).await.assert_hit().assert_body(body);
    }
    assert_eq!((app.runs(), app.pages()), (7, 7));
}

#[actix_web::test]
async fn other_headers_and_head_do_not_select_a_variant() {
    let app = app().await;
    for headers in VALUES {
        app.get("/").headers(headers).await.assert_stored();
        app.get("/").headers(headers).header("x-b", "9").header("cookie", "a=1").await.assert_hit();
        app.head("/").headers(headers).await.assert_hit();
    }
}

#[actix_web::test]
async fn spelling_of_vary_does_not_matter() {
    let spellings: [&[&str]; 7] = [
        &["x-a, x-b"],
        &["X-B,X-A"],
        &[" x-b ,\tX-a "],
        &["x-a", "x-b"],
        &["x-b", "", "x-a"],
        &["x-a,,x-b,x-a"],
        &["x-a, x-b"],
    ];
    let app = TestApp::new().await;
    for (number, spelling) in spellings.into_iter().enumerate() {
        app.set_handler(varying(spelling));
        app.get("/").header("x-a", number.to_string()).await.assert_stored();
    }
    // A spelling that was read as other names would have hidden the variants before it.
    for number in 0..spellings.len() {
        app.get("/").header("x-a", number.to_string()).await.assert_hit();
    }
    app.get("/").header("x-b", "0").await.assert_miss();
}

/// RFC 9111 4.1 allows to compare values by what they mean, but a handler may show their bytes, as this one does.
#[actix_web::test]
async fn spellings_of_one_value_are_variants_of_their_own() {
    let app = app().await;
    let spellings = ["de,en", "de, en", "de ,en", "DE,en", "de-de,en", "de-DE,en", "de,en;q=1", "de,,en"];
    for spelling in spellings {
        app.get("/").header("x-a", spelling).await.assert_stored();
    }
    for spelling in spellings {
        let hit = app.get("/").header("x-a", spelling).await;
        hit.assert_hit();
        assert!(hit.text().contains(&format!("[\"{spelling}\"]")), "{hit:?}");
    }
    // The server has removed the blanks around a value, which are not part of it (RFC 9110 5.5).
    let socket = TestApp::builder().handler(varying(&["x-a"])).serve();
    socket.get("/").header("x-a", "de,en").await.assert_stored();
    socket.get("/").header("X-A", " de,en\t").await.assert_hit();
}

/// A handler that reads the first line sees another value than one that reads all of them.
#[actix_web::test]
async fn values_split_over_several_lines_are_variants_of_their_own() {
    let app = TestApp::with_handler(varying(&["x-a, cookie"])).await;
    let spellings: [&[(&str, &str)]; 8] = [
        &[("x-a", "1"), ("x-a", "2")],
        &[("x-a", "1, 2")],
        &[("x-a", "1"), ("x-a", ", 2")],
        &[("x-a", "1")],
        &[("x-a", "1"), ("x-a", "")],
        &[("cookie", "a=1"), ("cookie", "b=2")],
        &[("cookie", "a=1; b=2")],
        &[("cookie", "a=1"), ("cookie", "; b=2")],
    ];
    for headers in spellings {
        app.get("/").headers(headers).await.assert_stored();
    }
    for headers in spellings {
        app.get("/").headers(headers).await.assert_hit();
    }
    app.get("/").headers(&[("x-a", "4"), ("cookie", "c=3")]).await.assert_stored();
    app.get("/").headers(&[("cookie", "c=3"), ("x-a", "4")]).await.assert_hit();
}

/// The handler speaks the first language that it reads.
fn by_first_language(call: &Call) -> HttpResponse {
    let first = call.request.headers().get("accept-language").map(|line| line.to_str().unwrap().to_owned());
    HttpResponse::Ok().insert_header(("vary", "accept-language")).body(first.unwrap_or_default())
}

#[actix_web::test]
async fn split_header_does_not_poison_the_page_of_the_joined_one() {
    let split = [("accept-language", "xx"), ("accept-language", "de"), ("accept-language", "en")];
    let app = TestApp::with_handler(by_first_language).await;
    app.get("/").await.assert_stored();
    app.get("/").headers(&split).await.assert_stored().assert_body("xx");
    let joined = app.get("/").header("accept-language", "xx, de, en").await;
    joined.assert_stored().assert_body("xx, de, en");
}

#[actix_web::test]
async fn split_header_does_not_follow_the_flight_of_the_joined_one() {
    let app = TestApp::with_handler(by_first_language).await;
    for is_known_to_vary in [false, true] {
        app.pause();
        let split = app.get("/").header("accept-language", "xx").header("accept-language", "de");
        let crowd = Crowd::send([split, app.get("/").header("accept-language", "xx, de")]).await;
        app.resume().await;
        let responses = crowd.responses().await;
        responses[0].assert_body("xx");
        responses[1].assert_body("xx, de");
        assert_eq!(app.runs(), if is_known_to_vary { 4 } else { 2 });
        app.advance(60);
    }
}

#[actix_web::test]
async fn values_that_look_alike_are_different_variants() {
    let app = TestApp::with_handler(varying(&["x-a, cookie"])).await;
    let values: [&[(&str, &str)]; 7] = [
        &[("cookie", "a=1; b=2")],
        &[("x-a", "1, 2")],
        &[("x-a", "a=1; b=2")],
        &[("cookie", "a=1, b=2")],
        &[("cookie", "b=2; a=1")],
        &[("x-a", "1"), ("cookie", "")],
        &[("x-a", ""), ("cookie", "1")],
    ];
    for headers in values {
        app.get("/").headers(headers).await.assert_stored();
    }
}
