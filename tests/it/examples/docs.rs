//! The site of Markdown files, on a socket.

#[allow(dead_code, reason = "the tests do not call `main`")]
#[path = "../../../examples/docs/main.rs"]
mod example;

use actix_web::web;

use self::example::{pages, site::Site};
use crate::support::TestApp;

fn app() -> TestApp {
    let site = web::Data::new(Site::read(env!("CARGO_MANIFEST_DIR")).unwrap());
    let builder = TestApp::builder().configure(move |config| {
        config.app_data(site.clone()).service((pages::index, pages::page, pages::search));
    });
    builder.serve()
}

#[actix_web::test]
async fn pages_and_searches_are_stored() {
    let app = app();
    for (uri, shown) in [
        ("/", "href=\"/page/README.md\""),
        ("/page/README.md", "<h1>"),
        ("/page/src/guide/keys.md", "<h2>"),
        ("/search?q=Surrogate-Key", "downstream.md"),
        ("/search?q=no+page+has+this", "no page has this"),
    ] {
        for is_hit in [false, true] {
            let page = app.get(uri).await;
            page.assert_status(200);
            assert_eq!(page.is_hit(), is_hit, "{page:?}");
            assert!(page.text().contains(shown), "{page:?}");
        }
    }
}

#[actix_web::test]
async fn file_outside_of_the_site_is_not_shown() {
    let app = app();
    for path in ["/page/Cargo.toml", "/page/../Cargo.toml", "/page/none.md", "/page/%2e%2e/Cargo.toml"] {
        app.get(path).await.assert_status(404);
    }
}
