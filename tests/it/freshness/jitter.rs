//! Random shortening of lifetimes, so that pages that were stored together do not expire together.

use std::time::Duration;

use cache_page::PageCache;

use crate::support::TestApp;

/// Returns how many of 200 pages are fresh 0, 44.999, 52.499 and 59.999 seconds after they were stored.
async fn fresh_pages(jitter: f64) -> [usize; 4] {
    let app = TestApp::builder().cache(|cache| cache.ttl_jitter(jitter)).start().await;
    let uris: Vec<String> = (0..200).map(|number| format!("/?{number}")).collect();
    for uri in &uris {
        app.get(uri).await.assert_stored();
    }
    let mut fresh = [0; 4];
    for (fresh, milliseconds) in fresh.iter_mut().zip([0, 44_999, 7_500, 7_500]) {
        app.advance_by(Duration::from_millis(milliseconds));
        for uri in &uris {
            *fresh += usize::from(app.head(uri).await.is_hit());
        }
    }
    fresh
}

#[actix_web::test]
async fn pages_without_jitter_expire_together() {
    assert_eq!(fresh_pages(0.0).await, [200, 200, 200, 200]);
}

#[actix_web::test]
async fn jitter_spreads_expiries_over_its_part_of_the_lifetime() {
    let [stored, before, middle, end] = fresh_pages(0.25).await;
    assert_eq!((stored, before), (200, 200), "no lifetime is shortened by more than a quarter");
    assert!((60..=140).contains(&middle) && end < 10, "{middle} {end}");
}

#[test]
#[should_panic(expected = "from 0.0 to 1.0")]
fn jitter_that_is_not_a_number_panics() {
    let _ = PageCache::builder().ttl_jitter(f64::NAN);
}
