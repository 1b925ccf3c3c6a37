//! `Cache-Groups` and `Cache-Group-Invalidation` of an upstream server (RFC 9875), whose responses handlers forward.

use actix_web::{Error, HttpRequest, HttpResponse, web};
use cache_page::{PageCacheBuilder, PageCacheMiddleware, PageControl, TagHeader, cache_page, purge_page};

use crate::support::{Backend, Call, Origin, TestApp, TestAppBuilder, until};

const INVALIDATION: &str = "cache-group-invalidation";

/// The pages of the upstream server, with their groups.
const PAGES: [(&str, &str); 5] = [
    ("/posts", "\"posts\""),
    ("/posts/7", "\"posts\", \"post:7\";revalidate"),
    ("/posts/8", "\"posts\", \"post:8\", \" \""),
    ("/malformed", "\"posts\", posts"),
    ("/about", ""),
];

const ALL: [&str; 5] = [PAGES[0].0, PAGES[1].0, PAGES[2].0, PAGES[3].0, PAGES[4].0];

/// Responds as the upstream server. What a write invalidates is the path, decoded.
fn upstream(call: &Call) -> HttpResponse {
    let path = call.request.path();
    let page = PAGES.iter().find(|(page, _)| *page == path);
    let mut response = HttpResponse::Ok();
    if let Some(value) = call.header_values("x-invalidates").first() {
        response.insert_header((INVALIDATION, value.as_str()));
    }
    match page {
        Some((_, groups)) if !groups.is_empty() => response.insert_header(("cache-groups", *groups)),
        _ => &mut response,
    };
    match call.header_values("x-fails").first() {
        Some(_) => HttpResponse::Conflict().insert_header((INVALIDATION, "\"posts\"")).finish(),
        None => response.body(format!("page {}", call.run)),
    }
}

fn honoring(cache: PageCacheBuilder) -> PageCacheBuilder {
    cache.honor_cache_groups(true).honor_request_cache_control(true)
}

/// An App with a middleware around everything, or with the attributes.
fn middleware() -> TestAppBuilder {
    TestApp::builder().uncached().handler(upstream).wrap(|| PageCacheMiddleware::new(60))
}

#[purge_page(paths = ["/written"])]
async fn write(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

async fn attributes() -> TestApp {
    TestApp::builder().handler(upstream).cache(honoring).route("/write", write).start().await
}

/// Stores the pages of this host.
async fn store(app: &TestApp, host: &str) {
    for path in ALL {
        app.get(path).header("host", host).await.assert_status(200);
    }
}

/// Returns the pages of this host that are not stored any more.
async fn purged(app: &TestApp, host: &str) -> Vec<&'static str> {
    let mut purged = Vec::new();
    for path in ALL {
        let request = app.get(path).header("host", host).header("cache-control", "only-if-cached");
        if !request.await.is_hit() {
            purged.push(path);
        }
    }
    purged
}

/// Stores the pages of host `a`, sends a write to host `a`, and returns the pages that it purged.
async fn purged_by(app: &TestApp, groups: &str) -> Vec<&'static str> {
    store(app, "a").await;
    let write = app.post("/write").header("host", "a").header("x-invalidates", groups);
    write.await.assert_status(200).assert_header(INVALIDATION, groups);
    purged(app, "a").await
}

#[actix_web::test]
async fn write_purges_the_groups_that_its_response_names() {
    for app in [middleware().cache(honoring).start().await, attributes().await] {
        assert_eq!(purged_by(&app, "\"posts\"").await, ["/posts", "/posts/7", "/posts/8"]);
        assert_eq!(purged_by(&app, "\"post:7\", \"post:9\"").await, ["/posts/7"]);
        assert_eq!(purged_by(&app, "\"post:7\";x=1 , \"post:8\"").await, ["/posts/7", "/posts/8"]);
        assert_eq!(purged_by(&app, "\" \"").await, ["/posts/8"]);
        assert!(purged_by(&app, "\"Posts\"").await.is_empty());
    }
}

#[actix_web::test]
async fn groups_are_ignored_by_default() {
    let app = middleware().cache(|cache| cache.honor_request_cache_control(true)).start().await;
    assert!(purged_by(&app, "\"posts\"").await.is_empty());
    app.cache().purge_tag("posts").await.unwrap();
    assert!(purged(&app, "a").await.is_empty());
}

#[actix_web::test]
async fn malformed_invalidation_is_ignored() {
    for app in [middleware().cache(honoring).start().await, attributes().await] {
        for groups in ["posts", "\"posts\",", "\"posts\", posts", "(\"posts\")", "\"posts\", 1", "\"posts"] {
            assert!(purged_by(&app, groups).await.is_empty(), "{groups}");
        }
    }
}

#[actix_web::test]
async fn response_to_a_safe_method_purges_no_group() {
    let app = middleware().cache(honoring).start().await;
    store(&app, "a").await;
    for method in ["GET", "HEAD", "OPTIONS", "QUERY"] {
        let request = app.request(method.parse().unwrap(), "/x").header("host", "a");
        request.header("x-invalidates", "\"posts\"").await.assert_status(200);
        assert!(purged(&app, "a").await.is_empty(), "{method}");
    }
    let app = attributes().await;
    store(&app, "a").await;
    app.get("/write").header("host", "a").header("x-invalidates", "\"posts\"").await.assert_status(200);
    assert!(purged(&app, "a").await.is_empty());
}

