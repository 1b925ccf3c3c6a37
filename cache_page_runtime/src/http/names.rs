//! Names of cookies and query parameters: the patterns of options, and lists that are built in.

use std::borrow::Cow;

/// A name, or a pattern with one `*`, which stands for any characters, also for none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamePattern {
    prefix: Box<str>,
    /// What follows the `*`. `None` for a name.
    suffix: Option<Box<str>>,
}

impl NamePattern {
    /// Parses a pattern, or returns what is wrong with it.
    pub(crate) fn parse(pattern: &str) -> Result<Self, &'static str> {
        match pattern.split_once('*') {
            _ if pattern.is_empty() => Err("it is empty"),
            Some((_, suffix)) if suffix.contains('*') => Err("a pattern has one `*` at most"),
            Some(("", "")) => Err("`*` alone stands for every name"),
            Some((prefix, suffix)) => Ok(Self { prefix: prefix.into(), suffix: Some(suffix.into()) }),
            None => Ok(Self { prefix: pattern.into(), suffix: None }),
        }
    }

    /// Returns the pattern with its parts changed.
    pub(super) fn map<'p>(&'p self, change: impl Fn(&'p str) -> Cow<'p, str>) -> Self {
        Self {
            prefix: change(&self.prefix).into(),
            suffix: self.suffix.as_deref().map(|suffix| change(suffix).into()),
        }
    }

    /// Returns the name, unless it is a pattern.
    pub(super) fn as_name(&self) -> Option<&str> {
        self.suffix.is_none().then_some(&*self.prefix)
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        match &self.suffix {
            None => *self.prefix == *name,
            Some(suffix) => name.strip_prefix(&*self.prefix).is_some_and(|rest| rest.ends_with(&**suffix)),
        }
    }
}

/// A list of many names, in which a name is found by a binary search.
pub(super) struct NameList {
    /// Names, sorted.
    pub(super) names: &'static [&'static str],
    /// The beginnings of names, of two bytes or more, sorted.
    pub(super) prefixes: &'static [&'static str],
}

impl NameList {
    pub(super) fn has_name(&self, name: &str) -> bool {
        self.names.binary_search(&name).is_ok()
    }

    /// Returns what follows the longest listed beginning of a name.
    pub(super) fn after_prefix<'n>(&self, name: &'n str) -> Option<&'n str> {
        let end = self.prefixes.partition_point(|prefix| *prefix <= name);
        let begins_alike = |prefix: &&&str| prefix.as_bytes().get(..2) == name.as_bytes().get(..2);
        let candidates = self.prefixes.get(..end)?.iter().rev().take_while(begins_alike);
        candidates.into_iter().find_map(|prefix| name.strip_prefix(prefix))
    }
}

/// Sorts a list by its bytes, at compile time.
pub(super) const fn sorted<const N: usize>(mut names: [&'static str; N]) -> [&'static str; N] {
    let mut end = 1;
    while end < N {
        let mut at = end;
        while at > 0 && is_less(names[at].as_bytes(), names[at - 1].as_bytes()) {
            (names[at], names[at - 1]) = (names[at - 1], names[at]);
            at -= 1;
        }
        end += 1;
    }
    names
}

const fn is_less(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() {
        if one[at] != other[at] {
            return one[at] < other[at];
        }
        at += 1;
    }
    one.len() < other.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        NamePattern::parse(pattern).unwrap().matches(name)
    }

    #[test]
    fn star_stands_for_any_part_of_a_name() {
        for (pattern, name) in [
            ("_ga", "_ga"),
            ("_ga*", "_ga"),
            ("_ga*", "_ga_X"),
            ("*_session", "_app_session"),
            ("*_session", "_session"),
            ("mp_*_mixpanel", "mp_1_mixpanel"),
            ("a*a", "aa"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("_ga", "_ga_X"),
            ("_ga", "_GA"),
            ("_ga", "x_ga"),
            ("_ga*", "_g"),
            ("_ga*", "x_ga"),
            ("*_session", "_session_"),
            ("a*a", "a"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn invalid_patterns_are_refused() {
        for pattern in ["", "*", "**", "a*b*", "*a*"] {
            assert!(NamePattern::parse(pattern).is_err(), "{pattern}");
        }
    }

    const LIST: NameList = NameList { names: &["a", "ab"], prefixes: &["x-", "x-y", "x-yz-", "y-"] };

    #[test]
    fn list_finds_the_longest_prefix() {
        let found = |name| LIST.after_prefix(name);
        assert_eq!(found("x-y1"), Some("1"));
        assert_eq!(found("x-yz-1"), Some("1"));
        assert_eq!(found("x-yz"), Some("z"));
        assert_eq!(found("x-zzz"), Some("zzz"));
        assert_eq!(found("x-"), Some(""));
        assert_eq!(found("y-"), Some(""));
        for name in ["", "x", "y", "w-", "xy", "z", "X-"] {
            assert_eq!(found(name), None, "{name}");
        }
        assert!(LIST.has_name("a") && LIST.has_name("ab") && !LIST.has_name("") && !LIST.has_name("abc"));
    }
}
