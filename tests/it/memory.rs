//! What the cache counts of the memory it takes, and what of an App it holds on to.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use actix_web::{App, HttpRequest, HttpResponse, rt::task::yield_now, test::init_service, web};
use cache_page::{PageCache, cache_page, testing::ManualClock};

use crate::legacy::{app_answering_with, asking, get, send};

/// What a page with such an answer adds to what the cache counts.
async fn weight(uri: &str, answer: impl Fn() -> HttpResponse + 'static) -> usize {
    let cache = PageCache::new();
    let (app, _) = app_answering_with(cache.clone(), answer).await;
    assert!(get(&app, uri).await.is_stored());
    cache.stats().bytes()
}

/// Bodies are the least of it: whoever makes many pages makes them empty.
#[actix_web::test]
async fn everything_that_is_kept_weighs_something() {
    let empty = weight("/", || HttpResponse::MovedPermanently().finish()).await;
    assert!(empty >= 512, "a page without anything in it still has a place: {empty}");

    let long_key =
        weight(&format!("/?{}", "k".repeat(1000)), || HttpResponse::MovedPermanently().finish()).await;
    assert!(long_key >= empty + 1000, "{long_key}, without {empty}");

    let body = weight("/", || HttpResponse::MovedPermanently().body(vec![b'x'; 1000])).await;
    assert!(body >= empty + 1000, "{body}, without {empty}");

    let long_header =
        weight("/", || HttpResponse::MovedPermanently().insert_header(("x-long", "v".repeat(1000))).finish())
            .await;
    assert!(long_header >= empty + 1000, "{long_header}, without {empty}");

    let headers = weight("/", || {
        let mut response = HttpResponse::MovedPermanently();
        for number in 0..100 {
            response.append_header((format!("x-header-of-number-{number:03}"), "v"));
        }
        response.finish()
    })
    .await;
    assert!(headers >= empty + 100 * (22 + 1 + 64), "{headers}, without {empty}");
}

/// An open page is for requests without credentials alone: that it depends on them makes it no variant.
#[actix_web::test]
async fn vary_that_says_nothing_new_costs_no_second_key() {
    #[cache_page(60)]
    async fn silent(_request: HttpRequest) -> HttpResponse {
        HttpResponse::Ok().insert_header(("x-same", "cookie, x-api-key")).finish()
    }
    #[cache_page(60)]
    async fn saying(_request: HttpRequest) -> HttpResponse {
        HttpResponse::Ok().insert_header(("vary", "cookie, x-api-key")).finish()
    }
    let cache = PageCache::new();
    let app = App::new().app_data(cache.clone()).route("/one", web::get().to(silent));
    let app = init_service(app.route("/two", web::get().to(saying))).await;
    assert!(get(&app, "/one").await.is_stored());
    let one = cache.stats().bytes();
    assert!(get(&app, "/two").await.is_stored());
    assert!(cache.stats().bytes() <= 2 * one, "{} after {one}", cache.stats().bytes());
}

#[cache_page(60)]
async fn owner(owner: web::Data<usize>) -> String {
    owner.to_string()
}

/// Apps without a server are held so that no other is taken for them: few, whatever a test makes and drops.
#[actix_web::test]
async fn apps_that_are_gone_are_let_go() {
    let mut apps: Vec<Weak<usize>> = Vec::new();
    for number in 0..20 {
        let data = Arc::new(number);
        apps.push(Arc::downgrade(&data));
        let app = App::new().app_data(web::Data::from(data)).route("/", web::get().to(owner));
        let app = init_service(app).await;
        assert_eq!(get(&app, "/").await.text(), number.to_string());
        assert!(get(&app, "/").await.is_hit());
    }
    // Those that are let go are dropped when the worker next has a moment.
    yield_now().await;
    let held = apps.iter().filter(|app| app.upgrade().is_some()).count();
    assert!(held <= 8, "{held} of them are held");
}

/// More Apps than are held take turns: each finds its own pages or none, never another's.
#[actix_web::test]
async fn more_apps_than_are_held() {
    let mut apps = Vec::new();
    for number in 0..12_usize {
        let app = App::new().app_data(web::Data::new(number)).route("/", web::get().to(owner));
        apps.push(init_service(app).await);
    }
    for _ in 0..3 {
        for (number, app) in apps.iter().enumerate() {
            assert_eq!(get(app, "/").await.text(), number.to_string());
            yield_now().await;
        }
    }
    // One that is known stays known.
    assert!(get(&apps[11], "/").await.is_hit());
}

/// A client may have a fresh page made anew, where the cache was told to listen.
#[actix_web::test]
async fn a_page_made_again_in_its_place_is_counted_once() {
    let cache = PageCache::builder().honor_request_cache_control(true).clock(ManualClock::new()).build();
    let (app, runs) = app_answering_with(cache.clone(), || HttpResponse::Ok().body(vec![b'x'; 1000])).await;
    get(&app, "/").await;
    let once = cache.stats().bytes();
    for _ in 0..200 {
        // The page is still fresh, and its client wants another.
        assert!(send(&app, asking("/", &[("cache-control", "no-cache")])).await.is_stored());
        assert!(cache.stats().bytes() < 20 * once);
    }
    assert_eq!((runs.get(), cache.stats().pages()), (201, 1));
}

/// A place in the queue stands for one page: one that was made anew since does not go in its stead.
#[actix_web::test]
async fn an_old_place_in_the_queue() {
    let clock = ManualClock::new();
    let cache = PageCache::builder().max_bytes(40_000).clock(clock.clone()).build();
    let (app, _) = app_answering_with(cache.clone(), || HttpResponse::Ok().body(vec![b'x'; 3000])).await;
    assert!(get(&app, "/again").await.is_stored());
    clock.advance(Duration::from_secs(30));
    assert!(get(&app, "/oldest").await.is_stored());
    clock.advance(Duration::from_secs(30));
    assert!(get(&app, "/again").await.is_stored(), "its time was over");
    let mut pages = cache.stats().pages();
    for number in 0.. {
        assert!(get(&app, &format!("/{number}")).await.is_stored());
        if cache.stats().pages() == pages {
            break;
        }
        pages = cache.stats().pages();
    }
    assert!(get(&app, "/again").await.is_hit());
    assert!(!get(&app, "/oldest").await.is_hit(), "it was the one to go");
}
