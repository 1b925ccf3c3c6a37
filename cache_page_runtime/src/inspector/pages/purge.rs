//! Purges: choose, look at what will go, confirm.

use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

use super::{
    entries::rows,
    format,
    layout::{Reload, cache_field, invalid, page},
};
use crate::inspector::{
    purge::{KINDS, Preview, PurgeRequest, remote_sentence},
    query::{Query, Refusal, blocking},
};

pub(in crate::inspector) async fn purge(request: HttpRequest) -> Result<HttpResponse, Refusal> {
    let query = Query::of(&request, &[])?;
    let preview = match query.params.get("kind").map(|_| PurgeRequest::parse(&query.params)) {
        None => None,
        Some(Err(error)) => Some(Err(error)),
        Some(Ok(purge)) => {
            let (cache, selected) = (query.cache.clone(), purge.clone());
            Some(Ok((purge, blocking(move || selected.preview(&cache)).await?)))
        }
    };
    let content = html! {
        h1 { "Purge" }
        (form(&query))
        @match &preview {
            None => {},
            Some(Err(error)) => p.notice.bad role="alert" { (error) },
            Some(Ok((purge, preview))) => (confirmation(&query, purge, preview)),
        }
    };
    Ok(page(&query, "/purge", "Purge", Reload::Never, &content))
}

fn form(query: &Query) -> Markup {
    let kind = query.params.get("kind").unwrap_or("tag");
    let mode = query.params.get("mode").unwrap_or("remove");
    html! {
        form.stack method="get" action={ (query.base) "/purge" } {
            (cache_field(query))
            label { "What" select name="kind" { @for (name, title) in KINDS { option value=(name) selected[name == kind] { (title) } } } }
            label {
                "Value"
                input type="text" name="value" value=(query.params.get("value").unwrap_or_default()) placeholder="posts, /posts/1, /posts/, blog::post" autocomplete="off" spellcheck="false";
            }
            fieldset {
                legend { "How" }
                label { input type="radio" name="mode" value="remove" checked[mode != "expire"]; " remove" }
                label { input type="radio" name="mode" value="expire" checked[mode == "expire"]; " make stale (soft purge)" }
            }
            button type="submit" { "Show what will go" }
        }
    }
}

fn confirmation(query: &Query, purge: &PurgeRequest, preview: &Preview) -> Markup {
    let action = if purge.is_soft() { "Make stale" } else { "Remove" };
    let shown = preview.entries.len();
    html! {
        h2 { "What will go" }
        p role="status" {
            strong { (format::count(preview.pages as u64)) }
            @if purge.is_soft() { " fresh " (format::pages(preview.pages)) " will become stale" } @else { " " (format::pages(preview.pages)) " will be removed from the memory of this process" }
            "; a remote store and the memory of other processes too."
        }
        form.stack method="post" action={ (query.base) "/purge" } {
            (cache_field(query))
            input type="hidden" name="token" value=(query.token.as_str());
            @for name in ["kind", "value", "mode"] {
                @if let Some(value) = query.params.get(name) { input type="hidden" name=(name) value=(value); }
            }
            button.danger type="submit" { (action) " " (format::count(preview.pages as u64)) " " (format::pages(preview.pages)) }
        }
        @if shown > 0 {
            @if shown < preview.pages { p.muted { "The first " (shown) " of them:" } }
            (rows(query, &preview.entries))
        }
    }
}

pub(in crate::inspector) async fn execute_purge(
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, Refusal> {
    let query = Query::of(&request, &body)?;
    query.check_write(&request)?;
    let purge = match PurgeRequest::parse(&query.params) {
        Ok(purge) => purge,
        Err(error) => return Ok(invalid(&query, "/purge", &error)),
    };
    let summary = match purge.execute(&query.cache).await {
        Ok(summary) => summary,
        Err(error) => return Ok(invalid(&query, "/purge", &error)),
    };
    let content = html! {
        h1 { "Purge" }
        p.notice.good role="status" {
            strong { (format::count(summary.pages() as u64)) }
            " " (format::pages(summary.pages())) @if purge.is_soft() { " made stale. " } @else { " removed. " }
            (remote_sentence(summary))
        }
        (form(&query))
    };
    Ok(page(&query, "/purge", "Purged", Reload::Never, &content))
}
