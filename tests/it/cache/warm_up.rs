//! Pages that are requested before visitors come.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    http::header::{ACCEPT_LANGUAGE, HeaderValue},
    rt::{self, task::JoinHandle},
};
use cache_page::{WarmUp, WarmUpFailure, WarmUpSummary};

use crate::support::{
    Backend, Behavior, BodySource, Call, Events, Method, TestApp, TestRequest, ok_with, settle, until,
};

const SITE: &str = "https://www.example.com";

/// A request as a visitor sends it, through the proxy in front.
fn visit(app: &TestApp, path: &str) -> TestRequest {
    app.get(path).header("host", "www.example.com").header("x-forwarded-proto", "https")
}

fn start(app: &TestApp, warm_up: WarmUp) -> JoinHandle<WarmUpSummary> {
    let app = app.clone();
    rt::spawn(async move { app.warm_up(warm_up).await })
}

fn failures(summary: &WarmUpSummary) -> Vec<(&str, &str)> {
    summary.failures().iter().map(|failure| (failure.page(), failure.reason())).collect()
}

#[actix_web::test]
async fn warm_pages_are_hits_for_the_first_visitor() {
    let app = TestApp::new().await;
    let pages = ["/", "/posts?page=2", "https://www.example.com/about"];
    let summary = app.warm_up(app.cache().warm_up(SITE, pages)).await;
    assert_eq!((summary.done(), summary.failed(), app.runs()), (3, 0, 3), "{summary}");
    for path in ["/", "/posts?page=2", "/about"] {
        visit(&app, path).await.assert_hit();
    }
    visit(&app, "/posts").await.assert_stored();
}

#[actix_web::test]
async fn warm_pages_are_those_of_the_site_alone() {
    let app = TestApp::new().await;
    let summary = app.warm_up(app.cache().warm_up(SITE, ["/"])).await;
    assert_eq!(summary.done(), 1, "{summary}");
    visit(&app, "/").await.assert_hit();
    app.get("/").header("host", "www.example.com").await.assert_stored();
    app.get("/").header("host", "example.com").header("x-forwarded-proto", "https").await.assert_stored();
}

#[actix_web::test]
async fn page_that_is_stored_is_not_made_again() {
    let app = TestApp::new().await;
    visit(&app, "/").await.assert_stored();
    let summary = app.warm_up(app.cache().warm_up(SITE, ["/", "/"])).await;
    assert_eq!((summary.done(), app.runs()), (2, 1), "{summary}");
}

#[actix_web::test]
async fn failures_are_listed_and_stop_nothing() {
    let app = TestApp::with_handler(|call: &Call| match call.request.path() {
        "/500" => HttpResponse::InternalServerError().finish(),
        "/404" => HttpResponse::NotFound().finish(),
        "/cookie" => HttpResponse::Ok().insert_header(("set-cookie", "a=b")).body("page"),
        "/panic" => panic!("a test"),
        _ => HttpResponse::Ok().body("page"),
    })
    .await;
    let events = Events::collect();
    let pages = ["/500", "/404", "/cookie", "/panic", "posts", "https://other.example/", "/last"];
    let summary = app.warm_up(app.cache().warm_up(SITE, pages).concurrency(1)).await;
    assert_eq!((summary.done(), summary.failed()), (1, 6));
    let expected = [
        ("/500", "500 Internal Server Error"),
        ("/404", "404 Not Found"),
        ("/cookie", "not stored: set-cookie"),
        ("/panic", "the handler panicked"),
        ("posts", "not a path or a URL"),
        ("https://other.example/", "not a page of https://www.example.com/"),
    ];
    assert_eq!(failures(&summary), expected);
    let logged = events.take();
    let logged: Vec<_> = logged
        .iter()
        .filter(|event| event.message() == "a page of the warm-up is not stored")
        .map(|event| (event.field("page").unwrap_or_default(), event.field("reason").unwrap_or_default()))
        .collect();
    assert_eq!(logged, expected);
    visit(&app, "/last").await.assert_hit();
}

#[actix_web::test]
async fn list_of_failures_is_limited() {
    let app = TestApp::with_handler(|_: &Call| HttpResponse::NotFound().finish()).await;
    let pages = (0..100).map(|number| format!("/{number}"));
    let summary = app.warm_up(app.cache().warm_up(SITE, pages)).await;
    assert_eq!((summary.failed(), summary.failures().len()), (100, 20));
    assert!(summary.to_string().ends_with("; …"), "{summary}");
}

