//! Pages that somebody knows to have changed: by what they are found, and what becomes of them.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use actix_http::Request;
use actix_web::{
    App, Error, HttpResponse,
    dev::{Service, ServiceResponse},
    error::{ErrorBadRequest, ErrorInternalServerError},
    get,
    http::{Method, StatusCode},
    middleware::NormalizePath,
    post,
    test::{TestRequest, call_service, init_service},
    web,
};
use cache_page::{
    PageCache, PageCacheBuilder, PageControl, PurgeError, PurgeFuture, cache_page, purge_page,
    testing::ManualClock,
};
use tokio::sync::Semaphore;

use crate::legacy::{Answer, Crowd, Runs, Server, asking, get, send};

/// What a writing handler does next.
#[derive(Clone, Copy)]
enum Next {
    Answer(u16),
    Error(fn(&'static str) -> Error),
    Panic,
    Hang,
}

struct Site {
    cache: PageCache,
    big: PageCache,
    clock: ManualClock,
    runs: Runs,
    status: Cell<u16>,
    tags: RefCell<Vec<String>>,
    next: Cell<Next>,
    gate: Semaphore,
}

impl Site {
    fn new(cache: PageCacheBuilder) -> web::Data<Self> {
        let clock = ManualClock::new();
        let big = PageCache::builder().clock(clock.clone()).build();
        web::Data::new(Self {
            cache: cache.clock(clock.clone()).named_cache("big", big.clone()).build(),
            big,
            clock,
            runs: Runs::default(),
            status: Cell::new(200),
            tags: RefCell::default(),
            next: Cell::new(Next::Answer(200)),
            gate: Semaphore::new(0),
        })
    }

    fn make(&self) -> HttpResponse {
        HttpResponse::build(StatusCode::from_u16(self.status.get()).unwrap())
            .body(format!("page {}", self.runs.count()))
    }

    async fn write(&self) -> Result<HttpResponse, Error> {
        match self.next.get() {
            Next::Answer(code) => Ok(HttpResponse::new(StatusCode::from_u16(code).unwrap())),
            Next::Error(error) => Err(error("as the test wants it")),
            Next::Panic => panic!("the handler panics, as the test wants it to"),
            Next::Hang => {
                self.gate.acquire().await.unwrap().forget();
                Ok(HttpResponse::new(StatusCode::OK))
            }
        }
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

#[cache_page(60, tags = ["posts", "post:{id}"])]
async fn post_page(id: web::Path<String>, site: web::Data<Site>) -> HttpResponse {
    let _ = id;
    site.make()
}

#[cache_page(60)]
async fn any(site: web::Data<Site>) -> HttpResponse {
    site.make()
}

#[cache_page(60, name = "languages", vary = ["accept-language"])]
async fn languages(site: web::Data<Site>) -> HttpResponse {
    let mut response = site.make();
    // A second dimension, which the handler's own `Vary` tells of.
    response.headers_mut().insert("vary".parse().unwrap(), "dnt".parse().unwrap());
    response
}

#[cache_page(60, query = ["page"])]
async fn paged(site: web::Data<Site>) -> HttpResponse {
    site.make()
}

#[cache_page(60, ignore_query = ["utm_*"])]
async fn tracked(site: web::Data<Site>) -> HttpResponse {
    site.make()
}

#[cache_page(60, cache = "big", tags = ["posts"])]
async fn big(site: web::Data<Site>) -> HttpResponse {
    site.make()
}

#[cache_page(60, stale_while_revalidate = 30, tags = ["post:{id}"])]
async fn refreshed(id: web::Path<String>, site: web::Data<Site>) -> HttpResponse {
    let _ = id;
    site.make()
}

#[cache_page(60, stale_if_error = 30)]
async fn sturdy(site: web::Data<Site>) -> HttpResponse {
    site.make()
}

#[cache_page(60, tags = ["a", "b"])]
async fn labelled(control: PageControl, site: web::Data<Site>) -> HttpResponse {
    for tag in &*site.tags.borrow() {
        control.tag(tag);
    }
    site.make()
}

/// The macro does not see the route, so the mistake shows only when requests come.
#[get("/wrong/{id}")]
#[cache_page(60, tags = ["wrong", "wrong:{slug}"])]
async fn wrong(site: web::Data<Site>) -> HttpResponse {
    site.make()
}

async fn app(
    site: &web::Data<Site>,
) -> Rc<impl Service<Request, Response = ServiceResponse, Error = Error> + use<>> {
    let app = App::new()
        .app_data(site.cache.clone())
        .app_data(site.clone())
        .service(edit)
        .service(edit_above)
        .service(edit_big)
        .service(edit_both)
        .service(edit_wrong)
        .service(edit_path)
        .service(wrong)
        .route("/posts/{id}", web::route().to(post_page))
        .route("/languages", web::route().to(languages))
        .route("/paged", web::route().to(paged))
        .route("/tracked", web::route().to(tracked))
        .route("/big", web::route().to(big))
        .route("/refreshed/{id}", web::route().to(refreshed))
        .route("/sturdy", web::route().to(sturdy))
        .route("/labelled", web::route().to(labelled))
        .default_service(web::route().to(any));
    Rc::new(init_service(app).await)
}

type Verb = fn(&PageCache) -> PurgeFuture;

/// All that can be said of the page of `/posts/1`.
const PURGES: [(&str, Verb); 8] = [
    ("path", |cache| cache.purge_path("/posts/1")),
    ("url", |cache| cache.purge_url("/posts/1")),
    ("whole url", |cache| cache.purge_url("http://localhost:8080/posts/1")),
    ("prefix", |cache| cache.purge_prefix("/posts")),
    ("tag", |cache| cache.purge_tag("posts")),
    ("filled tag", |cache| cache.purge_tag("post:1")),
    ("handler", |cache| cache.purge_handler(concat!(module_path!(), "::post_page"))),
    ("all", PageCache::purge_all),
];

const EXPIRIES: [(&str, Verb); 8] = [
    ("path", |cache| cache.expire_path("/posts/1")),
    ("url", |cache| cache.expire_url("/posts/1")),
    ("whole url", |cache| cache.expire_url("http://localhost:8080/posts/1")),
    ("prefix", |cache| cache.expire_prefix("/posts")),
    ("tag", |cache| cache.expire_tag("posts")),
    ("filled tag", |cache| cache.expire_tag("post:1")),
    ("handler", |cache| cache.expire_handler(concat!(module_path!(), "::post_page"))),
    ("all", PageCache::expire_all),
];

async fn are_hits<'u>(
    app: &impl Service<Request, Response = ServiceResponse, Error = Error>,
    uris: impl IntoIterator<Item = &'u str>,
) -> bool {
    let mut all = true;
    for uri in uris {
        all &= get(app, uri).await.is_hit();
    }
    all
}

#[actix_web::test]
async fn a_path_is_purged_whatever_else_the_request_says() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    let requests = || {
        [
            asking("/posts/1", &[]),
            asking("/posts/1?", &[]),
            asking("/posts/1?page=2", &[]),
            asking("/posts/1", &[("host", "example.com")]),
            asking("/posts/1", &[("host", "example.com"), ("x-forwarded-host", "evil.example")]),
            asking("/posts/1", &[("forwarded", "host=\"other.example\";proto=https")]),
            asking("/posts/1", &[("x-forwarded-proto", "https")]),
        ]
    };
    let others = ["/posts/2", "/posts/10", "/posts/1/", "/posts", "/Posts/1", "/posts/1/comments"];
    for request in requests() {
        assert!(send(&*app, request).await.is_stored());
    }
    for uri in others {
        get(&*app, uri).await;
    }
    let head = || TestRequest::default().method(Method::HEAD).uri("/posts/1");
    assert!(send(&*app, head()).await.is_hit());
    assert_eq!(site.cache.purge_path("/posts/1").await.unwrap().pages(), 7);
    assert!(!send(&*app, head()).await.is_hit(), "`HEAD` has no page of its own");
    for request in requests() {
        assert!(send(&*app, request).await.is_stored());
    }
    assert!(are_hits(&*app, others).await);
    assert_eq!(site.cache.purge_path("/posts/3").await.unwrap().pages(), 0);
}

#[actix_web::test]
async fn all_variants_of_a_path_go() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    let variants = || {
        ["de", "en"].into_iter().flat_map(|language| {
            ["0", "1"].map(|dnt| asking("/languages", &[("accept-language", language), ("dnt", dnt)]))
        })
    };
    for verb in [
        |cache: &PageCache| cache.purge_path("/languages"),
        |cache: &PageCache| cache.purge_url("/languages"),
        |cache: &PageCache| cache.purge_handler("languages"),
        |cache: &PageCache| cache.purge_prefix("/lang"),
    ] {
        for request in variants() {
            assert!(send(&*app, request).await.is_stored());
        }
        for request in variants() {
            assert!(send(&*app, request).await.is_hit());
        }
        assert_eq!(verb(&site.cache).await.unwrap().pages(), 4);
        assert_eq!(site.cache.stats().pages(), 0);
    }
    for request in variants() {
        assert!(send(&*app, request).await.is_stored());
    }
}

/// People write a path as they read it, and clients may write any letter with an escape.
#[actix_web::test]
async fn a_path_is_the_same_with_and_without_escapes() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    let asked = ["/posts/%C3%BCber", "/posts/%c3%bcber", "/posts/%C3%BC%62er", "/%70osts/%C3%BCber"];
    for written in ["/posts/über", "/posts/%C3%BCber", "/posts/%c3%bcber", "/p%6Fsts/über"] {
        for uri in asked {
            assert!(get(&*app, uri).await.is_stored(), "{uri}");
        }
        assert_eq!(site.cache.purge_path(written).await.unwrap().pages(), 4, "{written}");
        for uri in asked {
            assert!(get(&*app, uri).await.is_stored(), "{uri}");
        }
        assert_eq!(site.cache.purge_url(written).await.unwrap().pages(), 4, "{written}");
        for uri in asked {
            assert!(get(&*app, uri).await.is_stored(), "{uri}");
        }
        let prefix = &written[..written.len() - 2];
        assert_eq!(site.cache.purge_prefix(prefix).await.unwrap().pages(), 4, "{prefix}");
    }
    // An escaped percent sign is one, and no escape.
    get(&*app, "/posts/%2531").await;
    assert_eq!(site.cache.purge_path("/posts/1").await.unwrap().pages(), 0);
    assert_eq!(site.cache.purge_path("/posts/%2531").await.unwrap().pages(), 1);
    // Nor is a question mark with an escape the beginning of a query.
    get(&*app, "/posts/what%3F").await;
    assert_eq!(site.cache.purge_path("/posts/what%3F").await.unwrap().pages(), 1);
}

