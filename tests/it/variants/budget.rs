//! Variants in a cache that has little memory.

use super::varying;
use crate::support::TestApp;

async fn app_with_budget(bytes: usize) -> TestApp {
    TestApp::builder().cache(|cache| cache.max_bytes(bytes)).handler(varying(&["x-a"])).start().await
}

fn assert_within(app: &TestApp, budget: usize) {
    let bytes = app.cache().stats().bytes();
    assert!(bytes <= budget, "{bytes} of {budget}");
}

#[actix_web::test]
async fn newest_variant_replaces_the_oldest_within_the_budget() {
    const BUDGET: usize = 30_000;
    let app = app_with_budget(BUDGET).await;
    for number in 0..500 {
        let request = app.get("/?1000").header("x-a", number.to_string());
        request.clone().await.assert_stored();
        assert_within(&app, BUDGET);
        let again = request.await;
        again.assert_hit();
        assert!(again.text().starts_with(&format!("[\"{number}\"]")), "{again:?}");
    }
    assert!(app.cache().stats().bytes() > BUDGET / 2, "the budget is used");
    app.get("/?1000").header("x-a", "0").await.assert_miss();
}

#[actix_web::test]
async fn many_pages_of_few_variants_stay_within_the_budget() {
    const BUDGET: usize = 30_000;
    let app = app_with_budget(BUDGET).await;
    for number in 0..200 {
        for a in ["1", "2", "3"] {
            let request = app.get(&format!("/{number}?1000")).header("x-a", a);
            request.clone().await.assert_stored();
            let again = request.await;
            assert!(again.text().starts_with(&format!("[{a:?}]")), "{again:?}");
            assert_within(&app, BUDGET);
        }
    }
}

#[actix_web::test]
async fn variant_that_is_requested_outlives_the_others() {
    let app = app_with_budget(20_000).await;
    for a in ["1", "2", "3"] {
        app.get("/?1000").header("x-a", a).await.assert_stored();
    }
    // `HEAD` stores nothing.
    let variant = |a: &str| app.head("/?1000").header("x-a", a);
    for number in 0..200 {
        app.get(&format!("/{number}?500")).await.assert_stored();
        variant("2").await.assert_hit();
    }
    variant("1").await.assert_miss();
    variant("3").await.assert_miss();
}

/// However many other pages were stored since, and whichever parts of it were evicted.
#[actix_web::test]
async fn variant_is_found_after_it_was_evicted_and_refreshed() {
    for others in 0..30 {
        let app = app_with_budget(20_000).await;
        app.get("/?1000").header("x-a", "1").await.assert_stored();
        for number in 0..others {
            app.get(&format!("/{number}?500")).await.assert_stored();
        }
        app.advance(60);
        app.get("/?1000").header("x-a", "1").await.assert_stored();
        assert!(app.get("/?1000").header("x-a", "1").await.is_hit(), "{others} other pages");
        assert_within(&app, 20_000);
    }
}

/// There may be no room for much more than the names.
#[actix_web::test]
async fn variants_are_not_confused_whatever_the_budget_is() {
    for budget in (0..3000).step_by(50) {
        let app = TestApp::builder()
            .cache(|cache| cache.max_bytes(budget).max_body(budget))
            .handler(varying(&["x-a"]))
            .start()
            .await;
        for number in 0..50 {
            let (a, length) = ((number % 3).to_string(), 100 * (number % 5));
            let response = app.get(&format!("/?{length}")).header("x-a", &a).await;
            assert!(response.text().starts_with(&format!("[{a:?}]")), "budget {budget}: {response:?}");
            assert_within(&app, budget);
        }
    }
}