#[actix_web::test]
async fn summary_is_one_line() {
    let app = TestApp::with_handler(|call: &Call| match call.request.path() {
        "/b" => HttpResponse::NotFound().finish(),
        _ => HttpResponse::Ok().body("page"),
    })
    .await;
    app.pause();
    let warm_up = start(&app, app.cache().warm_up(SITE, ["/a", "/b"]));
    settle().await;
    app.advance_by(Duration::from_millis(1200));
    app.resume().await;
    let summary = warm_up.await.unwrap();
    assert_eq!(summary.to_string(), "1 of 2 pages stored in 1.2s; /b: 404 Not Found");
    assert_eq!(summary.elapsed(), Duration::from_millis(1200));
    assert_eq!(
        summary.failures().iter().map(WarmUpFailure::to_string).collect::<Vec<_>>(),
        ["/b: 404 Not Found"]
    );
}

#[actix_web::test]
async fn concurrency_bounds_the_running_handlers() {
    let app = TestApp::new().await;
    for (concurrency, expected) in [(Some(3), 3), (Some(0), 1), (None, 8)] {
        app.cache().purge_all().await.unwrap();
        app.pause();
        let pages = (0..20).map(|number| format!("/{number}"));
        let warm_up = app.cache().warm_up(SITE, pages);
        let warm_up = match concurrency {
            Some(concurrency) => warm_up.concurrency(concurrency),
            None => warm_up,
        };
        let warm_up = start(&app, warm_up);
        settle().await;
        assert_eq!(app.waiting().len(), expected);
        app.finish(2).await;
        assert_eq!(app.waiting().len(), expected);
        app.resume().await;
        assert_eq!(warm_up.await.unwrap().done(), 20);
    }
}

#[actix_web::test]
async fn cache_is_warm_when_no_warm_up_is_running() {
    let app = TestApp::new().await;
    assert!(app.cache().is_warm());
    app.pause();
    let warm_up = app.cache().warm_up(SITE, ["/a", "/b", "/c"]).concurrency(1);
    assert!(!app.cache().is_warm(), "before it is awaited");
    let warm_up = start(&app, warm_up);
    settle().await;
    assert!(!app.cache().is_warm());
    app.resume().await;
    warm_up.await.unwrap();
    assert!(app.cache().is_warm());

    let dropped = app.cache().warm_up(SITE, ["/d"]);
    assert!(!app.cache().is_warm());
    drop(dropped);
    assert!(app.cache().is_warm());
}

#[actix_web::test]
async fn progress_counts_the_pages_of_all_warm_ups() {
    let app = TestApp::with_handler(|call: &Call| match call.request.path() {
        "/b" => HttpResponse::NotFound().finish(),
        _ => HttpResponse::Ok().body("page"),
    })
    .await;
    assert_eq!(app.cache().warm_up_progress(), None);
    app.pause();
    let one = start(&app, app.cache().warm_up(SITE, ["/a", "/b", "/c"]).concurrency(1));
    settle().await;
    app.advance(2);
    let other = start(&app, app.cache().warm_up(SITE, ["/d"]));
    settle().await;
    app.finish_run(1).await;
    app.finish_run(3).await;
    app.advance(1);
    let progress = app.cache().warm_up_progress().expect("a warm-up is running");
    assert_eq!((progress.pages, progress.done, progress.failed), (4, 1, 1));
    assert_eq!(progress.elapsed, Duration::from_secs(3));
    app.resume().await;
    assert_eq!((one.await.unwrap().done(), other.await.unwrap().done()), (2, 1));
    assert_eq!(app.cache().warm_up_progress(), None);
}

#[actix_web::test]
async fn progress_is_logged() {
    let app = TestApp::new().await;
    let events = Events::collect();
    app.warm_up(app.cache().warm_up(SITE, (0..20).map(|number| format!("/{number}")))).await;
    let events = events.take();
    let count = |message| events.iter().filter(|event| event.message() == message).count();
    assert_eq!((count("the warm-up begins"), count("the warm-up has ended")), (1, 1));
    assert_eq!(count("the warm-up goes on"), 9);
}

#[actix_web::test]
async fn sitemap_lists_pages() {
    let app = TestApp::with_handler(|call: &Call| match call.request.path() {
        "/index.xml" => HttpResponse::Ok().body(
            "<sitemapindex><sitemap><loc>https://www.example.com/1.xml</loc></sitemap>\
             <sitemap><loc>https://www.example.com/none.xml</loc></sitemap></sitemapindex>",
        ),
        "/1.xml" => HttpResponse::Ok().body(
            "<urlset><url><loc>https://www.example.com/?a=1&amp;b=2</loc></url>\
             <url><loc>https://other.example/</loc></url></urlset>",
        ),
        "/none.xml" => HttpResponse::NotFound().finish(),
        _ => HttpResponse::Ok().body("page"),
    })
    .await;
    let warm_up = app.cache().warm_up(SITE, ["/first"]).sitemap("/index.xml");
    let summary = app.warm_up(warm_up).await;
    let expected = [
        ("https://www.example.com/none.xml", "404 Not Found"),
        ("https://other.example/", "not a page of https://www.example.com/"),
    ];
    assert_eq!(failures(&summary), expected);
    assert_eq!(summary.done(), 2);
    visit(&app, "/first").await.assert_hit();
    visit(&app, "/?a=1&b=2").await.assert_hit();
}

