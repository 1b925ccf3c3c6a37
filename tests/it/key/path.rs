//! What routing and middleware make of a URL: parameters of the path, and the target as the request has it.

use std::collections::BTreeMap;

use actix_web::{
    Error, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    guard,
    http::Uri,
    middleware::{Next, from_fn},
    web,
};
use cache_page::cache_page;

use crate::support::TestApp;

#[cache_page(60)]
async fn parameter(parameter: web::Path<String>) -> String {
    parameter.into_inner()
}

#[cache_page(60)]
async fn parameters(parameters: web::Path<Vec<String>>) -> String {
    format!("{:?}", parameters.into_inner())
}

#[cache_page(60)]
async fn by_request(#[anonymous] request: HttpRequest) -> String {
    format!("{:?}", request.match_info().iter().collect::<BTreeMap<_, _>>())
}

fn patterns(config: &mut web::ServiceConfig) {
    let first = || guard::Header("x-version", "1");
    config
        .service(web::resource("/one/v-{id}").guard(first()).route(web::get().to(parameter)))
        .service(web::resource("/one/{id}").route(web::get().to(parameter)))
        .service(web::resource("/two/{a:[^-]+}-{b:.*}").guard(first()).route(web::get().to(parameters)))
        .service(web::resource("/two/{a:.*}-{b}").route(web::get().to(parameters)))
        .service(web::resource("/request/{one}").guard(first()).route(web::get().to(by_request)))
        .service(web::resource("/request/{other}").route(web::get().to(by_request)));
}

#[actix_web::test]
async fn path_has_a_page_for_each_pattern_that_a_guard_selects() {
    let app = TestApp::builder().configure(patterns).start().await;
    for (path, first, other) in [
        ("/one/v-z", "z", "v-z"),
        ("/two/x-y-z", r#"["x", "y-z"]"#, r#"["x-y", "z"]"#),
        ("/request/z", r#"{"one": "z"}"#, r#"{"other": "z"}"#),
    ] {
        for is_hit in [false, true] {
            for (request, expected) in
                [(app.get(path).header("x-version", "1"), first), (app.get(path), other)]
            {
                let response = request.await;
                response.assert_body(expected);
                assert_eq!(response.is_hit(), is_hit, "{response:?}");
            }
        }
    }
}

async fn add_role(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if request.headers().contains_key("x-staff") {
        request.match_info_mut().add_static("role", "staff");
    }
    next.call(request).await
}

fn tenants(config: &mut web::ServiceConfig) {
    let scope = web::scope("/{tenant}").wrap(from_fn(add_role));
    config.service(
        scope.route("/path", web::get().to(parameters)).route("/request", web::get().to(by_request)),
    );
}

#[actix_web::test]
async fn parameter_that_a_middleware_adds_is_in_the_key() {
    let app = TestApp::builder().configure(tenants).start().await;
    for path in ["/a/path", "/a/request"] {
        for is_hit in [false, true] {
            for (request, is_staff) in [(app.get(path).header("x-staff", "1"), true), (app.get(path), false)]
            {
                let response = request.await;
                let found = (response.text().contains("staff"), response.is_hit());
                assert_eq!(found, (is_staff, is_hit), "{response:?}");
            }
        }
    }
}

#[cache_page(60)]
async fn uri(uri: Uri) -> String {
    uri.to_string()
}

#[cache_page(60)]
async fn full_url(#[anonymous] request: HttpRequest) -> String {
    format!("{} {}", request.uri(), request.full_url())
}

/// All of them are for one host, because of what the proxy reports.
#[actix_web::test]
async fn each_form_of_a_target_has_its_own_page() {
    let app = TestApp::builder().route("/uri", uri).route("/request", full_url).start().await;
    let proxied =
        [("host", "one.example"), ("x-forwarded-host", "one.example"), ("x-forwarded-proto", "https")];
    for path in ["/uri", "/request"] {
        for is_hit in [false, true] {
            for origin in ["", "http://one.example", "https://one.example", "ftp://two.example"] {
                let target = format!("{origin}{path}");
                let response = app.get(&target).headers(&proxied).await;
                let shown = response.text().split(' ').next();
                assert_eq!((shown, response.is_hit()), (Some(&*target), is_hit), "{response:?}");
            }
        }
    }
}

#[actix_web::test]
async fn target_without_a_path_has_the_page_of_the_root() {
    let app = TestApp::builder().route("/", uri).start().await;
    app.get("http://one.example").await.assert_stored();
    app.get("http://one.example").await.assert_hit();
}

#[actix_web::test]
async fn each_spelling_of_a_path_has_its_own_page() {
    let app = TestApp::builder().route("/{tail:.*}", uri).start().await;
    for is_hit in [false, true] {
        for path in ["/path", "/PATH", "/Path", "/pat%68", "/pat%48", "/path/", "//path"] {
            let response = app.get(path).await;
            response.assert_body(path);
            assert_eq!(response.is_hit(), is_hit, "{response:?}");
        }
    }
}

async fn rewrite(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if request.headers().contains_key("x-rewritten") {
        request.match_info_mut().get_mut().update(&Uri::from_static("/other"));
    }
    next.call(request).await
}

#[cache_page(60)]
async fn path_and_query(_path: web::Path<()>, #[unkeyed] request: HttpRequest) -> String {
    format!("{} {:?}", request.match_info().as_str(), request.uri().query())
}

#[actix_web::test]
async fn path_that_a_middleware_rewrote_is_not_taken_for_a_query() {
    let service = |config: &mut web::ServiceConfig| {
        config.default_service(web::to(path_and_query));
    };
    let app = TestApp::builder().configure(service).wrap(|| from_fn(rewrite)).start().await;
    for is_hit in [false, true] {
        for (uri, headers, expected) in [
            ("/page", &[("x-rewritten", "1")][..], "/other None"),
            ("/page?/other", &[], "/page Some(\"/other\")"),
            ("/page?", &[], "/page Some(\"\")"),
            ("/page", &[], "/page None"),
        ] {
            let response = app.get(uri).headers(headers).await;
            response.assert_body(expected);
            assert_eq!(response.is_hit(), is_hit, "{response:?}");
        }
    }
}