#[actix_web::test]
async fn a_url_is_one_query() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    let all = ["/posts/1", "/posts/1?", "/posts/1?page=1", "/posts/1?page=1&x", "/posts/1?x&page=1"];
    for uri in all {
        get(&*app, uri).await;
    }
    for uri in all {
        assert_eq!(site.cache.purge_url(uri).await.unwrap().pages(), 1, "{uri}");
        assert!(are_hits(&*app, all.into_iter().filter(|other| *other != uri)).await, "{uri}");
        assert!(get(&*app, uri).await.is_stored(), "{uri}");
    }
    assert_eq!(site.cache.purge_url("/posts/1?page=2").await.unwrap().pages(), 0);
}

/// What makes no difference to the key makes none to a purge.
#[actix_web::test]
async fn a_query_is_compared_as_the_attribute_has_it() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    for (page, others, written) in [
        (
            "/paged?page=1",
            ["/paged?page=2", "/paged"],
            ["/paged?page=1", "/paged?x=y&page=1", "/paged?p%61ge=%31"],
        ),
        (
            "/tracked?b=2&a=1",
            ["/tracked?a=1", "/tracked"],
            ["/tracked?a=1&b=2", "/tracked?utm_source=x&a=1&b=2", "/tracked?b=%32&a=1&utm_x"],
        ),
    ] {
        for uri in written {
            get(&*app, page).await;
            for other in others {
                get(&*app, other).await;
            }
            assert_eq!(site.cache.purge_url(uri).await.unwrap().pages(), 1, "{uri}");
            assert!(are_hits(&*app, others).await, "{uri}");
            assert!(get(&*app, page).await.is_stored(), "{uri}");
        }
    }
    // Without any of them, the query may be left out as well.
    get(&*app, "/paged").await;
    assert_eq!(site.cache.purge_url("/paged?x=y").await.unwrap().pages(), 1);
}

