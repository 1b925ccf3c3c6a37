//! What routing inside the middleware decides by: a hit does not run it, so the key must tell its results apart.

use actix_web::{
    HttpResponse, guard,
    web::{self, ServiceConfig},
};
use cache_page::{PageCacheMiddleware, Reason};

use super::{around, around_for_a_minute, shown};
use crate::support::TestApp;

type Headers = &'static [(&'static str, &'static str)];

async fn data(name: web::Data<&'static str>) -> HttpResponse {
    HttpResponse::Ok().body(*name.get_ref())
}

async fn json() -> &'static str {
    "json"
}

async fn html() -> &'static str {
    "html"
}

fn accepts_json() -> guard::Acceptable {
    guard::Acceptable::new("application/json".parse().unwrap())
}

/// Every form in which an App can choose between two handlers, at a path of its own.
fn routes(config: &mut ServiceConfig) {
    let exact = || guard::Header("accept", "application/json");
    let version = || guard::Header("x-api-version", "2");
    let from_a_script = || guard::fn_guard(|context| context.head().headers.contains_key("x-requested-with"));
    let scope = |name| web::scope("/scopes").app_data(web::Data::new(name)).route("", web::get().to(data));
    config
        .service(web::resource("/acceptable").guard(accepts_json()).to(json))
        .service(web::resource("/acceptable").to(html))
        .service(
            web::resource("/two-routes").route(web::get().guard(exact()).to(json)).route(web::get().to(html)),
        )
        .service(web::resource("/version").guard(version()).to(json))
        .service(web::resource("/version").to(html))
        .service(web::resource("/function").guard(from_a_script()).to(json))
        .service(web::resource("/function").to(html))
        .service(web::resource("/not").guard(guard::Not(version())).to(html))
        .service(web::resource("/not").to(json))
        .service(web::resource("/patterns/{id}").guard(version()).to(json))
        .service(web::resource("/patterns/{name}").to(html))
        .service(web::resource("/default").guard(version()).to(json))
        .service(scope("json").guard(version()))
        .service(scope("html"))
        .service(web::resource("/host").guard(guard::Host("api.example")).to(json))
        .service(web::resource("/host").to(html))
        .default_service(web::to(html));
}

/// For each path, a request that is answered with `json`. Without these headers, it is answered with `html`.
const JSON: [(&str, Headers); 13] = [
    ("/acceptable", &[("accept", "application/json")]),
    ("/acceptable", &[("accept", "application/json, text/plain;q=0.5")]),
    ("/two-routes", &[("accept", "application/json")]),
    ("/version", &[("x-api-version", "2")]),
    ("/version", &[("x-api-version", "2"), ("accept", "text/html")]),
    ("/function", &[("x-requested-with", "XMLHttpRequest")]),
    ("/function", &[("x-requested-with", "")]),
    ("/not", &[("x-api-version", "2")]),
    ("/patterns/1", &[("x-api-version", "2")]),
    ("/default", &[("x-api-version", "2")]),
    ("/scopes", &[("x-api-version", "2")]),
    ("/host", &[("host", "api.example")]),
    ("/version", &[("x-api-version", "2"), ("x-api-version", "1")]),
];

#[actix_web::test]
async fn page_of_one_route_is_never_sent_for_another() {
    for json_is_first in [true, false] {
        for (path, headers) in JSON {
            let app = around_for_a_minute().configure(routes).start().await;
            let browser = &[("accept", "text/html,*/*;q=0.8"), ("user-agent", "a browser")][..];
            let mut requests =
                [(headers, "json"), (&[("accept", "text/html")][..], "html"), (browser, "html")];
            if !json_is_first {
                requests.reverse();
            }
            for is_hit in [false, true] {
                for (headers, expected) in requests {
                    let response = app.get(path).headers(headers).await;
                    response.assert_body(expected);
                    assert_eq!(response.is_hit(), is_hit, "{response:?}");
                }
            }
        }
    }
}

/// RFC 9110 9.1: another method is no request for the page.
#[actix_web::test]
async fn page_of_one_method_is_never_sent_for_another() {
    let methods = |config: &mut ServiceConfig| {
        let resource = web::resource("/");
        config.service(resource.route(web::get().to(html)).route(web::post().to(json)));
    };
    let app = around_for_a_minute().configure(methods).start().await;
    app.get("/").await.assert_stored().assert_body("html");
    app.post("/").await.assert_bypass(Reason::Method).assert_body("json");
    app.get("/").await.assert_body("html");
}

