//! Which pages stay where there is not room for all, and the copies that workers have of those that are hot.

use std::{rc::Rc, sync::mpsc, time::Duration};

use actix_http::Request;
use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    dev::{Service, ServiceResponse},
    rt::System,
    test::init_service,
    web,
};
use cache_page::{PageCache, PageCacheBuilder, cache_page, testing::ManualClock};

use crate::legacy::{Runs, asking, get, send};

/// Its query says how long it is.
#[cache_page(60)]
async fn page(#[unkeyed] runs: web::Data<Runs>, #[unkeyed] request: HttpRequest) -> HttpResponse {
    let length = request.query_string().parse().unwrap_or(500);
    HttpResponse::Ok().insert_header(("x-run", runs.count().to_string())).body(vec![b'x'; length])
}

async fn app(
    cache: &PageCache,
    runs: &Runs,
) -> Rc<impl Service<Request, Response = ServiceResponse, Error = Error> + use<>> {
    let app = App::new().app_data(cache.clone()).app_data(web::Data::new(runs.clone()));
    Rc::new(init_service(app.default_service(web::to(page))).await)
}

fn build(builder: PageCacheBuilder) -> (PageCache, ManualClock) {
    let clock = ManualClock::new();
    (builder.clock(clock.clone()).build(), clock)
}

/// How many bytes a page of that length takes.
async fn weight_of_a_page() -> usize {
    let cache = PageCache::new();
    let app = app(&cache, &Runs::default()).await;
    get(&*app, "/hot/1000").await;
    cache.stats().bytes()
}

/// One request in ten is for one of a thousand pages, all others are for URLs that nobody ever asked for.
#[actix_web::test]
async fn a_flood_does_not_push_out_the_site() {
    const HOT: u64 = 1000;
    let budget = 2 * HOT as usize * weight_of_a_page().await;
    let cache = PageCache::builder().max_bytes(budget).build();
    let app = app(&cache, &Runs::default()).await;
    for _ in 0..2 {
        for number in 0..HOT {
            get(&*app, &format!("/hot/{number}")).await;
        }
    }
    // A generator that is good enough to choose pages by.
    let mut random = 1_u64;
    let (mut asked, mut hits) = (0, 0);
    for number in 0..30_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if number % 10 > 0 {
            get(&*app, &format!("/flood/{number}")).await;
        } else {
            asked += 1;
            hits += u64::from(get(&*app, &format!("/hot/{}", (random >> 33) % HOT)).await.is_hit());
        }
        assert!(cache.stats().bytes() <= budget);
    }
    assert!(hits * 100 >= asked * 95, "{hits} of {asked}");
}

/// What is over goes as others come, and all at once when it is asked for.
#[actix_web::test]
async fn expired_pages_do_not_stay() {
    let (cache, clock) = build(PageCache::builder());
    let app = app(&cache, &Runs::default()).await;
    for round in 0..3 {
        for number in 0..200 {
            assert!(get(&*app, &format!("/{round}/{number}")).await.is_stored());
        }
        clock.advance(Duration::from_secs(60));
    }
    assert!(cache.stats().pages() < 450, "{} of 600 are kept", cache.stats().pages());
    let kept = cache.stats().pages();
    assert_eq!((cache.remove_expired(), cache.stats().pages(), cache.stats().bytes()), (kept, 0, 0));
    assert!(get(&*app, "/").await.is_stored());
    assert_eq!((cache.remove_expired(), cache.stats().pages()), (0, 1), "what is fresh stays");
    assert!(get(&*app, "/").await.is_hit());
}

/// Often enough that a worker has a copy of its own.
const OFTEN: usize = 20;

/// A page that was replaced is sent by no worker any more, whatever copies there were.
#[test]
fn copies_are_of_no_use_once_their_page_is_replaced() {
    let cache = PageCache::builder().honor_request_cache_control(true).build();
    let runs = Runs::default();
    let (asked, told) = (mpsc::channel::<()>(), mpsc::channel());
    let worker = std::thread::spawn({
        let (cache, runs) = (cache.clone(), runs.clone());
        move || {
            System::new().block_on(async move {
                let app = app(&cache, &runs).await;
                while asked.1.recv().is_ok() {
                    let mut run = None;
                    for _ in 0..OFTEN {
                        run = get(&*app, "/").await.header("x-run");
                    }
                    told.0.send(run.unwrap()).unwrap();
                }
            });
        }
    });
    System::new().block_on(async {
        let app = app(&cache, &runs).await;
        for run in ["1", "2", "3"] {
            let bytes = cache.stats().bytes();
            asked.0.send(()).unwrap();
            assert_eq!(told.1.recv().unwrap(), run);
            assert!(cache.stats().bytes() > bytes || run != "1", "the copy is counted");
            // On this worker as well.
            for _ in 0..OFTEN {
                assert_eq!(get(&*app, "/").await.header("x-run").as_deref(), Some(run));
            }
            let new = send(&*app, asking("/", &[("cache-control", "no-cache")])).await;
            assert!(new.is_stored());
            assert_eq!(get(&*app, "/").await.header("x-run"), new.header("x-run"));
        }
    });
    drop(asked.0);
    worker.join().unwrap();
}