#[actix_web::test]
async fn a_whole_url_is_about_one_host() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    let on =
        |host: &str, scheme: &str| asking("/posts/1?a", &[("host", host), ("x-forwarded-proto", scheme)]);
    let hosts =
        [("a.example", "https"), ("b.example", "https"), ("a.example", "http"), ("a.example:81", "https")];
    for (host, scheme) in hosts {
        assert!(send(&*app, on(host, scheme)).await.is_stored());
    }
    // Neither a scheme nor a host has a case.
    send(&*app, on("A.Example", "https")).await;
    assert_eq!(site.cache.purge_url("https://A.example/posts/1?a").await.unwrap().pages(), 2);
    for (host, scheme) in &hosts[1..] {
        assert!(send(&*app, on(host, scheme)).await.is_hit());
    }
    assert!(send(&*app, on("a.example", "https")).await.is_stored());
    assert_eq!(site.cache.purge_url("https://a.example/posts/1").await.unwrap().pages(), 0);
    assert_eq!(site.cache.purge_url("https://a.example:81/posts/1?a").await.unwrap().pages(), 1);
    assert_eq!(site.cache.purge_url("/posts/1?a").await.unwrap().pages(), 3);
}

#[actix_web::test]
async fn a_prefix_is_about_letters() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    let all = ["/posts", "/posts/1", "/posts/2?x", "/posts-of-others", "/other/posts/1"];
    for (prefix, gone) in [("/posts/", 2), ("/posts", 4), ("/posts/1", 1), ("/posts/1/", 0), ("/o", 1)] {
        for uri in all {
            get(&*app, uri).await;
        }
        assert_eq!(site.cache.purge_prefix(prefix).await.unwrap().pages(), gone, "{prefix}");
        assert_eq!(site.cache.stats().pages(), all.len() - gone, "{prefix}");
        for uri in all {
            assert_eq!(get(&*app, uri).await.is_stored(), uri.starts_with(prefix), "{prefix} {uri}");
        }
    }
}

#[actix_web::test]
async fn a_handler_is_known_by_its_name() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    let posts = concat!(module_path!(), "::post_page");
    for uri in ["/posts/1", "/posts/2", "/languages", "/any"] {
        get(&*app, uri).await;
    }
    assert!(
        site.cache.stats().handlers().any(|(name, _)| name == posts),
        "it is called so where it is counted"
    );
    assert_eq!(site.cache.purge_handler(posts).await.unwrap().pages(), 2);
    // One with a name of its own has no other.
    assert_eq!(site.cache.purge_handler(concat!(module_path!(), "::languages")).await.unwrap().pages(), 0);
    assert!(are_hits(&*app, ["/languages", "/any"]).await);
    assert_eq!(site.cache.purge_handler("languages").await.unwrap().pages(), 1);
    assert!(are_hits(&*app, ["/any"]).await);
}

