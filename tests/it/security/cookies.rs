//! Which cookies are credentials, and that the others get into no page.

use std::{cell::Cell, panic, sync::Once, time::Duration};

use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::COOKIE,
    middleware::{Next, from_fn},
    web,
};
use cache_page::{PageCacheBuilder, PageCacheMiddleware, Reason, cache_page};

use crate::support::{Origin, TestApp, TestAppBuilder, settle};

/// The two forms whose handlers may read any cookie.
const PATHS: [&str; 2] = ["/attribute", "/middleware"];

#[cache_page(60)]
async fn attribute(#[anonymous] request: HttpRequest, origin: Origin) -> String {
    format!("{} {}", origin.count(), request.path())
}

/// Shows all cookies, however they are read.
fn cookies_of(request: &HttpRequest) -> String {
    let header: Vec<_> = request.headers().get_all(COOKIE).collect();
    let show = |cookie: &actix_web::cookie::Cookie<'_>| format!("{}={:?}", cookie.name(), cookie.value());
    let decoded: Option<Vec<_>> = request.cookies().ok().map(|cookies| cookies.iter().map(show).collect());
    let raw: Option<Vec<_>> = request.cookies_raw().ok().map(|cookies| cookies.iter().map(show).collect());
    format!("{header:?} {decoded:?} {raw:?}")
}

async fn shown(request: HttpRequest, origin: Origin) -> String {
    origin.pass().await;
    cookies_of(&request)
}

fn builder(cache: impl FnOnce(PageCacheBuilder) -> PageCacheBuilder) -> TestAppBuilder {
    around(|| PageCacheMiddleware::new(60)).route("/attribute", attribute).cache(cache)
}

/// An application that shows its cookies at `/middleware`, with this middleware around that.
fn around(middleware: impl Fn() -> PageCacheMiddleware + Send + Sync + 'static) -> TestAppBuilder {
    TestApp::builder().configure(move |config| {
        config.service(web::resource("/middleware").wrap(middleware()).to(shown));
    })
}

/// What visitors of a site with the session cookie `sessionid` send.
const VISITORS: [(&str, bool); 20] = [
    ("", false),
    ("_ga=GA1.1.1; _ga_9XK4T2=GS1.1.1.0", false),
    ("_ga=GA1.2.3; _gid=GA1.2.4; _gat_gtag_UA_1_2=1", false),
    ("_fbp=fb.1.1.1; _ga=GA1.1.2; _gcl_au=1.1.1", false),
    ("OptanonConsent=isGpcEnabled=0&groups=C0001%3A1; OptanonAlertBoxClosed=2026-01-01T00:00:00.000Z", false),
    ("_ga=GA1.1.3; cookie_consent=yes", false),
    ("__cf_bm=x.y-z; _cfuvid=a; cf_clearance=b", false),
    ("_pk_id.1.1fff=a.1.; _pk_ses.1.1fff=1", false),
    ("_hjSessionUser_1=eyJpZCI6IjEifQ==; _hjSession_1=eyJ9; _hjid=1", false),
    ("AWSALB=a/b+c==; AWSALBCORS=a/b+c==", false),
    ("__utma=1.2.3; __utmz=1.2.utmcsr=(direct)|utmccn=(direct)", false),
    ("_ga=GA1.1.4; csrftoken=abc", false),
    ("csrftoken=abc", false),
    ("theme=dark; _ga=GA1.1.5", false),
    ("lang=de", false),
    ("cart={\"items\":[1,2]}; _ga=GA1.1.6", false),
    ("exp_checkout=b; _gid=GA1.2.7", false),
    ("sessionid=alice", true),
    ("_ga=GA1.1.8; csrftoken=abc; sessionid=bob", true),
    ("theme=dark; sessionid=carol; _fbp=fb.1.1.2", true),
];

/// Returns how many of the visitors without a session get a hit, and checks that nobody with a session does.
async fn hits(cache: fn(PageCacheBuilder) -> PageCacheBuilder, path: &str) -> usize {
    let app = builder(cache).start().await;
    app.get(path).await.assert_stored();
    let mut hits = 0;
    for (cookies, has_session) in VISITORS {
        let request = app.get(path);
        let response = if cookies.is_empty() { request } else { request.header("cookie", cookies) }.await;
        if response.is_hit() {
            assert!(!has_session, "{response:?}");
            hits += 1;
        } else {
            response.assert_bypass(Reason::Credentials);
        }
    }
    hits
}

