//! The table of the textbook: a page for 60 seconds, asked for at once, within them, and after them.

use std::{collections::HashSet, time::Duration};

use actix_web::{App, HttpResponse, Responder, get, test::init_service, web};
use cache_page::{PageCache, cache_page, testing::ManualClock};

use crate::legacy::{Answer, Runs, Server, get};

#[get("/minute")]
#[cache_page(60)]
async fn minute(runs: web::Data<Runs>) -> impl Responder {
    runs.count();
    HttpResponse::Ok().insert_header(("x-from", "the handler")).body("Hello World")
}

#[get("/two-minutes")]
#[cache_page(120)]
async fn two_minutes(runs: web::Data<Runs>) -> impl Responder {
    runs.count();
    "Hello World"
}

#[get("/worker")]
async fn worker() -> String {
    format!("{:?}", std::thread::current().id())
}

fn pages(config: &mut web::ServiceConfig, cache: &PageCache, runs: &Runs) {
    let (cache, runs) = (cache.clone(), web::Data::new(runs.clone()));
    config.app_data(cache).app_data(runs).service(minute).service(two_minutes).service(worker);
}

/// The steps of the table, over whatever carries the requests.
async fn steps(runs: &Runs, clock: &ManualClock, ask: impl AsyncFn(&str) -> Answer) {
    let first = ask("/minute").await;
    assert_eq!((first.status, first.text(), runs.get()), (200, "Hello World", 1));
    assert_eq!(first.outcome(), "cache_page; fwd=miss; stored; ttl=60");
    assert_eq!(first.header("cache-control").as_deref(), Some("max-age=60"));
    assert_eq!(first.header("x-from").as_deref(), Some("the handler"));
    assert_eq!(first.header("age"), None);

    clock.advance(Duration::from_secs(59));
    let second = ask("/minute").await;
    assert_eq!(second.outcome(), "cache_page; hit; ttl=1");
    assert_eq!(second.header("age").as_deref(), Some("59"));
    assert_eq!((second.status, &second.body, runs.get()), (200, &first.body, 1));
    assert_eq!(second.lasting_headers(), first.lasting_headers());

    clock.advance(Duration::from_secs(1));
    let third = ask("/minute").await;
    assert_eq!(third.outcome(), "cache_page; fwd=stale; stored; ttl=60");
    assert_eq!((third.text(), runs.get()), ("Hello World", 2));

    // What the third step would have been with a longer time.
    assert!(ask("/two-minutes").await.is_stored());
    clock.advance(Duration::from_secs(60));
    assert_eq!(ask("/two-minutes").await.outcome(), "cache_page; hit; ttl=60");
    assert_eq!(runs.get(), 3);
}

#[actix_web::test]
async fn in_process() {
    let (runs, clock) = (Runs::default(), ManualClock::new());
    let cache = PageCache::builder().clock(clock.clone()).build();
    let app = init_service(App::new().configure(|config| pages(config, &cache, &runs))).await;
    steps(&runs, &clock, async |path| get(&app, path).await).await;
}

#[actix_web::test]
async fn over_a_socket() {
    let (runs, clock) = (Runs::default(), ManualClock::new());
    let cache = PageCache::builder().clock(clock.clone()).build();
    let configure = {
        let runs = runs.clone();
        move |config: &mut web::ServiceConfig| pages(config, &cache, &runs)
    };
    let server = Server::start(configure);
    steps(&runs, &clock, async |path| server.ask("GET", path, "")).await;
}

/// What one worker keeps, the other sends, whether or not the App names a cache.
#[test]
fn workers_share_pages() {
    for cache in [Some(PageCache::new()), None] {
        let runs = Runs::default();
        let configure = {
            let runs = runs.clone();
            move |config: &mut web::ServiceConfig| {
                config.service(minute).service(worker);
                if let Some(cache) = &cache {
                    config.app_data(cache.clone());
                }
                // Each worker's own, as where a factory makes it: the pages are the App's all the same.
                config.app_data(web::Data::new(runs.clone()));
            }
        };
        let server = Server::start(configure);
        assert!(server.ask("GET", "/minute", "").is_stored());
        let mut workers = HashSet::new();
        // Connections go to the workers in turn.
        for _ in 0..20 {
            let answers = server.ask_all("GET", &["/worker", "/minute"], "");
            workers.insert(answers[0].text().to_owned());
            assert!(answers[1].is_hit(), "{}", answers[1].outcome());
        }
        assert_eq!((workers.len(), runs.get()), (2, 1));
    }
}
