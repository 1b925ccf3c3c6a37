//! Which Apps share pages.

use actix_web::{
    HttpRequest,
    rt::{Runtime, System},
    web,
};
use cache_page::{PageCache, Reason, cache_page};

use crate::support::{TestApp, TestAppBuilder};

#[cache_page(60)]
async fn by_data(name: web::Data<&'static str>) -> String {
    name.to_string()
}

#[cache_page(60)]
async fn by_request(#[anonymous] request: HttpRequest) -> String {
    request.app_data::<web::Data<&'static str>>().unwrap().to_string()
}

const PATHS: [&str; 2] = ["/data", "/request"];

/// An App whose pages show its name.
fn with_cache(name: &'static str) -> TestAppBuilder {
    let data = move |config: &mut web::ServiceConfig| {
        config.app_data(web::Data::new(name));
    };
    TestApp::builder().configure(data).route("/data", by_data).route("/request", by_request)
}

/// The same without a `PageCache` in its data.
fn named(name: &'static str) -> TestAppBuilder {
    with_cache(name).without_cache()
}

#[actix_web::test]
async fn apps_side_by_side_have_their_own_pages() {
    let (one, two) = (named("one").start().await, named("two").start().await);
    for path in PATHS {
        one.get(path).await.assert_body("one");
        two.get(path).await.assert_body("two");
        one.get(path).await.assert_hit().assert_body("one");
        two.get(path).await.assert_hit().assert_body("two");
    }
}

/// The second App may have the address of the first in memory.
#[actix_web::test]
async fn app_that_follows_another_has_its_own_pages() {
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        let app = named(name).start().await;
        for path in PATHS {
            app.get(path).await.assert_body(name);
            app.get(path).await.assert_hit();
        }
    }
}

#[actix_web::test]
async fn apps_of_two_servers_have_their_own_pages() {
    let (one, two) = (named("one").serve(), named("two").serve());
    for path in PATHS {
        for (app, name) in [(&one, "one"), (&two, "two"), (&one, "one"), (&two, "two")] {
            app.get(path).await.assert_body(name);
        }
    }
}

/// Without an actix `System`, Apps cannot be distinguished.
#[test]
fn app_without_a_system_stores_nothing() {
    Runtime::new().unwrap().block_on(async {
        let app = named("one").start().await;
        for _ in 0..2 {
            app.get("/data").await.assert_bypass(Reason::UnknownApp).assert_body("one");
        }
    });
}

#[test]
fn app_without_a_system_stores_in_a_cache_of_its_own() {
    Runtime::new().unwrap().block_on(async {
        let app = with_cache("one").start().await;
        app.get("/data").await.assert_stored();
        app.get("/data").await.assert_hit();
    });
}

#[test]
fn app_after_the_end_of_a_system_stores_nothing() {
    std::thread::spawn(|| {
        System::new().block_on(async {});
        let runtime = Runtime::new().unwrap();
        // What `#[tokio::test]` runs on.
        runtime.tokio_runtime().block_on(async {
            let app = named("one").start().await;
            for _ in 0..2 {
                app.get("/data").await.assert_bypass(Reason::UnknownApp).assert_body("one");
            }
        });
    })
    .join()
    .unwrap();
}

/// As where one thread runs one test after another.
#[test]
fn apps_of_systems_that_follow_each_other_have_their_own_pages() {
    std::thread::spawn(|| {
        for name in ["a", "b", "c", "d", "e", "f", "g", "h"].repeat(4) {
            System::new().block_on(async {
                let app = named(name).start().await;
                app.get("/data").await.assert_body(name);
                app.get("/data").await.assert_hit();
            });
        }
    })
    .join()
    .unwrap();
}

#[actix_web::test]
async fn apps_with_one_page_cache_share_pages() {
    let cache = PageCache::new();
    let one = with_cache("same").page_cache(cache.clone()).start().await;
    let data = move |config: &mut web::ServiceConfig| {
        config.app_data(web::Data::new(cache.clone()));
    };
    let two = named("same").configure(data).start().await;
    one.get("/data").await.assert_stored();
    two.get("/data").await.assert_hit();
}

#[actix_web::test]
async fn page_cache_of_a_scope_serves_that_scope() {
    let scope = |config: &mut web::ServiceConfig| {
        let cache = PageCache::builder().max_body(0).build();
        let scope = web::scope("/inner").app_data(cache);
        config.service(scope.route("/data", web::get().to(by_data)));
    };
    let app = with_cache("x").configure(scope).start().await;
    app.get("/data").await.assert_stored();
    app.get("/inner/data").await.assert_not_stored(Reason::BodyTooLarge).assert_fwd("miss");
}
