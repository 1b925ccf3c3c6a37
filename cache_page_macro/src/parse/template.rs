//! Strings with route parameters: tags such as `"post:{id}"`, paths such as `"/posts/{id}"`.

use syn::Expr;

use super::value::string_literal;

pub(crate) const MAX_TAGS: usize = 32;
const MAX_TAG_LENGTH: usize = 256;
const MAX_PATH_LENGTH: usize = 2048;

/// Returns a tag, or an error message.
pub(crate) fn tag(element: &Expr) -> Result<String, String> {
    const EXAMPLE: &str = "\"post:{id}\"";
    let tag = string_literal(element, EXAMPLE)?;
    if tag.is_empty() {
        return Err(format!("this tag is empty; write one such as {EXAMPLE}, or remove it"));
    }
    check_text("tag", &tag, MAX_TAG_LENGTH)?;
    Ok(tag)
}

/// Returns a path, or an error message.
pub(crate) fn path(element: &Expr) -> Result<String, String> {
    const EXAMPLE: &str = "\"/posts/{id}\"";
    let path = string_literal(element, EXAMPLE)?;
    if path.is_empty() {
        return Err(format!("this path is empty; write one such as {EXAMPLE}, or remove it"));
    }
    check_text("path", &path, MAX_PATH_LENGTH)?;
    if !path.starts_with('/') {
        return Err(match path.split_once("://") {
            Some(_) => format!("this is a URL; write its path alone, such as {EXAMPLE}"),
            None => format!("a path begins with `/`; write \"/{path}\""),
        });
    }
    if let Some((path, _)) = path.split_once(['?', '#']) {
        return Err(format!("a path has no query and no fragment; write \"{path}\""));
    }
    if let Some(tail) = path.strip_suffix("}*") {
        return Err(format!("a route parameter has no `*` here; write \"{tail}}}\""));
    }
    if path.ends_with('*') || path.contains("/*/") {
        return Err("a path has no wildcards; give those pages a tag, and purge that: `tags = [\"posts\"]`"
            .to_owned());
    }
    Ok(path)
}

fn check_text(noun: &str, text: &str, max: usize) -> Result<(), String> {
    if text.len() > max {
        return Err(format!("this {noun} has {} bytes; shorten it to at most {max}", text.len()));
    }
    if text.contains(char::is_control) {
        return Err(format!("this {noun} contains a control character; remove it"));
    }
    if text.trim().is_empty() {
        return Err(format!("this {noun} is blank; write one, or remove it"));
    }
    if text.trim() != text {
        return Err(format!("this {noun} begins or ends with whitespace; write {:?}", text.trim()));
    }
    route_parameters(text).map(|_| ())
}

/// Returns the names in braces, or an error message for an invalid one.
pub(crate) fn route_parameters(text: &str) -> Result<Vec<&str>, String> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(brace) = rest.find(['{', '}']) {
        let Some(inside) = rest[brace..].strip_prefix('{') else {
            return Err("this `}` closes no brace; write a route parameter as `{id}`".to_owned());
        };
        let Some((name, after)) = inside.split_once('}') else {
            return Err(format!(
                "the brace of `{{{inside}` is not closed; write a route parameter as `{{id}}`"
            ));
        };
        match name.split_once(':') {
            _ if is_name(name) => names.push(name),
            _ if name.trim().is_empty() => {
                return Err("these braces are empty; write a route parameter as `{id}`".to_owned());
            }
            Some((name, _)) if is_name(name) => {
                return Err(format!("a route parameter has no pattern here; write `{{{name}}}`"));
            }
            _ if is_name(name.trim()) => {
                return Err(format!("these braces contain whitespace; write `{{{}}}`", name.trim()));
            }
            _ => {
                return Err(format!(
                    "`{{{name}}}` is not a route parameter; write one such as `{{id}}`, with letters, digits, `_` and `-`"
                ));
            }
        }
        rest = after;
    }
    Ok(names)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|char| char.is_alphanumeric() || matches!(char, '_' | '-'))
}
