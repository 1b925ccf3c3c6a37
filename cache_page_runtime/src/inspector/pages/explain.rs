//! Why a request is a hit or a miss.

use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

use super::{
    entries::{link, state_label},
    format,
    layout::{Reload, cache_field, page},
};
use crate::{
    inspector::{
        explain::Question,
        explanation::{Explanation, WHAT_NEXT},
        query::{Query, Refusal, blocking},
    },
    outcome::ForwardReason,
};

pub(in crate::inspector) async fn explain(
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, Refusal> {
    let query = Query::of(&request, &body)?;
    let (url, headers) = (query.params.get("url"), query.params.get("headers").unwrap_or_default());
    let result = match url {
        None => None,
        Some(url) => {
            let (cache, url, headers) = (query.cache.clone(), url.to_owned(), headers.to_owned());
            Some(blocking(move || Ok::<_, String>(Question::parse(&url, &headers)?.explain(&cache))).await?)
        }
    };
    let content = html! {
        h1 { "Explain a request" }
        p { "Paste a URL, or a path with its query, and headers that the request has." }
        form.stack method="post" action={ (query.base) "/explain" } {
            (cache_field(&query))
            label { "URL" input type="text" name="url" value=(url.unwrap_or_default()) placeholder="https://example.com/posts?page=2" required autocomplete="off" spellcheck="false"; }
            label { "Request headers, one in each line" textarea name="headers" rows="4" placeholder="Accept-Language: de\nCookie: session=…" spellcheck="false" { (headers) } }
            button type="submit" { "Explain" }
        }
        @match &result {
            None => {},
            Some(Err(error)) => p.notice.bad role="alert" { (error) },
            Some(Ok(explanation)) => (answer(&query, explanation)),
        }
    };
    Ok(page(&query, "/explain", "Explain", Reload::Never, &content))
}

fn answer(query: &Query, explanation: &Explanation) -> Markup {
    let class = match explanation.verdict {
        "hit" => "notice good",
        "stale" => "notice warn",
        _ => "notice bad",
    };
    html! {
        h2 { code { (explanation.url) } }
        p class=(class) role="status" { strong { (explanation.verdict) } ". " (explanation.summary) }
        ol.steps {
            @for step in &explanation.steps {
                li {
                    strong class=(if step.passes { "good" } else { "bad" }) { (if step.passes { "✓ " } else { "✗ " }) (step.title) }
                    ". " (step.text)
                }
            }
        }
        @if !explanation.entries.is_empty() {
            h2 { "Stored pages of this path" }
            div.scroll tabindex="0" role="region" aria-label="Stored pages" { table {
                thead { tr { th scope="col" { "Page" } th scope="col" { "State" } th scope="col" { "What is different" } th scope="col" { "Handler" } } }
                tbody {
                    @for candidate in &explanation.entries {
                        tr {
                            th.mono scope="row" { a href=(link(query, &candidate.entry)) { (candidate.entry.path()) } }
                            td { (state_label(&candidate.entry)) ", " (format::duration(candidate.entry.age())) " old" }
                            td { @if candidate.differs.is_empty() { "nothing that is known" } @else { (candidate.differs.join(", ")) } }
                            td.mono { (candidate.entry.handler()) }
                        }
                    }
                }
            } }
        }
        @if !explanation.recent.is_empty() {
            h2 { "The latest requests of this path that ran a handler" }
            div.scroll { table {
                thead { tr { th scope="col" { "When" } th scope="col" { "Handler" } th scope="col" { "Outcome" } th scope="col" { "Why it was no hit" } } }
                tbody {
                    @for (run, time) in &explanation.recent {
                        tr {
                            td { (format::duration(*time)) " ago" }
                            th.mono scope="row" { (run.handler()) }
                            td { (run.outcome.to_string()) }
                            td { (run.forward_reason.map_or("bypass", ForwardReason::token)) }
                        }
                    }
                }
            } }
        }
        h2 { "What this page does not know" }
        @if explanation.handlers.is_empty() {
            p { "The options of the handler: none of this path has run since the application was started." }
        }
        @for policy in &explanation.handlers {
            p { "Of the handler " code { (policy.handler()) } ". " (policy.describe(query.cache.ignored_query(), query.cache.vary())) " It is not known:" }
            ul { @for unknown in policy.unknowns(query.cache.vary()) { li { (unknown) } } }
        }
        p { (WHAT_NEXT) }
        @if !explanation.reasons.is_empty() {
            h2 { "Why handlers run" }
            div.scroll { table {
                thead { tr { th scope="col" { "Handler" } th scope="col" { "Outcome" } th scope="col" { "Reason" } th.number scope="col" { "Requests" } th scope="col" { "What to do" } } }
                tbody {
                    @for (handler, reason) in &explanation.reasons {
                        tr {
                            th.mono scope="row" { (handler) }
                            td { (reason.outcome) }
                            td { code { (reason.reason.as_str()) } }
                            td.number { (format::count(reason.count)) }
                            td.text { (reason.advice()) }
                        }
                    }
                }
            } }
        }
    }
}
