//! Background refreshes, which pass the request of a stale response on when that response is sent.

use actix_web::{
    Error,
    body::{BoxBody, to_bytes},
    dev::{ServiceRequest, ServiceResponse},
    error::ErrorBadGateway,
    middleware::{Compress, Condition, Logger, Next, NormalizePath, from_fn},
    web::{self, Bytes},
};
use cache_page::Reason;

use super::site::{
    Failure, PAGE, ROUTE, Site, panic, posts, refreshes, refreshing, respond_with, set_a_cookie,
};
use crate::support::{Crowd, TestApp, settle, until};

/// The site with middlewares outside that read the request after the response.
async fn site() -> Site {
    Site::start(|app| {
        app.wrap(refreshing)
            .wrap(NormalizePath::trim)
            .wrap(|| Logger::new("%a %r %s %{Cookie}i %U"))
            .wrap(Compress::default)
    })
    .await
}

#[actix_web::test]
async fn refresh_starts_when_the_stale_response_is_sent() {
    let site = site().await;
    site.get(PAGE).await.assert_miss().assert_fwd("miss");
    site.advance(61);
    let response = site.get(PAGE).call().await;
    settle().await;
    assert_eq!(site.runs(), 1, "the response holds its request");
    assert_eq!(to_bytes(response.into_body()).await.unwrap(), "page 1");
    settle().await;
    assert_eq!(site.runs(), 2);
    site.get(PAGE).await.assert_hit().assert_ttl(60).assert_body("page 2");
}

#[actix_web::test]
async fn stale_page_is_sent_to_all_while_one_run_refreshes_it() {
    let site = site().await;
    site.get(PAGE).await.assert_miss().assert_fwd("miss");
    site.advance(61);
    site.pause();
    let crowd = Crowd::send(site.get(PAGE).times(20)).await;
    assert_eq!((crowd.answered(), site.runs()), (20, 2));
    for response in crowd.responses().await {
        response.assert_stale(Reason::StaleWhileRevalidate).assert_ttl(-1).assert_body("page 1");
        assert_eq!(response.cache_status().fwd(), None, "{response:?}");
    }
    site.finish(1).await;
    site.get(PAGE).await.assert_hit().assert_ttl(60).assert_body("page 2");
    assert_eq!((site.runs(), site.refreshes()), (2, 1));
    // A background refresh is not a request.
    assert_eq!(site.cache().stats().requests(), 1 + 20 + 1);
}

#[actix_web::test]
async fn refresh_has_the_path_parameters_and_data_of_its_request() {
    let site = site().await;
    site.get(PAGE).await.assert_header("x-route", ROUTE);
    site.advance(61);
    site.get(PAGE).await.assert_stale(Reason::StaleWhileRevalidate);
    settle().await;
    site.get(PAGE).await.assert_hit().assert_body("page 2").assert_header("x-route", ROUTE);
}

type Headers = &'static [(&'static str, &'static str)];

/// Requests that a stale page answers, with the status of the response.
const REQUESTS: [(Headers, u16); 6] = [
    (&[], 200),
    (&[("if-none-match", "*")], 304),
    (&[("range", "bytes=0-1")], 206),
    (&[("range", "bytes=90-")], 416),
    (&[("accept-encoding", "gzip")], 200),
    (&[("origin", "https://a.example")], 200),
];

/// A spelling of [`PAGE`] that an outer middleware normalizes.
const SPELLING: &str = "/a//posts/1/";

/// Returns the headers that select a variant.
fn selecting(headers: Headers) -> Vec<(&'static str, &'static str)> {
    headers.iter().copied().filter(|(name, _)| *name == "accept-encoding").collect()
}

/// Starts a site whose page is stale.
async fn stale(headers: Headers) -> Site {
    let site = site().await;
    site.get(PAGE).headers(&selecting(headers)).await.assert_miss();
    site.advance(61);
    site
}

async fn assert_refreshed(site: &Site, headers: Headers) {
    settle().await;
    assert_eq!((site.runs(), site.refreshes()), (2, 1), "{headers:?}");
    site.get(PAGE).headers(&selecting(headers)).await.assert_hit().assert_ttl(60);
}

#[actix_web::test]
async fn every_get_request_for_a_stale_page_refreshes_it() {
    for (headers, status) in REQUESTS {
        let site = stale(headers).await;
        let response = site.get(SPELLING).headers(headers).await;
        response.assert_stale(Reason::StaleWhileRevalidate).assert_status(status);
        assert_refreshed(&site, headers).await;
    }
}

