//! Pages whose time is over: made anew in the background, or sent where that fails.

use std::{
    cell::RefCell,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use actix_cors::Cors;
use actix_web::{
    HttpServer,
    body::{MessageBody, to_bytes},
    dev::{ServerHandle, ServiceFactory, ServiceRequest},
    error::{ErrorBadGateway, ErrorForbidden},
    middleware::{Compress, Condition, Logger, NormalizePath},
    rt::System,
    test::call_service,
};

use super::*;

/// What happens inside, to a request that is let through or not.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Next {
    Page,
    Status(u16),
    Cookie,
    /// A middleware inside fails.
    Fails,
    Forbids,
    Panics,
    Hangs,
}

struct Site {
    cache: PageCache,
    clock: ManualClock,
    runs: Runs,
    next: Cell<Next>,
    gate: Semaphore,
    seen: RefCell<Vec<String>>,
}

impl Site {
    fn new() -> web::Data<Self> {
        let clock = ManualClock::new();
        let cache = PageCache::builder().clock(clock.clone()).fill_timeout(seconds(2)).build();
        web::Data::new(Self {
            cache,
            clock,
            runs: Runs::default(),
            next: Cell::new(Next::Page),
            gate: Semaphore::new(1000),
            seen: RefCell::default(),
        })
    }

    fn refreshes(&self) -> u64 {
        self.cache.stats().handlers().map(|(_, counts)| counts.refreshes()).sum()
    }
}

async fn handler(site: web::Data<Site>, path: web::Path<(String, u64)>) -> HttpResponse {
    let run = site.runs.count();
    site.seen.borrow_mut().push(format!("{path:?}"));
    site.gate.acquire().await.unwrap().forget();
    let mut response = HttpResponse::Ok();
    match site.next.get() {
        Next::Status(code) => {
            response.status(StatusCode::from_u16(code).unwrap());
        }
        Next::Cookie => {
            response.insert_header(("set-cookie", "id=1"));
        }
        Next::Panics => panic!("the handler panics, as the test wants it to"),
        Next::Hangs => std::future::pending().await,
        Next::Page | Next::Fails | Next::Forbids => {}
    }
    response.body(format!("page {run}"))
}

/// All kinds of things inside: scopes with data and middleware of their own, and path parameters of two of them.
macro_rules! inside {
    ($app:expr, $site:expr) => {{
        let site = $site.clone();
        let scope = web::scope("/{name}")
            .app_data(web::Data::new("of the scope"))
            .wrap(NormalizePath::trim())
            .wrap(Logger::default())
            .wrap(Compress::default())
            .wrap_fn(move |request, service| {
                let (next, answer) = (site.next.get(), service.call(request));
                async move {
                    match next {
                        Next::Fails => Err(ErrorBadGateway("as the test wants it")),
                        Next::Forbids => Err(ErrorForbidden("as the test wants it")),
                        _ => answer.await,
                    }
                }
            })
            .service(web::scope("/posts").app_data(web::Data::new(1_u64)).route("/{id}", web::to(handler)));
        $app.app_data($site.cache.clone()).app_data($site.clone()).service(scope)
    }};
}

async fn app(
    site: web::Data<Site>,
    page: PageCacheMiddleware,
) -> Rc<impl Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error>> {
    let app = inside!(App::new(), site)
        .wrap(page)
        .wrap(NormalizePath::trim())
        .wrap(Logger::new("%a %r %s %{Cookie}i %U"))
        .wrap(Compress::default());
    Rc::new(init_service(app).await)
}

const URI: &str = "/a/posts/1";

fn revalidated() -> PageCacheMiddleware {
    PageCacheMiddleware::new(60).stale_while_revalidate(seconds(30))
}

