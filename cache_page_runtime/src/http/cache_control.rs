//! `Cache-Control` of responses and requests (RFC 9111 5.2).
//!
//! Parsing never fails. Where a value is malformed or ambiguous, the stricter reading applies: the one that stores less.

use http::header::HeaderValue;

use super::syntax::{is_tchar, parse_digits};

/// The directives of a response or a request.
///
/// Times are in seconds. A directive without a valid number counts as 0, and the smallest of several numbers applies, unless
/// stated otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CacheControl {
    pub(crate) no_store: bool,
    /// `no-cache`, also in its qualified form.
    pub(crate) no_cache: bool,
    /// `private`, also in its qualified form.
    pub(crate) private: bool,
    /// The body must not be encoded (RFC 9111 5.2.2.6).
    pub(crate) no_transform: bool,
    pub(crate) max_age: Option<u64>,
    pub(crate) s_maxage: Option<u64>,
    /// Overrides `no-store` in caches that implement the caching requirements of the status (RFC 9111 5.2.2.3).
    pub(crate) must_understand: bool,
    /// `must-revalidate` or `proxy-revalidate`.
    pub(crate) must_revalidate: bool,
    /// RFC 5861 3.
    pub(crate) stale_while_revalidate: Option<u64>,
    /// RFC 5861 4.
    pub(crate) stale_if_error: Option<u64>,
    /// Request directive. The largest of several numbers applies, and an invalid one counts as `u64::MAX`.
    pub(crate) min_fresh: Option<u64>,
    /// Request directive.
    pub(crate) only_if_cached: bool,
}

impl CacheControl {
    /// Parses all values of a `Cache-Control` field.
    pub(crate) fn parse<'h>(values: impl IntoIterator<Item = &'h HeaderValue>) -> Self {
        let mut cache_control = Self::default();
        values.into_iter().for_each(|value| cache_control.parse_value(value));
        cache_control
    }

    /// Adds the directives of another value of the field.
    pub(crate) fn parse_value(&mut self, value: &HeaderValue) {
        match value.as_bytes() {
            // What most responses send that must not be stored.
            b"no-store" => return self.no_store = true,
            b"no-cache" => return self.no_cache = true,
            b"private" => return self.private = true,
            _ => {}
        }
        let mut rest = value.as_bytes();
        let is_valid = is_valid(rest);
        while let Some((name, argument)) = next_directive(&mut rest, is_valid) {
            self.apply(name, argument, is_valid);
        }
    }

    fn apply(&mut self, name: &[u8], argument: Option<&[u8]>, is_valid: bool) {
        let is = |directive: &str| name.eq_ignore_ascii_case(directive.as_bytes());
        if is("no-store") {
            self.no_store = true;
        } else if is("no-cache") {
            self.no_cache = true;
        } else if is("private") {
            self.private = true;
        } else if is("no-transform") {
            self.no_transform = true;
        } else if is("max-age") {
            set_min(&mut self.max_age, argument);
        } else if is("s-maxage") {
            set_min(&mut self.s_maxage, argument);
        } else if is("must-revalidate") || is("proxy-revalidate") {
            self.must_revalidate = true;
        } else if is("stale-while-revalidate") {
            set_min(&mut self.stale_while_revalidate, argument);
        } else if is("stale-if-error") {
            set_min(&mut self.stale_if_error, argument);
        } else if is("must-understand") {
            // This is the only directive that permits more, so a malformed value does not have it.
            self.must_understand |= is_valid;
        } else if is("only-if-cached") {
            self.only_if_cached = true;
        } else if is("min-fresh") {
            let seconds = argument.and_then(delta_seconds).unwrap_or(u64::MAX);
            self.min_fresh = Some(self.min_fresh.map_or(seconds, |other| other.max(seconds)));
        }
    }
}

/// Parses a number of seconds, as a token or a quoted string. A number that does not fit becomes `u64::MAX` (RFC 9111 1.2.2).
pub(crate) fn delta_seconds(argument: &[u8]) -> Option<u64> {
    match argument {
        [b'"', digits @ .., b'"'] => parse_digits(digits),
        digits => parse_digits(digits),
    }
}

fn set_min(min: &mut Option<u64>, argument: Option<&[u8]>) {
    let seconds = argument.and_then(delta_seconds).unwrap_or(0);
    *min = Some(min.map_or(seconds, |min| min.min(seconds)));
}

/// Returns whether a value matches the grammar: a comma-separated list of directives.
fn is_valid(value: &[u8]) -> bool {
    let mut rest = value;
    loop {
        let Some(start) = rest.iter().position(|byte| !matches!(byte, b',' | b' ' | b'\t')) else {
            return true;
        };
        let name = token(&rest[start..]);
        rest = rest[start + name.len()..].trim_ascii_start();
        if let Some(argument) = rest.strip_prefix(b"=") {
            let argument = argument.trim_ascii_start();
            let len = quoted_string_len(argument).unwrap_or_else(|| token(argument).len());
            rest = argument[len..].trim_ascii_start();
        }
        if name.is_empty() || !matches!(rest.first(), None | Some(b',')) {
            return false;
        }
    }
}

