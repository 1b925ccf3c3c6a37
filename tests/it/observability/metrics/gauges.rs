//! Gauges.

use actix_web::HttpResponse;
use cache_page::{Outcome, PageCache, Reason};

use super::{Values, record};
use crate::support::{Crowd, TestApp};

#[actix_web::test]
async fn gauges_are_set_after_each_stored_response() {
    let (app, values) = record().await;
    let stats = app.cache().stats();
    for (gauge, expected) in
        [("bytes", stats.bytes()), ("entries", stats.pages()), ("limit_bytes", 64 * 1024 * 1024)]
    {
        let gauge = format!("cache_page_{gauge} cache=site");
        assert!(values.count(&gauge) as u64 >= stats.count(Outcome::Stored), "{gauge}");
        assert_eq!(values.last(&gauge), Some(expected as f64), "{gauge}");
    }
}

#[actix_web::test]
async fn gauges_of_several_caches_have_their_names() {
    let values = Values::default();
    let _guard = metrics::set_default_local_recorder(&values);
    let app = TestApp::builder()
        .cache(|cache| cache.name("site").named_cache("downloads", PageCache::new()))
        .start()
        .await;
    app.get("/").await.assert_stored();
    app.cache().record_metrics();
    assert_eq!(values.last("cache_page_entries cache=site"), Some(1.0));
    assert_eq!(values.last("cache_page_entries cache=downloads"), Some(0.0));
}

#[actix_web::test]
async fn gauge_is_set_when_a_response_removes_the_stale_page() {
    let values = Values::default();
    let _guard = metrics::set_default_local_recorder(&values);
    let app = TestApp::builder().cache(|cache| cache.name("site")).start().await;
    app.get("/").await.assert_stored();
    app.set_handler(|_| HttpResponse::NotFound().finish());
    app.advance(60);
    app.get("/").await.assert_not_stored(Reason::Status);
    assert_eq!(values.last("cache_page_entries cache=site"), Some(0.0));
}

#[actix_web::test]
async fn fills_in_flight_are_those_of_the_moment_of_reading() {
    let values = Values::default();
    let _guard = metrics::set_default_local_recorder(&values);
    let app = TestApp::builder().cache(|cache| cache.name("site")).paused().start().await;
    for fills in [2_u32, 0] {
        let crowd = Crowd::send((0..fills).map(|page| app.get(&format!("/{page}")))).await;
        app.cache().record_metrics();
        assert_eq!(values.last("cache_page_fills_in_flight cache=site"), Some(f64::from(fills)));
        app.resume().await;
        crowd.responses().await;
    }
}
