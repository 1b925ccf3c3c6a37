//! Metrics of the `metrics` crate.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cache_page::{Outcome, PageCache, Reason, RemovalCause};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

use super::{SAMPLES, builder, send_samples};
use crate::support::TestApp;

/// All recorded values, by name and labels.
#[derive(Clone, Default)]
struct Values(Arc<Mutex<BTreeMap<String, Vec<f64>>>>);

impl Values {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<f64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn metric(&self, key: &Key) -> Arc<Metric> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        Arc::new(Metric { values: self.clone(), name: format!("{} {}", key.name(), labels.join(" ")) })
    }
}

struct Metric {
    values: Values,
    name: String,
}

impl Metric {
    fn add(&self, value: f64) {
        self.values.lock().entry(self.name.clone()).or_default().push(value);
    }
}

impl CounterFn for Metric {
    fn increment(&self, value: u64) {
        self.add(f64::from(u32::try_from(value).unwrap()));
    }

    fn absolute(&self, _: u64) {
        panic!("counters are only incremented");
    }
}

impl GaugeFn for Metric {
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

impl HistogramFn for Metric {
    fn record(&self, value: f64) {
        self.add(value);
    }
}

impl Recorder for Values {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.metric(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.metric(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.metric(key))
    }
}

/// Sends all samples and returns the values that were recorded.
async fn record() -> (TestApp, Values) {
    let values = Values::default();
    let _guard = metrics::set_default_local_recorder(&values);
    let app = builder().cache(|cache| cache.name("site")).start().await;
    send_samples(&app).await;
    (app, values.clone())
}

#[actix_web::test]
async fn request_counter_has_the_counts_of_stats() {
    let (app, values) = record().await;
    let (values, mut requests) = (values.lock(), 0);
    for (handler, counts) in app.cache().stats().handlers() {
        for outcome in Outcome::all().filter(|outcome| counts.count(*outcome) > 0) {
            let (result, reason) = (outcome.as_str(), outcome.reason().map_or("", Reason::as_str));
            let name = format!(
                "cache_page_requests_total cache=site handler={handler} outcome={result} reason={reason}"
            );
            assert_eq!(values[&name].len() as u64, counts.count(outcome), "{name}");
            requests += values[&name].len();
        }
    }
    assert_eq!(requests, SAMPLES.len());
}

#[actix_web::test]
async fn fill_histogram_has_a_duration_for_each_fill() {
    let (app, values) = record().await;
    let values = values.lock();
    for (handler, counts) in app.cache().stats().handlers() {
        let durations = &values[&format!("cache_page_fill_seconds cache=site handler={handler}")];
        assert_eq!(durations.len() as u64, counts.fills(), "{handler}");
        assert!(durations.iter().all(|seconds| *seconds >= 0.0), "{handler}: {durations:?}");
    }
}

#[actix_web::test]
async fn age_histogram_has_the_age_of_each_page_that_was_sent() {
    let values = Values::default();
    let _guard = metrics::set_default_local_recorder(&values);
    let app = builder().cache(|cache| cache.name("site")).start().await;
    app.get("/plain").await.assert_stored();
    for _ in 0..2 {
        app.advance(7);
        app.get("/plain").await.assert_hit();
    }
    assert_eq!(values.lock()["cache_page_hit_age_seconds cache=site handler=plain"], [7.0, 14.0]);
}

#[actix_web::test]
async fn gauges_are_set_after_each_stored_response() {
    let (app, values) = record().await;
    let (values, stats) = (values.lock(), app.cache().stats());
    for (gauge, expected) in
        [("bytes", stats.bytes()), ("entries", stats.pages()), ("limit_bytes", 64 * 1024 * 1024)]
    {
        let set = &values[&format!("cache_page_{gauge} cache=site")];
        let stored = stats.count(Outcome::Stored);
        assert_eq!((set.len() as u64, set.last().copied()), (stored, Some(expected as f64)), "{gauge}");
    }
}

#[actix_web::test]
async fn purges_are_counted_and_set_the_gauges() {
    let values = Values::default();
    let _guard = metrics::set_default_local_recorder(&values);
    let app = builder().cache(|cache| cache.name("site")).start().await;
    send_samples(&app).await;
    app.cache().purge_path("/plain").await.unwrap();
    app.cache().expire_all().await.unwrap();
    let (values, stats) = (values.lock(), app.cache().stats());
    assert_eq!(values["cache_page_purges_total cache=site mode=purge selector=path"], [1.0]);
    assert_eq!(values["cache_page_purges_total cache=site mode=soft-purge selector=all"], [1.0]);
    assert_eq!(values["cache_page_purged_entries_total cache=site mode=purge"], [2.0]);
    let entries = &values["cache_page_entries cache=site"];
    assert_eq!(entries.last().copied(), Some(stats.pages() as f64));
}

#[actix_web::test]
async fn removed_pages_are_counted_by_cause() {
    let values = Values::default();
    let _guard = metrics::set_default_local_recorder(&values);
    let app = builder().cache(|cache| cache.name("site")).start().await;
    send_samples(&app).await;
    app.cache().purge_path("/plain").await.unwrap();
    app.get("/plain").await.assert_stored();
    app.advance(60);
    app.cache().remove_expired();
    app.cache().record_metrics();
    let (values, stats) = (values.lock(), app.cache().stats());
    for cause in RemovalCause::ALL {
        let name = format!("cache_page_removed_entries_total cache=site cause={cause}");
        let recorded = values.get(&name).map_or(0.0, |counts| counts.iter().sum());
        assert_eq!(recorded, stats.removed(*cause) as f64, "{cause}");
    }
    assert_eq!(values["cache_page_removed_entries_total cache=site cause=purged"], [2.0]);
}

#[actix_web::test]
async fn gauges_of_several_caches_have_their_names() {
    let values = Values::default();
    let _guard = metrics::set_default_local_recorder(&values);
    let app = TestApp::builder()
        .cache(|cache| cache.name("site").named_cache("downloads", PageCache::new()))
        .start()
        .await;
    app.get("/").await.assert_stored();
    app.cache().record_metrics();
    let last = |gauge: &str| values.lock()[gauge].last().copied();
    assert_eq!(last("cache_page_entries cache=site"), Some(1.0));
    assert_eq!(last("cache_page_entries cache=downloads"), Some(0.0));
}

#[actix_web::test]
async fn no_other_metrics_are_recorded() {
    let (_, values) = record().await;
    let known = ["requests_total", "fill_seconds", "hit_age_seconds", "entries", "bytes", "limit_bytes"];
    for name in values.lock().keys() {
        let metric = name.split(' ').next().unwrap();
        assert!(known.iter().any(|known| metric == format!("cache_page_{known}")), "{name}");
    }
}

/// Names of the metrics that are described.
#[derive(Clone, Default)]
struct Descriptions(Arc<Mutex<BTreeSet<String>>>);

impl Descriptions {
    fn add(&self, name: &KeyName) {
        self.0.lock().unwrap().insert(name.as_str().to_owned());
    }
}

impl Recorder for Descriptions {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.add(&name);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.add(&name);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.add(&name);
    }

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[actix_web::test]
async fn all_metrics_are_described_when_a_cache_is_built() {
    let values = Values::default();
    let guard = metrics::set_default_local_recorder(&values);
    let app = builder().start().await;
    send_samples(&app).await;
    app.cache().purge_all().await.unwrap();
    drop(guard);
    let descriptions = Descriptions::default();
    let _guard = metrics::set_default_local_recorder(&descriptions);
    drop(PageCache::new());
    for name in values.lock().keys() {
        let metric = name.split(' ').next().unwrap();
        assert!(descriptions.0.lock().unwrap().contains(metric), "{metric}");
    }
}

#[test]
fn dashboard_and_alert_rules_name_described_metrics() {
    let descriptions = Descriptions::default();
    metrics::with_local_recorder(&descriptions, || drop(PageCache::new()));
    for text in [
        include_str!("../../../docs/operations/grafana.json"),
        include_str!("../../../docs/operations/alerts.yml"),
    ] {
        let words = text.split(|letter: char| !letter.is_ascii_lowercase() && letter != '_');
        let mut names = words.filter(|word| word.starts_with("cache_page_")).peekable();
        assert!(names.peek().is_some());
        for name in names {
            let metric = name.strip_suffix("_bucket").unwrap_or(name);
            assert!(descriptions.0.lock().unwrap().contains(metric), "{name}");
        }
    }
}
