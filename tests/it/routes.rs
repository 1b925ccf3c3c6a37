//! What a route made of a request before the handler saw it.

use std::{
    collections::BTreeMap,
    future::{Ready, ready},
};

use actix_web::{
    App, Error, FromRequest, HttpRequest,
    dev::{Payload, Service as _},
    guard,
    http::{Uri, Version},
    test::{TestRequest, init_service},
    web,
};
use cache_page::{KeyInput, PageCache, cache_page};

use crate::legacy::{asking, get, send};

#[cache_page(60)]
async fn named(name: web::Data<&'static str>) -> String {
    name.to_string()
}

/// Two sites of one App.
fn sites(config: &mut web::ServiceConfig) {
    for (host, name) in [("a.example", "A"), ("b.example", "B")] {
        let site = web::scope("").guard(guard::Host(host)).app_data(web::Data::new(name));
        config.service(site.route("/", web::get().to(named)));
    }
}

/// Whatever `b` is asked for, and however often, does not come out of `a`.
#[actix_web::test]
async fn a_host_that_a_guard_looks_at() {
    let attacks = || {
        [
            asking("/", &[("host", "b.example"), ("x-forwarded-host", "a.example")]),
            asking("/", &[("host", "b.example"), ("forwarded", "host=a.example")]),
            asking("/", &[("host", "b.example"), ("host", "a.example")]),
            asking("http://a.example/", &[("host", "b.example")]),
            // HTTP/2 has the host in the target, and the guard looks there.
            asking("http://b.example/", &[("host", "a.example")]).version(Version::HTTP_2),
            asking("http://b.example/", &[("x-forwarded-host", "a.example")]).version(Version::HTTP_2),
        ]
    };
    let victims = || {
        [
            asking("/", &[("host", "a.example")]),
            asking("/", &[("host", "a.example"), ("x-forwarded-host", "a.example")]),
            asking("/", &[("host", "a.example"), ("host", "b.example")]),
            asking("http://a.example/", &[]).version(Version::HTTP_2),
            asking("http://a.example/", &[("host", "a.example")]),
        ]
    };
    let app = init_service(App::new().app_data(PageCache::new()).configure(sites)).await;
    for _ in 0..2 {
        for attack in attacks() {
            assert_eq!(send(&app, attack).await.text(), "B");
        }
        for victim in victims() {
            assert_eq!(send(&app, victim).await.text(), "A");
        }
    }
    // And in the other order, on pages that nobody has asked for.
    let app = init_service(App::new().app_data(PageCache::new()).configure(sites)).await;
    for victim in victims() {
        assert_eq!(send(&app, victim).await.text(), "A");
    }
    for attack in attacks() {
        assert_eq!(send(&app, attack).await.text(), "B");
    }
}

#[cache_page(60)]
async fn one_part(part: web::Path<String>) -> String {
    part.into_inner()
}

#[cache_page(60)]
async fn all_parts(parts: web::Path<Vec<String>>) -> String {
    format!("{:?}", parts.into_inner())
}

#[cache_page(60)]
async fn parts_of_the_request(request: HttpRequest) -> String {
    format!("{:?}", request.match_info().iter().collect::<BTreeMap<_, _>>())
}

/// One path, taken apart by the pattern that a guard has chosen.
#[actix_web::test]
async fn a_path_that_two_patterns_take_apart() {
    let first = || guard::Header("x-version", "1");
    let app = App::new()
        .app_data(PageCache::new())
        .service(web::resource("/part/v-{id}").guard(first()).route(web::get().to(one_part)))
        .service(web::resource("/part/{id}").route(web::get().to(one_part)))
        .service(web::resource("/split/{a:[^-]+}-{b:.*}").guard(first()).route(web::get().to(all_parts)))
        .service(web::resource("/split/{a:.*}-{b}").route(web::get().to(all_parts)))
        .service(web::resource("/request/{one}").guard(first()).route(web::get().to(parts_of_the_request)))
        .service(web::resource("/request/{other}").route(web::get().to(parts_of_the_request)));
    let app = init_service(app).await;
    for (path, of_the_first, of_the_other) in [
        ("/part/v-z", "z", "v-z"),
        ("/split/x-y-z", r#"["x", "y-z"]"#, r#"["x-y", "z"]"#),
        ("/request/z", r#"{"one": "z"}"#, r#"{"other": "z"}"#),
    ] {
        for is_hit in [false, true] {
            let first = send(&app, asking(path, &[("x-version", "1")])).await;
            let other = get(&app, path).await;
            assert_eq!((first.text(), first.is_hit()), (of_the_first, is_hit), "{path}");
            assert_eq!((other.text(), other.is_hit()), (of_the_other, is_hit), "{path}");
        }
    }
}

/// Middleware adds a part that is in no path.
#[actix_web::test]
async fn a_part_that_a_middleware_adds() {
    let app = App::new().app_data(PageCache::new()).service(
        web::scope("/{tenant}")
            .wrap_fn(|mut request, service| {
                if request.headers().contains_key("x-staff") {
                    request.match_info_mut().add_static("role", "staff");
                }
                service.call(request)
            })
            .route("/path", web::get().to(all_parts))
            .route("/request", web::get().to(parts_of_the_request)),
    );
    let app = init_service(app).await;
    for path in ["/a/path", "/a/request"] {
        for is_hit in [false, true] {
            let staff = send(&app, asking(path, &[("x-staff", "1")])).await;
            let visitor = get(&app, path).await;
            assert_eq!((staff.text().contains("staff"), staff.is_hit()), (true, is_hit), "{path}");
            assert_eq!((visitor.text().contains("staff"), visitor.is_hit()), (false, is_hit), "{path}");
        }
    }
}

#[cache_page(60)]
async fn uri(uri: Uri) -> String {
    uri.to_string()
}

#[cache_page(60)]
async fn full_url(request: HttpRequest) -> String {
    format!("{} {}", request.uri(), request.full_url())
}

/// A handler that shows its target gets each back as it was sent, whatever proxies say of scheme and host.
#[actix_web::test]
async fn targets_that_mean_the_same() {
    let app = App::new().app_data(PageCache::new()).route("/uri", web::get().to(uri));
    let app = init_service(app.route("/request", web::get().to(full_url))).await;
    let said = [("host", "one.example"), ("x-forwarded-host", "one.example"), ("x-forwarded-proto", "https")];
    for path in ["/uri", "/request"] {
        for is_hit in [false, true] {
            for target in
                ["", "http://one.example", "https://one.example", "https://ONE.example", "ftp://two.example"]
            {
                let target = format!("{target}{path}");
                let answer = send(&app, asking(&target, &said)).await;
                let shown = answer.text().split(' ').next().map(str::to_owned);
                assert_eq!((shown, answer.is_hit()), (Some(target), is_hit));
            }
        }
    }
}

/// What a link is made from, in an extractor that covers nothing: scheme and host are in every key.
struct Link(String);

impl FromRequest for Link {
    type Error = Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.full_url().to_string())))
    }
}

