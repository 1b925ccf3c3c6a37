//! Purged pages that are refilled before visitors request them.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    http::header::{ACCEPT_LANGUAGE, HeaderValue},
    rt::{self, task::JoinHandle},
    web,
};
use cache_page::{PageCache, Refiller};

use crate::support::{Backend, Call, Events, Origin, TestApp, TestAppBuilder, settle, until};

#[cache_page::cache_page(60, tags = ["pages"], query = ["page"])]
async fn page(origin: Origin) -> Result<HttpResponse, actix_web::Error> {
    origin.respond().await
}

#[cache_page::cache_page(60, stale_while_revalidate = 60, tags = ["pages"])]
async fn stale(origin: Origin) -> Result<HttpResponse, actix_web::Error> {
    origin.respond().await
}

#[cache_page::purge_page(tags = ["pages"], paths = ["/pages/{page}"], refill = true)]
async fn write() -> &'static str {
    "written"
}

#[cache_page::purge_page(tags = ["pages"], refill = false)]
async fn write_without_refill() -> &'static str {
    "written"
}

fn builder() -> TestAppBuilder {
    TestApp::builder().route("/pages/{page}", page).route("/stale", stale)
}

/// A refiller that is running until this is dropped.
struct Refills(JoinHandle<()>);

impl Refills {
    async fn start(app: &TestApp) -> Self {
        Self::with(app, |refiller| refiller).await
    }

    async fn with(app: &TestApp, options: impl FnOnce(Refiller) -> Refiller) -> Self {
        let (app, refiller) = (app.clone(), options(app.cache().refiller()));
        let task = rt::spawn(async move { app.refill(refiller).await });
        settle().await;
        Self(task)
    }
}

