//! Nobody is shown what was made for somebody else.

use actix_session::{Session, SessionMiddleware, storage::CookieSessionStore};
use actix_web::{
    cookie::Key,
    error::ErrorForbidden,
    guard,
    http::header::{self, HeaderValue},
    middleware::Compress,
};

use super::*;

/// Each header that usually has credentials in it, and those that the author names.
#[actix_web::test]
async fn credentials_pass_by() {
    let tenant = HeaderName::from_static("x-tenant");
    let cache = PageCache::builder().credential_header(tenant).build();
    let (app, runs) = showing(&cache, PageCacheMiddleware::new(60)).await;
    let names = [
        "cookie",
        "authorization",
        "proxy-authorization",
        "x-api-key",
        "x-auth-token",
        "x-forwarded-user",
        "x-tenant",
    ];
    for name in names {
        for visitor in ["alice", "bob"] {
            let answer = send(&*app, asking("/", &[(name, visitor)])).await;
            assert_eq!(answer.outcome(), "cache_page; fwd=bypass; detail=credentials", "{name}");
            assert!(answer.text().contains(visitor));
            // Nothing is said of what is not kept.
            assert_eq!((answer.header("cache-control"), answer.header("etag")), (None, None));
        }
    }
    assert_eq!(cache.stats().pages(), 0);
    let before = runs.get();
    let page = get(&*app, "/").await;
    assert!(page.is_stored() && !page.text().contains("alice"));
    for name in names {
        assert!(send(&*app, asking("/", &[(name, "carol")])).await.text().contains("carol"), "{name}");
        assert!(page.header("vary").unwrap().contains(name), "{name}");
    }
    assert_eq!(get(&*app, "/").await.body, page.body);
    assert_eq!(runs.get(), before + 1 + names.len() as u64);
}

/// What links are made from is the client's to choose, and so is what it finds in its own page alone.
#[actix_web::test]
async fn links_cannot_be_poisoned() {
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
        let (app, _) = showing(&PageCache::new(), PageCacheMiddleware::new(60)).await;
        let ordinary = || match name {
            "host" => TestRequest::get().insert_header(("x-forwarded-host", "good.example")),
            _ => TestRequest::get().insert_header(("host", "good.example")),
        };
        assert!(
            send(&*app, ordinary().append_header((name, "host=evil.example"))).await.is_stored(),
            "{name}"
        );
        let answer = send(&*app, ordinary()).await;
        assert!(answer.is_stored() && !answer.text().contains("evil"), "{name}: {}", answer.text());
    }
}

/// One URL may be written in many ways, and a handler sees in which.
#[actix_web::test]
async fn spellings_of_a_url() {
    let (app, _) = showing(&PageCache::new(), PageCacheMiddleware::new(60)).await;
    let mut pages = Vec::new();
    for uri in [
        "/a%2Fb",
        "/a%2fb",
        "/a/b",
        "/a%62",
        "/ab",
        "/AB",
        "//ab",
        "/ab/",
        "/ab?",
        "/ab?x",
        "/ab?x=",
        "/ab?%78",
        "/a%00b",
        "/a;b",
        "http://test/ab",
        "http://evil.example/ab",
        "https://evil.example/ab",
        "/a+b",
        "/a%20b",
    ] {
        let answer = get(&*app, uri).await;
        assert!(answer.is_stored(), "{uri}: {}", answer.text());
        assert!(answer.text().contains(&format!(" {uri} ")), "{uri}: {}", answer.text());
        pages.push((uri, answer.body));
    }
    for (uri, body) in pages {
        let again = get(&*app, uri).await;
        assert!(again.is_hit() && again.body == body, "{uri}");
    }
}