/// The old page is there at once, and what is inside runs when that is on its way.
#[actix_web::test]
async fn behind_the_response() {
    let site = Site::new();
    let app = app(site.clone(), revalidated()).await;
    assert!(get(&*app, URI).await.outcome().starts_with("cache_page; fwd=miss"));
    site.clock.advance(seconds(61));
    site.gate.forget_permits(1000);
    let request = TestRequest::get().uri(URI).to_request();
    let response = call_service(&*app, request).await;
    settle().await;
    assert_eq!(site.runs.get(), 1, "its request is still held by whoever holds the response");
    let told = response.headers().get("cache-status").unwrap().to_str().unwrap().to_owned();
    assert_eq!(told, "cache_page; hit; ttl=-1; detail=stale-while-revalidate");
    let body = to_bytes(response.into_body()).await.map_err(|_| "clean").unwrap();
    assert_eq!(body, "page 1");
    settle().await;
    assert_eq!(site.runs.get(), 2);
    // All others are sent it, too, and do not run what is inside.
    let crowd = Crowd::send(&app, (0..20).map(|_| TestRequest::get().uri(URI))).await;
    assert_eq!((crowd.answered(), site.runs.get()), (20, 2));
    site.gate.add_permits(1000);
    settle().await;
    let next = get(&*app, URI).await;
    assert_eq!((next.text(), &*next.outcome()), ("page 2", "cache_page; hit; ttl=60"));
    assert_eq!((site.runs.get(), site.refreshes()), (2, 1));
    assert_eq!(site.cache.stats().requests(), 1 + 1 + 20 + 1, "a run behind a response is no request");
    assert_eq!(*site.seen.borrow(), ["Path((\"a\", 1))"; 2]);
}

/// Whoever asked for it in whatever way, and whatever is done with the answer.
#[actix_web::test]
async fn behind_every_kind_of_response() {
    type Lines = &'static [(&'static str, &'static str)];
    const LINES: [(Lines, u16); 6] = [
        (&[], 200),
        (&[("if-none-match", "*")], 304),
        (&[("range", "bytes=0-1")], 206),
        (&[("range", "bytes=90-")], 416),
        (&[("accept-encoding", "gzip")], 200),
        (&[("origin", "https://a.example")], 200),
    ];
    for is_read in [true, false] {
        for (lines, status) in LINES {
            let site = Site::new();
            let app = app(site.clone(), revalidated()).await;
            let plain: Vec<_> =
                lines.iter().copied().filter(|(name, _)| *name == "accept-encoding").collect();
            send(&*app, asking(URI, &plain)).await;
            site.clock.advance(seconds(61));
            if is_read {
                let answer = send(&*app, asking("/a//posts/1/", lines)).await;
                assert!(answer.outcome().ends_with("stale-while-revalidate"), "{}", answer.outcome());
                assert_eq!(answer.status, status);
            } else {
                // The client goes away.
                drop(call_service(&*app, asking("/a//posts/1/", lines).to_request()).await);
            }
            settle().await;
            assert_eq!((site.runs.get(), site.refreshes()), (2, 1), "{lines:?}");
            let answer = send(&*app, asking(URI, &plain)).await;
            assert_eq!(answer.outcome(), "cache_page; hit; ttl=60", "{lines:?}");
        }
    }
    // What is answered to HEAD is no page.
    let site = Site::new();
    let app = app(site.clone(), revalidated()).await;
    get(&*app, URI).await;
    site.clock.advance(seconds(61));
    let head = send(&*app, TestRequest::default().method(Method::HEAD).uri(URI)).await;
    assert!(head.status == 200 && head.outcome().ends_with("stale-while-revalidate"));
    settle().await;
    assert_eq!(site.runs.get(), 1);
}

/// The old page stays where it cannot be made anew, for as long as it may.
#[actix_web::test]
async fn behind_a_response_it_fails() {
    for next in [
        Next::Status(500),
        Next::Status(404),
        Next::Cookie,
        Next::Fails,
        Next::Forbids,
        Next::Panics,
        Next::Hangs,
    ] {
        let site = Site::new();
        let app = app(site.clone(), revalidated()).await;
        get(&*app, URI).await;
        site.clock.advance(seconds(60));
        site.next.set(next);
        for _ in 0..15 {
            let answer = get(&*app, URI).await;
            assert_eq!((answer.status, answer.text()), (200, "page 1"), "{next:?}");
            settle().await;
            site.clock.advance(seconds(1));
            settle().await;
        }
        // A middleware that fails does not let the handler be asked, and all are asked a few times at most.
        let runs = site.runs.get();
        assert!((1..=4).contains(&runs), "{next:?}: {runs}");
        assert_eq!(site.refreshes(), 0, "{next:?}");
        site.next.set(Next::Page);
        site.clock.advance(seconds(14));
        get(&*app, URI).await;
        settle().await;
        assert_eq!(site.refreshes(), 1, "{next:?}: it works again");
    }
}

