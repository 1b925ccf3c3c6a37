//! The handlers, by any column.

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
                        td.number { (format::percent(row.hit_ratio)) }
                        td.number { (format::count(row.stored)) }
                        td.number { (format::count(row.not_stored)) }
                        td.number { (format::count(row.bypassed)) }
                        td.number { (row.mean_fill_time.map_or_else(|| "–".to_owned(), format::duration)) }
                        td.number { (format::duration(row.saved_time)) }
                    }
                }
            }
        } }
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
