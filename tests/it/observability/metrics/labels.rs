//! Labels, whose values are shown to everybody who may read the metrics.

use super::{builder, recorder::Values};

/// They would also be as many as clients like.
#[actix_web::test]
async fn no_label_has_a_value_that_a_client_has_chosen() {
    let values = Values::default();
    let _guard = metrics::set_default_local_recorder(&values);
    let app = builder().cache(|cache| cache.name("site")).start().await;
    for _ in 0..2 {
        app.get("/plain?secret").header("host", "secret").header("cookie", "a=secret").await;
    }
    app.cache().purge_url("/plain?secret").await.unwrap();
    app.cache().purge_tag("secret").await.unwrap();
    let values = values.lock();
    assert!(values.contains_key("cache_page_purges_total cache=site mode=purge selector=url"));
    assert!(values.keys().all(|name| !name.contains("secret")), "{values:?}");
}
