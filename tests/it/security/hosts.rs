//! The host of a request, and all other headers that links are made from.

use std::future::{Ready, ready};

use actix_web::{
    Error, FromRequest, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ConnectionInfo, Payload, ServiceRequest, ServiceResponse},
    guard,
    http::Version,
    middleware::{Next, from_fn},
    web,
};
use cache_page::{KeyInput, Reason, cache_page};

use crate::support::{Call, Crowd, LINK_HEADERS, TestApp, TestAppBuilder, TestRequest};

/// Shows the host of the request; nothing but the cache itself adds it to the key.
fn host(call: &Call) -> HttpResponse {
    HttpResponse::Ok().body(call.request.connection_info().host().to_owned())
}

const HOSTS: [&str; 2] = ["a.example", "b.example"];

#[actix_web::test]
async fn page_of_host_a_is_never_served_for_host_b() {
    let in_process = TestApp::with_handler(host).await;
    let over_a_socket = TestApp::builder().handler(host).serve();
    for app in [in_process, over_a_socket] {
        for round in 0..3 {
            for host in HOSTS {
                let response = app.get("/").header("host", host).await;
                response.assert_body(host);
                assert_eq!(response.is_hit(), round > 0, "{response:?}");
            }
        }
        app.advance(60);
        for host in HOSTS {
            app.get("/").header("host", host).await.assert_body(host);
        }
    }
}

#[actix_web::test]
async fn fill_for_host_a_is_never_shared_with_host_b() {
    let app = TestApp::builder().handler(host).paused().start().await;
    let hosts = HOSTS.repeat(5);
    let crowd = Crowd::send(hosts.iter().map(|host| app.get("/").header("host", host))).await;
    assert_eq!(app.waiting(), [1, 2]);
    app.finish(2).await;
    for (host, response) in hosts.iter().zip(crowd.responses().await) {
        response.assert_body(host);
    }
}

#[cache_page(60)]
async fn shop(name: web::Data<&'static str>) -> String {
    name.to_string()
}

/// An application of two tenants, which a guard selects by their hosts.
async fn tenants() -> TestApp {
    let app = HOSTS.into_iter().fold(TestApp::builder(), |app, host| {
        app.configure(move |config| {
            let scope = web::scope("").guard(guard::Host(host)).app_data(web::Data::new(host));
            config.service(scope.route("/", web::get().to(shop)));
        })
    });
    app.start().await
}

/// The guard reads `Host`; other headers must not choose the tenant under which the page is stored.
#[actix_web::test]
async fn forwarded_host_does_not_choose_the_tenant_of_a_page() {
    let app = tenants().await;
    for (name, value) in [("x-forwarded-host", "b.example"), ("forwarded", "host=b.example")] {
        let attack = app.get("/").header("host", "a.example").header(name, value).await;
        attack.assert_body("a.example");
    }
    for host in ["b.example", "a.example"] {
        app.get("/").header("host", host).await.assert_body(host);
    }
}

/// Requests that the guard gives to `b.example`, although they name `a.example` as well.
fn attacks(app: &TestApp) -> Vec<TestRequest> {
    let [a, b] = HOSTS;
    vec![
        app.get("/").header("host", b).header("x-forwarded-host", a),
        app.get("/").header("host", b).header("forwarded", "host=a.example"),
        app.get("/").header("host", b).header("host", a),
        app.get("http://a.example/").header("host", b),
        // HTTP/2 has the host in the target, and the guard looks there.
        app.get("http://b.example/").header("host", a).version(Version::HTTP_2),
        app.get("http://b.example/").header("x-forwarded-host", a).version(Version::HTTP_2),
    ]
}

/// Requests that the guard gives to `a.example`.
fn ordinary_requests(app: &TestApp) -> Vec<TestRequest> {
    let [a, b] = HOSTS;
    vec![
        app.get("/").header("host", a),
        app.get("/").header("host", a).header("x-forwarded-host", a),
        app.get("/").header("host", a).header("host", b),
        app.get("http://a.example/").version(Version::HTTP_2),
        app.get("http://a.example/").header("host", a),
    ]
}

