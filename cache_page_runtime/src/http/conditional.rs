//! Whether a client that has a copy, or wants a part, is answered with less than the page (RFC 9110 13, 14).

use std::{
    ops::Range,
    time::{Duration, SystemTime},
};

use actix_web::http::{
    Method, StatusCode,
    header::{
        ACCEPT_ENCODING, HeaderMap, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
        IF_UNMODIFIED_SINCE, RANGE,
    },
};

use crate::http::{freshness::date, range};

/// What a page has to compare with what a client knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Validators<'p> {
    pub(crate) status: StatusCode,
    pub(crate) etag: Option<&'p HeaderValue>,
    pub(crate) last_modified: Option<&'p HeaderValue>,
    pub(crate) date: Option<&'p HeaderValue>,
    /// How long the body is.
    pub(crate) length: usize,
    /// Whether the handler has nothing against parts of it (RFC 9110 14.3).
    pub(crate) takes_ranges: bool,
}

/// How much of a page answers a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    Whole,
    /// These bytes of the body.
    Part(Range<usize>),
    /// None: the client's copy is good.
    NotModified,
    /// None: the body has no such bytes.
    Unsatisfiable,
}

/// Whether a client asks for anything less than the page. Most do not.
#[inline]
pub(crate) fn asks_for_less(request: &HeaderMap) -> bool {
    [IF_NONE_MATCH, IF_MODIFIED_SINCE, RANGE].iter().any(|name| request.contains_key(name))
}

impl Validators<'_> {
    /// In the order of RFC 9110 13.2.2. Nothing that cannot be read changes the answer.
    pub(crate) fn extent(&self, method: &Method, request: &HeaderMap) -> Selection {
        if !self.status.is_success() {
            return Selection::Whole;
        }
        let mut lists = request.get_all(IF_NONE_MATCH);
        let known = match lists.next() {
            Some(list) => {
                self.is_listed(list.as_bytes()) || lists.any(|list| self.is_listed(list.as_bytes()))
            }
            None => {
                single(request.get_all(IF_MODIFIED_SINCE)).is_some_and(|line| self.is_unmodified_since(line))
            }
        };
        if known {
            return Selection::NotModified;
        }
        // RFC 9110 14.2: a range is for GET alone.
        match single(request.get_all(RANGE)) {
            Some(wanted)
                if *method == Method::GET && self.status == StatusCode::OK && self.may_cut(request) =>
            {
                range::parse(wanted.as_bytes(), self.length)
            }
            _ => Selection::Whole,
        }
    }

    /// By weak comparison (RFC 9110 13.1.2).
    fn is_listed(&self, list: &[u8]) -> bool {
        if list.trim_ascii() == b"*" {
            return true;
        }
        let Some(own) = self.etag.and_then(|etag| EntityTag::parse(etag.as_bytes().trim_ascii())) else {
            return false;
        };
        // Most clients send back what they were sent, and nothing else.
        if self.etag.is_some_and(|etag| etag.as_bytes() == list) {
            return true;
        }
        EntityTags(list).any(|tag| tag.opaque == own.opaque)
    }

    /// A page without a date of change was new when it was made (RFC 9111 4.3.2).
    fn is_unmodified_since(&self, line: &HeaderValue) -> bool {
        let changed = self.last_modified.or(self.date).and_then(|line| date(line.as_bytes()));
        matches!((changed, date(line.as_bytes())), (Some(changed), Some(known)) if changed <= known)
    }

    /// By strong comparison only (RFC 9110 13.1.5): the parts of two versions must never be put together.
    fn may_cut(&self, request: &HeaderMap) -> bool {
        // Conditions that such a part must meet (RFC 9110 13.1.1, 13.1.4) and that are not weighed here: the whole page at
        // least is no part of another version.
        let is_conditional = request.contains_key(IF_MATCH) || request.contains_key(IF_UNMODIFIED_SINCE);
        if is_conditional || takes_encodings(request) || !self.takes_ranges {
            return false;
        }
        if !request.contains_key(IF_RANGE) {
            return true;
        }
        let Some(line) = single(request.get_all(IF_RANGE)) else { return false };
        let line = line.as_bytes().trim_ascii();
        match EntityTag::parse(line) {
            Some(tag) => {
                let own = self.etag.and_then(|etag| EntityTag::parse(etag.as_bytes().trim_ascii()));
                !tag.weak && own == Some(tag)
            }
            None => self.is_exactly_from(line),
        }
    }

    /// A date of change is a strong validator once the page is visibly younger (RFC 9110 8.8.2.2).
    fn is_exactly_from(&self, line: &[u8]) -> bool {
        let read = |line: Option<&HeaderValue>| -> Option<SystemTime> { date(line?.as_bytes()) };
        let (Some(changed), Some(made), Some(known)) =
            (read(self.last_modified), read(self.date), date(line))
        else {
            return false;
        };
        changed == known && made.duration_since(changed).is_ok_and(|since| since >= Duration::from_secs(1))
    }
}

