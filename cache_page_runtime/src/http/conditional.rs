//! Conditional requests and range requests (RFC 9110 13 and 14).

use std::time::Duration;

use actix_web::http::{
    Method, StatusCode,
    header::{
        HeaderMap, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
        RANGE,
    },
};

use super::{
    accept_encoding::Coding,
    content_coding,
    etag::{EntityTag, EntityTags},
    media_type,
    range::{self, Selection},
    syntax::parse_date,
};

/// The metadata of a response that preconditions and ranges are evaluated against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Representation<'p> {
    pub(crate) status: StatusCode,
    pub(crate) etag: Option<&'p HeaderValue>,
    pub(crate) last_modified: Option<&'p HeaderValue>,
    pub(crate) date: Option<&'p HeaderValue>,
    pub(crate) body_len: usize,
    /// Whether range requests are answered: the response has no `Accept-Ranges: none` (RFC 9110 14.3).
    pub(crate) accepts_ranges: bool,
    pub(crate) content_type: Option<&'p HeaderValue>,
    /// Whether the handler has encoded the body, so that no middleware does.
    pub(crate) is_encoded: bool,
    /// Whether the page also has encoded representations, with entity tags of their own.
    pub(crate) is_encodable: bool,
}

/// Returns whether a request may be answered with anything less than the full response.
#[inline]
pub(crate) fn is_conditional_or_range(request: &HeaderMap) -> bool {
    // One pass over the names costs no more than a few look-ups.
    request.keys().any(|name| {
        matches!(*name, IF_MATCH | IF_MODIFIED_SINCE | IF_NONE_MATCH | IF_UNMODIFIED_SINCE | RANGE)
    })
}

impl Representation<'_> {
    /// Evaluates the preconditions and the range of a request, in the order of RFC 9110 13.2.2. Malformed fields are ignored.
    pub(crate) fn select(&self, method: &Method, request: &HeaderMap) -> Selection {
        if !self.status.is_success() {
            return Selection::Full;
        }
        if self.fails_precondition(request) {
            return Selection::PreconditionFailed;
        }
        let mut lists = request.get_all(IF_NONE_MATCH);
        let is_current = match lists.next() {
            Some(list) => {
                self.is_listed(list.as_bytes()) || lists.any(|list| self.is_listed(list.as_bytes()))
            }
            None => {
                let since = single_value(request.get_all(IF_MODIFIED_SINCE));
                since.is_some_and(|since| self.is_unmodified_since(since))
            }
        };
        if is_current {
            return Selection::NotModified;
        }
        // RFC 9110 14.2 defines `Range` for GET only.
        match single_value(request.get_all(RANGE)) {
            Some(range) if *method == Method::GET && self.allows_range(request) => {
                range::parse(range.as_bytes(), self.body_len)
            }
            _ => Selection::Full,
        }
    }

    /// Evaluates `If-Match`, or `If-Unmodified-Since` without it (RFC 9110 13.1.1, 13.1.4).
    ///
    /// The cache is part of the origin server, which evaluates them: on a miss, a handler may have done so.
    fn fails_precondition(&self, request: &HeaderMap) -> bool {
        let mut lists = request.get_all(IF_MATCH).map(HeaderValue::as_bytes).peekable();
        if lists.peek().is_some() {
            return !lists.any(|list| list.trim_ascii() == b"*" || self.is_listed_strongly(list));
        }
        let since = single_value(request.get_all(IF_UNMODIFIED_SINCE));
        let parse = |value: Option<&HeaderValue>| parse_date(value?.as_bytes());
        // Without a date of modification, the field is ignored.
        matches!((parse(self.last_modified), parse(since)), (Some(modified), Some(since)) if modified > since)
    }

    /// Returns whether a list has the entity tag, by strong comparison.
    fn is_listed_strongly(&self, list: &[u8]) -> bool {
        let etag = self.etag.and_then(|etag| EntityTag::parse(etag.as_bytes()));
        // The tag of any representation shows that the page has not changed.
        let is_own = |listed: EntityTag<'_>, etag| {
            listed.strong_eq(etag) || self.page_tag(listed).is_some_and(|(tag, _)| tag.strong_eq(etag))
        };
        etag.is_some_and(|etag| EntityTags::new(list).any(|listed| is_own(listed, etag)))
    }

    /// Returns whether a value of `If-None-Match` lists the entity tag, by weak comparison (RFC 9110 13.1.2).
    fn is_listed(&self, list: &[u8]) -> bool {
        if list.trim_ascii() == b"*" {
            return true;
        }
        let Some(etag) = self.etag.and_then(|etag| EntityTag::parse(etag.as_bytes())) else { return false };
        // Most clients send exactly the value that they received.
        if self.etag.is_some_and(|etag| etag.as_bytes() == list) {
            return true;
        }
        self.listed(list, etag).is_some()
    }

    /// Returns which representation of the page a value of `If-None-Match` lists first: `Some(None)` is the identity.
    ///
    /// A client may keep the representation that it has: `Vary` names the header that selects it, and the page is the same in all.
    fn listed(&self, list: &[u8], etag: EntityTag<'_>) -> Option<Option<Coding>> {
        EntityTags::new(list).find_map(|listed| {
            if listed.weak_eq(etag) {
                return Some(None);
            }
            self.page_tag(listed).filter(|(tag, _)| tag.weak_eq(etag)).map(|(_, coding)| Some(coding))
        })
    }

    fn page_tag<'t>(&self, listed: EntityTag<'t>) -> Option<(EntityTag<'t>, Coding)> {
        if self.is_encodable { listed.without_coding() } else { None }
    }

    /// Returns the coding of the first representation of the page that `If-None-Match` lists, or `None` if it lists none of them.
    pub(crate) fn listed_coding(&self, request: &HeaderMap) -> Option<Option<Coding>> {
        let etag = self.etag.and_then(|etag| EntityTag::parse(etag.as_bytes()))?;
        request.get_all(IF_NONE_MATCH).find_map(|list| self.listed(list.as_bytes(), etag))
    }

    /// Compares `If-Modified-Since` with `Last-Modified`, or with `Date` if there is none (RFC 9111 4.3.2).
    fn is_unmodified_since(&self, since: &HeaderValue) -> bool {
        let modified = self.last_modified.or(self.date).and_then(|value| parse_date(value.as_bytes()));
        matches!((modified, parse_date(since.as_bytes())), (Some(modified), Some(since)) if modified <= since)
    }

    /// Returns whether a partial response may be sent: the client must not combine parts of two versions.
    fn allows_range(&self, request: &HeaderMap) -> bool {
        if self.status != StatusCode::OK || !self.accepts_ranges || self.may_be_encoded_for(request) {
            return false;
        }
        !request.contains_key(IF_RANGE)
            || single_value(request.get_all(IF_RANGE)).is_some_and(|value| self.matches_if_range(value))
    }

    /// Returns whether the cache or a middleware may encode the full response on its way to the client. If the client has a part of what actix-web's
    /// `Compress` has encoded, a part of the stored body does not fit to it.
    ///
    /// Browsers accept no coding where they request a range.
    fn may_be_encoded_for(&self, request: &HeaderMap) -> bool {
        content_coding::accepts_any(request)
            && !self.is_encoded
            && (self.is_encodable || !media_type::is_never_compressed(self.content_type))
    }

    /// Evaluates `If-Range` by strong comparison (RFC 9110 13.1.5).
    fn matches_if_range(&self, value: &HeaderValue) -> bool {
        let value = value.as_bytes().trim_ascii();
        match EntityTag::parse(value) {
            Some(tag) => {
                let etag = self.etag.and_then(|etag| EntityTag::parse(etag.as_bytes()));
                etag.is_some_and(|etag| etag.strong_eq(tag))
            }
            None => self.matches_strong_date(value),
        }
    }

    /// Returns whether `value` is the date of the last modification, and a strong validator: `Date` must be at least a second
    /// later (RFC 9110 8.8.2.2).
    fn matches_strong_date(&self, value: &[u8]) -> bool {
        let parse = |value: Option<&HeaderValue>| parse_date(value?.as_bytes());
        let (Some(modified), Some(sent), Some(expected)) =
            (parse(self.last_modified), parse(self.date), parse_date(value))
        else {
            return false;
        };
        modified == expected && sent.duration_since(modified).is_ok_and(|age| age >= Duration::from_secs(1))
    }
}

