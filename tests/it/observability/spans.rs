//! Tracing spans.

use std::time::Duration;

use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::HeaderName,
    middleware::{Next, from_fn},
    web,
};
use cache_page::{PageCacheBuilder, PageCacheMiddleware, Reason, cache_page};
use tracing::Instrument as _;

use crate::support::{Backend, Crowd, Events, Origin, TestApp, advance, ok_with, settle, until};

#[cache_page(60, name = "page", vary = ["accept-language"], query = ["page", "token"])]
async fn page(_id: web::Path<u64>) -> &'static str {
    tracing::info!(target: "cache_page", "in the handler");
    "page"
}

#[actix_web::test]
async fn fill_has_a_span_with_the_names_of_its_key_parts() {
    let app = TestApp::builder().cache(|cache| cache.name("site")).route("/posts/{id}", page).start().await;
    let events = Events::collect();
    app.get("/posts/7?page=2&token=abc").header("host", "example.com").await.assert_stored();
    let span = events.take_span();
    for (field, value) in [
        ("cache", Some("site")),
        ("handler", Some("page")),
        ("cause", Some("miss")),
        ("scheme", Some("http")),
        ("host", Some("example.com")),
        ("path", Some("/posts/7")),
        ("query", Some("page,token")),
        ("vary", Some("accept-language")),
        ("outcome", Some("stored")),
        ("reason", None),
    ] {
        assert_eq!(span.field(field), value, "{field}: {span:?}");
    }
    assert_eq!(span.name, "fill");
}

#[actix_web::test]
async fn events_of_a_fill_and_of_its_handler_are_in_its_span() {
    let app = TestApp::builder().route("/posts/{id}", page).start().await;
    let events = Events::collect();
    app.get("/posts/7").await.assert_stored();
    let (span, events) = (events.take_span(), events.take());
    let [in_handler, outcome] = &events[..] else { panic!("{events:#?}") };
    assert_eq!(in_handler.message(), "in the handler");
    assert_eq!(outcome.field("outcome"), Some("stored"));
    for event in [in_handler, outcome] {
        assert_eq!(event.span.as_ref(), Some(&span.id), "{event:?}");
    }
}

#[cache_page(60, name = "anonymous")]
async fn anonymous(#[anonymous] _request: HttpRequest) -> &'static str {
    "page"
}

#[actix_web::test]
async fn hits_and_bypasses_have_no_span() {
    let app = TestApp::builder().route("/", anonymous).start().await;
    app.get("/").await.assert_stored();
    let events = Events::collect();
    app.get("/").await.assert_hit();
    app.get("/").header("cookie", "id=1").await.assert_bypass(Reason::Credentials);
    assert_eq!(events.take_spans().len(), 0);
}

#[actix_web::test]
async fn remote_hit_has_no_span_and_its_refresh_one() {
    let backend = Backend::new();
    let process = || {
        let options = |cache: PageCacheBuilder| cache.local_ttl(Duration::ZERO);
        TestApp::builder().remote(&backend).cache(options).route("/", refreshed)
    };
    let (one, other) = (process().start().await, process().start().await);
    for process in [&one, &other] {
        process.wait_available().await;
    }
    one.fill(one.get("/")).await;
    let events = Events::collect();
    other.get("/").await.assert_remote_hit();
    assert_eq!(events.take_spans().len(), 0);
    advance(&backend, &[&one, &other], 70);
    other.get("/").await.assert_stale(Reason::StaleWhileRevalidate);
    until("the page is stored in the backend", || other.remote_stats().stored == 1).await;
    let span = events.take_span();
    assert_eq!((span.name, span.field("outcome")), ("refresh", Some("stored")), "{span:?}");
    assert!(span.field("host").is_some(), "{span:?}");
}