/// Whether middleware around may encode what this client is sent. If it has a part of that, whatever the validator, what
/// is missing is no part of the page. Clients that want parts ask for no encoding; browsers always do.
fn takes_encodings(request: &HeaderMap) -> bool {
    let is_taken = |member: &[u8]| {
        let mut parts = member.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let coding = parts.next().unwrap_or_default();
        let weighs_nothing = |part: &[u8]| matches!(part, [b'q' | b'Q', b'=', weight @ ..] if weight.iter().all(|byte| b"0.".contains(byte)));
        !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity") && !parts.any(weighs_nothing)
    };
    let lines = request.get_all(ACCEPT_ENCODING);
    lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b',')).any(is_taken)
}

/// The value of a header that stands there once. Of several, none is the right one.
fn single<'h>(mut lines: impl Iterator<Item = &'h HeaderValue>) -> Option<&'h HeaderValue> {
    let line = lines.next()?;
    lines.next().is_none().then_some(line)
}

/// RFC 9110 8.8.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct EntityTag<'t> {
    weak: bool,
    opaque: &'t [u8],
}

impl<'t> EntityTag<'t> {
    /// The whole of `text` as a tag.
    fn parse(text: &'t [u8]) -> Option<Self> {
        let (tag, rest) = Self::first(text)?;
        rest.is_empty().then_some(tag)
    }

    /// A tag at the beginning of `text`, and what follows it.
    fn first(text: &'t [u8]) -> Option<(Self, &'t [u8])> {
        let (weak, quoted) = match text.strip_prefix(b"W/") {
            Some(quoted) => (true, quoted),
            None => (false, text),
        };
        let opaque = quoted.strip_prefix(b"\"")?;
        let end = opaque.iter().position(|&byte| byte == b'"')?;
        let is_etagc = |&byte: &u8| byte == 0x21 || byte >= 0x23 && byte != 0x7f;
        opaque[..end]
            .iter()
            .all(is_etagc)
            .then_some((Self { weak, opaque: &opaque[..end] }, &opaque[end + 1..]))
    }
}

/// The tags of a list, commas within them being theirs, up to the first thing that is no tag: what follows that cannot be
/// told apart from a part of it.
struct EntityTags<'t>(&'t [u8]);

impl<'t> Iterator for EntityTags<'t> {
    type Item = EntityTag<'t>;

    fn next(&mut self) -> Option<EntityTag<'t>> {
        let is_separator = |byte: &u8| matches!(byte, b',' | b' ' | b'\t');
        let start = self.0.iter().position(|byte| !is_separator(byte))?;
        let found = EntityTag::first(&self.0[start..])
            .filter(|(_, rest)| matches!(rest.trim_ascii_start().first(), None | Some(b',')));
        self.0 = found.map_or(&[], |(_, rest)| rest);
        found.map(|(tag, _)| tag)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;

    use super::*;

    const MADE: &str = "Sun, 06 Nov 1994 08:49:47 GMT";
    const CHANGED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

    /// What a page of ten bytes with these validators answers to a `GET` with these headers.
    fn extent(etag: Option<&str>, last_modified: Option<&str>, request: &[(HeaderName, &str)]) -> Selection {
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        let (etag, last_modified, date) = (etag.map(value), last_modified.map(value), value(MADE));
        let validators = Validators {
            status: StatusCode::OK,
            etag: etag.as_ref(),
            last_modified: last_modified.as_ref(),
            date: Some(&date),
            length: 10,
            takes_ranges: true,
        };
        let mut headers = HeaderMap::new();
        request.iter().for_each(|(name, text)| headers.append(name.clone(), value(text)));
        validators.extent(&Method::GET, &headers)
    }

