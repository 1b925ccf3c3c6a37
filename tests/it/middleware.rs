//! The middleware of an ordinary App around cached handlers, outside the App's scopes and inside them.

use std::collections::BTreeSet;

use actix_cors::Cors;
use actix_session::{Session, SessionMiddleware, storage::CookieSessionStore};
use actix_web::{
    App, Error, HttpRequest, HttpResponse, Responder,
    cookie::Key,
    dev::{Service, ServiceResponse},
    get,
    http::{Method, StatusCode},
    middleware::{DefaultHeaders, ErrorHandlerResponse, ErrorHandlers, Logger, NormalizePath, TrailingSlash},
    test::{TestRequest, init_service},
    web,
};
use cache_page::{PageCache, cache_page};

use crate::legacy::{Answer, Runs, asking, get, send};

#[get("/page")]
#[cache_page(60)]
async fn page() -> impl Responder {
    "page"
}

/// In a scope of its own, where middleware around it is inside the App's.
#[get("/inner")]
#[cache_page(60)]
async fn inner() -> impl Responder {
    "page"
}

/// Whatever normalizes the path does so before the handler sees it: spellings of one page are one page.
#[actix_web::test]
async fn normalized_paths() {
    #[cache_page(60)]
    async fn item(name: web::Path<String>, request: HttpRequest) -> String {
        format!("{name} {}", request.uri())
    }
    for (mode, path, spellings, others) in [
        (TrailingSlash::Trim, "/item/1", &["/item/1/", "//item//1", "/item/1//"][..], &["/item/10"][..]),
        (TrailingSlash::Always, "/item/1/", &["/item/1", "//item/1", "/item/1///"], &["/item/10"]),
        (TrailingSlash::MergeOnly, "/item/1", &["//item/1", "/item///1"], &["/item/10", "/item/1/"]),
    ] {
        let cache = PageCache::new();
        let app = App::new()
            .wrap(NormalizePath::new(mode))
            .app_data(cache.clone())
            .route("/item/{name}", web::get().to(item))
            .route("/item/{name}/", web::get().to(item));
        let app = init_service(app).await;
        assert!(get(&app, path).await.is_stored());
        for spelling in spellings {
            let answer = get(&app, spelling).await;
            assert_eq!((answer.is_hit(), answer.text()), (true, &*format!("1 {path}")), "{spelling}");
            let answer = get(&app, &format!("{spelling}?a=//")).await;
            assert_eq!(answer.text(), format!("1 {path}?a=//"), "{spelling}");
        }
        for other in others {
            let answer = get(&app, other).await;
            assert!(answer.is_stored() && !answer.text().ends_with(path), "{other}: {}", answer.text());
        }
        assert_eq!(cache.stats().pages(), 2 + others.len());
    }
}

/// Pages for errors are put in outside, on a hit as on a miss; what they were made of is not changed.
#[actix_web::test]
async fn error_pages() {
    #[get("/{status}")]
    #[cache_page(60)]
    async fn status(status: web::Path<u16>, runs: web::Data<Runs>) -> impl Responder {
        let status = StatusCode::from_u16(status.into_inner()).unwrap();
        let run = runs.count();
        HttpResponse::build(status)
            .insert_header(("cache-control", "max-age=60"))
            .body(format!("plain {run}"))
    }
    fn page<B>(response: ServiceResponse<B>) -> actix_web::Result<ErrorHandlerResponse<B>> {
        let (request, old) = response.into_parts();
        let mut new = HttpResponse::build(old.status()).body("a page that says so");
        *new.headers_mut() = old.headers().clone();
        let new = ServiceResponse::new(request, new.map_into_right_body());
        Ok(ErrorHandlerResponse::Response(new))
    }
    let cache = PageCache::new();
    let app = App::new()
        .wrap(ErrorHandlers::new().default_handler(page))
        .app_data(cache.clone())
        .app_data(web::Data::new(Runs::default()))
        .service(status);
    let app = init_service(app).await;
    for code in [404, 503] {
        for hit in [false, true] {
            let answer = get(&app, &format!("/{code}")).await;
            assert_eq!((answer.status, answer.is_hit()), (code, hit));
            assert_eq!(answer.text(), "a page that says so");
        }
    }
    // Without that middleware, the same cache sends what the handler made.
    let app = App::new().app_data(cache).app_data(web::Data::new(Runs::default())).service(status);
    assert_eq!(get(&init_service(app).await, "/404").await.text(), "plain 1");
}