#[actix_web::test]
async fn page_of_one_tenant_is_never_served_for_another() {
    for attacks_are_first in [true, false] {
        let app = tenants().await;
        let mut groups = [(attacks(&app), "b.example"), (ordinary_requests(&app), "a.example")];
        if !attacks_are_first {
            groups.reverse();
        }
        for _ in 0..2 {
            for (requests, tenant) in &groups {
                for request in requests {
                    request.clone().await.assert_body(tenant);
                }
            }
        }
    }
}

/// Scheme and host of the request, as an extractor of a user.
struct Base(ConnectionInfo);

impl FromRequest for Base {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.connection_info().clone())))
    }
}

/// Scheme and host are in the key.
impl KeyInput for Base {}

#[cache_page(60)]
async fn link(base: Base) -> String {
    format!("{}://{}/next", base.0.scheme(), base.0.host())
}

#[cache_page(60)]
async fn all_headers(#[anonymous] request: HttpRequest) -> String {
    format!("{:?}", request.headers())
}

fn builder() -> TestAppBuilder {
    TestApp::builder().route("/link", link).route("/all-headers", all_headers)
}

#[actix_web::test]
async fn link_never_leads_to_an_attackers_host() {
    let app = builder().start().await;
    let good = ("host", "good.example");
    for attack in [
        &[("host", "evil.example")][..],
        &[good, ("host", "evil.example")],
        &[good, ("x-forwarded-host", "evil.example")],
        &[good, ("x-forwarded-host", "evil.example, good.example")],
        &[good, ("x-forwarded-proto", "evil")],
        &[good, ("forwarded", "host=evil.example")],
        &[good, ("forwarded", "for=1"), ("forwarded", "HOST=\"evil.example\";proto=evil")],
    ] {
        app.get("/link").headers(attack).await;
        let response = app.get("/link").headers(&[good]).await;
        assert_eq!(response.text(), "http://good.example/next", "{attack:?}");
    }
}

/// RFC 9110 4.2.3: they are one host. But a handler shows the spelling that it was sent.
#[actix_web::test]
async fn spelling_of_a_host_is_never_shown_to_others() {
    let app = builder().start().await;
    for host in
        ["GOOD.example", "good.EXAMPLE", "good.example", "good.example.", "good.example:80", "good.example:"]
    {
        for _ in 0..2 {
            app.get("/link").header("host", host).await.assert_body(format!("http://{host}/next"));
        }
    }
}

/// Requests for `good.example` in a spelling that no browser uses.
fn unusual_requests(app: &TestApp, path: &str) -> Vec<TestRequest> {
    let good = ("host", "good.example");
    let authority = |target: &str| app.get(&format!("{target}{path}"));
    vec![
        app.get(path).header("host", "GOOD.example"),
        app.get(path).header("host", "good.examplE:80"),
        app.get(path).header("host", "good.example:"),
        app.get(path).header("host", "good.example:080"),
        app.get(path).header("host", "user@good.example"),
        app.get(path).headers(&[good, ("host", "Good.example")]),
        app.get(path).headers(&[good, ("x-forwarded-host", "Good.example")]),
        app.get(path).headers(&[good, ("forwarded", "host=\"Good.example\"")]),
        authority("http://Good.example").headers(&[good]),
        authority("http://good.example:0080").version(Version::HTTP_2),
    ]
}

/// Neither do they multiply the pages of a site, nor do they get or replace the page of the usual spelling.
#[actix_web::test]
async fn unusual_spelling_of_a_host_bypasses_the_cache() {
    let app = builder().start().await;
    for path in ["/link", "/all-headers"] {
        for request in unusual_requests(&app, path) {
            request.await.assert_bypass(Reason::HostSpelling);
        }
        let page = app.get(path).header("host", "good.example").await;
        page.assert_stored();
        for request in unusual_requests(&app, path) {
            let response = request.await;
            response.assert_bypass(Reason::HostSpelling);
        }
        app.get(path).header("host", "good.example").await.assert_hit().assert_body(&page.body);
    }
    assert_eq!(app.pages(), 2);
}

