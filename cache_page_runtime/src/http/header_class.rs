//! What the names of headers say, remembered by each worker.
//!
//! A browser behind a proxy sends some twenty headers, of which most have the same names in every request. To search them for the words
//! of credentials and to look them up in lists would take more time than the rest of a hit.

use std::cell::RefCell;

use actix_web::http::header::HeaderMap;
use http::header::{self, HeaderName};

use super::{credential_names, ordinary_headers, per_request};

/// A worker remembers names in as many sets. A browser behind a proxy sends more than twenty names, of which hardly five are in one set.
const SETS: usize = 64;
/// The number of names in each set.
const WAYS: usize = 4;

thread_local! {
    static CLASSES: RefCell<Classes> = const { RefCell::new(Classes([[(NameWords::NONE, HeaderClass(0)); WAYS]; SETS])) };
}

/// What a name says about a header, whatever the options of a cache are: a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeaderClass(u16);

impl HeaderClass {
    const CREDENTIAL: u16 = 1;
    const ORDINARY: u16 = 1 << 1;
    const NOT_STORED: u16 = 1 << 2;
    const FOR_ONE_CLIENT: u16 = 1 << 3;
    const FORWARDED: u16 = 1 << 4;
    const IF_NONE_MATCH: u16 = 1 << 5;
    const OTHER_CONDITION: u16 = 1 << 6;
    const UPGRADE: u16 = 1 << 7;
    const X_FORWARDED_PROTO: u16 = 1 << 8;
    const X_FORWARDED_HOST: u16 = 1 << 9;
    const HOST: u16 = 1 << 10;

    /// Returns the class of a header.
    #[inline]
    pub(crate) fn of(name: &HeaderName) -> Self {
        // Thread-local storage is not available while the thread exits.
        CLASSES
            .try_with(|classes| classes.try_borrow_mut().map(|mut classes| classes.of(name)).ok())
            .ok()
            .flatten()
            .unwrap_or_else(|| Self::find(name))
    }

    #[cold]
    fn find_long(name: &HeaderName) -> Self {
        Self::find(name)
    }

    fn find(name: &HeaderName) -> Self {
        let is_condition = matches!(
            *name,
            header::IF_MATCH | header::IF_MODIFIED_SINCE | header::IF_UNMODIFIED_SINCE | header::RANGE
        );
        let bits = [
            (Self::CREDENTIAL, credential_names::is_credential(name)),
            (Self::ORDINARY, ordinary_headers::is_ordinary(name)),
            (Self::NOT_STORED, per_request::is_not_stored(name)),
            (Self::FOR_ONE_CLIENT, per_request::is_for_one_client(name)),
            (Self::HOST, *name == header::HOST),
            (Self::FORWARDED, *name == header::FORWARDED),
            (Self::X_FORWARDED_PROTO, name == "x-forwarded-proto"),
            (Self::X_FORWARDED_HOST, name == "x-forwarded-host"),
            (Self::IF_NONE_MATCH, *name == header::IF_NONE_MATCH),
            (Self::OTHER_CONDITION, is_condition),
            (Self::UPGRADE, *name == header::UPGRADE),
        ];
        Self(bits.into_iter().filter(|(_, is_set)| *is_set).map(|(bit, _)| bit).sum())
    }

    fn has(self, bits: u16) -> bool {
        self.0 & bits != 0
    }

    /// Returns whether the header identifies a client.
    pub(crate) fn is_credential(self) -> bool {
        self.has(Self::CREDENTIAL)
    }

    /// Returns whether clients and proxies send the header on their own.
    pub(crate) fn is_ordinary(self) -> bool {
        self.has(Self::ORDINARY)
    }

    /// Returns whether a response is stored without the header.
    pub(crate) fn is_not_stored(self) -> bool {
        self.has(Self::NOT_STORED)
    }

    /// Returns whether a response with the header is for one client.
    pub(crate) fn is_for_one_client(self) -> bool {
        self.has(Self::FOR_ONE_CLIENT)
    }
}

/// What one look at the names of a request's headers shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestNames(HeaderClass);

impl RequestNames {
    /// Any header may be there.
    pub(crate) const ANY: Self = Self(HeaderClass(u16::MAX));

    #[inline]
    pub(crate) fn of(request: &HeaderMap) -> Self {
        Self::visit(request, false, |_, _| {})
    }

