//! Anonymous-only pages: the handler takes `#[anonymous] request: HttpRequest` and may read any header.

use actix_web::{
    Either, HttpMessage, HttpRequest,
    error::ParseError,
    http::header::{self, Header, HeaderName, HeaderValue, InvalidHeaderValue, TryIntoHeaderValue},
    web,
};
use cache_page::{Reason, cache_page};

use crate::support::{AnyHeader, Origin, TestApp, TestAppBuilder};

fn visitor(request: &HttpRequest) -> String {
    let names = ["authorization", "cookie", "x-api-key", "x-auth-token", "x-theme"];
    names.iter().filter_map(|name| request.headers().get(*name)?.to_str().ok()).collect()
}

#[cache_page(60)]
async fn anonymous(#[anonymous] request: HttpRequest, origin: Origin) -> String {
    format!("{} {}", origin.count(), visitor(&request))
}

#[cache_page(60)]
async fn nested(
    (request, _): (Option<AnyHeader>, Either<web::Path<()>, AnyHeader>),
    origin: Origin,
) -> String {
    format!("{} {}", origin.count(), request.map(|request| visitor(&request.0)).unwrap_or_default())
}

#[cache_page(60)]
async fn unkeyed(#[unkeyed] request: HttpRequest, origin: Origin) -> String {
    format!("{} {}", origin.count(), request.path())
}

#[cache_page(60)]
async fn keyed(#[anonymous] request: HttpRequest, _cookie: web::Header<Cookie>, origin: Origin) -> String {
    format!("{} {}", origin.count(), visitor(&request))
}

/// `Cookie` as a typed header.
struct Cookie;

impl Header for Cookie {
    fn name() -> HeaderName {
        header::COOKIE
    }

    fn parse<M: HttpMessage>(_: &M) -> Result<Self, ParseError> {
        Ok(Self)
    }
}

impl TryIntoHeaderValue for Cookie {
    type Error = InvalidHeaderValue;

    fn try_into_value(self) -> Result<HeaderValue, Self::Error> {
        "".parse()
    }
}

fn builder() -> TestAppBuilder {
    TestApp::builder()
        .route("/anonymous", anonymous)
        .route("/nested", nested)
        .route("/unkeyed", unkeyed)
        .route("/keyed", keyed)
}

#[actix_web::test]
async fn request_with_credentials_bypasses_an_anonymous_only_page() {
    for path in ["/anonymous", "/nested"] {
        let app = builder().start().await;
        for name in ["authorization", "cookie", "proxy-authorization", "x-api-key", "x-auth-token"] {
            let response = app.get(path).header(name, "alice").await;
            response.assert_bypass(Reason::Credentials);
        }
        app.get(path).await.assert_stored();
        app.get(path).await.assert_hit();
        let runs = app.runs();
        for name in ["authorization", "cookie"] {
            let response = app.get(path).header(name, "bob").await;
            assert!(response.text().ends_with("bob"), "{response:?}");
        }
        assert_eq!(app.runs(), runs + 2, "{path}");
    }
}

/// A browser or a proxy must not show the anonymous page after a login.
#[actix_web::test]
async fn anonymous_only_page_varies_by_credentials_downstream() {
    let app = builder().start().await;
    for _ in 0..2 {
        let vary = app.get("/anonymous").await.header("vary").unwrap();
        assert_eq!(vary, "cookie, authorization");
    }
}

#[actix_web::test]
async fn unkeyed_request_has_no_vary() {
    builder().start().await.get("/unkeyed").await.assert_no_header("vary");
}

#[actix_web::test]
async fn unkeyed_request_gets_one_page_for_all_visitors() {
    let app = builder().start().await;
    app.get("/unkeyed").header("cookie", "alice").await.assert_stored();
    app.get("/unkeyed").header("cookie", "bob").await.assert_hit();
    assert_eq!(app.runs(), 1);
}

#[actix_web::test]
async fn header_that_is_no_credential_does_not_bypass() {
    builder().start().await.get("/anonymous").header("x-theme", "a").await.assert_stored();
}

#[actix_web::test]
async fn configured_credential_header_bypasses_like_the_usual_ones() {
    let badge = HeaderName::from_static("x-badge");
    let app = builder().cache(|cache| cache.credential_header(badge)).start().await;
    for name in ["x-badge", "cookie"] {
        app.get("/anonymous").header(name, "a").await.assert_bypass(Reason::Credentials);
    }
    app.get("/anonymous").await.assert_header("vary", "cookie, authorization, x-badge");
}

#[actix_web::test]
async fn credential_that_is_an_argument_has_a_page_for_each_value() {
    let app = builder().start().await;
    let mut bodies = Vec::new();
    for cookie in ["alice", "bob"] {
        let response = app.get("/keyed").header("cookie", cookie).await;
        response.assert_stored();
        assert!(response.text().ends_with(cookie), "{response:?}");
        bodies.push(response.body);
    }
    for (cookie, body) in ["alice", "bob"].into_iter().zip(bodies) {
        app.get("/keyed").header("cookie", cookie).await.assert_hit().assert_body(body);
    }
}

#[actix_web::test]
async fn credential_beside_one_that_is_an_argument_bypasses() {
    let app = builder().start().await;
    app.get("/keyed").header("cookie", "alice").await.assert_stored();
    let both = app.get("/keyed").header("cookie", "alice").header("authorization", "x").await;
    both.assert_bypass(Reason::Credentials);
}

/// Neither by a name that nobody knows, nor by one that looks like an ordinary one.
#[actix_web::test]
async fn header_that_a_client_invents_is_in_no_page_of_others() {
    let shown = async |app: &TestApp, headers: &[(&str, &str)]| app.get("/shown").headers(headers).await;
    let app = TestApp::builder().route("/shown", all_headers).start().await;
    for name in [
        "x-theme",
        "hx-request",
        "accept",
        "x-forwarded-hosts",
        "x-url",
        "save-data",
        "accepts",
        "x-user-agents",
    ] {
        shown(&app, &[(name, "<script>")]).await;
        let response = shown(&app, &[]).await;
        assert!(!response.text().contains("<script>"), "{response:?}");
    }
}

#[cache_page(60)]
async fn all_headers(#[anonymous] request: HttpRequest) -> String {
    format!("{:?}", request.headers())
}
