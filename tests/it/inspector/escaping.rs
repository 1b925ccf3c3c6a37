//! Everything that clients choose is shown as text.

use actix_web::HttpResponse;

use super::{api, builder, local, page};
use crate::support::{Call, settle};

const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;";

/// The same as a part of a URL.
fn encoded() -> String {
    form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect::<String>().replace('+', "%20")
}

fn assert_escaped(page: &str, place: &str) {
    for part in ["<script", "<img", "\"'>", "onerror=alert(2)>"] {
        assert!(!page.contains(part), "{place}: {part} in\n{page}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{place} does not show it:\n{page}");
}

#[actix_web::test]
async fn hostile_path_and_headers_are_escaped() {
    let handler = |_: &Call| HttpResponse::Ok().insert_header(("x-hostile", HOSTILE)).body(HOSTILE);
    let app = builder().handler(handler).start().await;
    app.get(&format!("/{}", encoded())).await.assert_stored();
    assert_escaped(&page(&app, "/entries").await, "the list");
    let id = api(&app, "/entries").await["entries"][0]["id"].as_str().unwrap().to_owned();
    let entry = page(&app, &format!("/entries/{id}")).await;
    assert_escaped(&entry, "the page of the entry");
    assert!(entry.contains("x-hostile"));
    assert_escaped(&page(&app, "/purge?kind=all").await, "the preview");
}

#[actix_web::test]
async fn hostile_parameters_are_escaped() {
    let app = builder().start().await;
    for place in [
        "/entries?path=",
        "/entries?tag=",
        "/entries?handler=",
        "/purge?kind=tag&value=",
        "/purge?kind=path&value=",
        "/explain?url=/",
    ] {
        assert_escaped(&page(&app, &format!("{place}{}", encoded())).await, place);
    }
    let explained = local(app.post("/cache/explain")).body(format!("url=/&headers=x:{}", encoded())).await;
    assert_escaped(explained.text(), "the headers of a question");
    settle().await;
}

#[actix_web::test]
async fn hostile_tags_and_names_do_not_break_links() {
    let app = builder().start().await;
    for value in ["&", "#", "?", "%", "/", "\\", "\u{202e}", "\u{0}", "''", "https://evil.example/"] {
        let value: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
        for place in [
            "/entries?tag=",
            "/handlers?sort=",
            "/purge?kind=",
            "/explain?url=",
            "/?cache=",
            "/entries?sort=",
        ] {
            let response = local(app.get(&format!("/cache{place}{value}"))).await;
            assert!(matches!(response.status, 200 | 404), "{place}{value}: {}", response.status);
            assert!(!response.text().contains("href=\"https://evil"));
        }
    }
}