    /// Calls `visit` with names and their classes: with all of them, or with those that are not just ordinary. It must not look for
    /// classes itself.
    #[inline]
    pub(crate) fn visit<'h>(
        request: &'h HeaderMap,
        visits_all: bool,
        mut visit: impl FnMut(&'h HeaderName, HeaderClass),
    ) -> Self {
        let mut all = 0;
        let mut visit = |name, class: HeaderClass| {
            all |= class.0;
            // Most headers of most requests.
            if visits_all || !class.is_ordinary() || class.is_credential() {
                visit(name, class);
            }
        };
        let visited = CLASSES.try_with(|classes| {
            let mut classes = classes.try_borrow_mut().ok()?;
            request.keys().for_each(|name| visit(name, classes.of(name)));
            Some(())
        });
        if visited.ok().flatten().is_none() {
            request.keys().for_each(|name| visit(name, HeaderClass::find(name)));
        }
        Self(HeaderClass(all))
    }

    pub(crate) fn has_host(self) -> bool {
        self.0.has(HeaderClass::HOST)
    }

    pub(crate) fn has_forwarded(self) -> bool {
        self.0.has(HeaderClass::FORWARDED)
    }

    pub(crate) fn has_forwarded_proto(self) -> bool {
        self.0.has(HeaderClass::X_FORWARDED_PROTO)
    }

    pub(crate) fn has_forwarded_host(self) -> bool {
        self.0.has(HeaderClass::X_FORWARDED_HOST)
    }

    /// Returns whether there is a header from which the scheme or the host is taken.
    pub(crate) fn is_forwarded(self) -> bool {
        let bits = HeaderClass::FORWARDED | HeaderClass::X_FORWARDED_PROTO | HeaderClass::X_FORWARDED_HOST;
        self.0.has(bits)
    }

    /// Returns whether there is a precondition or a range.
    pub(crate) fn has_condition(self) -> bool {
        self.0.has(HeaderClass::IF_NONE_MATCH | HeaderClass::OTHER_CONDITION)
    }

    /// Returns whether there is a precondition beside `If-None-Match`, or a range.
    pub(crate) fn has_other_condition(self) -> bool {
        self.0.has(HeaderClass::OTHER_CONDITION)
    }

    pub(crate) fn has_upgrade(self) -> bool {
        self.0.has(HeaderClass::UPGRADE)
    }
}

/// The classes of the names that a worker has seen lately.
struct Classes([[(NameWords, HeaderClass); WAYS]; SETS]);

impl Classes {
    #[inline(always)]
    fn of(&mut self, name: &HeaderName) -> HeaderClass {
        // A longer name is not remembered.
        let Some(words) = NameWords::of(name.as_str().as_bytes()) else {
            return HeaderClass::find_long(name);
        };
        let set = &mut self.0[words.set()];
        match &set[0] {
            (known, class) if known.is(words) => *class,
            _ => find_in(set, name, words),
        }
    }
}

/// Finds a name that is not the first one of its set.
fn find_in(set: &mut [(NameWords, HeaderClass); WAYS], name: &HeaderName, words: NameWords) -> HeaderClass {
    match set.iter().find(|(known, _)| known.is(words)) {
        Some((_, class)) => *class,
        None => remember(set, name, words),
    }
}

#[cold]
fn remember(set: &mut [(NameWords, HeaderClass); WAYS], name: &HeaderName, words: NameWords) -> HeaderClass {
    let class = HeaderClass::find(name);
    set.rotate_right(1);
    set[0] = (words, class);
    class
}

/// A name of at most [`MAX_LEN`](Self::MAX_LEN) bytes, as numbers, which are compared in less time than slices, and own nothing.
///
/// Two names have the same numbers only if they are equal: the numbers contain the length and every byte, some of them twice.
#[derive(Clone, Copy)]
struct NameWords {
    len: usize,
    ends: [u64; 4],
    /// Zero for names of at most 32 bytes.
    middle: u128,
}

impl NameWords {
    /// The length up to which the first, the middle and the last 16 bytes are the whole name.
    const MAX_LEN: usize = 48;

    /// What no name has.
    const NONE: Self = Self { len: usize::MAX, ends: [0; 4], middle: 0 };

