//! What is looked for among the pages of a store.

use std::ops::ControlFlow;

use cache_page::remote::{PageDetails, PageHead, Selection, Visitor};
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    output::Report,
    pages::{Pages, Query},
    purge::{Preview, pages_text},
    show,
};

/// Counts pages.
#[derive(Debug, Default)]
pub(super) struct Count {
    /// Which pages are counted. `None` for all.
    pub(super) selections: Vec<Selection>,
    /// The pages of each selection.
    pub(super) selected: Vec<u64>,
    /// The pages of any selection.
    pub(super) selected_by_any: u64,
    pub(super) pages: u64,
    pub(super) fresh: u64,
    pub(super) bytes: u64,
}

impl Count {
    pub(super) fn of(selections: Vec<Selection>) -> Self {
        Self { selected: vec![0; selections.len()], selections, ..Self::default() }
    }

    /// Returns what the purges of the selections would do.
    pub(super) fn into_preview(self) -> Preview {
        Preview { pages: self.selected, in_all: Some(self.selected_by_any) }
    }

    /// Returns the report of all pages, for `stats`.
    pub(super) fn report(&self, key_prefix: &str) -> Report {
        let Self { pages, fresh, bytes, .. } = self;
        let mut report = Report::default();
        report.line(format!("stored  {} in {}, {fresh} fresh", pages_text(*pages), show::bytes(*bytes)));
        report.set(
            "stats",
            json!({ "key_prefix": key_prefix, "pages": pages, "fresh": fresh, "bytes": bytes }),
        );
        report
    }
}

impl Visitor for Count {
    fn wants(&mut self, _: &PageHead) -> bool {
        false
    }

    fn visit(&mut self, head: &PageHead, _: Option<PageDetails>) -> ControlFlow<()> {
        self.pages += 1;
        self.fresh += u64::from(head.is_fresh);
        self.bytes += head.bytes;
        let mut is_selected = false;
        for (selection, count) in self.selections.iter().zip(&mut self.selected) {
            let selects = selection.selects(head);
            *count += u64::from(selects);
            is_selected |= selects;
        }
        self.selected_by_any += u64::from(is_selected);
        ControlFlow::Continue(())
    }
}

/// Collects pages.
#[derive(Debug)]
pub(super) struct Search {
    path: Path,
    tag: Option<(String, Selection)>,
    handler: Option<(String, Selection)>,
    status: Option<u16>,
    limit: usize,
    found: Pages,
}

#[derive(Debug)]
enum Path {
    Any,
    Exact(String),
    Prefix(String),
    Part(String),
}

impl Search {
    pub(super) fn new(query: &Query) -> Result<Self, Failure> {
        let selection = |kind, value: &Option<String>| match value {
            None => Ok(None),
            Some(value) => Selection::parse(kind, value)
                .map(|selection| Some((value.clone(), selection)))
                .map_err(Failure::usage),
        };
        let path = match query.path.as_deref() {
            None => Path::Any,
            Some(path) => match (path.strip_suffix('*'), Selection::parse("path", path)) {
                (Some(prefix), _) => Path::Prefix(prefix.to_owned()),
                (None, Ok(exact)) => Path::Exact(exact.path().unwrap_or(path).to_owned()),
                (None, Err(_)) => Path::Part(path.to_owned()),
            },
        };
        Ok(Self {
            path,
            tag: selection("tag", &query.tag)?,
            handler: selection("handler", &query.handler)?,
            status: query.status,
            limit: query.limit,
            found: Pages::default(),
        })
    }

    pub(super) fn into_pages(self) -> Pages {
        self.found
    }
}

impl Visitor for Search {
    fn wants(&mut self, head: &PageHead) -> bool {
        let path = match &self.path {
            Path::Any => true,
            Path::Exact(path) => same_path(path, &head.path),
            Path::Prefix(prefix) => head.path.starts_with(prefix),
            Path::Part(part) => head.path.contains(part),
        };
        let selects = |selection: &Option<(String, Selection)>| {
            selection.as_ref().is_none_or(|(_, selection)| selection.selects(head))
        };
        path && selects(&self.tag) && selects(&self.handler)
    }

