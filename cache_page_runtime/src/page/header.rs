//! The headers of a stored response, and which of them each kind of response repeats.

use actix_web::{
    http::header::{
        self, ACCEPT_RANGES, CACHE_CONTROL, CONNECTION, CONTENT_LOCATION, DATE, ETAG, EXPIRES, HeaderMap,
        HeaderName, HeaderValue, LAST_MODIFIED, VARY,
    },
    web::Bytes,
};

use crate::http::list;

/// The bytes that a shared `Bytes` allocates beside its contents.
const BYTES_OVERHEAD: usize = 24;

/// A header line that is to be stored.
#[derive(Clone, Copy)]
pub(super) struct Line<'h> {
    pub(super) name: &'h HeaderName,
    pub(super) value: &'h HeaderValue,
    /// Whether the cache generated the line.
    pub(super) is_generated: bool,
    /// Whether the line is sent; else a generated `Vary` stands for it.
    pub(super) is_sent: bool,
}

/// One header line of a stored response.
pub(super) struct StoredHeader {
    pub(super) name: HeaderName,
    pub(super) value: HeaderValue,
    /// Whether the cache generated this line; else it comes from the handler.
    pub(super) is_generated: bool,
    /// Whether the line is sent. Else it is the handler's own `Vary`, and a generated one stands for it.
    pub(super) is_sent: bool,
    pub(super) sent_in: SentIn,
}

/// The responses beside the full one that carry a line.
#[derive(Clone, Copy)]
pub(super) struct SentIn {
    /// Whether a 304 response does (RFC 9110 15.4.5).
    ///
    /// It carries all that may differ from what the client has: a browser that is not sent `Access-Control-Allow-Origin` or a new
    /// `Content-Security-Policy` goes on with the old one. Only what describes the bytes of the body stays out.
    pub(super) not_modified: bool,
    /// Whether a representation does that the cache has encoded. It has an entity tag of its own, its bytes have other digests, and
    /// ranges of it are not served.
    pub(super) encoded: bool,
}

impl SentIn {
    pub(super) fn of(name: &HeaderName) -> Self {
        let (not_modified, encoded) = match *name {
            DATE => (true, true),
            ETAG | ACCEPT_RANGES => (true, false),
            header::CONTENT_ENCODING => (false, true),
            _ => match name.as_str() {
                "content-digest" | "content-md5" => (false, false),
                "repr-digest" | "digest" => (true, false),
                _ => (true, true),
            },
        };
        Self { not_modified, encoded }
    }
}

/// One header line of a page, however it is stored.
#[derive(Clone, Copy)]
pub(crate) struct PageLine<'p> {
    pub(crate) name: &'p HeaderName,
    pub(super) value: Value<'p>,
    pub(crate) is_generated: bool,
    pub(super) is_sent: bool,
    pub(super) sent_in: SentIn,
}

#[derive(Clone, Copy)]
pub(super) enum Value<'p> {
    Whole(&'p HeaderValue),
    /// The bytes of a valid value, from a place to another one.
    Part(&'p Bytes, usize, usize),
}

impl<'p> PageLine<'p> {
    pub(crate) fn as_bytes(self) -> &'p [u8] {
        match self.value {
            Value::Whole(value) => value.as_bytes(),
            Value::Part(bytes, start, end) => bytes.get(start..end).unwrap_or_default(),
        }
    }

    pub(crate) fn is_sensitive(self) -> bool {
        matches!(self.value, Value::Whole(value) if value.is_sensitive())
    }

    pub(crate) fn to_value(self) -> HeaderValue {
        match self.value {
            Value::Whole(value) => value.clone(),
            Value::Part(bytes, start, end) => valid_value(bytes.slice(start..end)),
        }
    }
}

/// Returns the value of these bytes, which are those of a valid value.
fn valid_value(bytes: Bytes) -> HeaderValue {
    // The fallback is never used.
    HeaderValue::from_maybe_shared(bytes).unwrap_or_else(|_| HeaderValue::from_static(""))
}