#[actix_web::test]
async fn all_of_it_goes_and_its_room_is_given_back() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    let empty = site.cache.stats().bytes();
    let uris: Vec<String> = (0..50).map(|id| format!("/posts/{id}")).collect();
    for _ in 0..2 {
        for uri in &uris {
            assert!(get(&*app, uri).await.is_stored(), "{uri}");
        }
        send(&*app, asking("/languages", &[("dnt", "1")])).await;
        assert_eq!((site.cache.purge_all().await.unwrap().pages(), site.cache.stats().pages()), (51, 0));
        assert_eq!(site.cache.purge_all().await.unwrap().pages(), 0, "none is purged twice");
        // None of them is found by anything else either.
        assert_eq!(site.cache.purge_tag("posts").await.unwrap().pages(), 0);
        assert_eq!(site.cache.purge_prefix("/p").await.unwrap().pages(), 0);
    }
    get(&*app, "/posts/1").await;
    assert_eq!(site.cache.remove_expired(), 0, "they went before");
    assert!(get(&*app, "/posts/1").await.is_hit(), "what was kept since stays");
    let with_one = site.cache.stats().bytes();
    site.cache.purge_all().await.unwrap();
    site.cache.remove_expired();
    let after = site.cache.stats().bytes();
    assert!(after < with_one && after <= empty + 4096, "{empty} {with_one} {after}");
}

/// A worker has copies of its own of what it is often asked for.
#[actix_web::test]
async fn hot_pages_are_gone_at_once() {
    for from_another_thread in [false, true] {
        for (name, verb) in PURGES.into_iter().chain(EXPIRIES) {
            let site = Site::new(PageCache::builder());
            let app = app(&site).await;
            for _ in 0..20 {
                get(&*app, "/posts/1").await;
            }
            assert_eq!(site.runs.get(), 1);
            let cache = site.cache.clone();
            let purged = match from_another_thread {
                true => std::thread::spawn(move || verb(&cache)).join().unwrap(),
                false => verb(&cache),
            };
            // When the call returns, and not only when somebody has waited for it.
            let answer = get(&*app, "/posts/1").await;
            assert!(answer.is_stored() && answer.text() == "page 2", "{name} {answer:?}");
            assert_eq!(purged.await.unwrap().pages(), 1, "{name}");
            assert!(get(&*app, "/posts/1").await.is_hit(), "{name}");
        }
    }
}

/// Without a right to send what is stale, whoever comes next waits for a new page.
#[actix_web::test]
async fn an_expired_page_is_made_anew() {
    for (name, verb) in EXPIRIES {
        let site = Site::new(PageCache::builder());
        let app = app(&site).await;
        get(&*app, "/posts/1").await;
        get(&*app, "/paged").await;
        let others = usize::from(name == "all");
        assert_eq!(verb(&site.cache).await.unwrap().pages(), 1 + others, "{name}");
        assert_eq!(verb(&site.cache).await.unwrap().pages(), 0, "stale is stale: {name}");
        let answer = get(&*app, "/posts/1").await;
        assert_eq!(answer.outcome(), "cache_page; fwd=stale; stored; ttl=60", "{name}");
        assert_eq!(get(&*app, "/paged").await.is_hit(), others == 0, "{name}");
        assert!(get(&*app, "/posts/1").await.is_hit(), "{name}");
    }
}

#[actix_web::test]
async fn an_expired_page_is_sent_while_it_is_made_anew() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    for _ in 0..20 {
        get(&*app, "/refreshed/1").await;
    }
    site.advance(10);
    assert_eq!(site.cache.expire_tag("post:1").await.unwrap().pages(), 1);
    let answer = get(&*app, "/refreshed/1").await;
    assert_eq!(answer.outcome(), "cache_page; hit; ttl=0; detail=stale-while-revalidate");
    assert_eq!((answer.text(), answer.header("age").as_deref()), ("page 1", Some("10")));
    crate::legacy::settle().await;
    assert_eq!(site.runs.get(), 2, "in the background");
    let answer = get(&*app, "/refreshed/1").await;
    assert_eq!((answer.outcome().as_str(), answer.text()), ("cache_page; hit; ttl=60", "page 2"));
    // Its window begins when it is expired, and not when its time would have been over.
    site.cache.expire_path("/refreshed/1").await.unwrap();
    site.advance(30);
    let answer = get(&*app, "/refreshed/1").await;
    assert_eq!(
        (answer.outcome().as_str(), answer.text()),
        ("cache_page; fwd=stale; stored; ttl=60", "page 3")
    );
    // A purged page is not sent any more, window or not.
    site.cache.purge_tag("post:1").await.unwrap();
    assert_eq!(get(&*app, "/refreshed/1").await.text(), "page 4");
}

#[actix_web::test]
async fn an_expired_page_stands_in_and_a_purged_one_never_does() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    get(&*app, "/sturdy").await;
    site.status.set(500);
    site.cache.expire_path("/sturdy").await.unwrap();
    let answer = get(&*app, "/sturdy").await;
    assert_eq!((answer.status, answer.text(), site.runs.get()), (200, "page 1", 2));
    assert!(answer.outcome().ends_with("fwd-status=500; ttl=0; detail=stale-if-error"), "{answer:?}");
    site.cache.purge_path("/sturdy").await.unwrap();
    assert_eq!(get(&*app, "/sturdy").await.status, 500);
}