#[actix_web::test]
async fn default_headers() {
    let headers = DefaultHeaders::new().add(("cache-control", "no-store")).add(("x-frame-options", "DENY"));
    let cache = PageCache::new();
    let app = App::new().wrap(headers).app_data(cache.clone()).service(page);
    let app = init_service(app).await;
    let (miss, hit) = (get(&app, "/page").await, get(&app, "/page").await);
    assert!(miss.is_stored() && hit.is_hit());
    for answer in [miss, hit] {
        // What the page has already is not the middleware's to say.
        assert_eq!(answer.header("cache-control").as_deref(), Some("max-age=60"));
        assert_eq!(answer.header("x-frame-options").as_deref(), Some("DENY"));
    }
    let app = init_service(App::new().app_data(cache.clone()).service(page)).await;
    let hit = get(&app, "/page").await;
    assert_eq!((hit.is_hit(), hit.header("x-frame-options")), (true, None), "it is not in the page");
}

const ALLOW_ORIGIN: &str = "access-control-allow-origin";

/// Each origin is told that it may read the page, and nobody else's name.
#[actix_web::test]
async fn origins_do_not_leak() {
    const ORIGINS: [&str; 2] = ["https://a.example", "https://b.example"];
    let cors = || {
        let cors = Cors::default().allowed_methods(["GET"]);
        ORIGINS.into_iter().fold(cors, Cors::allowed_origin)
    };
    let cache = PageCache::new();
    let outside = App::new().wrap(cors()).app_data(cache.clone()).service(page);
    let inside = web::scope("").wrap(cors()).app_data(cache.clone()).service(page);
    let inside = App::new().wrap(Logger::default()).service(inside);
    let (outside, inside) = (init_service(outside).await, init_service(inside).await);
    for round in 0..3 {
        for origin in ORIGINS {
            let outside = send(&outside, asking("/page?outside", &[("origin", origin)])).await;
            let inside = send(&inside, asking("/page?inside", &[("origin", origin)])).await;
            for answer in [outside, inside] {
                assert_eq!(answer.header(ALLOW_ORIGIN).as_deref(), Some(origin));
                assert!(answer.header("vary").unwrap().contains("Origin"));
                assert_eq!(answer.is_hit(), round > 0 || origin == ORIGINS[1]);
            }
        }
        let none = get(&outside, "/page?outside").await;
        assert_eq!((none.is_hit(), none.header(ALLOW_ORIGIN)), (true, None));
    }
    let preflight = TestRequest::default()
        .method(Method::OPTIONS)
        .uri("/page?outside")
        .insert_header(("origin", "https://b.example"))
        .insert_header(("access-control-request-method", "GET"));
    let preflight = send(&outside, preflight).await;
    assert_eq!(preflight.header(ALLOW_ORIGIN).as_deref(), Some("https://b.example"));
}

/// A handler that answers an origin itself says so.
#[actix_web::test]
async fn origins_that_a_handler_reads() {
    #[get("/")]
    #[cache_page(60)]
    async fn page(#[unkeyed] request: HttpRequest) -> impl Responder {
        let mut response = HttpResponse::Ok();
        if let Some(origin) = request.headers().get("origin") {
            response.insert_header((ALLOW_ORIGIN, origin));
        }
        response.insert_header(("vary", "Origin")).body("page")
    }
    let app = init_service(App::new().app_data(PageCache::new()).service(page)).await;
    for round in 0..2 {
        for origin in [Some("https://a.example"), None, Some("https://b.example")] {
            let header = origin.map(|origin| ("origin", origin));
            let answer = send(&app, asking("/", header.as_slice())).await;
            assert_eq!(answer.header(ALLOW_ORIGIN).as_deref(), origin);
            assert_eq!(answer.is_hit(), round == 1);
        }
    }
}

/// actix-cors writes `Vary` anew, and knows one line of it: what a page depends on must all stand there.
#[actix_web::test]
async fn cors_takes_nothing_out_of_vary() {
    #[get("/")]
    #[cache_page(60)]
    async fn page(_request: HttpRequest) -> impl Responder {
        HttpResponse::Ok().insert_header(("vary", "Accept-Language")).body("page")
    }
    let cors = Cors::default().allow_any_origin();
    let app = init_service(App::new().wrap(cors).app_data(PageCache::new()).service(page)).await;
    for _ in 0..2 {
        let vary = send(&app, asking("/", &[("origin", "https://a.example")])).await.header("vary").unwrap();
        let names: BTreeSet<_> = vary.split(',').map(|name| name.trim().to_lowercase()).collect();
        for name in ["accept-language", "cookie", "authorization", "x-api-key", "origin"] {
            assert!(names.contains(name), "{name} is not in {vary}");
        }
    }
}

