//! The pages, as a browser without scripts sees them.

use cache_page::PageCache;

use super::{builder, builder_with, page};

const PAGES: [&str; 5] = ["", "/handlers", "/entries", "/explain", "/purge"];

#[actix_web::test]
async fn every_page_has_title_heading_and_navigation() {
    let app = builder().start().await;
    app.get("/posts/1").await.assert_stored();
    for path in PAGES {
        let text = page(&app, path).await;
        assert!(text.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{text}");
        assert!(
            text.contains("<title>")
                && text.contains("name=\"viewport\"")
                && text.contains("href=\"#content\"")
        );
        assert_eq!(text.matches("<h1").count(), 1, "{path}");
        assert_eq!(text.matches("aria-current=\"page\"").count(), 1, "{path}");
        for link in PAGES {
            assert!(text.contains(&format!("href=\"/cache{link}\"")), "{path}: {link}");
        }
    }
}

#[actix_web::test]
async fn overview_shows_reasons_and_reloads_unless_paused() {
    let app = builder().start().await;
    app.get("/missing").await;
    let text = page(&app, "").await;
    assert!(text.contains("http-equiv=\"refresh\"") && text.contains("<svg"));
    assert!(text.contains("<code>status</code>") && text.contains("Name the status in `statuses`"));
    assert!(!page(&app, "?paused=1").await.contains("http-equiv"));
}

#[actix_web::test]
async fn inspector_in_a_scope_links_to_itself() {
    let cache = PageCache::new();
    let app = crate::support::TestApp::builder().configure(move |config| {
        config.service(actix_web::web::scope("/admin/{site}").service(cache.inspector("/purge/")));
    });
    let app = app.start().await;
    for path in ["", "/handlers", "/entries?path=/a", "/entries/1-1"] {
        let response = super::local(app.get(&format!("/admin/a/purge{path}"))).await;
        assert!(response.text().contains("href=\"/admin/a/purge/style.css\""), "{path}: {}", response.text());
    }
}

#[actix_web::test]
async fn caches_are_chosen_in_the_navigation() {
    let app = builder_with(
        |cache| cache.name("site").named_cache("big & small", PageCache::new()),
        |inspector| inspector,
    )
    .start()
    .await;
    let text = page(&app, "/entries").await;
    assert!(
        text.contains("href=\"/cache/entries?cache=big+%26+small\"") && text.contains(">big &amp; small<")
    );
    let other = page(&app, "?cache=big+%26+small").await;
    assert!(
        other.contains("Overview of big &amp; small")
            && other.contains("href=\"/cache/purge?cache=big+%26+small\"")
    );
}

#[actix_web::test]
#[should_panic(expected = "must be like")]
async fn path_without_a_name_is_rejected() {
    drop(PageCache::new().inspector("/"));
}
