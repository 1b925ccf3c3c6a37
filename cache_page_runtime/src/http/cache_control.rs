//! `Cache-Control` of responses and requests (RFC 9111 5.2).
//!
//! Names in any case, values as tokens or quoted strings, several header lines, anything at all between the commas:
//! nothing makes it fail, and where two readings are possible the one that keeps less wins.

use http::header::HeaderValue;

use super::syntax::{is_tchar, parse_digits};

/// What a handler said about keeping its response, or a client about what it takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CacheControl {
    pub(crate) no_store: bool,
    /// `no-cache`, also in its qualified form: no part of such a page may be sent without asking the handler.
    pub(crate) no_cache: bool,
    /// `private`, also in its qualified form: some of the response is for one visitor.
    pub(crate) private: bool,
    /// Seconds. A value that is no number is zero, the smallest of several counts.
    pub(crate) max_age: Option<u64>,
    /// As `max_age`, for caches that serve more than one visitor, such as this one.
    pub(crate) s_maxage: Option<u64>,
    /// The response is for caches that know what its status means, and for those `no-store` is not (RFC 9111 5.2.2.3).
    pub(crate) must_understand: bool,
    /// Nothing stale may be sent (`must-revalidate`, and `proxy-revalidate`, which is for caches such as this one).
    pub(crate) must_revalidate: bool,
    /// Seconds for which a stale page may be sent while it is made anew (RFC 5861 3), read as `max-age` is.
    pub(crate) stale_while_revalidate: Option<u64>,
    /// Seconds for which a stale page may be sent where there is an error instead (RFC 5861 4), read as `max-age` is.
    pub(crate) stale_if_error: Option<u64>,
    /// A client's: how many seconds the page must stay fresh. The largest counts; no number is more than there is.
    pub(crate) min_fresh: Option<u64>,
    /// A client's: no handler shall run for it.
    pub(crate) only_if_cached: bool,
}

impl CacheControl {
    pub(crate) fn parse<'h>(lines: impl IntoIterator<Item = &'h HeaderValue>) -> Self {
        let mut directives = Self::default();
        lines.into_iter().for_each(|line| directives.read(line));
        directives
    }

    /// One more line.
    pub(crate) fn read(&mut self, line: &HeaderValue) {
        let mut rest = line.as_bytes();
        let is_list = is_list(rest);
        while let Some((name, value)) = next(&mut rest, is_list) {
            self.add(name, value, is_list);
        }
    }

    fn add(&mut self, name: &[u8], value: Option<&[u8]>, is_list: bool) {
        let is = |directive: &str| name.eq_ignore_ascii_case(directive.as_bytes());
        if is("no-store") {
            self.no_store = true;
        } else if is("no-cache") {
            self.no_cache = true;
        } else if is("private") {
            self.private = true;
        } else if is("max-age") {
            shorten(&mut self.max_age, value);
        } else if is("s-maxage") {
            shorten(&mut self.s_maxage, value);
        } else if is("must-revalidate") || is("proxy-revalidate") {
            self.must_revalidate = true;
        } else if is("stale-while-revalidate") {
            shorten(&mut self.stale_while_revalidate, value);
        } else if is("stale-if-error") {
            shorten(&mut self.stale_if_error, value);
        } else if is("must-understand") {
            // The one word by which more is kept: it must be beyond doubt.
            self.must_understand |= is_list;
        } else if is("only-if-cached") {
            self.only_if_cached = true;
        } else if is("min-fresh") {
            let seconds = value.and_then(delta_seconds).unwrap_or(u64::MAX);
            self.min_fresh = Some(self.min_fresh.map_or(seconds, |known| known.max(seconds)));
        }
    }
}

fn shorten(known: &mut Option<u64>, value: Option<&[u8]>) {
    let seconds = value.and_then(delta_seconds).unwrap_or(0);
    *known = Some(known.map_or(seconds, |known| known.min(seconds)));
}

/// A number of seconds, as a token or a quoted string; the largest there is where it is larger (RFC 9111 1.2.2).
pub(crate) fn delta_seconds(value: &[u8]) -> Option<u64> {
    let digits = match value {
        [b'"', digits @ .., b'"'] => digits,
        digits => digits,
    };
    parse_digits(digits)
}

/// Whether a line is what the grammar says: names and their values, and commas between them.
fn is_list(line: &[u8]) -> bool {
    let mut rest = line;
    loop {
        let Some(start) = rest.iter().position(|byte| !matches!(byte, b',' | b' ' | b'\t')) else {
            return true;
        };
        let name = word(&rest[start..]);
        rest = rest[start + name.len()..].trim_ascii_start();
        if let Some(behind) = rest.strip_prefix(b"=") {
            let behind = behind.trim_ascii_start();
            let length = closed_quote(behind).map_or_else(|| word(behind).len(), |end| end + 1);
            rest = behind[length..].trim_ascii_start();
        }
        if name.is_empty() || !matches!(rest.first(), None | Some(b',')) {
            return false;
        }
    }
}