#[get("/counter")]
#[cache_page(60)]
async fn counter(#[unkeyed] _session: Session) -> impl Responder {
    "page"
}

/// A middleware that gives every visitor without a cookie one of his own, as those against CSRF do.
macro_rules! with_tokens {
    ($app:expr) => {{
        let tokens = Runs::default();
        $app.wrap_fn(move |request, service| {
            let known = request.headers().contains_key("cookie");
            let token = tokens.count();
            let answer = service.call(request);
            async move {
                let mut response = answer.await?;
                if !known {
                    let line = format!("csrf={token}; HttpOnly").parse().unwrap();
                    response.headers_mut().append(actix_web::http::header::SET_COOKIE, line);
                }
                Ok::<_, Error>(response)
            }
        })
    }};
}

/// Everybody gets a cookie on a hit too, and nobody that of another.
#[actix_web::test]
async fn cookies_from_outside() {
    let cache = PageCache::new();
    let scope = with_tokens!(web::scope("/scope")).service(inner);
    let app = with_tokens!(App::new()).app_data(cache.clone());
    let app = init_service(app.service(page).service(scope)).await;
    for path in ["/page", "/scope/inner"] {
        let mut cookies = BTreeSet::new();
        for number in 0..5 {
            let answer = get(&app, path).await;
            assert_eq!(answer.is_hit(), number > 0, "{path}");
            let lines: Vec<_> = answer.headers.get_all("set-cookie").collect();
            assert_eq!(lines.len(), if path == "/page" { 1 } else { 2 }, "{path}");
            assert!(cookies.insert(answer.header("set-cookie").unwrap()), "{path}: it was another's");
        }
        let known = send(&app, asking(path, &[("cookie", "csrf=1")])).await;
        assert_eq!((known.is_hit(), known.header("set-cookie")), (true, None), "{path}");
    }
    assert_eq!(cache.stats().pages(), 2);
}

/// The session of one visitor, changed on a hit, is that visitor's.
#[actix_web::test]
async fn sessions_from_outside() {
    #[get("/login/{name}")]
    async fn login(session: Session, name: web::Path<String>) -> Result<String, Error> {
        session.insert("user", name.into_inner())?;
        Ok("welcome".to_owned())
    }
    #[get("/me")]
    async fn me(session: Session) -> Result<String, Error> {
        Ok(session.get::<String>("user")?.unwrap_or_default())
    }
    let sessions = || SessionMiddleware::new(CookieSessionStore::default(), Key::from(&[3; 64]));
    let cache = PageCache::new();
    // A visit is counted outside the cached page, and inside the session.
    let app = App::new()
        .app_data(cache.clone())
        .wrap_fn(|request, service| {
            use actix_session::SessionExt as _;
            let session = request.get_session();
            let visits = session.get::<u64>("visits").ok().flatten().unwrap_or_default();
            let counted = session.insert("visits", visits + 1);
            let answer = service.call(request);
            async move {
                counted?;
                answer.await
            }
        })
        .wrap(sessions())
        .service(counter)
        .service(login)
        .service(me);
    let app = init_service(app).await;
    let cookie = |answer: &Answer| answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let mut jars = Vec::new();
    for name in ["alice", "bob"] {
        jars.push((name, cookie(&get(&app, &format!("/login/{name}")).await)));
    }
    let mut seen = BTreeSet::new();
    for round in 0..3 {
        for (name, jar) in &mut jars {
            let answer = send(&app, asking("/counter", &[("cookie", jar)])).await;
            assert_eq!(answer.is_hit(), round > 0 || *name == "bob");
            *jar = cookie(&answer);
            assert!(seen.insert(jar.clone()), "it was another's");
            assert_eq!(send(&app, asking("/me", &[("cookie", jar)])).await.text(), *name);
        }
        let stranger = get(&app, "/counter").await;
        assert!(stranger.is_hit());
        let own = cookie(&stranger);
        assert!(seen.insert(own.clone()), "it was another's");
        assert_eq!(send(&app, asking("/me", &[("cookie", &own)])).await.text(), "");
    }
    // Without the session, the page is the same, and nothing of anybody's came into it.
    let app = App::new().app_data(cache).wrap(sessions()).service(counter);
    let hit = get(&init_service(app).await, "/counter").await;
    assert_eq!((hit.is_hit(), hit.header("set-cookie")), (true, None));
}
