//! What the cache tells of each request: to the client, to `stats`, to logs and to metrics.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_web::{
    App, Error, HttpRequest, HttpResponse, Responder,
    error::ErrorServiceUnavailable,
    get,
    http::{Method, header::HeaderName},
    test::{TestRequest, init_service},
    web,
};
use cache_page::{CacheStatusHeader, Outcome, PageCache, Reason, cache_page, testing::ManualClock};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::legacy::{Answer, Runs, app_answering_with, asking, get, send, settle};

#[get("/plain")]
#[cache_page(60, name = "plain")]
async fn plain() -> impl Responder {
    "page"
}

#[get("/open")]
#[cache_page(60, name = "open")]
async fn open(_request: HttpRequest) -> impl Responder {
    "page"
}

#[get("/status/{code}")]
#[cache_page(60, name = "status")]
async fn status(code: web::Path<u16>) -> impl Responder {
    HttpResponse::build(code.into_inner().try_into().unwrap()).body("page")
}

macro_rules! app {
    ($cache:expr) => {
        init_service(App::new().app_data($cache).service(plain).service(open).service(status)).await
    };
}

/// What is asked for, by which handler it is answered, and what becomes of it.
type Sent = (&'static str, &'static [(&'static str, &'static str)], &'static str, Outcome);

/// A mixed bag.
const BAG: [Sent; 13] = [
    ("/plain", &[], "plain", Outcome::Stored),
    ("/plain", &[], "plain", Outcome::Hit),
    ("/plain", &[("range", "bytes=0-1")], "plain", Outcome::Hit),
    ("/plain", &[("range", "bytes=9-")], "plain", Outcome::Hit),
    ("/plain", &[("if-none-match", "*")], "plain", Outcome::Revalidated),
    ("/plain?new", &[("if-none-match", "*")], "plain", Outcome::Stored),
    ("/plain?new", &[("cookie", "a=b")], "plain", Outcome::Hit),
    ("/open", &[("cookie", "a=b")], "open", Outcome::Bypass(Reason::Credentials)),
    ("/open", &[], "open", Outcome::Stored),
    ("/open", &[], "open", Outcome::Hit),
    ("/status/404", &[], "status", Outcome::NotStored(Reason::Status)),
    ("/status/404", &[], "status", Outcome::NotStored(Reason::Status)),
    ("/status/301", &[], "status", Outcome::Stored),
];

#[actix_web::test]
async fn every_request_is_in_exactly_one_count() {
    let (cache, mut sent) = (PageCache::new(), BTreeMap::new());
    let app = app!(cache.clone());
    for (number, (uri, headers, handler, outcome)) in BAG.into_iter().enumerate() {
        let before = cache.stats().count(outcome);
        send(&app, asking(uri, headers)).await;
        *sent.entry(handler).or_insert(0) += 1;
        let stats = cache.stats();
        assert_eq!(stats.count(outcome), before + 1, "{uri} {headers:?}: {outcome:?}");
        assert_eq!(stats.requests(), number as u64 + 1, "{uri} {headers:?}");
    }
    let stats = cache.stats();
    let counted: BTreeMap<_, _> = stats.handlers().map(|(name, counts)| (name, counts.requests())).collect();
    assert_eq!(counted, sent);
    assert_eq!(Outcome::all().map(|outcome| stats.count(outcome)).sum::<u64>(), BAG.len() as u64);
    // Handlers ran for what was not answered from a page.
    let fills: u64 = stats.handlers().map(|(_, counts)| counts.fills()).sum();
    assert_eq!(fills, stats.requests() - stats.count(Outcome::Hit) - stats.count(Outcome::Revalidated));
    assert_eq!(stats.pages(), 4);
    // Nobody else's requests are in them, and what no cached handler answers is in none.
    assert_eq!(get(&app, "/nothing").await.status, 404);
    assert_eq!(cache.stats().requests(), BAG.len() as u64);
    assert_eq!(PageCache::new().stats().requests(), 0);
}

#[actix_web::test]
async fn other_methods_are_counted_too() {
    let cache = PageCache::new();
    let (app, _) = app_answering_with(cache.clone(), || HttpResponse::Ok().body("page")).await;
    for method in ["HEAD", "GET", "HEAD", "POST", "OPTIONS"] {
        send(&app, TestRequest::default().method(Method::from_bytes(method.as_bytes()).unwrap())).await;
    }
    let stats = cache.stats();
    for (outcome, count) in [
        (Outcome::NotStored(Reason::Head), 1),
        (Outcome::Stored, 1),
        (Outcome::Hit, 1),
        (Outcome::Bypass(Reason::Method), 2),
    ] {
        assert_eq!(stats.count(outcome), count, "{outcome:?}");
    }
    assert_eq!(stats.requests(), 5);
}

/// Two caches count for themselves, although one thread serves both by one handler.
#[actix_web::test]
async fn caches_are_counted_apart() {
    let (one, two) = (PageCache::new(), PageCache::new());
    let (app_one, app_two) = (app!(one.clone()), app!(two.clone()));
    for _ in 0..3 {
        get(&app_one, "/plain").await;
    }
    get(&app_two, "/plain").await;
    assert_eq!((one.stats().requests(), two.stats().requests()), (3, 1));
    assert_eq!((one.stats().count(Outcome::Hit), two.stats().count(Outcome::Hit)), (2, 0));
}

/// The lines of the bag, by how much is told.
#[actix_web::test]
async fn as_much_is_told_as_the_author_wants() {
    let lines = async |level| {
        let app = app!(PageCache::builder().cache_status(level).build());
        let mut lines = Vec::new();
        for (uri, headers, ..) in BAG {
            lines.push(send(&app, asking(uri, headers)).await.header("cache-status"));
        }
        lines
    };
    let (full, brief) = (lines(CacheStatusHeader::Full).await, lines(CacheStatusHeader::Minimal).await);
    let told: Vec<_> = full.iter().flatten().map(|line| line.trim_start_matches("cache_page; ")).collect();
    assert_eq!(
        told,
        [
            "fwd=miss; stored; ttl=60",
            "hit; ttl=60",
            "hit; ttl=60",
            "hit; ttl=60",
            "hit; ttl=60",
            "fwd=miss; stored; ttl=60",
            "hit; ttl=60",
            "fwd=bypass; detail=credentials",
            "fwd=miss; stored; ttl=60",
            "hit; ttl=60",
            "fwd=miss; detail=status",
            "fwd=miss; detail=status",
            "fwd=miss; stored; ttl=60",
        ]
    );
    for (full, brief) in full.iter().flatten().zip(brief.iter().flatten()) {
        assert_eq!(full.split("; ").take(2).collect::<Vec<_>>().join("; "), *brief);
    }
    assert_eq!(brief.len(), BAG.len());
    assert_eq!(lines(CacheStatusHeader::Off).await, [const { None }; BAG.len()]);
}

/// A key has URLs, cookies and tokens in it.
#[actix_web::test]
async fn a_key_is_never_told() {
    const SECRETS: [&str; 4] = ["path-secret", "query-secret", "host-secret", "header-secret"];
    let secret = HeaderName::from_static("x-api-key");
    let (cache, events) = (PageCache::builder().credential_header(secret).build(), Events::default());
    let _guard = tracing::subscriber::set_default(events.clone());
    let (app, _) = app_answering_with(cache.clone(), || {
        HttpResponse::Ok().insert_header(("vary", "x-api-key")).body("page")
    })
    .await;
    for _ in 0..2 {
        let headers = [("host", "host-secret"), ("x-api-key", "header-secret"), ("cookie", "header-secret")];
        let answer: Answer = send(&app, asking("/path-secret?query-secret", &headers)).await;
        let told = format!("{answer:?} {cache:?} {:?} {:?}", cache.stats(), events.take());
        assert!(told.contains("cache_page"));
        SECRETS.iter().for_each(|secret| assert!(!told.contains(secret), "{told}"));
    }
}

/// The fields of all events of the cache.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<BTreeMap<&'static str, String>>>>);

impl Events {
    fn take(&self) -> Vec<BTreeMap<&'static str, String>> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Subscriber for Events {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "cache_page"
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

#[actix_web::test]
async fn one_event_a_request() {
    let (clock, events) = (ManualClock::new(), Events::default());
    let _guard = tracing::subscriber::set_default(events.clone());
    let app = app!(PageCache::builder().clock(clock.clone()).build());
    for (uri, headers, handler, outcome) in BAG {
        clock.advance(Duration::from_secs(2));
        send(&app, asking(uri, headers)).await;
        let told = events.take();
        let [event] = &told[..] else { panic!("{uri}: {told:?}") };
        let field = |name| event.get(name).map(String::as_str);
        assert_eq!((field("handler"), field("outcome")), (Some(handler), Some(outcome.as_str())), "{uri}");
        assert_eq!(field("reason"), outcome.reason().map(Reason::as_str), "{uri}");
        let answered = matches!(outcome, Outcome::Hit | Outcome::Revalidated);
        assert_eq!(
            (field("age").is_some(), field("fill_us").is_some()),
            (answered, !answered),
            "{uri}: {event:?}"
        );
        if answered {
            let age: u64 = field("age").unwrap().parse().unwrap();
            assert!(age >= 2 && age.is_multiple_of(2), "{uri}: {event:?}");
        }
    }
}

/// The page that is sent instead tells nobody of the handler's error; the log does, and tells of runs that nobody waits for.
#[actix_web::test]
async fn failures_and_refreshes_are_logged() {
    #[get("/sturdy")]
    #[cache_page(60, name = "sturdy", stale_if_error = 600)]
    async fn sturdy(runs: web::Data<Runs>) -> Result<&'static str, Error> {
        if runs.count() == 1 { Ok("page") } else { Err(ErrorServiceUnavailable("the database is away")) }
    }
    #[get("/refreshed")]
    #[cache_page(60, name = "refreshed", stale_while_revalidate = 600)]
    async fn refreshed(runs: web::Data<AtomicU64>) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        if runs.fetch_add(1, Ordering::SeqCst) == 1 {
            response.insert_header(("set-cookie", "id=1"));
        }
        response.body("page")
    }
    let (clock, events) = (ManualClock::new(), Events::default());
    let _guard = tracing::subscriber::set_default(events.clone());
    let cache = PageCache::builder().clock(clock.clone()).build();
    let app = App::new().app_data(cache).app_data(web::Data::new(Runs::default()));
    let app = app.app_data(web::Data::new(AtomicU64::new(0)));
    let app = init_service(app.service(sturdy).service(refreshed)).await;
    get(&app, "/sturdy").await;
    clock.advance(Duration::from_secs(60));
    events.take();
    assert_eq!(get(&app, "/sturdy").await.text(), "page");
    let told = events.take();
    let [failure, request] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&*failure["handler"], &*failure["error"]), ("sturdy", "the database is away"));
    assert_eq!((&*request["outcome"], &*request["reason"]), ("stale", "stale-if-error"));

    get(&app, "/refreshed").await;
    events.take();
    for (kept, reason) in [("not-stored", Some("set-cookie")), ("stored", None)] {
        clock.advance(Duration::from_secs(70));
        get(&app, "/refreshed").await;
        settle().await;
        let told = events.take();
        let [request, run] = &told[..] else { panic!("{told:?}") };
        assert_eq!((&*request["outcome"], &*request["reason"]), ("stale", "stale-while-revalidate"));
        let field = |name| run.get(name).map(String::as_str);
        assert_eq!((field("handler"), field("refresh")), (Some("refreshed"), Some(kept)));
        assert_eq!((field("reason"), field("fill_us").is_some()), (reason, true));
    }
}

