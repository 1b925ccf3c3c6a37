//! Stale pages that are served if a service inside fails.

use actix_cors::Cors;
use actix_web::{
    Error,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::Method,
    middleware::{Logger, Next, from_fn},
};
use cache_page::{Outcome, PageCacheMiddleware, Reason};

use super::{
    seconds,
    site::{Failure, PAGE, Site, panic, respond_with},
    status,
};
use crate::support::Crowd;

fn serving_stale() -> PageCacheMiddleware {
    PageCacheMiddleware::new(60).stale_if_error(seconds(300))
}

/// [`PAGE`] with a query that must stay as the client encoded it.
const URI: &str = "/a/posts/1?b=%20";

const ORIGIN: &str = "https://a.example";

/// Checks that the request that comes back is the one that was passed on.
async fn check_request(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let method = request.method().clone();
    let response = next.call(request).await?;
    let request = response.request();
    // A HEAD was routed as a GET.
    assert!(
        [&method, &Method::GET].contains(&request.method()),
        "{method} came back as {}",
        request.method()
    );
    assert_eq!(request.uri().to_string(), URI);
    assert_eq!(request.headers().get("origin").unwrap(), ORIGIN);
    Ok(response)
}

/// The site with middlewares outside that read the request after the response.
async fn site() -> Site {
    Site::start(|app| {
        app.wrap(serving_stale)
            .wrap(|| Cors::default().allowed_origin(ORIGIN))
            .wrap(|| Logger::new("%a %r %s %{Cookie}i %U"))
            .wrap(|| from_fn(check_request))
    })
    .await
}

/// Failures, each with the status that is reported and the time after which the stale page is served.
const FAILURES: [(&str, Failure, Option<u16>, u64); 4] = [
    ("status 500", |site| respond_with(site, 500), Some(500), 0),
    ("error 502 of an inner service", |site| site.fail_inside(502), Some(502), 0),
    ("panic", panic, None, 0),
    ("handler that hangs", |site| site.pause(), None, 2),
];

#[actix_web::test]
async fn stale_page_is_served_if_an_inner_service_fails() {
    for (name, fail, fwd_status, delay) in FAILURES {
        for method in [Method::GET, Method::HEAD] {
            let site = site().await;
            let request = |method| site.request(method, URI).header("origin", ORIGIN).header("x-theme", "x");
            request(Method::GET).await.assert_header("access-control-allow-origin", ORIGIN);
            site.advance(60);
            fail(&site);
            let crowd = Crowd::send([request(method)]).await;
            if delay > 0 {
                assert_eq!(crowd.answered(), 0, "{name}");
                site.advance(delay);
            }
            let response = crowd.responses().await.remove(0);
            response.assert_stale(Reason::StaleIfError).assert_fwd("stale").assert_ttl(-delay.cast_signed());
            assert_eq!(response.cache_status().fwd_status(), fwd_status, "{name}: {response:?}");
            response.assert_status(200).assert_body("page 1");
            // Without it, browsers do not let scripts read the page.
            response.assert_header("access-control-allow-origin", ORIGIN);
            assert_eq!(site.count(Outcome::Stale(Reason::StaleIfError)), 1, "{name}");
            assert_eq!(site.cache().stats().fills_in_flight(), 0, "{name}");
        }
    }
}

/// Starts a site with a stale page and a failure, and returns the statuses of a request then and of one that fails later.
async fn statuses(fail: Failure, age: u64) -> [u16; 2] {
    let site = Site::start(|app| app.wrap(serving_stale)).await;
    site.get(PAGE).await.assert_body("page 1");
    site.advance(age);
    fail(&site);
    let first = status(site.get(PAGE)).await;
    site.fail_inside(502);
    [first, status(site.get(PAGE)).await]
}

#[actix_web::test]
async fn client_error_removes_the_stale_page() {
    assert_eq!(statuses(|site| respond_with(site, 404), 60).await, [404, 502]);
    assert_eq!(statuses(|site| site.fail_inside(403), 60).await, [403, 502]);
}

#[actix_web::test]
async fn stale_page_is_not_served_after_its_window() {
    assert_eq!(statuses(|site| respond_with(site, 500), 360).await, [500, 502]);
    assert_eq!(statuses(|site| site.fail_inside(502), 360).await, [502, 502]);
}
