//! Apps without a server. They are retained, so that no later App has their address and is taken for them.

use std::sync::{Arc, Weak};

use actix_web::{rt::task::yield_now, web};
use cache_page::cache_page;

use crate::support::TestApp;

#[cache_page(60)]
async fn name(name: web::Data<usize>) -> String {
    name.to_string()
}

/// An App that uses the global cache, and shows this number.
async fn app(number: Arc<usize>) -> TestApp {
    TestApp::builder()
        .without_cache()
        .configure(move |config| {
            config.app_data(web::Data::from(Arc::clone(&number)));
        })
        .route("/", name)
        .start()
        .await
}

#[actix_web::test]
async fn at_most_eight_dropped_apps_are_retained() {
    let mut apps: Vec<Weak<usize>> = Vec::new();
    for number in 0..20 {
        let data = Arc::new(number);
        apps.push(Arc::downgrade(&data));
        let app = app(data).await;
        app.get("/").await.assert_body(number.to_string());
        app.get("/").await.assert_hit();
    }
    // The worker drops those that it no longer retains in its next turn.
    yield_now().await;
    let retained = apps.iter().filter(|app| app.upgrade().is_some()).count();
    assert!(retained <= 8, "{retained}");
}

#[actix_web::test]
async fn more_apps_than_are_retained_have_their_own_pages() {
    let mut apps = Vec::new();
    for number in 0..12 {
        apps.push(app(Arc::new(number)).await);
    }
    for _ in 0..3 {
        for (number, app) in apps.iter().enumerate() {
            app.get("/").await.assert_body(number.to_string());
            yield_now().await;
        }
    }
    // The last one is still retained.
    apps[11].get("/").await.assert_hit();
}
