//! Who never shares a page with whom.

use actix_web::{
    App, HttpRequest, Responder, get,
    rt::{Runtime, System},
    test::{TestRequest, init_service},
    web,
};
use cache_page::{PageCache, cache_page};

use crate::legacy::{Runs, Server, get, send};

#[cache_page(60)]
async fn by_data(name: web::Data<&'static str>) -> String {
    name.to_string()
}

#[cache_page(60)]
async fn by_request(request: HttpRequest) -> String {
    request.app_data::<web::Data<&'static str>>().unwrap().to_string()
}

fn two_pages(name: &'static str) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static {
    move |config| {
        config
            .app_data(web::Data::new(name))
            .route("/data", web::get().to(by_data))
            .route("/request", web::get().to(by_request));
    }
}

#[actix_web::test]
async fn apps_that_live_side_by_side() {
    let one = init_service(App::new().configure(two_pages("one"))).await;
    let two = init_service(App::new().configure(two_pages("two"))).await;
    for path in ["/data", "/request"] {
        assert_eq!(get(&one, path).await.text(), "one");
        assert_eq!(get(&two, path).await.text(), "two");
        let (one, two) = (get(&one, path).await, get(&two, path).await);
        assert_eq!((one.is_hit(), one.text()), (true, "one"));
        assert_eq!((two.is_hit(), two.text()), (true, "two"));
    }
}

/// The second App may well be where the first was in memory.
#[actix_web::test]
async fn apps_that_follow_each_other() {
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        let app = init_service(App::new().configure(two_pages(name))).await;
        for path in ["/data", "/request"] {
            assert_eq!(get(&app, path).await.text(), name);
            assert!(get(&app, path).await.is_hit());
        }
    }
}

#[test]
fn apps_behind_two_servers() {
    let (one, two) = (Server::start(two_pages("one")), Server::start(two_pages("two")));
    for path in ["/data", "/request"] {
        for (server, name) in [(&one, "one"), (&two, "two"), (&one, "one"), (&two, "two")] {
            assert_eq!(server.ask("GET", path, "").text(), name);
        }
    }
}

/// Without an actix `System`, nothing tells one test App from the next.
#[test]
fn apps_that_cannot_be_told_apart_keep_nothing() {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let app = init_service(App::new().configure(two_pages("one"))).await;
        for _ in 0..2 {
            assert_eq!(get(&app, "/data").await.outcome(), "cache_page; fwd=bypass; detail=unknown-app");
        }
        let app = init_service(App::new().app_data(PageCache::new()).configure(two_pages("one"))).await;
        assert!(get(&app, "/data").await.is_stored());
        assert!(get(&app, "/data").await.is_hit());
    });
}

/// The System that was here is over, and what it ran on with it.
#[test]
fn an_app_where_a_system_was_before() {
    std::thread::spawn(|| {
        System::new().block_on(async {});
        let runtime = Runtime::new().unwrap();
        // What `#[tokio::test]` runs on.
        runtime.tokio_runtime().block_on(async {
            let app = init_service(App::new().configure(two_pages("one"))).await;
            for _ in 0..2 {
                let answer = get(&app, "/data").await;
                assert_eq!(
                    (answer.text(), &*answer.outcome()),
                    ("one", "cache_page; fwd=bypass; detail=unknown-app")
                );
            }
        });
    })
    .join()
    .unwrap();
}

/// One thread may run one test after another, each with a System of its own.
#[test]
fn systems_that_follow_each_other() {
    std::thread::spawn(|| {
        for name in ["a", "b", "c", "d", "e", "f", "g", "h"].repeat(4) {
            System::new().block_on(async {
                let app = init_service(App::new().configure(two_pages(name))).await;
                assert_eq!(get(&app, "/data").await.text(), name);
                assert!(get(&app, "/data").await.is_hit());
            });
        }
    })
    .join()
    .unwrap();
}

/// Naming a cache is how an author says that Apps share.
#[actix_web::test]
async fn apps_with_one_named_cache_do_share() {
    let cache = PageCache::new();
    let one = App::new().app_data(cache.clone()).configure(two_pages("same"));
    let two = App::new().app_data(web::Data::new(cache)).configure(two_pages("same"));
    let (one, two) = (init_service(one).await, init_service(two).await);
    assert!(get(&one, "/data").await.is_stored());
    assert!(get(&two, "/data").await.is_hit());
}

#[actix_web::test]
async fn an_inner_cache_serves_its_scope() {
    let app = App::new().app_data(PageCache::new()).app_data(web::Data::new("x")).service(
        web::scope("/inner")
            .app_data(PageCache::builder().max_body(0).build())
            .route("/data", web::get().to(by_data)),
    );
    let app = init_service(app.route("/data", web::get().to(by_data))).await;
    assert!(get(&app, "/data").await.is_stored());
    assert_eq!(get(&app, "/inner/data").await.outcome(), "cache_page; fwd=miss; detail=body-too-large");
}

