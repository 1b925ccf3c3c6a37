//! [`Query`]: a request to a page or to the API.

use std::{fmt, rc::Rc};

use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse, ResponseError,
    dev::ServiceRequest,
    http::{Method, StatusCode},
    web,
};

use super::{
    access::{self, Access, TOKEN_HEADER, Token},
    params::Params,
};
use crate::cache::PageCache;

/// What all pages are about.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) cache: PageCache,
    pub(super) access: Access,
    pub(super) token: Token,
}

/// A request to a page.
pub(super) struct Query {
    /// The cache that the page is about.
    pub(super) cache: PageCache,
    /// The names of all caches.
    pub(super) names: Vec<&'static str>,
    pub(super) params: Params,
    /// The path of the inspector, for links.
    pub(super) base: String,
    pub(super) token: Token,
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal {
    UnknownCache,
    /// It would change something, and does not come from a page of the same origin.
    OtherOrigin,
    /// It would change something, and has the token of another process, or none.
    WrongToken,
    /// The application is shutting down.
    Unavailable,
}

impl Refusal {
    /// Returns a word for it, which programs can tell apart from others.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::UnknownCache => "unknown-cache",
            Self::OtherOrigin => "other-origin",
            Self::WrongToken => "wrong-token",
            Self::Unavailable => "unavailable",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::UnknownCache => StatusCode::NOT_FOUND,
            Self::OtherOrigin | Self::WrongToken => StatusCode::FORBIDDEN,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// The text of the response.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownCache => "There is no cache of this name.",
            Self::OtherOrigin => "The request does not come from a page of this site.",
            Self::WrongToken => {
                "The form is not from this process. Load its page again, and send it once more. If several processes serve these pages, \
                 give their inspectors the same secret."
            }
            Self::Unavailable => "The application is shutting down.",
        })
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status()).body(format!("{self}\n"))
    }
}

/// Runs what may look at many entries on a thread that may block.
pub(super) async fn blocking<T: Send + 'static>(
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    web::block(run).await.map_err(|_| Refusal::Unavailable)
}

impl Query {
    /// Reads the request of a page, with the fields of its form if it has a body.
    ///
    /// # Errors
    ///
    /// Fails if the cache that it names does not exist.
    pub(super) fn of(request: &HttpRequest, form: &[u8]) -> Result<Self, Refusal> {
        let site = request.app_data::<Rc<Site>>().ok_or(Refusal::Unavailable)?;
        let params = match *request.method() {
            Method::POST => Params::parse(form),
            _ => Params::parse(request.query_string().as_bytes()),
        };
        let name = |cache: &PageCache| cache.observer().name();
        let names = site.cache.with_named().map(name).collect();
        let cache = match params.get("cache") {
            None => Some(&site.cache),
            Some(wanted) => site.cache.with_named().find(|cache| name(cache) == wanted),
        };
        let base = request.extensions().get::<Base>().map(|base| base.0.clone()).unwrap_or_default();
        let cache = cache.ok_or(Refusal::UnknownCache)?;
        Ok(Self { cache: cache.clone(), names, params, base, token: site.token.clone() })
    }

    /// Returns the id of the entry that the path names.
    pub(super) fn entry_id(request: &HttpRequest) -> String {
        // The application may have parameters in front.
        request.match_info().get("id").unwrap_or_default().to_owned()
    }

    /// Checks that a request which changes something comes from the inspector itself.
    ///
    /// # Errors
    ///
    /// Fails if it does not.
    pub(super) fn check_write(&self, request: &HttpRequest) -> Result<(), Refusal> {
        let header = request.headers().get(TOKEN_HEADER).and_then(|token| token.to_str().ok());
        let token = header.or_else(|| self.params.get("token")).unwrap_or_default();
        if !access::is_same_origin(request) {
            return Err(Refusal::OtherOrigin);
        }
        if self.token.is(token) { Ok(()) } else { Err(Refusal::WrongToken) }
    }
}

/// The path of the inspector in the URL of a request.
#[derive(Clone)]
pub(super) struct Base(String);

impl Base {
    pub(super) fn of(request: &ServiceRequest) -> Self {
        let matched = request.match_info();
        let path = matched.as_str();
        let end = path.len().saturating_sub(matched.unprocessed().len());
        // Two slashes would begin the name of another host.
        Self(format!("/{}", path.get(..end).unwrap_or_default().trim_matches('/')))
    }
}
