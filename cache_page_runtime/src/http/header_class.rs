//! What the names of headers say, remembered by each worker.
//!
//! A browser behind a proxy sends some twenty headers, of which most have the same names in every request. To search them for the words
//! of credentials and to look them up in lists would take more time than the rest of a hit.

use std::cell::RefCell;

use actix_web::http::header::HeaderMap;
use http::header::{self, HeaderName};

use super::{credential_names, ordinary_headers, per_request};

/// The number of names that a worker remembers. Each has one of two slots.
const SLOTS: usize = 128;

/// Longer names are not remembered, so that clients cannot fill memory.
const MAX_LEN: usize = 40;

thread_local! {
    static CLASSES: RefCell<Classes> = const { RefCell::new(Classes([const { None }; SLOTS])) };
}

/// What a name says about a header, whatever the options of a cache are: a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeaderClass(u16);

impl HeaderClass {
    const CREDENTIAL: u16 = 1;
    const ORDINARY: u16 = 1 << 1;
    const ABOUT_ONE_REQUEST: u16 = 1 << 2;
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

    fn find(name: &HeaderName) -> Self {
        let is_condition = matches!(
            *name,
            header::IF_MATCH | header::IF_MODIFIED_SINCE | header::IF_UNMODIFIED_SINCE | header::RANGE
        );
        let bits = [
            (Self::CREDENTIAL, credential_names::is_credential(name)),
            (Self::ORDINARY, ordinary_headers::is_ordinary(name)),
            (Self::ABOUT_ONE_REQUEST, per_request::is_about_one_request(name)),
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

    /// Returns whether, in a response, the header is about the request that it answers.
    pub(crate) fn is_about_one_request(self) -> bool {
        self.has(Self::ABOUT_ONE_REQUEST)
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
struct Classes([Option<(HeaderName, HeaderClass)>; SLOTS]);

impl Classes {
    #[inline(always)]
    fn of(&mut self, name: &HeaderName) -> HeaderClass {
        let slot = slot(name.as_str().as_bytes());
        match &self.0[slot] {
            Some((known, class)) if known == name => *class,
            _ => self.of_second(name, slot),
        }
    }

    fn of_second(&mut self, name: &HeaderName, slot: usize) -> HeaderClass {
        match &self.0[slot ^ 1] {
            Some((known, class)) if known == name => *class,
            _ => self.remember(name, slot),
        }
    }

    #[cold]
    fn remember(&mut self, name: &HeaderName, slot: usize) -> HeaderClass {
        let class = HeaderClass::find(name);
        let text = name.as_str().as_bytes();
        // A copy, because the name of a request is a part of its buffer.
        let copy = if text.len() <= MAX_LEN { HeaderName::from_bytes(text).ok() } else { None };
        if let Some(known) = copy {
            self.0[slot ^ 1] = self.0[slot].replace((known, class)).or_else(|| self.0[slot ^ 1].take());
        }
        class
    }
}

/// Returns the slot of a name, by its length and three of its bytes.
fn slot(name: &[u8]) -> usize {
    let [first, .., last] = *name else { return name.len() % SLOTS };
    let (first, middle, last) = (usize::from(first), usize::from(name[name.len() / 2]), usize::from(last));
    (name.len() ^ first.wrapping_mul(5) ^ middle.wrapping_mul(3) ^ last.wrapping_mul(7)) % SLOTS
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
