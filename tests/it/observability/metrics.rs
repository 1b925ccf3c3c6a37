//! Metrics of the `metrics` crate.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cache_page::{Outcome, Reason};
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
    let app = builder().start().await;
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
            let name =
                format!("cache_page_requests_total handler={handler} outcome={result} reason={reason}");
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
        let durations = &values[&format!("cache_page_fill_seconds handler={handler}")];
        assert_eq!(durations.len() as u64, counts.fills(), "{handler}");
        assert!(durations.iter().all(|seconds| *seconds >= 0.0), "{handler}: {durations:?}");
    }
}

#[actix_web::test]
async fn bytes_gauge_is_set_after_each_fill() {
    let (app, values) = record().await;
    let (values, stats) = (values.lock(), app.cache().stats());
    let fills: u64 = stats.handlers().map(|(_, counts)| counts.fills()).sum();
    let bytes = &values["cache_page_bytes "];
    assert_eq!((bytes.len() as u64, bytes.last().copied()), (fills, Some(stats.bytes() as f64)));
}

#[actix_web::test]
async fn no_other_metrics_are_recorded() {
    let (_, values) = record().await;
    for name in values.lock().keys() {
        let metric = name.split(' ').next().unwrap();
        let known = ["cache_page_requests_total", "cache_page_fill_seconds", "cache_page_bytes"];
        assert!(known.contains(&metric), "{name}");
    }
}
