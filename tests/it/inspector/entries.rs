//! The search for stored pages.

use std::collections::BTreeSet;

use actix_web::HttpResponse;
use serde_json::Value;

use super::{api, builder, local};
use crate::support::{Call, TestApp};

fn paths(value: &Value) -> Vec<&str> {
    value["entries"].as_array().unwrap().iter().map(|entry| entry["path"].as_str().unwrap()).collect()
}

/// Follows all pages of a search.
async fn all(app: &TestApp, query: &str) -> Vec<String> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let value = api(app, &format!("/entries?{query}&after={after}")).await;
        found.extend(paths(&value).into_iter().map(str::to_owned));
        assert!(paths(&value).len() <= 50);
        match value["after"].as_str() {
            Some(next) => after = next.to_owned(),
            None => return found,
        }
    }
}

#[actix_web::test]
async fn search_combines_path_tag_handler_and_status() {
    let app = builder().start().await;
    for uri in ["/posts/1", "/posts/2", "/posts/10", "/account", "/other/posts/1"] {
        app.get(uri).await.assert_stored();
    }
    for (query, expected) in [
        ("path=/posts/1", vec!["/posts/1"]),
        ("path=/posts/1*", vec!["/posts/1", "/posts/10"]),
        ("path=posts/1", vec!["/other/posts/1", "/posts/1", "/posts/10"]),
        ("path=/%70osts/1/", vec!["/posts/1"]),
        ("tag=post:2", vec!["/posts/2"]),
        ("tag=posts&path=/posts/10", vec!["/posts/10"]),
        ("tag=post:2&path=/posts/10", vec![]),
        ("handler=account", vec!["/account"]),
        ("handler=account&status=200", vec!["/account"]),
        ("handler=account&status=404", vec![]),
        ("tag=none", vec![]),
    ] {
        for sort in ["", "&sort=bytes"] {
            let value = api(&app, &format!("/entries?{query}{sort}")).await;
            let mut found = paths(&value);
            found.sort_unstable();
            assert_eq!(found, expected, "{query}{sort}");
        }
    }
}

#[actix_web::test]
async fn paging_meets_every_entry_once() {
    let app = builder().start().await;
    let mut expected = BTreeSet::new();
    for number in 0..333 {
        app.get(&format!("/posts/{number}")).await.assert_stored();
        expected.insert(format!("/posts/{number}"));
        app.advance_by(std::time::Duration::from_millis(1));
    }
    for query in [
        "",
        "tag=posts",
        "path=/posts/*",
        "status=200",
        "sort=bytes",
        "sort=age",
        "sort=ttl",
        "sort=hits",
        "sort=hits&tag=posts",
    ] {
        let found = all(&app, query).await;
        assert_eq!(
            (found.len(), found.into_iter().collect::<BTreeSet<_>>()),
            (333, expected.clone()),
            "{query}"
        );
    }
}

#[actix_web::test]
async fn time_between_pages_loses_no_entry() {
    let app = builder().start().await;
    for number in 0..120 {
        app.get(&format!("/posts/{number}")).await.assert_stored();
        app.advance_by(std::time::Duration::from_millis(10));
    }
    let first = api(&app, "/entries?sort=age").await;
    app.advance(5);
    let second = api(&app, &format!("/entries?sort=age&after={}", first["after"].as_str().unwrap())).await;
    assert_eq!((paths(&first)[0], paths(&second)[0]), ("/posts/0", "/posts/50"));
    assert_eq!(first["matches"], 120);
}

#[actix_web::test]
async fn entries_are_sorted() {
    let app = TestApp::builder();
    drop(app);
    let app = builder()
        .handler(|call: &Call| HttpResponse::Ok().body("x".repeat(call.run as usize * 100)))
        .start()
        .await;
    for uri in ["/1", "/2", "/3"] {
        app.get(uri).await.assert_stored();
        app.advance(1);
    }
    app.get("/2").await.assert_hit();
    for (sort, expected) in
        [("bytes", ["/3", "/2", "/1"]), ("age", ["/1", "/2", "/3"]), ("ttl", ["/1", "/2", "/3"])]
    {
        assert_eq!(paths(&api(&app, &format!("/entries?sort={sort}")).await), expected, "{sort}");
    }
    assert_eq!(paths(&api(&app, "/entries?sort=hits").await)[0], "/2");
}

