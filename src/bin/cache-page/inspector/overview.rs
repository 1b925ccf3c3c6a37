//! The numbers of an application as text.

use serde_json::Value;

use crate::{
    output::Report,
    show::{bytes, text as text_of},
};

/// The reasons that are shown.
const SHOWN: usize = 5;

pub(super) fn text(overview: &Value, base: &str) -> String {
    let mut report = Report::default();
    let stats = &overview["stats"];
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    report.line(format!("cache {} of {base}", text_of(&overview["cache"])));
    let ratio =
        overview["hit_ratio"].as_f64().map_or("-".to_owned(), |ratio| format!("{:.1} %", 100.0 * ratio));
    report.line(format!("requests    {}, hit ratio {ratio}", number(&stats["requests"])));
    for outcome in overview["outcomes"].as_array().into_iter().flatten() {
        if number(&outcome[1]) > 0 {
            report.line(format!("  {:<12}{}", text_of(&outcome[0]), number(&outcome[1])));
        }
    }
    let (used, most) = (number(&stats["bytes"]), number(&stats["max_bytes"]));
    report.line(format!("pages       {} in {} of {}", number(&stats["pages"]), bytes(used), bytes(most)));
    let saved = overview["saved_seconds"].as_f64().unwrap_or_default();
    report.line(format!("saved       {saved:.1} s of handler time"));
    let handlers = stats["handlers"].as_object();
    for (name, handler) in handlers.into_iter().flatten() {
        let name = crate::output::one_line(name);
        report.line(format!(
            "  {name}: requests {}, runs {}",
            number(&handler["requests"]),
            number(&handler["fills"])
        ));
    }
    if let Some(remote) = stats["remote"].as_object() {
        let state =
            if remote.get("is_available") == Some(&Value::Bool(true)) { "available" } else { "unavailable" };
        report.line(format!("store       {state}"));
    }
    let reasons = overview["reasons"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !reasons.is_empty() {
        report.line("why handlers ran, most frequent first:");
    }
    for reason in reasons.iter().take(SHOWN) {
        let (outcome, why) = (text_of(&reason["outcome"]), text_of(&reason["reason"]));
        report.line(format!(
            "  {} times {outcome} ({why}). {}",
            number(&reason["count"]),
            text_of(&reason["advice"])
        ));
    }
    let names = overview["caches"].as_array().map(Vec::as_slice).unwrap_or_default();
    if names.len() > 1 {
        let names: Vec<_> = names.iter().map(text_of).collect();
        report.line(format!("caches      {} (--cache NAME)", names.join(", ")));
    }
    report.text
}
