//! `purge`.

use std::io::{self, BufRead as _};

use serde_json::{Value, json};

use crate::{
    args::{PurgeArgs, SelectorArgs},
    failure::Failure,
    output::{Report, one_line},
    progress::Progress,
    target::Target,
};

/// The purges that are shown one by one. The JSON output has all of them.
const SHOWN: usize = 20;

/// What to purge.
#[derive(Clone, Debug)]
pub(crate) struct Purge {
    /// `tag`, `path`, `url`, `prefix`, `handler` or `all`.
    pub(crate) kind: &'static str,
    /// Empty for `all`.
    pub(crate) value: String,
    pub(crate) soft: bool,
}

/// What a purge has done.
#[derive(Clone, Debug)]
pub(crate) struct PurgeResult {
    /// The pages that were in the memory of the process that was asked, or in the folder.
    pub(crate) purged: Option<u64>,
    pub(crate) delivery: Delivery,
}

/// Whether all processes have received a purge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// There is nobody else: the purge is complete.
    Done,
    /// The store has executed it, and all processes that share it receive it.
    Confirmed,
    /// The store has not confirmed it in time.
    Pending,
    /// The store has executed it, but nothing was ever stored there with this key prefix.
    NothingStored,
}

/// How many pages purges would remove, or make stale.
#[derive(Debug)]
pub(crate) struct Preview {
    /// The pages of each purge.
    pub(crate) pages: Vec<u64>,
    /// The pages of all purges, each once. `None` if that is not known.
    pub(crate) in_all: Option<u64>,
}

/// What was purged before something failed.
#[derive(Debug, Default)]
pub(crate) struct Purged {
    pub(crate) results: Vec<PurgeResult>,
    pub(crate) failure: Option<Failure>,
}

impl Delivery {
    fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Confirmed => "confirmed",
            Self::Pending => "pending",
            Self::NothingStored => "nothing-stored",
        }
    }

    pub(crate) fn is_delivered(self) -> bool {
        matches!(self, Self::Done | Self::Confirmed)
    }
}

/// `tag posts`, for messages.
impl std::fmt::Display for Purge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &*self.value {
            "" => f.write_str("all pages"),
            value => write!(f, "{} {}", self.kind, one_line(value)),
        }
    }
}

pub(crate) fn run(target: &mut dyn Target, args: &PurgeArgs) -> Result<Report, Failure> {
    let purges = purges(args)?;
    let mut report = if args.dry_run { preview(target, &purges)? } else { purge(target, &purges) };
    report.set("soft", args.soft);
    report.set("dry_run", args.dry_run);
    Ok(report)
}

fn purges(args: &PurgeArgs) -> Result<Vec<Purge>, Failure> {
    let (kind, values) = match &args.selector {
        SelectorArgs::Tag(values) => ("tag", values),
        SelectorArgs::Path(values) => ("path", values),
        SelectorArgs::Url(values) => ("url", values),
        SelectorArgs::Prefix(values) => ("prefix", values),
        SelectorArgs::Handler(values) => ("handler", values),
        SelectorArgs::All => return Ok(vec![Purge { kind: "all", value: String::new(), soft: args.soft }]),
    };
    let mut purges = Vec::new();
    let mut add = |value: &str| match value.trim() {
        "" => {}
        value => purges.push(Purge { kind, value: value.to_owned(), soft: args.soft }),
    };
    for value in &values.values {
        if value == "-" {
            for line in io::stdin().lock().lines() {
                add(&line.map_err(|error| Failure::other(format!("the standard input: {error}")))?);
            }
        } else {
            add(value);
        }
    }
    match purges.is_empty() {
        true => Err(Failure::usage(format!("there is no {kind} to purge: all values are empty"))),
        false => Ok(purges),
    }
}

