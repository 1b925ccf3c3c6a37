//! The stored pages: a search, and all about one of them.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};

use super::{
    format,
    layout::{Reload, cache_field, cache_query, encoded, invalid, page},
};
use crate::{
    inspector::{
        entries::{Filter, PAGE, Results, SORTS, Scope, find, state},
        params::Params,
        query::{Query, Refusal, blocking},
    },
    store::EntryInfo,
};

pub(in crate::inspector) async fn entries(request: HttpRequest) -> Result<HttpResponse, Refusal> {
    let query = Query::of(&request, &[])?;
    let (cache, filter) = (query.cache.clone(), Filter::parse(&query.params));
    let after = query.params.get("after").map(str::to_owned);
    let results = blocking(move || filter.search(&cache, after.as_deref())).await?;
    let content = html! {
        h1 { "Entries" }
        (form(&query))
        (table(&query, &results))
    };
    Ok(page(&query, "/entries", "Entries", Reload::Never, &content))
}

fn form(query: &Query) -> Markup {
    let field = |name: &'static str, label: &'static str, hint: &'static str| {
        html! {
            label {
                (label)
                input type="text" name=(name) value=(query.params.get(name).unwrap_or_default()) placeholder=(hint) autocomplete="off" spellcheck="false";
            }
        }
    };
    let sort = query.params.get("sort").unwrap_or_default();
    html! {
        form.search method="get" action={ (query.base) "/entries" } role="search" {
            (cache_field(query))
            (field("path", "Path", "/posts/1, /posts/*, or a part"))
            (field("tag", "Tag", "posts"))
            (field("handler", "Handler", "blog::post"))
            (field("status", "Status", "200"))
            label {
                "Order"
                select name="sort" {
                    @for (name, title) in SORTS { option value=(name) selected[name == sort] { (title) } }
                }
            }
            button type="submit" { "Search" }
        }
    }
}

fn table(query: &Query, results: &Results) -> Markup {
    html! {
        p role="status" {
            @if let Scope::LookedAt(pages) = results.scope {
                "Looked at the first " (format::count(pages as u64)) " of " (format::count(query.cache.stats().pages() as u64))
                " pages, because the time was over: "
            }
            @match results.matches {
                Some(matches) => { (format::count(matches as u64)) " " (format::pages(matches)) " found." },
                None => { (format::count(results.entries.len() as u64)) " " (format::pages(results.entries.len())) " shown." },
            }
            @if results.after.is_some() { " There may be more." }
            @if matches!(results.scope, Scope::LookedAt(_)) {
                " " a href={ (query.base) "/entries" (query.params.query_with(&[("time", "30000")])) } { "Look at all pages" } ", which takes longer."
            }
        }
        @if !results.entries.is_empty() { (rows(query, &results.entries)) }
        @if let Some(after) = &results.after {
            p { a rel="next" href={ (query.base) "/entries" (query.params.query_with(&[("after", after)])) } { "Next " (PAGE) " pages" } }
        }
        @if query.params.get("after").is_some() {
            p { a href={ (query.base) "/entries" (query.params.query_with(&[("after", "")])) } { "Back to the first pages" } }
        }
    }
}

/// Returns a table of entries, which lead to their own pages.
pub(super) fn rows(query: &Query, entries: &[EntryInfo]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Stored pages" { table {
            thead { tr {
                th scope="col" { "Path" }
                th scope="col" { "State" }
                th.number scope="col" { "Status" }
                th.number scope="col" { "Size" }
                th.number scope="col" { "Age" }
                th.number scope="col" { "TTL left" }
                th.number scope="col" { "Recent hits" }
                th scope="col" { "Handler" }
            } }
            tbody {
                @for entry in entries {
                    tr {
                        th.mono.text scope="row" { a href=(link(query, entry)) { (entry.path()) } }
                        td { (state_label(entry)) }
                        td.number { (entry.status().as_u16()) }
                        td.number { (format::bytes(entry.bytes())) }
                        td.number { (format::duration(entry.age())) }
                        td.number { (ttl(entry.ttl())) }
                        td.number { (recent_hits(entry)) }
                        td.mono { (entry.handler()) }
                    }
                }
            }
        } }
    }
}

/// Returns the URL of an entry's own page.
pub(super) fn link(query: &Query, entry: &EntryInfo) -> String {
    format!("{}/entries/{}{}", query.base, entry.id(), cache_query(query))
}

