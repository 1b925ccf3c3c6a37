//! Which cookies identify a client.

use std::str;

use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};
use percent_encoding::percent_decode_str;

use super::{ignored_cookies, names::NamePattern};

/// Which cookies of a request identify its client. All do, except those that are ignored; or only those that are named.
#[derive(Clone, Debug)]
pub(crate) struct CookieRule {
    /// If there are any, only cookies with these names identify a client.
    session: Vec<NamePattern>,
    ignored: Vec<NamePattern>,
    ignores_listed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CookieKind {
    /// It identifies the client, or cannot be read without doubt.
    Credential,
    Keyed,
    Ignored,
}

impl Default for CookieRule {
    fn default() -> Self {
        Self { session: Vec::new(), ignored: Vec::new(), ignores_listed: true }
    }
}

impl CookieRule {
    pub(crate) fn add_session(&mut self, pattern: &str) -> Result<(), &'static str> {
        add(&mut self.session, pattern)
    }

    pub(crate) fn add_ignored(&mut self, pattern: &str) -> Result<(), &'static str> {
        add(&mut self.ignored, pattern)
    }

    pub(crate) fn set_ignores_listed(&mut self, ignores_listed: bool) {
        self.ignores_listed = ignores_listed;
    }

    /// Returns whether all cookies of a request are ignored or have one of the names that are in the key.
    ///
    /// Cookies are parsed as actix-web parses them. What other parsers might read differently, and a field that is not UTF-8, counts
    /// as a credential.
    pub(crate) fn is_anonymous(&self, headers: &HeaderMap, keyed: &[&str]) -> bool {
        headers.get_all(COOKIE).all(|field| self.ignores_field(field, keyed))
    }

    fn ignores_field(&self, field: &HeaderValue, keyed: &[&str]) -> bool {
        let Ok(mut rest) = str::from_utf8(field.as_bytes()) else { return false };
        while let Some(end) = rest.bytes().position(|byte| matches!(byte, b'=' | b';')) {
            let (name, behind) = rest.split_at(end);
            let Some(behind) = behind.strip_prefix('=') else {
                if !is_blank(name) {
                    return false;
                }
                rest = &behind[1..];
                continue;
            };
            let kind = self.kind(name.trim(), keyed);
            // Values may be long, and are not read behind the name of a credential.
            if kind == CookieKind::Credential {
                return false;
            }
            let (value, next) = behind.split_once(';').unwrap_or((behind, ""));
            if kind == CookieKind::Ignored && self.hides_another(value, keyed) {
                return false;
            }
            rest = next;
        }
        is_blank(rest)
    }

    /// Returns whether a value contains another cookie for a parser that splits at commas too (RFC 2965 3.3.4).
    fn hides_another(&self, value: &str, keyed: &[&str]) -> bool {
        let names = value.split(',').skip(1).filter_map(|pair| Some(pair.split_once('=')?.0));
        let is_ignored = |name: &str| {
            let name = name.trim_matches(|letter: char| letter.is_whitespace() || letter == '"');
            self.kind(name, keyed) == CookieKind::Ignored
        };
        !names.into_iter().all(is_ignored)
    }

    fn kind(&self, name: &str, keyed: &[&str]) -> CookieKind {
        if !is_plain(name) {
            return CookieKind::Credential;
        }
        // actix-web decodes names, and other parsers do not.
        if name.contains('%') {
            let decoded = percent_decode_str(name).decode_utf8().unwrap_or_default();
            if decoded != name
                && (!is_plain(&decoded) || keyed.contains(&&*decoded) || self.identifies(&decoded))
            {
                return CookieKind::Credential;
            }
        }
        if keyed.contains(&name) {
            CookieKind::Keyed
        } else if self.identifies(name) {
            CookieKind::Credential
        } else {
            CookieKind::Ignored
        }
    }

    /// Returns whether a cookie of this name identifies a client, unless it is in the key.
    pub(crate) fn identifies(&self, name: &str) -> bool {
        let is_in = |patterns: &[NamePattern]| patterns.iter().any(|pattern| pattern.matches(name));
        if !self.session.is_empty() {
            return is_in(&self.session);
        }
        !(self.ignores_listed && ignored_cookies::is_listed(name) || is_in(&self.ignored))
    }
}

/// Returns whether there is no cookie in a text.
fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

/// Adds a pattern as it is written, and as actix-web decodes names: browsers show both.
fn add(patterns: &mut Vec<NamePattern>, pattern: &str) -> Result<(), &'static str> {
    if !is_plain(pattern) && !pattern.is_empty() || pattern.contains(['=', ';', ',', '"']) {
        return Err(
            "the name of a cookie consists of visible ASCII characters other than `=`, `;`, `,` and `\"`",
        );
    }
    let pattern = NamePattern::parse(pattern)?;
    let decoded = pattern.map(|part| percent_decode_str(part).decode_utf8_lossy());
    if decoded != pattern {
        patterns.push(decoded);
    }
    patterns.push(pattern);
    Ok(())
}

