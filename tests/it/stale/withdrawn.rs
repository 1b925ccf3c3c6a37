//! Stale pages that the handler withdraws.

use actix_web::{
    HttpResponse,
    error::{ErrorForbidden, ErrorNotFound},
};

use super::{BOTH, Handler, KEPT_ON_ERROR, REFRESHED, page_with, page_with_a_cookie, site, status};
use crate::support::{Call, Crowd, settle};

#[actix_web::test]
async fn refresh_that_forbids_storing_removes_the_stale_page() {
    for (directives, has_cookie) in
        [("no-store", false), ("no-cache", false), ("private", true), ("Private=\"x\", max-age=60", false)]
    {
        for uri in [REFRESHED, KEPT_ON_ERROR, BOTH] {
            let app = site().start().await;
            app.get(uri).await;
            // The directive counts although there is another reason not to store the response.
            app.set_handler(move |call: &Call| {
                let mut response = page_with(directives)(call);
                if has_cookie {
                    response.headers_mut().insert("set-cookie".parse().unwrap(), "id=1".parse().unwrap());
                }
                response
            });
            app.advance(60);
            app.get(uri).await;
            settle().await;
            assert_eq!((app.runs(), app.pages()), (2, 0), "{uri}: {directives}");
            app.set_handler(status(500));
            assert_eq!(app.get(uri).await.status, 500, "{uri}: {directives}");
        }
    }
}

#[actix_web::test]
async fn withdrawn_page_is_not_served_by_a_run_that_started_before() {
    let app = site().start().await;
    app.get(KEPT_ON_ERROR).await;
    app.pause();
    app.advance(60);
    let hanging = Crowd::send([app.get(KEPT_ON_ERROR)]).await;
    let follower = Crowd::send([app.get(KEPT_ON_ERROR)]).await;
    app.set_handler(page_with("private"));
    app.advance(5);
    settle().await;
    app.finish_run(3).await;
    follower.responses().await[0].assert_body("page 3");
    // The first run is past its deadline, and there is no stale page to serve instead of its response.
    app.advance(60);
    settle().await;
    assert_eq!(hanging.answered(), 0);
}

#[actix_web::test]
async fn client_error_is_sent_instead_of_the_stale_page() {
    let responses: [(&str, Handler, u16); 5] = [
        ("status 404", |_| Ok(HttpResponse::NotFound().finish()), 404),
        ("status 410", |_| Ok(HttpResponse::Gone().finish()), 410),
        ("error 404", |_| Err(ErrorNotFound("fails on purpose")), 404),
        ("error 403", |_| Err(ErrorForbidden("fails on purpose")), 403),
        ("set-cookie", page_with_a_cookie, 200),
    ];
    for (name, handler, expected) in responses {
        let app = site().start().await;
        app.get(KEPT_ON_ERROR).await;
        app.set_handler(handler);
        app.advance(60);
        for _ in 0..2 {
            let response = app.get(KEPT_ON_ERROR).await;
            assert_eq!(response.status, expected, "{name}: {response:?}");
            assert_ne!(response.text(), "page 1", "{name}: {response:?}");
        }
    }
}

#[actix_web::test]
async fn client_error_removes_the_stale_page() {
    let responses: [(&str, Handler, u16); 3] = [
        ("status 404", |_| Ok(HttpResponse::NotFound().finish()), 404),
        ("error 403", |_| Err(ErrorForbidden("fails on purpose")), 403),
        ("status 410", |_| Ok(HttpResponse::Gone().finish()), 410),
    ];
    for (name, handler, expected) in responses {
        let app = site().start().await;
        app.get(KEPT_ON_ERROR).await;
        app.advance(60);
        app.set_handler(handler);
        assert_eq!(app.get(KEPT_ON_ERROR).await.status, expected, "{name}");
        app.set_handler(status(500));
        assert_eq!(app.get(KEPT_ON_ERROR).await.status, 500, "{name}");
    }
}

/// These are for one request or one client.
#[actix_web::test]
async fn status_412_416_or_429_keeps_the_stale_page() {
    for code in [412, 416, 429] {
        let app = site().start().await;
        app.get(KEPT_ON_ERROR).await;
        app.advance(60);
        app.set_handler(status(code));
        app.get(KEPT_ON_ERROR).await;
        app.set_handler(status(500));
        let response = app.get(KEPT_ON_ERROR).await;
        assert_eq!(response.text(), "page 1", "{code}: {response:?}");
    }
}
