//! The JSON API. The guide describes it.

use std::fmt;

use actix_web::{HttpRequest, HttpResponse, ResponseError, http::StatusCode, web};
use serde_json::{Value, json};

use super::{
    entries as search,
    explain::Question,
    handlers as list,
    overview::Overview,
    purge::{PurgeRequest, summary_json},
    query::{Query, Refusal, blocking},
};

type Answer = Result<HttpResponse, ApiRefusal>;

/// A refusal as JSON.
#[derive(Debug)]
pub(super) struct ApiRefusal(Refusal);

impl From<Refusal> for ApiRefusal {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl fmt::Display for ApiRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for ApiRefusal {
    fn status_code(&self) -> StatusCode {
        self.0.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let Self(refusal) = self;
        HttpResponse::build(refusal.status_code())
            .json(json!({ "error": refusal.to_string(), "code": refusal.code() }))
    }
}

fn ok(value: &Value) -> HttpResponse {
    HttpResponse::Ok().json(value)
}

fn invalid(error: &str) -> HttpResponse {
    HttpResponse::BadRequest().json(json!({ "error": error, "code": "invalid" }))
}

fn not_found() -> HttpResponse {
    HttpResponse::NotFound()
        .json(json!({ "error": "there is no such page, or not any more", "code": "unknown-entry" }))
}

pub(super) async fn overview(request: HttpRequest) -> Answer {
    let query = Query::of(&request, &[])?;
    Ok(ok(&Overview::of(&query.cache).to_json(&query.names, &query.token)))
}

pub(super) async fn handlers(request: HttpRequest) -> Answer {
    let query = Query::of(&request, &[])?;
    let rows = list::list(&query.cache, query.params.get("sort").unwrap_or_default());
    Ok(ok(&rows.iter().map(list::HandlerRow::to_json).collect()))
}

pub(super) async fn entries(request: HttpRequest) -> Answer {
    let Query { cache, params, .. } = Query::of(&request, &[])?;
    let results =
        blocking(move || search::Filter::parse(&params).search(&cache, params.get("after")).to_json());
    Ok(ok(&results.await?))
}

pub(super) async fn entry(request: HttpRequest) -> Answer {
    let (cache, id) = (Query::of(&request, &[])?.cache, Query::entry_id(&request));
    let found = blocking(move || search::find(&cache, &id).map(|entry| search::entry_json(&entry))).await?;
    Ok(found.map_or_else(not_found, |entry| ok(&entry)))
}

pub(super) async fn explain(request: HttpRequest, body: web::Bytes) -> Answer {
    let Query { cache, params, .. } = Query::of(&request, &body)?;
    let explanation = blocking(move || {
        let (url, headers) = (params.get("url"), params.get("headers").unwrap_or_default());
        let url = url.ok_or_else(|| "the parameter `url` is missing".to_owned())?;
        Ok::<_, String>(Question::parse(url, headers)?.explain(&cache).to_json(&cache))
    });
    Ok(explanation.await?.map_or_else(|error| invalid(&error), |explanation| ok(&explanation)))
}

pub(super) async fn purge(request: HttpRequest, body: web::Bytes) -> Answer {
    let query = Query::of(&request, &body)?;
    query.check_write(&request)?;
    let cache = query.cache;
    let purge = match PurgeRequest::parse(&query.params) {
        Ok(purge) => purge,
        Err(error) => return Ok(invalid(&error)),
    };
    if query.params.get("preview").is_some() {
        return Ok(ok(&blocking(move || purge.preview(&cache).to_json()).await?));
    }
    let purged = purge.execute(&cache).await;
    Ok(purged.map_or_else(|error| invalid(&error), |summary| ok(&summary_json(summary))))
}
