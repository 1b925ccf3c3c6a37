//! The tracing events and spans of the cache.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt,
    sync::{
        Once,
        atomic::{AtomicU64, Ordering},
    },
};

use tracing::{
    Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::set_global_default,
};
use tracing_core::span::Current;

thread_local! {
    static COLLECTED: RefCell<Option<Collected>> = const { RefCell::new(None) };
}

/// Collects the events and spans of the cache on the thread of the test, until it is dropped. Spans of the test have the target `test`.
pub(crate) struct Events(());

#[derive(Default)]
struct Collected {
    events: Vec<LogEvent>,
    spans: Vec<LogSpan>,
    /// All spans of the thread.
    metadata: BTreeMap<u64, &'static Metadata<'static>>,
    /// The spans that were entered.
    stack: Vec<span::Id>,
}

#[derive(Debug)]
pub(crate) struct LogEvent {
    pub(crate) level: Level,
    /// The span that it was emitted in.
    pub(crate) span: Option<span::Id>,
    fields: BTreeMap<&'static str, String>,
}

#[derive(Debug)]
pub(crate) struct LogSpan {
    pub(crate) id: span::Id,
    pub(crate) name: &'static str,
    pub(crate) parent: Option<span::Id>,
    pub(crate) follows: Vec<span::Id>,
    fields: BTreeMap<&'static str, String>,
}

impl Events {
    pub(crate) fn collect() -> Self {
        static INSTALL: Once = Once::new();
        // A subscriber for each thread would miss the events whose callsites other threads register at that moment.
        INSTALL.call_once(|| set_global_default(Collector).expect("no other subscriber"));
        COLLECTED.set(Some(Collected::default()));
        Self(())
    }

    /// Removes and returns the events so far.
    pub(crate) fn take(&self) -> Vec<LogEvent> {
        collected(|collected| std::mem::take(&mut collected.events)).unwrap_or_default()
    }

    /// As [`take`](Self::take), where one event is expected.
    #[track_caller]
    pub(crate) fn take_one(&self) -> LogEvent {
        let mut events = self.take();
        assert!(events.len() == 1, "expected one event: {events:#?}");
        events.remove(0)
    }

    /// Removes and returns the spans of the cache so far.
    pub(crate) fn take_spans(&self) -> Vec<LogSpan> {
        collected(|collected| std::mem::take(&mut collected.spans)).unwrap_or_default()
    }

    /// As [`take_spans`](Self::take_spans), where one span is expected.
    #[track_caller]
    pub(crate) fn take_span(&self) -> LogSpan {
        let mut spans = self.take_spans();
        assert!(spans.len() == 1, "expected one span: {spans:#?}");
        spans.remove(0)
    }
}

fn collected<T>(f: impl FnOnce(&mut Collected) -> T) -> Option<T> {
    COLLECTED.with_borrow_mut(|collected| collected.as_mut().map(f))
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

impl LogSpan {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

struct Collector;

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        ["cache_page", "test"].contains(&metadata.target())
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        collected(|collected| {
            let span = collected.stack.last().cloned();
            collected.events.push(LogEvent { level: *event.metadata().level(), span, fields: fields.0 });
        });
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        static IDS: AtomicU64 = AtomicU64::new(1);
        let id = span::Id::from_u64(IDS.fetch_add(1, Ordering::Relaxed));
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        collected(|collected| {
            let current = collected.stack.last().filter(|_| attributes.is_contextual());
            let parent = attributes.parent().or(current).cloned();
            let metadata = attributes.metadata();
            collected.metadata.insert(id.into_u64(), metadata);
            if metadata.target() == "cache_page" {
                let (id, name) = (id.clone(), metadata.name());
                collected.spans.push(LogSpan { id, name, parent, follows: Vec::new(), fields: fields.0 });
            }
        });
        id
    }

    fn record(&self, id: &span::Id, record: &span::Record<'_>) {
        with_span(id, |span| {
            let mut fields = Fields::default();
            record.record(&mut fields);
            span.fields.append(&mut fields.0);
        });
    }

    fn record_follows_from(&self, id: &span::Id, cause: &span::Id) {
        with_span(id, |span| span.follows.push(cause.clone()));
    }

    fn enter(&self, id: &span::Id) {
        collected(|collected| collected.stack.push(id.clone()));
    }

    fn exit(&self, id: &span::Id) {
        collected(|collected| {
            let entered = collected.stack.iter().rposition(|entered| entered == id);
            entered.map(|position| collected.stack.remove(position))
        });
    }

    fn current_span(&self) -> Current {
        let current = collected(|collected| {
            let id = collected.stack.last()?;
            Some(Current::new(id.clone(), collected.metadata.get(&id.into_u64())?))
        });
        current.flatten().unwrap_or_else(Current::none)
    }
}

fn with_span(id: &span::Id, f: impl FnOnce(&mut LogSpan)) {
    collected(|collected| collected.spans.iter_mut().find(|span| span.id == *id).map(f));
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
