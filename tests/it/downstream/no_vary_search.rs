//! `No-Vary-Search`: downstream caches ignore the parameters that the key ignores, and no others.

use actix_web::{HttpRequest, HttpResponse, http::Uri, web};
use cache_page::{PageCacheBuilder, PageCacheMiddleware, cache_page};
use serde::Deserialize;

use crate::support::{Origin, TestApp};

const NAME: &str = "no-vary-search";

#[derive(Deserialize)]
struct Page {
    #[allow(dead_code)]
    page: Option<u32>,
}

fn is_preview(request: &HttpRequest) -> bool {
    request.query_string().contains("preview")
}

fn language(request: &HttpRequest) -> String {
    request.query_string().to_owned()
}

/// Defines cached handlers that send a page.
macro_rules! handlers {
    ($($name:ident($($(#[$mark:meta])? $argument:ty)?) [$($option:tt)*])*) => {$(
        #[cache_page(60, $($option)*)]
        async fn $name(origin: Origin, $($(#[$mark])? argument: $argument)?) -> String {
            $(let _: &$argument = &argument;)?
            origin.count().to_string()
        }
    )*};
}

handlers! {
    plain() []
    only() [query = ["page", "q"]]
    nothing() [query = []]
    ignoring() [ignore_query = ["ref", "utm_*"]]
    in_any_order() [ignore_query = []]
    reads_what_is_keyed(web::Query<Page>) [query = ["page"]]
    tagged() [query = ["page"], tags = ["posts"]]
    by_language() [query = ["page"], vary = ["accept-language"]]
    reads_more(web::Query<Page>) [query = ["q"]]
    reads_what_is_ignored(web::Query<Page>) [ignore_query = ["page"]]
    reads_all(web::Query<Vec<(String, String)>>) [ignore_query = ["ref"]]
    reads_uri(Uri) [ignore_query = ["ref"]]
    reads_request(#[unkeyed] HttpRequest) [ignore_query = ["ref"]]
    for_anonymous(#[anonymous] Option<web::ReqData<u64>>) [ignore_query = ["ref"]]
    for_anonymous_only(#[anonymous] Option<web::ReqData<u64>>) [query = ["page"]]
    keyed(#[key] Option<web::ReqData<u64>>) [query = ["page"]]
    varied() [query = ["page"], vary_by = language]
    previewed() [query = ["page"], bypass_if = is_preview]
}

/// The handlers with what they send.
const EXPECTED: [(&str, Option<&str>); 18] = [
    ("/plain", None),
    ("/only", Some("key-order, params, except=(\"page\" \"q\")")),
    ("/nothing", Some("params")),
    (
        "/ignoring",
        Some(
            "key-order, params=(\"ref\" \"utm_source\" \"utm_medium\" \"utm_campaign\" \"utm_term\" \
             \"utm_content\" \"utm_id\")",
        ),
    ),
    ("/in-any-order", Some("key-order")),
    ("/reads-what-is-keyed", Some("key-order, params, except=(\"page\")")),
    ("/tagged", Some("key-order, params, except=(\"page\")")),
    ("/by-language", Some("key-order, params, except=(\"page\")")),
    ("/reads-more", None),
    ("/reads-what-is-ignored", None),
    ("/reads-all", None),
    ("/reads-uri", None),
    ("/reads-request", None),
    ("/for-anonymous", Some("key-order, params=(\"ref\")")),
    ("/for-anonymous-only", None),
    ("/keyed", None),
    ("/varied", None),
    ("/previewed", None),
];

async fn app(options: impl FnOnce(PageCacheBuilder) -> PageCacheBuilder) -> TestApp {
    let app = TestApp::builder().cache(options);
    let app = app.route("/plain", plain).route("/only", only).route("/nothing", nothing);
    let app = app.route("/ignoring", ignoring).route("/in-any-order", in_any_order);
    let app = app.route("/reads-what-is-keyed", reads_what_is_keyed).route("/tagged", tagged);
    let app = app.route("/by-language", by_language).route("/reads-more", reads_more);
    let app = app.route("/reads-what-is-ignored", reads_what_is_ignored).route("/reads-all", reads_all);
    let app = app.route("/reads-uri", reads_uri).route("/reads-request", reads_request);
    let app = app.route("/for-anonymous", for_anonymous).route("/for-anonymous-only", for_anonymous_only);
    let app = app.route("/keyed", keyed).route("/varied", varied).route("/previewed", previewed);
    app.start().await
}

#[actix_web::test]
async fn nothing_is_sent_by_default() {
    let app = app(|cache| cache).await;
    for (path, _) in EXPECTED {
        app.get(path).await.assert_stored().assert_no_header(NAME);
    }
}

#[actix_web::test]
async fn page_tells_which_parameters_its_key_has() {
    let app = app(|cache| cache.no_vary_search(true)).await;
    for (path, expected) in EXPECTED {
        let stored = app.get(&format!("{path}?page=1&ref=2")).await;
        stored.assert_stored();
        assert_eq!(stored.header(NAME).as_deref(), expected, "{path}");
        let hit = app.get(&format!("{path}?page=1&ref=2")).await;
        hit.assert_hit();
        assert_eq!(hit.header(NAME).as_deref(), expected, "{path}");
    }
}

/// What a browser would take for the same page is the same page here.
#[actix_web::test]
async fn urls_that_are_one_downstream_are_one_here() {
    let app = app(|cache| cache.no_vary_search(true)).await;
    for (path, one, other) in [
        ("/only", "page=1&q=2&x=3", "q=%32&page=1"),
        ("/nothing", "a=1", ""),
        ("/ignoring", "a=1&utm_source=x&b=2", "b=2&ref=y&a=1"),
        ("/in-any-order", "b=1&a=2", "a=2&b=1"),
        ("/for-anonymous", "a=1", "a=1&ref=2"),
    ] {
        app.get(&format!("{path}?{one}")).await.assert_stored();
        app.get(&format!("{path}?{other}")).await.assert_hit();
    }
}

#[actix_web::test]
async fn parameters_that_the_cache_ignores_are_told() {
    let app = app(|cache| cache.no_vary_search(true).ignore_query(["ref", "*_id"])).await;
    let told = app.get("/plain").await;
    told.assert_header(NAME, "key-order, params=(\"ref\" \"utm_id\")");
    app.get("/only").await.assert_header(NAME, "key-order, params, except=(\"page\" \"q\")");
    app.get("/reads-request").await.assert_no_header(NAME);
}

#[actix_web::test]
async fn middleware_tells_what_it_leaves_out() {
    type Options = fn(PageCacheMiddleware) -> PageCacheMiddleware;
    let cases: [(Options, _); 3] = [
        (|middleware| middleware.ignore_query(&["ref"]), Some("key-order, params=(\"ref\")")),
        (|middleware| middleware, None),
        // A request with a token among the other parameters bypasses the cache.
        (|middleware| middleware.query(&["page"]), None),
    ];
    for (options, expected) in cases {
        let app = TestApp::builder().uncached().cache(|cache| cache.no_vary_search(true));
        let app = app.wrap(move || options(PageCacheMiddleware::new(60))).start().await;
        let page = app.get("/?page=1").await;
        page.assert_stored();
        assert_eq!(page.header(NAME).as_deref(), expected);
    }
}

#[actix_web::test]
async fn predicate_for_credentials_may_read_a_parameter() {
    let app = TestApp::builder().uncached().wrap(|| PageCacheMiddleware::new(60).ignore_query(&["ref"]));
    let app = app.cache(|cache| cache.no_vary_search(true).credential_if(is_preview)).start().await;
    app.get("/").await.assert_stored().assert_no_header(NAME);
}

#[actix_web::test]
async fn no_vary_search_of_the_handler_is_not_changed() {
    #[cache_page(60, query = ["page"])]
    async fn own() -> HttpResponse {
        HttpResponse::Ok().insert_header((NAME, "params")).body("page")
    }
    let app = TestApp::builder().cache(|cache| cache.no_vary_search(true)).route("/", own).start().await;
    app.get("/").await.assert_stored().assert_header(NAME, "params");
}
