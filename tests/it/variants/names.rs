//! The names that `Vary` adds to a page over time.

use actix_web::HttpResponse;
use cache_page::Reason;

use super::{app, varying};
use crate::support::TestApp;

/// The body that [`varying`] makes for these values of `x-a` and `x-b`.
fn body(a: &str, b: &str) -> String {
    format!("[{a:?}] [{b:?}] [] ")
}

/// A response that names fewer headers than others does not remove any.
#[actix_web::test]
async fn names_of_all_responses_are_united() {
    let app = app().await;
    app.get("/").header("x-a", "1").header("x-b", "1").await.assert_stored();
    app.set_handler(varying(&["x-b"]));
    app.get("/").header("x-a", "2").header("x-b", "1").await.assert_stored();
    let lines: [&[&str]; 4] = [&[], &["x-a"], &["x-b"], &["x-b, x-a"]];
    for round in 0..3 {
        for a in 1..=6 {
            for b in 1..=6 {
                app.set_handler(varying(lines[(a + b) % lines.len()]));
                let (a, b) = (a.to_string(), b.to_string());
                let response = app.get("/").header("x-a", &a).header("x-b", &b).await;
                response.assert_body(body(&a, &b));
                if round > 0 {
                    response.assert_hit();
                }
            }
        }
    }
}

#[actix_web::test]
async fn names_are_remembered_after_all_variants_have_expired() {
    let app = app().await;
    app.get("/").header("x-a", "1").header("x-b", "1").await.assert_stored();
    app.set_handler(varying(&["x-b"]));
    app.get("/").header("x-a", "2").header("x-b", "1").await.assert_stored();
    app.advance(60);
    app.set_handler(varying(&[]));
    for a in ["1", "7", "8"] {
        app.get("/").header("x-a", a).header("x-b", "1").await.assert_stored().assert_body(body(a, "1"));
    }
}

#[actix_web::test]
async fn page_without_vary_may_become_variants() {
    let app = TestApp::with_handler(varying(&[])).await;
    app.get("/").header("x-a", "1").await.assert_stored().assert_fwd("miss").assert_ttl(60);
    app.get("/").header("x-a", "2").await.assert_hit();
    app.advance(60);
    app.set_handler(varying(&["x-a"]));
    app.get("/").header("x-a", "2").await.assert_stored().assert_fwd("stale").assert_ttl(60);
    for a in ["1", "3"] {
        let response = app.get("/").header("x-a", a).await;
        response.assert_stored().assert_fwd("vary-miss").assert_body(format!("[{a:?}] [] [] "));
    }
    assert_eq!(app.pages(), 3);
}

#[actix_web::test]
async fn vary_star_is_not_stored_and_other_variants_stay() {
    let app = app().await;
    app.get("/").header("x-a", "1").await.assert_stored();
    let lines: [&[&str]; 3] = [&["*"], &["x-a, *"], &["x-a", " * "]];
    for lines in lines {
        app.set_handler(varying(lines));
        for _ in 0..2 {
            let response = app.get("/").header("x-a", "2").await;
            response
                .assert_not_stored(Reason::Vary)
                .assert_fwd("vary-miss")
                .assert_no_header("cache-control");
        }
    }
    app.get("/").header("x-a", "1").await.assert_hit();
}

/// Middleware that looks at one line of `Vary` finds all names there.
#[actix_web::test]
async fn vary_is_sent_on_one_line() {
    let app = TestApp::with_handler(|_| {
        HttpResponse::Ok()
            .append_header(("vary", "accept"))
            .append_header(("vary", "accept-language"))
            .body("page")
    })
    .await;
    for _ in 0..2 {
        let response = app.get("/").await;
        let lines: Vec<_> = response.headers.get_all("vary").collect();
        assert_eq!(lines, ["accept, accept-language"]);
    }
}
