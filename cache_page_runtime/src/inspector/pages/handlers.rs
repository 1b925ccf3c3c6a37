//! The handlers, by any column.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse};
use maud::html;

use super::{
    format,
    layout::{Reload, cache_query, encoded, page},
};
use crate::inspector::{
    handlers::{SORTS, list},
    query::{Query, Refusal},
};

pub(in crate::inspector) async fn handlers(request: HttpRequest) -> Result<HttpResponse, Refusal> {
    let query = Query::of(&request, &[])?;
    let sort = query.params.get("sort").unwrap_or("requests");
    let rows = list(&query.cache, sort);
    let joined =
        if cache_query(&query).is_empty() { "?".to_owned() } else { format!("{}&", cache_query(&query)) };
    let content = html! {
        h1 { "Handlers" }
        @if rows.is_empty() { p.muted { "No handler has served a request yet." } }
        div.scroll tabindex="0" role="region" aria-label="Handlers" { table {
            thead { tr {
                @for (name, title) in SORTS {
                    th.number[name != "name"] scope="col" aria-sort=[(name == sort).then_some(if name == "name" { "ascending" } else { "descending" })] {
                        a href={ (query.base) "/handlers" (query.params.query_with(&[("sort", name)])) } { (title) @if name == sort { " ▾" } }
                    }
                }
            } }
            tbody {
                @for row in &rows {
                    tr {
                        th.mono scope="row" { a href={ (query.base) "/entries" (joined) "handler=" (encoded(row.name)) } { (row.name) } }
                        td.number { (format::count(row.requests)) }
                        td.number { (format::count(row.answered)) }
                        td.number { (format::count(row.misses())) }
                        td.number { (format::percent(row.hit_ratio)) }
                        td.number { (format::count(row.bypassed)) }
                        td.number { (time(row.p50)) }
                        td.number { (time(row.p99)) }
                        td.number { (format::duration(row.saved_time)) }
                        td.number { (format::count(row.pages as u64)) }
                        td.number { (format::bytes(row.bytes)) }
                        td.number { (format::count(row.purged)) }
                    }
                }
            }
        } }
        @if !rows.is_empty() {
            p.muted {
                "Hits are all requests that were answered without the handler, misses those that ran it and did not bypass the cache. "
                "p50 and p99 are how long the handler ran, at most an eighth wrong. Purged pages are those that left this process's memory; "
                "pages that were made stale do not count."
            }
        }
        @for row in rows.iter().filter(|row| !row.reasons.is_empty()) {
            h2 { "Why " code { (row.name) } " runs" }
            ul {
                @for reason in &row.reasons {
                    li { (reason.outcome) ": " code { (reason.reason.as_str()) } ", " (format::count(reason.count)) " times. " (reason.advice()) }
                }
            }
        }
    };
    Ok(page(&query, "/handlers", "Handlers", Reload::Never, &content))
}

fn time(time: Option<Duration>) -> String {
    time.map_or_else(|| "–".to_owned(), format::duration)
}
