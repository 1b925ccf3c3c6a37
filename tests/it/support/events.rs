//! The tracing events of the cache.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use tracing::{
    Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::{DefaultGuard, set_default},
};

/// Collects the events that the cache emits on the thread of the test, until it is dropped.
pub(crate) struct Events {
    list: Arc<Mutex<Vec<LogEvent>>>,
    _guard: DefaultGuard,
}

#[derive(Debug)]
pub(crate) struct LogEvent {
    pub(crate) level: Level,
    fields: BTreeMap<&'static str, String>,
}

impl Events {
    pub(crate) fn collect() -> Self {
        let list = Arc::default();
        Self { _guard: set_default(Collector(Arc::clone(&list))), list }
    }

    /// Removes and returns the events so far.
    pub(crate) fn take(&self) -> Vec<LogEvent> {
        std::mem::take(&mut *self.list.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// As [`take`](Self::take), where one event is expected.
    #[track_caller]
    pub(crate) fn take_one(&self) -> LogEvent {
        let mut events = self.take();
        assert!(events.len() == 1, "expected one event: {events:#?}");
        events.remove(0)
    }
}

impl LogEvent {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    pub(crate) fn message(&self) -> &str {
        self.field("message").unwrap_or_default()
    }
}

struct Collector(Arc<Mutex<Vec<LogEvent>>>);

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "cache_page"
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let event = LogEvent { level: *event.metadata().level(), fields: fields.0 };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event);
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
