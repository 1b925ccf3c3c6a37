//! What is part of the key of a page, without an option.

use actix_web::{HttpResponse, guard, web};
use cache_page::PageCacheMiddleware;

use super::{around_for_a_minute, shown};
use crate::support::{LINK_HEADERS, TestApp};

#[actix_web::test]
async fn header_that_links_are_made_from_is_in_the_key() {
    for &name in LINK_HEADERS {
        let app = around_for_a_minute().handler(shown).start().await;
        let base = if name == "host" { "x-forwarded-host" } else { "host" };
        let ordinary = || app.get("/").header(base, "good.example");
        ordinary().header(name, "host=evil.example").await.assert_stored();
        let response = ordinary().await;
        response.assert_stored();
        assert!(!response.text().contains("evil"), "{name}: {response:?}");
    }
}

/// A handler sees the spelling.
#[actix_web::test]
async fn each_spelling_of_a_url_has_its_own_page() {
    let app = around_for_a_minute().handler(shown).start().await;
    let mut pages = Vec::new();
    for uri in [
        "/a%2Fb",
        "/a%2fb",
        "/a/b",
        "/a%62",
        "/ab",
        "/AB",
        "//ab",
        "/ab/",
        "/ab?",
        "/ab?x",
        "/ab?x=",
        "/ab?%78",
        "/a%00b",
        "/a;b",
        "http://test/ab",
        "http://evil.example/ab",
        "https://evil.example/ab",
        "/a+b",
        "/a%20b",
    ] {
        let response = app.get(uri).await;
        response.assert_stored();
        assert!(response.text().contains(&format!(" {uri} ")), "{response:?}");
        pages.push((uri, response.body));
    }
    for (uri, body) in pages {
        app.get(uri).await.assert_hit().assert_body(body);
    }
}

async fn name(name: web::Data<&'static str>) -> HttpResponse {
    HttpResponse::Ok().body(*name.get_ref())
}

#[actix_web::test]
async fn middlewares_that_a_guard_selects_have_their_own_pages() {
    let app = TestApp::builder()
        .configure(|config| {
            let scope = |data| web::scope("/a").app_data(web::Data::new(data)).default_service(web::to(name));
            let internal = scope("internal").guard(guard::Header("x-internal", "1"));
            config.service(internal.wrap(PageCacheMiddleware::new(60)));
            config.service(scope("public").wrap(PageCacheMiddleware::new(60)));
        })
        .start()
        .await;
    for is_hit in [false, true] {
        let requests = [(app.get("/a/b").header("x-internal", "1"), "internal"), (app.get("/a/b"), "public")];
        for (request, body) in requests {
            let response = request.await;
            response.assert_body(body);
            assert_eq!(response.is_hit(), is_hit, "{response:?}");
        }
    }
}