/// Returns the value of a field that is present exactly once.
fn single_value<'h>(mut values: impl Iterator<Item = &'h HeaderValue>) -> Option<&'h HeaderValue> {
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;

    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:47 GMT";
    const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

    /// Returns what a `GET` with these headers selects of a response of ten bytes.
    fn select(etag: Option<&str>, last_modified: Option<&str>, request: &[(HeaderName, &str)]) -> Selection {
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        let (etag, last_modified, date) = (etag.map(value), last_modified.map(value), value(DATE));
        let representation = Representation {
            status: StatusCode::OK,
            etag: etag.as_ref(),
            last_modified: last_modified.as_ref(),
            date: Some(&date),
            body_len: 10,
            accepts_ranges: true,
            content_type: None,
            is_encoded: false,
            is_encodable: false,
        };
        let mut headers = HeaderMap::new();
        request.iter().for_each(|(name, text)| headers.append(name.clone(), value(text)));
        representation.select(&Method::GET, &headers)
    }

    #[test]
    fn if_none_match_list_is_compared_weakly() {
        for (etag, list, is_current) in [
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
            let selection = select(Some(etag), None, &[(IF_NONE_MATCH, list)]);
            assert_eq!(selection == Selection::NotModified, is_current, "{etag} {list:?}");
        }
        let lines = [(IF_NONE_MATCH, "\"b\""), (IF_NONE_MATCH, "\"a\"")];
        assert_eq!(select(Some("\"a\""), None, &lines), Selection::NotModified);
    }

    #[test]
    fn if_modified_since_is_ignored_if_repeated_or_malformed() {
        let is_current = |last_modified, lines: &[_]| {
            select(Some("\"a\""), last_modified, lines) == Selection::NotModified
        };
        assert!(is_current(Some(MODIFIED), &[(IF_MODIFIED_SINCE, MODIFIED)]));
        assert!(is_current(Some(MODIFIED), &[(IF_MODIFIED_SINCE, DATE)]));
        assert!(is_current(Some(MODIFIED), &[(IF_MODIFIED_SINCE, "Sunday, 06-Nov-94 08:49:37 GMT")]));
        assert!(!is_current(Some(MODIFIED), &[(IF_MODIFIED_SINCE, BEFORE)]));
        assert!(!is_current(Some(MODIFIED), &[(IF_MODIFIED_SINCE, "soon")]));
        assert!(!is_current(Some("soon"), &[(IF_MODIFIED_SINCE, MODIFIED)]));
        assert!(!is_current(Some(MODIFIED), &[(IF_MODIFIED_SINCE, MODIFIED), (IF_MODIFIED_SINCE, MODIFIED)]));
        // `Date` is used where there is no `Last-Modified`.
        assert!(is_current(None, &[(IF_MODIFIED_SINCE, DATE)]));
        assert!(!is_current(None, &[(IF_MODIFIED_SINCE, MODIFIED)]));
        // `If-None-Match` takes precedence, even if it does not match.
        assert!(!is_current(Some(MODIFIED), &[(IF_MODIFIED_SINCE, MODIFIED), (IF_NONE_MATCH, "\"b\"")]));
    }

    #[test]
    fn preconditions_are_compared_strongly() {
        let is_failed =
            |etag, lines: &[_]| select(etag, Some(MODIFIED), lines) == Selection::PreconditionFailed;
        for (etag, list, expected) in [
            (Some("\"a\""), "\"a\"", false),
            (Some("\"a\""), "\"b\", \"a\"", false),
            (Some("\"a\""), "*", false),
            (None, "*", false),
            (Some("\"a\""), "\"b\"", true),
            (Some("\"a\""), "W/\"a\"", true),
            (Some("W/\"a\""), "\"a\"", true),
            (Some("W/\"a\""), "W/\"a\"", true),
            (None, "\"a\"", true),
            (Some("\"a\""), "", true),
            (Some("\"a\""), "junk", true),
        ] {
            assert_eq!(is_failed(etag, &[(IF_MATCH, list)]), expected, "{etag:?} {list:?}");
        }
        assert!(!is_failed(Some("\"a\""), &[(IF_MATCH, "\"b\""), (IF_MATCH, "\"a\"")]));
        for (since, expected) in [(BEFORE, true), (MODIFIED, false), (DATE, false), ("soon", false)] {
            assert_eq!(is_failed(None, &[(IF_UNMODIFIED_SINCE, since)]), expected, "{since:?}");
        }
        // `If-Match` takes precedence, and both are evaluated before the others.
        assert!(!is_failed(Some("\"a\""), &[(IF_MATCH, "\"a\""), (IF_UNMODIFIED_SINCE, BEFORE)]));
        assert!(is_failed(Some("\"a\""), &[(IF_MATCH, "\"b\""), (IF_NONE_MATCH, "\"a\"")]));
        assert_eq!(
            select(None, None, &[(IF_UNMODIFIED_SINCE, BEFORE)]),
            Selection::Full,
            "no date of modification"
        );
    }

    #[test]
    fn range_needs_a_matching_strong_validator() {
        let is_partial = |etag, last_modified, condition| {
            select(Some(etag), last_modified, &[(RANGE, "bytes=2-3"), (IF_RANGE, condition)])
                == Selection::Partial(2..4)
        };
        assert_eq!(select(None, None, &[(RANGE, "bytes=2-3")]), Selection::Partial(2..4));
        assert!(is_partial("\"a\"", None, "\"a\""));
        assert!(!is_partial("\"a\"", None, "\"b\""));
        assert!(!is_partial("\"a\"", None, "W/\"a\""));
        assert!(!is_partial("W/\"a\"", None, "\"a\""));
        assert!(!is_partial("W/\"a\"", None, "W/\"a\""));
        assert!(is_partial("\"a\"", Some(MODIFIED), MODIFIED));
        assert!(!is_partial("\"a\"", Some(MODIFIED), BEFORE));
        assert!(!is_partial("\"a\"", Some(MODIFIED), DATE));
        assert!(!is_partial("\"a\"", Some(DATE), DATE), "the page may have changed again within that second");
        assert!(!is_partial("\"a\"", None, DATE));
        assert!(!is_partial("\"a\"", Some(MODIFIED), "junk"));
        let with_if_match = [(RANGE, "bytes=2-3"), (IF_MATCH, "\"a\"")];
        assert_eq!(select(Some("\"a\""), None, &with_if_match), Selection::Partial(2..4));
        let repeated = [(RANGE, "bytes=2-3"), (RANGE, "bytes=2-3")];
        assert_eq!(select(None, None, &repeated), Selection::Full);
        let current = [(RANGE, "bytes=2-3"), (IF_NONE_MATCH, "\"a\"")];
        assert_eq!(select(Some("\"a\""), None, &current), Selection::NotModified);
    }
}