/// A handler as anybody would write it twice in one function.
#[actix_web::test]
async fn handlers_on_one_path() {
    let cache = PageCache::new();
    let one = {
        #[cache_page(60)]
        async fn page() -> impl Responder {
            "one"
        }
        init_service(App::new().app_data(cache.clone()).route("/", web::get().to(page))).await
    };
    let two = {
        #[cache_page(60)]
        async fn page() -> impl Responder {
            "two"
        }
        init_service(App::new().app_data(cache.clone()).route("/", web::get().to(page))).await
    };
    for _ in 0..2 {
        assert_eq!(get(&one, "/").await.text(), "one");
        assert_eq!(get(&two, "/").await.text(), "two");
    }
}

trait Name {
    const NAME: &'static str;
}

#[cache_page(60)]
async fn named<N: Name>() -> &'static str {
    N::NAME
}

#[actix_web::test]
async fn instantiations_of_one_generic_handler() {
    let cache = PageCache::new();
    // Two types that even their names do not tell apart.
    let one = {
        struct Type;
        impl Name for Type {
            const NAME: &'static str = "one";
        }
        init_service(App::new().app_data(cache.clone()).route("/", web::get().to(named::<Type>))).await
    };
    let two = {
        struct Type;
        impl Name for Type {
            const NAME: &'static str = "two";
        }
        init_service(App::new().app_data(cache.clone()).route("/", web::get().to(named::<Type>))).await
    };
    for _ in 0..2 {
        assert_eq!(get(&one, "/").await.text(), "one");
        assert_eq!(get(&two, "/").await.text(), "two");
    }
}

#[get("/{tail:.*}")]
#[cache_page(60)]
async fn url(runs: web::Data<Runs>, request: HttpRequest) -> String {
    format!("{} {}", runs.count(), request.full_url())
}

/// Every two of these are different pages; each is asked for twice.
#[actix_web::test]
async fn urls_and_hosts() {
    let app = App::new().app_data(PageCache::new()).app_data(web::Data::new(Runs::default())).service(url);
    let app = init_service(app).await;
    let requests: [(&str, &[(&str, &str)]); 21] = [
        ("/item/1", &[]),
        ("/item/10", &[]),
        ("/item/1/", &[]),
        ("/item/1?", &[]),
        ("/item/1?a=1", &[]),
        ("/item/1?a=1&b=2", &[]),
        ("/item/1?b=2&a=1", &[]),
        ("/item/1?a=1&a=1", &[]),
        ("/item/1?a=%31", &[]),
        ("/item/%31", &[]),
        ("/item%2F1", &[]),
        ("/item/1?a=1%1Eb=2", &[]),
        ("/item/1?a=1;b=2", &[]),
        ("/item/1?a=+", &[]),
        ("/item/1?a=%20", &[]),
        ("/item/1", &[("host", "one.example")]),
        ("/item/1", &[("host", "ONE.example")]),
        ("/item/1", &[("x-forwarded-host", "evil.example")]),
        ("/item/1", &[("x-forwarded-proto", "https")]),
        ("/item/1", &[("forwarded", "host=other.example")]),
        ("/item/1", &[("forwarded", "proto=https;host=other.example")]),
    ];
    let mut pages = Vec::new();
    for round in 0..2 {
        for (number, (uri, headers)) in requests.iter().enumerate() {
            let request = headers
                .iter()
                .fold(TestRequest::get().uri(uri), |request, header| request.append_header(*header));
            let answer = send(&app, request).await;
            assert_eq!(answer.is_hit(), round == 1, "{uri} {headers:?}: {}", answer.outcome());
            match round {
                0 => pages.push(answer.body),
                _ => assert_eq!(answer.body, pages[number]),
            }
        }
    }
}

mod prefixed {
    use super::*;

    #[cache_page(60, key_prefix = "v1")]
    pub(super) async fn page<N: Name>() -> &'static str {
        N::NAME
    }
}

/// The forwarding chain names each visitor, and no page depends on it.
#[actix_web::test]
async fn who_asks_through_a_proxy_makes_no_difference() {
    struct Proxied;
    impl Name for Proxied {
        const NAME: &'static str = "proxied";
    }
    let app = App::new().app_data(PageCache::new()).route("/", web::get().to(prefixed::page::<Proxied>));
    let app = init_service(app).await;
    for (number, chain) in
        ["for=192.0.2.1;proto=https;host=a", "for=192.0.2.2;proto=https;host=a"].iter().enumerate()
    {
        let answer = send(&app, TestRequest::get().uri("/").append_header(("forwarded", *chain))).await;
        assert_eq!(answer.is_hit(), number == 1);
    }
}
