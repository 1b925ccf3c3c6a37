//! Purges by form and by API.

use super::{builder, form, page};
use crate::support::TestApp;

async fn filled() -> TestApp {
    let app = builder().start().await;
    for number in 1..=30 {
        app.get(&format!("/posts/{number}")).await.assert_stored();
    }
    app.get("/account").await.assert_stored();
    app
}

const SELECTED: [(&str, usize); 7] = [
    ("kind=tag&value=posts", 30),
    ("kind=tag&value=post:7", 1),
    ("kind=path&value=/posts/7", 1),
    ("kind=url&value=/posts/7", 1),
    ("kind=prefix&value=/posts/1", 11),
    ("kind=handler&value=account", 1),
    ("kind=all", 31),
];

#[actix_web::test]
async fn preview_and_purge_select_the_same_pages() {
    for (fields, pages) in SELECTED {
        for mode in ["remove", "expire"] {
            let fields = format!("{fields}&mode={mode}");
            let app = filled().await;
            let shown = page(&app, &format!("/purge?{fields}")).await;
            assert!(shown.contains(&format!("<strong>{pages}</strong>")), "{fields}: {shown}");
            let preview = form(&app, "/cache/api/purge", &format!("{fields}&preview=1")).await.await;
            assert!(preview.text().contains(&format!("\"would_purge\":{pages}")), "{}", preview.text());
            assert_eq!(app.pages(), 31, "nothing is purged yet");
            let purged = form(&app, "/cache/api/purge", &fields).await.await;
            assert_eq!(purged.text(), format!("{{\"purged\":{pages},\"remote\":\"none\"}}"));
            assert_eq!(app.pages(), if mode == "remove" { 31 - pages } else { 31 }, "{fields}");
        }
    }
}

#[actix_web::test]
async fn form_on_the_page_purges() {
    let app = filled().await;
    let shown = page(&app, "/purge?kind=tag&value=posts&mode=remove").await;
    assert!(shown.contains("method=\"post\"") && shown.contains("Remove 30 pages"), "{shown}");
    let response = form(&app, "/cache/purge", "kind=tag&value=posts&mode=remove").await.await;
    response.assert_status(200);
    assert!(response.text().contains("<strong>30</strong> pages removed."), "{}", response.text());
    assert_eq!(app.pages(), 1);
}

#[actix_web::test]
async fn invalid_purge_removes_nothing() {
    let app = filled().await;
    for fields in [
        "",
        "kind=tag",
        "kind=none&value=1",
        "kind=path&value=posts",
        "kind=prefix&value=/",
        "kind=all&mode=both",
        "kind=all&wait=x",
        "kind=all&wait=-1",
        "kind=tag&value=%00",
    ] {
        form(&app, "/cache/api/purge", fields).await.await.assert_status(400);
        form(&app, "/cache/purge", fields).await.await.assert_status(400);
        page(&app, &format!("/purge?{fields}")).await;
        assert_eq!(app.pages(), 31, "{fields}");
    }
}