/// A middleware that holds the request while it reads the whole body, and waits for something else then, costs the page its
/// making anew, and nothing more.
#[actix_web::test]
async fn behind_a_response_whose_request_is_held() {
    let site = Site::new();
    let app = inside!(App::new(), site).wrap(revalidated()).wrap_fn(|request, service| {
        let answer = service.call(request);
        async move {
            let (request, response) = answer.await?.into_parts();
            let (head, body) = response.into_parts();
            let body = to_bytes(body).await.map_err(|_| ErrorBadGateway("broken off"))?;
            settle().await;
            Ok::<_, Error>(ServiceResponse::new(request, head.set_body(body)))
        }
    });
    let app = init_service(app).await;
    get(&app, URI).await;
    site.clock.advance(seconds(61));
    let answer = get(&app, URI).await;
    assert_eq!((answer.text(), site.cache.stats().fills_in_flight()), ("page 1", 0));
    site.clock.advance(seconds(30));
    assert_eq!(get(&app, URI).await.text(), "page 2");
}

/// Over a real connection, with the middleware around the whole App and in it.
#[test]
fn behind_the_response_of_a_server() {
    async fn handler(
        runs: web::Data<Runs>,
        path: web::Path<(String, u64)>,
        mark: web::Data<&'static str>,
    ) -> String {
        format!("{path:?} {} {}", mark.get_ref(), runs.count())
    }
    let (clock, runs) = (ManualClock::new(), Runs::default());
    let cache = PageCache::builder().clock(clock.clone()).build();
    let (of_app, counted) = (cache.clone(), runs.clone());
    let server = Server::start(move |around_app| {
        let scope = web::scope("/{name}")
            .app_data(web::Data::new("of the scope"))
            .wrap(Condition::new(!around_app, revalidated()))
            .wrap(NormalizePath::trim())
            .service(web::scope("/posts").route("/{id}", web::get().to(handler)));
        App::new()
            .app_data(of_app.clone())
            .app_data(web::Data::new(counted.clone()))
            .wrap(Compress::default())
            .wrap(Condition::new(around_app, revalidated()))
            .wrap(Logger::default())
            .wrap(Compress::default())
            .service(scope)
    });
    let refreshes = || cache.stats().handlers().map(|(_, counts)| counts.refreshes()).sum::<u64>();
    for address in server.addresses {
        let before = (runs.get(), refreshes());
        assert!(ask(address, "GET", "").contains(&format!("of the scope {}", before.0 + 1)));
        for (number, (headers, status)) in
            [("", 200), ("If-None-Match: *\r\n", 304), ("Range: bytes=0-1\r\n", 206), ("Cookie2: a\r\n", 200)]
                .into_iter()
                .enumerate()
        {
            let number = number as u64 + 1;
            clock.advance(seconds(61));
            let answer = ask(address, "GET", headers);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
            assert!(answer.contains("detail=stale-while-revalidate"), "{answer}");
            // It runs when the response is on its way: how long that takes is up to the system.
            let deadline = std::time::Instant::now() + seconds(10);
            while refreshes() < before.1 + number {
                assert!(std::time::Instant::now() < deadline, "not made anew: {answer}");
                std::thread::sleep(Duration::from_millis(5));
            }
            let answer = ask(address, "GET", "");
            assert!(answer.contains("hit; ttl=60"), "{answer}");
            assert!(answer.ends_with(&format!("of the scope {}", before.0 + 1 + number)), "{answer}");
        }
        assert_eq!(runs.get(), before.0 + 5);
    }
}

/// One server with the middleware around its App, and one with it around a scope.
struct Server {
    addresses: [SocketAddr; 2],
    handles: Vec<ServerHandle>,
}

