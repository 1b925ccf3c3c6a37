//! The bytes of a cache key, and which request headers are in it.
//!
//! **Invariant:** keys are injective. A key is a sequence of parts, each of which shows by its first byte what it is and where it
//! ends: bytes with their length, an absent part, the input of a hasher, or a list up to its end. The parts of each argument end
//! with the mark of a list's end. So the parts can be read back from the bytes, argument by argument, and two different sequences
//! never give the same bytes.

use std::hash::{Hash, Hasher};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;

#[cfg(feature = "inspector")]
use super::variant::may_have_values;
use super::{
    handler_id::{HandlerKeyPart, HandlerType},
    key_buf::KeyBuf,
    key_hash::KeyHash,
    variant::{NormalizedHeader, push_variant_values},
};
use crate::http::header_class::HeaderClass;

/// The first byte of a key. The map holds the keys of requests and of variants side by side.
pub(super) const REQUEST: u8 = 0;
pub(super) const VARIANT: u8 = 1;

const _: () = assert!(REQUEST == 0);

/// Ends a list, or the parts of an argument.
pub(super) const END: u8 = 0xf9;
/// Replaces a one-byte length. The part is absent.
pub(super) const ABSENT: u8 = 0xfa;
/// Replaces a one-byte length. The bytes that a value fed to a hasher follow, with a four-byte length.
pub(super) const HASH_INPUT: u8 = 0xfe;
/// Replaces a one-byte length. A four-byte length follows.
pub(super) const LONG: u8 = 0xff;
/// The length of the marker and the length in front of hash input.
const HASH_INPUT_FRAME: usize = 5;

/// A list of parts, by its first byte. [`END`] follows its last part.
#[derive(Clone, Copy)]
pub(super) enum List {
    /// Values whose meaning is the same for all requests with the same policy.
    Values = 0xfb,
    /// The name and all values of a header.
    Header = 0xfc,
    /// The name and all values of a cookie.
    Cookie = 0xfd,
}

/// A complete key, which is not too long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CacheKey<'k>(&'k KeyParts);

/// A key under construction. It does not borrow the request.
#[derive(Debug)]
pub(crate) struct KeyParts {
    bytes: KeyBuf,
    keyed_headers: SmallVec<[KeyedHeader; 2]>,
    /// Behind a pointer: few handlers have any, and each request has room for it.
    normalized: Option<Box<NormalizedHeaders>>,
    has_private_value: bool,
    has_more_of_query: bool,
    is_anonymous: bool,
    /// With the hash of the whole key: the handler is its last part.
    handler: Option<(HandlerKeyPart, KeyHash)>,
}

#[derive(Debug, Default)]
struct NormalizedHeaders(Vec<NormalizedHeader>);

/// A request header whose value is in the key, in full or in part.
#[derive(Debug)]
struct KeyedHeader {
    name: HeaderName,
    coverage: Coverage,
}

/// How much of a request header is in the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Coverage {
    /// A part of it. The response may depend on the rest.
    Part,
    /// What a function has made of it. The response depends on nothing else of it, as the author says.
    Normalized,
    /// All of its values.
    Full,
}

impl<'k> CacheKey<'k> {
    pub(crate) fn as_bytes(self) -> &'k [u8] {
        self.0.bytes.as_slice()
    }

    /// Returns the hash of the key.
    #[inline]
    pub(crate) fn hash(self) -> KeyHash {
        let hash = self.0.handler.map_or_else(|| KeyHash::of(self.as_bytes()), |(_, hash)| hash);
        debug_assert_eq!(hash, KeyHash::of(self.as_bytes()), "the handler is the last part");
        hash
    }

    /// Returns the key of the variant that `request` selects by the headers `names`, or `None` if it is too long.
    pub(crate) fn variant(self, names: &[HeaderName], request: &HeaderMap) -> Option<KeyBuf> {
        let mut key = KeyBuf::new();
        key.push(VARIANT);
        key.extend(&self.as_bytes().len().to_le_bytes());
        key.extend(self.as_bytes());
        push_variant_values(&mut key, names, request, self.0.normalized());
        (!key.is_too_long()).then_some(key)
    }
}

