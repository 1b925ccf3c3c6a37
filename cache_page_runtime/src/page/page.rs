//! [`Page`]: a complete response, stored once and sent many times.

use std::{fmt, sync::Arc};

use actix_web::{
    dev,
    http::{
        Method,
        header::{
            ACCEPT_ENCODING, ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_TYPE, DATE, ETAG, HeaderMap,
            HeaderName, HeaderValue, IF_NONE_MATCH, LAST_MODIFIED, VARY,
        },
    },
    web::Bytes,
};
use http::StatusCode;
use smallvec::SmallVec;

use super::{
    content::Content,
    encode,
    encodings::{EncodedBody, EncodingChoice, Encodings},
    header::{self, Line, PageLine, StoredHeader},
    shared_lines::{self, LinesOwner, SharedLines},
};
use crate::http::{
    Coding, PreferredCodings, Representation, Selection, conditional, content_coding, etag,
    header_class::HeaderClass, vary,
};

/// A stored response, as `no_store_if` and [`EntryInfo`](crate::EntryInfo) show it.
///
/// It is complete, and has nothing that belongs only to the request that it was generated for.
pub struct Page {
    pub(super) status: StatusCode,
    /// Whether the headers have `Content-Encoding`. Most pages have none, and are not searched for it at each hit.
    has_content_encoding: bool,
    /// Whether the first `ETag`, which is among the lines that no other page has, is an entity tag.
    has_valid_tag: bool,
    /// The reason phrase, behind a pointer since few pages have one of their own.
    reason: Option<Box<ReasonPhrase>>,
    pub(super) content: Content,
    /// The lines that others have too.
    shared: Option<Arc<SharedLines>>,
    /// `None` if the body is not to be encoded.
    pub(super) encodings: Option<Box<Encodings>>,
}

/// A reason phrase of the handler's own.
#[derive(Clone, Copy)]
struct ReasonPhrase(&'static str);

/// A response without its body.
#[derive(Clone, Copy)]
pub(crate) struct ResponseHead<'h> {
    pub(crate) status: StatusCode,
    pub(crate) reason: Option<&'static str>,
    pub(crate) headers: &'h HeaderMap,
    /// Whether there may be headers that are never stored, or that `Connection` lists.
    pub(crate) has_unstored: bool,
    /// Headers that are not stored, beside those that never are.
    pub(crate) unstored: &'h [HeaderName],
}

impl<'h> ResponseHead<'h> {
    pub(crate) fn new(head: &'h dev::ResponseHead, has_unstored: bool, unstored: &'h [HeaderName]) -> Self {
        let dev::ResponseHead { status, reason, headers, .. } = head;
        Self { status: *status, reason: *reason, headers, has_unstored, unstored }
    }

    /// Returns the header lines that are stored.
    pub(crate) fn stored_headers(self) -> impl Iterator<Item = (&'h HeaderName, &'h HeaderValue)> {
        let connection =
            if self.has_unstored { header::connection_options(self.headers) } else { Vec::new() };
        let is_left_out = move |name: &HeaderName| {
            self.has_unstored && (HeaderClass::of(name).is_not_stored() || connection.contains(name))
                || self.unstored.contains(name)
        };
        self.headers.iter().filter(move |(name, _)| !is_left_out(name))
    }
}

impl Page {
    /// Returns the status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the headers of the response. Repeated headers keep their order.
    pub fn headers(&self) -> impl Iterator<Item = (&HeaderName, HeaderValue)> {
        self.sent_headers().map(|line| (line.name, line.to_value()))
    }

    /// Returns the first value of a header.
    #[must_use]
    pub fn header(&self, name: &HeaderName) -> Option<HeaderValue> {
        self.line(name).map(PageLine::to_value)
    }

