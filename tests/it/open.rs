//! Pages whose handler may read any header.

use actix_web::{
    App, Either, HttpRequest, get,
    http::header::{self, HeaderName},
    test::{TestRequest, init_service},
    web,
};
use cache_page::{PageCache, cache_page};

use crate::legacy::{Runs, get, send};

fn visitor(request: &HttpRequest) -> String {
    let names = ["authorization", "cookie", "x-api-key", "x-auth-token", "x-tenant"];
    names.iter().filter_map(|name| request.headers().get(*name)?.to_str().ok()).collect()
}

#[get("/open")]
#[cache_page(60)]
async fn open(request: HttpRequest, runs: web::Data<Runs>) -> String {
    format!("{} {}", runs.count(), visitor(&request))
}

#[get("/wrapped")]
#[cache_page(60)]
async fn wrapped(
    (request, _): (Option<HttpRequest>, Either<web::Path<()>, HttpRequest>),
    runs: web::Data<Runs>,
) -> String {
    format!("{} {}", runs.count(), request.map(|request| visitor(&request)).unwrap_or_default())
}

#[get("/shared")]
#[cache_page(60)]
async fn shared(#[unkeyed] request: HttpRequest, runs: web::Data<Runs>) -> String {
    format!("{} {}", runs.count(), request.path())
}

#[get("/covered")]
#[cache_page(60)]
async fn covered(request: HttpRequest, _cookie: web::Header<Cookie>, runs: web::Data<Runs>) -> String {
    format!("{} {}", runs.count(), visitor(&request))
}

/// `Cookie` as a typed header.
struct Cookie;

impl header::Header for Cookie {
    fn name() -> HeaderName {
        header::COOKIE
    }

    fn parse<M: actix_web::HttpMessage>(_: &M) -> Result<Self, actix_web::error::ParseError> {
        Ok(Self)
    }
}

impl header::TryIntoHeaderValue for Cookie {
    type Error = header::InvalidHeaderValue;

    fn try_into_value(self) -> Result<header::HeaderValue, Self::Error> {
        "".parse()
    }
}

macro_rules! app {
    ($cache:expr) => {{
        let runs = Runs::default();
        let app = App::new().app_data($cache).app_data(web::Data::new(runs.clone()));
        let app = app.service(open).service(wrapped).service(shared).service(covered);
        (init_service(app).await, runs)
    }};
}

/// Nobody gets a page made with another's credentials, and nobody's credentials make a page for others.
#[actix_web::test]
async fn credentials_pass_an_open_page_by() {
    for path in ["/open", "/wrapped"] {
        let (app, runs) = app!(PageCache::new());
        for name in ["authorization", "cookie", "proxy-authorization", "x-api-key", "x-auth-token"] {
            let answer = send(&app, TestRequest::get().uri(path).insert_header((name, "alice"))).await;
            assert_eq!(answer.outcome(), "cache_page; fwd=bypass; detail=credentials", "{path} {name}");
            assert_eq!(answer.header("cache-control"), None);
        }
        let before = runs.get();
        assert!(get(&app, path).await.is_stored());
        assert!(get(&app, path).await.is_hit());
        for name in ["authorization", "cookie"] {
            let answer = send(&app, TestRequest::get().uri(path).insert_header((name, "bob"))).await;
            assert!(answer.text().ends_with("bob"), "{path} {name}");
        }
        assert_eq!(runs.get(), before + 3);
    }
}

/// A browser or a proxy must not show the anonymous page to somebody who has logged in since.
#[actix_web::test]
async fn an_open_page_says_what_it_depends_on() {
    let (app, _) = app!(PageCache::new());
    for _ in 0..2 {
        let vary = get(&app, "/open").await.header("vary").unwrap();
        assert!(
            vary.contains("cookie") && vary.contains("authorization") && vary.contains("x-api-key"),
            "{vary}"
        );
    }
    assert_eq!(get(&app, "/shared").await.header("vary"), None);
}

#[actix_web::test]
async fn an_author_can_name_other_credentials() {
    let (app, _) = app!(PageCache::new());
    assert!(send(&app, TestRequest::get().uri("/open").insert_header(("x-tenant", "a"))).await.is_stored());

    let tenant = HeaderName::from_static("x-tenant");
    let (app, _) = app!(PageCache::builder().credential_header(tenant).build());
    for name in ["x-tenant", "cookie"] {
        let answer = send(&app, TestRequest::get().uri("/open").insert_header((name, "a"))).await;
        assert_eq!(answer.outcome(), "cache_page; fwd=bypass; detail=credentials");
    }
}