#[actix_web::test]
async fn run_of_an_uncacheable_page_has_a_span_with_the_reason() {
    let app = TestApp::with_handler(ok_with(&[("set-cookie", "id=1")])).await;
    app.get("/").await.assert_not_stored(Reason::SetCookie);
    let events = Events::collect();
    app.get("/").await.assert_not_stored(Reason::SetCookie);
    let (span, event) = (events.take_span(), events.take_one());
    assert_eq!((span.field("outcome"), span.field("reason")), (Some("not-stored"), Some("set-cookie")));
    assert_eq!(event.span, Some(span.id));
}

#[actix_web::test]
async fn span_of_a_fill_whose_client_disconnects_has_the_reason() {
    let app = TestApp::builder().paused().start().await;
    let events = Events::collect();
    let mut crowd = Crowd::send([app.get("/")]).await;
    crowd.abort(0).await;
    let span = events.take_span();
    assert_eq!((span.field("outcome"), span.field("reason")), (Some("not-stored"), Some("client-gone")));
}

#[cache_page(60, name = "refreshed", stale_while_revalidate = 600)]
async fn refreshed(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

/// Puts each request into a span, as an application does, and sends its number.
async fn in_span(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let span = tracing::info_span!(target: "test", "request");
    let number = span.id().expect("the span is enabled").into_u64();
    let mut response = next.call(request).instrument(span).await?;
    response.headers_mut().insert(HeaderName::from_static("x-span"), number.into());
    Ok(response)
}

const WINDOW: Duration = Duration::from_secs(600);

#[actix_web::test]
async fn background_refresh_follows_from_the_span_of_its_request() {
    for is_middleware in [false, true] {
        let mut app = TestApp::builder();
        app = match is_middleware {
            true => app.uncached().wrap(|| PageCacheMiddleware::new(60).stale_while_revalidate(WINDOW)),
            false => app.route("/", refreshed),
        };
        let app = app.wrap(|| from_fn(in_span)).start().await;
        let events = Events::collect();
        app.get("/").await.assert_stored();
        let fill = events.take_span();
        assert!(fill.parent.is_some(), "a fill is within the span of its request");
        assert_eq!(fill.follows, []);
        app.advance(70);
        let response = app.get("/").await;
        response.assert_stale(Reason::StaleWhileRevalidate);
        settle().await;
        let (refresh, events) = (events.take_span(), events.take());
        assert_eq!((refresh.name, refresh.field("cause")), ("refresh", Some("stale")));
        assert_eq!((refresh.parent.clone(), refresh.follows.len()), (None, 1), "{refresh:?}");
        assert_eq!(Some(refresh.follows[0].into_u64().to_string()), response.header("x-span"));
        assert_eq!(refresh.field("outcome"), Some("stored"));
        let report = events.iter().find(|event| event.field("refresh").is_some()).expect("a report");
        assert_eq!(report.span, Some(refresh.id));
    }
}

#[cache_page(60, name = "secret", vary_cookie = ["theme"])]
async fn secret(#[key(by = agent)] request: HttpRequest) -> String {
    agent(&request)
}

fn agent(request: &HttpRequest) -> String {
    request.headers().get("user-agent").map(|agent| format!("{agent:?}")).unwrap_or_default()
}

#[actix_web::test]
async fn span_has_no_value_of_a_header_cookie_query_or_argument() {
    const SECRETS: [&str; 6] =
        ["theme-secret", "other-secret", "query-secret", "bare-secret", "padded-secret", "agent-secret"];
    let app = TestApp::builder().route("/", secret).start().await;
    let events = Events::collect();
    app.get("/?token=query-secret&bare-secret&padded-secret==")
        .header("cookie", "theme=theme-secret; session=other-secret")
        .header("authorization", "Bearer other-secret")
        .header("user-agent", "agent-secret")
        .await
        .assert_stored();
    let span = format!("{:?}", events.take_span());
    assert!(span.contains("token"), "{span}");
    for secret in SECRETS {
        assert!(!span.contains(secret), "{secret}: {span}");
    }
}
