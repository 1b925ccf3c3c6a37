//! The tracing events of the cache.

use std::{cell::RefCell, collections::BTreeMap, fmt, sync::Once};

use tracing::{
    Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::set_global_default,
};

thread_local! {
    static COLLECTED: RefCell<Option<Vec<LogEvent>>> = const { RefCell::new(None) };
}

/// Collects the events that the cache emits on the thread of the test, until it is dropped.
pub(crate) struct Events(());

#[derive(Debug)]
pub(crate) struct LogEvent {
    pub(crate) level: Level,
    fields: BTreeMap<&'static str, String>,
}

impl Events {
    pub(crate) fn collect() -> Self {
        static INSTALL: Once = Once::new();
        // A subscriber for each thread would miss the events whose callsites other threads register at that moment.
        INSTALL.call_once(|| set_global_default(Collector).expect("no other subscriber"));
        COLLECTED.set(Some(Vec::new()));
        Self(())
    }

    /// Removes and returns the events so far.
    pub(crate) fn take(&self) -> Vec<LogEvent> {
        COLLECTED.replace(Some(Vec::new())).unwrap_or_default()
    }

    /// As [`take`](Self::take), where one event is expected.
    #[track_caller]
    pub(crate) fn take_one(&self) -> LogEvent {
        let mut events = self.take();
        assert!(events.len() == 1, "expected one event: {events:#?}");
        events.remove(0)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        COLLECTED.set(None);
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

struct Collector;

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "cache_page"
    }

    fn event(&self, event: &tracing::Event<'_>) {
        COLLECTED.with_borrow_mut(|collected| {
            let Some(events) = collected else { return };
            let mut fields = Fields::default();
            event.record(&mut fields);
            events.push(LogEvent { level: *event.metadata().level(), fields: fields.0 });
        });
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
