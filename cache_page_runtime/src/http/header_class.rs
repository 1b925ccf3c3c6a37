//! What the names of headers say, remembered by each worker.
//!
//! A browser behind a proxy sends some twenty headers, of which most have the same names in every request. To search them for the words
//! of credentials and to look them up in lists would take more time than the rest of a hit.

use std::cell::RefCell;

use http::header::HeaderName;

use super::{credential_names, ordinary_headers, per_request};

/// The number of names that a worker remembers. Each has one of two slots.
const SLOTS: usize = 128;

/// Longer names are not remembered, so that clients cannot fill memory.
const MAX_LEN: usize = 40;

thread_local! {
    static CLASSES: RefCell<[Option<(Name, HeaderClass)>; SLOTS]> = const { RefCell::new([const { None }; SLOTS]) };
}

/// What a name says about a header, whatever the options of a cache are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeaderClass {
    /// The header identifies a client.
    pub(crate) is_credential: bool,
    /// Clients and proxies send the header on their own.
    pub(crate) is_ordinary: bool,
    /// In a response, the header is about the request that it answers.
    pub(crate) is_about_one_request: bool,
}

/// A name without an allocation: that of a request is a part of its buffer.
struct Name {
    len: usize,
    bytes: [u8; MAX_LEN],
}

impl Name {
    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl HeaderClass {
    /// Returns the class of a header.
    #[inline]
    pub(crate) fn of(name: &HeaderName) -> Self {
        let bytes = name.as_str().as_bytes();
        let found = CLASSES.try_with(|classes| {
            let classes = classes.borrow();
            let slot = slot(bytes);
            let remembered =
                |slot: usize| classes[slot].as_ref().filter(|(known, _)| known.as_bytes() == bytes);
            remembered(slot).or_else(|| remembered(slot ^ 1)).map(|(_, class)| *class)
        });
        // Thread-local storage is not available while the thread exits.
        found.ok().flatten().unwrap_or_else(|| Self::remember(name))
    }

    #[cold]
    fn remember(name: &HeaderName) -> Self {
        let class = Self {
            is_credential: credential_names::is_credential(name),
            is_ordinary: ordinary_headers::is_ordinary(name),
            is_about_one_request: per_request::is_about_one_request(name),
        };
        let source = name.as_str().as_bytes();
        let mut bytes = [0; MAX_LEN];
        if let Some(target) = bytes.get_mut(..source.len()) {
            target.copy_from_slice(source);
            let known = Name { len: source.len(), bytes };
            let _ = CLASSES.try_with(|classes| {
                let (mut classes, slot) = (classes.borrow_mut(), slot(source));
                classes[slot ^ 1] =
                    classes[slot].replace((known, class)).or_else(|| classes[slot ^ 1].take());
            });
        }
        class
    }
}

/// Returns the slot of a name, by its length and three of its bytes.
fn slot(name: &[u8]) -> usize {
    let byte = |at: usize| usize::from(name.get(at).copied().unwrap_or_default());
    let (len, middle) = (name.len(), byte(name.len() / 2));
    let last = byte(len.wrapping_sub(1));
    (len ^ byte(0).wrapping_mul(5) ^ middle.wrapping_mul(3) ^ last.wrapping_mul(7)) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_share_a_slot_have_their_own_classes() {
        let names: Vec<HeaderName> = (0..1000)
            .flat_map(|number| [format!("x-{number}"), format!("x-auth-{number}"), format!("cf-{number}")])
            .chain([format!("x-{}-token", "a".repeat(MAX_LEN)), "cookie".to_owned(), "accept".to_owned()])
            .map(|name| HeaderName::try_from(name).unwrap())
            .collect();
        for _ in 0..2 {
            for name in &names {
                let expected = HeaderClass {
                    is_credential: credential_names::is_credential(name),
                    is_ordinary: ordinary_headers::is_ordinary(name),
                    is_about_one_request: per_request::is_about_one_request(name),
                };
                assert_eq!((HeaderClass::of(name), HeaderClass::of(name)), (expected, expected), "{name}");
            }
        }
    }

    /// The headers of the benchmark, which a browser and a proxy send.
    #[test]
    fn headers_of_a_browser_have_different_slots() {
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
        let mut slots: Vec<usize> = names.iter().map(|name| slot(name.as_bytes())).collect();
        slots.sort_unstable();
        slots.dedup();
        assert!(slots.len() >= names.len() - 1, "{} of {}", slots.len(), names.len());
    }
}