    #[inline(always)]
    fn of(name: &[u8]) -> Option<Self> {
        let len = name.len();
        let (mut ends, mut middle) = ([0; 4], 0);
        if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
            [ends[0], ends[1]] = two_words(first);
            [ends[2], ends[3]] = two_words(last);
            if len > 32 {
                let bytes = name.get(len / 2 - 8..)?.first_chunk().filter(|_| len <= Self::MAX_LEN)?;
                middle = u128::from_le_bytes(*bytes);
            }
        } else if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
            ends[0] = u64::from_le_bytes(*first);
            ends[1] = u64::from_le_bytes(*last);
        } else if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
            ends[0] = u64::from(u32::from_le_bytes(*first));
            ends[1] = u64::from(u32::from_le_bytes(*last));
        } else {
            ends[0] = name.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        }
        Some(Self { len, ends, middle })
    }

    /// Returns whether both are words of one name.
    #[inline(always)]
    fn is(&self, other: Self) -> bool {
        // Without a call of `memcmp`, which `==` would be.
        let differences = self.ends.iter().zip(other.ends).fold(0, |bits, (word, other)| bits | word ^ other);
        self.len == other.len && differences == 0 && (self.len <= 32 || self.middle == other.middle)
    }

    #[inline(always)]
    fn set(self) -> usize {
        let [first, second, third, fourth] = self.ends;
        let mixed = first ^ second.rotate_left(17) ^ third.rotate_left(31) ^ fourth.rotate_left(47);
        // The upper bits of a product depend on all bits of its factor.
        let [.., upper] = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
        usize::from(upper) % SETS
    }
}

#[inline(always)]
fn two_words(bytes: &[u8; 16]) -> [u64; 2] {
    let [a, b, c, d, e, f, g, h, second @ ..] = *bytes;
    [u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from_le_bytes(second)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_share_a_set_have_their_own_classes() {
        let names: Vec<HeaderName> = (0..1000)
            .flat_map(|number| [format!("x-{number}"), format!("x-auth-{number}"), format!("cf-{number}")])
            .chain([format!("x-{}-token", "a".repeat(48)), "cookie".to_owned(), "accept".to_owned()])
            .map(|name| HeaderName::try_from(name).unwrap())
            .collect();
        for _ in 0..2 {
            for name in &names {
                let expected = HeaderClass::find(name);
                assert_eq!((HeaderClass::of(name), HeaderClass::of(name)), (expected, expected), "{name}");
            }
        }
    }

    #[test]
    fn names_that_differ_have_different_words() {
        for len in 1..=NameWords::MAX_LEN {
            let name: Vec<u8> = (b'a'..=b'z').cycle().take(len).collect();
            let words = NameWords::of(&name).unwrap();
            assert!(words.is(NameWords::of(&name.clone()).unwrap()));
            for changed in 0..len {
                let mut other = name.clone();
                other[changed] = b'-';
                assert!(!words.is(NameWords::of(&other).unwrap()), "byte {changed} of {len}");
            }
        }
        // Their first and last bytes are the same, so that only their lengths differ.
        for len in 1..NameWords::MAX_LEN {
            let (name, longer) = (vec![b'a'; len], vec![b'a'; len + 1]);
            assert!(!NameWords::of(&name).unwrap().is(NameWords::of(&longer).unwrap()), "{len} bytes");
        }
        assert!(NameWords::of(&[b'a'; NameWords::MAX_LEN + 1]).is_none());
    }

    /// The headers of the benchmark, which a browser and a proxy send.
    #[test]
    fn headers_of_a_browser_are_all_remembered() {
        let names = [
            "host",
            "user-agent",
            "accept",
            "accept-encoding",
            "accept-language",
            "referer",
            "dnt",
            "upgrade-insecure-requests",
            "sec-ch-ua",
            "sec-ch-ua-mobile",
            "sec-ch-ua-platform",
            "sec-fetch-dest",
            "sec-fetch-mode",
            "sec-fetch-site",
            "sec-fetch-user",
            "priority",
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-real-ip",
            "x-request-id",
            "cookie",
            "connection",
            "cache-control",
        ];
        for set in 0..SETS {
            let is_there = |name: &&&str| NameWords::of(name.as_bytes()).unwrap().set() == set;
            assert!(names.iter().filter(is_there).count() <= WAYS);
        }
    }
}
