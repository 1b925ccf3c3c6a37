//! Requests to the API of an inspector.
//!
//! No error shows the headers of the operator, and no request follows a redirect or goes through a proxy with them.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use ureq::{
    Agent, Error,
    http::{HeaderName, HeaderValue, Response, StatusCode, Uri, header},
    tls::{RootCerts, TlsConfig},
};

use crate::{failure::Failure, output};

/// How much longer than for a purge it is waited for an answer.
const GRACE: Duration = Duration::from_secs(5);

/// The longest answer.
const MAX_LENGTH: u64 = 64 << 20;

/// The API of an inspector.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    /// The URL of the inspector, without a slash at its end.
    base: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// An answer that is no success.
pub(crate) enum Problem {
    /// The token is that of another process.
    WrongToken,
    Failure(Failure),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Failure(failure) => failure,
            Problem::WrongToken => Self::refused("the inspector does not accept the token that it has sent").hint(
                "Several processes answer at this URL, each with a token of its own. Give their inspectors one `secret`, or name one of the \
                 processes.",
            ),
        }
    }
}

impl Client {
    pub(crate) fn new(url: &str, headers: &[String], timeout: Duration) -> Result<Self, Failure> {
        let base = url.trim_end_matches('/').to_owned();
        let uri: Uri = base.parse().map_err(|_| invalid_url())?;
        let (scheme, authority) = (uri.scheme_str().unwrap_or_default(), uri.authority());
        let host = authority.ok_or_else(invalid_url)?;
        if host.as_str().contains('@') {
            return Err(Failure::usage("the URL of an inspector has no user and password")
                .hint("Send them as a header: --inspector-header, or CACHE_PAGE_INSPECTOR_HEADER in the environment."));
        }
        if !matches!(scheme, "http" | "https") || uri.query().is_some() || base.contains('#') {
            return Err(invalid_url());
        }
        let headers = headers.iter().map(|header| parse_header(header)).collect::<Result<Vec<_>, _>>()?;
        if scheme == "http" && !headers.is_empty() && !is_local(host.host()) {
            output::warn(
                "the headers of --inspector-header are sent without encryption; use https:// if you can",
            );
        }
        Ok(Self { agent: agent(timeout + GRACE), base, headers })
    }

    pub(crate) fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Problem> {
        let mut request = self.agent.get(format!("{}/api{path}", self.base));
        for (name, value) in query {
            request = request.query(*name, *value);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        self.answer(request.call())
    }

    pub(crate) fn post(
        &self,
        path: &str,
        form: &[(&str, &str)],
        token: Option<&str>,
    ) -> Result<Value, Problem> {
        let mut request = self.agent.post(format!("{}/api{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(token) = token {
            // Browsers send it for requests of the same site only.
            request = request.header("sec-fetch-site", "same-origin").header("x-inspector-token", token);
        }
        self.answer(request.send_form(form.iter().copied()))
    }

    fn answer(&self, result: Result<Response<ureq::Body>, Error>) -> Result<Value, Problem> {
        let mut response = result.map_err(|error| Problem::Failure(self.unreachable(&error)))?;
        let status = response.status();
        let body = response.body_mut().with_config().limit(MAX_LENGTH).read_to_string();
        let body = match body {
            Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::InvalidData => String::new(),
            body => body.map_err(|error| Problem::Failure(self.unreachable(&error)))?,
        };
        let json = serde_json::from_str::<Value>(&body).ok();
        match (status.is_success(), json) {
            (true, Some(json)) => Ok(json),
            (_, json) => Err(self.problem(&response, &json.unwrap_or_default())),
        }
    }

    /// Returns why an answer is not the one of an inspector.
    fn problem(&self, response: &Response<ureq::Body>, json: &Value) -> Problem {
        let (status, base) = (response.status(), &self.base);
        let header =
            |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let message = json["error"].as_str().unwrap_or_default();
        Problem::Failure(match (status, json["code"].as_str().unwrap_or_default()) {
            (_, "wrong-token") => return Problem::WrongToken,
            (_, "other-origin") => Failure::refused("the inspector refuses the purge: the request has lost the header `Sec-Fetch-Site`")
                .hint("A proxy in front removes it. Name the process itself, or let the proxy pass the header on."),
            (_, "unknown-cache") => Failure::nothing_there("the application has no cache of this name")
                .hint("`stats` without --cache shows the names."),
            (_, "invalid") => Failure::invalid_purge(message),
            (StatusCode::NOT_FOUND, "") if header(header::CACHE_CONTROL) == "no-store" => {
                Failure::refused(format!("the inspector at {base} does not answer you")).hint(
                    "Without `allow` it answers programs on its own machine only: run this there with http://127.0.0.1:PORT, not through a \
                     proxy, or use an SSH tunnel. With `allow`, send what it wants: --inspector-header 'Authorization: …'.",
                )
            }
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => {
                Failure::refused(format!("{base} refuses the request with status {}", status.as_u16()))
                    .hint("Send what the application wants of its operators: --inspector-header 'Authorization: …'.")
            }
            _ if status.is_redirection() => {
                let to = header(header::LOCATION);
                let to = to.split(['?', '#']).next().unwrap_or_default();
                Failure::refused(format!("{base} redirects to {to:?}, which is not followed"))
                    .hint("Use the right URL, or log in: --inspector-header 'Authorization: …'.")
            }
            _ if status.is_server_error() => {
                Failure::unreachable(format!("{base} answers with status {}", status.as_u16()))
            }
            _ => not_an_inspector(base),
        })
    }

    fn unreachable(&self, error: &Error) -> Failure {
        let base = &self.base;
        match error {
            Error::Timeout(_) => Failure::unreachable(format!("{base} does not answer in time")),
            Error::Protocol(_) | Error::Http(_) => not_an_inspector(base),
            Error::BadUri(_) => invalid_url(),
            error => Failure::unreachable(format!("cannot connect to {base}: {error}"))
                .hint("Does the application run, and listen on this port?"),
        }
    }

    /// Returns the failure for an answer without what an inspector has in it.
    pub(crate) fn not_an_inspector(&self) -> Failure {
        not_an_inspector(&self.base)
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }
}

fn agent(timeout: Duration) -> Agent {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(provider)
        .build();
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .timeout_global(Some(timeout))
        .tls_config(tls)
        .user_agent(concat!("cache-page/", env!("CARGO_PKG_VERSION")))
        .build();
    config.into()
}

fn invalid_url() -> Failure {
    Failure::usage("the URL of an inspector is like http://127.0.0.1:8080/cache")
}

fn not_an_inspector(base: &str) -> Failure {
    Failure::nothing_there(format!("there is no inspector at {base}")).hint(
        "The path is that of `cache.inspector(\"/cache\")`, and the application needs the feature `inspector` of cache_page.",
    )
}

/// Parses `Name: value`. The error does not show it, because it may be a password.
fn parse_header(header: &str) -> Result<(HeaderName, HeaderValue), Failure> {
    let parsed = header.split_once(':').and_then(|(name, value)| {
        let mut value = HeaderValue::from_str(value.trim()).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::from_bytes(name.trim().as_bytes()).ok()?, value))
    });
    parsed.ok_or_else(|| Failure::usage("a header of --inspector-header is not of the form 'Name: value'"))
}

fn is_local(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}