fn preview(target: &mut dyn Target, purges: &[Purge]) -> Result<Report, Failure> {
    let (mut report, mut rows) = (Report::default(), Vec::new());
    let progress = Progress::of_pages();
    let Preview { pages, in_all } = target.preview(purges)?;
    drop(progress);
    for (purge, pages) in purges.iter().zip(&pages) {
        rows.push(json!({ "kind": purge.kind, "value": purge.value, "would_purge": pages }));
        if rows.len() <= SHOWN {
            report.line(format!("{purge}: would purge {}", pages_text(*pages)));
        }
    }
    let sum = pages.iter().sum();
    if purges.len() > 1 {
        report.line(match in_all {
            Some(in_all) => format!("in all: would purge {}", pages_text(in_all)),
            None => format!("in all: would purge at most {}", pages_text(sum)),
        });
    }
    report.set("purges", rows);
    report.set("would_purge", in_all.unwrap_or(sum));
    Ok(report)
}

fn purge(target: &mut dyn Target, purges: &[Purge]) -> Report {
    let progress = Progress::of_purges(purges.len());
    let Purged { results, failure } = target.purge(purges, &mut || progress.advance());
    drop(progress);
    let mut report = Report { failure, ..Report::default() };
    let rows: Vec<Value> = (purges.iter().zip(&results))
        .map(|(purge, result)| {
            json!({
                "kind": purge.kind, "value": purge.value, "purged": result.purged, "delivery": result.delivery.as_str(),
            })
        })
        .collect();
    for (purge, result) in purges.iter().zip(&results).take(SHOWN) {
        report.line(format!("{purge}: {}", text_of(purge, result)));
    }
    let count = |is: fn(Delivery) -> bool| results.iter().filter(|result| is(result.delivery)).count();
    let delivered = count(Delivery::is_delivered);
    let purged: Option<u64> = results.iter().map(|result| result.purged).sum();
    if purges.len() > 1 {
        let pages = purged.map(|pages| format!(", {}", pages_text(pages))).unwrap_or_default();
        report.line(format!("{delivered} of {} purges delivered{pages}", purges.len()));
    }
    report.set("purges", rows);
    report.set("requested", purges.len());
    report.set("delivered", delivered);
    report.set("purged", purged.filter(|_| !results.is_empty()));
    if report.failure.is_none() {
        report.failure = failure_of(purges.len(), &results);
    }
    report
}

fn failure_of(purges: usize, results: &[PurgeResult]) -> Option<Failure> {
    let count = |delivery| results.iter().filter(|result| result.delivery == delivery).count();
    let (pending, nothing_stored) = (count(Delivery::Pending), count(Delivery::NothingStored));
    if pending > 0 {
        let which =
            if purges == 1 { "the purge".to_owned() } else { format!("{pending} of {purges} purges") };
        return Some(
            Failure::unreachable(format!("the store has not confirmed {which} in time"))
                .hint("The application that was asked retries until it does. Until then, other processes may serve the purged pages."),
        );
    }
    (nothing_stored > 0).then(|| {
        Failure::nothing_there(
            "the purge was executed, but nothing was ever stored there with this key prefix",
        )
        .hint("Compare --key-prefix, the URL and the number of the database with those of the application.")
    })
}

fn text_of(purge: &Purge, result: &PurgeResult) -> String {
    let action = if purge.soft { "made stale" } else { "removed" };
    let pages = result.purged.map(|pages| format!("{} {action}", pages_text(pages)));
    let delivery = match (result.delivery, &pages) {
        (Delivery::Done, Some(_)) => None,
        (Delivery::Done, None) => Some("done"),
        (Delivery::Confirmed, _) => Some("delivered to all processes"),
        (Delivery::Pending, _) => Some("not confirmed yet"),
        (Delivery::NothingStored, _) => Some("nothing is stored with this key prefix"),
    };
    [pages.as_deref(), delivery].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

pub(crate) fn pages_text(pages: u64) -> String {
    if pages == 1 { "1 page".to_owned() } else { format!("{pages} pages") }
}
