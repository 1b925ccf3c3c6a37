//! Which query parameters are part of the key (`query = […]`, `ignore_query = […]`).

use std::borrow::Cow;

use smallvec::SmallVec;

/// The query parameters that a response depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum QueryRule {
    /// The whole query, byte for byte.
    All,
    /// Parameters with these names.
    Only(&'static [&'static str]),
    /// All parameters except those with these names. A name that ends in `*` is a prefix, such as `utm_*`.
    Except(&'static [&'static str]),
}

/// A name and its value, decoded.
type Parameter<'q> = (Cow<'q, str>, Cow<'q, str>);

impl QueryRule {
    /// Returns the selected parameters sorted by name, or `None` for [`All`](Self::All). Parameters of the same name keep their
    /// order.
    ///
    /// Names and values are decoded as `web::Query` decodes them, so that a client cannot hide a parameter from the key that the
    /// handler reads.
    pub(crate) fn select<'q>(&self, query: &'q str) -> Option<SmallVec<[Parameter<'q>; 8]>> {
        if matches!(self, Self::All) {
            return None;
        }
        let mut parameters: SmallVec<[Parameter<'_>; 8]> =
            form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| self.selects(name)).collect();
        parameters.sort_by(|(one, _), (other, _)| one.cmp(other));
        Some(parameters)
    }

    /// Returns whether a parameter is part of the key.
    pub(crate) fn selects(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(&name),
            Self::Except(patterns) => !patterns.iter().any(|pattern| matches(pattern, name)),
        }
    }
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
}