    #[test]
    fn if_none_match_compares_weakly_and_reads_lists() {
        for (own, list, known) in [
            ("W/\"a\"", "W/\"a\"", true),
            ("W/\"a\"", "\"a\"", true),
            ("\"a\"", "W/\"a\"", true),
            ("\"a\"", "\"A\"", false),
            ("\"a\"", "*", true),
            ("\"a\"", " * ", true),
            ("\"a\"", "\"*\"", false),
            ("\"a\"", "\"b\", W/\"c\" ,\"a\"", true),
            ("\"a\"", "\"b\" \"a\"", false),
            ("\"a\"", "\"b, \"a\"", false),
            ("\"a\"", "a", false),
            ("\"a\"", "\"a", false),
            ("\"a\"", "w/\"a\"", false),
            ("\"a\"", "", false),
            ("\"a\"", "junk, \"a\"", false),
            ("\"a\"", ", ,\"b\",,\t\"a\",", true),
            ("\"a,b\"", "\"x\", \"a,b\"", true),
            ("\"a\"", "\"a,b\"", false),
            ("\"\"", "\"\"", true),
            ("unquoted", "unquoted", false),
        ] {
            let answer = extent(Some(own), None, &[(IF_NONE_MATCH, list)]);
            assert_eq!(answer == Selection::NotModified, known, "{own} {list:?}");
        }
        let lines = [(IF_NONE_MATCH, "\"b\""), (IF_NONE_MATCH, "\"a\"")];
        assert_eq!(extent(Some("\"a\""), None, &lines), Selection::NotModified);
    }

    #[test]
    fn if_modified_since_only_counts_alone_and_readable() {
        let ask = |last_modified, lines: &[_]| {
            extent(Some("\"a\""), last_modified, lines) == Selection::NotModified
        };
        assert!(ask(Some(CHANGED), &[(IF_MODIFIED_SINCE, CHANGED)]));
        assert!(ask(Some(CHANGED), &[(IF_MODIFIED_SINCE, MADE)]));
        assert!(ask(Some(CHANGED), &[(IF_MODIFIED_SINCE, "Sunday, 06-Nov-94 08:49:37 GMT")]));
        assert!(!ask(Some(CHANGED), &[(IF_MODIFIED_SINCE, BEFORE)]));
        assert!(!ask(Some(CHANGED), &[(IF_MODIFIED_SINCE, "soon")]));
        assert!(!ask(Some("soon"), &[(IF_MODIFIED_SINCE, CHANGED)]));
        assert!(!ask(Some(CHANGED), &[(IF_MODIFIED_SINCE, CHANGED), (IF_MODIFIED_SINCE, CHANGED)]));
        // The date of the page stands in for a date of change.
        assert!(ask(None, &[(IF_MODIFIED_SINCE, MADE)]));
        assert!(!ask(None, &[(IF_MODIFIED_SINCE, CHANGED)]));
        // The more exact one is asked, even if its answer is no.
        assert!(!ask(Some(CHANGED), &[(IF_MODIFIED_SINCE, CHANGED), (IF_NONE_MATCH, "\"b\"")]));
    }

    #[test]
    fn a_range_is_cut_only_from_the_version_that_the_client_knows() {
        let part = |etag, last_modified, condition| {
            extent(Some(etag), last_modified, &[(RANGE, "bytes=2-3"), (IF_RANGE, condition)])
                == Selection::Part(2..4)
        };
        assert_eq!(extent(None, None, &[(RANGE, "bytes=2-3")]), Selection::Part(2..4));
        assert!(part("\"a\"", None, "\"a\""));
        assert!(!part("\"a\"", None, "\"b\""));
        assert!(!part("\"a\"", None, "W/\"a\""));
        assert!(!part("W/\"a\"", None, "\"a\""));
        assert!(!part("W/\"a\"", None, "W/\"a\""));
        assert!(part("\"a\"", Some(CHANGED), CHANGED));
        assert!(!part("\"a\"", Some(CHANGED), BEFORE));
        assert!(!part("\"a\"", Some(CHANGED), MADE));
        assert!(!part("\"a\"", Some(MADE), MADE), "it may have changed again within that second");
        assert!(!part("\"a\"", None, MADE));
        assert!(!part("\"a\"", Some(CHANGED), "junk"));
        for condition in [(IF_MATCH, "\"b\""), (IF_MATCH, "\"a\""), (IF_UNMODIFIED_SINCE, BEFORE)] {
            let asked = [(RANGE, "bytes=2-3"), condition];
            assert_eq!(extent(Some("\"a\""), Some(CHANGED), &asked), Selection::Whole, "{asked:?}");
        }
        let twice = [(RANGE, "bytes=2-3"), (RANGE, "bytes=2-3")];
        assert_eq!(extent(None, None, &twice), Selection::Whole);
        let known = [(RANGE, "bytes=2-3"), (IF_NONE_MATCH, "\"a\"")];
        assert_eq!(extent(Some("\"a\""), None, &known), Selection::NotModified);
    }
}
