//! What the cache does, on one page.

use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};

use super::{
    format,
    layout::{Reload, page},
    plot::{self, Series},
};
use crate::{
    inspector::{
        overview::{Overview, outcomes, removals},
        query::{Query, Refusal},
    },
    observe::Minute,
    store::RemovalCause,
};

/// How often the page reloads.
const RELOAD_SECONDS: u32 = 20;

pub(in crate::inspector) async fn overview(request: HttpRequest) -> Result<HttpResponse, Refusal> {
    let query = Query::of(&request, &[])?;
    let is_paused = query.params.get("paused").is_some();
    let overview = Overview::of(&query.cache);
    let content = html! {
        h1 { "Overview of " (overview.name) }
        p.muted {
            @if is_paused {
                "Paused. " a href={ (query.base) (query.params.query_with(&[("paused", "")])) } { "Update by itself" }
            } @else {
                "Updates every " (RELOAD_SECONDS) " seconds. "
                a href={ (query.base) (query.params.query_with(&[("paused", "1")])) } { "Pause" }
            }
        }
        (tiles(&overview))
        (plots(&overview.minutes))
        (reasons(&overview))
        (requests(&overview))
        (removed(&overview))
    };
    let reload = if is_paused { Reload::Never } else { Reload::After(RELOAD_SECONDS) };
    Ok(page(&query, "", "Overview", reload, &content))
}

fn tiles(overview: &Overview) -> Markup {
    let stats = &overview.stats;
    html! {
        ul.tiles {
            li {
                span.label { "Hit ratio" }
                span.value { (format::percent(overview.hit_ratio())) }
                span.note { "of requests that did not bypass" }
            }
            li { span.label { "Requests" } span.value { (format::count(stats.requests())) } span.note { "since the start" } }
            li {
                span.label { "Memory" }
                span.value { (format::bytes(stats.bytes())) }
                span.note { "of " (format::bytes(stats.max_bytes())) }
                meter min="0" max=(stats.max_bytes()) value=(stats.bytes()) aria-label="Memory in use" {}
            }
            li { span.label { "Pages" } span.value { (format::count(stats.pages() as u64)) } span.note { "each variant counted" } }
            li {
                span.label { "Evictions" }
                span.value { (format::count(stats.removed(RemovalCause::Size))) }
                span.note { "to make room" }
            }
            li { span.label { "Handlers running" } span.value { (stats.fills_in_flight()) } span.note { "fills in flight" } }
            li { span.label { "Handler time saved" } span.value { (format::duration(overview.saved_time())) } span.note { "estimated" } }
            li {
                span.label { "Remote store" }
                @match stats.remote() {
                    None => span.value { "none" },
                    Some(remote) if remote.is_available => {
                        span.value.good { "available" }
                        span.note { (format::count(remote.stored)) " pages stored" }
                    },
                    Some(remote) => {
                        span.value.bad { "unavailable" }
                        span.note { (format::count(remote.unavailable + remote.timeouts)) " calls failed" }
                    },
                }
            }
        }
    }
}

fn plots(minutes: &[Minute]) -> Markup {
    let series = |name, class, value: fn(&Minute) -> u64| Series {
        name,
        class,
        values: minutes.iter().map(value).collect(),
    };
    let requests = [
        series("answered from the cache", "fill-answered", |minute| minute.answered),
        series("stored", "fill-stored", |minute| minute.stored),
        series("not stored", "fill-not-stored", |minute| minute.not_stored),
        series("bypassed", "fill-bypassed", |minute| minute.bypassed),
    ];
    let bytes = [series("bytes", "fill-bytes", |minute| minute.bytes as u64)];
    let evicted = [series("evicted", "fill-evicted", |minute| minute.evicted)];
    html! {
        h2 { "The last hour" }
        div.plots {
            (plot::bars("Requests per minute", &requests, plot::number))
            (plot::bars("Memory", &bytes, |bytes| format::bytes(usize::try_from(bytes).unwrap_or(usize::MAX))))
            (plot::bars("Evictions per minute", &evicted, plot::number))
        }
    }
}

fn reasons(overview: &Overview) -> Markup {
    html! {
        h2 #reasons { "Why handlers run" }
        @if overview.reasons.is_empty() {
            p.muted { "No request has bypassed the cache, and every response was stored." }
        } @else {
            div.scroll { table {
                thead { tr { th scope="col" { "Outcome" } th scope="col" { "Reason" } th.number scope="col" { "Requests" } th scope="col" { "What to do" } } }
                tbody {
                    @for reason in &overview.reasons {
                        tr {
                            td { (reason.outcome) }
                            th scope="row" { code { (reason.reason.as_str()) } }
                            td.number { (format::count(reason.count)) }
                            td.text { (reason.advice()) }
                        }
                    }
                }
            } }
        }
    }
}

fn requests(overview: &Overview) -> Markup {
    html! {
        h2 { "Requests by outcome" }
        div.scroll { table.narrow {
            thead { tr { th scope="col" { "Outcome" } th.number scope="col" { "Requests" } } }
            tbody {
                @for (outcome, count) in outcomes(&overview.stats) {
                    tr { th scope="row" { (outcome) } td.number { (format::count(count)) } }
                }
            }
        } }
    }
}

fn removed(overview: &Overview) -> Markup {
    html! {
        h2 { "Pages that left the memory" }
        div.scroll { table.narrow {
            thead { tr { th scope="col" { "Cause" } th.number scope="col" { "Pages" } } }
            tbody {
                @for (cause, count) in removals(&overview.stats) {
                    tr { th scope="row" { (cause.as_str()) } td.number { (format::count(count)) } }
                }
            }
        } }
    }
}
