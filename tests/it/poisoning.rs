//! Who tries to change what others get. `SECURITY.md` is the table of it.

use std::future::{Ready, ready};

use actix_web::{
    App, Error, FromRequest, HttpRequest, HttpResponse, Responder,
    dev::{ConnectionInfo, Payload, Service as _},
    get,
    http::{Method, Uri},
    test::{TestRequest, init_service},
    web,
};
use cache_page::{KeyInput, PageCache, cache_page};

use crate::legacy::{Answer, Server, asking, get, send};

/// An extractor of a user's own, which reads what routing found in the path.
struct Language(String);

impl FromRequest for Language {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.match_info().query("language").to_owned())))
    }
}

/// The path is in the key.
impl KeyInput for Language {}

/// Routing read one URL, the key another.
#[actix_web::test]
async fn a_path_that_a_middleware_rewrote_halfway() {
    #[cache_page(60)]
    async fn path(language: web::Path<String>) -> String {
        language.into_inner()
    }
    #[cache_page(60)]
    async fn own(language: Language) -> String {
        language.0
    }
    let app = App::new().app_data(PageCache::new()).wrap_fn(|mut request, service| {
        request.head_mut().uri = Uri::from_static("/page");
        service.call(request)
    });
    let app = app.route("/{language}/path", web::get().to(path)).route("/{language}/own", web::get().to(own));
    let app = init_service(app).await;
    for language in ["en", "de", "en", "de"] {
        for page in ["path", "own"] {
            assert_eq!(get(&app, &format!("/{language}/{page}")).await.text(), language, "{page}");
        }
    }
}

/// The first answer does not say what it depends on, or says it differently: nobody gets what was made for another.
#[actix_web::test]
async fn a_vary_that_comes_and_goes() {
    #[get("/")]
    #[cache_page(60)]
    async fn page(#[unkeyed] request: HttpRequest) -> HttpResponse {
        let line = |name| request.headers().get(name).and_then(|line| line.to_str().ok());
        let mut response = HttpResponse::Ok();
        match (line("accept-language"), line("x-theme")) {
            (Some(_), None) => response.insert_header(("vary", "Accept-Language")),
            (None, Some(_)) => response.insert_header(("vary", "x-theme")),
            (Some(_), Some(_)) => response.insert_header(("vary", "accept-language, X-Theme")),
            (None, None) => &mut response,
        };
        response.body(format!("{:?} {:?}", line("accept-language"), line("x-theme")))
    }
    let app = init_service(App::new().app_data(PageCache::new()).service(page)).await;
    let requests: [&[(&str, &str)]; 5] = [
        &[("accept-language", "de")],
        &[("x-theme", "dark")],
        &[("accept-language", "de"), ("x-theme", "dark")],
        &[("accept-language", "en"), ("x-theme", "light")],
        &[],
    ];
    for _ in 0..3 {
        for headers in requests {
            let answer = send(&app, asking("/", headers)).await;
            let line = |name| headers.iter().find(|(there, _)| *there == name).map(|(_, line)| *line);
            assert_eq!(answer.text(), format!("{:?} {:?}", line("accept-language"), line("x-theme")));
        }
    }
}

/// Where links lead, as a handler of anybody's would ask for it.
struct Link(ConnectionInfo);

impl FromRequest for Link {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.connection_info().clone())))
    }
}

/// Scheme and host are in the key.
impl KeyInput for Link {}

#[get("/")]
#[cache_page(60)]
async fn link(link: Link) -> String {
    format!("{}://{}/next", link.0.scheme(), link.0.host())
}

#[actix_web::test]
async fn links_to_an_attackers_host() {
    let app = init_service(App::new().app_data(PageCache::new()).service(link)).await;
    let good = ("host", "good.example");
    for headers in [
        &[("host", "evil.example")][..],
        &[good, ("host", "evil.example")],
        &[good, ("x-forwarded-host", "evil.example")],
        &[good, ("x-forwarded-host", "evil.example, good.example")],
        &[good, ("x-forwarded-proto", "evil")],
        &[good, ("forwarded", "host=evil.example")],
        &[good, ("forwarded", "for=1"), ("forwarded", "HOST=\"evil.example\";proto=evil")],
    ] {
        send(&app, asking("/", headers)).await;
        assert_eq!(send(&app, asking("/", &[good])).await.text(), "http://good.example/next", "{headers:?}");
    }
}

#[actix_web::test]
async fn hosts_in_mixed_case() {
    let app = init_service(App::new().app_data(PageCache::new()).service(link)).await;
    for host in ["GOOD.example", "good.EXAMPLE", "good.example", "good.example.", "good.example:80"] {
        for _ in 0..2 {
            let answer = send(&app, asking("/", &[("host", host)])).await;
            assert_eq!(answer.text(), format!("http://{host}/next"));
        }
    }
}

