//! The JSON API, on a socket: a write purges the lists and its item, and no other item.

#[allow(dead_code, reason = "the tests do not call `main`")]
#[path = "../../../examples/api/main.rs"]
mod example;

use actix_web::{http::Method, web};

use self::example::{Items, Token, configure};
use crate::support::{TestApp, TestResponse};

fn api() -> TestApp {
    let (items, token) = (web::Data::new(Items::default()), web::Data::new(Token("secret".to_owned())));
    let builder = TestApp::builder().cache(|cache| cache.no_vary_search(true));
    let builder = builder.configure(move |config| {
        config.app_data(items.clone()).app_data(token.clone()).configure(configure);
    });
    builder.serve()
}

async fn send(app: &TestApp, method: Method, path: &str, token: &str, body: &str) -> TestResponse {
    let request = app.request(method, path).header("authorization", format!("Bearer {token}"));
    request.header("content-type", "application/json").body(body.to_owned()).await
}

async fn put(app: &TestApp, id: u32, name: &str) {
    let body = format!("{{\"name\":\"{name}\",\"price\":{id}}}");
    send(app, Method::PUT, &format!("/items/{id}"), "secret", &body).await.assert_status(204);
}

async fn hits(app: &TestApp, uris: &[&str]) -> Vec<bool> {
    let mut hits = Vec::new();
    for uri in uris {
        hits.push(app.get(uri).await.is_hit());
    }
    hits
}

#[actix_web::test]
async fn results_come_in_pages_with_a_link_to_the_next() {
    let app = api();
    for id in 1..=5 {
        put(&app, id, "tea").await;
    }
    let first = app.get("/items?per_page=2").await;
    first.assert_stored().assert_header("link", "</items?page=2&per_page=2>; rel=\"next\"").assert_body(
        "{\"items\":[{\"id\":1,\"name\":\"tea\",\"price\":1},{\"id\":2,\"name\":\"tea\",\"price\":2}],\"total\":5}",
    );
    let last = app.get("/items?page=3&per_page=2").await;
    last.assert_no_header("link");
    last.assert_body("{\"items\":[{\"id\":5,\"name\":\"tea\",\"price\":5}],\"total\":5}");
    for query in ["page=0", "per_page=0", "per_page=101", "page=x", "page=-1"] {
        app.get(&format!("/items?{query}")).await.assert_status(400);
        app.get(&format!("/items?{query}")).await.assert_status(400);
    }
    app.get("/items?page=18446744073709551615&per_page=100").await.assert_body("{\"items\":[],\"total\":5}");
}

#[actix_web::test]
async fn only_the_parameters_of_the_handler_make_pages() {
    let app = api();
    app.get("/items?page=1&per_page=20").await.assert_stored();
    let page = app.get("/items?utm_source=x&per_page=20&page=1&x=y").await;
    page.assert_hit().assert_header("no-vary-search", "key-order, params, except=(\"page\" \"per_page\")");
    app.get("/items?page=2&per_page=20").await.assert_stored();
}

#[actix_web::test]
async fn write_purges_its_item_and_all_lists() {
    const URIS: [&str; 4] = ["/items", "/items?page=2", "/items/1", "/items/2"];
    let app = api();
    for id in [1, 2] {
        put(&app, id, "tea").await;
    }
    assert_eq!(hits(&app, &URIS).await, [false; 4]);
    put(&app, 1, "coffee").await;
    assert_eq!(hits(&app, &URIS).await, [false, false, false, true]);
    app.get("/items/1").await.assert_hit().assert_body("{\"name\":\"coffee\",\"price\":1}");
    send(&app, Method::DELETE, "/items/1", "secret", "").await.assert_status(204);
    assert_eq!(hits(&app, &URIS).await, [false, false, false, true]);
}

#[actix_web::test]
async fn missing_item_is_stored_until_it_is_written() {
    let app = api();
    app.get("/items/7").await.assert_status(404).assert_stored().assert_ttl(60);
    app.get("/items/7").await.assert_status(404).assert_hit();
    send(&app, Method::DELETE, "/items/7", "secret", "").await.assert_status(404);
    app.get("/items/7").await.assert_hit();
    put(&app, 7, "tea").await;
    app.get("/items/7").await.assert_status(200);
}

#[actix_web::test]
async fn client_without_the_token_writes_and_purges_nothing() {
    let app = api();
    put(&app, 1, "tea").await;
    assert_eq!(hits(&app, &["/items", "/items/1"]).await, [false; 2]);
    for method in [Method::PUT, Method::DELETE] {
        send(&app, method, "/items/1", "guess", "{\"name\":\"x\",\"price\":1}").await.assert_status(401);
    }
    assert_eq!(hits(&app, &["/items", "/items/1"]).await, [true; 2]);
}
