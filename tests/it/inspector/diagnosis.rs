//! Someone who has never seen the inspector opens it, follows `Explain`, and gives a URL: the page names the cause and the remedy.

use actix_web::{HttpRequest, HttpResponse, web};
use cache_page::{PageCache, cache_page};

use super::{builder, builder_with, local};
use crate::support::{Call, TestApp, ok_with};

/// Follows the link in the navigation, and sends the form that is there. Returns the page that it leads to, as text.
async fn ask(app: &TestApp, url: &str, headers: &str) -> String {
    let overview = super::page(app, "").await;
    let link = overview.split("href=\"/cache").find(|rest| rest.contains(">Explain<")).expect("a link to it");
    let path = link.split('"').next().unwrap();
    let form = super::page(app, path).await;
    assert!(form.contains("action=\"/cache/explain\"") && form.contains("name=\"url\""), "{form}");
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let fields = format!("url={}&headers={}", encode(url), encode(headers));
    let response = local(app.post("/cache/explain")).body(fields).await;
    response.assert_status(200);
    response.text().replace("&quot;", "\"")
}

#[track_caller]
fn assert_says(page: &str, parts: &[&str]) {
    let status = page.split("role=\"status\"").nth(1).and_then(|rest| rest.split("</p>").next()).unwrap();
    for part in parts {
        assert!(status.contains(part), "{part:?} is not in {status}");
    }
}

#[actix_web::test]
async fn session_cookie_is_named_as_the_cause() {
    let app = builder().start().await;
    app.get("/account").header("cookie", "session=1").await;
    // Whoever does not know of the cookie pastes the URL alone.
    let page = ask(&app, "/account", "").await;
    assert_says(&page, &["bypassed the cache: credentials", "session_cookies"]);
    // Also if anonymous visitors have a page.
    app.get("/account").await.assert_stored();
    assert_says(
        &ask(&app, "/account", "").await,
        &["hit", "1 request", "bypass: credentials", "session_cookies"],
    );
    let page = ask(&app, "/account", "Cookie: session=1").await;
    assert_says(&page, &["bypass", "credentials", "session_cookies"]);
    assert!(page.contains("The request has credentials (cookie)"), "{page}");
}

#[actix_web::test]
async fn authorization_is_named_as_the_cause() {
    let app = builder().start().await;
    app.get("/account").await.assert_stored();
    let page = ask(&app, "/account", "Authorization: Bearer x").await;
    assert_says(&page, &["bypass", "credentials"]);
    assert!(page.contains("The request has credentials (authorization)"), "{page}");
}

#[actix_web::test]
async fn set_cookie_is_named_as_the_cause() {
    let app = builder().handler(ok_with(&[("set-cookie", "id=1")])).start().await;
    app.get("/page").await;
    let page = ask(&app, "/page", "").await;
    assert_says(&page, &["miss", "was not stored: set-cookie", "Set the cookie in another handler"]);
}

#[actix_web::test]
async fn status_that_is_not_stored_is_named_as_the_cause() {
    let app = builder().start().await;
    app.get("/missing").await;
    let page = ask(&app, "/missing", "").await;
    assert_says(&page, &["was not stored: status", "Name the status in `statuses`"]);
    assert!(page.contains("It stores 200, 301, 308 for 60s"), "{page}");
}

#[actix_web::test]
async fn spelling_of_the_query_is_named_as_the_cause() {
    let app = builder().start().await;
    app.get("/posts/1?a=1&b=2").await.assert_stored();
    for url in ["/posts/1?b=2&a=1", "/posts/1?a=1&b=2&utm_source=mail", "/posts/1"] {
        let page = ask(&app, url, "").await;
        assert_says(
            &page,
            &["miss", "differ in the query", "order and spelling count", "`query = [\"page\"]`"],
        );
        assert!(page.contains("the whole query, byte for byte"), "{page}");
    }
}

#[actix_web::test]
async fn host_is_named_as_the_cause() {
    let app = builder().start().await;
    app.get("/posts/1").header("host", "example.com").await.assert_stored();
    let page = ask(&app, "https://www.example.com/posts/1", "").await;
    assert_says(&page, &["differ in the scheme or host", "X-Forwarded-Host"]);
}

