//! The copies that each worker has of popular pages.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use actix_web::{
    App, HttpResponse,
    body::MessageBody as _,
    rt::System,
    test::{TestRequest, call_service, init_service},
    web,
};
use cache_page::{PageCache, cache_page, testing::ManualClock};

use super::body_of;
use crate::support::TestApp;

/// More requests than it takes until a worker makes a copy.
const OFTEN: usize = 20;

/// Another worker, whose own handler must not run.
struct Worker {
    sender: Sender<()>,
    bodies: Receiver<String>,
}

impl Worker {
    fn start(cache: PageCache, clock: ManualClock) -> Self {
        let (sender, calls) = channel();
        let (answers, bodies) = channel();
        thread::spawn(move || {
            System::new().block_on(async move {
                let builder = TestApp::builder().page_cache(cache).clock(&clock);
                let app = builder.handler(|_| HttpResponse::Ok().body("from the worker")).start().await;
                while calls.recv().is_ok() {
                    for _ in 0..OFTEN {
                        let response = app.get("/").await;
                        answers.send(response.text().to_owned()).expect("the test waits");
                    }
                }
            });
        });
        Self { sender, bodies }
    }

    /// Requests the page often, and returns the bodies.
    fn request_often(&self) -> Vec<String> {
        self.sender.send(()).expect("the worker runs");
        (0..OFTEN).map(|_| self.bodies.recv().expect("the worker runs")).collect()
    }
}

#[actix_web::test]
async fn no_worker_serves_a_copy_of_a_replaced_page() {
    let app = TestApp::builder().cache(|cache| cache.honor_request_cache_control(true)).start().await;
    let worker = Worker::start(app.cache().clone(), app.clock().clone());
    for run in 1..=3 {
        let page = format!("page {run}");
        app.get("/").header("cache-control", "no-cache").await.assert_stored().assert_body(&page);
        for body in worker.request_often() {
            assert_eq!(body, page);
        }
        for _ in 0..OFTEN {
            app.get("/").await.assert_hit().assert_body(&page);
        }
    }
}

#[actix_web::test]
async fn copy_of_each_worker_counts() {
    let app = TestApp::new().await;
    app.get("/").await;
    let without_copies = app.bytes();
    let worker = Worker::start(app.cache().clone(), app.clock().clone());
    drop(worker.request_often());
    let with_one_copy = app.bytes();
    for _ in 0..OFTEN {
        app.get("/").await.assert_hit();
    }
    let bytes = [without_copies, with_one_copy, app.bytes()];
    assert!(bytes.is_sorted_by(|fewer, more| fewer < more), "{bytes:?}");
}

#[actix_web::test]
async fn copy_expires_with_its_page() {
    let app = TestApp::new().await;
    for run in 1..=3 {
        for _ in 0..OFTEN {
            app.advance(1);
            app.get("/").await.assert_body(format!("page {run}"));
        }
        app.advance(60);
    }
}

#[actix_web::test]
async fn copy_has_the_age_of_its_page() {
    let app = TestApp::new().await;
    app.get("/").await.assert_stored().assert_no_header("age");
    for seconds in 1..OFTEN as u64 {
        app.advance(1);
        app.get("/").await.assert_hit().assert_age(seconds);
    }
}

const BUDGET: usize = 200_000;

/// Requests more pages than there is room for.
async fn app_with_copies() -> TestApp {
    app_with_copies_of(100).await
}

/// Requests pages so often that there would be copies of all, were there room.
async fn app_with_copies_of(pages: usize) -> TestApp {
    let app = TestApp::builder().cache(|cache| cache.max_bytes(BUDGET)).handler(body_of(1500)).start().await;
    for number in 0..pages {
        for _ in 0..OFTEN {
            app.get(&format!("/{number}")).await;
            assert!(app.bytes() <= BUDGET, "{} bytes", app.bytes());
        }
    }
    app
}

#[actix_web::test]
async fn copies_stay_within_the_budget() {
    let app = app_with_copies().await;
    assert!(app.bytes() > BUDGET / 2, "{}", app.bytes());
}

/// Else, pages that were popular once would keep the room for ever.
#[actix_web::test]
async fn idle_copies_make_room_for_those_of_popular_pages() {
    // There is room for these pages, but not for copies of all.
    let app = app_with_copies_of(50).await;
    app.get("/late").await.assert_stored();
    for _ in 0..3 * OFTEN {
        app.get("/late").await.assert_hit();
    }
    let before = app.bytes();
    assert_eq!(app.cache().purge_path("/late").await.unwrap().pages(), 1);
    let freed = before - app.bytes();
    assert!(freed > 2 * 1500, "a page and its copy: {freed} bytes");
}

/// The requests that copies answer count as requests for the page.
#[actix_web::test]
async fn page_that_is_served_from_a_copy_is_not_evicted() {
    let app = app_with_copies().await;
    for number in 0..1000 {
        app.get(&format!("/flood/{number}")).await;
        let response = app.get("/99").await;
        assert!(response.is_hit(), "after {number} other pages: {response:?}");
        assert!(app.bytes() <= BUDGET, "{} bytes", app.bytes());
    }
}

/// The later cache may have the address of the earlier one in memory.
#[actix_web::test]
async fn copy_of_one_cache_is_not_served_by_another() {
    for _ in 0..3 {
        let (one, two) = (TestApp::new().await, TestApp::new().await);
        for _ in 0..OFTEN {
            one.get("/").await;
        }
        two.get("/").await.assert_stored();
        one.get("/").await.assert_hit();
    }
}

#[cache_page(60)]
async fn large() -> HttpResponse {
    HttpResponse::Ok().body(vec![b'x'; 65_536])
}

#[actix_web::test]
async fn body_of_a_large_page_is_not_copied_for_a_hit() {
    let app = App::new().app_data(PageCache::new()).route("/", web::get().to(large));
    let app = init_service(app).await;
    let mut bodies = Vec::new();
    for _ in 0..=OFTEN {
        let response = call_service(&app, TestRequest::default().to_request()).await;
        bodies.push(response.into_body().try_into_bytes().expect("a complete body"));
    }
    assert!(bodies[1..].iter().all(|body| body.as_ptr() == bodies[1].as_ptr()));
}
