//! What a page is kept under: bytes in which no two different requests meet.

use std::{
    any::{TypeId, type_name},
    hash::{Hash, Hasher},
};

use actix_web::{HttpRequest, http::header::HeaderMap};
use http::header::{COOKIE, HOST, HeaderName, HeaderValue};
use smallvec::SmallVec;

use crate::{
    cache::page_cache::PageCache,
    http::{RequestOrigin, cookies},
    key::{
        key_buf::{KeyBuf, MOST_BYTES},
        variant::push_variant_values,
    },
    policy::policy::Policy,
};

/// The first byte of a key: the store keeps requests and variants side by side, and none of one kind is one of the other.
const OF_A_REQUEST: u8 = 0;
const OF_A_VARIANT: u8 = 1;

/// Instead of a length of one byte: what follows are the lines of a header, and their number comes first.
const LINES: u8 = 0xfd;
/// Instead of a length of one byte: what follows was recorded, and a length of four bytes comes first.
const RECORDED: u8 = 0xfe;
/// Instead of a length of one byte: a length of four bytes follows.
const LONG: u8 = 0xff;
/// The mark and the length of what is recorded.
const FRAME: usize = 5;

/// A finished key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CacheKey<'k>(&'k [u8]);

impl<'k> CacheKey<'k> {
    pub(crate) fn as_bytes(self) -> &'k [u8] {
        self.0
    }

    /// The key of the variant that this request gets of a page that depends on these headers of it, unless it is too long.
    pub(crate) fn variant(self, names: &[HeaderName], request: &HeaderMap) -> Option<KeyBuf> {
        let mut key = KeyBuf::new();
        key.push(OF_A_VARIANT);
        key.extend(&self.0.len().to_le_bytes());
        key.extend(self.0);
        push_variant_values(&mut key, names, request);
        (!key.is_too_long()).then_some(key)
    }
}

/// Collects what a handler argument reads from the request; see [`KeyInput`](crate::KeyInput).
///
/// Everything added is framed by its length, so that two different sequences of parts never give the same key: `"ab"`
/// then `"c"` is not `"a"` then `"bc"`, and absent is not empty.
#[derive(Debug)]
pub struct KeyBuilder<'r> {
    request: &'r HttpRequest,
    pub(crate) cover: KeyParts,
}

/// What a key has of a request, without the request.
#[derive(Debug)]
pub(crate) struct KeyParts {
    bytes: KeyBuf,
    covered: SmallVec<[KeyedHeader; 4]>,
    varies: bool,
    handler: Option<HandlerKeyPart>,
}

/// What the code of a handler is known by.
#[derive(Clone, Copy)]
pub(crate) struct HandlerType {
    id: TypeId,
    name: &'static str,
}

impl HandlerType {
    /// That of the future.
    pub(crate) fn of<F: ?Sized>() -> Self {
        Self { id: typeid::of::<F>(), name: type_name::<F>() }
    }
}

/// What a key has of the handler's code, which says nothing to other programs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandlerKeyPart {
    pub(crate) id: TypeId,
    pub(crate) name: &'static str,
    /// Where it begins, and all behind it.
    pub(crate) at: usize,
}

/// A request header that the key has something of.
#[derive(Debug)]
struct KeyedHeader {
    name: HeaderName,
    /// Whether every line of it is in the key.
    whole: bool,
}

impl<'r> KeyBuilder<'r> {
    pub(crate) fn new(request: &'r HttpRequest) -> Self {
        Self { request, cover: KeyParts::new() }
    }

    /// What the attribute says a page depends on, and the URL as a handler sees it.
    pub(crate) fn policy(&mut self, policy: &Policy, cache: &PageCache) {
        let head = self.request.head();
        let mut hosts = head.headers.get_all(&HOST);
        let host = hosts.next();
        let origin = RequestOrigin::new(head, host, self.request.app_config());
        self.part(if policy.prefix().is_empty() { cache.key_prefix() } else { policy.prefix() }.as_bytes());
        self.part(origin.scheme.as_bytes());
        self.part(origin.host.as_bytes());
        // What the App was chosen by, where a guard looks at the host: the origin may come from other headers.
        self.optional(host.map(HeaderValue::as_bytes));
        hosts.for_each(|line| self.optional(Some(line.as_bytes())));
        self.optional(None);
        self.optional(head.uri.authority().map(|authority| authority.as_str().as_bytes()));
        self.part(head.uri.path().as_bytes());
        // What `web::Path` reads is a copy: middleware may have rewritten one of the two. It has fewer escapes at most.
        let routed = self.request.match_info().as_str();
        self.optional((routed != head.uri.path()).then_some(routed.as_bytes()));
        self.query(head.uri.query(), policy);
        for name in policy.headers().iter().chain(cache.vary()) {
            self.header_name(name.clone());
        }
        for name in policy.cookies() {
            self.cookie(name);
        }
    }

