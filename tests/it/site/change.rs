//! Requests that change something: what they changed is made anew.

use std::future::pending;

use actix_web::error::ErrorConflict;
use futures_util::FutureExt as _;

use super::*;

/// An App that answers changes as the test wants it, and shows all pages.
async fn app(
    cache: &PageCache,
    change: impl Fn() -> Result<HttpResponse, Error> + 'static,
) -> impl Service<Request, Response = ServiceResponse, Error = Error> {
    let change: Rc<dyn Fn() -> Result<HttpResponse, Error>> = Rc::new(change);
    let app = App::new().app_data(cache.clone()).app_data(web::Data::new(Runs::default()));
    init_service(
        app.wrap_fn(move |request, service| {
            let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
            let (answer, change) = (service.call(request), Rc::clone(&change));
            async move {
                let response = answer.await?;
                Ok(if changes { response.into_response(change()?) } else { response })
            }
        })
        .wrap(PageCacheMiddleware::new(60))
        .default_service(web::to(shown)),
    )
    .await
}

/// Which of these are kept.
async fn kept<B: actix_web::body::MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
    uris: &[&'static str],
) -> Vec<&'static str> {
    let mut kept = Vec::new();
    for uri in uris {
        // HEAD only finds what is there.
        if send(app, TestRequest::default().method(Method::HEAD).uri(uri)).await.is_hit() {
            kept.push(*uri);
        }
    }
    kept
}

fn named(name: &str) -> Method {
    Method::from_bytes(name.as_bytes()).unwrap()
}

#[actix_web::test]
async fn its_own_path() {
    for (method, status, goes) in [
        ("POST", 200, true),
        ("POST", 201, true),
        ("POST", 303, true),
        ("PUT", 204, true),
        ("PATCH", 200, true),
        ("DELETE", 204, true),
        ("PURGE", 200, true),
        ("POST", 400, false),
        ("POST", 404, false),
        ("PUT", 500, false),
        ("DELETE", 403, false),
        ("OPTIONS", 200, false),
        ("TRACE", 200, false),
    ] {
        let cache = PageCache::new();
        let app = app(&cache, move || Ok(HttpResponse::new(StatusCode::from_u16(status).unwrap()))).await;
        let uris = ["/a", "/a?b", "/a?c=d", "/a/", "/b", "/"];
        for uri in uris {
            assert!(get(&app, uri).await.is_stored());
        }
        // Of another host, which may be the same site.
        assert!(send(&app, asking("/a", &[("host", "other.example")])).await.is_stored());
        let answer = send(&app, TestRequest::default().method(named(method)).uri("/a?x")).await;
        assert_eq!((answer.status, &*answer.outcome()), (status, "cache_page; fwd=method"), "{method}");
        let expected = if goes { &["/a/", "/b", "/"][..] } else { &uris };
        assert_eq!(kept(&app, &uris).await, expected, "{method} {status}");
        assert_eq!(cache.stats().pages(), expected.len() + usize::from(!goes));
    }
}

/// Also where whoever changes it does not say who that is, or does.
#[actix_web::test]
async fn by_whom_it_may() {
    for lines in [&[("cookie", "a=b")][..], &[("authorization", "x"), ("x-forwarded-host", "evil.example")]] {
        let cache = PageCache::new();
        let app = app(&cache, || Ok(HttpResponse::Ok().finish())).await;
        get(&app, "/a").await;
        send(&app, asking("/a", lines).method(Method::POST)).await;
        assert_eq!(cache.stats().pages(), 0, "{lines:?}");
    }
}

#[actix_web::test]
async fn what_fails_changes_nothing() {
    let cache = PageCache::new();
    let app = app(&cache, || Err(ErrorConflict("as the test wants it"))).await;
    get(&app, "/a").await;
    assert!(app.call(TestRequest::post().uri("/a").to_request()).await.is_err());
    assert_eq!(kept(&app, &["/a"]).await, ["/a"]);
}

/// RFC 9111 4.4: what it names goes too, where that is on the same site.
/// Anybody can begin a change and go away, whether or not he would have been let make it.
#[actix_web::test]
async fn what_is_broken_off_changes_nothing() {
    let cache = PageCache::new();
    let app = App::new().app_data(cache.clone()).wrap(PageCacheMiddleware::new(60));
    let app = init_service(app.default_service(web::to(async |request: HttpRequest| {
        if request.method() == Method::POST {
            pending::<()>().await;
        }
        "page"
    })))
    .await;
    get(&app, "/a").await;
    let begun = app.call(TestRequest::post().uri("/a").to_request()).now_or_never();
    assert!(begun.is_none(), "it has not come to its end");
    assert_eq!(kept(&app, &["/a"]).await, ["/a"]);
}

