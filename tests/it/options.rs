//! What each option of the attribute does.

use std::{
    future::{Ready, ready},
    time::Duration,
};

use actix_web::{
    App, FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    get,
    http::StatusCode,
    test::{TestRequest, init_service},
    web,
};
use cache_page::{KeyInput, Page, PageCache, cache_page, testing::ManualClock};

use crate::legacy::{Answer, Runs, asking, get, send};

/// An App with these handlers, a cache of its own and a clock that is moved by hand.
macro_rules! app {
    ($($handler:ident),+) => {{
        let (runs, clock) = (Runs::default(), ManualClock::new());
        let cache = PageCache::builder().clock(clock.clone()).build();
        let app = App::new().app_data(cache).app_data(web::Data::new(runs.clone()))$(.service($handler))+;
        (init_service(app).await, runs, clock)
    }};
}

/// Asks for a page with these header lines.
macro_rules! ask {
    ($app:expr, $uri:expr $(, $line:expr)*) => {
        send(&$app, TestRequest::get().uri($uri)$(.append_header($line))*).await
    };
}

mod cookies;
mod query;

/// What a handler sees of the request through an argument that says nothing of it to the key: the options must.
struct Seen(HttpRequest);

impl FromRequest for Seen {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.clone())))
    }
}

impl KeyInput for Seen {}

#[actix_web::test]
async fn statuses() {
    #[get("/{code}")]
    #[cache_page(60, statuses = [404, 503])]
    async fn page(code: web::Path<u16>) -> HttpResponse {
        HttpResponse::new(StatusCode::from_u16(*code).unwrap())
    }
    let (app, _, clock) = app!(page);
    for code in [200, 301, 308, 404, 503] {
        let uri = format!("/{code}");
        assert_eq!(get(&app, &uri).await.outcome(), "cache_page; fwd=miss; stored; ttl=60");
        let again = get(&app, &uri).await;
        assert_eq!((again.is_hit(), again.status), (true, code));
    }
    for code in [201, 302, 403, 410, 500] {
        let uri = format!("/{code}");
        assert_eq!(get(&app, &uri).await.outcome(), "cache_page; fwd=miss; detail=status");
    }
    clock.advance(Duration::from_secs(60));
    assert!(get(&app, "/404").await.is_stored());
}

#[actix_web::test]
async fn vary() {
    #[get("/")]
    #[cache_page(60, vary = ["accept-language", "x-theme"])]
    async fn page(seen: Seen, runs: web::Data<Runs>) -> String {
        let lines = seen.0.headers().get_all("accept-language").map(|line| line.to_str().unwrap());
        format!("{} {:?}", runs.count(), lines.collect::<Vec<_>>())
    }
    let (app, runs, _) = app!(page);
    let sets: [&[(&str, &str)]; 7] = [
        &[],
        &[("accept-language", "")],
        &[("accept-language", "de")],
        &[("accept-language", "en")],
        &[("x-theme", "de")],
        &[("accept-language", "de"), ("accept-language", "en")],
        &[("accept-language", "de"), ("x-theme", "dark")],
    ];
    let mut pages: Vec<Answer> = Vec::new();
    for round in 0..2 {
        for lines in sets {
            let answer = send(&app, asking("/", lines)).await;
            assert_eq!(answer.is_hit(), round == 1, "{lines:?}");
            assert_eq!(answer.header("vary").as_deref(), Some("accept-language, x-theme"));
            assert_eq!(answer.header("cache-control").as_deref(), Some("max-age=60"));
            if round == 0 {
                assert!(pages.iter().all(|other| other.body != answer.body));
                pages.push(answer);
            }
        }
    }
    assert_eq!(runs.get(), 7);
    assert!(ask!(app, "/", ("accept", "x"), ("cookie", "a=1")).is_hit(), "other headers do not matter");
}

fn tenant(request: &HttpRequest) -> Option<&str> {
    request.headers().get("x-tenant")?.to_str().ok()
}

#[actix_web::test]
async fn vary_by() {
    #[get("/function")]
    #[cache_page(60, vary_by = tenant)]
    async fn by_function(seen: Seen, runs: web::Data<Runs>) -> String {
        format!("{} {:?}", runs.count(), tenant(&seen.0))
    }
    #[get("/closure")]
    #[cache_page(60, vary_by = |request| tenant(request).map(str::to_lowercase))]
    async fn by_closure(seen: Seen, runs: web::Data<Runs>) -> String {
        format!("{} {:?}", runs.count(), tenant(&seen.0))
    }
    let (app, runs, _) = app!(by_function, by_closure);
    for (uri, runs_then) in [("/function", 4), ("/closure", 7)] {
        for _ in 0..2 {
            for name in ["", "a", "A"] {
                let answer = ask!(app, uri, ("x-tenant", name));
                assert!(answer.text().to_lowercase().contains(&format!("some({:?})", name.to_lowercase())));
                assert_eq!(answer.header("cache-control").as_deref(), Some("private, no-cache"));
            }
            assert!(get(&app, uri).await.text().ends_with("None"));
        }
        assert_eq!(runs.get(), runs_then);
    }
}

