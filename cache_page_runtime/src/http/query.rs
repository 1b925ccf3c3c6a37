//! Which parameters of a query make a page (`query = […]`, `ignore_query = […]`).

use std::borrow::Cow;

use smallvec::SmallVec;

/// What the attribute said about the query.
#[derive(Clone, Copy, Debug)]
pub(crate) enum QueryRule {
    /// All of it, as it was sent.
    Raw,
    /// These alone.
    Only(&'static [&'static str]),
    /// All but these; `utm_*` stands for all that begin like it.
    Without(&'static [&'static str]),
}

/// A name and its value.
type Parameter<'q> = (Cow<'q, str>, Cow<'q, str>);

impl QueryRule {
    /// The parameters that count, decoded as a handler's `web::Query` decodes them, in the order of their names; those of
    /// one name stay in the order they came in. `None` stands for the query as it was sent.
    ///
    /// Names are compared decoded: a client must not be able to hide one from the key that the handler finds.
    pub(crate) fn pick<'q>(&self, query: &'q str) -> Option<SmallVec<[Parameter<'q>; 8]>> {
        let counts: &dyn Fn(&str) -> bool = match self {
            Self::Raw => return None,
            Self::Only(names) => &|name| names.contains(&name),
            Self::Without(names) => &|name| !names.iter().any(|pattern| is_meant(pattern, name)),
        };
        let mut parameters: SmallVec<[Parameter<'_>; 8]> =
            form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| counts(name)).collect();
        parameters.sort_by(|(one, _), (other, _)| one.cmp(other));
        Some(parameters)
    }
}

fn is_meant(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(parameters: QueryRule, query: &str) -> String {
        let picked = parameters.pick(query).unwrap();
        picked.iter().map(|(name, value)| format!("{name}:{value} ")).collect()
    }

    #[test]
    fn the_order_of_names_does_not_matter_and_that_of_values_does() {
        let all = QueryRule::Without(&[]);
        assert_eq!(pick(all, "b=2&a=1"), "a:1 b:2 ");
        assert_eq!(pick(all, "a=2&b=0&a=1"), "a:2 a:1 b:0 ");
        assert_eq!(pick(all, ""), "");
        assert_eq!(pick(all, "a&=x&&"), ":x a: ");
    }

    #[test]
    fn names_are_compared_as_the_handler_reads_them() {
        let only = QueryRule::Only(&["page"]);
        assert_eq!(pick(only, "page=1&x=2&PAGE=3"), "page:1 ");
        assert_eq!(pick(only, "p%61ge=1&pag%65=%32+3"), "page:1 page:2 3 ");
        assert_eq!(pick(only, "page%00=1&page;x=2&;page=4"), "");
        let without = QueryRule::Without(&["utm_*", "ref"]);
        assert_eq!(pick(without, "utm_source=a&ut%6d_x=b&ref=c&refs=d&utm=e"), "refs:d utm:e ");
    }
}