impl Drop for Refills {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[actix_web::test]
async fn purged_page_is_a_hit_for_its_next_visitor() {
    let app = builder().start().await;
    let _refills = Refills::start(&app).await;
    app.get("/pages/1").await.assert_stored();
    app.cache().purge_tag("pages").refill().await.unwrap();
    settle().await;
    assert_eq!(app.runs(), 2);
    app.get("/pages/1").await.assert_hit().assert_body("page 2");
}

#[actix_web::test]
async fn every_kind_of_purge_can_refill() {
    type Purge = fn(&PageCache) -> cache_page::PurgeFuture;
    let purges: [Purge; 6] = [
        |cache| cache.purge_path("/pages/1"),
        |cache| cache.purge_url("/pages/1"),
        |cache| cache.purge_prefix("/pages/"),
        |cache| cache.purge_tag("pages"),
        |cache| cache.purge_all(),
        |cache| cache.expire_all(),
    ];
    for purge in purges {
        let app = builder().start().await;
        let _refills = Refills::start(&app).await;
        app.get("/pages/1").await.assert_stored();
        purge(app.cache()).refill().await.unwrap();
        settle().await;
        app.get("/pages/1").await.assert_hit().assert_body("page 2");
    }
}

#[actix_web::test]
async fn handler_that_purges_can_refill() {
    for (write, runs) in [("/pages/1/write", 2), ("/pages/1/write-without-refill", 1)] {
        let app = builder()
            .configure(|config| {
                config
                    .route("/pages/{page}/write", web::post().to(self::write))
                    .route("/pages/{page}/write-without-refill", web::post().to(write_without_refill));
            })
            .start()
            .await;
        let _refills = Refills::start(&app).await;
        app.get("/pages/1").await.assert_stored();
        app.post(write).await.assert_status(200);
        settle().await;
        // The page has the tag and the path, and is made once.
        assert_eq!(app.runs(), runs, "{write}");
    }
}

#[actix_web::test]
async fn purge_without_refill_makes_no_page() {
    let app = builder().start().await;
    let _refills = Refills::start(&app).await;
    app.get("/pages/1").await.assert_stored();
    app.cache().purge_tag("pages").await.unwrap();
    settle().await;
    assert_eq!(app.runs(), 1);
}

#[actix_web::test]
async fn refill_without_a_refiller_has_no_effect() {
    let app = builder().start().await;
    app.get("/pages/1").await.assert_stored();
    drop(Refills::start(&app).await);
    settle().await;
    app.cache().purge_tag("pages").refill().await.unwrap();
    let _refills = Refills::start(&app).await;
    settle().await;
    assert_eq!(app.runs(), 1);
    app.get("/pages/1").await.assert_miss();
}

#[actix_web::test]
async fn page_is_made_for_the_url_that_it_had() {
    let app = builder().start().await;
    let _refills = Refills::start(&app).await;
    let visits = || {
        let get = |uri: &str, host: &str| app.get(uri).header("host", host);
        [
            get("/pages/1", "a.example").header("x-forwarded-proto", "https"),
            get("/pages/1", "backend").header("x-forwarded-host", "c.example"),
            get("/pages/1?page=2", "b.example:8080"),
            get("/pages/1?page=%26&utm_source=x", "b.example:8080"),
        ]
    };
    for visit in visits() {
        visit.await.assert_stored();
    }
    app.cache().purge_tag("pages").refill().await.unwrap();
    settle().await;
    assert_eq!(app.runs(), 8);
    for visit in visits() {
        visit.await.assert_hit();
    }
}

#[actix_web::test]
async fn hottest_pages_are_made_first_and_a_hundred_of_them() {
    let app = builder().start().await;
    let _refills = Refills::with(&app, |refiller| refiller.concurrency(1)).await;
    for number in 0..150 {
        app.get(&format!("/pages/{number}")).await.assert_stored();
    }
    for _ in 0..2 {
        app.get("/pages/140").await.assert_hit();
    }
    app.get("/pages/141").await.assert_hit();
    app.pause();
    app.cache().purge_tag("pages").refill().await.unwrap();
    settle().await;
    app.finish(2).await;
    for hot in ["/pages/140", "/pages/141"] {
        app.get(hot).await.assert_hit();
    }
    app.resume().await;
    until("the pages are made", || app.runs() == 250).await;
    settle().await;
    assert_eq!((app.runs(), app.pages()), (250, 100));
}

#[actix_web::test]
async fn concurrency_bounds_the_running_handlers_of_a_refill() {
    for (concurrency, expected) in [(None, 2), (Some(5), 5), (Some(0), 1)] {
        let app = builder().start().await;
        let _refills = Refills::with(&app, |refiller| match concurrency {
            Some(concurrency) => refiller.concurrency(concurrency),
            None => refiller,
        })
        .await;
        for number in 0..10 {
            app.get(&format!("/pages/{number}")).await.assert_stored();
        }
        app.pause();
        app.cache().purge_tag("pages").refill().await.unwrap();
        settle().await;
        assert_eq!(app.waiting().len(), expected);
        app.resume().await;
        until("the pages are made", || app.pages() == 10).await;
    }
}

#[actix_web::test]
async fn purged_page_is_not_served_while_it_is_made() {
    let app = builder().start().await;
    let _refills = Refills::start(&app).await;
    app.get("/pages/1").await.assert_stored();
    app.pause();
    app.cache().purge_tag("pages").refill().await.unwrap();
    settle().await;
    let visit = rt::spawn(app.get("/pages/1").into_future());
    settle().await;
    assert_eq!(app.waiting().len(), 1, "the visitor waits for the refill");
    app.resume().await;
    visit.await.unwrap().assert_collapsed().assert_body("page 2");
}

#[actix_web::test]
async fn soft_purged_page_is_served_while_it_is_made() {
    let app = builder().start().await;
    let _refills = Refills::start(&app).await;
    app.get("/stale").await.assert_stored();
    app.pause();
    app.cache().expire_tag("pages").refill().await.unwrap();
    settle().await;
    app.get("/stale").await.assert_body("page 1");
    app.resume().await;
    app.get("/stale").await.assert_hit().assert_body("page 2");
}

#[actix_web::test]
async fn pages_that_wait_are_made_once() {
    let app = builder().start().await;
    let _refills = Refills::with(&app, |refiller| refiller.concurrency(1)).await;
    for path in ["/pages/1", "/pages/2"] {
        app.get(path).await.assert_stored();
    }
    app.pause();
    app.cache().purge_path("/pages/1").refill().await.unwrap();
    settle().await;
    app.cache().purge_path("/pages/2").refill().await.unwrap();
    app.cache().purge_path("/pages/2").refill().await.unwrap();
    app.resume().await;
    settle().await;
    assert_eq!(app.runs(), 4);
}

#[actix_web::test]
async fn page_that_fails_is_logged_and_the_next_one_made() {
    let app = builder().start().await;
    let _refills = Refills::with(&app, |refiller| refiller.concurrency(1)).await;
    for path in ["/pages/1?page=secret", "/pages/2"] {
        app.get(path).await.assert_stored();
    }
    app.get("/pages/1?page=secret").await.assert_hit();
    app.set_handler(|call: &Call| match call.request.path() {
        "/pages/1" => HttpResponse::InternalServerError().finish(),
        _ => HttpResponse::Ok().body("new"),
    });
    let events = Events::collect();
    app.cache().purge_tag("pages").refill().await.unwrap();
    settle().await;
    let events = events.take();
    let failure = events.iter().find(|event| event.message() == "a purged page was not refilled").unwrap();
    assert_eq!(failure.field("page"), Some("/pages/1"));
    app.get("/pages/2").await.assert_hit().assert_body("new");
}

#[actix_web::test]
async fn page_that_takes_too_long_is_left_to_its_visitors() {
    let app = builder().start().await;
    let timeout = Duration::from_secs(5);
    let _refills = Refills::with(&app, |refiller| refiller.concurrency(1).timeout(timeout)).await;
    app.get("/pages/1").await.assert_stored();
    app.pause();
    app.cache().purge_tag("pages").refill().await.unwrap();
    settle().await;
    app.advance(5);
    settle().await;
    app.resume().await;
    app.get("/pages/1").await.assert_stored();
}

#[actix_web::test]
async fn header_of_a_refiller_is_sent() {
    let app = TestApp::with_handler(crate::support::ok_with(&[("vary", "accept-language")])).await;
    let refiller = |refiller: Refiller| refiller.header(ACCEPT_LANGUAGE, HeaderValue::from_static("de"));
    let _refills = Refills::with(&app, refiller).await;
    let visit = || app.get("/").header("accept-language", "de");
    visit().await.assert_stored();
    app.cache().purge_all().refill().await.unwrap();
    settle().await;
    visit().await.assert_hit();
}

#[actix_web::test]
async fn refilled_page_is_shared_with_other_processes() {
    let backend = Backend::new();
    let one = builder().remote(&backend).start().await;
    one.wait_available().await;
    let _refills = Refills::start(&one).await;
    one.fill(one.get("/pages/1")).await;
    let stored = one.remote_stats().stored;
    one.cache().purge_tag("pages").refill().await.unwrap();
    until("the new page is stored in the backend", || one.remote_stats().stored > stored).await;
    let other = builder().remote(&backend).share_handler(&one).start().await;
    other.wait_available().await;
    other.get("/pages/1").await.assert_remote_hit().assert_body("page 2");
}