/// The next directive of a line, and its value.
///
/// What stands between two directives should be a comma; anything that is no part of a word will do, for a `no-store` behind
/// a semicolon was meant all the same. Where a line is no list, it is not clear either what a quote encloses, and every word
/// counts.
fn next<'l>(rest: &mut &'l [u8], is_list: bool) -> Option<(&'l [u8], Option<&'l [u8]>)> {
    let start = rest.iter().position(is_of_a_word)?;
    let name = word(&rest[start..]);
    *rest = &rest[start + name.len()..];
    let Some(behind) = rest.trim_ascii_start().strip_prefix(b"=") else { return Some((name, None)) };
    let behind = behind.trim_ascii_start();
    let value = match closed_quote(behind) {
        Some(end) if is_list => &behind[..=end],
        _ => word(behind),
    };
    *rest = &behind[value.len()..];
    // What sticks to a value spoils it.
    let is_alone = !rest.first().is_some_and(|byte| is_of_a_word(byte) || matches!(byte, b'"' | b'='));
    Some((name, Some(if is_alone { value } else { b"" })))
}

fn word(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| !is_of_a_word(byte)).unwrap_or(text.len());
    &text[..end]
}

fn is_of_a_word(byte: &u8) -> bool {
    is_tchar(*byte)
}

/// Where a quoted string at the beginning of `text` ends (RFC 9110 5.6.4).
///
/// A quote that is never closed quotes nothing: what follows it may be a directive.
fn closed_quote(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(lines: &[&str]) -> CacheControl {
        let lines: Vec<HeaderValue> = lines.iter().map(|line| HeaderValue::from_str(line).unwrap()).collect();
        CacheControl::parse(&lines)
    }

    #[test]
    fn reads_names_in_any_case_and_with_any_padding() {
        for line in
            ["no-store", "NO-STORE", " No-Store ", "public,no-store", "public ,\tno-store\t, x", ",,no-store"]
        {
            assert!(parse(&[line]).no_store, "{line:?}");
        }
    }

    #[test]
    fn reads_what_was_meant() {
        for line in [
            "no-store; max-age=60",
            "max-age=60; no-store",
            "max-age=60 no-store",
            "public no-store",
            "no-store;",
            "\"no-store\"",
            "=no-store",
            "a=1=no-store",
        ] {
            assert!(parse(&[line]).no_store, "{line:?}");
        }
        assert_eq!(parse(&["private max-age=60"]).max_age, Some(60));
    }

    #[test]
    fn a_quote_hides_nothing_where_it_is_not_clear_what_it_encloses() {
        for line in [
            "x=\"a, no-store\"b",
            "=\"a, no-store, b\"",
            "=\",x=\", no-store, y=\"",
            "x\"y=\"a, no-store, b\"",
            "a b; x=\"no-store\"",
        ] {
            assert!(parse(&[line]).no_store, "{line:?}");
        }
        assert!(!parse(&["no-store, \"must-understand\""]).must_understand);
        assert!(!parse(&["no-store; must-understand"]).must_understand);
        assert!(parse(&["no-store,, must-understand ,x = \"a;b\""]).must_understand);
    }

    #[test]
    fn reads_qualified_forms_as_unqualified() {
        assert!(parse(&["private=\"set-cookie\""]).private);
        assert!(parse(&["no-cache=\"a, b\""]).no_cache);
        assert!(parse(&["no-store=1"]).no_store);
    }

    #[test]
    fn reads_all_lines() {
        let both = parse(&["max-age=10", "PRIVATE, s-maxage=5"]);
        assert_eq!((both.private, both.max_age, both.s_maxage), (true, Some(10), Some(5)));
    }

    #[test]
    fn what_is_quoted_is_no_directive() {
        assert_eq!(parse(&["foo=\"a, no-store, private\""]), CacheControl::default());
        assert_eq!(parse(&[r#"foo="a\", no-store""#]), CacheControl::default());
    }

    #[test]
    fn an_open_quote_hides_nothing() {
        assert!(parse(&["foo=\"a, no-store"]).no_store);
        assert!(parse(&[r#"foo="a\", no-store"#]).no_store);
        assert!(parse(&["\", no-store"]).no_store);
    }

    #[test]
    fn a_client_gets_the_fresher_reading() {
        let asked = parse(&["Only-If-Cached, min-fresh=5, min-fresh=\"7\""]);
        assert_eq!((asked.only_if_cached, asked.min_fresh), (true, Some(7)));
        assert_eq!(parse(&["min-fresh"]).min_fresh, Some(u64::MAX));
    }

    #[test]
    fn what_only_looks_like_a_directive_is_none() {
        assert_eq!(
            parse(&["no-stores, xno-store, no store, private-ish, max-agee=5, x=no-store, é"]),
            CacheControl::default()
        );
    }

    #[test]
    fn doubtful_ages_are_the_shorter_reading() {
        for (line, seconds) in [
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
            assert_eq!(parse(&[line]).max_age, Some(seconds), "{line:?}");
        }
    }
}