    fn visit(&mut self, head: &PageHead, details: Option<PageDetails>) -> ControlFlow<()> {
        // Pages that are not wanted have no details.
        let Some(details) = details else { return ControlFlow::Continue(()) };
        if self.status.is_some_and(|status| status != details.status) {
            return ControlFlow::Continue(());
        }
        if self.found.rows.len() == self.limit {
            self.found.has_more = true;
            return ControlFlow::Break(());
        }
        self.found.rows.push(row(head, &details));
        ControlFlow::Continue(())
    }
}

/// Compares paths in their normal form, in which a slash at the end may be left.
fn same_path(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

fn row(head: &PageHead, details: &PageDetails) -> Value {
    json!({
        "path": head.path,
        "handler": details.handler,
        "status": details.status,
        "bytes": head.bytes,
        "age_seconds": head.age.as_secs(),
        "ttl_seconds": head.ttl.map(|ttl| ttl.as_secs()),
        "state": if head.is_fresh { "fresh" } else { "stale" },
    })
}

/// Finds the pages of a URL's path, and what is different about them.
#[derive(Debug)]
pub(super) struct Nearest {
    url: Selection,
    path: String,
    query: Option<String>,
    found: Vec<Value>,
}

/// The pages that are shown.
const SHOWN: usize = 20;

impl Nearest {
    pub(super) fn new(url: &str) -> Result<Self, Failure> {
        let selection = Selection::parse("url", url).map_err(Failure::usage)?;
        let path = selection.path().unwrap_or_default().to_owned();
        let query = url.split_once('?').map(|(_, query)| query.to_owned());
        Ok(Self { url: selection, path, query, found: Vec::new() })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Returns what is known, as the API of the inspector has it. `store` says where the pages are.
    pub(super) fn explain(mut self, url: &str, store: &str) -> Value {
        self.keep_nearest();
        let (verdict, summary) = match self.found.first() {
            None => ("not-stored", format!("No page of this path is stored in {store}.")),
            Some(entry) if differs(entry) > 0 => {
                ("not-stored", format!("Pages of this path are stored in {store}, but none of this URL."))
            }
            Some(entry) if entry["state"] == "fresh" => {
                ("stored", format!("A fresh page of this URL is stored in {store}."))
            }
            Some(_) => ("stale", format!("The page of this URL in {store} is stale.")),
        };
        let note = "Whether a request is a hit depends on its headers and on the handler too, which only the application knows: ask \
                    its inspector with --inspector.";
        json!({ "url": url, "verdict": verdict, "summary": summary, "note": note, "entries": self.found })
    }

    /// Forgets all pages but those that are shown.
    fn keep_nearest(&mut self) {
        self.found.sort_by_key(|entry| (differs(entry), entry["state"] != "fresh"));
        self.found.truncate(SHOWN);
    }

    fn differences(&self, details: &PageDetails) -> Vec<&'static str> {
        let (scheme, host) = &details.origin;
        let (scheme, host) = self.url.origin().map_or((false, false), |(own_scheme, own_host)| {
            (!own_scheme.eq_ignore_ascii_case(scheme), !own_host.eq_ignore_ascii_case(host))
        });
        let query = self.query.as_deref().unwrap_or_default() != details.query.as_deref().unwrap_or_default();
        [(scheme, "scheme"), (host, "host"), (query, "query")]
            .into_iter()
            .filter_map(|(is, what)| is.then_some(what))
            .collect()
    }
}

/// Returns in how many parts of the URL a page differs.
fn differs(entry: &Value) -> usize {
    entry["differs"].as_array().map_or(0, Vec::len)
}

impl Visitor for Nearest {
    fn wants(&mut self, head: &PageHead) -> bool {
        same_path(&self.path, &head.path)
    }

    fn visit(&mut self, head: &PageHead, details: Option<PageDetails>) -> ControlFlow<()> {
        let Some(details) = details else { return ControlFlow::Continue(()) };
        let mut found = row(head, &details);
        found["differs"] = self.differences(&details).into();
        self.found.push(found);
        // A path may have very many pages, of which that of the URL is the last one.
        if self.found.len() >= 2 * SHOWN {
            self.keep_nearest();
        }
        ControlFlow::Continue(())
    }
}