/// An access check may surround one of two scopes only, and the guard compares byte by byte.
#[actix_web::test]
async fn unusual_spelling_of_a_host_does_not_evade_an_access_check() {
    let scope = |name| web::scope("").app_data(web::Data::new(name)).route("/", web::get().to(shop));
    let app = TestApp::builder()
        .configure(move |config| {
            let internal = scope("internal").guard(guard::Host("internal.example"));
            config.service(internal.wrap(from_fn(only_staff))).service(scope("public"));
        })
        .start()
        .await;
    let [internal, capitals] =
        ["internal.example", "Internal.example"].map(|host| app.get("/").header("host", host));
    internal.clone().header("x-staff", "1").await.assert_stored().assert_body("internal");
    internal.clone().await.assert_status(403);
    capitals.clone().await.assert_body("public");
    capitals.header("x-staff", "1").await.assert_body("public");
    internal.header("x-staff", "1").await.assert_body("internal");
}

async fn only_staff(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if request.headers().contains_key("x-staff") {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    }
    Ok(request.into_response(HttpResponse::Forbidden().finish()))
}

/// For a browser they are one tenant. The guards tell them apart.
#[actix_web::test]
async fn guards_on_two_spellings_of_a_host_share_no_page() {
    let app = ["a.com", "A.com"].into_iter().fold(TestApp::builder(), |app, host| {
        app.configure(move |config| {
            let scope = web::scope("").guard(guard::Host(host)).app_data(web::Data::new(host));
            config.service(scope.route("/", web::get().to(shop)));
        })
    });
    let app = app.start().await;
    for host in ["A.com", "a.com", "A.com", "a.com"] {
        app.get("/").header("host", host).await.assert_body(host);
    }
}

#[actix_web::test]
async fn scheme_and_host_that_a_proxy_reports_are_in_the_key() {
    let app = builder().start().await;
    let host = ("host", "one.example");
    for is_hit in [false, true] {
        for (headers, expected) in [
            (&[host][..], "http://one.example/next"),
            (&[host, ("x-forwarded-host", "two.example")], "http://two.example/next"),
            (&[host, ("x-forwarded-proto", "https")], "https://one.example/next"),
            (&[host, ("forwarded", "host=three.example")], "http://three.example/next"),
            (&[host, ("forwarded", "proto=wss")], "wss://one.example/next"),
        ] {
            let response = app.get("/link").headers(headers).await;
            response.assert_body(expected);
            assert_eq!(response.is_hit(), is_hit, "{response:?}");
        }
    }
}

/// Only the first one counts for links, but a handler that reads the headers sees both.
#[actix_web::test]
async fn second_host_header_is_in_the_key() {
    let app = builder().start().await;
    let [good, evil] = ["good.example", "evil.example"].map(|host| ("host", host));
    for hosts in [&[good, evil][..], &[good, good], &[good]] {
        app.get("/all-headers").headers(hosts).await.assert_stored();
    }
}

/// A handler that reads the headers themselves puts the attacker's value into the attacker's page.
#[actix_web::test]
async fn forwarded_header_is_not_stored_in_the_page_of_others() {
    let app = builder().start().await;
    let ordinary = || app.get("/all-headers").header("host", "good.example");
    for name in ["x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix", "x-original-url", "forwarded"]
    {
        let response = ordinary().header(name, "host=evil.example").await;
        assert!(response.text().contains("evil"), "{response:?}");
    }
    // The host for links is the good one, but not the header that the handler reads.
    let swapped = app.get("/all-headers").header("host", "evil.example");
    swapped.header("x-forwarded-host", "good.example").await.assert_stored();
    let response = ordinary().await;
    assert!(!response.text().contains("evil"), "{response:?}");
}

#[actix_web::test]
async fn every_header_that_links_are_made_from_is_in_the_key() {
    for &name in LINK_HEADERS {
        let app = builder().start().await;
        // The host that the key takes from another header is the same in all requests.
        let (base, value) = match name {
            "forwarded" | "x-forwarded-proto" => ("forwarded", "proto=http;host=good.example"),
            "x-forwarded-host" | "host" => ("forwarded", "host=good.example"),
            _ => ("host", "good.example"),
        };
        let ordinary = || app.get("/all-headers").header(base, value);
        for attack in ["evil.example", "by=evil", ""] {
            ordinary().header(name, attack).await.assert_stored();
        }
        let response = ordinary().await;
        response.assert_stored();
        assert!(!response.text().contains("evil"), "{name}: {response:?}");
    }
}
