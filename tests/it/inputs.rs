//! Pages that depend on what their handler's arguments read.

use std::{
    future::{Ready, ready},
    time::{Duration, SystemTime},
};

use actix_web::{
    App, FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    get,
    http::header::{ACCEPT_LANGUAGE, AcceptLanguage, EXPIRES, HeaderValue, HttpDate},
    test::{TestRequest, init_service},
    web,
};
use cache_page::{KeyBuilder, KeyInput, PageCache, cache_page};

use crate::legacy::{Answer, Runs, asking, send};

/// Who asks, as an extractor of an application would tell it.
#[derive(Debug, Hash)]
struct User(Option<String>);

impl FromRequest for User {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let user = request.headers().get("x-user").and_then(|value| value.to_str().ok());
        ready(Ok(Self(user.map(str::to_owned))))
    }
}

/// The same for an extractor that says once what it reads.
struct Tenant(String);

impl FromRequest for Tenant {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let lines =
            request.headers().get_all("x-tenant").map(|line| format!("[{}]", line.to_str().unwrap_or("?")));
        ready(Ok(Self(lines.collect())))
    }
}

impl KeyInput for Tenant {
    fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.header("X-Tenant");
    }
}

#[get("/user")]
#[cache_page(60)]
async fn by_user(#[key] user: User, runs: web::Data<Runs>) -> String {
    format!("{} {user:?}", runs.count())
}

#[get("/tenant")]
#[cache_page(60)]
async fn by_tenant(tenant: Tenant, runs: web::Data<Runs>) -> String {
    format!("{} {}", runs.count(), tenant.0)
}

#[get("/language")]
#[cache_page(60)]
async fn by_language(language: Option<web::Header<AcceptLanguage>>, runs: web::Data<Runs>) -> String {
    format!("{} {}", runs.count(), language.is_some())
}

macro_rules! app {
    () => {{
        let app = App::new().app_data(PageCache::new()).app_data(web::Data::new(Runs::default()));
        init_service(app.service(by_user).service(by_tenant).service(by_language)).await
    }};
}

/// Asks twice with each of the header sets, which make as many pages, and gives the second answers.
macro_rules! assert_pages_of_their_own {
    ($app:expr, $path:expr, $sets:expr) => {{
        let mut answers: Vec<Answer> = Vec::new();
        for round in 0..2 {
            for lines in $sets {
                let request = TestRequest::get().uri($path);
                let request = lines.iter().fold(request, |request, line| request.append_header(*line));
                let answer = send($app, request).await;
                assert_eq!(answer.is_hit(), round == 1, "{lines:?} {}", answer.outcome());
                if round == 1 {
                    assert!(answers.iter().all(|other| other.body != answer.body), "{lines:?}");
                    answers.push(answer);
                }
            }
        }
        answers
    }};
}

#[actix_web::test]
async fn a_value_that_is_marked_vary() {
    let app = app!();
    let sets: [&[(&str, &str)]; 4] = [&[], &[("x-user", "")], &[("x-user", "alice")], &[("x-user", "bob")]];
    for answer in assert_pages_of_their_own!(&app, "/user", sets) {
        // The browser of one visitor may be the next one's, and it knows the page by its URL alone.
        assert_eq!(answer.header("cache-control").as_deref(), Some("private, no-cache"));
    }
}

#[actix_web::test]
async fn a_header_that_an_extractor_names() {
    let app = app!();
    let sets: [&[(&str, &str)]; 8] = [
        &[],
        &[("x-tenant", "")],
        &[("x-tenant", "a")],
        &[("x-tenant", "A")],
        &[("x-tenant", "a,b")],
        &[("x-tenant", "a"), ("x-tenant", "b")],
        &[("x-tenant", "b"), ("x-tenant", "a")],
        &[("x-tenant", "a"), ("x-tenant", "a")],
    ];
    for answer in assert_pages_of_their_own!(&app, "/tenant", sets) {
        assert_eq!(answer.header("vary").as_deref(), Some("x-tenant"));
        assert_eq!(answer.header("cache-control").as_deref(), Some("max-age=60"));
    }
}

#[actix_web::test]
async fn a_typed_header() {
    let app = app!();
    let sets: [&[(&str, &str)]; 3] = [&[], &[("accept-language", "de")], &[("accept-language", "en")]];
    for answer in assert_pages_of_their_own!(&app, "/language", sets) {
        assert_eq!(answer.header("vary").as_deref(), Some(ACCEPT_LANGUAGE.as_str()));
    }
}

