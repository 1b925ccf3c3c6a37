//! Memory that nobody can make grow.

use std::time::Duration;

use actix_web::HttpResponse;
use cache_page::{PageCache, testing::ManualClock};

use crate::legacy::{app_answering_with, get};

/// What the cache itself counts.
fn bytes(cache: &PageCache) -> usize {
    let text = format!("{cache:?}");
    let after = text.split(" bytes: ").nth(1).unwrap();
    after.split([',', ' ']).next().unwrap().parse().unwrap()
}

#[actix_web::test]
async fn urls_that_nobody_asks_for_again() {
    const BUDGET: usize = 100_000;
    let cache = PageCache::builder().max_bytes(BUDGET).build();
    let (app, _) = app_answering_with(cache.clone(), || HttpResponse::Ok().body(vec![b'x'; 1000])).await;
    for number in 0..1000 {
        assert!(get(&app, &format!("/?{number}")).await.is_stored());
        assert!(bytes(&cache) <= BUDGET);
    }
    assert!(bytes(&cache) > BUDGET / 2, "the budget is there to be used");
    assert!(get(&app, "/?999").await.is_hit(), "the newest page stays");
    assert!(!get(&app, "/?0").await.is_hit(), "the oldest went");
}

#[actix_web::test]
async fn a_page_that_is_made_again_and_again() {
    let clock = ManualClock::new();
    let cache = PageCache::builder().clock(clock.clone()).build();
    let answer = || HttpResponse::Ok().insert_header(("cache-control", "max-age=1")).body(vec![b'x'; 1000]);
    let (app, runs) = app_answering_with(cache.clone(), answer).await;
    get(&app, "/").await;
    let once = bytes(&cache);
    for _ in 0..1000 {
        clock.advance(Duration::from_secs(1));
        assert!(get(&app, "/").await.is_stored());
        // Keys of pages that are gone count until they are swept out.
        assert!(bytes(&cache) < 20 * once);
    }
    assert_eq!(runs.get(), 1001);
}

#[actix_web::test]
async fn a_page_larger_than_everything() {
    let cache = PageCache::builder().max_bytes(1000).max_body(usize::MAX).build();
    let (app, _) = app_answering_with(cache.clone(), || HttpResponse::Ok().body(vec![b'x'; 1000])).await;
    for _ in 0..2 {
        let answer = get(&app, "/").await;
        assert_eq!(answer.outcome(), "cache_page; fwd=miss; detail=body-too-large");
        assert_eq!((answer.status, answer.body.len(), answer.header("cache-control")), (200, 1000, None));
    }
    assert_eq!(bytes(&cache), 0);
}

/// Room for eight of the longest that are kept by default.
#[actix_web::test]
async fn a_page_that_would_fill_the_budget_alone() {
    for (length, kept) in [(10_000, true), (10_001, false)] {
        let cache = PageCache::builder().max_bytes(80_000).build();
        let (app, _) = app_answering_with(cache, move || HttpResponse::Ok().body(vec![b'x'; length])).await;
        let answer = get(&app, "/").await;
        assert_eq!((answer.is_stored(), answer.body.len()), (kept, length), "{}", answer.outcome());
    }
}
