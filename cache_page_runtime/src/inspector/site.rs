//! The routes of the inspector, and what guards them.

use std::rc::Rc;

use actix_web::{
    Error, HttpMessage as _, HttpResponse, Scope,
    body::{BoxBody, MessageBody},
    dev::{HttpServiceFactory, ServiceRequest, ServiceResponse},
    http::header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
    middleware::{Next, from_fn},
    web,
};

use super::{
    api, pages,
    query::{Base, Site},
};
use crate::policy::PageControl;

/// Nothing but the style sheet of the inspector is loaded, no script runs, and no other page may frame it or receive its forms.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The headers of every response.
const HEADERS: [(HeaderName, &str); 6] = [
    (CACHE_CONTROL, "no-store"),
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    // Without a referrer, browsers would send forms with `Origin: null`.
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Returns the service with all routes.
pub(super) fn scope(path: &str, site: Site) -> impl HttpServiceFactory + use<> {
    let site = Rc::new(site);
    let guarded = Rc::clone(&site);
    let guard = from_fn(move |request, next| guard(Rc::clone(&guarded), request, next));
    let api: Scope = web::scope("/api")
        .route("/overview", web::get().to(api::overview))
        .route("/handlers", web::get().to(api::handlers))
        .route("/entries", web::get().to(api::entries))
        .route("/entries/{id}", web::get().to(api::entry))
        .route("/explain", web::get().to(api::explain))
        .route("/explain", web::post().to(api::explain))
        .route("/purge", web::post().to(api::purge))
        .default_service(web::to(not_found));
    web::scope(path)
        .app_data(site)
        .service(api)
        .route("", web::get().to(pages::overview))
        .route("/", web::get().to(pages::overview))
        .route("/style.css", web::get().to(pages::style))
        .route("/handlers", web::get().to(pages::handlers))
        .route("/entries", web::get().to(pages::entries))
        .route("/entries/{id}", web::get().to(pages::entry))
        .route("/explain", web::get().to(pages::explain))
        .route("/explain", web::post().to(pages::explain))
        .route("/purge", web::get().to(pages::purge))
        .route("/purge", web::post().to(pages::execute_purge))
        .default_service(web::to(not_found))
        .wrap(guard)
}

async fn not_found() -> HttpResponse {
    HttpResponse::NotFound().body("There is no such page.\n")
}

/// Answers those who may not see the inspector, and adds the headers of every response.
async fn guard(
    site: Rc<Site>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    // No middleware outside stores any of it.
    PageControl::claim_inside(request.request());
    if !site.access.may_see(request.request()) {
        let response = HttpResponse::NotFound().insert_header((CACHE_CONTROL, "no-store")).finish();
        return Ok(request.into_response(response));
    }
    let base = Base::of(&request);
    request.extensions_mut().insert(base);
    let mut response = next.call(request).await?.map_into_boxed_body();
    add_headers(response.headers_mut());
    Ok(response)
}

fn add_headers(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