/// Returns the next directive and its argument.
///
/// In a malformed value, every character that is not part of a token separates directives: `max-age=60; no-store` is meant to
/// contain `no-store`. It is also unclear what a quoted string encloses there, so the tokens within quotes are directives too.
fn next_directive<'v>(rest: &mut &'v [u8], is_valid: bool) -> Option<(&'v [u8], Option<&'v [u8]>)> {
    let start = rest.iter().position(|&byte| is_tchar(byte))?;
    let name = token(&rest[start..]);
    *rest = &rest[start + name.len()..];
    let Some(argument) = rest.trim_ascii_start().strip_prefix(b"=") else { return Some((name, None)) };
    let argument = argument.trim_ascii_start();
    let value = match quoted_string_len(argument) {
        Some(len) if is_valid => &argument[..len],
        _ => token(argument),
    };
    *rest = &argument[value.len()..];
    // An argument that is followed by more than a separator is malformed, such as `"6"0`.
    let is_separated = !rest.first().is_some_and(|&byte| is_tchar(byte) || matches!(byte, b'"' | b'='));
    Some((name, Some(if is_separated { value } else { b"" })))
}

fn token(value: &[u8]) -> &[u8] {
    let end = value.iter().position(|&byte| !is_tchar(byte)).unwrap_or(value.len());
    &value[..end]
}

/// Returns the length of the quoted string at the beginning of `value`, with its quotes (RFC 9110 5.6.4).
///
/// An opening quote without a closing one does not start a quoted string, because a directive may follow it.
fn quoted_string_len(value: &[u8]) -> Option<usize> {
    if value.first() != Some(&b'"') {
        return None;
    }
    let mut index = 1;
    loop {
        match value.get(index)? {
            b'"' => return Some(index + 1),
            b'\\' => index += 2,
            _ => index += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(values: &[&str]) -> CacheControl {
        let values: Vec<_> = values.iter().map(|value| HeaderValue::from_str(value).unwrap()).collect();
        CacheControl::parse(&values)
    }

    #[test]
    fn names_are_case_insensitive_and_may_be_padded() {
        for value in
            ["no-store", "NO-STORE", " No-Store ", "public,no-store", "public ,\tno-store\t, x", ",,no-store"]
        {
            assert!(parse(&[value]).no_store, "{value:?}");
        }
    }

    #[test]
    fn wrong_separators_do_not_hide_a_directive() {
        for value in [
            "no-store; max-age=60",
            "max-age=60; no-store",
            "max-age=60 no-store",
            "public no-store",
            "no-store;",
            "\"no-store\"",
            "=no-store",
            "a=1=no-store",
        ] {
            assert!(parse(&[value]).no_store, "{value:?}");
        }
        assert_eq!(parse(&["private max-age=60"]).max_age, Some(60));
    }

    #[test]
    fn quotes_in_malformed_values_do_not_hide_directives() {
        for value in [
            "x=\"a, no-store\"b",
            "=\"a, no-store, b\"",
            "=\",x=\", no-store, y=\"",
            "x\"y=\"a, no-store, b\"",
            "a b; x=\"no-store\"",
        ] {
            assert!(parse(&[value]).no_store, "{value:?}");
        }
        assert!(!parse(&["no-store, \"must-understand\""]).must_understand);
        assert!(!parse(&["no-store; must-understand"]).must_understand);
        assert!(parse(&["no-store,, must-understand ,x = \"a;b\""]).must_understand);
    }

    #[test]
    fn qualified_forms_count_as_unqualified() {
        assert!(parse(&["private=\"set-cookie\""]).private);
        assert!(parse(&["no-cache=\"a, b\""]).no_cache);
        assert!(parse(&["no-store=1"]).no_store);
    }

    #[test]
    fn directives_of_all_values_are_combined() {
        let combined = parse(&["max-age=10", "PRIVATE, s-maxage=5"]);
        assert_eq!((combined.private, combined.max_age, combined.s_maxage), (true, Some(10), Some(5)));
    }

    #[test]
    fn quoted_strings_are_not_directives() {
        assert_eq!(parse(&["foo=\"a, no-store, private\""]), CacheControl::default());
        assert_eq!(parse(&[r#"foo="a\", no-store""#]), CacheControl::default());
    }

    #[test]
    fn unterminated_quotes_do_not_hide_directives() {
        assert!(parse(&["foo=\"a, no-store"]).no_store);
        assert!(parse(&[r#"foo="a\", no-store"#]).no_store);
        assert!(parse(&["\", no-store"]).no_store);
    }

    #[test]
    fn request_directives_use_the_stricter_reading() {
        let request = parse(&["Only-If-Cached, min-fresh=5, min-fresh=\"7\""]);
        assert_eq!((request.only_if_cached, request.min_fresh), (true, Some(7)));
        assert_eq!(parse(&["min-fresh"]).min_fresh, Some(u64::MAX));
    }

    #[test]
    fn similar_names_are_not_directives() {
        assert_eq!(
            parse(&["no-stores, xno-store, no store, private-ish, max-agee=5, x=no-store, é"]),
            CacheControl::default()
        );
    }

    #[test]
    fn malformed_and_repeated_times_use_the_shorter_reading() {
        for (value, seconds) in [
            ("max-age=60", 60),
            ("max-age=\"60\"", 60),
            ("Max-Age = 60", 60),
            ("max-age=60, max-age=10", 10),
            ("max-age=60, max-age", 0),
            ("max-age=", 0),
            ("max-age=-1", 0),
            ("max-age=1.5", 0),
            ("max-age=60s", 0),
            ("max-age=\"6\"0", 0),
            ("max-age=99999999999999999999999999", u64::MAX),
        ] {
            assert_eq!(parse(&[value]).max_age, Some(seconds), "{value:?}");
        }
    }
}