#[actix_web::test]
async fn a_covered_header_makes_pages_of_its_own() {
    let (app, _) = app!(PageCache::new());
    let mut pages = Vec::new();
    for cookie in ["alice", "bob", "alice", "bob"] {
        let answer = send(&app, TestRequest::get().uri("/covered").insert_header(("cookie", cookie))).await;
        assert!(answer.text().ends_with(cookie));
        pages.push((answer.is_hit(), answer.body));
    }
    assert_eq!(pages.iter().map(|page| page.0).collect::<Vec<_>>(), [false, false, true, true]);
    assert!(pages[0].1 == pages[2].1 && pages[1].1 == pages[3].1);
    let both = TestRequest::get()
        .uri("/covered")
        .insert_header(("cookie", "alice"))
        .insert_header(("authorization", "x"));
    assert!(send(&app, both).await.outcome().ends_with("credentials"));
}

/// A handler that writes links from the headers themselves writes each client's own into that client's own page.
#[actix_web::test]
async fn links_cannot_be_poisoned() {
    #[get("/links")]
    #[cache_page(60)]
    async fn links(request: HttpRequest) -> String {
        format!("{:?}", request.headers())
    }
    let app = init_service(App::new().app_data(PageCache::new()).service(links)).await;
    let ordinary = || TestRequest::get().uri("/links").insert_header(("host", "good.example"));
    for name in ["x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix", "x-original-url", "forwarded"]
    {
        assert!(
            send(&app, ordinary().insert_header((name, "host=evil.example"))).await.text().contains("evil")
        );
    }
    // What the links would be made from is good; what the handler reads is not.
    let twice = TestRequest::get().uri("/links").insert_header(("host", "evil.example"));
    send(&app, twice.insert_header(("x-forwarded-host", "good.example"))).await;
    assert!(!send(&app, ordinary()).await.text().contains("evil"));
}

#[actix_web::test]
async fn the_authors_word_is_taken() {
    let (app, runs) = app!(PageCache::new());
    for cookie in ["alice", "bob"] {
        send(&app, TestRequest::get().uri("/shared").insert_header(("cookie", cookie))).await;
    }
    assert_eq!(runs.get(), 1);
}

/// Each of them by itself: the first that was forgotten would be the one that is used.
#[actix_web::test]
async fn every_usual_credential_header() {
    #[cache_page(60)]
    async fn page(request: HttpRequest) -> String {
        format!("{:?}", request.headers())
    }
    let app = init_service(App::new().app_data(PageCache::new()).default_service(web::to(page))).await;
    for name in [
        "authorization",
        "cookie",
        "proxy-authorization",
        "x-api-key",
        "x-auth-token",
        "x-access-token",
        "x-session-token",
        "x-amz-security-token",
        "dpop",
        "signature",
        "remote-user",
        "x-remote-user",
        "x-forwarded-user",
        "x-forwarded-email",
        "x-forwarded-access-token",
        "x-forwarded-client-cert",
        "x-auth-request-user",
        "x-auth-request-email",
        "x-auth-request-access-token",
        "cf-access-jwt-assertion",
        "x-goog-iap-jwt-assertion",
        "x-amzn-oidc-data",
        "x-amzn-oidc-identity",
        "x-ms-client-principal",
        "x-ssl-client-cert",
    ] {
        for _ in 0..2 {
            let answer = send(&app, TestRequest::get().insert_header((name, "alice"))).await;
            assert_eq!(answer.outcome(), "cache_page; fwd=bypass; detail=credentials", "{name}");
        }
    }
    assert!(!get(&app, "/").await.text().contains("alice"));
}

/// What a link may be made from makes a page of its own, whichever of them it is.
#[actix_web::test]
async fn every_header_that_links_are_made_from() {
    #[cache_page(60)]
    async fn page(request: HttpRequest) -> String {
        format!("{:?}", request.headers())
    }
    for name in [
        "host",
        "forwarded",
        "x-forwarded-host",
        "x-forwarded-server",
        "x-forwarded-proto",
        "x-forwarded-scheme",
        "x-forwarded-ssl",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-forwarded-path",
        "x-host",
        "x-original-host",
        "x-original-url",
        "x-original-uri",
        "x-rewrite-url",
    ] {
        let app = init_service(App::new().app_data(PageCache::new()).default_service(web::to(page))).await;
        // Where the key has the host from another header, it is the same in all of these.
        let ordinary = || match name {
            "forwarded" | "x-forwarded-proto" => {
                TestRequest::get().insert_header(("forwarded", "proto=http;host=good.example"))
            }
            "x-forwarded-host" | "host" => {
                TestRequest::get().insert_header(("forwarded", "host=good.example"))
            }
            _ => TestRequest::get().insert_header(("host", "good.example")),
        };
        let attacks = ["evil.example", "by=evil", ""].map(|line| ordinary().append_header((name, line)));
        for attack in attacks {
            assert!(send(&app, attack).await.is_stored(), "{name}");
        }
        let answer = send(&app, ordinary()).await;
        assert!(answer.is_stored() && !answer.text().contains("evil"), "{name}: {}", answer.outcome());
    }
}
