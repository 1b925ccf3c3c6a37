//! Where encoding is switched on.

use actix_web::{Responder, get};
use cache_page::{PageCacheMiddleware, Policy, cache_page};

use super::{ALL, SHORT, get, html, html_of};
use crate::support::{Origin, TestApp};

#[get("/attribute")]
#[cache_page(60, compress = true)]
async fn with_attribute(origin: Origin) -> impl Responder {
    html(origin.count(), SHORT)
}

const ENCODED: Policy = Policy::new(60).compress(true);

#[get("/policy")]
#[cache_page(policy = ENCODED)]
async fn with_policy(origin: Origin) -> impl Responder {
    html(origin.count(), SHORT)
}

#[get("/off")]
#[cache_page(policy = ENCODED, compress = false)]
async fn without(origin: Origin) -> impl Responder {
    html(origin.count(), SHORT)
}

#[actix_web::test]
async fn handler_switches_it_on_and_off() {
    let app = TestApp::builder().configure(|config| {
        config.service(with_attribute).service(with_policy).service(without);
    });
    let app = app.start().await;
    for (path, coding) in [("/attribute", Some("br")), ("/policy", Some("br")), ("/off", None)] {
        app.get(path).await.assert_stored();
        app.get(path).header("accept-encoding", ALL).await.assert_hit().assert_coding(coding);
    }
}

#[actix_web::test]
async fn it_is_off_by_default() {
    let app = TestApp::with_handler(html_of(SHORT)).await;
    app.get("/").await.assert_stored().assert_no_header("vary");
    get(&app, ALL).await.assert_hit().assert_coding(None).assert_no_header("vary");
}

#[actix_web::test]
async fn middleware_encodes_the_pages_inside() {
    let app = TestApp::builder().uncached().handler(html_of(SHORT));
    let app = app.wrap(|| PageCacheMiddleware::new(60).compress(true)).start().await;
    app.get("/").await.assert_stored().assert_coding(None);
    get(&app, ALL).await.assert_hit().assert_coding("br");
}