/// An expired page that nothing may be sent of any more is as over as one whose time ended by itself.
#[actix_web::test]
async fn expired_pages_are_swept() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    get(&*app, "/posts/1").await;
    get(&*app, "/refreshed/1").await;
    assert_eq!(site.cache.expire_all().await.unwrap().pages(), 2);
    assert_eq!(site.cache.remove_expired(), 1, "the other one may still be sent");
    site.advance(30);
    assert_eq!((site.cache.remove_expired(), site.cache.stats().pages()), (1, 0));
}

#[actix_web::test]
async fn what_names_nothing_is_refused_and_nothing_is_purged() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    get(&*app, "/posts/1").await;
    let long = "x".repeat(257);
    let cache = &site.cache;
    for (refused, why) in [
        (cache.purge_tag(""), "a tag must not be empty"),
        (cache.purge_tag(" "), "white space"),
        (cache.purge_tag(" posts"), "white space"),
        (cache.purge_tag("posts\n"), "control"),
        (cache.purge_tag("po\0sts"), "control"),
        (cache.purge_tag(&long), "limit 256 bytes"),
        (cache.expire_tag(""), "a tag must not be empty"),
        (cache.expire_tag(&long), "limit 256 bytes"),
        (cache.purge_path(""), "\"\" is not a path"),
        (cache.purge_path("posts/1"), "\"posts/1\" is not a path"),
        (cache.purge_path("http://localhost:8080/posts/1"), "is not a path"),
        (cache.purge_path("/posts/1?"), "use `purge_url`"),
        (cache.purge_path("/posts/1#a"), "a fragment"),
        (cache.expire_path("posts/1"), "is not a path"),
        (cache.purge_prefix("/"), "`purge_all`"),
        (cache.purge_prefix(""), "is not a path"),
        (cache.purge_prefix("posts"), "is not a path"),
        (cache.purge_prefix("/posts?"), "a query"),
        (cache.expire_prefix("/"), "`expire_all`"),
        (cache.purge_url(""), "\"\" is not a URL"),
        (cache.purge_url("posts/1"), "is not a URL"),
        (cache.purge_url("?page=1"), "is not a URL"),
        (cache.purge_url("/posts/1#a"), "is not a URL"),
        (cache.purge_url("https:///posts/1"), "is not a URL"),
        (cache.purge_url("ftp://localhost:8080/posts/1"), "is not a URL"),
        (cache.purge_url("localhost:8080/posts/1"), "is not a URL"),
        (cache.expire_url("posts/1"), "is not a URL"),
        (cache.purge_handler(""), "the name of a handler must not be empty"),
        (cache.expire_handler(""), "the name of a handler must not be empty"),
    ] {
        let refused = refused.await.unwrap_err().to_string();
        assert!(refused.starts_with("nothing was purged: ") && refused.contains(why), "{refused} / {why}");
    }
    assert!(get(&*app, "/posts/1").await.is_hit());
    // The longest tag there is is no mistake.
    assert_eq!(cache.purge_tag(&"x".repeat(256)).await.unwrap().pages(), 0);
}

#[actix_web::test]
async fn placeholders_are_what_the_handler_reads() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    for (asked, tag) in [
        ("/posts/7", "post:7"),
        ("/posts/%37", "post:7"),
        ("/posts/a%20b", "post:a b"),
        ("/posts/%C3%BCber", "post:über"),
        ("/posts/a%2Fb", "post:a/b"),
        ("/posts/100%25", "post:100%"),
        ("/posts/a+b", "post:a+b"),
    ] {
        assert!(get(&*app, asked).await.is_stored(), "{asked}");
        assert_eq!(site.cache.purge_tag(tag).await.unwrap().pages(), 1, "{tag}");
        assert!(get(&*app, asked).await.is_stored(), "{asked}");
        site.cache.purge_all().await.unwrap();
    }
    // What cannot be a tag is in no client's power to make one: the page would not be found, and is not kept.
    for asked in ["/posts/a%20", "/posts/a%0Ab", &format!("/posts/{}", "x".repeat(252))] {
        let answer = get(&*app, asked).await;
        assert_eq!(
            (answer.status, answer.outcome().as_str()),
            (200, "cache_page; fwd=miss; detail=invalid-tag")
        );
    }
    assert_eq!(site.cache.stats().pages(), 0);
}

#[actix_web::test]
async fn a_page_whose_tag_cannot_be_is_not_kept() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    for run in 1..=2 {
        let answer = get(&*app, "/wrong/1").await;
        assert_eq!((answer.status, answer.text()), (200, format!("page {run}").as_str()));
        assert_eq!(answer.outcome(), "cache_page; fwd=miss; detail=invalid-tag");
    }
    let tags = |number: usize| (0..number).map(|number| format!("tag {number}")).collect::<Vec<_>>();
    // The attribute has two of its own.
    for refused in [tags(127), tags(129), vec!["x".repeat(257)], vec![String::new()], vec!["x ".into()]] {
        site.tags.replace(refused);
        assert_eq!(get(&*app, "/labelled").await.outcome(), "cache_page; fwd=miss; detail=invalid-tag");
    }
    let mut most = tags(126);
    // One that is said twice is one.
    most.extend(tags(126));
    site.tags.replace(most);
    site.advance(60);
    assert!(get(&*app, "/labelled").await.is_stored());
    for tag in ["tag 0", "tag 125", "a", "b"] {
        assert_eq!(site.cache.purge_tag(tag).await.unwrap().pages(), 1, "{tag}");
        assert!(get(&*app, "/labelled").await.is_stored(), "{tag}");
    }
}