impl KeyParts {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self {
            // That is `REQUEST`.
            bytes: KeyBuf::with_zero(),
            keyed_headers: SmallVec::new(),
            normalized: None,
            has_private_value: false,
            has_more_of_query: false,
            is_anonymous: false,
            handler: None,
        }
    }

    /// Moves the parts out, for a fill that outlives its request. The rest is not a usable key.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::new())
    }

    /// Returns the key, or `None` if it is too long.
    pub(crate) fn key(&self) -> Option<CacheKey<'_>> {
        (!self.bytes.is_too_long()).then_some(CacheKey(self))
    }

    /// Returns the request headers of which functions decide the variant.
    pub(crate) fn normalized(&self) -> &[NormalizedHeader] {
        self.normalized.as_ref().map_or(&[], |headers| &headers.0)
    }

    /// Appends what a function makes of a header, and its lines if the function has not seen them as they are: if there are several, or
    /// if one is not UTF-8.
    pub(super) fn push_normalized<T: Hash>(
        &mut self,
        headers: &HeaderMap,
        name: &HeaderName,
        normalize: impl FnOnce(Option<&str>) -> T,
    ) {
        let lines: SmallVec<[&[u8]; 1]> = headers.get_all(name).map(HeaderValue::as_bytes).collect();
        match *lines {
            [] => return self.push_hashed(&normalize(None)),
            [line] => match str::from_utf8(line) {
                Ok(line) => return self.push_hashed(&normalize(Some(line))),
                Err(_) => self.push_hashed(&normalize(Some(&String::from_utf8_lossy(line)))),
            },
            _ => self.push_hashed(&normalize(Some(&String::from_utf8_lossy(&lines.join(&b", "[..]))))),
        }
        self.push_list(List::Values, lines);
    }

    /// Lets a function decide the variant of a response that varies by a header.
    ///
    /// Headers that carry credentials are compared as they are: a function could show one visitor the page of another.
    pub(super) fn add_normalized<T: Hash>(
        &mut self,
        headers: &HeaderMap,
        name: HeaderName,
        normalize: impl FnOnce(Option<&str>) -> T,
    ) {
        if HeaderClass::of(&name).is_credential() {
            return;
        }
        let mut parts = Self::new();
        parts.push_normalized(headers, &name, normalize);
        if parts.bytes.is_too_long() {
            return self.bytes.mark_too_long();
        }
        let headers = self.normalized.get_or_insert_default();
        headers.0.push(NormalizedHeader { name, value: parts.bytes.as_slice().into() });
    }

    pub(crate) fn handler(&self) -> Option<HandlerKeyPart> {
        self.handler.map(|(handler, _)| handler)
    }

    /// Returns whether all values of a request header are in the key.
    pub(crate) fn has_header(&self, name: &HeaderName) -> bool {
        self.covers(name, Coverage::Full)
    }

    /// Returns whether requests that differ in a header have different keys wherever the response differs.
    pub(crate) fn distinguishes(&self, name: &HeaderName) -> bool {
        self.covers(name, Coverage::Normalized)
    }

    fn covers(&self, name: &HeaderName, coverage: Coverage) -> bool {
        self.keyed_headers.iter().any(|keyed| keyed.coverage >= coverage && keyed.name == *name)
    }

    /// Returns the request headers that belong in the response's `Vary`, beside those of credentials.
    pub(crate) fn vary_names(&self) -> impl Iterator<Item = &HeaderName> + Clone {
        self.keyed_headers.iter().map(|keyed| &keyed.name)
    }

    /// Returns whether the page is stored from and served to anonymous visitors only, as an argument demands.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.is_anonymous
    }

    pub(crate) fn set_anonymous(&mut self) {
        self.is_anonymous = true;
    }

    /// Returns whether the key contains a value that downstream caches cannot vary by.
    pub(crate) fn has_private_value(&self) -> bool {
        self.has_private_value
    }

    pub(crate) fn set_private(&mut self) {
        self.has_private_value = true;
    }

    /// Returns whether the key may contain parameters of the query that the options leave out, because an argument reads them.
    pub(crate) fn has_more_of_query(&self) -> bool {
        self.has_more_of_query
    }

    pub(super) fn set_more_of_query(&mut self) {
        self.has_more_of_query = true;
    }

    pub(super) fn add_keyed_header(&mut self, name: HeaderName, coverage: Coverage) {
        match self.keyed_headers.iter_mut().find(|keyed| keyed.name == name) {
            Some(keyed) => keyed.coverage = keyed.coverage.max(coverage),
            None => self.keyed_headers.push(KeyedHeader { name, coverage }),
        }
    }

    /// Appends the handler, which must be the last part.
    #[inline]
    pub(super) fn push_handler(&mut self, HandlerType { id, name }: HandlerType) {
        let offset = self.bytes.len();
        self.push_hashed(&id);
        let hash = KeyHash::of(self.bytes.as_slice());
        self.handler = Some((HandlerKeyPart { id, name, offset }, hash));
    }

    /// Appends every byte that the value feeds to a hasher.
    pub(crate) fn push_hashed<T: Hash + ?Sized>(&mut self, value: &T) {
        self.bytes.extend(&[HASH_INPUT; HASH_INPUT_FRAME]);
        let start = self.bytes.len();
        value.hash(&mut RecordingHasher(self));
        let length = u32::try_from(self.bytes.len().saturating_sub(start)).unwrap_or(u32::MAX);
        // If the key is too long, the frame was not written.
        if let Some(frame) = self.bytes.as_mut_slice().get_mut(start - HASH_INPUT_FRAME + 1..start) {
            frame.copy_from_slice(&length.to_le_bytes());
        }
    }

    /// Appends all values of a header.
    pub(super) fn push_header_values(&mut self, headers: &HeaderMap, name: &HeaderName) {
        self.push_list(List::Values, headers.get_all(name).map(HeaderValue::as_bytes));
    }

    /// Appends the name and all values of a header.
    #[inline]
    pub(super) fn push_named_header(&mut self, headers: &HeaderMap, name: &HeaderName) {
        self.bytes.push(List::Header as u8);
        self.push_part(name.as_str().as_bytes());
        headers.get_all(name).for_each(|value| self.push_part(value.as_bytes()));
        self.end();
    }

    /// Appends a list.
    #[inline]
    pub(super) fn push_list<'v>(&mut self, list: List, parts: impl IntoIterator<Item = &'v [u8]>) {
        self.bytes.push(list as u8);
        parts.into_iter().for_each(|part| self.push_part(part));
        self.end();
    }

    /// Ends the parts of an argument.
    #[inline]
    pub(super) fn end(&mut self) {
        self.bytes.push(END);
    }

    #[inline(always)]
    pub(super) fn push_part(&mut self, bytes: &[u8]) {
        match u8::try_from(bytes.len()) {
            Ok(length @ 0..END) => self.bytes.extend_after(length, bytes),
            _ => self.push_long_part(bytes),
        }
    }

    #[cold]
    fn push_long_part(&mut self, bytes: &[u8]) {
        match u32::try_from(bytes.len()) {
            Ok(length) => {
                self.bytes.push(LONG);
                self.bytes.extend(&length.to_le_bytes());
                self.bytes.extend(bytes);
            }
            Err(_) => self.bytes.mark_too_long(),
        }
    }

    /// Appends a part that may be absent.
    #[inline]
    pub(super) fn push_optional(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.push_part(bytes),
            None => self.bytes.push(ABSENT),
        }
    }

    pub(super) fn mark_too_long(&mut self) {
        self.bytes.mark_too_long();
    }
}

/// Returns whether a request may select the variant under this key of the map, as far as its headers tell.
#[cfg(feature = "inspector")]
pub(crate) fn may_select_variant(key: &[u8], names: &[HeaderName], request: &HeaderMap) -> bool {
    let values = key.strip_prefix(&[VARIANT]).and_then(|rest| {
        let (length, rest) = rest.split_first_chunk()?;
        rest.get(usize::from_le_bytes(*length)..)
    });
    values.is_some_and(|values| may_have_values(values, names, request))
}

/// A hasher that appends its input to a key.
struct RecordingHasher<'p>(&'p mut KeyParts);

impl Hasher for RecordingHasher<'_> {
    /// Frames each write, because some types rely on separate writes to separate their fields.
    fn write(&mut self, bytes: &[u8]) {
        self.0.push_part(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}
