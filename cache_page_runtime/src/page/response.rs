//! The responses that a page is sent in.

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{AGE, CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, HeaderValue},
    },
};

use super::{
    body,
    content::Content,
    encodings::EncodedBody,
    header::{self, SentIn},
    page::Page,
};
use crate::http::{Selection, etag};

impl Page {
    /// Creates a response to a request from the selected part of the page, with this `Age`. A full response has the `encoded`
    /// body, if there is one; its ranges are not served.
    pub(crate) fn to_response(
        &self,
        selection: &Selection,
        encoded: Option<&EncodedBody>,
        request: &HeaderMap,
        age: HeaderValue,
    ) -> HttpResponse {
        let mut response = match selection {
            Selection::Full => match encoded {
                Some(encoded) => self.encoded_response(encoded),
                None => self.full_response(),
            },
            Selection::Partial(range) => {
                let part = self.body_bytes().map(|bytes| bytes.slice(range.clone()));
                let mut response =
                    HttpResponse::with_body(StatusCode::PARTIAL_CONTENT, body::from_bytes(part));
                self.write_headers(response.headers_mut(), |name, _| !header::is_full_body_header(name));
                let range = format!("bytes {}-{}/{}", range.start, range.end - 1, self.body().len());
                insert(response.headers_mut(), CONTENT_RANGE, range);
                response
            }
            Selection::NotModified => {
                let mut response = HttpResponse::new(StatusCode::NOT_MODIFIED);
                self.write_headers(response.headers_mut(), |_, sent_in| sent_in.not_modified);
                if self.encodings.is_some() {
                    self.write_tag_of_client(response.headers_mut(), encoded, request);
                }
                response
            }
            Selection::PreconditionFailed => return self.refusal(StatusCode::PRECONDITION_FAILED),
            Selection::Unsatisfiable => {
                let mut response = self.refusal(StatusCode::RANGE_NOT_SATISFIABLE);
                insert(response.headers_mut(), CONTENT_RANGE, format!("bytes */{}", self.body().len()));
                return response;
            }
        };
        // No page has an `Age` of its own.
        response.headers_mut().append(AGE, age);
        response
    }

    /// Creates the handler's response again, without the headers that the cache generated.
    pub(crate) fn to_original_response(&self) -> HttpResponse {
        let mut response = self.response_without_headers();
        let own = self.stored_headers().filter(|line| !line.is_generated);
        own.for_each(|line| response.headers_mut().append(line.name.clone(), line.to_value()));
        response
    }

    fn encoded_response(&self, encoded: &EncodedBody) -> HttpResponse {
        let mut response = HttpResponse::with_body(self.status, body::from_bytes(Some(encoded.body.clone())));
        response.head_mut().reason = self.reason();
        let headers = response.headers_mut();
        self.write_headers(headers, |_, sent_in| sent_in.encoded);
        // The lines that were written have neither.
        headers.append(CONTENT_ENCODING, encoded.content_encoding());
        if let Some(etag) = &encoded.etag {
            headers.append(ETAG, etag.clone());
        }
        response
    }

    /// Writes the entity tag of the representation that the client of a request has, so that it finds the stored response that a 304
    /// is about (RFC 9111 4.3.4). A client that sent none has the one of the representation that it would be sent.
    fn write_tag_of_client(
        &self,
        headers: &mut HeaderMap,
        encoded: Option<&EncodedBody>,
        request: &HeaderMap,
    ) {
        let tag = match self.with_representation(|page| page.listed_coding(request)) {
            Some(None) => return,
            Some(Some(coding)) => self.header(&ETAG).and_then(|tag| etag::of_encoded(&tag, coding)),
            None => encoded.and_then(|encoded| encoded.etag.clone()),
        };
        if let Some(tag) = tag {
            headers.insert(ETAG, tag);
        }
    }

    fn full_response(&self) -> HttpResponse {
        let mut response = self.response_without_headers();
        self.write_headers(response.headers_mut(), |_, _| true);
        response
    }

    /// Creates the response to a request that gets nothing of the page. Of its headers, it has those that let scripts of another
    /// origin read the status.
    fn refusal(&self, status: StatusCode) -> HttpResponse {
        let mut response = HttpResponse::new(status);
        self.write_headers(response.headers_mut(), |name, _| header::is_about_origins(name));
        response
    }

    #[inline]
    fn response_without_headers(&self) -> HttpResponse {
        let mut response = HttpResponse::with_body(self.status, body::from_bytes(self.body_bytes()));
        response.head_mut().reason = self.reason();
        response
    }

    fn write_headers(&self, headers: &mut HeaderMap, is_sent: impl Fn(&HeaderName, SentIn) -> bool) {
        // `insert` would cost nearly twice as much: it returns the values that it replaces.
        let own = match &self.content {
            Content::Full(full) => &*full.lines,
            Content::Packed(packed) => {
                for line in packed.lines().filter(|line| is_sent(line.name, line.sent_in)) {
                    headers.append(line.name.clone(), line.to_value());
                }
                &[]
            }
        };
        for lines in [own, self.shared_headers()] {
            for line in lines.iter().filter(|line| line.is_sent && is_sent(&line.name, line.sent_in)) {
                headers.append(line.name.clone(), line.value.clone());
            }
        }
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: String) {
    // A byte range is always a valid header value.
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}