pub(super) fn state_label(entry: &EntryInfo) -> Markup {
    let (class, text) = match state(entry) {
        "fresh" => ("good", "fresh"),
        "stale" => ("warn", "stale"),
        _ => ("muted", "expired"),
    };
    html! { span class=(class) { (text) } }
}

fn ttl(ttl: Option<Duration>) -> String {
    ttl.map_or_else(|| "no expiry".to_owned(), format::duration)
}

/// Hits are counted up to 3.
fn recent_hits(entry: &EntryInfo) -> String {
    match entry.recent_hits() {
        hits @ 0..3 => hits.to_string(),
        hits => format!("{hits} or more"),
    }
}

pub(in crate::inspector) async fn entry(request: HttpRequest) -> Result<HttpResponse, Refusal> {
    let query = Query::of(&request, &[])?;
    let (cache, id) = (query.cache.clone(), Query::entry_id(&request));
    let Some(entry) = blocking(move || find(&cache, &id)).await? else {
        let mut response = invalid(&query, "/entries", "There is no such page, or not any more.");
        *response.status_mut() = actix_web::http::StatusCode::NOT_FOUND;
        return Ok(response);
    };
    let content = html! {
        h1 { code { (entry.path()) } }
        (summary(&query, &entry))
        (headers(&entry))
        (actions(&query, &entry))
    };
    Ok(page(&query, "/entries", entry.path(), Reload::Never, &content))
}

fn summary(query: &Query, entry: &EntryInfo) -> Markup {
    let encodings: Vec<_> = entry.encodings().collect();
    let vary: Vec<_> = entry.vary().collect();
    html! {
        dl {
            dt { "State" } dd { (state_label(entry)) }
            dt { "Status" } dd { (entry.status().to_string()) }
            dt { "Handler" } dd { code { (entry.handler()) } }
            dt { "Age" } dd { (format::duration(entry.age())) }
            dt { "TTL left" } dd { (ttl(entry.ttl())) }
            dt { "Handler ran for" } dd { (format::duration(entry.fill_time())) }
            dt { "Recent hits" } dd { (recent_hits(entry)) " (counted up to 3)" }
            dt { "Body" } dd { (format::bytes(entry.body_len())) }
            dt { "Encoded bodies" } dd { @if encodings.is_empty() { "none" } @else { (encodings.join(", ")) } }
            dt { "Memory" } dd { (format::bytes(entry.bytes())) ", with key, headers and bookkeeping" }
            dt { "Where it is" } dd { "memory of this process" @if entry.has_remote_ref() { ", remote store" } }
            dt { "Key" }
            dd {
                "handler, scheme, host, path, query, and what the handler's arguments read"
                @if !vary.is_empty() { "; this variant also by the values of " code { (vary.join(", ")) } }
                ". Values are not shown: they may be cookies or credentials."
            }
            dt { "Tags" }
            dd {
                @if entry.tag_count() == 0 { "none" }
                @else if entry.tags().next().is_none() {
                    (entry.tag_count()) ", known by their hashes only, because the cache has no remote store"
                }
                @for (index, tag) in entry.tags().enumerate() {
                    @if index > 0 { ", " }
                    a href={ (query.base) "/entries" (Params::default().query_with(&[("tag", tag)])) } { (tag) }
                }
            }
        }
    }
}

fn headers(entry: &EntryInfo) -> Markup {
    html! {
        h2 { "Response headers" }
        div.scroll { table {
            thead { tr { th scope="col" { "Name" } th scope="col" { "Value" } } }
            tbody {
                @for (name, value) in entry.page().headers() {
                    tr { th.mono scope="row" { (name.as_str()) } td.mono.text { (String::from_utf8_lossy(value.as_bytes())) } }
                }
            }
        } }
    }
}

fn actions(query: &Query, entry: &EntryInfo) -> Markup {
    let joined =
        if cache_query(query).is_empty() { "?".to_owned() } else { format!("{}&", cache_query(query)) };
    let path = encoded(entry.path());
    html! {
        h2 { "What next" }
        ul {
            li { a href={ (query.base) "/purge" (joined) "kind=path&value=" (path) } { "Purge this path" } }
            li { a href={ (query.base) "/explain" (joined) "url=" (encoded_path(entry.path())) } { "Explain requests of this path" } }
            li { a href={ (query.base) "/entries" (joined) "path=" (path) } { "All stored pages of this path" } }
        }
    }
}

/// Returns a decoded path as a URL within a query.
fn encoded_path(path: &str) -> String {
    let url = percent_encoding::utf8_percent_encode(path, percent_encoding::NON_ALPHANUMERIC).to_string();
    encoded(&url.replace("%2F", "/"))
}