#[actix_web::test]
async fn a_page_that_is_replaced_leaves_its_tags() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    site.tags.replace(vec!["old".into(), "both".into()]);
    get(&*app, "/labelled").await;
    site.tags.replace(vec!["new".into(), "both".into()]);
    site.cache.expire_path("/labelled").await.unwrap();
    assert!(get(&*app, "/labelled").await.is_stored());
    assert_eq!(site.cache.purge_tag("old").await.unwrap().pages(), 0);
    assert!(get(&*app, "/labelled").await.is_hit());
    // Said of a page once more, a tag does not find it twice.
    assert_eq!(site.cache.purge_tag("both").await.unwrap().pages(), 1);
    assert_eq!(site.cache.purge_tag("new").await.unwrap().pages(), 0);
    get(&*app, "/labelled").await;
    assert_eq!(site.cache.purge_tag("new").await.unwrap().pages(), 1);
    assert_eq!(site.cache.stats().pages(), 0);
}

#[actix_web::test]
async fn pages_that_are_gone_leave_their_tags() {
    let site = Site::new(PageCache::builder().max_bytes(64 * 1024));
    let app = app(&site).await;
    for id in 0..500 {
        get(&*app, &format!("/posts/{id}")).await;
    }
    let kept = site.cache.stats().pages();
    assert!(kept < 500, "some had to go: {kept}");
    assert_eq!(site.cache.purge_tag("post:0").await.unwrap().pages(), 0, "evicted");
    assert_eq!(site.cache.purge_tag("posts").await.unwrap().pages(), kept);
    get(&*app, "/posts/1").await;
    site.advance(60);
    site.cache.remove_expired();
    assert_eq!(site.cache.purge_tag("post:1").await.unwrap().pages(), 0, "over");
    assert_eq!(site.cache.purge_path("/posts/1").await.unwrap().pages(), 0, "over");
}

#[actix_web::test]
async fn named_caches_are_purged_too() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    let verbs: [(Verb, usize); 5] = [
        (|cache| cache.purge_tag("posts"), 2),
        (|cache| cache.purge_path("/big"), 1),
        (|cache| cache.purge_prefix("/b"), 1),
        (PageCache::purge_all, 2),
        (PageCache::expire_all, 2),
    ];
    for (verb, pages) in verbs {
        get(&*app, "/posts/1").await;
        get(&*app, "/big").await;
        assert_eq!(site.big.stats().pages(), 1);
        assert_eq!(verb(&site.cache).await.unwrap().pages(), pages);
        assert!(get(&*app, "/big").await.is_stored());
    }
    // By its own handle, it is alone.
    get(&*app, "/posts/1").await;
    assert_eq!(site.big.purge_tag("posts").await.unwrap().pages(), 1);
    assert!(get(&*app, "/posts/1").await.is_hit());
}

/// What a client can do to its request so that it gets the page of `/posts/1`, a purge of that path undoes.
#[actix_web::test]
async fn no_spelling_hides_a_page_from_a_purge() {
    let server_cache = PageCache::new();
    let cache = server_cache.clone();
    let server = Server::start(move |config| {
        async fn spelled(id: web::Path<String>) -> String {
            id.into_inner()
        }
        #[cache_page(60, tags = ["post:{id}"])]
        async fn page(id: web::Path<String>) -> String {
            spelled(id).await
        }
        config.app_data(cache.clone()).route("/posts/{id}", web::get().to(page));
    });
    // All of them are routed to the handler, with the same argument.
    let spelled = [
        ("/posts/1", ""),
        ("/posts/%31", ""),
        ("/%70osts/1", ""),
        ("/posts/1?", ""),
        ("/posts/1?x=/posts/2", ""),
        ("http://test/posts/1", ""),
        ("http://elsewhere.example/posts/1", ""),
        ("/posts/1", "X-Forwarded-Host: evil.example\r\n"),
        ("/posts/1", "X-Forwarded-Proto: gopher\r\n"),
        ("/posts/1", "Forwarded: host=\"evil.example\"\r\n"),
        ("/posts/1", "X-Original-URL: /posts/2\r\nX-Rewrite-URL: /posts/2\r\n"),
    ];
    for purge in
        [|cache: &PageCache| cache.purge_path("/posts/1"), |cache: &PageCache| cache.purge_tag("post:1")]
    {
        for (path, headers) in spelled {
            let answer = server.ask("GET", path, headers);
            assert_eq!((answer.status, answer.text()), (200, "1"), "{path} {headers}");
        }
        let kept = server_cache.stats().pages();
        assert!(kept >= spelled.len() - 2, "most of them have pages of their own: {kept}");
        assert_eq!(purge(&server_cache).await.unwrap().pages(), kept);
        assert_eq!(server_cache.stats().pages(), 0);
    }
    // These are other paths, and none of them is the handler's.
    for path in ["//posts/1", "/posts/1/", "/posts//1", "/./posts/1", "/posts/%2F1"] {
        let answer = server.ask("GET", path, "");
        assert!(answer.status == 404 || answer.text() != "1", "{path}");
    }
}

