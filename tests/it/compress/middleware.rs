//! actix-web's `Compress` around the cache and inside it.

use actix_web::{
    HttpRequest, HttpResponse,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::{Compress, Next, from_fn},
    web,
};
use cache_page::PageCacheMiddleware;

use super::{ALL, SHORT, get, html, html_of};
use crate::support::TestApp;

/// It encodes what the cache does not: the response of a miss.
#[actix_web::test]
async fn compress_outside_passes_on_what_is_encoded() {
    let app = TestApp::builder().cache(|cache| cache.compress(true)).handler(html_of(SHORT));
    let app = app.wrap(Compress::default).start().await;
    let miss = get(&app, "gzip").await;
    miss.assert_stored().assert_coding("gzip");
    assert_eq!(miss.decoded(), html(1, SHORT));
    for coding in ["gzip", "br", "zstd"] {
        let response = get(&app, &format!("{coding}, identity;q=0.1")).await;
        response.assert_hit().assert_coding(coding);
        assert_eq!(response.decoded(), html(1, SHORT));
    }
    let identity = app.get("/").await;
    identity.assert_hit().assert_coding(None).assert_body(html(1, SHORT));
    // The client of the miss has the tag of the page.
    let tag = miss.header("etag").unwrap();
    get(&app, ALL).header("if-none-match", &tag).await.assert_status(304).assert_header("etag", &tag);
}

/// Codings are the same in every spelling.
const SPELLINGS: [&str; 6] = [
    "gzip, br",
    "br,gzip",
    "br;q=1.0, gzip;q=0.8",
    "GZIP , BR",
    "gzip;q=0.001, br, compress",
    "br, x-gzip, dcb",
];

/// What `Compress` inside encodes is stored as it is.
#[actix_web::test]
async fn compress_inside_has_one_page_for_all_spellings() {
    for compress in [false, true] {
        let app = TestApp::builder().uncached().handler(html_of(SHORT)).wrap(Compress::default);
        let app = app.wrap(move || PageCacheMiddleware::new(60).compress(compress)).start().await;
        for accepted in SPELLINGS {
            let response = get(&app, accepted).await;
            response.assert_coding("br");
            assert_eq!(response.decoded(), html(1, SHORT), "{accepted}");
        }
        assert_eq!((app.runs(), app.pages()), (1, 1));
        for accepted in ["gzip", "x-gzip", "gzip;q=0.5, br;q=0"] {
            get(&app, accepted).await.assert_coding("gzip");
        }
        assert_eq!((app.runs(), app.pages()), (2, 2));
    }
}

/// Otherwise, the text of one client could be in the page of others.
#[actix_web::test]
async fn services_inside_see_the_spelling_in_the_key() {
    let app = TestApp::builder().uncached().handler(|call| {
        let body = call.header_values("accept-encoding").join("|");
        HttpResponse::Ok().insert_header(("vary", "accept-encoding")).body(body)
    });
    let app = app.wrap(|| PageCacheMiddleware::new(60)).start().await;
    for accepted in SPELLINGS {
        get(&app, accepted).await.assert_body("gzip, br");
    }
    for (accepted, seen) in [
        ("gzip, deflate, br, zstd", "gzip, deflate, br, zstd"),
        ("zstd, <script>", "zstd"),
        ("*", "gzip, deflate, br, zstd"),
        ("nothing", "identity"),
    ] {
        get(&app, accepted).await.assert_body(seen);
    }
    get(&app, "br").header("accept-encoding", "gzip").await.assert_hit().assert_body("gzip, br");
    app.get("/").await.assert_body("");
    app.post("/").header("accept-encoding", "br, x").await.assert_body("br, x");
}

/// actix-web lets nobody change a request that is held.
#[actix_web::test]
async fn request_that_an_outer_service_holds_is_keyed_as_it_is() {
    async fn hold(
        request: ServiceRequest,
        next: Next<BoxBody>,
    ) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
        let _held = request.request().clone();
        next.call(request).await
    }

    let routes = |config: &mut web::ServiceConfig| {
        let resource = web::resource("/held").wrap(PageCacheMiddleware::new(60)).wrap(from_fn(hold));
        config.service(resource.to(|request: HttpRequest| async move {
            let accepted = request.headers().get("accept-encoding").cloned();
            let body = accepted.map_or_else(Vec::new, |value| value.as_bytes().to_vec());
            HttpResponse::Ok().insert_header(("vary", "accept-encoding")).body(body)
        }));
    };
    let app = TestApp::builder().configure(routes).start().await;
    for accepted in SPELLINGS {
        for _ in 0..2 {
            app.get("/held").header("accept-encoding", accepted).await.assert_body(accepted);
        }
    }
    assert_eq!(app.pages(), SPELLINGS.len());
}
