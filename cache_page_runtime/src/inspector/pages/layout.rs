//! The frame of every page.

use actix_web::{HttpResponse, http::header};
use maud::{DOCTYPE, Markup, html};

use crate::inspector::query::Query;

/// The pages, with the ends of their paths.
const PAGES: [(&str, &str); 5] = [
    ("", "Overview"),
    ("/handlers", "Handlers"),
    ("/entries", "Entries"),
    ("/explain", "Explain"),
    ("/purge", "Purge"),
];

/// How a page reloads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reload {
    Never,
    /// After so many seconds.
    After(u32),
}

/// Returns a page. `current` is the end of its path in the navigation.
pub(super) fn page(
    query: &Query,
    current: &str,
    title: &str,
    reload: Reload,
    content: &Markup,
) -> HttpResponse {
    let Query { base, names, cache, .. } = query;
    let name = cache.observer().name();
    let cache_query = cache_query(query);
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                @if let Reload::After(seconds) = reload {
                    meta http-equiv="refresh" content=(seconds);
                }
                title { (title) " · cache_page" }
                link rel="stylesheet" href={ (base) "/style.css" };
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header {
                    div {
                        strong { "cache_page" }
                        nav aria-label="Pages" {
                            @for (path, title) in PAGES {
                                a href={ (base) (path) (cache_query) } aria-current=[(path == current).then_some("page")] { (title) }
                            }
                        }
                        @if names.len() > 1 {
                            nav aria-label="Caches" {
                                @for other in names {
                                    a href={ (base) (current) "?cache=" (encoded(other)) } aria-current=[(*other == name).then_some("true")] { (other) }
                                }
                            }
                        }
                    }
                }
                main #content { (content) }
            }
        }
    };
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .body(markup.into_string())
}

/// Returns the query of links to pages about the same cache.
pub(super) fn cache_query(query: &Query) -> String {
    let name = query.cache.observer().name();
    match query.names.first() {
        Some(main) if *main != name => format!("?cache={}", encoded(name)),
        _ => String::new(),
    }
}

/// Returns a hidden field for the cache that a form is about.
pub(super) fn cache_field(query: &Query) -> Markup {
    let name = query.cache.observer().name();
    html! {
        @if query.names.first() != Some(&name) { input type="hidden" name="cache" value=(name); }
    }
}

/// Encodes a value for a query.
pub(super) fn encoded(value: &str) -> String {
    form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

/// Returns a page that says what is wrong with a request.
pub(super) fn invalid(query: &Query, current: &str, error: &str) -> HttpResponse {
    let content = html! { h1 { "Not possible" } p.notice.bad role="alert" { (error) } };
    let mut response = page(query, current, "Not possible", Reload::Never, &content);
    *response.status_mut() = actix_web::http::StatusCode::BAD_REQUEST;
    response
}
