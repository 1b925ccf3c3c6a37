//! Handlers with `#[purge_page]`: what they purge, and when.

use actix_web::{
    Error, HttpResponse,
    error::{ErrorBadRequest, ErrorInternalServerError},
    http::{Method, StatusCode},
    post,
};
use cache_page::purge_page;

use super::{assert_only_gone, site, with_a_named_cache};
use crate::support::{Call, Crowd, Origin, TestApp, TestAppBuilder};

#[post("/edit/{id}")]
#[purge_page(tags = ["post:{id}"], paths = ["/posts", "/refreshed/{id}"])]
async fn edit(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

#[purge_page(tags = ["post:{id}"], paths = ["/posts", "/refreshed/{id}"])]
#[post("/edit-above/{id}")]
async fn edit_above(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

#[post("/edit-big")]
#[purge_page(tags = ["posts"], cache = "big")]
async fn edit_big(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

#[post("/edit-all")]
#[purge_page(tags = ["posts"])]
async fn edit_all(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

/// The route has no parameter `slug`, which the macro does not see.
#[post("/edit-wrong/{id}")]
#[purge_page(tags = ["post:{slug}", "post:{id}"], paths = ["/{slug}", "/posts"])]
async fn edit_wrong(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

#[post("/edit-path/{id}")]
#[purge_page(paths = ["/refreshed/{id}"])]
async fn edit_path(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

fn writers(app: TestAppBuilder) -> TestAppBuilder {
    app.configure(|config| {
        config.service(edit).service(edit_above).service(edit_big);
        config.service(edit_all).service(edit_wrong).service(edit_path);
    })
}

/// `edit` and `edit_above` differ by the order of their attributes.
const EDITS: [&str; 2] = ["/edit/1", "/edit-above/1"];

const PAGES: [&str; 5] = ["/posts", "/posts/1", "/posts/2", "/refreshed/1", "/refreshed/2"];

/// The pages that `edit` purges.
const EDITED: [&str; 3] = ["/posts", "/posts/1", "/refreshed/1"];

/// An application with all of [`PAGES`] stored.
async fn stored() -> TestApp {
    let app = writers(site()).start().await;
    store(&app).await;
    app
}

async fn store(app: &TestApp) {
    for uri in PAGES {
        app.get(uri).await;
    }
}

/// Sets what handlers respond to a `POST`.
fn set_write(app: &TestApp, write: impl Fn() -> Result<HttpResponse, Error> + Send + Sync + 'static) {
    app.set_handler(move |call: &Call| match *call.request.method() {
        Method::POST => write(),
        _ => Ok(HttpResponse::Ok().body(format!("page {}", call.run))),
    });
}

fn empty(code: u16) -> HttpResponse {
    HttpResponse::new(StatusCode::from_u16(code).unwrap())
}

#[actix_web::test]
async fn pages_are_purged_before_a_successful_response_is_sent() {
    for uri in EDITS {
        for code in [200, 201, 204, 303, 302] {
            let app = stored().await;
            set_write(&app, move || Ok(empty(code)));
            let (head, _unread) = app.post(uri).stream().await;
            assert_eq!((head.status, app.pages()), (code, PAGES.len() - EDITED.len()), "{uri}");
            assert_only_gone(&app, &PAGES, |page| EDITED.contains(&page), &format!("{code} of {uri}")).await;
        }
    }
}

#[actix_web::test]
async fn failed_write_purges_nothing() {
    type Write = fn() -> Result<HttpResponse, Error>;
    let failures: [(Write, u16); 5] = [
        (|| Ok(empty(400)), 400),
        (|| Ok(empty(404)), 404),
        (|| Ok(empty(500)), 500),
        (|| Err(ErrorBadRequest("fails on purpose")), 400),
        (|| Err(ErrorInternalServerError("fails on purpose")), 500),
    ];
    for uri in EDITS {
        for (failure, code) in failures {
            let app = stored().await;
            set_write(&app, failure);
            app.post(uri).await.assert_status(code);
            assert_eq!(app.pages(), PAGES.len(), "{code} of {uri}");
        }
    }
}

#[actix_web::test]
async fn write_that_panics_purges_nothing() {
    for uri in EDITS {
        let app = stored().await;
        set_write(&app, || panic!("the handler panics on purpose"));
        assert!(Crowd::send([app.post(uri)]).await.results().await[0].is_none(), "{uri}");
        assert_eq!(app.pages(), PAGES.len(), "{uri}");
    }
}

/// The handler may have written already.
#[actix_web::test]
async fn pages_are_purged_if_the_client_disconnects_during_a_write() {
    let app = stored().await;
    app.pause();
    let mut crowd = Crowd::send([app.post("/edit/1")]).await;
    assert_eq!((app.waiting().len(), app.pages()), (1, PAGES.len()));
    crowd.abort(0).await;
    app.resume().await;
    assert_only_gone(&app, &PAGES, |page| EDITED.contains(&page), "disconnected").await;
}

#[actix_web::test]
async fn write_purges_the_named_cache_of_its_attribute_only() {
    let (app, named) = with_a_named_cache(writers(site()));
    let app = app.start().await;
    store(&app).await;
    app.get("/big").await;
    app.post("/edit-big").await.assert_status(200);
    assert_eq!((named.stats().pages(), app.pages()), (0, PAGES.len()));
}

#[actix_web::test]
async fn write_without_a_named_cache_purges_all_caches() {
    let (app, named) = with_a_named_cache(writers(site()));
    let app = app.start().await;
    store(&app).await;
    app.get("/big").await;
    app.post("/edit-all").await.assert_status(200);
    assert_eq!(named.stats().pages(), 0);
    assert_only_gone(&app, &PAGES, |page| page.starts_with("/posts/"), "/edit-all").await;
}

/// Nobody would notice that the pages stay. As a response of the server, it is found by the first test.
#[actix_web::test]
async fn handler_whose_route_lacks_a_placeholder_is_not_run() {
    let app = stored().await;
    let runs = app.runs();
    app.post("/edit-wrong/1").await.assert_status(500).assert_body("");
    assert_eq!(app.runs(), runs);
    assert_only_gone(&app, &PAGES, |_| false, "/edit-wrong/1").await;
}

/// Decoded twice, or with a `?` taken for the start of a query, some of these would be other paths.
#[actix_web::test]
async fn placeholders_of_purged_paths_are_as_they_were_requested() {
    for id in
        ["1", "a%20b", "%C3%BCber", "a%2Fb", "a+b", "c%23", "what%3F", "100%25", "%2531", "%252F", "%FF"]
    {
        let app = writers(site()).start().await;
        let edited = format!("/refreshed/{id}");
        let pages = [&edited, "/refreshed/31", "/refreshed/c", "/refreshed/what", "/refreshed/2"];
        for uri in pages {
            let response = app.get(uri).await;
            assert!(response.is_stored(), "{response:?}");
        }
        app.post(&format!("/edit-path/{id}")).await.assert_status(200);
        assert_only_gone(&app, &pages, |page| page == edited, id).await;
    }
}

#[actix_web::test]
async fn request_after_a_write_gets_a_new_page() {
    let app = stored().await;
    for round in 1..=5 {
        app.post("/edit/1").await;
        let response = app.get("/posts/1").await;
        assert!(response.is_stored(), "round {round}: {response:?}");
        assert_eq!(response.text(), format!("page {}", app.runs()), "round {round}");
        assert!(app.get("/posts/1").await.is_hit(), "round {round}");
    }
}