#[actix_web::test]
async fn what_it_names() {
    // Sent to `/posts/1/comments?x`, on `http://site.example:8080`.
    for (reference, gone) in [
        ("http://site.example:8080/posts/1", &["/posts/1", "/posts/1?page=2"][..]),
        ("HTTP://SITE.EXAMPLE:8080/posts/1?page=7#c", &["/posts/1", "/posts/1?page=2"]),
        ("//site.example:8080/posts/1", &["/posts/1", "/posts/1?page=2"]),
        ("http://site.example:8080", &["/"]),
        ("/posts/1", &["/posts/1", "/posts/1?page=2"]),
        ("/posts/1?page=2", &["/posts/1", "/posts/1?page=2"]),
        ("/a/../posts/./1", &["/posts/1", "/posts/1?page=2"]),
        ("../1", &["/posts/1", "/posts/1?page=2"]),
        ("../../posts/1#comments", &["/posts/1", "/posts/1?page=2"]),
        ("../../../../posts/1", &["/posts/1", "/posts/1?page=2"]),
        ("2", &["/posts/1/2"]),
        ("./2?x", &["/posts/1/2"]),
        (".", &["/posts/1/"]),
        ("..", &["/posts/"]),
        ("?page=2", &[]),
        ("", &[]),
        ("/t%C3%A4g", &["/t%C3%A4g"]),
        ("/t%c3%a4g", &["/t%C3%A4g"]),
        // Not of this site.
        ("https://site.example:8080/posts/1", &[]),
        ("http://site.example/posts/1", &[]),
        ("http://evil.example/posts/1", &[]),
        ("//evil.example/posts/1", &[]),
        ("http://site.example:8080@evil.example/posts/1", &[]),
        ("http://evil.example?http://site.example:8080/posts/1", &[]),
        ("mailto:somebody@site.example", &[]),
    ] {
        for name in ["location", "content-location"] {
            let cache = PageCache::new();
            let app =
                app(&cache, move || Ok(HttpResponse::Created().insert_header((name, reference)).finish()))
                    .await;
            let uris = [
                "/posts/1",
                "/posts/1?page=2",
                "/",
                "/posts/1/2",
                "/posts/1/",
                "/posts/",
                "/t%C3%A4g",
                "/other",
            ];
            let of_site = |uri: &str| asking(uri, &[("host", "site.example:8080")]);
            for uri in uris {
                send(&app, of_site(uri)).await;
            }
            send(&app, of_site("/posts/1/comments?x").method(Method::POST)).await;
            let mut left = Vec::new();
            for uri in uris {
                if send(&app, of_site(uri).method(Method::HEAD)).await.is_hit() {
                    left.push(uri);
                }
            }
            let expected: Vec<_> = uris.into_iter().filter(|uri| !gone.contains(uri)).collect();
            assert_eq!(left, expected, "{name}: {reference}");
        }
    }
}

/// What a page under way may show was read before: it is sent to whoever asked for it then, and not kept.
#[actix_web::test]
async fn while_its_page_is_made() {
    let (cache, gate) = (PageCache::new(), web::Data::new(Semaphore::new(0)));
    let app = App::new()
        .app_data(cache.clone())
        .app_data(gate.clone())
        .wrap(PageCacheMiddleware::new(60))
        .route("/a", web::post().to(async || "changed"))
        .route(
            "/a",
            web::get().to(async |gate: web::Data<Semaphore>| {
                gate.acquire().await.unwrap().forget();
                "page"
            }),
        );
    let app = Rc::new(init_service(app).await);
    let crowd = Crowd::send(&app, [TestRequest::get().uri("/a")]).await;
    assert_eq!(send(&*app, TestRequest::post().uri("/a")).await.text(), "changed");
    gate.add_permits(1);
    let answer = crowd.all().await.remove(0);
    assert_eq!((answer.text(), &*answer.outcome()), ("page", "cache_page; fwd=miss; detail=purged"));
    assert_eq!(cache.stats().pages(), 0);
}

/// A page that a handler inside keeps itself is one of that path, too, in whichever of the App's caches it is.
#[actix_web::test]
async fn what_a_handler_inside_keeps() {
    #[cache_page(60)]
    async fn own(#[unkeyed] runs: web::Data<Runs>) -> String {
        runs.count().to_string()
    }
    #[cache_page(60, cache = "big")]
    async fn big(#[unkeyed] runs: web::Data<Runs>) -> String {
        runs.count().to_string()
    }
    for page in [PageCacheMiddleware::new(60), PageCacheMiddleware::new(60).cache("big")] {
        let cache = PageCache::builder().named_cache("big", PageCache::new()).build();
        let app = App::new()
            .app_data(cache.clone())
            .app_data(web::Data::new(Runs::default()))
            .wrap(page)
            .service(web::resource("/own").route(web::get().to(own)).route(web::put().to(async || "changed")))
            .service(
                web::resource("/big").route(web::get().to(big)).route(web::put().to(async || "changed")),
            );
        let app = init_service(app).await;
        for (uri, before, after) in [("/own", "1", "2"), ("/big", "3", "4")] {
            assert_eq!((get(&app, uri).await.text(), get(&app, uri).await.text()), (before, before));
            send(&app, TestRequest::put().uri(uri)).await;
            assert_eq!(get(&app, uri).await.text(), after);
        }
    }
}