/// Middleware around the handlers may make one path of many.
#[actix_web::test]
async fn a_path_that_is_normalized_is_purged_as_it_was_routed() {
    let site = Site::new(PageCache::builder());
    let app = init_service(
        App::new()
            .app_data(site.cache.clone())
            .app_data(site.clone())
            .wrap(NormalizePath::trim())
            .route("/posts/{id}", web::get().to(post_page)),
    )
    .await;
    let spelled = ["/posts/1", "//posts/1", "/posts//1", "/posts/1/", "/posts/1//?x"];
    for uri in spelled {
        assert_eq!(get(&app, uri).await.status, 200, "{uri}");
    }
    let kept = site.cache.stats().pages();
    assert_eq!(site.cache.purge_path("/posts/1").await.unwrap().pages(), kept);
    let runs = site.runs.get();
    for (more, uri) in spelled.into_iter().enumerate() {
        get(&app, uri).await;
        assert!(more > 0 || site.runs.get() > runs, "{uri}");
    }
}

// What writes.

#[post("/edit/{id}")]
#[purge_page(tags = ["post:{id}"], paths = ["/posts", "/refreshed/{id}"])]
async fn edit(site: web::Data<Site>) -> Result<HttpResponse, Error> {
    site.write().await
}

#[purge_page(tags = ["post:{id}"], paths = ["/posts", "/refreshed/{id}"])]
#[post("/edit-above/{id}")]
async fn edit_above(site: web::Data<Site>) -> Result<HttpResponse, Error> {
    site.write().await
}

#[post("/edit-big")]
#[purge_page(tags = ["posts"], cache = "big")]
async fn edit_big(site: web::Data<Site>) -> Result<HttpResponse, Error> {
    site.write().await
}

#[post("/edit-both")]
#[purge_page(tags = ["posts"])]
async fn edit_both(site: web::Data<Site>) -> Result<HttpResponse, Error> {
    site.write().await
}

/// The route has no such parameter, which nobody could tell when it was compiled.
#[post("/edit-wrong/{id}")]
#[purge_page(tags = ["post:{slug}", "post:{id}"], paths = ["/{slug}", "/posts"])]
async fn edit_wrong(site: web::Data<Site>) -> Result<HttpResponse, Error> {
    site.write().await
}

/// By its path alone.
#[post("/edit-path/{id}")]
#[purge_page(paths = ["/refreshed/{id}"])]
async fn edit_path(site: web::Data<Site>) -> Result<HttpResponse, Error> {
    site.write().await
}

fn posting(uri: &str) -> TestRequest {
    TestRequest::post().uri(uri)
}

async fn prepare(app: &impl Service<Request, Response = ServiceResponse, Error = Error>) {
    for uri in ["/posts", "/posts/1", "/posts/2", "/refreshed/1", "/refreshed/2"] {
        get(app, uri).await;
    }
}

#[actix_web::test]
async fn what_a_handler_changed_is_gone_when_it_answers() {
    for uri in ["/edit/1", "/edit-above/1"] {
        for code in [200, 201, 204, 303, 302] {
            let site = Site::new(PageCache::builder());
            let app = app(&site).await;
            prepare(&*app).await;
            site.next.set(Next::Answer(code));
            let response = call_service(&*app, posting(uri).to_request()).await;
            // Before anything of the response is sent.
            assert_eq!((response.status().as_u16(), site.cache.stats().pages()), (code, 2), "{uri}");
            assert!(are_hits(&*app, ["/posts/2", "/refreshed/2"]).await);
            for uri in ["/posts", "/posts/1", "/refreshed/1"] {
                assert!(get(&*app, uri).await.is_stored(), "{uri}");
            }
        }
    }
}

#[actix_web::test]
async fn what_a_handler_failed_to_change_stays() {
    for uri in ["/edit/1", "/edit-above/1"] {
        for (next, code) in [
            (Next::Answer(400), 400),
            (Next::Answer(404), 404),
            (Next::Answer(500), 500),
            (Next::Error(ErrorBadRequest), 400),
            (Next::Error(ErrorInternalServerError), 500),
        ] {
            let site = Site::new(PageCache::builder());
            let app = app(&site).await;
            prepare(&*app).await;
            site.next.set(next);
            assert_eq!(send(&*app, posting(uri)).await.status, code);
            assert_eq!(site.cache.stats().pages(), 5, "{uri} {code}");
        }
        // Nobody can be told by a panic whether it wrote something; it is not answered either.
        let site = Site::new(PageCache::builder());
        let app = app(&site).await;
        prepare(&*app).await;
        site.next.set(Next::Panic);
        let crowd = Crowd::send(&app, [posting(uri)]).await;
        assert!(crowd.answers().await[0].is_none());
        assert_eq!(site.cache.stats().pages(), 5, "{uri}");
    }
}

