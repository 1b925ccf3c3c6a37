//! Paths that can be written in several ways.

use actix_web::{middleware::NormalizePath, web};
use cache_page::{PageCacheMiddleware, cache_page};

use super::{Purge, removed, site};
use crate::support::TestApp;

/// An operator writes a path as they read it; a client may percent-encode any letter.
#[actix_web::test]
async fn paths_are_compared_without_percent_encoding() {
    let app = site().start().await;
    let requested = ["/posts/%C3%BCber", "/posts/%c3%bcber", "/posts/%C3%BC%62er", "/%70osts/%C3%BCber"];
    for path in ["/posts/über", "/posts/%C3%BCber", "/posts/%c3%bcber", "/p%6Fsts/über"] {
        let prefix = &path[..path.len() - 2];
        let cache = app.cache();
        let purges: [(&str, &dyn Fn() -> _); 3] = [
            ("purge_path", &|| cache.purge_path(path)),
            ("purge_url", &|| cache.purge_url(path)),
            ("purge_prefix", &|| cache.purge_prefix(prefix)),
        ];
        for (name, purge) in purges {
            for uri in requested {
                let response = app.get(uri).await;
                assert!(response.is_stored(), "before {name} of {path}: {response:?}");
            }
            assert_eq!(removed(purge()).await, 4, "{name} of {path}");
        }
    }
}

/// Spellings of one query (RFC 3986 6.2.2.2), as `web::Query` reads it.
#[actix_web::test]
async fn queries_are_compared_decoded() {
    let app = site().start().await;
    let equivalent: [&[&str]; 4] = [
        &["?a=b+c", "?a=b%20c", "?%61=b%20%63", "?a=%62+c"],
        &["", "?", "?&"],
        &["?a", "?a=", "?%61"],
        &["?a=%2B", "?a=%2b"],
    ];
    for queries in equivalent {
        for query in queries {
            for query in queries {
                app.get(&format!("/posts/1{query}")).await.assert_stored();
            }
            let others = ["/posts/1?b=a", "/posts/1?a=b&c", "/posts/1?c&a=b", "/posts/1?a=x"];
            for uri in others {
                app.get(uri).await;
            }
            let url = format!("/posts/1{query}");
            assert_eq!(removed(app.cache().purge_url(&url)).await, queries.len(), "{url}");
            for uri in others {
                app.get(uri).await.assert_hit();
            }
        }
    }
}

/// A middleware stores pages by the path as the client wrote it.
#[actix_web::test]
async fn paths_that_are_normalized_behind_a_middleware_are_one() {
    let app = TestApp::builder()
        .uncached()
        .wrap(NormalizePath::trim)
        .wrap(|| PageCacheMiddleware::new(60))
        .start()
        .await;
    let spellings = [
        "/posts/1",
        "/posts/1/",
        "//posts/1",
        "/posts//1//",
        "/posts/./1",
        "/posts/2/../1/",
        "///posts///%31",
    ];
    let purges: [(&str, Purge); 6] = [
        ("path", |cache| cache.purge_path("/posts/1")),
        ("another spelling", |cache| cache.purge_path("//posts/x/..//1")),
        ("a slash at the end", |cache| cache.purge_path("/posts/1/")),
        ("URL", |cache| cache.purge_url("/posts/1")),
        ("URL with a host", |cache| cache.purge_url("http://localhost:8080//posts/./1")),
        ("prefix", |cache| cache.purge_prefix("/posts/")),
    ];
    for (name, purge) in purges {
        for uri in spellings {
            app.get(uri).await.assert_stored();
        }
        app.get("/posts").await;
        assert_eq!(removed(purge(app.cache())).await, spellings.len(), "{name}");
        app.get("/posts").await.assert_hit();
    }
}

#[actix_web::test]
async fn encoded_percent_and_question_signs_are_part_of_the_path() {
    let app = site().start().await;
    app.get("/posts/%2531").await;
    app.get("/posts/what%3F").await;
    for (path, expected) in [("/posts/1", 0), ("/posts/%2531", 1), ("/posts/what%3F", 1)] {
        assert_eq!(removed(app.cache().purge_path(path)).await, expected, "{path}");
    }
}

#[cache_page(60, tags = ["post:{id}"])]
async fn id_of_the_post(id: web::Path<String>) -> String {
    id.into_inner()
}

fn serve() -> TestApp {
    TestApp::builder().route("/posts/{id}", id_of_the_post).serve()
}

/// Spellings of a request that are routed to the handler with the same argument.
const SPELLINGS: [(&str, &[(&str, &str)]); 11] = [
    ("/posts/1", &[]),
    ("/posts/%31", &[]),
    ("/%70osts/1", &[]),
    ("/posts/1?", &[]),
    ("/posts/1?x=/posts/2", &[]),
    ("http://localhost:8080/posts/1", &[]),
    ("http://elsewhere.example/posts/1", &[]),
    ("/posts/1", &[("x-forwarded-host", "evil.example")]),
    ("/posts/1", &[("x-forwarded-proto", "gopher")]),
    ("/posts/1", &[("forwarded", "host=\"evil.example\"")]),
    ("/posts/1", &[("x-original-url", "/posts/2"), ("x-rewrite-url", "/posts/2")]),
];

#[actix_web::test]
async fn no_spelling_of_a_request_hides_a_page_from_a_purge() {
    let app = serve();
    let purges: [(&str, Purge); 2] =
        [("path", |cache| cache.purge_path("/posts/1")), ("tag", |cache| cache.purge_tag("post:1"))];
    for (name, purge) in purges {
        for (uri, headers) in SPELLINGS {
            app.get(uri).headers(headers).await.assert_status(200).assert_body("1");
        }
        let stored = app.pages();
        assert!(stored >= SPELLINGS.len() - 2, "most of them have a page of their own: {stored}");
        assert_eq!((removed(purge(app.cache())).await, app.pages()), (stored, 0), "{name}");
    }
}

#[actix_web::test]
async fn paths_with_additional_slashes_or_dots_are_other_paths() {
    let app = serve();
    for path in ["//posts/1", "/posts/1/", "/posts//1", "/./posts/1", "/posts/%2F1"] {
        let response = app.get(path).await;
        assert_ne!(response.text(), "1", "{response:?}");
    }
}

#[actix_web::test]
async fn normalized_path_is_purged_as_it_was_routed() {
    let app = site().wrap(NormalizePath::trim).start().await;
    for uri in ["/posts/1", "//posts/1", "/posts//1", "/posts/1/", "/posts/1//?x"] {
        app.get(uri).await.assert_status(200);
    }
    let stored = app.pages();
    assert_eq!((removed(app.cache().purge_path("/posts/1")).await, app.pages()), (stored, 0));
    app.get("/posts/1").await.assert_stored();
}
