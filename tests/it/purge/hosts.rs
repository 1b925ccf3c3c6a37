//! URLs with a scheme and a host.

use super::{removed, site};
use crate::support::TestApp;

/// Stores the page `/posts/1?a` of these hosts and schemes.
async fn store(app: &TestApp, hosts: &[(&str, &str)]) {
    for (host, scheme) in hosts {
        let request = app.get("/posts/1?a").headers(&[("host", host), ("x-forwarded-proto", scheme)]);
        request.await.assert_stored();
    }
}

async fn assert_all_hit(app: &TestApp, hosts: &[(&str, &str)]) {
    for (host, scheme) in hosts {
        let request = app.get("/posts/1?a").headers(&[("host", host), ("x-forwarded-proto", scheme)]);
        request.await.assert_hit();
    }
}

#[actix_web::test]
async fn url_with_a_host_selects_the_page_of_that_host_and_scheme() {
    let app = site().start().await;
    let others = [("b.example", "https"), ("a.example", "http"), ("a.example:81", "https")];
    store(&app, &others).await;
    store(&app, &[("a.example", "https")]).await;
    assert_eq!(removed(app.cache().purge_url("https://a.example/posts/1")).await, 0, "another query");
    assert_eq!(removed(app.cache().purge_url("https://a.example/posts/1?a")).await, 1);
    assert_all_hit(&app, &others).await;
    store(&app, &[("a.example", "https")]).await;
}

#[actix_web::test]
async fn url_with_a_port_selects_the_page_of_that_port() {
    let app = site().start().await;
    store(&app, &[("a.example", "https"), ("a.example:81", "https")]).await;
    assert_eq!(removed(app.cache().purge_url("https://a.example:81/posts/1?a")).await, 1);
    assert_all_hit(&app, &[("a.example", "https")]).await;
}

#[actix_web::test]
async fn hosts_are_compared_without_regard_to_case() {
    let app = site().cache(|cache| cache.allowed_hosts(["a.example", "A.Example"])).start().await;
    store(&app, &[("a.example", "https"), ("A.Example", "https")]).await;
    assert_eq!(removed(app.cache().purge_url("https://A.example/posts/1?a")).await, 2);
}

/// RFC 9110 4.2.3 and 4.2.4: the default port, and user information, make no difference.
#[actix_web::test]
async fn equivalent_origins_are_one() {
    let app = site().start().await;
    let hosts = [("a.example", "https"), ("a.example:443", "https"), ("a.example", "HTTPS")];
    let urls = [
        "https://a.example/posts/1?a",
        "HTTPS://a.example/posts/1?a",
        "https://A.EXAMPLE:443/posts/1?a",
        "https://a.example:/posts/1?a",
        "https://user:password@a.example/posts/1?a",
    ];
    for url in urls {
        let other = [("a.example", "http"), ("a.example:80", "https")];
        store(&app, &hosts).await;
        store(&app, &other).await;
        assert_eq!(removed(app.cache().purge_url(url)).await, 3, "{url}");
        assert_all_hit(&app, &other).await;
        assert_eq!(removed(app.cache().purge_all()).await, 2, "{url}");
    }
}

#[actix_web::test]
async fn url_without_a_path_is_that_of_the_root() {
    let app = site().start().await;
    for (url, uri) in [("http://localhost:8080", "/"), ("http://localhost:8080?a", "/?a")] {
        app.get(uri).await.assert_stored();
        assert_eq!(removed(app.cache().purge_url(url)).await, 1, "{url}");
    }
}

#[actix_web::test]
async fn url_without_a_host_selects_the_pages_of_all_hosts() {
    let app = site().start().await;
    store(&app, &[("a.example", "https"), ("b.example", "https"), ("a.example", "http")]).await;
    assert_eq!(removed(app.cache().purge_url("/posts/1?a")).await, 3);
}
