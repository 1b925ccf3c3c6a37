//! Texts in which parameters of the route may stand: tags as `"post:{id}"`, paths as `"/posts/{id}"`.

use syn::Expr;

use crate::value::literal;

pub(crate) const MOST_TAGS: usize = 32;

/// A tag, or what is wrong with it.
pub(crate) fn tag(element: &Expr) -> Result<String, String> {
    const EXAMPLE: &str = "\"post:{id}\"";
    let tag = literal(element, EXAMPLE)?;
    if tag.is_empty() {
        return Err(format!("this tag is empty; write one such as {EXAMPLE}, or remove it"));
    }
    text("tag", &tag, 256)?;
    Ok(tag)
}

/// A path, or what is wrong with it.
pub(crate) fn path(element: &Expr) -> Result<String, String> {
    const EXAMPLE: &str = "\"/posts/{id}\"";
    let path = literal(element, EXAMPLE)?;
    if path.is_empty() {
        return Err(format!("this path is empty; write one such as {EXAMPLE}, or remove it"));
    }
    text("path", &path, 2048)?;
    if !path.starts_with('/') {
        return Err(match path.split_once("://") {
            Some(_) => format!("write the path alone, without scheme and host, such as {EXAMPLE}"),
            None => format!("a path begins with `/`; write \"/{path}\""),
        });
    }
    if let Some((path, _)) = path.split_once(['?', '#']) {
        return Err(format!("a path ends before `?` and `#`; write \"{path}\""));
    }
    if let Some(tail) = path.strip_suffix("}*") {
        return Err(format!("a parameter stands for all that it matched; write \"{tail}}}\""));
    }
    if path.ends_with('*') || path.contains("/*/") {
        return Err("a path is purged whole; give the pages below it a tag, such as `tags = [\"posts\"]`, and purge that"
            .to_owned());
    }
    Ok(path)
}

fn text(what: &str, text: &str, longest: usize) -> Result<(), String> {
    if text.len() > longest {
        return Err(format!("this {what} has {} bytes; shorten it to {longest} at most", text.len()));
    }
    if text.contains(char::is_control) {
        return Err(format!("a {what} has no control characters; remove them"));
    }
    if text.trim().is_empty() {
        return Err(format!("this {what} is blank; write something or remove it"));
    }
    if text.trim() != text {
        return Err(format!("a {what} neither begins nor ends with a blank; write {:?}", text.trim()));
    }
    parameters(text).map(|_| ())
}

/// The names in the braces, or what is wrong with one of them.
pub(crate) fn parameters(text: &str) -> Result<Vec<&str>, String> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(brace) = rest.find(['{', '}']) {
        let Some(inside) = rest[brace..].strip_prefix('{') else {
            return Err(
                "nothing is open before this `}`; a parameter of the route is written `{id}`".to_owned()
            );
        };
        let Some((name, behind)) = inside.split_once('}') else {
            return Err(format!(
                "close the brace of `{{{inside}`; a parameter of the route is written `{{id}}`"
            ));
        };
        match name.split_once(':') {
            _ if is_name(name) => names.push(name),
            _ if name.trim().is_empty() => {
                return Err("name the parameter of the route in these braces: `{id}`".to_owned());
            }
            Some((name, _)) if is_name(name) => {
                return Err(format!("what a parameter matches is for the route to say; write `{{{name}}}`"));
            }
            _ if is_name(name.trim()) => {
                return Err(format!("no blanks stand in the braces; write `{{{}}}`", name.trim()));
            }
            _ => {
                return Err(format!(
                    "`{{{name}}}` is no parameter of a route; write one such as `{{id}}`, of letters, digits, `_` and `-`"
                ));
            }
        }
        rest = behind;
    }
    Ok(names)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|char| char.is_alphanumeric() || matches!(char, '_' | '-'))
}
