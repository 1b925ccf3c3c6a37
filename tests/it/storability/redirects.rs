//! Redirects that lead to the key of their own request: stored, they would be followed for ever.

use actix_web::{Error, HttpResponse, http::Uri};
use cache_page::{PageCacheMiddleware, Reason, cache_page};

use crate::support::{Call, Crowd, Origin, TestApp, TestAppBuilder};

#[cache_page(60, ignore_query = ["utm_*"], statuses = [302, 303, 307])]
async fn without_utm(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

#[cache_page(60, query = ["page"])]
async fn by_page(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

fn redirect(status: u16, location: &str) -> HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(status).unwrap();
    HttpResponse::build(status).insert_header(("location", location)).finish()
}

/// Redirects to the URL without its query, spelled by `location`, and sends a page where there is none.
fn stripping(status: u16, location: fn(&Uri) -> String) -> impl Fn(&Call) -> HttpResponse + Send + Sync {
    move |call| match call.request.uri() {
        uri if uri.query().is_some() => redirect(status, &location(uri)),
        _ => HttpResponse::Ok().body("the page"),
    }
}

fn attribute() -> TestAppBuilder {
    TestApp::builder().route("/article", without_utm).route("/list", by_page)
}

fn middleware() -> TestAppBuilder {
    TestApp::builder().uncached().wrap(|| PageCacheMiddleware::new(60).ignore_query(&["utm_*"]))
}

const SPELLINGS: [fn(&Uri) -> String; 8] = [
    |uri| uri.path().to_owned(),
    |uri| format!("http://localhost:8080{}", uri.path()),
    |uri| format!("//localhost:8080{}", uri.path()),
    |uri| format!("https://public.example{}", uri.path()),
    |uri| format!("{}?utm_medium=x#top", uri.path()),
    |_| "?".to_owned(),
    |_| "./article".to_owned(),
    |_| "/%61rticle".to_owned(),
];

#[actix_web::test]
async fn redirect_to_its_own_key_is_never_stored() {
    for location in SPELLINGS {
        for status in [301, 308] {
            let app = attribute().handler(stripping(status, location)).start().await;
            for _ in 0..2 {
                let response = app.get("/article?utm_source=x").await;
                response.assert_status(status).assert_not_stored(Reason::SelfRedirect);
            }
            app.get("/article").await.assert_status(200).assert_body("the page");
            app.get("/article?utm_source=y").await.assert_hit().assert_body("the page");
        }
    }
}

#[actix_web::test]
async fn redirect_of_a_middleware_to_its_own_key_is_never_stored() {
    for location in SPELLINGS {
        let app =
            middleware().handler(move |call| redirect(301, &location(call.request.uri()))).start().await;
        for _ in 0..2 {
            let response = app.get("/article?utm_source=x").await;
            response.assert_status(301).assert_not_stored(Reason::SelfRedirect);
        }
    }
}

/// It is removed from the request, so nobody is redirected.
#[actix_web::test]
async fn service_in_a_middleware_sees_no_parameter_to_redirect_for() {
    let app = middleware().handler(stripping(301, |uri| uri.path().to_owned())).start().await;
    app.get("/article?utm_source=x").await.assert_stored().assert_body("the page");
    app.get("/article").await.assert_hit().assert_body("the page");
}

#[actix_web::test]
async fn redirect_to_its_own_key_is_not_shared_in_flight() {
    let app = attribute().handler(stripping(301, |uri| uri.path().to_owned())).paused().start().await;
    let crowd = Crowd::send([app.get("/article?utm_source=x"), app.get("/article")]).await;
    app.resume().await;
    let responses = crowd.responses().await;
    responses[0].assert_status(301);
    responses[1].assert_status(200).assert_body("the page");
}

#[actix_web::test]
async fn selected_query_decides_whether_a_redirect_loops() {
    let app = attribute().handler(|_| redirect(301, "/list?page=2&sort=asc")).start().await;
    app.get("/list?page=2").await.assert_not_stored(Reason::SelfRedirect);
    app.get("/list?page=1").await.assert_stored();
}

/// Whatever its status, and although the response has an explicit lifetime.
#[actix_web::test]
async fn temporary_redirect_to_its_own_key_is_not_stored() {
    for status in [302, 303, 307] {
        let app = attribute().handler(stripping(status, |uri| uri.path().to_owned())).start().await;
        app.get("/article?utm_source=x").await.assert_not_stored(Reason::SelfRedirect);
    }
    let explicit = |_: &Call| {
        HttpResponse::Found()
            .insert_header(("location", "/"))
            .insert_header(("cache-control", "max-age=9"))
            .finish()
    };
    let app = TestApp::with_handler(explicit).await;
    app.get("/").await.assert_not_stored(Reason::SelfRedirect);
    app.get("/other").await.assert_stored();
}

#[actix_web::test]
async fn redirect_to_another_page_is_stored() {
    for location in ["/article/", "/Article", "/other", "/article?page=1", "app://localhost/article"] {
        let app = attribute().handler(move |_| redirect(301, location)).start().await;
        app.get("/article?utm_source=x").await.assert_stored();
        app.get("/article").await.assert_hit().assert_header("location", location);
    }
}

/// A service inside the middleware rewrites the path; the key has the one that was requested.
#[actix_web::test]
async fn requested_path_decides_behind_a_rewritten_one() {
    use actix_web::middleware::NormalizePath;

    let handler = |_: &Call| redirect(301, "/article/");
    let app = TestApp::builder().uncached().handler(handler).wrap(NormalizePath::trim);
    let app = app.wrap(|| PageCacheMiddleware::new(60)).start().await;
    app.get("/article/").await.assert_status(301).assert_not_stored(Reason::SelfRedirect);
}