/// A copy lives no longer than its page, in each of its states.
#[actix_web::test]
async fn copies_end_with_their_pages_time() {
    let (cache, clock) = build(PageCache::builder());
    let app = app(&cache, &Runs::default()).await;
    for run in 1..=3 {
        for _ in 0..OFTEN {
            clock.advance(Duration::from_secs(1));
            let answer = get(&*app, "/").await;
            assert_eq!(answer.header("x-run"), Some(run.to_string()));
        }
        clock.advance(Duration::from_secs(60));
    }
    // And ages with it.
    for seconds in 0..OFTEN {
        let answer = get(&*app, "/other").await;
        assert_eq!(answer.is_hit(), seconds > 0);
        assert_eq!(answer.header("age"), (seconds > 0).then(|| seconds.to_string()));
        clock.advance(Duration::from_secs(1));
    }
}

/// Copies have their part of the budget, and no more; pages that are asked for by copies alone are not taken for unused.
#[actix_web::test]
async fn copies_are_within_the_budget() {
    const BUDGET: usize = 200_000;
    let cache = PageCache::builder().max_bytes(BUDGET).build();
    let app = app(&cache, &Runs::default()).await;
    for number in 0..100 {
        for _ in 0..OFTEN {
            get(&*app, &format!("/{number}?1500")).await;
            assert!(cache.stats().bytes() <= BUDGET);
        }
    }
    let hot = "/99?1500";
    for number in 0..2000 {
        get(&*app, &format!("/flood/{number}?1500")).await;
        assert!(get(&*app, hot).await.is_hit(), "{number}");
        assert!(cache.stats().bytes() <= BUDGET);
    }
}

/// Two caches in one worker, and one that follows another.
#[actix_web::test]
async fn copies_are_of_one_cache() {
    for _ in 0..3 {
        let (one, two) = (PageCache::new(), PageCache::new());
        let (first, second) = (app(&one, &Runs::default()).await, app(&two, &Runs::default()).await);
        for _ in 0..OFTEN {
            get(&*first, "/").await;
        }
        assert!(get(&*second, "/").await.is_stored());
        assert!(get(&*first, "/").await.is_hit());
    }
}

/// Four threads at once, with more pages than there is room for, some of which expire, and some of which are not to be kept:
/// everybody gets what he asked for, and the budget holds.
#[test]
fn threads_that_do_everything_at_once() {
    const BUDGET: usize = 300_000;
    #[cache_page(60)]
    async fn echo(path: web::Path<(u64, u64)>) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        match path.0 % 8 {
            0 => response.insert_header(("cache-control", "no-store")),
            1 => response.insert_header(("cache-control", "max-age=1")),
            2 => response.insert_header(("vary", "accept")),
            _ => &mut response,
        };
        response.body(format!("{} {}", path.0, "x".repeat(usize::try_from(path.1).unwrap())))
    }
    let (cache, clock) = build(PageCache::builder().max_bytes(BUDGET));
    let threads: Vec<_> = (0..4_u64)
        .map(|thread| {
            let (cache, clock) = (cache.clone(), clock.clone());
            std::thread::spawn(move || {
                System::new().block_on(async move {
                    let app = App::new().app_data(cache.clone());
                    let app = init_service(app.route("/{number}/{length}", web::get().to(echo))).await;
                    let mut random = thread + 1;
                    for _ in 0..4000 {
                        random = random
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1_442_695_040_888_963_407);
                        // Some much more often than others.
                        let drawn = (random >> 33) % 400;
                        let number = drawn * drawn / 400;
                        let length = number * 37 % 3000;
                        let accept = [("accept", if random >> 63 == 0 { "a" } else { "b" })];
                        let answer = send(&app, asking(&format!("/{number}/{length}"), &accept)).await;
                        let text = answer.text();
                        assert!(text.starts_with(&format!("{number} ")), "{number}: {text}");
                        assert_eq!(
                            text.len(),
                            number.to_string().len() + 1 + usize::try_from(length).unwrap()
                        );
                        assert!(cache.stats().bytes() <= BUDGET);
                        if drawn == 7 {
                            clock.advance(Duration::from_millis(700));
                        }
                        if drawn == 8 {
                            cache.remove_expired();
                        }
                    }
                });
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let stats = cache.stats();
    assert_eq!((stats.requests(), stats.fills_in_flight()), (16_000, 0));
    clock.advance(Duration::from_secs(60));
    cache.remove_expired();
    assert_eq!(cache.stats().pages(), 0);
}