#[actix_web::test]
async fn bypass_if() {
    fn is_preview(request: &HttpRequest) -> bool {
        request.headers().contains_key("x-preview")
    }
    #[get("/function")]
    #[cache_page(60, bypass_if = is_preview)]
    async fn by_function(runs: web::Data<Runs>) -> String {
        runs.count().to_string()
    }
    #[get("/closure")]
    #[cache_page(60, bypass_if = |request| request.headers().contains_key("x-preview"))]
    async fn by_closure(runs: web::Data<Runs>) -> String {
        runs.count().to_string()
    }
    let (app, _, _) = app!(by_function, by_closure);
    for uri in ["/function", "/closure"] {
        let kept = get(&app, uri).await;
        assert!(kept.is_stored());
        for _ in 0..2 {
            let preview = ask!(app, uri, ("x-preview", "1"));
            assert_eq!(preview.outcome(), "cache_page; fwd=bypass; detail=bypass-if");
            assert_ne!(preview.body, kept.body);
            assert_eq!(preview.header("cache-control"), None, "nothing is added to what passes by");
        }
        let again = get(&app, uri).await;
        assert_eq!((again.is_hit(), again.body), (true, kept.body));
    }
}

#[actix_web::test]
async fn no_store_if() {
    fn is_empty(page: &Page) -> bool {
        page.body() == b"[]"
    }
    #[get("/function/{body}")]
    #[cache_page(60, no_store_if = is_empty)]
    async fn by_function(body: web::Path<String>) -> HttpResponse {
        HttpResponse::Ok().body(body.into_inner())
    }
    #[get("/closure/{body}")]
    #[cache_page(60, no_store_if = |page| page.header(&actix_web::http::header::WARNING).is_some() && page.status() == 200)]
    async fn by_closure(body: web::Path<String>) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        if *body == "[]" {
            response.insert_header(("warning", "110"));
        }
        response.body(body.into_inner())
    }
    let (app, _, _) = app!(by_function, by_closure);
    for uri in ["/function", "/closure"] {
        for _ in 0..2 {
            let empty = get(&app, &format!("{uri}/[]")).await;
            assert_eq!(empty.outcome(), "cache_page; fwd=miss; detail=no-store-if");
            assert_eq!((empty.text(), empty.header("cache-control")), ("[]", None));
        }
        assert!(get(&app, &format!("{uri}/full")).await.is_stored());
        assert!(get(&app, &format!("{uri}/full")).await.is_hit());
    }
}

const CLIENTS: Duration = Duration::from_secs(30);

#[actix_web::test]
async fn browser_ttl() {
    #[get("/seconds")]
    #[cache_page(60, browser_ttl = 10)]
    async fn seconds() -> &'static str {
        "page"
    }
    #[get("/text")]
    #[cache_page(60, browser_ttl = "2m")]
    async fn text() -> &'static str {
        "page"
    }
    #[get("/constant")]
    #[cache_page(60, browser_ttl = CLIENTS)]
    async fn constant() -> &'static str {
        "page"
    }
    #[get("/arithmetic")]
    #[cache_page(60, browser_ttl = 5 * 60)]
    async fn arithmetic() -> &'static str {
        "page"
    }
    #[get("/zero")]
    #[cache_page(60, browser_ttl = 0)]
    async fn zero() -> &'static str {
        "page"
    }
    #[get("/for-ever")]
    #[cache_page(None, browser_ttl = 10)]
    async fn for_ever() -> &'static str {
        "page"
    }
    #[get("/own-word")]
    #[cache_page(60, browser_ttl = 10)]
    async fn own_word() -> HttpResponse {
        HttpResponse::Ok().insert_header(("cache-control", "max-age=50")).finish()
    }
    let (app, _, clock) = app!(seconds, text, constant, arithmetic, zero, for_ever, own_word);
    let uris = [
        ("/seconds", "max-age=10"),
        ("/text", "max-age=120"),
        ("/constant", "max-age=30"),
        ("/arithmetic", "max-age=300"),
        ("/zero", "max-age=0"),
        ("/for-ever", "max-age=10"),
        ("/own-word", "max-age=50"),
    ];
    for (uri, told) in uris {
        assert!(get(&app, uri).await.is_stored());
        clock.advance(Duration::from_secs(49));
        let answer = get(&app, uri).await;
        assert_eq!((answer.is_hit(), answer.header("cache-control").as_deref()), (true, Some(told)), "{uri}");
    }
    clock.advance(Duration::from_secs(11));
    assert!(get(&app, "/for-ever").await.is_hit());
    assert!(get(&app, "/text").await.is_stored(), "it is not kept longer here");
}

#[actix_web::test]
async fn max_body() {
    #[get("/{length}")]
    #[cache_page(60, max_body = 4)]
    async fn page(length: web::Path<usize>) -> String {
        "x".repeat(*length)
    }
    #[get("/constant/{length}")]
    #[cache_page(60, max_body = 2 * size_of::<u64>())]
    async fn constant(length: web::Path<usize>) -> String {
        "x".repeat(*length)
    }
    let (app, _, _) = app!(page, constant);
    for (uri, length, fits) in
        [("", 0, true), ("", 4, true), ("", 5, false), ("/constant", 16, true), ("/constant", 17, false)]
    {
        for round in 0..2 {
            let answer = get(&app, &format!("{uri}/{length}")).await;
            assert_eq!((answer.status, answer.body.len()), (200, length));
            match (fits, round) {
                (true, 0) => assert!(answer.is_stored()),
                (true, _) => assert!(answer.is_hit()),
                (false, _) => assert_eq!(answer.outcome(), "cache_page; fwd=miss; detail=body-too-large"),
            }
        }
    }
    // The smaller of the two counts.
    let cache = PageCache::builder().max_body(3).build();
    let app = init_service(App::new().app_data(cache).service(page)).await;
    assert!(get(&app, "/3").await.is_stored());
    assert!(get(&app, "/4").await.outcome().ends_with("body-too-large"));
}