/// A body makes its handler answer otherwise, and is in no key: whoever sends one with GET gets an answer of his own, or one
/// that was made without it.
#[actix_web::test]
async fn bodies_of_get() {
    async fn echo(body: String) -> String {
        format!("page for {body:?}")
    }
    let cache = PageCache::new();
    let app =
        App::new().app_data(cache.clone()).wrap(PageCacheMiddleware::new(60)).default_service(web::to(echo));
    let app = init_service(app).await;
    let with = |body: &'static str, line: (&'static str, &'static str)| {
        TestRequest::get().uri("/with").insert_header(line).set_payload(body)
    };
    let lines = [("content-length", "4"), ("transfer-encoding", "chunked")];
    for (line, body) in lines.into_iter().zip(["evil", "many"]) {
        assert_eq!(send(&app, with(body, line)).await.text(), format!("page for {body:?}"), "{line:?}");
        assert_eq!(get(&app, "/with").await.text(), "page for \"\"");
        assert_eq!(send(&app, with(body, line)).await.text(), format!("page for {body:?}"), "{line:?}");
    }
    // HTTP/2 has no need to announce it.
    let unannounced = TestRequest::get().uri("/without").set_payload("evil");
    assert!(["page for \"\"", "page for \"evil\""].contains(&send(&app, unannounced).await.text()));
    assert_eq!(get(&app, "/without").await.text(), "page for \"\"");
    // One that is announced to be empty is none.
    assert!(send(&app, asking("/without", &[("content-length", "0")])).await.is_hit());
}

/// Cookies that are set inside, for whomever, are nobody else's.
#[actix_web::test]
async fn cookies_that_are_set_inside() {
    let cache = PageCache::new();
    let cookies = Runs::default();
    let app = App::new()
        .app_data(cache.clone())
        .app_data(web::Data::new(Runs::default()))
        .wrap_fn(move |request, service| {
            let (number, answer) = (cookies.count(), service.call(request));
            async move {
                let mut response = answer.await?;
                let line = HeaderValue::from_str(&format!("csrf={number}; HttpOnly")).unwrap();
                response.headers_mut().append(header::SET_COOKIE, line);
                Ok::<_, Error>(response)
            }
        })
        .wrap(PageCacheMiddleware::new(None))
        .default_service(web::to(shown));
    let app = init_service(app).await;
    for number in 1..5 {
        let answer = get(&app, "/").await;
        assert_eq!(answer.header("set-cookie").unwrap(), format!("csrf={number}; HttpOnly"));
        assert_eq!(answer.outcome(), "cache_page; fwd=miss; detail=set-cookie");
    }
    assert_eq!(cache.stats().pages(), 0);
}

/// Sessions inside and outside: each visitor has his own, on a hit as on a miss.
#[actix_web::test]
async fn sessions() {
    async fn greeting(session: Session) -> Result<String, Error> {
        Ok(session.get::<String>("user")?.unwrap_or_else(|| "stranger".to_owned()))
    }
    async fn login(session: Session, name: web::Path<String>) -> Result<&'static str, Error> {
        session.insert("user", name.into_inner())?;
        Ok("welcome")
    }
    let sessions = || SessionMiddleware::new(CookieSessionStore::default(), Key::from(&[3; 64]));
    let routes = |config: &mut web::ServiceConfig| {
        config.route("/me", web::get().to(greeting)).route("/login/{name}", web::get().to(login));
    };
    let (inside, outside) = (PageCache::new(), PageCache::new());
    let app = App::new()
        .app_data(inside.clone())
        .wrap(sessions())
        .wrap(PageCacheMiddleware::new(60))
        .configure(routes);
    let inside_app = init_service(app).await;
    let app = App::new()
        .app_data(outside.clone())
        .wrap(PageCacheMiddleware::new(60))
        .wrap(sessions())
        .configure(routes);
    let outside_app = init_service(app).await;
    macro_rules! check {
        ($app:expr, $logins_are_kept:expr) => {{
            let cookie =
                |answer: &Answer| answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
            for round in 0..3 {
                // A page that logs in by GET is kept where the session is around it: it was said to be the same for all.
                let mut jars = Vec::new();
                for name in ["alice", "bob"] {
                    let answer = get(&$app, &format!("/login/{name}?{round}")).await;
                    assert!(answer.is_stored() == $logins_are_kept, "{}", answer.outcome());
                    jars.push((name, cookie(&answer)));
                }
                for (name, jar) in &jars {
                    let answer = send(&$app, asking("/me", &[("cookie", jar)])).await;
                    assert_eq!((answer.text(), answer.is_hit()), (*name, false));
                }
                let stranger = get(&$app, "/me").await;
                assert_eq!((stranger.text(), stranger.is_hit()), ("stranger", round > 0));
                assert_eq!(stranger.header("set-cookie"), None);
            }
        }};
    }
    check!(inside_app, false);
    check!(outside_app, true);
}

