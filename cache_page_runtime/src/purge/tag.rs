//! Tags, and templates of tags with route parameters such as `post:{id}`.

use std::{error::Error, fmt};

use actix_web::HttpRequest;
use percent_encoding::percent_decode_str;
use smallvec::SmallVec;

use super::key::PurgeKey;

/// The maximum number of tags of a page.
pub(crate) const MAX_TAGS: usize = 128;

/// The maximum length of a tag in bytes.
const MAX_TAG_LEN: usize = 256;

/// The maximum number of tags in an attribute.
const MAX_ATTRIBUTE_TAGS: usize = 32;

/// A tag of a page. Its key is used in this process, its name in messages to other processes.
#[derive(Clone, Debug)]
pub(crate) struct Tag {
    pub(crate) key: PurgeKey,
    pub(crate) name: Box<str>,
}

/// The tags of a page, of which most pages have a few.
pub(crate) type Tags = SmallVec<[Tag; 4]>;

/// The error of an invalid tag or template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TagError {
    Empty,
    /// With the beginning of the tag.
    TooLong(String),
    InvalidCharacter(String),
    TooMany,
    /// A template refers to a parameter that the route does not have.
    UnknownParameter {
        template: &'static str,
        name: &'static str,
        /// The parameters that it has, as in "`{id}`, `{page}`".
        known: String,
    },
}

impl Tag {
    pub(crate) fn new(name: &str) -> Self {
        Self { key: PurgeKey::from_tag(name), name: name.into() }
    }
}

/// Checks that a string is a valid tag.
pub(crate) fn check(tag: &str) -> Result<(), TagError> {
    if tag.is_empty() {
        Err(TagError::Empty)
    } else if tag.len() > MAX_TAG_LEN {
        Err(TagError::TooLong(tag.chars().take(32).collect()))
    } else if tag.chars().any(char::is_control) || tag.trim() != tag {
        Err(TagError::InvalidCharacter(tag.to_owned()))
    } else {
        Ok(())
    }
}

/// Replaces the parameters of a template by the percent-decoded values of the request's route.
pub(crate) fn expand(template: &'static str, request: &HttpRequest) -> Result<String, TagError> {
    expand_with(template, request, |literal, expanded| expanded.extend_from_slice(literal.as_bytes()))
}

/// Expands the template of a path, whose literal parts are percent-decoded too.
pub(crate) fn expand_path(template: &'static str, request: &HttpRequest) -> Result<String, TagError> {
    expand_with(template, request, |literal, expanded| expanded.extend(percent_decode_str(literal)))
}

fn expand_with(
    template: &'static str,
    request: &HttpRequest,
    push_literal: impl Fn(&str, &mut Vec<u8>),
) -> Result<String, TagError> {
    let mut expanded = Vec::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, behind)) = after.split_once('}') else { break };
        let value = request.match_info().get(name).ok_or_else(|| TagError::UnknownParameter {
            template,
            name,
            known: known_parameters(request),
        })?;
        push_literal(before, &mut expanded);
        expanded.extend(percent_decode_str(value));
        rest = behind;
    }
    push_literal(rest, &mut expanded);
    Ok(String::from_utf8_lossy(&expanded).into_owned())
}

fn known_parameters(request: &HttpRequest) -> String {
    let names: Vec<String> = request.match_info().iter().map(|(name, _)| format!("`{{{name}}}`")).collect();
    names.join(", ")
}

/// Returns whether all braces of a template are balanced, not nested and not empty.
pub(crate) const fn is_template(template: &str) -> bool {
    let bytes = template.as_bytes();
    let (mut at, mut open) = (0, None);
    while at < bytes.len() {
        match (bytes[at], open) {
            (b'{', None) => open = Some(at),
            (b'}', Some(from)) if from + 1 < at => open = None,
            (b'{' | b'}', _) => return false,
            _ => {}
        }
        at += 1;
    }
    open.is_none()
}

/// Checks the tag templates of an attribute at compile time.
///
/// # Panics
///
/// Panics if there are too many templates, or if one is empty, too long or malformed.
#[track_caller]
pub(crate) const fn assert_tags(tags: &[&str]) {
    assert!(tags.len() <= MAX_ATTRIBUTE_TAGS, "an attribute has at most 32 tags");
    let mut at = 0;
    while at < tags.len() {
        assert!(
            !tags[at].is_empty() && tags[at].len() <= MAX_TAG_LEN,
            "a tag must not be empty and has at most 256 bytes"
        );
        assert!(
            is_template(tags[at]),
            "braces in a tag must enclose the name of a route parameter: \"post:{{id}}\""
        );
        at += 1;
    }
}

impl fmt::Display for TagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a tag must not be empty"),
            Self::TooLong(beginning) => {
                write!(f, "the tag `{beginning}…` is too long (limit {MAX_TAG_LEN} bytes)")
            }
            Self::InvalidCharacter(tag) => {
                write!(f, "the tag {tag:?} contains a control character, or begins or ends with white space")
            }
            Self::TooMany => write!(f, "too many tags (limit {MAX_TAGS})"),
            Self::UnknownParameter { template, name, known } => {
                write!(f, "the route has no parameter `{{{name}}}`, which \"{template}\" refers to")?;
                match known.as_str() {
                    "" => f.write_str("; remove it"),
                    known => write!(f, "; it has {known}"),
                }
            }
        }
    }
}

impl Error for TagError {}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn template_expands_route_parameters() {
        let request = TestRequest::default().param("id", "7").param("name", "a%20b").to_http_request();
        assert_eq!(expand("posts", &request), Ok("posts".to_owned()));
        assert_eq!(expand("post:{id}", &request), Ok("post:7".to_owned()));
        assert_eq!(expand("{id}/{name}!{id}", &request), Ok("7/a b!7".to_owned()));
        // Only the literal parts of a path are percent-decoded, not those of a tag.
        assert_eq!(expand("%20{name}", &request), Ok("%20a b".to_owned()));
        assert_eq!(expand_path("/%20/{name}", &request), Ok("/ /a b".to_owned()));
        let error = expand("post:{slug}", &request).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the route has no parameter `{slug}`, which \"post:{slug}\" refers to; it has `{id}`, `{name}`"
        );
    }

    #[test]
    fn invalid_tag_is_rejected_with_reason() {
        assert_eq!(check("posts"), Ok(()));
        assert_eq!(check(&"x".repeat(MAX_TAG_LEN)), Ok(()));
        for (tag, reason) in
            [("", "empty"), (" a", "white space"), ("a\n", "control"), (&"x".repeat(257), "256 bytes")]
        {
            assert!(check(tag).unwrap_err().to_string().contains(reason), "{tag:?}");
        }
    }

    #[test]
    fn template_braces_enclose_names() {
        for template in ["", "a", "{a}", "a{b}c{d}"] {
            assert!(is_template(template), "{template}");
        }
        for template in ["{", "}", "{}", "a{b", "a}b", "{{a}}", "{a{b}}"] {
            assert!(!is_template(template), "{template}");
        }
    }
}