/// What a handler cannot see cannot be in its page; what it says it depends on is told apart.
#[actix_web::test]
async fn a_reflected_header_that_is_not_in_the_key() {
    #[get("/covered")]
    #[cache_page(60)]
    async fn covered(uri: Uri, _method: Method) -> String {
        uri.to_string()
    }
    #[get("/reflecting")]
    #[cache_page(60)]
    async fn reflecting(request: HttpRequest) -> impl Responder {
        let line = request.headers().get("x-campaign").and_then(|line| line.to_str().ok());
        HttpResponse::Ok().insert_header(("vary", "x-campaign")).body(format!("{line:?}"))
    }
    let app = App::new().app_data(PageCache::new()).service(covered).service(reflecting);
    let app = init_service(app).await;
    for name in ["x-campaign", "user-agent", "referer", "x-original-url", "x-http-method-override", "x-host"]
    {
        send(&app, asking("/covered", &[(name, "evil")])).await;
        send(&app, asking("/reflecting", &[(name, "evil")])).await;
    }
    assert_eq!(get(&app, "/covered").await.text(), "/covered");
    assert_eq!(get(&app, "/reflecting").await.text(), "None");
}

type Pairs = web::Query<Vec<(String, String)>>;

/// Whatever the cache makes of a URL, the page is the one that the handler makes of it.
#[actix_web::test]
async fn urls_that_only_look_alike() {
    #[get("/{tail:.*}")]
    #[cache_page(60)]
    async fn page(tail: web::Path<String>, query: Result<Pairs, Error>, uri: Uri) -> String {
        format!("{tail} {query:?} {uri}")
    }
    let app = init_service(App::new().app_data(PageCache::new()).service(page)).await;
    let fresh = async || init_service(App::new().app_data(PageCache::new()).service(page)).await;
    let urls = [
        "/item/1",
        "/item/10",
        "/item/1/",
        "/item//1",
        "/item/./1",
        "/item/%31",
        "/item%2F1",
        "/ITEM/1",
        "/item/1;a=1",
        "/item/1?",
        "/item/1?a",
        "/item/1?a=",
        "/item/1?a=1",
        "/item/1?a=1&a=2",
        "/item/1?a=2&a=1",
        "/item/1?A=1",
        "/item/1?%61=1",
        "/item/1?a=%31",
        "/item/1?a=1%1Ea=2",
        "/item/1?a=1%26a=2",
        "/item/1?a=1;a=2",
        "/item/1?a=+",
        "/item/1?a=%20",
        "/item/1?a=%2B",
        "/item/1?a=%2F",
        "/item/1?a=/",
        "/item/1?a=%00",
        "/item/1?a=1%00",
        "/item/1?a=%FF",
        "/item/1??a=1",
        "/item/1?&a=1",
        "/item/1?a=1&",
        "/item/1?a=1&b",
        "/item/1%3Fa=1",
    ];
    for round in 0..2 {
        for url in urls {
            let (answer, alone) = (get(&app, url).await, get(&fresh().await, url).await);
            assert_eq!(answer.text(), alone.text(), "{url}");
            assert_eq!(answer.is_hit(), round == 1, "{url}");
        }
    }
}

/// Whatever stands in the URL, one request has one answer, with no header that the handler did not mean.
#[test]
fn a_split_response() {
    #[cache_page(60)]
    async fn reflecting(path: web::Path<String>, query: Pairs) -> HttpResponse {
        let query: String = query.into_inner().into_iter().map(|(_, value)| value).collect();
        let mut response = HttpResponse::Ok();
        for (name, value) in
            [("etag", format!("\"{path}\"")), ("vary", format!("x-{path}{query}")), ("x-own", query)]
        {
            response.insert_header((name, value));
        }
        response.insert_header(("cache-control", "max-age=60")).body("page")
    }
    let cache = PageCache::new();
    let server = Server::start(move |config| {
        config.app_data(cache.clone()).route("/{path:.*}", web::get().to(reflecting));
    });
    const EVIL: [&str; 4] = [
        "%0d%0aset-cookie:%20evil=1",
        "x%0aset-cookie:evil=1",
        "%0d%0a%0d%0aHTTP/1.1%20200%20OK%0d%0acontent-length:%200%0d%0a%0d%0a",
        "%00",
    ];
    for evil in EVIL {
        for path in [format!("/{evil}"), format!("/x?a={evil}")] {
            // `ask_all` checks that there is one answer a request.
            for answer in server.ask_all("GET", &[&path, &path], "Cookie: a=\"%0d%0a\"\r\n") {
                assert_eq!((answer.status, answer.header("set-cookie")), (500, None), "{path}");
                assert_eq!(answer.outcome(), "cache_page; fwd=miss; detail=status", "{path}");
            }
        }
    }
    assert!(server.ask("GET", "/x", "").is_stored());
}

/// A page that some methods make and others get.
#[actix_web::test]
async fn a_page_made_by_another_method() {
    #[cache_page(60)]
    async fn page(method: Method) -> HttpResponse {
        if method == Method::HEAD {
            HttpResponse::Ok().finish()
        } else {
            HttpResponse::Ok().body(method.to_string())
        }
    }
    let app = init_service(App::new().app_data(PageCache::new()).default_service(web::to(page))).await;
    let ask = async |method: &str| {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        send(&app, TestRequest::default().method(method)).await
    };
    assert_eq!(ask("HEAD").await.outcome(), "cache_page; fwd=miss; detail=head");
    assert_eq!(ask("POST").await.text(), "POST");
    let page: Answer = ask("GET").await;
    assert_eq!((page.text(), page.is_stored()), ("GET", true), "neither of them made it");
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get"] {
        let answer = ask(method).await;
        assert_eq!((answer.text(), answer.is_hit()), (method, false));
    }
    let overridden = TestRequest::post().insert_header(("x-http-method-override", "GET"));
    assert_eq!(send(&app, overridden).await.text(), "POST");
    assert!(ask("GET").await.is_hit());
}