    fn query(&mut self, query: Option<&str>, policy: &Policy) {
        if query.is_some_and(|query| query.len() > MOST_BYTES) {
            // Not worth taking apart.
            self.cover.bytes.give_up();
            return;
        }
        match policy.parameters().select(query.unwrap_or_default()) {
            None => self.optional(query.map(str::as_bytes)),
            Some(parameters) => {
                self.number(parameters.len());
                for (name, value) in parameters {
                    self.part(name.as_bytes());
                    self.part(value.as_bytes());
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
        self.cover(COOKIE, false);
    }

    /// Covers a request header: all its lines as they came, and that there are none.
    ///
    /// The name goes into the `Vary` of the response, so that caches further down keep the pages apart too.
    pub fn header(&mut self, name: &str) {
        // No request can carry a header whose name is none, so there is nothing to cover.
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            // Which header is read may depend on the request: the lines of one are not those of another.
            self.part(name.as_str().as_bytes());
            self.header_name(name);
        }
    }

    pub(crate) fn header_name(&mut self, name: HeaderName) {
        self.lines(&name);
        self.cover(name, true);
    }

    fn cover(&mut self, name: HeaderName, whole: bool) {
        match self.cover.covered.iter_mut().find(|covered| covered.name == name) {
            Some(covered) => covered.whole |= whole,
            None => self.cover.covered.push(KeyedHeader { name, whole }),
        }
    }

    /// Adds the lines of a header that are no news to caches further down.
    pub(crate) fn lines(&mut self, name: &HeaderName) {
        let lines = self.request.headers().get_all(name);
        self.cover.bytes.extend(&[LINES]);
        self.number(lines.len());
        for line in lines {
            self.part(line.as_bytes());
        }
    }

    /// Adds every byte that the value feeds to a hasher: values that are `Hash` apart are kept apart, without collisions.
    ///
    /// Caches further down, a browser's own included, do not know the value. They are told `private, no-cache`, where the
    /// handler does not tell them something else.
    pub fn value<T: Hash + ?Sized>(&mut self, value: &T) {
        self.cover.varies = true;
        self.record(value);
    }

    /// Adds bytes, of which caches further down are told the same as of a [`value`](Self::value).
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.cover.varies = true;
        self.part(bytes);
    }

    /// Adds the handler, as the last part.
    pub(crate) fn handler(&mut self, HandlerType { id, name }: HandlerType) {
        self.cover.handler = Some(HandlerKeyPart { id, name, at: self.cover.bytes.len() });
        self.record(&id);
    }

    /// Adds a value that is the same for all who ask for the URL.
    pub(crate) fn record<T: Hash + ?Sized>(&mut self, value: &T) {
        self.cover.bytes.extend(&[RECORDED; FRAME]);
        let start = self.cover.bytes.len();
        value.hash(&mut RecordingHasher(self));
        let recorded = u32::try_from(self.cover.bytes.len().saturating_sub(start)).unwrap_or(u32::MAX);
        // Nothing is there to be framed where the key was too long before.
        if let Some(frame) = self.cover.bytes.as_mut_slice().get_mut(start - FRAME + 1..start) {
            frame.copy_from_slice(&recorded.to_le_bytes());
        }
    }

    #[inline]
    pub(crate) fn part(&mut self, bytes: &[u8]) {
        match u8::try_from(bytes.len()) {
            Ok(short @ 0..LINES) => self.cover.bytes.extend_after(short, bytes),
            _ => {
                self.number(bytes.len());
                self.cover.bytes.extend(bytes);
            }
        }
    }

    /// Adds bytes that may be missing, which is not the same as empty.
    #[inline]
    pub(crate) fn optional(&mut self, bytes: Option<&[u8]>) {
        self.number(usize::from(bytes.is_some()));
        if let Some(bytes) = bytes {
            self.part(bytes);
        }
    }

    /// A length or a count: one byte, or a mark and four. What does not fit into these is too long for a key anyway.
    #[inline]
    fn number(&mut self, number: usize) {
        match (u8::try_from(number), u32::try_from(number)) {
            (Ok(short @ 0..LINES), _) => self.cover.bytes.extend(&[short]),
            (_, Ok(long)) => {
                self.cover.bytes.extend(&[LONG]);
                self.cover.bytes.extend(&long.to_le_bytes());
            }
            _ => self.cover.bytes.give_up(),
        }
    }
}

impl KeyParts {
    fn new() -> Self {
        let mut bytes = KeyBuf::new();
        bytes.push(OF_A_REQUEST);
        Self { bytes, covered: SmallVec::new(), varies: false, handler: None }
    }

    /// All of it, for a fill that outlives its request. What stays behind is no key of anything.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::new())
    }

    /// The key, unless it grew too long.
    pub(crate) fn key(&self) -> Option<CacheKey<'_>> {
        (!self.bytes.is_too_long()).then_some(CacheKey(self.bytes.as_slice()))
    }

    pub(crate) fn handler(&self) -> Option<HandlerKeyPart> {
        self.handler
    }

    /// Whether every line of that header is in the key.
    pub(crate) fn covers(&self, name: &HeaderName) -> bool {
        self.covered.iter().any(|covered| covered.whole && covered.name == *name)
    }

    /// The headers that caches further down have to tell apart as well.
    pub(crate) fn told(&self) -> impl Iterator<Item = &HeaderName> {
        self.covered.iter().map(|covered| &covered.name)
    }

    /// Whether something is in the key that caches further down do not know.
    pub(crate) fn varies(&self) -> bool {
        self.varies
    }
}

/// A hasher that keeps what it is fed.
struct RecordingHasher<'b, 'r>(&'b mut KeyBuilder<'r>);

impl Hasher for RecordingHasher<'_, '_> {
    /// Some types tell their parts apart by writing them one by one.
    fn write(&mut self, bytes: &[u8]) {
        self.0.part(bytes);
    }

    /// Nothing is condensed, so there is no hash to give.
    fn finish(&self) -> u64 {
        0
    }
}
