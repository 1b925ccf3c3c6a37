//! A successful write purges the pages that its response names in `Location` and `Content-Location`, on the same origin.

use actix_web::HttpResponse;

use super::writes::with_write;

/// The origin of the site.
const HOST: &str = "site.example:8080";

/// The path of the write, which has no page.
const WRITE: &str = "/posts/1/comments?x";

const URIS: [&str; 8] =
    ["/posts/1", "/posts/1?page=2", "/", "/posts/1/2", "/posts/1/", "/posts/", "/t%C3%A4g", "/other"];

/// `NormalizePath` may make one page of them.
const POST: &[&str] = &["/posts/1", "/posts/1?page=2", "/posts/1/"];

/// References with the pages that they name.
const REFERENCES: [(&str, &[&str]); 18] = [
    ("http://site.example:8080/posts/1", POST),
    ("HTTP://SITE.EXAMPLE:8080/posts/1?page=7#c", POST),
    ("//site.example:8080/posts/1", POST),
    ("http://site.example:8080", &["/"]),
    ("/posts/1", POST),
    ("/posts/1?page=2", POST),
    ("/a/../posts/./1", POST),
    ("../1", POST),
    ("../../posts/1#comments", POST),
    ("../../../../posts/1", POST),
    ("2", &["/posts/1/2"]),
    ("./2?x", &["/posts/1/2"]),
    (".", POST),
    ("..", &["/posts/"]),
    ("?page=2", &[]),
    ("", &[]),
    ("/t%C3%A4g", &["/t%C3%A4g"]),
    ("/t%c3%a4g", &["/t%C3%A4g"]),
];

/// References to other origins.
const FOREIGN_REFERENCES: [&str; 7] = [
    "https://site.example:8080/posts/1",
    "http://site.example/posts/1",
    "http://evil.example/posts/1",
    "//evil.example/posts/1",
    "http://site.example:8080@evil.example/posts/1",
    "http://evil.example?http://site.example:8080/posts/1",
    "mailto:author@site.example",
];

/// Stores all pages, sends a write whose response has this header, and returns the pages that are gone.
async fn purged_by(name: &'static str, reference: &'static str) -> Vec<&'static str> {
    purged_on(HOST, name, reference).await
}

async fn purged_on(host: &str, name: &'static str, reference: &'static str) -> Vec<&'static str> {
    let app = with_write(move || HttpResponse::Created().insert_header((name, reference)).finish()).await;
    for uri in URIS {
        app.get(uri).header("host", host).await.assert_stored();
    }
    app.post(WRITE).header("host", host).await.assert_status(201);
    let mut purged = Vec::new();
    for uri in URIS {
        if !app.get(uri).header("host", host).header("cache-control", "only-if-cached").await.is_hit() {
            purged.push(uri);
        }
    }
    purged
}

#[actix_web::test]
async fn write_purges_the_pages_that_its_response_names() {
    for name in ["location", "content-location"] {
        for (reference, expected) in REFERENCES {
            assert_eq!(purged_by(name, reference).await, expected, "{name}: {reference}");
        }
    }
}

#[actix_web::test]
async fn write_purges_no_page_of_another_origin() {
    for name in ["location", "content-location"] {
        for reference in FOREIGN_REFERENCES {
            assert!(purged_by(name, reference).await.is_empty(), "{name}: {reference}");
        }
    }
}

/// RFC 9110 4.2.3: `http://site.example:80` is the origin `http://site.example`.
#[actix_web::test]
async fn write_purges_the_page_named_with_the_default_port() {
    for (host, reference) in [
        ("site.example", "http://site.example:80/posts/1"),
        ("site.example:80", "http://Site.example/posts/1"),
        ("site.example", "//site.example:/posts/1"),
    ] {
        assert_eq!(purged_on(host, "location", reference).await, POST, "{host}: {reference}");
    }
    assert!(purged_on("site.example", "location", "http://site.example:443/posts/1").await.is_empty());
}
