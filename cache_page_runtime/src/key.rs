//! What a page is kept under: bytes in which no two different requests meet.

use std::hash::{Hash, Hasher};

use actix_web::HttpRequest;
use http::header::{COOKIE, HeaderName};
use smallvec::SmallVec;

use crate::{cookies, origin::Origin, policy::Policy};

/// Longer keys are nobody's page. A request head can be longer than this, and who sends one chooses what is in it.
const MOST_BYTES: usize = 8 * 1024;

/// Collects what a handler argument reads from the request; see [`KeyInput`](crate::KeyInput).
///
/// Everything added is framed by its length, so that two different sequences of parts never give the same key: `"ab"`
/// then `"c"` is not `"a"` then `"bc"`, and absent is not empty.
#[derive(Debug)]
pub struct KeyBuilder<'r> {
    request: &'r HttpRequest,
    bytes: SmallVec<[u8; 256]>,
    /// The headers whose every line is in the key.
    headers: SmallVec<[HeaderName; 4]>,
    /// The headers of which something is.
    told: SmallVec<[HeaderName; 4]>,
    varies: bool,
    too_long: bool,
}

impl<'r> KeyBuilder<'r> {
    pub(crate) fn new(request: &'r HttpRequest) -> Self {
        Self {
            request,
            bytes: SmallVec::new(),
            headers: SmallVec::new(),
            told: SmallVec::new(),
            varies: false,
            too_long: false,
        }
    }

    /// What the attribute says a page depends on, and the URL as a handler sees it.
    pub(crate) fn policy(&mut self, policy: &Policy) {
        let head = self.request.head();
        let origin = Origin::of(head, self.request.app_config());
        self.bytes(policy.prefix().as_bytes());
        self.bytes(origin.scheme.as_bytes());
        self.bytes(origin.host.as_bytes());
        self.bytes(head.uri.path().as_bytes());
        self.query(head.uri.query(), policy);
        for name in policy.headers() {
            self.header_name(name.clone());
        }
        for name in policy.cookies() {
            self.cookie(name);
        }
    }

    fn query(&mut self, query: Option<&str>, policy: &Policy) {
        if query.is_some_and(|query| query.len() > MOST_BYTES) {
            // Not worth taking apart.
            self.too_long = true;
            return;
        }
        match policy.parameters().pick(query.unwrap_or_default()) {
            None => self.optional(query.map(str::as_bytes)),
            Some(parameters) => {
                self.number(parameters.len());
                for (name, value) in parameters {
                    self.bytes(name.as_bytes());
                    self.bytes(value.as_bytes());
                }
            }
        }
    }

    /// Covers one cookie, and not the header that it came in with others.
    fn cookie(&mut self, name: &str) {
        for value in cookies::values(self.request.headers(), name) {
            self.optional(Some(value));
        }
        self.optional(None);
        if !self.told.contains(&COOKIE) {
            self.told.push(COOKIE);
        }
    }

    /// Covers a request header: all its lines as they came, and that there are none.
    ///
    /// The name goes into the `Vary` of the response, so that caches further down keep the pages apart too.
    pub fn header(&mut self, name: &str) {
        // No request can carry a header whose name is none, so there is nothing to cover.
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            self.header_name(name);
        }
    }

    pub(crate) fn header_name(&mut self, name: HeaderName) {
        self.lines(&name);
        if !self.headers.contains(&name) {
            self.headers.push(name.clone());
        }
        if !self.told.contains(&name) {
            self.told.push(name);
        }
    }

    /// Adds the lines of a header that are no news to caches further down.
    pub(crate) fn lines(&mut self, name: &HeaderName) {
        let lines = self.request.headers().get_all(name);
        self.number(lines.len());
        for line in lines {
            self.bytes(line.as_bytes());
        }
    }

    /// Adds every byte that the value feeds to a hasher. They stay bytes: different values cannot collide.
    pub fn value<T: Hash + ?Sized>(&mut self, value: &T) {
        let start = self.bytes.len();
        self.number(0);
        value.hash(&mut Recorder(self));
        let length = self.bytes.len().saturating_sub(start + size_of::<u32>());
        if let (Ok(length), Some(frame)) =
            (u32::try_from(length), self.bytes.get_mut(start..start + size_of::<u32>()))
        {
            frame.copy_from_slice(&length.to_le_bytes());
        }
    }

    /// Adds bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.raw(bytes);
    }

    /// Adds bytes that may be missing, which is not the same as empty.
    pub(crate) fn optional(&mut self, bytes: Option<&[u8]>) {
        self.number(usize::from(bytes.is_some()));
        if let Some(bytes) = bytes {
            self.bytes(bytes);
        }
    }

    /// Adds a value that differs between visitors: the page may be kept here, where the key tells them apart, but not by
    /// caches that only know the URL.
    pub(crate) fn vary<T: Hash + ?Sized>(&mut self, value: &T) {
        self.varies = true;
        self.value(value);
    }

    /// A length or a count. What does not fit into it is too long for a key anyway.
    fn number(&mut self, number: usize) {
        match u32::try_from(number) {
            Ok(number) => self.raw(&number.to_le_bytes()),
            Err(_) => self.too_long = true,
        }
    }

    fn raw(&mut self, bytes: &[u8]) {
        if self.bytes.len() + bytes.len() > MOST_BYTES {
            self.too_long = true;
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// The key, unless it grew too long.
    pub(crate) fn key(&self) -> Option<&[u8]> {
        (!self.too_long).then_some(&*self.bytes)
    }

    /// The headers that the key covers.
    pub(crate) fn headers(&self) -> &[HeaderName] {
        &self.headers
    }

    /// The headers that caches further down have to tell apart as well.
    pub(crate) fn told(&self) -> &[HeaderName] {
        &self.told
    }

    /// Whether something is in the key that caches further down do not know.
    pub(crate) fn varies(&self) -> bool {
        self.varies
    }
}

/// A hasher that keeps what it is fed.
struct Recorder<'b, 'r>(&'b mut KeyBuilder<'r>);

impl Hasher for Recorder<'_, '_> {
    fn write(&mut self, bytes: &[u8]) {
        self.0.raw(bytes);
    }

    /// Nothing is condensed, so there is no hash to give.
    fn finish(&self) -> u64 {
        0
    }
}