#[actix_web::test]
async fn header_in_vary_is_named_as_the_cause() {
    let handler = |_: &Call| HttpResponse::Ok().insert_header(("vary", "accept-language")).body("page");
    let app = builder().handler(handler).start().await;
    app.get("/page").header("accept-language", "de").await.assert_stored();
    let page = ask(&app, "/page", "Accept-Language: de-DE").await;
    assert_says(&page, &["differ in the headers in Vary", "each value of accept-language", "normalize"]);
}

#[actix_web::test]
async fn expiry_is_named_as_the_cause() {
    let app = builder().start().await;
    app.get("/posts/1").await.assert_stored();
    app.advance(61);
    assert_says(&ask(&app, "/posts/1", "").await, &["miss", "has expired", "stale_while_revalidate"]);
    app.cache().remove_expired();
    assert_says(&ask(&app, "/posts/1", "").await, &["has expired since", "60s", "stale_while_revalidate"]);
}

#[actix_web::test]
async fn purge_is_named_as_the_cause() {
    type Purge = fn(&PageCache) -> cache_page::PurgeFuture;
    let purges: [(&str, Purge); 5] = [
        ("by path", |cache| cache.purge_path("/posts/1")),
        ("by tag", |cache| cache.purge_tag("posts")),
        ("by prefix", |cache| cache.purge_prefix("/posts/")),
        ("by handler", |cache| cache.purge_handler("posts")),
        ("by all", PageCache::purge_all),
    ];
    for (kind, purge) in purges {
        let app = builder().start().await;
        app.get("/posts/1").await.assert_stored();
        purge(app.cache()).await.unwrap();
        assert_says(&ask(&app, "/posts/1", "").await, &["miss", "a purge has removed it", kind]);
    }
    let app = builder().start().await;
    app.get("/posts/1").await.assert_stored();
    // Which tag the page had is not known any more.
    app.cache().purge_tag("post:1").await.unwrap();
    assert_says(&ask(&app, "/posts/1", "").await, &["a purge may have removed it"]);
}

#[actix_web::test]
async fn eviction_is_named_as_the_cause() {
    let page = |_: &Call| HttpResponse::Ok().body(vec![b'x'; 1000]);
    let app =
        builder_with(|cache| cache.max_bytes(100_000), |inspector| inspector).handler(page).start().await;
    for number in 0..100 {
        app.get(&format!("/{number}")).await.assert_stored();
    }
    let stored: Vec<_> = app.cache().entries().map(|entry| entry.path().to_owned()).collect();
    let evicted = (0..100).map(|number| format!("/{number}")).find(|path| !stored.contains(path)).unwrap();
    assert_says(&ask(&app, &evicted, "").await, &["was evicted", "`max_bytes`"]);
}

#[actix_web::test]
async fn page_says_what_to_do_where_no_handler_has_run() {
    let app = builder().start().await;
    let page = ask(&app, "/never", "").await;
    assert_says(&page, &["No handler has run for it lately", "Request it once"]);
    assert!(page.contains("curl -si URL"), "{page}");
}

fn is_preview(_: &HttpRequest) -> bool {
    false
}

#[cache_page(300, name = "varied", vary = ["accept-language"], vary_cookie = ["theme"], query = ["page"], bypass_if = is_preview)]
async fn varied(_id: web::Path<u32>, #[key] user: web::Query<User>) -> String {
    user.name.clone()
}

#[derive(serde::Deserialize, Hash)]
struct User {
    name: String,
}

#[actix_web::test]
async fn options_and_what_is_not_known_are_listed() {
    let app = builder().route("/varied/{id}", varied).start().await;
    app.get("/varied/1?name=one").await.assert_stored();
    let page = ask(&app, "/varied/1?name=one", "").await;
    let list = page.split("What this page does not know").nth(1).unwrap();
    for part in [
        "varied",
        "for 300s",
        "the query parameters page",
        "the request headers accept-language",
        "the cookies theme",
        "`#[key]` arguments",
        "same values of accept-language",
        "same cookies theme",
        "`bypass_if` returns true",
    ] {
        assert!(list.contains(part), "{part}: {list}");
    }
    let value = super::api(&app, "/explain?url=/varied/1").await;
    assert_eq!(value["handlers"][0]["handler"], "varied");
    assert_eq!(value["handlers"][0]["unknown"].as_array().unwrap().len(), 4);
}