impl KeyInput for Link {}

#[cache_page(60)]
async fn link(link: Link) -> String {
    link.0
}

#[actix_web::test]
async fn schemes_and_hosts_that_proxies_tell() {
    let app = init_service(App::new().app_data(PageCache::new()).route("/", web::get().to(link))).await;
    let host = ("host", "one.example");
    for is_hit in [false, true] {
        for (headers, shown) in [
            (&[host][..], "http://one.example/"),
            (&[host, ("x-forwarded-host", "two.example")], "http://two.example/"),
            (&[host, ("x-forwarded-proto", "https")], "https://one.example/"),
            (&[host, ("forwarded", "host=three.example")], "http://three.example/"),
            (&[host, ("forwarded", "proto=wss")], "wss://one.example/"),
        ] {
            let answer = send(&app, asking("/", headers)).await;
            assert_eq!((answer.text(), answer.is_hit()), (shown, is_hit));
        }
    }
}

/// Only the first counts, and a handler that sees the request sees the other as well.
#[actix_web::test]
async fn a_second_host() {
    #[cache_page(60)]
    async fn page(request: HttpRequest) -> String {
        format!("{:?}", request.headers())
    }
    let app = init_service(App::new().app_data(PageCache::new()).route("/", web::get().to(page))).await;
    let [good, evil] = ["good.example", "evil.example"].map(|host| ("host", host));
    assert!(send(&app, asking("/", &[good, evil])).await.is_stored());
    assert!(send(&app, asking("/", &[good, good])).await.is_stored());
    assert!(send(&app, asking("/", &[good])).await.is_stored());
}

/// Letters that differ in case are different paths, also where a handler does not look.
#[actix_web::test]
async fn paths_in_another_case() {
    let app = App::new().app_data(PageCache::new()).default_service(web::to(uri));
    let app = init_service(app).await;
    for is_hit in [false, true] {
        for path in ["/path", "/PATH", "/Path", "/pat%68", "/pat%48", "/path/", "//path"] {
            let answer = get(&app, path).await;
            assert_eq!((answer.text(), answer.is_hit()), (path, is_hit));
        }
    }
}

/// What middleware made of the path for the router is not what it says in the query.
#[actix_web::test]
async fn a_rewritten_path_and_a_query() {
    #[cache_page(60)]
    async fn page(path: web::Path<()>, #[unkeyed] request: HttpRequest) -> String {
        let _ = path;
        format!("{} {:?}", request.match_info().as_str(), request.uri().query())
    }
    let app = App::new().app_data(PageCache::new()).default_service(web::to(page)).wrap_fn(
        |mut request, service| {
            if request.headers().contains_key("x-rewritten") {
                request.match_info_mut().get_mut().update(&Uri::from_static("/other"));
            }
            service.call(request)
        },
    );
    let app = init_service(app).await;
    for is_hit in [false, true] {
        for (uri, headers, shown) in [
            ("/page", &[("x-rewritten", "1")][..], "/other None"),
            ("/page?/other", &[], "/page Some(\"/other\")"),
            ("/page?", &[], "/page Some(\"\")"),
            ("/page", &[], "/page None"),
        ] {
            let answer = send(&app, asking(uri, headers)).await;
            assert_eq!((answer.text(), answer.is_hit()), (shown, is_hit), "{uri}");
        }
    }
}

/// A target without a path of its own is `/`.
#[actix_web::test]
async fn a_target_without_a_path() {
    let app = init_service(App::new().app_data(PageCache::new()).route("/", web::get().to(uri))).await;
    let root = || TestRequest::with_uri("http://one.example");
    assert!(send(&app, root()).await.is_stored());
    assert!(send(&app, root()).await.is_hit());
}