#[actix_web::test]
async fn page_is_refreshed_if_the_client_does_not_read_the_response() {
    for (headers, _) in REQUESTS {
        let site = stale(headers).await;
        drop(site.get(SPELLING).headers(headers).call().await);
        assert_refreshed(&site, headers).await;
    }
}

/// The handler runs for a GET.
#[actix_web::test]
async fn head_request_for_a_stale_page_refreshes_it() {
    let site = stale(&[]).await;
    site.head(PAGE).await.assert_stale(Reason::StaleWhileRevalidate).assert_status(200);
    assert_refreshed(&site, &[]).await;
}

const FAILURES: [(&str, Failure); 7] = [
    ("status 500", |site| respond_with(site, 500)),
    ("status 404", |site| respond_with(site, 404)),
    ("response that must not be stored", set_a_cookie),
    ("error 502 of an inner service", |site| site.fail_inside(502)),
    ("error 403 of an inner service", |site| site.fail_inside(403)),
    ("panic", panic),
    ("handler that hangs", |site| site.pause()),
];

/// Starts a site whose page is stale, and requests it every second for 15 seconds while refreshing it fails.
async fn failing(fail: Failure) -> Site {
    let site = site().await;
    site.get(PAGE).await.assert_body("page 1");
    site.advance(60);
    fail(&site);
    for _ in 0..15 {
        site.get(PAGE).await.assert_status(200).assert_body("page 1");
        settle().await;
        site.advance(1);
        settle().await;
    }
    site
}

#[actix_web::test]
async fn failed_refresh_keeps_the_stale_page_and_is_spaced() {
    for (name, fail) in FAILURES {
        let site = failing(fail).await;
        // An inner service that fails does not call the handler.
        assert!((1..=4).contains(&site.runs()), "{name}: {} runs", site.runs());
        assert_eq!(site.refreshes(), 0, "{name}");
    }
}

#[actix_web::test]
async fn refresh_succeeds_after_failures() {
    for (name, fail) in FAILURES {
        let site = failing(fail).await;
        site.recover().await;
        site.advance(14);
        site.get(PAGE).await.assert_body("page 1");
        settle().await;
        assert_eq!(site.refreshes(), 1, "{name}");
    }
}

/// Holds the request while it waits for something else than the body.
async fn hold_request(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<Bytes>, Error> {
    let (request, response) = next.call(request).await?.into_parts();
    let (head, body) = response.into_parts();
    let body = to_bytes(body).await.map_err(|_| ErrorBadGateway("the body is incomplete"))?;
    settle().await;
    Ok(ServiceResponse::new(request, head.set_body(body)))
}

#[actix_web::test]
async fn outer_service_that_holds_the_request_prevents_a_refresh_only() {
    let site = Site::start(|app| app.wrap(refreshing).wrap(|| from_fn(hold_request))).await;
    site.get(PAGE).await.assert_body("page 1");
    site.advance(61);
    site.get(PAGE).await.assert_stale(Reason::StaleWhileRevalidate).assert_body("page 1");
    assert_eq!((site.runs(), site.cache().stats().fills_in_flight()), (1, 0));
    site.advance(30);
    site.get(PAGE).await.assert_body("page 2");
}

/// A server with the middleware around the App, and one with it around a scope.
fn servers() -> [TestApp; 2] {
    [true, false].map(|is_around_the_app| {
        TestApp::builder()
            .configure(move |config| {
                let scope = web::scope("/{name}")
                    .wrap(Condition::new(!is_around_the_app, refreshing()))
                    .wrap(NormalizePath::trim());
                config.service(scope.configure(posts));
            })
            .wrap(Compress::default)
            .wrap(move || Condition::new(is_around_the_app, refreshing()))
            .wrap(Logger::default)
            .wrap(Compress::default)
            .serve()
    })
}

#[actix_web::test]
async fn server_refreshes_a_page_after_it_sent_the_stale_response() {
    let requests: [(Headers, u16); 4] = [
        (&[], 200),
        (&[("if-none-match", "*")], 304),
        (&[("range", "bytes=0-1")], 206),
        (&[("accept-language", "de")], 200),
    ];
    for app in servers() {
        app.get(PAGE).await.assert_body("page 1").assert_header("x-route", ROUTE);
        for (number, (headers, status)) in (1..).zip(requests) {
            app.advance(61);
            let response = app.get(PAGE).headers(headers).await;
            response.assert_stale(Reason::StaleWhileRevalidate).assert_status(status);
            until("the page is refreshed", || refreshes(&app) == number).await;
            let response = app.get(PAGE).await;
            response.assert_hit().assert_ttl(60).assert_body(format!("page {}", number + 1));
            response.assert_header("x-route", ROUTE);
        }
        assert_eq!(app.runs(), 5);
    }
}
