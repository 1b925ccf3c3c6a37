//! What guards a page goes on guarding it.

use std::{
    collections::HashSet,
    future::{Ready, ready},
};

use actix_web::{
    App, Error, FromRequest, HttpRequest, Responder,
    dev::{Payload, ServiceRequest},
    error::ErrorForbidden,
    get,
    test::{TestRequest, init_service},
    web,
};
use actix_web_grants::{GrantsMiddleware, protect};
use cache_page::{PageCache, cache_page};

use crate::legacy::{Runs, send};

/// Refuses everybody but one.
struct Admin;

impl FromRequest for Admin {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let is_admin = request.headers().get("x-user").is_some_and(|user| user == "admin");
        ready(if is_admin { Ok(Self) } else { Err(ErrorForbidden("not for you")) })
    }
}

#[get("/extracted")]
#[cache_page(60)]
async fn extracted(#[unkeyed] _admin: Admin, runs: web::Data<Runs>) -> impl Responder {
    runs.count();
    "secret"
}

// Above `#[cache_page]` this does not compile: see `tests/ui/uncovered/access_check_above.rs`.
#[get("/protected")]
#[cache_page(60)]
#[protect("admin")]
async fn protected(runs: web::Data<Runs>) -> impl Responder {
    runs.count();
    "secret"
}

async fn authorities(request: &ServiceRequest) -> Result<HashSet<String>, Error> {
    let user = request.headers().get("x-user").and_then(|user| user.to_str().ok());
    Ok(user.map(str::to_owned).into_iter().collect())
}

/// A page that is kept, and fresh, is refused as if it were not there.
#[actix_web::test]
async fn checks_come_before_hits() {
    let runs = Runs::default();
    let app = App::new()
        .wrap(GrantsMiddleware::with_extractor(authorities))
        .app_data(PageCache::new())
        .app_data(web::Data::new(runs.clone()))
        .service(extracted)
        .service(protected);
    let app = init_service(app).await;
    for (number, path) in ["/extracted", "/protected"].iter().enumerate() {
        let ask =
            |user: &'static str| send(&app, TestRequest::get().uri(path).insert_header(("x-user", user)));
        assert_eq!(ask("stranger").await.status, 403, "{path}");
        assert!(ask("admin").await.is_stored(), "{path}");
        assert!(ask("admin").await.is_hit(), "{path}");
        let refused = ask("stranger").await;
        assert_eq!((refused.status, refused.text().contains("secret")), (403, false), "{path}");
        assert_eq!(runs.get(), number as u64 + 1);
    }
}
