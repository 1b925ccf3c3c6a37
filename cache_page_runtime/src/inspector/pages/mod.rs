//! The pages: HTML without scripts. Everything that is not written in a template is escaped by it.

mod entries;
mod explain;
mod format;
mod handlers;
mod layout;
mod overview;
mod plot;
mod purge;

use actix_web::{HttpResponse, http::header};

pub(super) use self::{
    entries::{entries, entry},
    explain::explain,
    handlers::handlers,
    overview::overview,
    purge::{execute_purge, purge},
};

/// Returns the style sheet, which the policy of the pages allows and none in the page.
pub(super) async fn style() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/css; charset=utf-8"))
        .body(include_str!("style.css"))
}