#[actix_web::test]
async fn sorted_search_says_what_it_had_no_time_to_look_at() {
    let app = builder().start().await;
    for number in 0..1500 {
        app.get(&format!("/posts/{number}")).await.assert_stored();
    }
    for sort in ["bytes", "age"] {
        let part = api(&app, &format!("/entries?sort={sort}&time=0")).await;
        let looked_at = part["looked_at"].as_u64().unwrap();
        assert!((1024..1500).contains(&looked_at), "{sort}: {looked_at}");
        assert_eq!((paths(&part).len(), &part["matches"]), (50, &part["looked_at"]), "{sort}");
        let whole = api(&app, &format!("/entries?sort={sort}&time=30000")).await;
        assert_eq!((&whole["looked_at"], &whole["matches"]), (&Value::Null, &1500.into()), "{sort}");
    }
    let page = super::page(&app, "/entries?sort=bytes&time=0").await;
    assert!(page.contains("Looked at the first 1,0") && page.contains(" of 1,500 pages"), "{page}");
    assert!(page.contains("sort=bytes&amp;time=30000"), "{page}");
    assert!(!super::page(&app, "/entries?sort=bytes&time=30000").await.contains("Looked at"));
}

#[actix_web::test]
async fn sorted_search_shows_no_page_that_was_purged() {
    let app = builder().start().await;
    for number in 0..100 {
        app.get(&format!("/posts/{number}")).await.assert_stored();
    }
    app.cache().purge_tag("post:7").await.unwrap();
    app.cache().purge_prefix("/posts/9").await.unwrap();
    for sort in ["bytes", "hits", "ttl"] {
        let found = all(&app, &format!("sort={sort}")).await;
        assert_eq!(found.len(), 88, "{sort}");
        assert!(found.iter().all(|path| path != "/posts/7" && !path.starts_with("/posts/9")), "{sort}");
    }
}

#[actix_web::test]
async fn entry_is_found_by_its_id_until_it_is_purged() {
    let app = builder().start().await;
    app.get("/posts/1").await.assert_stored();
    app.advance(10);
    let id = api(&app, "/entries").await["entries"][0]["id"].as_str().unwrap().to_owned();
    let entry = api(&app, &format!("/entries/{id}")).await;
    assert_eq!(
        (&entry["path"], &entry["handler"], &entry["status"]),
        (&"/posts/1".into(), &"posts".into(), &200.into())
    );
    assert_eq!(
        (&entry["age_seconds"], &entry["ttl_seconds"], &entry["state"]),
        (&10.into(), &50.into(), &"fresh".into())
    );
    assert_eq!((&entry["tag_count"], &entry["body_bytes"]), (&2.into(), &6.into()));
    assert!(entry["headers"].to_string().contains("etag"));
    app.cache().purge_tag("post:1").await.unwrap();
    local(app.get(&format!("/cache/api/entries/{id}"))).await.assert_status(404);
    for invalid in ["1", "x-y", "-", "0000000000000000-0000000000000000", "%00"] {
        local(app.get(&format!("/cache/api/entries/{invalid}"))).await.assert_status(404);
        local(app.get(&format!("/cache/entries/{invalid}"))).await.assert_status(404);
    }
}

#[actix_web::test]
async fn invalid_cursor_is_no_error() {
    let app = builder().start().await;
    app.get("/posts/1").await.assert_stored();
    for after in ["x", "0.x", "9.1", "0.99999999999999999999", "1.18446744073709551615", "2.0", "7.0-0"] {
        for sort in ["", "&sort=age"] {
            api(&app, &format!("/entries?after={after}{sort}")).await;
        }
    }
}

#[actix_web::test]
async fn keys_are_shown_nowhere() {
    let app = builder().start().await;
    app.get("/posts/1?token=hidden-1").header("host", "hidden-2.example").await.assert_stored();
    app.get("/account").header("x-custom", "hidden-3").await.assert_stored();
    for entry in api(&app, "/entries").await["entries"].as_array().unwrap() {
        let id = entry["id"].as_str().unwrap();
        let value = api(&app, &format!("/entries/{id}")).await;
        assert!(!value.to_string().contains("hidden"), "{value}");
        let page = super::page(&app, &format!("/entries/{id}")).await;
        assert!(!page.contains("hidden"));
    }
}