/// Only those who say that they are known are let in.
macro_rules! checked {
    ($app:expr) => {
        $app.wrap_fn(|request, service| {
            let answer = request.headers().contains_key("x-known").then(|| service.call(request));
            async move {
                match answer {
                    Some(answer) => answer.await,
                    None => Err(ErrorForbidden("not for you")),
                }
            }
        })
    };
}

/// The status that somebody is answered with.
async fn status<B>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
    request: TestRequest,
) -> u16 {
    match app.call(request.to_request()).await {
        Ok(response) => response.status().as_u16(),
        Err(error) => error.as_response_error().status_code().as_u16(),
    }
}

/// An access check around it guards every page; one inside does where the author names the header that it looks at.
#[actix_web::test]
async fn access_checks() {
    let app = |cache| App::new().app_data(cache).app_data(web::Data::new(Runs::default()));
    let known = || asking("/", &[("x-known", "1")]);
    let around =
        checked!(app(PageCache::new()).wrap(PageCacheMiddleware::new(60))).default_service(web::to(shown));
    let around = init_service(around).await;
    let named = PageCache::builder().credential_header(HeaderName::from_static("x-known")).build();
    let inside = checked!(app(named)).wrap(PageCacheMiddleware::new(60)).default_service(web::to(shown));
    let inside = init_service(inside).await;
    for _ in 0..3 {
        assert_eq!((status(&around, TestRequest::get()).await, status(&around, known()).await), (403, 200));
        assert_eq!((status(&inside, TestRequest::get()).await, status(&inside, known()).await), (403, 200));
    }
    assert!(send(&around, known()).await.is_hit());
}

/// A check between two of them guards what the inner one keeps: the outer one has no page of that.
#[actix_web::test]
async fn an_access_check_between_two() {
    let cache = PageCache::new();
    let scope =
        checked!(web::scope("/scope").wrap(PageCacheMiddleware::new(60))).default_service(web::to(shown));
    let app = App::new()
        .app_data(cache.clone())
        .app_data(web::Data::new(Runs::default()))
        .wrap(PageCacheMiddleware::new(60))
        .service(scope);
    let app = Rc::new(init_service(app).await);
    let crowd = Crowd::send(&app, [asking("/scope/a", &[("x-known", "1")])]).await;
    assert_eq!(crowd.answered(), 1);
    assert_eq!(status(&*app, TestRequest::get().uri("/scope/a")).await, 403);
}

