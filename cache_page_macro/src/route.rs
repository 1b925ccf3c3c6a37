//! The route attributes of actix-web below ours: which methods they are for, and which parameters they have.

use proc_macro2::{TokenStream, TokenTree};
use syn::{Attribute, Error, Expr, LitStr, Meta, parse::ParseStream};

use crate::{handler::Handler, template, ttl::bare, value::literal};

/// Methods whose responses are answers to a change, or to a body: a page kept from one would be wrong for all others.
const WRITING: [&str; 5] = ["post", "put", "patch", "delete", "query"];
const OTHERS: [&str; 6] = ["get", "head", "options", "connect", "trace", "route"];

/// The method of `#[post("/path")]` or `#[actix_web::post("/path")]`, and not of some other crate's attribute of that name.
pub(crate) fn writing(attribute: &Attribute) -> Option<&'static str> {
    let path = attribute.path();
    let from_actix =
        path.segments.len() == 1 || path.segments.first().is_some_and(|first| first.ident == "actix_web");
    let is_route = from_actix && matches!(attribute.meta, Meta::List(_));
    let last = &path.segments.last()?.ident;
    WRITING.into_iter().find(|method| is_route && last == method)
}

/// The routes that can be seen from our attribute.
pub(crate) struct Routes {
    /// The name of the last attribute.
    last: &'static str,
    paths: Vec<String>,
}

impl Routes {
    /// `None` where there are none, or one of which the path cannot be seen.
    pub(crate) fn below(handler: &Handler) -> Option<Self> {
        let mut routes: Option<Self> = None;
        for attribute in &handler.attributes {
            if attribute.path().is_ident("cfg_attr") && names().any(|name| has_word(attribute, name)) {
                return None;
            }
            let Meta::List(list) = &attribute.meta else { continue };
            let Some(last) = list.path.segments.last() else { continue };
            let Some(name) = names().find(|name| last.ident == name) else { continue };
            let first = |input: ParseStream<'_>| {
                let path: LitStr = input.parse()?;
                input.parse::<TokenStream>()?;
                Ok(path.value())
            };
            let path = list.parse_args_with(first).ok()?;
            let routes = routes.get_or_insert(Self { last: name, paths: Vec::new() });
            routes.last = name;
            routes.paths.push(path);
        }
        routes
    }

    /// Every parameter in the text that none of the routes has. `ours` is the attribute that the text stands in.
    pub(crate) fn missing(&self, text: &Expr, ours: &str) -> Vec<Error> {
        let Ok(value) = literal(&bare(text.clone()), "") else { return Vec::new() };
        let known: Vec<&str> = self.paths.iter().flat_map(|path| parameters(path)).collect();
        let wanted = template::parameters(&value).unwrap_or_default();
        let missing = wanted.into_iter().filter(|name| !known.contains(name));
        missing.map(|name| Error::new_spanned(text, self.no_parameter(name, &known, ours))).collect()
    }

    fn no_parameter(&self, name: &str, known: &[&str], ours: &str) -> String {
        let paths: Vec<String> = self.paths.iter().map(|path| format!("{path:?}")).collect();
        let known: Vec<String> = known.iter().map(|name| format!("`{{{name}}}`")).collect();
        let has = match (known.is_empty(), paths.len()) {
            (false, 1) => format!("it has {}", known.join(", ")),
            (false, _) => format!("they have {}", known.join(", ")),
            (true, 1) => "it has none".to_owned(),
            (true, _) => "they have none".to_owned(),
        };
        format!(
            "no parameter `{{{name}}}` in {}; {has}. One of a scope around it cannot be seen from here: \
            if it is that, move `#[{ours}]` below `#[{}]`",
            paths.join(" or "),
            self.last
        )
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    WRITING.into_iter().chain(OTHERS)
}

/// Whether the word stands in the parentheses of the attribute.
pub(crate) fn has_word(attribute: &Attribute, word: &str) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    list.tokens.clone().into_iter().any(|token| matches!(token, TokenTree::Ident(ident) if ident == word))
}

/// The names in `/posts/{id:\d{4}}/{tail}*`, as actix-web finds them.
fn parameters(path: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, char) in path.char_indices() {
        match char {
            '{' => {
                depth += 1;
                if depth == 1 {
                    start = at + 1;
                }
            }
            '}' => {
                if depth == 1 {
                    names.extend(path[start..at].split(':').next());
                }
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
    }
    names
}