#[cfg(feature = "metrics")]
mod metered {
    use metrics::{
        Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
        SharedString, Unit,
    };

    use super::*;

    /// Every number that was told, by name and labels.
    #[derive(Clone, Default)]
    struct Numbers(Arc<Mutex<BTreeMap<String, Vec<f64>>>>);

    struct One(Numbers, String);

    impl One {
        fn of(numbers: &Numbers, key: &Key) -> Arc<Self> {
            let labels: Vec<_> =
                key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
            Arc::new(Self(numbers.clone(), format!("{} {}", key.name(), labels.join(" "))))
        }

        fn add(&self, number: f64) {
            self.0.0.lock().unwrap().entry(self.1.clone()).or_default().push(number);
        }
    }

    impl CounterFn for One {
        fn increment(&self, value: u64) {
            self.add(f64::from(u32::try_from(value).unwrap()));
        }

        fn absolute(&self, _: u64) {
            panic!("counters only go up");
        }
    }

    impl GaugeFn for One {
        fn increment(&self, _: f64) {
            panic!("the gauge is set");
        }

        fn decrement(&self, _: f64) {
            panic!("the gauge is set");
        }

        fn set(&self, value: f64) {
            self.add(value);
        }
    }

    impl HistogramFn for One {
        fn record(&self, value: f64) {
            self.add(value);
        }
    }

