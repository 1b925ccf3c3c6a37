//! Names that pages are purged by, and templates of them in which route parameters stand: `post:{id}`.

use std::fmt;

use actix_web::HttpRequest;
use percent_encoding::percent_decode_str;

/// A page has at most so many tags.
pub(crate) const MOST_TAGS: usize = 128;

/// A tag has at most so many bytes.
pub(crate) const LONGEST_TAG: usize = 256;

/// Why a text is no tag, or no path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TagError {
    EmptyTag,
    LongTag(String),
    BlankTag(String),
    ManyTags,
    /// A template names a parameter that the route does not have.
    Parameter {
        template: &'static str,
        name: &'static str,
    },
}

/// Whether a text can be a tag.
pub(crate) fn check(tag: &str) -> Result<(), TagError> {
    if tag.is_empty() {
        Err(TagError::EmptyTag)
    } else if tag.len() > LONGEST_TAG {
        Err(TagError::LongTag(tag.chars().take(32).collect()))
    } else if tag.chars().any(char::is_control) || tag.trim() != tag {
        Err(TagError::BlankTag(tag.to_owned()))
    } else {
        Ok(())
    }
}

/// A template with the parameters of a request in it, each as it is read, without escapes.
pub(crate) fn fill_in(template: &'static str, request: &HttpRequest) -> Result<String, TagError> {
    fill(template, request, |text, filled| filled.extend_from_slice(text.as_bytes()))
}

/// The same of a path, whose own escapes are read as well.
pub(crate) fn fill_in_path(template: &'static str, request: &HttpRequest) -> Result<String, TagError> {
    fill(template, request, |text, filled| filled.extend(percent_decode_str(text)))
}

fn fill(
    template: &'static str,
    request: &HttpRequest,
    add: impl Fn(&str, &mut Vec<u8>),
) -> Result<String, TagError> {
    let mut filled = Vec::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, behind)) = after.split_once('}') else { break };
        let value = request.match_info().get(name).ok_or(TagError::Parameter { template, name })?;
        add(before, &mut filled);
        filled.extend(percent_decode_str(value));
        rest = behind;
    }
    add(rest, &mut filled);
    Ok(String::from_utf8_lossy(&filled).into_owned())
}

/// Whether braces stand around names only.
pub(crate) const fn is_template(text: &str) -> bool {
    let text = text.as_bytes();
    let (mut at, mut open) = (0, None);
    while at < text.len() {
        match (text[at], open) {
            (b'{', None) => open = Some(at),
            (b'}', Some(from)) if from + 1 < at => open = None,
            (b'{' | b'}', _) => return false,
            _ => {}
        }
        at += 1;
    }
    open.is_none()
}

/// What an attribute lists.
#[track_caller]
pub(crate) const fn assert_are_tags(tags: &[&str]) {
    assert!(tags.len() <= 32, "an attribute has at most 32 tags");
    let mut at = 0;
    while at < tags.len() {
        assert!(
            !tags[at].is_empty() && tags[at].len() <= LONGEST_TAG,
            "a tag is not empty, and has at most 256 bytes"
        );
        assert!(is_template(tags[at]), "braces stand around the name of a route parameter: \"post:{{id}}\"");
        at += 1;
    }
}

impl fmt::Display for TagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyTag => f.write_str("a tag is not empty"),
            Self::LongTag(beginning) => {
                write!(f, "a tag has at most {LONGEST_TAG} bytes, and `{beginning}…` has more")
            }
            Self::BlankTag(tag) => {
                write!(f, "a tag has no control characters and no blanks around it, and {tag:?} has")
            }
            Self::ManyTags => write!(f, "a page has at most {MOST_TAGS} tags"),
            Self::Parameter { template, name } => {
                write!(f, "the route has no parameter `{{{name}}}`, which stands in \"{template}\"")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn templates_are_filled_in_with_what_the_route_has() {
        let request = TestRequest::default().param("id", "7").param("name", "a%20b").to_http_request();
        assert_eq!(fill_in("posts", &request), Ok("posts".to_owned()));
        assert_eq!(fill_in("post:{id}", &request), Ok("post:7".to_owned()));
        assert_eq!(fill_in("{id}/{name}!{id}", &request), Ok("7/a b!7".to_owned()));
        // The escapes of a tag are its own; those of a path are not.
        assert_eq!(fill_in("%20{name}", &request), Ok("%20a b".to_owned()));
        assert_eq!(fill_in_path("/%20/{name}", &request), Ok("/ /a b".to_owned()));
        let missing = fill_in("post:{slug}", &request).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "the route has no parameter `{slug}`, which stands in \"post:{slug}\""
        );
    }

    #[test]
    fn what_is_no_tag_says_why() {
        assert_eq!(check("posts"), Ok(()));
        assert_eq!(check(&"x".repeat(LONGEST_TAG)), Ok(()));
        for (tag, why) in
            [("", "empty"), (" a", "blanks"), ("a\n", "control"), (&"x".repeat(257), "256 bytes")]
        {
            assert!(check(tag).unwrap_err().to_string().contains(why), "{tag:?}");
        }
    }

    #[test]
    fn braces_stand_around_names() {
        for template in ["", "a", "{a}", "a{b}c{d}"] {
            assert!(is_template(template), "{template}");
        }
        for template in ["{", "}", "{}", "a{b", "a}b", "{{a}}", "{a{b}}"] {
            assert!(!is_template(template), "{template}");
        }
    }
}