impl Server {
    fn start<F, T, B>(app: F) -> Self
    where
        F: Fn(bool) -> App<T> + Send + Clone + 'static,
        T: ServiceFactory<
                ServiceRequest,
                Config = (),
                Response = ServiceResponse<B>,
                Error = Error,
                InitError = (),
            > + 'static,
        T::Service: 'static,
        B: MessageBody + 'static,
    {
        let (sender, receiver) = std::sync::mpsc::channel();
        for around_app in [true, false] {
            let (app, sender) = (app.clone(), sender.clone());
            std::thread::spawn(move || {
                System::new().block_on(async move {
                    let server = HttpServer::new(move || app(around_app))
                        .workers(2)
                        .disable_signals()
                        .bind(("127.0.0.1", 0))
                        .unwrap();
                    let address = server.addrs()[0];
                    let server = server.run();
                    sender.send((around_app, address, server.handle())).unwrap();
                    server.await.unwrap();
                });
            });
        }
        let mut started: Vec<_> = (0..2).map(|_| receiver.recv().unwrap()).collect();
        started.sort_by_key(|(around_app, ..)| !around_app);
        let addresses = [started[0].1, started[1].1];
        Self { addresses, handles: started.into_iter().map(|(_, _, handle)| handle).collect() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Stopping begins with the call; the future only waits for its end.
        self.handles.iter().for_each(|handle| drop(handle.stop(false)));
    }
}

fn ask(address: SocketAddr, method: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{method} {URI} HTTP/1.1\r\nHost: test\r\n{headers}Connection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Without a word of whose pages they are, the App of a server is known by its address.
#[test]
fn a_server_without_a_cache_of_its_own() {
    let runs = Runs::default();
    let counted = runs.clone();
    let server = Server::start(move |around_app| {
        App::new()
            .app_data(web::Data::new(counted.clone()))
            .wrap(Condition::new(around_app, PageCacheMiddleware::new(600)))
            .service(
                web::scope("/a")
                    .wrap(Condition::new(!around_app, PageCacheMiddleware::new(600)))
                    .default_service(web::to(shown)),
            )
    });
    for (number, address) in server.addresses.into_iter().enumerate() {
        for is_hit in [false, true, true, true] {
            let answer = ask(address, "GET", "");
            assert_eq!(answer.contains("cache_page; hit"), is_hit, "{answer}");
            assert!(answer.contains(&format!("\r\n\r\n{} /a/posts/1", number + 1)), "{answer}");
        }
    }
}

fn sturdy() -> PageCacheMiddleware {
    PageCacheMiddleware::new(60).stale_if_error(seconds(300))
}

/// Whatever goes wrong inside, the old page is sent, and whatever is around finds a request that it can use.
#[actix_web::test]
async fn an_old_page_stands_in() {
    for (next, told) in [
        (Next::Status(500), "; fwd-status=500"),
        (Next::Fails, "; fwd-status=502"),
        (Next::Panics, ""),
        (Next::Hangs, ""),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let site = Site::new();
            let app = inside!(App::new(), site)
                .wrap(sturdy())
                .wrap(Cors::default().allowed_origin("https://a.example"))
                .wrap(Logger::new("%a %r %s %{Cookie}i %U"))
                .wrap_fn(|request, service| {
                    let (method, answer) = (request.method().clone(), service.call(request));
                    async move {
                        let response = answer.await?;
                        let request = response.request();
                        assert_eq!(
                            (request.method(), request.uri().to_string()),
                            (&method, format!("{URI}?b=%20"))
                        );
                        assert_eq!(request.headers().get("origin").unwrap(), "https://a.example");
                        Ok(response)
                    }
                });
            let app = Rc::new(init_service(app).await);
            let uri = format!("{URI}?b=%20");
            let asking = |method: &Method| {
                asking(&uri, &[("origin", "https://a.example"), ("cookie2", "x")]).method(method.clone())
            };
            let first = send(&*app, asking(&Method::GET)).await;
            assert!(first.header("access-control-allow-origin").is_some());
            site.clock.advance(seconds(60));
            site.next.set(next);
            let crowd = Crowd::send(&app, [asking(&method)]).await;
            if next == Next::Hangs {
                assert_eq!(crowd.answered(), 0);
                site.clock.advance(seconds(2));
            }
            let answer = crowd.answers().await.remove(0).unwrap_or_else(|| panic!("{next:?} {method}"));
            let over = if next == Next::Hangs { "-2" } else { "0" };
            assert_eq!(
                answer.outcome(),
                format!("cache_page; fwd=stale{told}; ttl={over}; detail=stale-if-error"),
                "{next:?} {method}"
            );
            // Servers leave it out of what they answer to HEAD.
            assert_eq!((answer.status, answer.text()), (200, "page 1"));
            // Browsers would not let the page be read otherwise.
            assert_eq!(
                answer.header("access-control-allow-origin").as_deref(),
                Some("https://a.example"),
                "{next:?} {method}"
            );
            assert_eq!(site.cache.stats().count(Outcome::Stale(Reason::StaleIfError)), 1);
            assert_eq!(site.cache.stats().fills_in_flight(), 0);
        }
    }
}

/// What is gone or forbidden by now is no failure, and nor is one after the time.
#[actix_web::test]
async fn an_old_page_does_not_stand_in() {
    for (next, advance) in
        [(Next::Status(404), 60), (Next::Forbids, 60), (Next::Status(500), 360), (Next::Fails, 360)]
    {
        let site = Site::new();
        let app = inside!(App::new(), site).wrap(sturdy());
        let app = init_service(app).await;
        get(&app, URI).await;
        site.clock.advance(seconds(advance));
        site.next.set(next);
        let answered = app.call(TestRequest::get().uri(URI).to_request()).await;
        match (next, answered) {
            (Next::Status(code), Ok(response)) => assert_eq!(response.status(), code),
            (Next::Fails, Err(error)) => assert_eq!(error.as_response_error().status_code(), 502),
            (Next::Forbids, Err(error)) => assert_eq!(error.as_response_error().status_code(), 403),
            (next, answered) => panic!("{next:?}: {}", answered.is_ok()),
        }
        // The next one who asks is not sent it either, whatever happens.
        site.next.set(Next::Fails);
        assert!(app.call(TestRequest::get().uri(URI).to_request()).await.is_err(), "{next:?}");
    }
}

/// An error that no page stands in for goes on as if there were nothing in between.
#[actix_web::test]
async fn errors_go_on() {
    #[derive(Debug)]
    struct Own;
    impl std::fmt::Display for Own {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("own")
        }
    }
    impl actix_web::ResponseError for Own {
        fn status_code(&self) -> StatusCode {
            StatusCode::NOT_FOUND
        }
    }
    for page in [
        PageCacheMiddleware::new(60),
        PageCacheMiddleware::new(60).statuses(&[404]),
        sturdy().statuses(&[404]),
        revalidated(),
    ] {
        let cache = PageCache::new();
        let app = App::new()
            .app_data(cache.clone())
            .wrap_fn(|_, _| std::future::ready(Err::<ServiceResponse, _>(Error::from(Own))))
            .wrap(page);
        let app = init_service(app).await;
        for number in 0..3 {
            for method in [Method::GET, Method::HEAD, Method::POST] {
                let request = TestRequest::default().method(method.clone()).to_request();
                let error = app.call(request).await.err();
                let error = error.unwrap_or_else(|| panic!("{method} {number} was answered by a page"));
                assert!(error.as_error::<Own>().is_some());
            }
        }
        assert_eq!(cache.stats().pages(), 0);
        assert_eq!(cache.stats().requests(), 9);
    }
}

/// An error whose response would be kept, were it one: what fails has not said for how long.
#[actix_web::test]
async fn errors_that_look_like_pages() {
    let cache = PageCache::new();
    let app = App::new()
        .app_data(cache.clone())
        .wrap_fn(|_, _| {
            let response = HttpResponse::MovedPermanently().insert_header(("location", "/login")).finish();
            let error = actix_web::error::InternalError::from_response("not for you", response);
            std::future::ready(Err::<ServiceResponse, _>(Error::from(error)))
        })
        .wrap(PageCacheMiddleware::new(60));
    let app = init_service(app).await;
    for _ in 0..2 {
        assert!(app.call(TestRequest::get().to_request()).await.is_err());
    }
    assert_eq!(cache.stats().pages(), 0);
}
