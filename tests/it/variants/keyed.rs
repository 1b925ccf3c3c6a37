//! Headers that are both in the key and named in `Vary`.

use actix_web::{HttpRequest, HttpResponse};
use cache_page::cache_page;

use crate::support::TestApp;

fn shown(request: &HttpRequest) -> String {
    format!("{:?}", request.headers())
}

#[cache_page(60, vary = ["x-a"])]
async fn keyed_header(#[unkeyed] request: HttpRequest) -> HttpResponse {
    HttpResponse::Ok().insert_header(("vary", "X-A, x-b")).body(shown(&request))
}

#[actix_web::test]
async fn header_of_the_key_makes_no_variants() {
    let app = TestApp::builder().route("/", keyed_header).start().await;
    for (a, b, fwd) in
        [("1", "1", "miss"), ("2", "1", "miss"), ("2", "2", "vary-miss"), ("1", "2", "vary-miss")]
    {
        let response = app.get("/").header("x-a", a).header("x-b", b).await;
        response.assert_stored().assert_fwd(fwd).assert_ttl(60);
    }
}

#[actix_web::test]
async fn header_of_the_key_is_named_once_in_vary() {
    let app = TestApp::builder().route("/", keyed_header).start().await;
    let request = app.get("/").header("x-a", "1").header("x-b", "1");
    request.clone().await.assert_stored();
    request.await.assert_hit().assert_header("vary", "X-A, x-b");
}

#[cache_page(60, vary_cookie = ["theme"])]
async fn keyed_cookie(#[unkeyed] request: HttpRequest) -> HttpResponse {
    HttpResponse::Ok().insert_header(("vary", "cookie")).body(shown(&request))
}

#[actix_web::test]
async fn one_cookie_in_the_key_does_not_replace_vary_cookie() {
    let app = TestApp::builder().route("/", keyed_cookie).start().await;
    for cookie in ["theme=dark; session=alice", "theme=dark; session=bob", "theme=dark"] {
        let response = app.get("/").header("cookie", cookie).await;
        response.assert_stored();
        assert!(response.text().contains(&format!("{cookie:?}")), "{response:?}");
    }
}
