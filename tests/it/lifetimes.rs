//! How long pages are kept whose lifetime has something odd about it.

use std::{fmt, time::Duration};

use actix_web::{App, HttpResponse, ResponseError, http::StatusCode, test::init_service, web};
use cache_page::{PageCache, cache_page, testing::ManualClock};

use crate::legacy::get;

/// An error, whatever its status.
#[derive(Debug)]
struct Failure {
    status: u16,
    lifetime: Option<&'static str>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the database is away")
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(line) = self.lifetime {
            response.insert_header(("cache-control", line));
        }
        response.body(self.to_string())
    }
}

#[cache_page(60, statuses = [404])]
async fn failing(path: web::Path<(u16, String)>) -> Result<String, Failure> {
    let (status, lifetime) = path.into_inner();
    Err(Failure { status, lifetime: (lifetime == "said").then_some("max-age=5") })
}

/// The attribute's lifetime is for what a handler makes, not for how it fails.
#[actix_web::test]
async fn an_error_is_only_kept_as_long_as_it_says_itself() {
    let app = App::new().app_data(PageCache::new()).route("/{status}/{lifetime}", web::get().to(failing));
    let app = init_service(app).await;
    for code in [200, 301, 308, 404] {
        for _ in 0..2 {
            let answer = get(&app, &format!("/{code}/silent")).await;
            assert_eq!((answer.status, answer.text()), (code, "the database is away"));
            assert_eq!(answer.outcome(), "cache_page; fwd=miss; detail=status", "{code}");
        }
        let answer = get(&app, &format!("/{code}/said")).await;
        assert_eq!(answer.outcome(), "cache_page; fwd=miss; stored; ttl=5", "{code}");
        assert!(get(&app, &format!("/{code}/said")).await.is_hit(), "{code}");
    }
}

#[cache_page(None)]
async fn for_ever() -> &'static str {
    "page"
}

#[cache_page(Duration::MAX)]
async fn as_long_as_there_is_time() -> &'static str {
    "page"
}

#[cache_page("1000days")]
async fn long() -> &'static str {
    "page"
}

#[cache_page("364days")]
async fn within_a_year() -> &'static str {
    "page"
}

/// Clients read larger numbers differently, so none is told more than a year.
#[actix_web::test]
async fn pages_without_an_end() {
    let clock = ManualClock::new();
    let app = App::new()
        .app_data(PageCache::builder().clock(clock.clone()).build())
        .route("/for-ever", web::get().to(for_ever))
        .route("/max", web::get().to(as_long_as_there_is_time))
        .route("/long", web::get().to(long))
        .route("/year", web::get().to(within_a_year));
    let app = init_service(app).await;
    let day = Duration::from_secs(24 * 60 * 60);
    for (path, told) in [
        ("/for-ever", "max-age=31536000"),
        ("/max", "max-age=31536000"),
        ("/long", "max-age=31536000"),
        ("/year", "max-age=31449600"),
    ] {
        let answer = get(&app, path).await;
        assert!(answer.is_stored(), "{path}");
        assert_eq!(answer.header("cache-control").as_deref(), Some(told), "{path}");
    }
    clock.advance(999 * day);
    for (path, is_hit) in [("/for-ever", true), ("/max", true), ("/long", true), ("/year", false)] {
        assert_eq!(get(&app, path).await.is_hit(), is_hit, "{path}");
    }
    clock.advance(Duration::MAX);
    for path in ["/for-ever", "/max"] {
        assert!(get(&app, path).await.is_hit(), "{path}");
    }
}