/// It may have written already.
#[actix_web::test]
async fn what_a_handler_was_changing_is_gone_when_its_client_is() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    prepare(&*app).await;
    site.next.set(Next::Hang);
    let mut crowd = Crowd::send(&app, [posting("/edit/1")]).await;
    assert_eq!((crowd.answered(), site.cache.stats().pages()), (0, 5));
    crowd.abort(0).await;
    assert_eq!(site.cache.stats().pages(), 2);
}

#[actix_web::test]
async fn a_writing_handler_purges_the_caches_that_it_names() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    prepare(&*app).await;
    get(&*app, "/big").await;
    send(&*app, posting("/edit-big")).await;
    assert_eq!((site.big.stats().pages(), site.cache.stats().pages()), (0, 5));
    get(&*app, "/big").await;
    // Without a name, it goes for those that the App's own names too.
    send(&*app, posting("/edit-both")).await;
    assert_eq!((site.big.stats().pages(), site.cache.stats().pages()), (0, 3));
}

#[actix_web::test]
async fn one_mistake_does_not_keep_the_others_from_going() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    prepare(&*app).await;
    assert_eq!(send(&*app, posting("/edit-wrong/1")).await.status, 200);
    assert!(get(&*app, "/posts").await.is_stored());
    assert!(get(&*app, "/posts/1").await.is_stored());
    assert!(get(&*app, "/posts/2").await.is_hit());
}

/// A path that is purged by a parameter is the one that has it, whatever is in it.
#[actix_web::test]
async fn placeholders_in_paths_are_as_they_were_asked_for() {
    let mut missed = Vec::new();
    for id in
        ["1", "a%20b", "%C3%BCber", "a%2Fb", "a+b", "c%23", "what%3F", "100%25", "%2531", "%252F", "%FF"]
    {
        let site = Site::new(PageCache::builder());
        let app = app(&site).await;
        let uri = format!("/refreshed/{id}");
        // What comes of some of them where escapes are undone twice, or where the rest is taken for a query.
        let others = ["/refreshed/31", "/refreshed/c", "/refreshed/what", "/refreshed/2"];
        for other in others {
            get(&*app, other).await;
        }
        assert!(get(&*app, &uri).await.is_stored(), "{uri}");
        assert_eq!(send(&*app, posting(&format!("/edit-path/{id}"))).await.status, 200);
        let is_gone = get(&*app, &uri).await.is_stored();
        if !is_gone || !are_hits(&*app, others).await {
            missed.push(id);
        }
    }
    assert_eq!(missed, [""; 0], "they were changed, and are still sent");
}

fn assert_text(answer: &Answer, text: &str) {
    assert_eq!(answer.text(), text, "{answer:?}");
}

/// A page is about what is read there, so that nothing comes between a change and its sight.
#[actix_web::test]
async fn whoever_changed_something_sees_the_change() {
    let site = Site::new(PageCache::builder());
    let app = app(&site).await;
    for round in 1..=5 {
        assert_text(&get(&*app, "/posts/1").await, &format!("page {round}"));
        assert!(get(&*app, "/posts/1").await.is_hit());
        send(&*app, posting("/edit/1")).await;
    }
}

/// A handler may purge by itself, with the cache as its argument; what names nothing is its own error.
#[actix_web::test]
async fn a_handler_may_purge_by_itself() {
    async fn purging(path: web::Json<String>, cache: PageCache) -> Result<String, PurgeError> {
        Ok(cache.purge_path(&path).await?.pages().to_string())
    }
    let site = Site::new(PageCache::builder());
    let app = init_service(
        App::new()
            .app_data(site.cache.clone())
            .app_data(site.clone())
            .route("/purge", web::post().to(purging))
            .default_service(web::get().to(any)),
    )
    .await;
    get(&app, "/a").await;
    let purge = |path: &str| posting("/purge").set_json(path);
    assert_eq!(send(&app, purge("a")).await.status, 500);
    assert!(get(&app, "/a").await.is_hit());
    let answer = send(&app, purge("/a")).await;
    assert_eq!((answer.status, answer.text()), (200, "1"));
    assert!(get(&app, "/a").await.is_stored());
}

/// Each worker of a server has copies of its own.
#[actix_web::test]
async fn no_worker_sends_what_was_purged() {
    #[cache_page(60, tags = ["all"])]
    async fn page(runs: web::Data<Runs>) -> String {
        runs.count().to_string()
    }
    let (cache, runs) = (PageCache::new(), web::Data::new(Runs::default()));
    let config = cache.clone();
    let server = Server::start(move |app| {
        app.app_data(config.clone()).app_data(runs.clone()).route("/", web::get().to(page));
    });
    let verbs: [Verb; 4] = [
        |cache| cache.purge_path("/"),
        |cache| cache.purge_tag("all"),
        |cache| cache.expire_tag("all"),
        PageCache::purge_all,
    ];
    for (run, verb) in verbs.into_iter().enumerate() {
        // The workers take turns at connections.
        for _ in 0..4 {
            for answer in server.ask_all("GET", &["/"; 20], "") {
                assert_eq!(answer.text(), (run + 1).to_string());
            }
        }
        assert_eq!(verb(&cache).await.unwrap().pages(), 1);
    }
}