impl StoredHeader {
    /// Stores header lines.
    pub(super) fn collect<'h>(lines: impl ExactSizeIterator<Item = Line<'h>> + Clone) -> Box<[Self]> {
        let mut headers: Vec<Self> = Vec::with_capacity(lines.len());
        let lines = lines.map(|line| (line, line.value.as_bytes()));
        for (Line { name, value, is_generated, is_sent }, mut own) in into_one_allocation(lines) {
            own.set_sensitive(value.is_sensitive());
            let sent_in = SentIn::of(name);
            headers.push(Self { name: name.clone(), value: own, is_generated, is_sent, sent_in });
        }
        headers.into()
    }

    pub(super) fn as_line(&self) -> PageLine<'_> {
        let Self { name, value, is_generated, is_sent, sent_in } = self;
        let (is_generated, is_sent, sent_in) = (*is_generated, *is_sent, *sent_in);
        PageLine { name, value: Value::Whole(value), is_generated, is_sent, sent_in }
    }

    /// Returns whether storing a line makes this one.
    pub(super) fn is_line(&self, line: &Line<'_>) -> bool {
        self.name == line.name
            && self.value == line.value
            && self.value.is_sensitive() == line.value.is_sensitive()
            && (self.is_generated, self.is_sent) == (line.is_generated, line.is_sent)
    }

    /// Copies header lines into an allocation of their own.
    pub(super) fn private_copies<'h>(lines: impl Iterator<Item = PageLine<'h>> + Clone) -> Box<[Self]> {
        let lines = lines.map(|line| (line, line.as_bytes()));
        into_one_allocation(lines)
            .map(|(line, mut value)| {
                value.set_sensitive(line.is_sensitive());
                let PageLine { name, is_generated, is_sent, sent_in, .. } = line;
                // A name that is no standard one has a reference count, which the clone would share.
                let name = HeaderName::from_bytes(name.as_str().as_bytes()).unwrap_or_else(|_| name.clone());
                Self { name, value, is_generated, is_sent, sent_in }
            })
            .collect()
    }

    /// Returns the bytes that header lines allocate.
    pub(super) fn weight(headers: &[Self]) -> usize {
        let names: usize = headers.iter().map(|line| weight_of_name(&line.name)).sum();
        let values: usize = headers.iter().map(|line| line.value.len()).sum();
        size_of_val(headers) + names + weight_of_bytes(values)
    }
}

/// Returns whether a header describes the full body, so that a partial response must not carry it (RFC 9530 2).
pub(super) fn is_full_body_header(name: &HeaderName) -> bool {
    matches!(name.as_str(), "content-digest" | "content-md5")
}

/// Returns whether a header says which origins may read the response, or that this depends on the request.
pub(super) fn is_about_origins(name: &HeaderName) -> bool {
    let text = name.as_str();
    *name == VARY || text.starts_with("access-control-") || text == "cross-origin-resource-policy"
}

/// Returns the header names that `Connection` lists, which are hop-by-hop for this response.
pub(super) fn connection_options(headers: &HeaderMap) -> Vec<HeaderName> {
    list::members(headers.get_all(CONNECTION)).filter_map(|name| HeaderName::from_bytes(name).ok()).collect()
}

/// Copies header values into one allocation of exactly their size, and keeps what each came with.
///
/// A value that echoes a request would otherwise keep that request's buffer in memory.
fn into_one_allocation<'v, T>(
    lines: impl Iterator<Item = (T, &'v [u8])> + Clone,
) -> impl Iterator<Item = (T, HeaderValue)> {
    let mut all = Vec::with_capacity(lines.clone().map(|(_, value)| value.len()).sum());
    lines.clone().for_each(|(_, value)| all.extend_from_slice(value));
    let mut all = Bytes::from(all);
    lines.map(move |(tag, value)| (tag, valid_value(all.split_to(value.len()))))
}

/// Returns the bytes that `length` bytes allocate as `Bytes`.
pub(crate) fn weight_of_bytes(length: usize) -> usize {
    if length > 0 { length + BYTES_OVERHEAD } else { 0 }
}

/// Returns the bytes that a header name allocates.
///
/// Standard names are stored as an integer and allocate nothing. `HeaderName` does not expose which names are standard, so this
/// lists those that responses usually carry.
pub(super) fn weight_of_name(name: &HeaderName) -> usize {
    match *name {
        header::CONTENT_TYPE
        | CACHE_CONTROL
        | DATE
        | ETAG
        | VARY
        | LAST_MODIFIED
        | EXPIRES
        | header::CONTENT_ENCODING
        | header::CONTENT_LANGUAGE
        | CONTENT_LOCATION
        | header::CONTENT_DISPOSITION
        | header::CONTENT_SECURITY_POLICY
        | ACCEPT_RANGES
        | header::LINK
        | header::LOCATION
        | header::SERVER
        | header::STRICT_TRANSPORT_SECURITY
        | header::REFERRER_POLICY
        | header::X_CONTENT_TYPE_OPTIONS
        | header::X_FRAME_OPTIONS
        | header::X_XSS_PROTECTION
        | header::ACCESS_CONTROL_ALLOW_ORIGIN => 0,
        _ => weight_of_bytes(name.as_str().len()),
    }
}