#[actix_web::test]
async fn failed_write_purges_no_group() {
    for app in [middleware().cache(honoring).start().await, attributes().await] {
        store(&app, "a").await;
        let write = app.post("/write").header("host", "a").header("x-fails", "");
        write.await.assert_status(409).assert_header(INVALIDATION, "\"posts\"");
        assert!(purged(&app, "a").await.is_empty());
    }
}

#[actix_web::test]
async fn group_of_another_host_is_not_purged() {
    for app in [middleware().cache(honoring).start().await, attributes().await] {
        for host in ["b", "a:81", "a.b"] {
            store(&app, host).await;
            assert_eq!(purged_by(&app, "\"posts\"").await, ["/posts", "/posts/7", "/posts/8"]);
            assert!(purged(&app, host).await.is_empty(), "{host}");
        }
        // The same host, with its default port.
        store(&app, "a:80").await;
        assert_eq!(purged_by(&app, "\"post:7\"").await, ["/posts/7"]);
        assert_eq!(purged(&app, "a:80").await, ["/posts/7"]);
    }
}

/// Tags are for the author, who may purge them on all hosts.
#[actix_web::test]
async fn groups_of_a_page_are_tags() {
    for app in [middleware().cache(honoring).start().await, attributes().await] {
        store(&app, "a").await;
        store(&app, "b").await;
        app.cache().purge_tag("posts").await.unwrap();
        for host in ["a", "b"] {
            assert_eq!(purged(&app, host).await, ["/posts", "/posts/7", "/posts/8"]);
        }
    }
}

/// A tag of the App itself is no group: the upstream server did not send it.
#[actix_web::test]
async fn invalidation_does_not_purge_a_tag_of_the_author() {
    #[cache_page(60, tags = ["posts"])]
    async fn page() -> &'static str {
        "page"
    }
    let app =
        TestApp::builder().handler(upstream).cache(honoring).route("/page", page).route("/write", write);
    let app = app.start().await;
    app.get("/page").header("host", "a").await.assert_stored();
    assert_eq!(purged_by(&app, "\"posts\"").await.len(), 3);
    app.get("/page").header("host", "a").await.assert_hit();
}

/// What is for this cache alone is not sent.
#[actix_web::test]
async fn groups_are_sent_on_as_tags_and_by_the_name_of_the_author() {
    let options =
        |cache| honoring(cache).tag_header(TagHeader::SurrogateKey).tag_header(TagHeader::CacheGroups);
    let app = middleware().cache(options).start().await;
    for _ in 0..2 {
        let page = app.get("/posts/8").await;
        page.assert_header("cache-groups", "\"posts\", \"post:8\", \" \"")
            .assert_header("surrogate-key", "posts post:8");
    }
    app.get("/about").await.assert_no_header("surrogate-key");
}

#[actix_web::test]
async fn page_has_as_many_groups_as_count_beside_its_own_tags() {
    #[cache_page(60, tags = ["own"])]
    async fn many(number: web::Path<usize>) -> HttpResponse {
        let groups: Vec<String> = (0..*number).map(|group| format!("\"{group}\"")).collect();
        HttpResponse::Ok().insert_header(("cache-groups", groups.join(","))).finish()
    }
    #[purge_page(paths = ["/written"])]
    async fn invalidate(group: web::Path<String>) -> HttpResponse {
        HttpResponse::Ok().insert_header((INVALIDATION, format!("\"{group}\""))).finish()
    }
    let app =
        TestApp::builder().cache(honoring).route("/many/{number}", many).route("/purge/{group}", invalidate);
    let app = app.start().await;
    for (group, is_purged) in [("0", true), ("127", true), ("128", false), ("own", false)] {
        app.cache().purge_all().await.unwrap();
        app.get("/many/200").await.assert_stored();
        app.post(&format!("/purge/{group}")).await.assert_status(200);
        assert_ne!(app.get("/many/200").await.is_hit(), is_purged, "{group}");
    }
}

#[actix_web::test]
async fn confirmed_page_stays_in_its_groups() {
    #[cache_page(60)]
    async fn page(_: Origin, control: PageControl, #[unkeyed] _: HttpRequest) -> HttpResponse {
        match control.validators() {
            Some(_) => HttpResponse::NotModified().finish(),
            None => HttpResponse::Ok().insert_header(("cache-groups", "\"posts\"")).body("page"),
        }
    }
    let options = |cache| honoring(cache).tag_header(TagHeader::SurrogateKey);
    let app = TestApp::builder().handler(upstream).cache(options).route("/page", page).route("/write", write);
    let app = app.start().await;
    app.get("/page").await.assert_stored();
    app.advance(61);
    app.get("/page").await.assert_fwd_status(304).assert_header("surrogate-key", "posts");
    app.get("/page").await.assert_hit().assert_header("surrogate-key", "posts");
    app.post("/write").header("x-invalidates", "\"posts\"").await.assert_status(200);
    app.get("/page").await.assert_miss();
}

#[actix_web::test]
async fn groups_are_purged_in_other_processes_on_that_host_only() {
    let backend = Backend::new();
    let one = middleware().cache(honoring).remote(&backend).start().await;
    let other = middleware().share_handler(&one).cache(honoring).remote(&backend).start().await;
    for app in [&one, &other] {
        app.wait_available().await;
    }
    for app in [&one, &other] {
        store(app, "a").await;
        store(app, "b").await;
    }
    one.post("/write").header("host", "a").header("x-invalidates", "\"post:7\"").await.assert_status(200);
    other.receive_purges().await;
    until("the purge arrives", || other.pages() <= 9).await;
    assert_eq!(purged(&other, "a").await, ["/posts/7"]);
    assert!(purged(&other, "b").await.is_empty());
}
