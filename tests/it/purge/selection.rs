//! Which pages a path, a URL, a prefix, a handler name or all of them select.

use actix_web::{Error, HttpResponse};
use cache_page::cache_page;

use super::{POST_HANDLER, Purge, assert_only_gone, removed, site};
use crate::support::{Origin, TestApp, TestRequest};

#[cache_page(60, name = "languages", vary = ["accept-language"])]
async fn languages(origin: Origin) -> Result<HttpResponse, Error> {
    let mut response = origin.respond().await?;
    response.headers_mut().insert("vary".parse().unwrap(), "dnt".parse().unwrap());
    Ok(response)
}

#[cache_page(60, query = ["page"])]
async fn paged(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

#[cache_page(60, ignore_query = ["utm_*"])]
async fn tracked(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

async fn app() -> TestApp {
    site().route("/languages", languages).route("/paged", paged).route("/tracked", tracked).start().await
}

#[actix_web::test]
async fn path_selects_its_pages_of_all_queries_hosts_and_schemes() {
    let app = app().await;
    let requests = [
        app.get("/posts/1"),
        app.get("/posts/1?"),
        app.get("/posts/1?page=2"),
        app.get("/posts/1").header("host", "example.com"),
        app.get("/posts/1").header("host", "example.com").header("x-forwarded-host", "evil.example"),
        app.get("/posts/1").header("forwarded", "host=\"other.example\";proto=https"),
        app.get("/posts/1").header("x-forwarded-proto", "https"),
    ];
    for request in requests.clone() {
        request.await.assert_stored();
    }
    assert_eq!(removed(app.cache().purge_path("/posts/1")).await, 7);
    for request in requests {
        request.await.assert_stored();
    }
}

#[actix_web::test]
async fn path_does_not_select_other_paths() {
    let app = app().await;
    let others = ["/posts/2", "/posts/10", "/posts/2/", "/posts", "/Posts/1", "/posts/1/comments"];
    for uri in others {
        app.get(uri).await;
    }
    for path in ["/posts/1", "/posts/3"] {
        assert_eq!(removed(app.cache().purge_path(path)).await, 0, "{path}");
        assert_only_gone(&app, &others, |_| false, path).await;
    }
}

#[actix_web::test]
async fn head_requests_do_not_get_a_purged_page() {
    let app = app().await;
    app.get("/posts/1").await;
    app.head("/posts/1").await.assert_hit();
    assert_eq!(removed(app.cache().purge_path("/posts/1")).await, 1);
    app.head("/posts/1").await.assert_miss();
}

#[actix_web::test]
async fn all_variants_of_a_page_are_purged() {
    let app = app().await;
    let variant =
        |language, dnt| app.get("/languages").headers(&[("accept-language", language), ("dnt", dnt)]);
    let variants = [variant("de", "0"), variant("de", "1"), variant("en", "0"), variant("en", "1")];
    let purges: [(&str, Purge); 4] = [
        ("path", |cache| cache.purge_path("/languages")),
        ("url", |cache| cache.purge_url("/languages")),
        ("handler", |cache| cache.purge_handler("languages")),
        ("prefix", |cache| cache.purge_prefix("/lang")),
    ];
    for (name, purge) in purges {
        for request in variants.clone() {
            let response = request.await;
            assert!(response.is_stored(), "before {name}: {response:?}");
        }
        for request in variants.clone() {
            let response = request.await;
            assert!(response.is_hit(), "before {name}: {response:?}");
        }
        assert_eq!((removed(purge(app.cache())).await, app.pages()), (4, 0), "{name}");
    }
    for request in variants {
        request.await.assert_stored();
    }
}

#[actix_web::test]
async fn url_selects_the_page_of_one_query() {
    let app = app().await;
    let uris = ["/posts/1", "/posts/1?page=1", "/posts/1?page=1&x", "/posts/1?x&page=1"];
    for uri in uris {
        app.get(uri).await;
    }
    for purged in uris {
        assert_eq!(removed(app.cache().purge_url(purged)).await, 1, "{purged}");
        assert_only_gone(&app, &uris, |uri| uri == purged, purged).await;
    }
    assert_eq!(removed(app.cache().purge_url("/posts/1?page=2")).await, 0);
}

#[actix_web::test]
async fn url_is_compared_by_the_query_options_of_the_handler() {
    let app = app().await;
    let cases: [(&[&str], &[&str]); 3] = [
        (
            &["/paged?page=1", "/paged?page=2", "/paged"],
            &["/paged?page=1", "/paged?x=y&page=1", "/paged?p%61ge=%31"],
        ),
        (
            &["/tracked?b=2&a=1", "/tracked?a=1", "/tracked"],
            &["/tracked?a=1&b=2", "/tracked?utm_source=x&a=1&b=2", "/tracked?b=%32&a=1&utm_x"],
        ),
        // Without any parameter of the key, the query may be left out.
        (&["/paged", "/paged?page=2"], &["/paged", "/paged?x=y"]),
    ];
    for (pages, urls) in cases {
        for url in urls {
            for uri in pages {
                app.get(uri).await;
            }
            assert_eq!(removed(app.cache().purge_url(url)).await, 1, "{url}");
            assert_only_gone(&app, pages, |uri| uri == pages[0], url).await;
        }
    }
}

#[actix_web::test]
async fn prefix_selects_all_paths_that_start_with_its_letters() {
    let app = app().await;
    let uris = ["/posts", "/posts/1", "/posts/2?x", "/posts-of-others", "/other/posts/1"];
    for (prefix, expected) in [("/posts/", 2), ("/posts", 4), ("/posts/1", 1), ("/posts/1/", 0), ("/o", 1)] {
        for uri in uris {
            app.get(uri).await;
        }
        assert_eq!(removed(app.cache().purge_prefix(prefix)).await, expected, "{prefix}");
        assert_eq!(app.pages(), uris.len() - expected, "{prefix}");
        assert_only_gone(&app, &uris, |uri| uri.starts_with(prefix), prefix).await;
    }
}

#[actix_web::test]
async fn handler_name_selects_the_pages_of_the_handler() {
    let app = app().await;
    let uris = ["/posts/1", "/posts/2", "/languages", "/any"];
    for (handler, expected) in [
        (POST_HANDLER, &["/posts/1", "/posts/2"][..]),
        ("languages", &["/languages"]),
        // A handler with a name of its own has no other one.
        (concat!(module_path!(), "::languages"), &[]),
    ] {
        for uri in uris {
            app.get(uri).await;
        }
        assert_eq!(removed(app.cache().purge_handler(handler)).await, expected.len(), "{handler}");
        assert_only_gone(&app, &uris, |uri| expected.contains(&uri), handler).await;
    }
}

#[actix_web::test]
async fn handler_has_the_same_name_in_statistics_and_purges() {
    let app = app().await;
    app.get("/posts/1").await;
    assert!(app.cache().stats().handlers().any(|(name, _)| name == POST_HANDLER));
    assert_eq!(removed(app.cache().purge_handler(POST_HANDLER)).await, 1);
}

/// Returns requests for 51 pages, two of them of handlers with tags or variants.
fn requests(app: &TestApp) -> Vec<TestRequest> {
    let mut requests: Vec<_> = (0..50).map(|id| app.get(&format!("/posts/{id}"))).collect();
    requests.push(app.get("/languages").header("dnt", "1"));
    requests
}

#[actix_web::test]
async fn purge_all_removes_all_pages_from_every_index() {
    let app = app().await;
    for round in 1..=2 {
        for request in requests(&app) {
            let response = request.await;
            assert!(response.is_stored(), "round {round}: {response:?}");
        }
        assert_eq!((removed(app.cache().purge_all()).await, app.pages()), (51, 0), "round {round}");
        let cache = app.cache();
        for purge in [cache.purge_all(), cache.purge_tag("posts"), cache.purge_prefix("/p")] {
            assert_eq!(removed(purge).await, 0, "round {round}");
        }
    }
}

#[actix_web::test]
async fn page_that_is_stored_after_purge_all_stays() {
    let app = app().await;
    app.get("/posts/1").await;
    app.cache().purge_all().await.unwrap();
    app.get("/posts/1").await.assert_stored();
    assert_eq!(app.cache().remove_expired(), 0, "the purged pages were removed by the purge");
    app.get("/posts/1").await.assert_hit();
}

#[actix_web::test]
async fn purge_all_releases_the_memory_of_the_pages() {
    let app = app().await;
    let bytes = || app.cache().stats().bytes();
    let empty = bytes();
    for request in requests(&app) {
        request.await;
    }
    app.cache().purge_all().await.unwrap();
    app.get("/posts/1").await;
    let one_page = bytes();
    app.cache().purge_all().await.unwrap();
    app.cache().remove_expired();
    assert!(bytes() < one_page && bytes() <= empty + 4096, "{empty} {one_page} {}", bytes());
}