/// Headers in which the visitors of a site differ.
const VISITORS: [Headers; 5] = [
    &[("user-agent", "one"), ("accept-language", "de"), ("sec-ch-ua", "\"one\""), ("dnt", "1")],
    &[
        ("x-forwarded-for", "192.0.2.1"),
        ("x-real-ip", "192.0.2.1"),
        ("x-request-id", "1"),
        ("cf-ray", "a-FRA"),
    ],
    &[
        ("traceparent", "00-1-1-01"),
        ("x-amzn-trace-id", "Root=1"),
        ("via", "1.1 cdn"),
        ("cf-ipcountry", "DE"),
    ],
    &[
        ("referer", "https://search.example/"),
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://a.example"),
    ],
    &[
        ("cache-control", "max-age=0"),
        ("pragma", "no-cache"),
        ("accept-encoding", "br"),
        ("if-none-match", "x"),
    ],
];

#[actix_web::test]
async fn visitors_of_all_browsers_and_networks_share_a_page() {
    let app = around_for_a_minute().start().await;
    let accept = ("accept", "text/html,*/*;q=0.8");
    app.get("/").headers(&[accept]).await.assert_stored();
    for headers in VISITORS {
        app.get("/").headers(&[accept]).headers(headers).await.assert_hit().assert_body("page 1");
    }
}

#[actix_web::test]
async fn header_of_the_application_is_in_the_key_in_any_order() {
    let app = around_for_a_minute().handler(shown).start().await;
    let request = |headers: &[(&str, &str)]| app.get("/").headers(headers);
    request(&[("x-a", "1"), ("x-b", "2")]).await.assert_stored();
    request(&[("x-b", "2"), ("x-a", "1")]).await.assert_hit();
    let others: [Headers; 6] = [
        &[("x-a", "1")],
        &[("x-a", "2"), ("x-b", "1")],
        &[("x-a", "1"), ("x-a", "2")],
        &[("x-a", "1, 2")],
        &[("x-a", ""), ("x-b", "")],
        &[],
    ];
    for headers in others {
        request(headers).await.assert_stored();
    }
}

/// As an author says that a header decides nothing.
#[actix_web::test]
async fn ignored_header_is_not_in_the_key() {
    let app = around_for_a_minute()
        .cache(|cache| cache.ignore_credential_header("x-edge-node".parse().unwrap()))
        .start()
        .await;
    app.get("/").header("x-edge-node", "1").await.assert_stored();
    app.get("/").header("x-edge-node", "2").await.assert_hit();
    app.get("/").header("x-edge-rack", "2").await.assert_stored();
}

/// What the key leaves out by default, an author names.
#[actix_web::test]
async fn route_by_an_ordinary_header_has_its_own_page_with_vary() {
    let mobile = |config: &mut ServiceConfig| {
        let is_mobile = guard::fn_guard(|context| {
            context.head().headers.get("user-agent").is_some_and(|agent| agent == "a phone")
        });
        config.service(web::resource("/").guard(is_mobile).to(json)).service(web::resource("/").to(html));
    };
    let app = around(|| PageCacheMiddleware::new(60).vary(&["user-agent"])).configure(mobile).start().await;
    for is_hit in [false, true] {
        for (agent, expected) in [("a phone", "json"), ("a desktop", "html")] {
            let response = app.get("/").header("user-agent", agent).await;
            response.assert_body(expected);
            assert_eq!(response.is_hit(), is_hit, "{response:?}");
        }
    }
}

/// A client that sends headers of its own gets pages of its own, within the budget.
#[actix_web::test]
async fn headers_that_a_client_invents_fill_no_more_than_the_budget() {
    let app = around_for_a_minute().cache(|cache| cache.max_bytes(256 * 1024)).start().await;
    app.get("/").await;
    for number in 0..2_000 {
        app.get("/").header(&format!("x-{number}"), "1").await;
        assert!(app.bytes() <= 256 * 1024);
    }
    let long = "x".repeat(9_000);
    app.get("/").header("x-long", &long).await.assert_bypass(Reason::KeyTooLong);
    assert!(app.pages() < 1_000, "{}", app.pages());
    let named = TestApp::new().await;
    named.get("/").header("x-1", "1").await.assert_stored();
    named.get("/").header("x-1", "2").await.assert_hit();
}