/// A handler may say itself what is in the key anyway.
#[actix_web::test]
async fn vary_that_the_key_covers_is_kept() {
    #[get("/")]
    #[cache_page(60)]
    async fn page(_language: Option<web::Header<AcceptLanguage>>) -> HttpResponse {
        HttpResponse::Ok().insert_header(("vary", "ACCEPT-LANGUAGE")).finish()
    }
    let app = init_service(App::new().app_data(PageCache::new()).service(page)).await;
    let answer = send(&app, TestRequest::get()).await;
    assert!(answer.is_stored());
    assert_eq!(answer.header("vary").as_deref(), Some("ACCEPT-LANGUAGE"), "named once is enough");
}

#[actix_web::test]
async fn the_cache_itself_is_an_argument() {
    #[get("/")]
    #[cache_page(60)]
    async fn page(cache: PageCache) -> String {
        format!("{cache:?}")
    }
    let cache = PageCache::builder().max_bytes(12_345).build();
    let app = init_service(App::new().app_data(cache).service(page)).await;
    assert!(send(&app, TestRequest::get()).await.text().contains("12345"));
}

/// Puts what it found into the key.
struct Value(Option<String>);

/// The same, as bytes.
struct Raw(Option<String>);

macro_rules! from_x_user {
    ($($extractor:ident)*) => {$(
        impl FromRequest for $extractor {
            type Error = actix_web::Error;
            type Future = Ready<Result<Self, Self::Error>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                let line = request.headers().get("x-user").and_then(|line| line.to_str().ok());
                ready(Ok(Self(line.map(str::to_owned))))
            }
        }
    )*};
}
from_x_user!(Value Raw);

fn user(request: &HttpRequest) -> Option<&[u8]> {
    request.headers().get("x-user").map(HeaderValue::as_bytes)
}

impl KeyInput for Value {
    fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.value(&user(request));
    }
}

impl KeyInput for Raw {
    fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.bytes(user(request).unwrap_or_default());
    }
}

fn expiring(user: &Option<String>) -> HttpResponse {
    let in_a_minute = HttpDate::from(SystemTime::now() + Duration::from_secs(60));
    HttpResponse::Ok().insert_header((EXPIRES, in_a_minute.to_string())).body(format!("{user:?}"))
}

/// The browser of one visitor may be the next one's, and it knows the page by its URL alone.
#[actix_web::test]
async fn caches_further_down_are_warned_of_what_they_do_not_know() {
    #[cache_page(60)]
    async fn value(Value(user): Value) -> String {
        format!("{user:?}")
    }
    #[cache_page(60)]
    async fn raw(Raw(user): Raw) -> String {
        format!("{user:?}")
    }
    #[cache_page(60)]
    async fn value_expiring(Value(user): Value) -> HttpResponse {
        expiring(&user)
    }
    #[cache_page(60)]
    async fn raw_expiring(Raw(user): Raw) -> HttpResponse {
        expiring(&user)
    }
    #[cache_page(60)]
    async fn vary_expiring(#[key] user: User) -> HttpResponse {
        expiring(&user.0)
    }
    let app = App::new()
        .app_data(PageCache::new())
        .route("/value", web::get().to(value))
        .route("/raw", web::get().to(raw))
        .route("/expiring/value", web::get().to(value_expiring))
        .route("/expiring/raw", web::get().to(raw_expiring))
        .route("/expiring/vary", web::get().to(vary_expiring));
    let app = init_service(app).await;
    for (path, told) in [
        ("/value", "private, no-cache"),
        ("/raw", "private, no-cache"),
        ("/expiring/value", "private"),
        ("/expiring/raw", "private"),
        ("/expiring/vary", "private"),
    ] {
        for is_hit in [false, true] {
            for visitor in ["alice", "bob"] {
                let answer = send(&app, asking(path, &[("x-user", visitor)])).await;
                assert_eq!(
                    (answer.text(), answer.is_hit()),
                    (&*format!("Some({visitor:?})"), is_hit),
                    "{path}"
                );
                assert_eq!(answer.header("cache-control").as_deref(), Some(told), "{path}");
            }
        }
    }
}
