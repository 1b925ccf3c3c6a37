//! Ready-made functions for the option [`normalize`](crate::PageCacheMiddleware::normalize): they map equivalent spellings of
//! `Accept-Language` and other lists to one value.
//!
//! ```
//! use actix_web::{HttpRequest, HttpResponse, get};
//! use cache_page::{cache_page, normalize};
//!
//! /// Forwards the request to a server that chooses the language.
//! #[get("/{path:.*}")]
//! #[cache_page(60, normalize = ["accept-language" => normalize::list])]
//! async fn page(#[unkeyed] request: HttpRequest) -> HttpResponse {
//! #   let _ = request;
//!     // …
//! #   HttpResponse::Ok().finish()
//! }
//! # drop(page);
//! ```

use super::accept_encoding::weight;

/// The weight of a language that has none, in thousandths (RFC 9110 12.4.2).
const MAX_WEIGHT: u16 = 1000;

/// Returns the members of a comma-separated list (RFC 9110 5.6.1) without the whitespace around them.
///
/// It removes empty members, and keeps case and order. It is for lists of tokens or numbers: a comma within a quoted string also
/// separates two members.
#[must_use]
pub fn list(value: Option<&str>) -> Option<String> {
    Some(members(value?).collect::<Vec<_>>().join(", "))
}

/// Returns the languages of `Accept-Language` (RFC 9110 12.5.4) in lower case, the preferred ones first.
///
/// Languages of the same weight are in alphabetical order: `de, en` and `EN , de;q=1.0` give the same value. That is for handlers and
/// servers that choose by weight. For those that choose the language that comes first, whatever the weights are, use [`list`].
///
/// A malformed value is returned as it is.
#[must_use]
pub fn languages(value: Option<&str>) -> Option<String> {
    value.map(|value| sorted_languages(value).unwrap_or_else(|| value.to_owned()))
}

fn sorted_languages(value: &str) -> Option<String> {
    let mut languages = members(value).map(language).collect::<Option<Vec<_>>>()?;
    languages.sort_by(|(one, weight), (other, other_weight)| other_weight.cmp(weight).then(one.cmp(other)));
    let members = languages.into_iter().map(|(range, weight)| match weight {
        MAX_WEIGHT => range,
        weight => format!("{range};q=0.{weight:03}"),
    });
    Some(members.collect::<Vec<_>>().join(", "))
}

/// Parses a language range and its weight.
fn language(member: &str) -> Option<(String, u16)> {
    let (range, weight) = match member.split_once(';') {
        Some((range, parameter)) => (trim(range), weight(trim(parameter).as_bytes())?),
        None => (member, MAX_WEIGHT),
    };
    let is_range = !range.is_empty()
        && range.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'*'));
    is_range.then(|| (range.to_ascii_lowercase(), weight))
}

fn members(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(trim).filter(|member| !member.is_empty())
}

/// Removes optional whitespace (RFC 9110 5.6.3).
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_differs_by_members_case_and_order_only() {
        for value in ["1,2", "1, 2", " 1 ,\t2 ", "1,,2,"] {
            assert_eq!(list(Some(value)).as_deref(), Some("1, 2"), "{value}");
        }
        assert_eq!(list(Some("b, A")).as_deref(), Some("b, A"));
        assert_eq!(list(Some("")).as_deref(), Some(""));
        assert_eq!(list(None), None);
    }

    #[test]
    fn languages_are_in_lower_case_and_sorted_by_weight_and_name() {
        for value in ["de, en", "en,de", " EN ,   De;q=1", "de ; Q=1.000, en"] {
            assert_eq!(languages(Some(value)).as_deref(), Some("de, en"), "{value}");
        }
        for value in ["fr;q=0.5, de-CH, *;q=0", "*;q=0.0,de-ch;q=1,FR;q=0.50"] {
            assert_eq!(languages(Some(value)).as_deref(), Some("de-ch, fr;q=0.500, *;q=0.000"), "{value}");
        }
        assert_eq!(languages(None), None);
        assert_ne!(languages(Some("de, en")), languages(Some("de, en;q=0.999")));
    }

    #[test]
    fn malformed_languages_are_not_changed() {
        for value in ["de;q=2, EN", "de;level=1", "d e", "EN;q=0.5;q=0.4", "ä", "de;", ";q=1"] {
            assert_eq!(languages(Some(value)).as_deref(), Some(value));
        }
    }
}
