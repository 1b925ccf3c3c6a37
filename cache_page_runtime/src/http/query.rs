//! Which query parameters are part of the key (`query = […]`, `ignore_query = […]`).

use std::borrow::Cow;

use smallvec::SmallVec;

use super::{names::NamePattern, tracking_parameters};

/// The query parameters that a response depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum QueryRule {
    /// The whole query, byte for byte.
    All,
    /// Parameters with these names.
    Only(&'static [&'static str]),
    /// All parameters except those with these names. A name that ends in `*` is a prefix, such as `utm_*`.
    Except(&'static [&'static str]),
    /// All parameters except those with these names, and those that the cache ignores for all handlers.
    ExceptBoth(&'static [&'static str], &'static IgnoredQuery),
}

/// The query parameters that a cache ignores for all handlers.
#[derive(Clone, Debug, Default)]
pub(crate) struct IgnoredQuery {
    patterns: Vec<NamePattern>,
    pub(crate) ignores_tracking: bool,
}

impl IgnoredQuery {
    pub(crate) fn add(&mut self, pattern: &str) -> Result<(), &'static str> {
        self.patterns.push(NamePattern::parse(pattern)?);
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.is_empty() && !self.ignores_tracking
    }

    /// Returns the names that are no patterns.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().filter_map(NamePattern::as_name)
    }

    fn contains(&self, name: &str) -> bool {
        self.ignores_tracking && tracking_parameters::is_listed(name)
            || self.patterns.iter().any(|pattern| pattern.matches(name))
    }
}

/// A name and its value, decoded.
type Parameter<'q> = (Cow<'q, str>, Cow<'q, str>);

impl QueryRule {
    /// Returns the rule of a handler in a cache that ignores parameters. What `query` names is not ignored.
    pub(crate) fn in_cache(self, ignored: Option<&'static IgnoredQuery>) -> Self {
        match (self, ignored) {
            (Self::All, Some(ignored)) => Self::ExceptBoth(&[], ignored),
            (Self::Except(patterns), Some(ignored)) => Self::ExceptBoth(patterns, ignored),
            (rule, _) => rule,
        }
    }

    /// Returns whether the whole query is in the key as it was sent.
    pub(crate) fn selects_all(&self) -> bool {
        matches!(self, Self::All)
    }

    /// Returns a query that consists of the selected parameters alone, in the order and the spelling that all requests with the same
    /// key have in common, or `None` for [`All`](Self::All).
    pub(crate) fn common_query(&self, query: &str) -> Option<String> {
        let parameters = self.select(query)?;
        Some(form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish())
    }

    /// Returns the selected parameters sorted by name, or `None` for [`All`](Self::All). Parameters of the same name keep their
    /// order.
    ///
    /// Names and values are decoded as `web::Query` decodes them, so that a client cannot hide a parameter from the key that the
    /// handler reads.
    pub(crate) fn select<'q>(&self, query: &'q str) -> Option<SmallVec<[Parameter<'q>; 8]>> {
        if self.selects_all() {
            return None;
        }
        let mut parameters: SmallVec<[Parameter<'_>; 8]> =
            form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| self.selects(name)).collect();
        parameters.sort_by(|(one, _), (other, _)| one.cmp(other));
        Some(parameters)
    }

    /// Returns the names of parameters that are left out, without those that only a pattern or a list leaves out.
    pub(super) fn ignored_names(self) -> impl Iterator<Item = &'static str> {
        let (patterns, ignored) = match self {
            Self::All | Self::Only(_) => (&[][..], None),
            Self::Except(patterns) => (patterns, None),
            Self::ExceptBoth(patterns, ignored) => (patterns, Some(ignored)),
        };
        let names = patterns.iter().copied().filter(|pattern| !pattern.ends_with('*'));
        names.chain(ignored.into_iter().flat_map(IgnoredQuery::names))
    }

    /// Returns whether a parameter is part of the key.
    pub(crate) fn selects(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(&name),
            Self::Except(patterns) => !is_in(patterns, name),
            Self::ExceptBoth(patterns, ignored) => !is_in(patterns, name) && !ignored.contains(name),
        }
    }
}

fn is_in(patterns: &[&str], name: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, name))
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(rule: QueryRule, query: &str) -> String {
        let parameters = rule.select(query).unwrap();
        parameters.iter().map(|(name, value)| format!("{name}:{value} ")).collect()
    }

    #[test]
    fn parameters_are_sorted_by_name_and_keep_the_order_of_values() {
        let all = QueryRule::Except(&[]);
        assert_eq!(select(all, "b=2&a=1"), "a:1 b:2 ");
        assert_eq!(select(all, "a=2&b=0&a=1"), "a:2 a:1 b:0 ");
        assert_eq!(select(all, ""), "");
        assert_eq!(select(all, "a&=x&&"), ":x a: ");
    }

    #[test]
    fn names_are_compared_decoded() {
        let only = QueryRule::Only(&["page"]);
        assert_eq!(select(only, "page=1&x=2&PAGE=3"), "page:1 ");
        assert_eq!(select(only, "p%61ge=1&pag%65=%32+3"), "page:1 page:2 3 ");
        assert_eq!(select(only, "page%00=1&page;x=2&;page=4"), "");
        let except = QueryRule::Except(&["utm_*", "ref"]);
        assert_eq!(select(except, "utm_source=a&ut%6d_x=b&ref=c&refs=d&utm=e"), "refs:d utm:e ");
    }

    fn ignoring(patterns: &[&str], ignores_tracking: bool) -> Option<&'static IgnoredQuery> {
        let mut ignored = IgnoredQuery { ignores_tracking, ..IgnoredQuery::default() };
        patterns.iter().for_each(|pattern| ignored.add(pattern).unwrap());
        Some(Box::leak(Box::new(ignored)))
    }

    #[test]
    fn cache_ignores_parameters_of_all_handlers() {
        let query = "a=1&utm_source=b&utm%5Fid=c&gclid=d&ref=e&x_id=f";
        let ignored = ignoring(&["ref", "*_id"], true);
        assert_eq!(select(QueryRule::All.in_cache(ignored), query), "a:1 ");
        assert_eq!(select(QueryRule::Except(&["a"]).in_cache(ignored), query), "");
        assert_eq!(select(QueryRule::Only(&["gclid"]).in_cache(ignored), query), "gclid:d ");
        assert_eq!(select(QueryRule::All.in_cache(ignoring(&["ref"], false)), "ref=1&gclid=2"), "gclid:2 ");
        assert!(QueryRule::All.in_cache(None).selects_all());
        for pattern in ["", "*", "a*b*"] {
            assert!(IgnoredQuery::default().add(pattern).is_err(), "{pattern:?}");
        }
    }

    #[test]
    fn common_query_has_the_selected_parameters() {
        let except = QueryRule::Except(&["utm_*"]);
        for (query, common) in [
            ("b=2&utm_x=1&a=1", "a=1&b=2"),
            ("ut%6d_x=1", ""),
            ("a=%3Cb%3E\"&a", "a=%3Cb%3E%22&a="),
            ("a=%ff", "a=%EF%BF%BD"),
            ("a=1+2&&", "a=1+2"),
        ] {
            assert_eq!(except.common_query(query).as_deref(), Some(common), "{query}");
        }
        assert_eq!(QueryRule::All.common_query("a=1"), None);
    }
}