    /// Returns the first line of a header.
    fn line(&self, name: &HeaderName) -> Option<PageLine<'_>> {
        self.sent_headers().find(|line| line.name == name)
    }

    /// Returns the body of the response, which is empty if the response has none.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.content.body()
    }

    /// Creates a page from a handler's response, for a store whose pages may share lines.
    ///
    /// Generated headers replace the handler's headers of the same name.
    pub(crate) fn from_response(
        head: ResponseHead<'_>,
        generated: &[(HeaderName, HeaderValue)],
        body: Option<Bytes>,
        owner: LinesOwner,
    ) -> Self {
        let is_replaced = |name: &HeaderName| generated.iter().any(|(replacing, _)| replacing == name);
        let (mut lines, mut shared) = (Lines::new(), Lines::new());
        let mut push = |name, value, is_generated, is_sent| {
            let line = Line { name, value, is_generated, is_sent };
            if shared_lines::is_of_one_page(name) { lines.push(line) } else { shared.push(line) }
        };
        // A generated `Vary` stands for them, and they are needed once more if the handler confirms the page.
        let mut own_vary: SmallVec<[&HeaderValue; 2]> = SmallVec::new();
        for (name, value) in head.stored_headers() {
            match is_replaced(name) {
                false => push(name, value, false, true),
                true if *name == VARY => own_vary.push(value),
                true => {}
            }
        }
        generated.iter().for_each(|(name, value)| push(name, value, true, true));
        own_vary.iter().for_each(|value| push(&VARY, value, false, false));
        let known = SharedLines::of(owner, &shared);
        if known.is_none() {
            lines.append(&mut shared);
        }
        Self::new(head.status, head.reason, &lines, known, body)
    }

    /// Creates a page from what [`stored_headers`](Self::stored_headers) and [`body_bytes`](Self::body_bytes) return.
    ///
    /// Headers are given as name, value and whether the cache generated the line.
    pub(crate) fn from_parts<'h>(
        status: StatusCode,
        headers: impl Iterator<Item = (&'h HeaderName, &'h HeaderValue, bool)> + Clone,
        body: Option<Bytes>,
    ) -> Self {
        let mut has_generated_vary = false;
        let lines: Lines<'_> = headers
            .map(|(name, value, is_generated)| {
                let is_vary = *name == VARY;
                has_generated_vary |= is_vary && is_generated;
                let is_sent = !(is_vary && has_generated_vary) || is_generated;
                Line { name, value, is_generated, is_sent }
            })
            .collect();
        Self::new(status, None, &lines, None, body)
    }

    fn new(
        status: StatusCode,
        reason: Option<&'static str>,
        lines: &[Line<'_>],
        shared: Option<Arc<SharedLines>>,
        body: Option<Bytes>,
    ) -> Self {
        let has_content_encoding = lines.iter().any(|line| *line.name == CONTENT_ENCODING)
            || shared.as_ref().is_some_and(|shared| shared.has_content_encoding());
        let mut tags = lines.iter().filter(|line| *line.name == ETAG);
        let has_valid_tag = tags.next().is_some_and(|line| etag::is_tag(line.value));
        let (reason, content) =
            (reason.map(|reason| Box::new(ReasonPhrase(reason))), Content::new(lines, body));
        Self { status, has_content_encoding, has_valid_tag, reason, content, shared, encodings: None }
    }

    /// Lets the body be encoded when a client asks for that.
    ///
    /// The handler's own `Vary` must not list `Accept-Encoding`, and the generated one must.
    pub(crate) fn encodable(mut self) -> Self {
        self.encodings = Some(Box::new(Encodings::new()));
        self
    }

    /// Takes over the encoded bodies of a page, if this page has the same body and entity tag.
    pub(crate) fn adopt_encodings(&mut self, older: &Self) {
        let is_same = self.body_bytes() == older.body_bytes() && self.header(&ETAG) == older.header(&ETAG);
        if let (true, Some(encodings), Some(adopted)) = (is_same, &mut self.encodings, &older.encodings) {
            **encodings = adopted.copy(Bytes::clone);
        }
    }

    pub(crate) fn encodings(&self) -> Option<&Encodings> {
        self.encodings.as_deref()
    }

    /// Encodes the body. Returns `None` if it does not become shorter.
    pub(crate) fn encode(&self, coding: Coding) -> Option<Arc<EncodedBody>> {
        Some(self.encoded_body(coding, Bytes::from(encode::encode(coding, self.body())?)))
    }

    /// Returns the representation of the page with an encoded body.
    pub(crate) fn encoded_body(&self, coding: Coding, body: Bytes) -> Arc<EncodedBody> {
        let etag = self.header(&ETAG).and_then(|etag| etag::of_encoded(&etag, coding));
        Arc::new(EncodedBody { coding, body, etag })
    }

    /// Chooses what a client is sent, or returns `None` if there is nothing but the body as it is.
    #[inline]
    pub(crate) fn choose_encoding(&self, request: &HeaderMap) -> Option<EncodingChoice> {
        Some(self.encodings()?.choose(&PreferredCodings::of_request(request)))
    }

    /// Returns all lines. A generated `Vary` is in front of the lines that it stands for.
    pub(crate) fn stored_headers(&self) -> impl Iterator<Item = PageLine<'_>> + Clone {
        self.content.lines().chain(self.shared_headers().iter().map(StoredHeader::as_line))
    }

    /// Returns the lines that the page shares with others.
    pub(crate) fn shared_lines(&self) -> Option<&Arc<SharedLines>> {
        self.shared.as_ref()
    }

    pub(super) fn shared_headers(&self) -> &[StoredHeader] {
        self.shared.as_ref().map_or(&[], |shared| &shared.lines)
    }

    /// Returns the body, or `None` if the response has none.
    pub(crate) fn body_bytes(&self) -> Option<Bytes> {
        self.content.body_bytes()
    }

    /// Returns the reason phrase, unless it is that of the status.
    pub(super) fn reason(&self) -> Option<&'static str> {
        self.reason.as_deref().map(|ReasonPhrase(reason)| *reason)
    }

    /// Returns whether the client of a request can decode the page (RFC 9110 12.5.3).
    #[inline]
    pub(crate) fn is_acceptable(&self, request: &HeaderMap) -> bool {
        if !self.has_content_encoding {
            return true;
        }
        let codings = self.values_of(&CONTENT_ENCODING);
        content_coding::accepts(request, codings.iter())
    }

    /// Selects the response to a request: the page, a range of it, or none of it (RFC 9110 13 and 14).
    pub(crate) fn select(&self, method: &Method, headers: &HeaderMap) -> Selection {
        // Most requests have neither conditions nor a range, and need no validators.
        if !conditional::is_conditional_or_range(headers) {
            return Selection::Full;
        }
        self.with_representation(|page| page.select(method, headers))
    }

    /// Returns whether `If-None-Match` is the entity tag of the page, as clients send it that have the page. For requests without
    /// other preconditions.
    pub(crate) fn is_only_tag_of(&self, request: &HeaderMap) -> bool {
        let mut lists = request.get_all(IF_NONE_MATCH);
        let (list, is_single) = (lists.next(), lists.next().is_none());
        is_single
            && self.status.is_success()
            && self.has_valid_tag
            && list.is_some_and(|list| self.content.has_line(&ETAG, list))
    }

    pub(super) fn sent_headers(&self) -> impl Iterator<Item = PageLine<'_>> + Clone {
        self.stored_headers().filter(|line| line.is_sent)
    }

    /// Returns whether the cache generated the entity tag.
    pub(crate) fn has_generated_etag(&self) -> bool {
        self.content.lines().any(|line| line.is_generated && *line.name == ETAG)
    }

    /// Returns whether the page has an `ETag` or a `Last-Modified`.
    pub(crate) fn has_validator(&self) -> bool {
        self.sent_headers().any(|line| matches!(*line.name, ETAG | LAST_MODIFIED))
    }

    /// Calls a function with what conditional and range requests are evaluated against.
    pub(crate) fn with_representation<T>(&self, f: impl FnOnce(Representation<'_>) -> T) -> T {
        let (mut etag, mut last_modified, mut date) = (None, None, None);
        let (mut accepts_ranges, mut content_type) = (true, None);
        for line in self.sent_headers() {
            let value = || Some(line.to_value());
            match *line.name {
                ETAG => etag = etag.or_else(value),
                LAST_MODIFIED => last_modified = last_modified.or_else(value),
                DATE => date = date.or_else(value),
                CONTENT_TYPE => content_type = content_type.or_else(value),
                ACCEPT_RANGES => accepts_ranges &= !line.as_bytes().eq_ignore_ascii_case(b"none"),
                _ => {}
            }
        }
        f(Representation {
            status: self.status,
            etag: etag.as_ref(),
            last_modified: last_modified.as_ref(),
            date: date.as_ref(),
            body_len: self.body().len(),
            accepts_ranges,
            content_type: content_type.as_ref(),
            is_encoded: self.has_content_encoding,
            is_encodable: self.encodings.is_some(),
        })
    }

    /// Returns the request header names that the stored `Vary` lists and that select a page. A page with encoded representations is
    /// the same for all values of `Accept-Encoding`.
    pub(crate) fn vary_names(&self) -> vary::VaryNames {
        let mut names = vary::header_names(self.values_of(&VARY).iter());
        if self.encodings.is_some() {
            names.retain(|name| *name != ACCEPT_ENCODING);
        }
        names
    }

    fn values_of(&self, name: &HeaderName) -> SmallVec<[HeaderValue; 2]> {
        self.sent_headers().filter(|line| line.name == name).map(PageLine::to_value).collect()
    }

    /// Returns the bytes that the page allocates, beside the lines that it shares.
    pub(crate) fn weight(&self) -> usize {
        let encodings = self.encodings().map_or(0, |encodings| size_of::<Encodings>() + encodings.weight());
        self.content.weight() + self.reason.as_ref().map_or(0, |_| size_of::<ReasonPhrase>()) + encodings
    }

    /// Returns the bytes that a [`private_copy`](Self::private_copy) allocates.
    pub(crate) fn copy_weight(&self) -> usize {
        let encodings = self.encodings().map_or(0, |encodings| size_of::<Encodings>() + encodings.weight());
        Content::private_weight(self.sent_headers(), self.body().len())
            + self.reason.as_ref().map_or(0, |_| size_of::<ReasonPhrase>())
            + encodings
    }

    /// Copies the page into allocations that no other thread refers to.
    pub(crate) fn private_copy(&self) -> Self {
        Self {
            status: self.status,
            has_content_encoding: self.has_content_encoding,
            has_valid_tag: self.has_valid_tag,
            reason: self.reason.clone(),
            content: Content::private(self.sent_headers(), self.body_bytes()),
            shared: None,
            encodings: self.encodings().map(|own| Box::new(own.copy(|bytes| Bytes::copy_from_slice(bytes)))),
        }
    }
}

/// Lines that are to be stored.
type Lines<'h> = SmallVec<[Line<'h>; 16]>;

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("status", &self.status)
            .field("bytes", &self.body().len())
            .finish_non_exhaustive()
    }
}