    impl Recorder for Numbers {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            Counter::from_arc(One::of(self, key))
        }

        fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::from_arc(One::of(self, key))
        }

        fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::from_arc(One::of(self, key))
        }
    }

    /// The same numbers as in `stats`.
    #[actix_web::test]
    async fn metrics_say_what_stats_say() {
        let (cache, numbers) = (PageCache::new(), Numbers::default());
        let _guard = metrics::set_default_local_recorder(&numbers);
        let app = app!(cache.clone());
        for (uri, headers, ..) in BAG {
            send(&app, asking(uri, headers)).await;
        }
        let (stats, told) = (cache.stats(), numbers.0.lock().unwrap());
        let (mut requests, mut fills) = (0, 0);
        for (handler, counts) in stats.handlers() {
            for outcome in Outcome::all().filter(|outcome| counts.count(*outcome) > 0) {
                let reason = outcome.reason().map_or("", Reason::as_str);
                let name = outcome.as_str();
                let name =
                    format!("cache_page_requests_total handler={handler} outcome={name} reason={reason}");
                assert_eq!(told[&name].len() as u64, counts.count(outcome), "{name}");
                requests += told[&name].len();
            }
            let times = &told[&format!("cache_page_fill_seconds handler={handler}")];
            assert_eq!(times.len() as u64, counts.fills(), "{handler}");
            assert!(times.iter().all(|time| (0.0..60.0).contains(time)));
            fills += times.len();
        }
        assert_eq!(requests, BAG.len());
        assert_eq!(told.values().map(Vec::len).sum::<usize>(), requests + 2 * fills, "one gauge a fill");
        assert_eq!(told["cache_page_bytes "].last().copied(), Some(stats.bytes() as f64));
    }
}
