//! A caching proxy, as an application would write one.

use std::time::Duration;

use actix_web::{
    Error, HttpRequest, HttpResponse,
    http::header::{self, HeaderName},
    web,
};
use cache_page::{PageCache, PageControl, Policy, cache_page, normalize, purge_page};

use super::upstream;

pub(super) const ADDRESS: &str = "localhost:8080";

/// The field that the cache obeys alone. It gets the `CDN-Cache-Control` of the response, which goes on to the client.
pub(super) const OWN_FIELD: HeaderName = HeaderName::from_static("x-own-cache-control");

/// Stores every status. A response without a lifetime is stored for a second.
pub(super) const POLICY: Policy = Policy::new(1)
    .statuses(&[203, 204, 299, 302, 303, 307, 400, 404, 405, 410, 414, 499, 500, 501, 502, 503, 504, 599]);

/// Those that may be stored without an explicit lifetime (RFC 9110 15.1).
const HEURISTICALLY_CACHEABLE: [u16; 12] = [200, 203, 204, 300, 301, 304, 308, 404, 405, 410, 414, 501];

pub(super) fn cached(config: &mut web::ServiceConfig) {
    let page = web::resource("/{id:.*}").route(web::get().to(get)).route(web::head().to(get));
    config.service(page.default_service(web::to(write)));
}

/// As [`cached`], without the attribute.
pub(super) fn uncached(config: &mut web::ServiceConfig) {
    let page = web::resource("/{id:.*}").route(web::get().to(fetch)).route(web::head().to(fetch));
    config.service(page.default_service(web::to(forward)));
}

/// Forwards a request.
pub(super) async fn forward(request: HttpRequest, body: web::Bytes) -> Result<HttpResponse, Error> {
    upstream::send(&request, &body, None).await
}

#[cache_page(
    policy = POLICY,
    stale_while_revalidate = "1s",
    stale_if_error = "1h",
    normalize = ["accept-language" => normalize::languages, "foo" => normalize::list],
)]
async fn get(#[unkeyed] request: HttpRequest, control: PageControl) -> Result<HttpResponse, Error> {
    fetch(request, control).await
}

/// Forwards a request with the validators of the stored page, and stores the response as RFC 9111 says of a shared cache.
async fn fetch(request: HttpRequest, control: PageControl) -> Result<HttpResponse, Error> {
    let mut response = upstream::send(&request, &[], Some(&control)).await?;
    copy_targeted_field(&mut response);
    let directives = directives(&response);
    let has = |name: &str| directives.iter().any(|directive| directive.starts_with(name));
    let is_explicit = has("max-age") || has("s-maxage") || response.headers().contains_key(header::EXPIRES);
    let is_cacheable = HEURISTICALLY_CACHEABLE.contains(&response.status().as_u16());
    let is_authorized = request.headers().contains_key(header::AUTHORIZATION);
    // RFC 9111 3 and 3.5.
    if !(is_explicit || is_cacheable || has("public"))
        || is_authorized && !(has("public") || has("must-revalidate") || has("s-maxage"))
    {
        control.no_store();
    }
    let stale = directives.iter().find_map(|one| one.strip_prefix("stale-while-revalidate=")?.parse().ok());
    control.stale_while_revalidate(Duration::from_secs(stale.unwrap_or(0)));
    Ok(response)
}

/// Forwards a write, and purges what it invalidates (RFC 9111 4.4).
#[purge_page(paths = ["/test/{id}"])]
async fn write(request: HttpRequest, body: web::Bytes, cache: PageCache) -> Result<HttpResponse, Error> {
    let response = upstream::send(&request, &body, None).await?;
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    for name in [header::LOCATION, header::CONTENT_LOCATION] {
        let url = response.headers().get(name).and_then(|url| url.to_str().ok());
        if let Some(url) = url.and_then(|url| path_of(url, &request)).filter(|_| !is_error) {
            cache.purge_url(&url).await.map_err(upstream::bad_gateway)?;
        }
    }
    Ok(response)
}

/// Returns the path of a reference, unless it is that of another server.
fn path_of(reference: &str, request: &HttpRequest) -> Option<String> {
    let reference = reference.strip_prefix(&format!("http://{ADDRESS}")).unwrap_or(reference);
    match reference {
        absolute if absolute.contains("://") => None,
        path if path.starts_with('/') => Some(path.to_owned()),
        relative => {
            let (folder, _) = request.path().rsplit_once('/')?;
            Some(format!("{folder}/{relative}"))
        }
    }
}

fn copy_targeted_field(response: &mut HttpResponse) {
    if let Some(value) = response.headers().get("cdn-cache-control").cloned() {
        response.headers_mut().insert(OWN_FIELD, value);
    }
}

/// Returns the directives for shared caches, in lower case.
fn directives(response: &HttpResponse) -> Vec<String> {
    let fields = ["cache-control", "cdn-cache-control"].into_iter();
    let lines =
        fields.flat_map(|name| response.headers().get_all(name)).filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|directive| directive.trim().to_ascii_lowercase()).collect()
}