/// The share of hits among 17 visitors without a session.
#[actix_web::test]
async fn visitors_without_a_session_get_hits() {
    for path in PATHS {
        assert_eq!(hits(|cache| cache.ignore_analytics_cookies(false), path).await, 1, "{path}");
        assert_eq!(hits(|cache| cache, path).await, 11, "{path}");
        assert_eq!(hits(|cache| cache.ignore_cookies(["theme", "lang", "csrf*", "exp_*"]), path).await, 16);
        assert_eq!(hits(|cache| cache.session_cookies(["sessionid"]), path).await, 17, "{path}");
    }
}

#[actix_web::test]
async fn session_behind_a_hundred_ignored_cookies_counts() {
    let ignored: String = (0..100).map(|number| format!("_ga_{number}=1; ")).collect();
    for path in PATHS {
        for names in [&["other"][..], &["sessionid"]] {
            let app = builder(|cache| match names {
                ["other"] => cache,
                names => cache.session_cookies(names),
            });
            let app = app.start().await;
            app.get(path).header("cookie", &ignored).await.assert_stored();
            for cookies in [format!("{ignored}sessionid=1"), format!("sessionid=1; {ignored}")] {
                app.get(path).header("cookie", cookies).await.assert_bypass(Reason::Credentials);
            }
            let lines = app.get(path).header("cookie", &ignored).header("cookie", "sessionid=1");
            lines.await.assert_bypass(Reason::Credentials);
        }
    }
}

#[actix_web::test]
async fn cookie_that_parsers_read_differently_is_a_credential() {
    let doubtful: [&[u8]; 14] = [
        b"_ga",
        b"=1",
        b"_ga=1; sessionid",
        b"_ga=1, sessionid=2",
        b"_ga=\"1; sessionid=2\"",
        b"_ga=\"1, sessionid=2\"",
        b"%73essionid=1",
        b"_ga=1;%73essionid=1",
        b"_ga%00=1",
        b"_ga%ff=1",
        b"_ga=\xff",
        b"_g\xc3\xa4=1",
        b"\xc2\xa0sessionid=1",
        b"sessionid =1",
    ];
    for session in [None, Some("sessionid")] {
        for path in PATHS {
            let app = builder(|cache| match session {
                Some(name) => cache.session_cookies([name]),
                None => cache,
            });
            let app = app.start().await;
            for cookies in doubtful {
                app.get(path).header("cookie", cookies).await.assert_bypass(Reason::Credentials);
            }
        }
    }
}

#[actix_web::test]
async fn names_of_cookies_are_case_sensitive() {
    for path in PATHS {
        let app = builder(|cache| cache).start().await;
        app.get(path).header("cookie", "_GA=1").await.assert_bypass(Reason::Credentials);
    }
}

#[actix_web::test]
async fn other_credentials_count_beside_session_cookies() {
    for path in PATHS {
        let app = builder(|cache| cache.session_cookies(["sessionid"])).start().await;
        for name in ["authorization", "x-api-key", "cookie2", "x-csrftoken"] {
            let response = app.get(path).header("cookie", "_ga=1").header(name, "a=b").await;
            response.assert_bypass(Reason::Credentials);
        }
    }
}

#[actix_web::test]
async fn cookie_as_a_credential_header_means_all_cookies() {
    for path in PATHS {
        let app =
            builder(|cache| cache.credential_header(COOKIE).session_cookies(["sessionid"])).start().await;
        app.get(path).header("cookie", "_ga=1").await.assert_bypass(Reason::Credentials);
    }
}

/// What clients send, to store something in the page of others or to get it.
const HEADERS: [&[&[u8]]; 27] = [
    &[],
    &[b""],
    &[b"theme=dark"],
    &[b"theme=light"],
    &[b"theme="],
    &[b"_ga=evil"],
    &[b"_ga=other"],
    &[b"_ga=evil; theme=dark"],
    &[b"theme=dark; _ga=evil"],
    &[b" theme = dark ;; _ga=evil"],
    &[b"theme=dark", b"_ga=evil"],
    &[b"_ga=evil", b"theme=dark"],
    &[b"theme=dark; theme=light"],
    &[b"theme=dark", b"theme=light"],
    &[b"th%65me=dark"],
    &[b"th%65me=evil; theme=dark"],
    &[b"theme=dark; th%65me=evil"],
    &[b"\xc2\xa0theme=dark"],
    &[b"_ga=evil, theme=dark"],
    &[b"theme=dark, _ga=evil"],
    &[b"theme=\"dark\"; _ga=\"evil"],
    &[b"theme=d%61rk"],
    &[b"_ga=evil; other=evil"],
    &[b"other=evil"],
    &[b"sessionid=alice; _ga=evil; theme=dark"],
    &[b"theme=dark; x=\xff"],
    &[b"theme=dark; other"],
];

