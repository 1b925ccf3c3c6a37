//! What the key of a page consists of.

use crate::support::TestApp;

mod arguments;
mod cookies;
#[cfg(all(
    feature = "actix-identity",
    feature = "actix-session",
    feature = "actix-web-httpauth",
    feature = "actix-web-lab"
))]
mod crates;
mod framing;
mod inputs;
mod limits;
mod path;
mod query;
mod query_inputs;
mod request;
mod unseen;
mod values;
mod vary;

type Headers<'h> = [(&'h str, &'h str)];

/// Checks that each set of request headers has its own page, and that the bodies of the pages differ.
async fn assert_own_pages(app: &TestApp, path: &str, sets: &[&Headers<'_>]) {
    let mut bodies = Vec::new();
    for headers in sets {
        let response = app.get(path).headers(headers).await;
        response.assert_stored();
        assert!(!bodies.contains(&response.body), "the handler does not show the difference: {response:?}");
        bodies.push(response.body);
    }
    for (headers, body) in sets.iter().zip(bodies) {
        app.get(path).headers(headers).await.assert_hit().assert_body(body);
    }
}

/// Checks that the second URL is answered with the page of the first.
async fn assert_one_page(app: &TestApp, first: &str, second: &str) {
    let page = app.get(first).await;
    app.get(second).await.assert_hit().assert_body(page.body);
}

/// Checks that each URL has its own page.
async fn assert_two_pages(app: &TestApp, first: &str, second: &str) {
    app.get(first).await.assert_stored();
    app.get(second).await.assert_stored();
}
