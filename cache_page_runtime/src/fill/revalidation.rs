//! A handler that answers 304 to the validators of the page that it makes anew: the page is as it was, and fresh again
//! (RFC 9111 4.3.4).

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{
            CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG, HeaderMap, HeaderName,
            HeaderValue, LAST_MODIFIED,
        },
    },
};

use crate::{
    fill::fill::Fill,
    http::etag,
    policy::{Overrides, Validators},
};

impl Fill {
    /// What the handler would have answered, had it made its page; or what it did answer.
    pub(crate) fn freshen(&mut self, response: HttpResponse, words: Option<&mut Overrides>) -> HttpResponse {
        let compared = self.control.as_ref().and_then(crate::PageControl::take_read_validators);
        let (Some(old), Some(compared)) = (&self.old, compared) else { return response };
        if response.status() != StatusCode::NOT_MODIFIED || !is_about(response.headers(), &compared) {
            return response;
        }
        // A handler that made nothing has not named it either.
        if let Some(words) = words {
            let missing: Vec<_> = old.purge_keys().tags().filter(|tag| !words.has_tag(tag.key)).collect();
            words.tags.extend(missing);
        }
        let mut whole = old.page.to_original_response();
        // It is made now, unless the handler says another time.
        whole.headers_mut().remove(DATE);
        // What is about the body stays as it is with the body (RFC 9111 3.2).
        let is_news = |name: &HeaderName| {
            ![CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE].contains(name)
        };
        for name in response.headers().keys().filter(|name| is_news(name)) {
            whole.headers_mut().remove(name);
        }
        for (name, value) in response.headers().iter().filter(|(name, _)| is_news(name)) {
            whole.headers_mut().append(name.clone(), value.clone());
        }
        self.answered = Some(StatusCode::NOT_MODIFIED);
        whole
    }
}

/// Whether a 304 does not name another page than the one that is there.
fn is_about(headers: &HeaderMap, compared: &Validators) -> bool {
    let is_same = |said: Option<&HeaderValue>, known: Option<&HeaderValue>| match (said, known) {
        (Some(said), Some(known)) => etag::weak_eq(said, known),
        (said, _) => said.is_none(),
    };
    is_same(headers.get(ETAG), compared.etag())
        && is_same(headers.get(LAST_MODIFIED), compared.last_modified())
}
