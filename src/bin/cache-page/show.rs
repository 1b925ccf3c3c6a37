//! `explain`, and how numbers look.

use serde_json::Value;

use crate::{
    args::ExplainArgs,
    failure::Failure,
    output::{Report, one_line},
    target::Target,
};

pub(crate) fn explain(target: &mut dyn Target, args: &ExplainArgs) -> Result<Report, Failure> {
    if args.headers.iter().any(|header| header.split_once(':').is_none_or(|(name, _)| name.trim().is_empty()))
    {
        return Err(Failure::usage("a header is written as 'Name: value'"));
    }
    let explanation = target.explain(&args.url, &args.headers)?;
    let mut report = Report { text: explanation_text(&explanation), ..Report::default() };
    if let Value::Object(fields) = explanation {
        report.json = fields;
    }
    Ok(report)
}

fn explanation_text(explanation: &Value) -> String {
    let mut report = Report::default();
    let list = |name: &str| explanation[name].as_array().map(Vec::as_slice).unwrap_or_default();
    report.line(text(&explanation["summary"]));
    if let Some(note) = explanation["note"].as_str() {
        report.line(one_line(note));
    }
    for step in list("steps") {
        let mark = if step["passes"] == true { "ok" } else { "no" };
        report.line(format!("  {mark}  {}: {}", text(&step["step"]), text(&step["text"])));
    }
    heading(&mut report, "Stored pages of this path, the nearest first:", list("entries"), |entry| {
        let differs: Vec<_> = entry["differs"].as_array().into_iter().flatten().map(text).collect();
        let differs = match &differs[..] {
            [] => String::new(),
            differs => format!(", with another {}", differs.join(" and ")),
        };
        let handler = entry["handler"].as_str().map(|name| format!(" page of {}", one_line(name)));
        let time =
            |name: &str, words: &str| entry[name].as_u64().map(|time| format!(", {} {words}", seconds(time)));
        let (age, ttl) = (time("age_seconds", "old"), time("ttl_seconds", "left"));
        [
            text(&entry["state"]),
            handler.unwrap_or_default(),
            age.unwrap_or_default(),
            ttl.unwrap_or_default(),
            differs,
        ]
        .concat()
    });
    heading(&mut report, "Latest requests of this path that ran a handler:", list("recent"), |run| {
        let ago = run["seconds_ago"].as_u64().map_or("?".to_owned(), seconds);
        format!("{ago} ago, {}: {}", text(&run["handler"]), text(&run["outcome"]))
    });
    // Without a page or a request of the path, the reasons are those of other handlers.
    let is_known = !list("entries").is_empty() || !list("recent").is_empty();
    let reasons = if is_known { list("reasons") } else { &[] };
    heading(&mut report, "Why these handlers ran, most frequent first:", reasons, |reason| {
        let what = format!("{} ({})", text(&reason["outcome"]), text(&reason["reason"]));
        format!("{} times {what}, {}. {}", reason["count"], text(&reason["handler"]), text(&reason["advice"]))
    });
    report.text
}

fn heading(report: &mut Report, title: &str, rows: &[Value], line: impl Fn(&Value) -> String) {
    if !rows.is_empty() {
        report.line(title);
        rows.iter().for_each(|row| report.line(format!("  {}", line(row))));
    }
}

/// Returns a string of the target in one line.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().map(one_line).unwrap_or_default()
}

/// Returns a number of bytes as people write it.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let (mut value, mut unit) = (bytes, "B");
    let mut tenths = None;
    for next in UNITS {
        if value < 1024 {
            break;
        }
        tenths = Some(value % 1024 * 10 / 1024);
        (value, unit) = (value / 1024, next);
    }
    match tenths {
        Some(tenths) if value < 100 => format!("{value}.{tenths} {unit}"),
        _ => format!("{value} {unit}"),
    }
}

/// Returns a time as people write it.
pub(crate) fn seconds(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let shown = [0, 1023, 1024, 1536, 64 << 20, 1 << 40].map(bytes);
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "64.0 MiB", "1.0 TiB"]);
        assert_eq!([59, 600, 7200, 864_000].map(seconds), ["59 s", "10 min", "2 h", "10 d"]);
    }
}
