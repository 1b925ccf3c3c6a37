//! Mistakes that the macro cannot see, because the route attribute above it is expanded first.

use actix_web::{get, post, web};
use cache_page::{Reason, cache_page, purge_page};
use tracing::Level;

use crate::support::{Events, TestApp};

#[get("/posts/{id}")]
#[cache_page(60, tags = ["post:{slug}"])]
async fn post_page(id: web::Path<u64>) -> String {
    id.to_string()
}

#[post("/posts")]
#[cache_page(60)]
async fn create() -> &'static str {
    "created"
}

#[post("/posts/{id}")]
#[purge_page(tags = ["post:{slug}"])]
async fn edit(id: web::Path<u64>) -> String {
    id.to_string()
}

#[cache_page(60)]
async fn both_methods() -> &'static str {
    "page"
}

async fn app() -> TestApp {
    let app = TestApp::builder().route("/both", both_methods).configure(|config| {
        config.service(post_page).service(create).service(edit);
    });
    app.start().await
}

/// Returns the message and the handler of the one error.
fn take_error(events: &Events) -> (String, String) {
    let errors: Vec<_> = events.take().into_iter().filter(|event| event.level == Level::ERROR).collect();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    (errors[0].message().to_owned(), errors[0].field("handler").unwrap_or_default().to_owned())
}

#[actix_web::test]
async fn unknown_parameter_is_logged_with_those_of_the_route() {
    let app = app().await;
    let events = Events::collect();
    app.get("/posts/7").await.assert_not_stored(Reason::InvalidTag);
    let (message, handler) = take_error(&events);
    assert!(
        message
            .ends_with("the route has no parameter `{slug}`, which \"post:{slug}\" refers to; it has `{id}`"),
        "{message}"
    );
    assert!(handler.ends_with("::post_page"), "{handler}");
}

#[actix_web::test]
async fn unknown_parameter_of_a_purge_is_logged() {
    let app = app().await;
    let events = Events::collect();
    app.post("/posts/7").await.assert_status(500);
    let (message, handler) = take_error(&events);
    assert!(message.starts_with("the handler is not run"), "{message}");
    assert!(message.contains("the route has no parameter `{slug}`"), "{message}");
    assert!(message.ends_with("it has `{id}`"), "{message}");
    assert!(handler.ends_with("::edit"), "{handler}");
}

#[actix_web::test]
async fn cached_handler_of_an_unsafe_method_is_logged() {
    let app = app().await;
    let events = Events::collect();
    app.post("/posts").await.assert_bypass(Reason::Method);
    let (message, handler) = take_error(&events);
    assert!(message.contains("responses to POST are never stored"), "{message}");
    assert!(message.ends_with("remove `#[cache_page]`"), "{message}");
    assert!(handler.ends_with("::create"), "{handler}");
}

#[actix_web::test]
async fn unsafe_method_is_not_logged_for_a_handler_that_was_cached() {
    let app = app().await;
    app.get("/both").await.assert_stored();
    let events = Events::collect();
    app.post("/both").await.assert_bypass(Reason::Method);
    assert!(events.take().iter().all(|event| event.level != Level::ERROR));
}