/// Two of them around what is not the same have pages of their own, even where their URLs are the same.
#[actix_web::test]
async fn two_that_a_guard_chooses() {
    async fn text(text: web::Data<&'static str>) -> &'static str {
        &text
    }
    let scope =
        |name: &'static str| web::scope("/a").app_data(web::Data::new(name)).default_service(web::to(text));
    let is_internal = || guard::Header("x-internal", "1");
    let internal = || asking("/a/b", &[("x-internal", "1")]);
    let app = App::new()
        .app_data(PageCache::new())
        .service(scope("internal").guard(is_internal()).wrap(PageCacheMiddleware::new(60)))
        .service(scope("public").wrap(PageCacheMiddleware::new(60)));
    let app = init_service(app).await;
    for is_hit in [false, true] {
        let answer = send(&app, internal()).await;
        assert_eq!((answer.text(), answer.is_hit()), ("internal", is_hit));
        let answer = get(&app, "/a/b").await;
        assert_eq!((answer.text(), answer.is_hit()), ("public", is_hit));
    }
}

/// What is inside may change the request on its way, and whoever sends it changed has not been there.
#[actix_web::test]
async fn requests_that_are_changed_inside() {
    async fn tenant(request: HttpRequest) -> HttpResponse {
        let tenant = request.headers().get("x-tenant").unwrap().to_str().unwrap().to_owned();
        HttpResponse::Ok().insert_header(("vary", "x-tenant, x-place")).body(tenant)
    }
    let app = App::new()
        .app_data(PageCache::new())
        .wrap_fn(|mut request, service| {
            let place = request.headers().get("x-place").map_or("nowhere", |place| place.to_str().unwrap());
            let tenant = HeaderValue::from_str(&format!("of {place}")).unwrap();
            // Whatever the client said it was.
            request.headers_mut().insert(HeaderName::from_static("x-tenant"), tenant);
            service.call(request)
        })
        .wrap(PageCacheMiddleware::new(60))
        .default_service(web::to(tenant));
    let app = init_service(app).await;
    for is_hit in [false, true] {
        for place in ["here", "there"] {
            let answer = send(&app, asking("/", &[("x-place", place)])).await;
            assert_eq!(answer.text(), format!("of {place}"));
            assert_eq!(answer.is_hit(), is_hit, "{place}: {}", answer.outcome());
        }
        // A header that is made up finds no page that it was made up for.
        let spoofed = send(&app, asking("/", &[("x-place", "here"), ("x-tenant", "of there")])).await;
        assert_eq!(spoofed.text(), "of here");
    }
}

/// The same of a method that is changed inside: frameworks answer HEAD by GET so.
#[actix_web::test]
async fn methods_that_are_changed_inside() {
    let cache = PageCache::new();
    let app = App::new()
        .app_data(cache.clone())
        .app_data(web::Data::new(Runs::default()))
        .wrap_fn(|mut request, service| {
            if request.method() == Method::HEAD {
                request.head_mut().method = Method::GET;
            }
            service.call(request)
        })
        .wrap(PageCacheMiddleware::new(60))
        .route("/", web::get().to(shown));
    let app = init_service(app).await;
    let head = || TestRequest::default().method(Method::HEAD);
    assert_eq!(send(&app, head()).await.status, 200);
    let page = get(&app, "/").await;
    assert!(page.status == 200 && !page.body.is_empty(), "the answer to HEAD is not its page");
    assert!(send(&app, head()).await.is_hit());
}

/// A connection that is to be handed over is, even where a page of that URL is kept.
#[actix_web::test]
async fn upgrades_of_a_page() {
    async fn either(request: HttpRequest) -> HttpResponse {
        if request.headers().contains_key("upgrade") {
            HttpResponse::SwitchingProtocols().upgrade("websocket").finish()
        } else {
            HttpResponse::Ok().body("page")
        }
    }
    let app = App::new()
        .app_data(PageCache::new())
        .wrap(PageCacheMiddleware::new(60))
        .default_service(web::to(either));
    let app = init_service(app).await;
    for _ in 0..2 {
        assert_eq!(get(&app, "/").await.text(), "page");
        let upgrade = send(&app, asking("/", &[("connection", "upgrade"), ("upgrade", "websocket")])).await;
        assert_eq!(upgrade.status, 101);
    }
}

/// Compressed inside, each has what it can read.
#[actix_web::test]
async fn compressed_inside() {
    let app = App::new()
        .app_data(PageCache::new())
        .app_data(web::Data::new(Runs::default()))
        .wrap(Compress::default())
        .wrap(PageCacheMiddleware::new(60))
        .default_service(web::to(async || "a page ".repeat(100)));
    let app = init_service(app).await;
    for is_hit in [false, true] {
        for (encoding, sent) in [("gzip", Some("gzip")), ("identity", None)] {
            let answer = send(&app, asking("/", &[("accept-encoding", encoding)])).await;
            assert_eq!((answer.header("content-encoding").as_deref(), answer.is_hit()), (sent, is_hit));
            assert!(sent.is_none() || answer.header("vary").unwrap().contains("accept-encoding"));
            assert_eq!(answer.text_or_gzip(), "a page ".repeat(100));
        }
    }
}

impl Answer {
    fn text_or_gzip(&self) -> String {
        use std::io::Read as _;

        if self.header("content-encoding").is_none() {
            return self.text().to_owned();
        }
        let mut text = String::new();
        flate2::read::GzDecoder::new(&*self.body).read_to_string(&mut text).unwrap();
        text
    }
}
