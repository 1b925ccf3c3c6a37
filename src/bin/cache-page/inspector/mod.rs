//! A running application, by the API of its inspector.

mod client;
mod overview;

use std::time::Duration;

use serde_json::Value;

use self::client::{Client, Problem};
use crate::{
    failure::Failure,
    output::Report,
    pages::{self, Pages, Query},
    purge::{Delivery, Preview, Purge, PurgeResult, Purged},
    target::Target,
};

/// How often a purge is sent again with another token, where several processes answer at one URL.
const MAX_TOKENS: usize = 8;

#[derive(Debug)]
pub(crate) struct Inspector {
    client: Client,
    cache: Option<String>,
    token: Option<String>,
    timeout: Duration,
}

impl Inspector {
    pub(crate) fn new(
        url: &str,
        cache: Option<String>,
        headers: &[String],
        timeout: Duration,
    ) -> Result<Self, Failure> {
        Ok(Self { client: Client::new(url, headers, timeout)?, cache, token: None, timeout })
    }

    /// Returns the parameter for the named cache.
    fn cache(&self) -> Option<(&str, &str)> {
        self.cache.as_deref().map(|name| ("cache", name))
    }

    fn overview(&self) -> Result<Value, Failure> {
        let overview = self.client.get("/overview", &Vec::from_iter(self.cache()))?;
        if overview["token"].is_string() { Ok(overview) } else { Err(self.client.not_an_inspector()) }
    }

    /// Sends a request that needs a token.
    fn post_with_token(&mut self, form: &[(&str, &str)]) -> Result<Value, Failure> {
        let mut result = Err(Problem::WrongToken);
        for _ in 0..MAX_TOKENS {
            let token = match &self.token {
                Some(token) => token.clone(),
                None => self.overview()?["token"].as_str().unwrap_or_default().to_owned(),
            };
            let mut form = form.to_vec();
            form.extend(self.cache());
            result = self.client.post("/purge", &form, Some(&token));
            if !matches!(result, Err(Problem::WrongToken)) {
                self.token = Some(token);
                break;
            }
            self.token = None;
        }
        Ok(result?)
    }

    fn purge_one(&mut self, purge: &Purge) -> Result<PurgeResult, Failure> {
        let wait = self.timeout.as_secs().to_string();
        let mut form = form_of(purge);
        form.push(("wait", &wait));
        let answer = self.post_with_token(&form)?;
        let purged = answer["purged"].as_u64().ok_or_else(|| self.client.not_an_inspector())?;
        let delivery = match answer["remote"].as_str() {
            Some("confirmed") => Delivery::Confirmed,
            Some("pending") => Delivery::Pending,
            Some("nothing-stored") => Delivery::NothingStored,
            _ => Delivery::Done,
        };
        Ok(PurgeResult { purged: Some(purged), delivery })
    }
}

fn form_of(purge: &Purge) -> Vec<(&str, &str)> {
    let mode = if purge.soft { "expire" } else { "remove" };
    vec![("kind", purge.kind), ("value", &purge.value), ("mode", mode)]
}

impl Target for Inspector {
    fn name(&self) -> &'static str {
        "inspector"
    }

    fn purge(&mut self, purges: &[Purge], done: &mut dyn FnMut()) -> Purged {
        let mut purged = Purged::default();
        for purge in purges {
            match self.purge_one(purge) {
                // The application has the right key prefix, and its remote store has no page yet.
                Ok(PurgeResult { purged: pages, delivery: Delivery::NothingStored }) => {
                    purged.results.push(PurgeResult { purged: pages, delivery: Delivery::Confirmed });
                }
                Ok(result) => purged.results.push(result),
                Err(failure) => {
                    purged.failure = Some(failure);
                    break;
                }
            }
            done();
        }
        purged
    }

    fn preview(&mut self, purges: &[Purge]) -> Result<Preview, Failure> {
        let mut pages = Vec::new();
        for purge in purges {
            let mut form = form_of(purge);
            form.push(("preview", "1"));
            let answer = self.post_with_token(&form)?;
            pages.push(answer["would_purge"].as_u64().ok_or_else(|| self.client.not_an_inspector())?);
        }
        // Two purges may select the same pages.
        let in_all = pages.first().copied().filter(|_| pages.len() == 1);
        Ok(Preview { pages, in_all })
    }

    fn stats(&mut self) -> Result<Report, Failure> {
        let mut overview = self.overview()?;
        let text = overview::text(&overview, self.client.base());
        if let Value::Object(fields) = &mut overview {
            // It is only for purges, and output ends in logs.
            fields.remove("token");
        }
        let mut report = Report { text, ..Report::default() };
        report.set("stats", overview);
        Ok(report)
    }

    fn pages(&mut self, query: &Query) -> Result<Pages, Failure> {
        let status = query.status.map(|status| status.to_string());
        let fields =
            [("path", &query.path), ("tag", &query.tag), ("handler", &query.handler), ("status", &status)];
        let fields: Vec<_> =
            fields.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
        let (mut rows, mut after) = (Vec::new(), None::<String>);
        loop {
            let mut fields = fields.clone();
            fields.extend(self.cache());
            fields.extend(after.as_deref().map(|after| ("after", after)));
            let answer = self.client.get("/entries", &fields)?;
            let entries = answer["entries"].as_array().ok_or_else(|| self.client.not_an_inspector())?;
            rows.extend(entries.iter().map(pages::row));
            let next = answer["after"].as_str().map(str::to_owned);
            if next.is_some() && next == after {
                // It would never end.
                return Err(self.client.not_an_inspector());
            }
            after = next;
            if rows.len() > query.limit || after.is_none() {
                let has_more = rows.len() > query.limit;
                rows.truncate(query.limit);
                return Ok(Pages { rows, has_more });
            }
        }
    }

    fn explain(&mut self, url: &str, headers: &[String]) -> Result<Value, Failure> {
        let headers = headers.join("\n");
        let mut form = vec![("url", url), ("headers", &headers)];
        form.extend(self.cache());
        let answer = self.client.post("/explain", &form, None)?;
        if answer["verdict"].is_string() { Ok(answer) } else { Err(self.client.not_an_inspector()) }
    }
}
