//! `entries`.

use serde_json::{Value, json};

use crate::{
    args::EntriesArgs,
    failure::Failure,
    output::{Report, one_line},
    show,
    target::Target,
};

/// Which pages to list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub(crate) path: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) handler: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) limit: usize,
}

/// Stored pages: objects with `path`, `handler`, `status`, `bytes`, `age_seconds`, `ttl_seconds` and `state`.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    pub(crate) rows: Vec<Value>,
    /// Whether there are more than the limit.
    pub(crate) has_more: bool,
}

pub(crate) fn run(target: &mut dyn Target, args: &EntriesArgs) -> Result<Report, Failure> {
    let query = Query {
        path: args.path.clone(),
        tag: args.tag.clone(),
        handler: args.handler.clone(),
        status: args.status,
        limit: usize::try_from(args.limit).unwrap_or(usize::MAX),
    };
    let Pages { rows, has_more } = target.pages(&query)?;
    let mut report = Report::default();
    if rows.is_empty() {
        report.failure = Some(Failure::nothing_there("no stored page matches"));
    } else {
        report.text = table(&rows);
    }
    if has_more {
        report.line(format!("There are more; --limit {} shows more of them.", 4 * query.limit));
    }
    report.set("entries", rows);
    report.set("more", has_more);
    Ok(report)
}

/// Returns the pages as lines of text.
pub(crate) fn table(rows: &[Value]) -> String {
    let header = ["STATUS", "STATE", "AGE", "TTL", "BYTES", "PATH", "HANDLER"].map(str::to_owned);
    let lines = rows.iter().map(|row| {
        let text = |name: &str| row[name].as_str().map(one_line);
        [
            row["status"].as_u64().map_or("?".to_owned(), |status| status.to_string()),
            text("state").unwrap_or_default(),
            seconds(&row["age_seconds"]),
            seconds(&row["ttl_seconds"]),
            row["bytes"].as_u64().map_or("?".to_owned(), show::bytes),
            text("path").unwrap_or_default(),
            text("handler").unwrap_or_default(),
        ]
    });
    columns(&[vec![header], lines.collect()].concat())
}

/// Aligns columns.
fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn seconds(value: &Value) -> String {
    value.as_u64().map_or("-".to_owned(), show::seconds)
}

/// Returns what is stable of a page of the API.
pub(crate) fn row(entry: &Value) -> Value {
    json!({
        "path": entry["path"],
        "handler": entry["handler"],
        "status": entry["status"],
        "bytes": entry["bytes"],
        "age_seconds": entry["age_seconds"],
        "ttl_seconds": entry["ttl_seconds"],
        "state": entry["state"],
    })
}