#[actix_web::test]
async fn page_that_does_not_end_in_time_has_failed() {
    let app = TestApp::new().await;
    app.pause();
    let warm_up = app.cache().warm_up(SITE, ["/a", "/b"]).concurrency(1).timeout(Duration::from_secs(10));
    let warm_up = start(&app, warm_up);
    settle().await;
    app.advance(9);
    settle().await;
    assert_eq!(app.runs(), 1);
    app.advance(1);
    settle().await;
    assert_eq!(app.runs(), 2, "the next page follows");
    app.resume().await;
    let summary = warm_up.await.unwrap();
    assert_eq!(failures(&summary), [("/a", "no complete response in 10s")]);
}

#[actix_web::test]
async fn streamed_page_is_stored() {
    let source = BodySource::new();
    let body = source.clone();
    let app = TestApp::with_handler(move |_: &Call| HttpResponse::Ok().body(body.body())).await;
    let warm_up = start(&app, app.cache().warm_up(SITE, ["/"]));
    source.push("one ");
    settle().await;
    source.push("page").finish();
    assert_eq!(warm_up.await.unwrap().done(), 1);
    visit(&app, "/").await.assert_hit().assert_body("one page");
}

#[actix_web::test]
async fn header_selects_the_variant_that_is_stored() {
    let app = TestApp::with_handler(ok_with(&[("vary", "accept-language")])).await;
    let warm_up = app.cache().warm_up(SITE, ["/"]).header(ACCEPT_LANGUAGE, HeaderValue::from_static("de"));
    app.warm_up(warm_up).await;
    visit(&app, "/").header("accept-language", "de").await.assert_hit();
    visit(&app, "/").header("accept-language", "fr").await.assert_miss();
}

#[actix_web::test]
async fn pages_are_requested_from_a_server() {
    let app = TestApp::builder()
        .handler(|call: &Call| match call.request.path() {
            "/404" => HttpResponse::NotFound().finish(),
            "/cookie" => HttpResponse::Ok().insert_header(("set-cookie", "a=b")).body("page"),
            "/sitemap.xml" => {
                HttpResponse::Ok().body("<urlset><loc>https://www.example.com/b</loc></urlset>")
            }
            _ => HttpResponse::Ok().body("page".repeat(100_000)),
        })
        .serve();
    let warm_up = app.cache().warm_up(SITE, ["/a", "/404", "/cookie"]).sitemap("/sitemap.xml").concurrency(1);
    let summary = warm_up.from_server(app.address().to_string()).await;
    assert_eq!(failures(&summary), [("/404", "404 Not Found"), ("/cookie", "not stored: set-cookie")]);
    for path in ["/a", "/b"] {
        visit(&app, path).await.assert_hit();
    }
}

#[actix_web::test]
async fn server_that_does_not_answer_is_a_failure() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let app = TestApp::new().await;
    let summary = app.cache().warm_up(SITE, ["/a", "/b"]).from_server(address).await;
    assert_eq!((summary.done(), summary.failed()), (0, 2), "{summary}");
}

#[actix_web::test]
async fn invalid_site_is_one_failure() {
    let app = TestApp::new().await;
    let summary = app.warm_up(app.cache().warm_up("www.example.com", ["/a", "/b"])).await;
    let reason = "not a site: write its scheme and host, as in `https://www.example.com`";
    assert_eq!(failures(&summary), [("www.example.com", reason)]);
    assert_eq!(app.runs(), 0);
}

#[actix_web::test]
async fn disabled_cache_requests_nothing() {
    let app = TestApp::builder().cache(|cache| cache.enabled(false)).start().await;
    let summary = app.warm_up(app.cache().warm_up(SITE, ["/a"])).await;
    assert_eq!((summary.done(), summary.failed(), app.runs()), (0, 0, 0));
    assert!(app.cache().is_warm());
}

/// A page that is filled before would be in neither the store nor the memory.
#[actix_web::test]
async fn warm_up_begins_when_the_remote_store_is_available() {
    let backend = Backend::new();
    let app = TestApp::builder().remote(&backend);
    app.store().set_behavior(&[Method::PollChanges], Behavior::Fails);
    let app = app.start().await;
    let warm_up = start(&app, app.cache().warm_up(SITE, ["/"]));
    settle().await;
    assert_eq!(app.runs(), 0);
    app.store().set_behavior(&[Method::PollChanges], Behavior::Works);
    assert_eq!(warm_up.await.unwrap().done(), 1);
    visit(&app, "/").await.assert_hit();
    until("the page is in the remote store", || backend.entries() == 1).await;
}