async fn get(app: &TestApp, lines: &[&[u8]]) -> String {
    let request = lines.iter().fold(app.get("/middleware"), |request, line| request.header("cookie", line));
    request.await.text().to_owned()
}

fn themed(session: Option<&'static str>) -> TestAppBuilder {
    around(|| PageCacheMiddleware::new(60).vary_cookie(&["theme"])).cache(|cache| match session {
        Some(name) => cache.session_cookies([name]),
        None => cache,
    })
}

/// Whatever was requested before, a visitor is sent what an empty cache would send.
#[actix_web::test]
async fn no_cookie_of_a_visitor_gets_into_the_page_of_another() {
    for session in [None, Some("sessionid")] {
        for attack in HEADERS {
            for victim in HEADERS {
                let expected = get(&themed(session).start().await, victim).await;
                let app = themed(session).start().await;
                get(&app, attack).await;
                assert_eq!(get(&app, victim).await, expected, "{session:?} {attack:?} {victim:?}");
            }
        }
    }
}

#[actix_web::test]
async fn ignored_cookies_are_removed_from_requests() {
    let app = themed(None).start().await;
    let response = app.get("/middleware").header("cookie", "_ga=1; theme=dark; _gid=2").await;
    response
        .assert_stored()
        .assert_body(r#"["theme=dark"] Some(["theme=\"dark\""]) Some(["theme=\"dark\""])"#);
    let response = app.get("/middleware").header("cookie", "_ga=1; _gid=2").await;
    response.assert_stored().assert_body("[] Some([]) Some([])");
    app.get("/middleware").await.assert_hit();
}

#[actix_web::test]
async fn cookies_beside_a_session_are_removed_without_it_only() {
    let app = builder(|cache| cache.session_cookies(["sessionid"])).start().await;
    let response = app.get("/middleware").header("cookie", "_ga=1; theme=dark; csrftoken=2").await;
    response.assert_stored().assert_body("[] Some([]) Some([])");
    let cookies = "_ga=1; theme=dark; sessionid=alice";
    let response = app.get("/middleware").header("cookie", cookies).await;
    response.assert_bypass(Reason::Credentials);
    assert!(response.text().starts_with(&format!("[{cookies:?}] ")), "{response:?}");
}

async fn parse(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    let count = request.cookies().unwrap().len();
    assert_eq!(request.cookies_raw().unwrap().len(), count);
    next.call(request).await
}

/// actix-web keeps them in the extensions of the request.
#[actix_web::test]
async fn cookies_that_an_outer_service_has_parsed_are_removed() {
    let app = builder(|cache| cache).wrap(|| from_fn(parse)).start().await;
    let response = app.get("/middleware").header("cookie", "_ga=1").await;
    response.assert_stored().assert_body("[] Some([]) Some([])");
    let response = app.get("/middleware").header("cookie", "_ga=1; id=2").await;
    response.assert_bypass(Reason::Credentials);
    assert!(response.text().contains("id=") && response.text().contains("_ga="), "{response:?}");
}

fn has_session(request: &HttpRequest) -> bool {
    request.cookie("sessionid").is_some() || request.cookie_raw("sessionid").is_some()
}

#[actix_web::test]
async fn cookies_that_a_predicate_has_parsed_are_removed() {
    let middleware = || PageCacheMiddleware::new(60).bypass_if(has_session).vary_by(has_session);
    let app = around(middleware).cache(|cache| cache.credential_if(has_session)).start().await;
    let response = app.get("/middleware").header("cookie", "_ga=1").await;
    response.assert_stored().assert_body("[] Some([]) Some([])");
    app.get("/middleware").header("cookie", "sessionid=1").await.assert_bypass(Reason::BypassIf);
}

#[actix_web::test]
async fn background_refresh_sees_no_ignored_cookie() {
    let middleware = || PageCacheMiddleware::new(60).stale_while_revalidate(Duration::from_secs(60));
    let app = around(middleware).start().await;
    app.get("/middleware").await.assert_stored();
    app.advance(61);
    let response = app.get("/middleware").header("cookie", "_ga=evil").await;
    response.assert_stale(Reason::StaleWhileRevalidate);
    settle().await;
    assert_eq!(app.runs(), 2);
    app.get("/middleware").await.assert_hit().assert_body("[] Some([]) Some([])");
}

#[cache_page(300)]
async fn inner(#[unkeyed] request: HttpRequest, origin: Origin) -> String {
    origin.count();
    cookies_of(&request)
}

#[actix_web::test]
async fn services_within_two_caches_see_no_ignored_cookie() {
    let nested = || {
        TestApp::builder().configure(|config| {
            let middleware = web::resource("/middleware").wrap(PageCacheMiddleware::new(300)).to(shown);
            config.service(middleware).route("/attribute", web::to(inner));
        })
    };
    for path in PATHS {
        let app = nested().wrap(|| PageCacheMiddleware::new(60)).start().await;
        let response = app.get(path).header("cookie", "_ga=1").await;
        response.assert_stored().assert_ttl(300).assert_body("[] Some([]) Some([])");
        app.get(path).header("cookie", "_ga=2").await.assert_hit();
        app.get(path).await.assert_hit();
    }
}

#[cache_page(60)]
async fn varying(#[anonymous] request: HttpRequest, origin: Origin) -> HttpResponse {
    origin.count();
    HttpResponse::Ok().insert_header(("vary", "cookie")).body(cookies_of(&request))
}

/// A handler with the attribute sees the ignored cookies. If it says that its response depends on them, that counts.
#[actix_web::test]
async fn handler_that_varies_by_cookie_has_a_page_per_value() {
    let app = TestApp::builder().route("/", varying).start().await;
    for is_hit in [false, true] {
        for cookies in ["_ga=1", "_ga=2"] {
            let response = app.get("/").header("cookie", cookies).await;
            assert_eq!(response.is_hit(), is_hit, "{response:?}");
            assert!(response.text().contains(cookies), "{response:?}");
        }
        assert_eq!(app.get("/").await.is_hit(), is_hit);
    }
    app.get("/").header("cookie", "id=1").await.assert_bypass(Reason::Credentials);
}

async fn hold(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    let held = request.request().clone();
    let response = next.call(request).await;
    drop(held);
    response
}

/// An application whose outer service holds each request.
async fn held() -> TestApp {
    let app = TestApp::builder().configure(|config| {
        let middleware = PageCacheMiddleware::new(60).ignore_query(&["utm_*"]);
        config.service(web::resource("/middleware").wrap(middleware).wrap(from_fn(hold)).to(shown));
    });
    app.start().await
}

/// Nothing can be removed from a request that is held.
#[actix_web::test]
async fn request_that_an_outer_service_holds_bypasses_with_ignored_cookies() {
    let app = held().await;
    let cookie = app.get("/middleware").header("cookie", "_ga=1").await;
    assert!(cookie.assert_bypass(Reason::RequestHeld).text().contains("_ga=1"), "{cookie:?}");
    app.get("/middleware?utm_source=a").await.assert_bypass(Reason::RequestHeld);
    app.get("/middleware").await.assert_stored();
    app.get("/middleware?utm_source=a").header("cookie", "_ga=1").await.assert_hit();
}

#[test]
#[should_panic(expected = "the cookie name \"a*b*\" is not valid: a pattern has one `*` at most")]
fn invalid_pattern_of_a_cookie_panics() {
    drop(cache_page::PageCache::builder().ignore_cookies(["a*b*"]));
}

#[test]
#[should_panic(expected = "needs the name of a cookie")]
fn no_session_cookie_panics() {
    drop(cache_page::PageCache::builder().session_cookies([""; 0]));
}

thread_local! {
    static PANICS: Cell<usize> = const { Cell::new(0) };
}

/// Counts the panics of each thread, which are printed as before.
fn count_panics() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            print(info);
        }));
    });
}

/// Otherwise each visitor could fill the log.
#[actix_web::test]
async fn requests_that_are_held_print_one_panic() {
    count_panics();
    let app = held().await;
    for _ in 0..20 {
        app.get("/middleware").header("cookie", "_ga=1").await.assert_bypass(Reason::RequestHeld);
    }
    assert_eq!(PANICS.get(), 1);
}