/// Returns whether a name has no characters that parsers might treat differently.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(session: &[&str], ignored: &[&str]) -> CookieRule {
        let mut rule = CookieRule::default();
        session.iter().for_each(|pattern| rule.add_session(pattern).unwrap());
        ignored.iter().for_each(|pattern| rule.add_ignored(pattern).unwrap());
        rule
    }

    fn is_anonymous(rule: &CookieRule, fields: &[&[u8]], keyed: &[&str]) -> bool {
        let fields = fields.iter().map(|field| (COOKIE, HeaderValue::from_bytes(field).unwrap()));
        rule.is_anonymous(&fields.collect(), keyed)
    }

    #[test]
    fn listed_and_named_cookies_are_ignored() {
        let rule = rule(&[], &["theme", "exp_*", "AMCV_1%40AdobeOrg", "ref%2A"]);
        for fields in [
            &[&b"_ga=1"[..]][..],
            &[b" _ga=1;_gid = 2 ;; ", b"theme=a"],
            &[b"exp_=; exp_a=b"],
            &[b"_ga="],
            &[b"_ga=1=2"],
            &[b"_ga=1,2"],
            &[b"_ga=\"a b\""],
            &[b"_ga=\xe2\x82\xac"],
            &[b"AMCV_1%40AdobeOrg=1; AMCV_2%40AdobeOrg=1"],
            &[b"__utmz=1.2.utmcsr=(direct)|utmccn=(direct)"],
            &[b""],
        ] {
            assert!(is_anonymous(&rule, fields, &[]), "{fields:?}");
        }
        for field in ["ref=1", "refs=1", "Theme=a", "exp=1"] {
            assert!(!is_anonymous(&rule, &[field.as_bytes()], &[]), "{field}");
        }
    }

    /// What a parser might read as another cookie, or what cannot be read.
    #[test]
    fn doubtful_cookies_are_credentials() {
        for rule in [rule(&[], &[]), rule(&["sessionid", "id_*"], &[])] {
            for fields in [
                &[&b"sessionid=1"[..]][..],
                &[b"_ga=1; sessionid=1"],
                &[b"_ga=1", b"sessionid=1"],
                &[b"_ga=1;sessionid=1;_gid=2"],
                &[b"_ga=1, sessionid=2"],
                &[b"_ga=1,\"sessionid\"=2"],
                &[b"_ga=\"1, sessionid=2\""],
                &[b"_ga=\"; sessionid=2; x=\""],
                &[b"%73essionid=1"],
                &[b"_ga=1,%73essionid=1"],
                &[b"%5Fga%00=1"],
                &[b"_ga%ff=1"],
                &[b"_ga"],
                &[b"sessionid"],
                &[b"=1"],
                &[b"=sessionid=1"],
                &[b"_ga =1; a b=1"],
                &[b"_ga\t=1; \xc2\xa0sessionid\xe3\x80\x80=1"],
                &[b"_g\xc3\xa4=1"],
                &[b"_ga=\xff"],
                &[b"_ga=1", b"\xff"],
                &[b"id_7=1"],
            ] {
                assert!(!is_anonymous(&rule, fields, &[]), "{rule:?} {fields:?}");
            }
        }
    }

    #[test]
    fn only_named_sessions_are_credentials() {
        let rule = rule(&["sessionid", "*_session"], &["sessionid"]);
        for fields in [&[&b"csrftoken=1; theme={\"a\":1,\"b\":2}"[..]][..], &[b"SESSIONID=1; xsessionid=1"]] {
            assert!(is_anonymous(&rule, fields, &[]), "{fields:?}");
        }
        for field in ["sessionid=1", "_shop_session=1", "csrftoken=1; _session="] {
            assert!(!is_anonymous(&rule, &[field.as_bytes()], &[]), "{field}");
        }
    }

    /// The key has the values of all spellings of a name, and other parsers see only one of them.
    #[test]
    fn keyed_cookie_is_no_credential_as_it_is_spelled() {
        for rule in [rule(&[], &[]), rule(&["sessionid"], &[])] {
            assert!(is_anonymous(&rule, &[b"theme=a,b=c; _ga=1; theme=d"], &["theme"]), "{rule:?}");
            for field in ["th%65me=a", "_ga=1,theme=a", "theme=a; th%65me=b"] {
                assert!(!is_anonymous(&rule, &[field.as_bytes()], &["theme"]), "{rule:?} {field}");
            }
        }
        assert!(!is_anonymous(&rule(&[], &[]), &[b"Theme=a"], &["theme"]));
    }

    #[test]
    fn nothing_is_ignored_without_the_list() {
        let mut rule = CookieRule::default();
        rule.set_ignores_listed(false);
        assert!(!is_anonymous(&rule, &[b"_ga=1"], &[]));
        assert!(is_anonymous(&rule, &[b"; ;"], &[]));
    }

    #[test]
    fn invalid_patterns_are_refused() {
        for pattern in ["", "*", "a*b*", "a b", "a=b", "a;b", "a,b", "\"a\"", "ä", "a\n"] {
            assert!(CookieRule::default().add_ignored(pattern).is_err(), "{pattern:?}");
        }
    }
}
