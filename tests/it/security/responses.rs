//! Responses that must not reach other clients.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, Uri},
    web,
};
use cache_page::{Reason, cache_page};

use crate::support::{TestApp, ok_with, pipeline};

#[actix_web::test]
async fn set_cookie_is_never_replayed() {
    let app = TestApp::with_handler(ok_with(&[
        ("cache-control", "public, max-age=60"),
        ("set-cookie", "id=1; HttpOnly"),
        ("SET-COOKIE", "id2=1"),
    ]))
    .await;
    for run in 1..=2 {
        app.get("/").await.assert_not_stored(Reason::SetCookie).assert_fwd("miss");
        assert_eq!(app.runs(), run);
    }
}

#[actix_web::test]
async fn csp_nonce_is_never_replayed() {
    let app = TestApp::with_handler(|call| {
        let policy = format!("default-src 'self'; script-src 'Nonce-{}'", call.run);
        HttpResponse::Ok().insert_header(("content-security-policy", policy)).body("page")
    })
    .await;
    for run in 1..=2 {
        let policy = format!("default-src 'self'; script-src 'Nonce-{run}'");
        let response = app.get("/").await;
        response.assert_not_stored(Reason::CspNonce).assert_header("content-security-policy", &policy);
    }
}

/// The first response does not name what it depends on, or each names something else.
#[actix_web::test]
async fn page_whose_vary_comes_and_goes_is_not_mixed_up() {
    let app = TestApp::with_handler(|call| {
        let line = |name| call.request.headers().get(name).and_then(|line| line.to_str().ok());
        let mut response = HttpResponse::Ok();
        match (line("accept-language"), line("x-theme")) {
            (Some(_), None) => response.insert_header(("vary", "Accept-Language")),
            (None, Some(_)) => response.insert_header(("vary", "x-theme")),
            (Some(_), Some(_)) => response.insert_header(("vary", "accept-language, X-Theme")),
            (None, None) => &mut response,
        };
        response.body(format!("{:?} {:?}", line("accept-language"), line("x-theme")))
    })
    .await;
    let requests: [&[(&str, &str)]; 5] = [
        &[("accept-language", "de")],
        &[("x-theme", "dark")],
        &[("accept-language", "de"), ("x-theme", "dark")],
        &[("accept-language", "en"), ("x-theme", "light")],
        &[],
    ];
    for _ in 0..3 {
        for headers in requests {
            let line = |wanted| headers.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
            let expected = format!("{:?} {:?}", line("accept-language"), line("x-theme"));
            app.get("/").headers(headers).await.assert_body(expected);
        }
    }
}

const REFLECTED: [&str; 6] =
    ["x-campaign", "user-agent", "referer", "x-original-url", "x-http-method-override", "x-host"];

#[actix_web::test]
async fn header_that_is_not_an_argument_cannot_be_in_a_page() {
    #[cache_page(60)]
    async fn page(uri: Uri, _method: Method) -> String {
        uri.to_string()
    }
    let app = TestApp::builder().route("/", page).start().await;
    for name in REFLECTED {
        app.get("/").header(name, "evil").await.assert_body("/");
    }
    app.get("/").await.assert_body("/");
}

#[actix_web::test]
async fn reflected_header_in_vary_reaches_no_other_client() {
    #[cache_page(60)]
    async fn page(#[anonymous] request: HttpRequest) -> HttpResponse {
        let line = request.headers().get("x-campaign").and_then(|line| line.to_str().ok());
        HttpResponse::Ok().insert_header(("vary", "x-campaign")).body(format!("{line:?}"))
    }
    let app = TestApp::builder().route("/", page).start().await;
    for name in REFLECTED {
        app.get("/").header(name, "evil").await.assert_status(200);
    }
    app.get("/").await.assert_body("None");
}

type Pairs = web::Query<Vec<(String, String)>>;

#[cache_page(60)]
async fn reflecting(path: web::Path<String>, query: Pairs) -> HttpResponse {
    let query: String = query.into_inner().into_iter().map(|(_, value)| value).collect();
    let mut response = HttpResponse::Ok();
    for (name, value) in
        [("etag", format!("\"{path}\"")), ("vary", format!("x-{path}{query}")), ("x-own", query)]
    {
        response.insert_header((name, value));
    }
    response.insert_header(("cache-control", "max-age=60")).body("page")
}

/// Each request gets one response, without a header that the handler did not mean.
#[actix_web::test]
async fn response_cannot_be_split_by_a_url() {
    let app = TestApp::builder().route("/{path:.*}", reflecting).serve();
    for evil in [
        "%0d%0aset-cookie:%20evil=1",
        "x%0aset-cookie:evil=1",
        "%0d%0a%0d%0aHTTP/1.1%20200%20OK%0d%0acontent-length:%200%0d%0a%0d%0a",
        "%00",
    ] {
        for uri in [format!("/{evil}"), format!("/x?a={evil}")] {
            let requests = app.get(&uri).header("cookie", "a=\"%0d%0a\"").times(2);
            // `pipeline` checks that there is one response for each request.
            for response in pipeline(&requests).await {
                response.assert_status(500).assert_no_header("set-cookie");
                response.assert_not_stored(Reason::Status).assert_fwd("miss");
            }
        }
    }
    app.get("/x").await.assert_stored();
}

async fn app_that_shows_the_method() -> TestApp {
    TestApp::with_handler(|call| match call.request.method() {
        &Method::HEAD => HttpResponse::Ok().finish(),
        method => HttpResponse::Ok().body(method.to_string()),
    })
    .await
}

#[actix_web::test]
async fn response_to_another_method_is_not_stored_for_get() {
    let app = app_that_shows_the_method().await;
    app.head("/").await.assert_not_stored(Reason::Head).assert_fwd("miss");
    app.post("/").await.assert_body("POST");
    app.get("/").await.assert_stored().assert_body("GET");
}

#[actix_web::test]
async fn page_of_a_get_is_not_sent_for_another_method() {
    let app = app_that_shows_the_method().await;
    app.get("/").await.assert_stored();
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get"] {
        let request = app.request(Method::from_bytes(method.as_bytes()).unwrap(), "/");
        request.await.assert_bypass(Reason::Method).assert_body(method);
    }
    app.post("/").header("x-http-method-override", "GET").await.assert_body("POST");
    app.get("/").await.assert_hit();
}
