//! What the names of headers say, remembered by each worker.
//!
//! A browser behind a proxy sends some twenty headers, of which most have the same names in every request. To search them for the words
//! of credentials and to look them up in lists would take more time than the rest of a hit.

use std::cell::RefCell;

use actix_web::http::header::HeaderMap;
use http::header::{self, HeaderName};

use super::{credential_names, ordinary_headers, origin, per_request};

/// The number of names that a worker remembers. Each has one of two slots.
const SLOTS: usize = 128;

/// Longer names are not remembered, so that clients cannot fill memory.
const MAX_LEN: usize = 40;

thread_local! {
    static CLASSES: RefCell<[Option<(HeaderName, HeaderClass)>; SLOTS]> = const { RefCell::new([const { None }; SLOTS]) };
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
    /// A response with the header is for one client.
    pub(crate) is_for_one_client: bool,
    /// The header may replace the scheme or the host of the request.
    is_about_origin: bool,
    /// The header is a precondition or a range.
    is_condition: bool,
    is_upgrade: bool,
}

/// What one look at the names of a request's headers shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestNames {
    /// One of the headers may replace the scheme or the host.
    pub(crate) has_origin: bool,
    /// There is a precondition or a range.
    pub(crate) has_condition: bool,
    pub(crate) has_upgrade: bool,
}

impl RequestNames {
    #[inline]
    pub(crate) fn of(request: &HeaderMap) -> Self {
        let mut names = Self::default();
        request.keys().for_each(|name| names.add(HeaderClass::of(name)));
        names
    }

    #[inline]
    pub(crate) fn add(&mut self, class: HeaderClass) {
        self.has_origin |= class.is_about_origin;
        self.has_condition |= class.is_condition;
        self.has_upgrade |= class.is_upgrade;
    }
}

impl HeaderClass {
    /// Returns the class of a header.
    #[inline]
    pub(crate) fn of(name: &HeaderName) -> Self {
        let found = CLASSES.try_with(|classes| {
            let classes = classes.borrow();
            let slot = slot(name.as_str().as_bytes());
            let remembered = |slot: usize| classes[slot].as_ref().filter(|(known, _)| known == name);
            remembered(slot).or_else(|| remembered(slot ^ 1)).map(|(_, class)| *class)
        });
        // Thread-local storage is not available while the thread exits.
        found.ok().flatten().unwrap_or_else(|| Self::remember(name))
    }

    #[cold]
    fn remember(name: &HeaderName) -> Self {
        let class = Self::find(name);
        let text = name.as_str().as_bytes();
        // A copy, because the name of a request is a part of its buffer.
        let copy = if text.len() <= MAX_LEN { HeaderName::from_bytes(text).ok() } else { None };
        if let Some(known) = copy {
            let _ = CLASSES.try_with(|classes| {
                let (mut classes, slot) = (classes.borrow_mut(), slot(text));
                classes[slot ^ 1] =
                    classes[slot].replace((known, class)).or_else(|| classes[slot ^ 1].take());
            });
        }
        class
    }

    fn find(name: &HeaderName) -> Self {
        Self {
            is_credential: credential_names::is_credential(name),
            is_ordinary: ordinary_headers::is_ordinary(name),
            is_about_one_request: per_request::is_about_one_request(name),
            is_for_one_client: per_request::is_for_one_client(name),
            is_about_origin: origin::is_about_origin(name),
            is_condition: matches!(
                *name,
                header::IF_MATCH
                    | header::IF_MODIFIED_SINCE
                    | header::IF_NONE_MATCH
                    | header::IF_UNMODIFIED_SINCE
                    | header::RANGE
            ),
            is_upgrade: *name == header::UPGRADE,
        }
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
                let expected = HeaderClass::find(name);
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
