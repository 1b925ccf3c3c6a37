//! Recorders of the `metrics` crate.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

/// All recorded values, by name and labels.
#[derive(Clone, Default)]
pub(super) struct Values(Arc<Mutex<BTreeMap<String, Vec<f64>>>>);

impl Values {
    /// Returns the values that are recorded on all threads without a recorder of their own.
    pub(super) fn of_the_process() -> &'static Self {
        static VALUES: OnceLock<Values> = OnceLock::new();
        VALUES.get_or_init(|| {
            let values = Self::default();
            metrics::set_global_recorder(values.clone()).expect("no other recorder");
            values
        })
    }

    /// Returns how often a metric was recorded.
    pub(super) fn count(&self, metric: &str) -> usize {
        self.lock().get(metric).map_or(0, Vec::len)
    }

    /// Returns the last value of a metric.
    pub(super) fn last(&self, metric: &str) -> Option<f64> {
        self.lock().get(metric)?.last().copied()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<f64>>> {
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

/// Names of the metrics that are described.
#[derive(Clone, Default)]
pub(super) struct Descriptions(Arc<Mutex<BTreeSet<String>>>);

impl Descriptions {
    pub(super) fn contains(&self, metric: &str) -> bool {
        self.0.lock().unwrap().contains(metric)
    }

    pub(super) fn names(&self) -> BTreeSet<String> {
        self.0.lock().unwrap().clone()
    }

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
