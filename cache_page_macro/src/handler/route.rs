//! The route attributes of actix-web below the attribute: their methods and parameters.

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Error, Expr, LitStr, Meta, MetaList, Path, Token, parse::ParseStream, parse_quote,
    punctuated::Punctuated,
};

use super::handler::Handler;
use crate::parse::{route_parameters, string_literal, ungroup};

/// Methods whose responses depend on a change or on the body of the request.
const WRITING: [&str; 5] = ["post", "put", "patch", "delete", "query"];
const OTHERS: [&str; 6] = ["get", "head", "options", "connect", "trace", "route"];

/// Returns the method of `#[post("/path")]` or `#[actix_web::post("/path")]`.
pub(crate) fn writing_method(attribute: &Attribute) -> Option<&'static str> {
    let name = route_name(attribute)?;
    WRITING.into_iter().find(|method| *method == name)
}

/// Returns the attributes without those that make the function a route.
pub(crate) fn without_routes(attributes: Vec<Attribute>) -> Vec<Attribute> {
    attributes
        .into_iter()
        .filter_map(|mut attribute| match &attribute.meta {
            Meta::List(list) if list.path.is_ident("cfg_attr") => {
                let conditional = Punctuated::<Meta, Token![,]>::parse_terminated;
                // A predicate is a `Meta` too, except for `true` and `false`.
                let Ok(metas) = list.parse_args_with(conditional) else {
                    let is_route = names().chain(["routes"]).any(|name| contains_word(&attribute, name));
                    return (!is_route).then_some(attribute);
                };
                let mut metas = metas.into_iter();
                let predicate = metas.next()?;
                let kept: Vec<Meta> = metas.filter(|meta| !is_route(meta)).collect();
                attribute.meta = parse_quote!(cfg_attr(#predicate #(, #kept)*));
                (!kept.is_empty()).then_some(attribute)
            }
            meta => (!is_route(meta)).then_some(attribute),
        })
        .collect()
}

/// Returns whether an attribute makes the function a route: `#[get("/path")]`, `#[routes]`, or `#[fetch("/path")]` if `get` was
/// imported under that name.
fn is_route(attribute: &Meta) -> bool {
    let of_actix = is_of_actix(attribute.path());
    let last = attribute.path().segments.last().map(|last| &last.ident);
    match attribute {
        Meta::Path(_) => of_actix && last.is_some_and(|last| last == "routes"),
        Meta::List(list) => {
            of_actix && last.is_some_and(|last| names().any(|name| last == name)) || starts_with_a_path(list)
        }
        Meta::NameValue(_) => false,
    }
}

/// Returns whether the first argument of an attribute is a string such as `"/posts"` or `""`, the path of a route.
fn starts_with_a_path(list: &MetaList) -> bool {
    let first = list.tokens.clone().into_iter().next();
    let first = first.map(TokenStream::from).and_then(|first| syn::parse2::<LitStr>(first).ok());
    first.is_some_and(|path| path.value().is_empty() || path.value().starts_with('/'))
}

/// Returns the name of a route attribute of actix-web.
///
/// An attribute of that name in another crate, such as `#[openapi::post]`, is no route.
fn route_name(attribute: &Attribute) -> Option<&'static str> {
    if !is_of_actix(attribute.path()) || !matches!(attribute.meta, Meta::List(_)) {
        return None;
    }
    let last = &attribute.path().segments.last()?.ident;
    names().find(|name| last == name)
}

fn is_of_actix(path: &Path) -> bool {
    let segments = &path.segments;
    segments.len() == 1 || segments.first().is_some_and(|first| first.ident == "actix_web")
}

/// The routes below the attribute.
pub(crate) struct Routes {
    /// The name of the last route attribute.
    last: &'static str,
    paths: Vec<String>,
}

impl Routes {
    /// Returns `None` if there are no routes, or if the path of one is not a string literal.
    pub(crate) fn below(handler: &Handler) -> Option<Self> {
        let mut routes: Option<Self> = None;
        for attribute in &handler.attributes {
            if attribute.path().is_ident("cfg_attr") && names().any(|name| contains_word(attribute, name)) {
                return None;
            }
            let Meta::List(list) = &attribute.meta else { continue };
            let Some(last) = list.path.segments.last() else { continue };
            let Some(name) = names().find(|name| last.ident == name) else { continue };
            let first_argument = |input: ParseStream<'_>| {
                let path: LitStr = input.parse()?;
                input.parse::<TokenStream>()?;
                Ok(path.value())
            };
            let path = list.parse_args_with(first_argument).ok()?;
            let routes = routes.get_or_insert(Self { last: name, paths: Vec::new() });
            routes.last = name;
            routes.paths.push(path);
        }
        routes
    }

    /// Returns an error for every parameter in the text that no route has. `attribute` is the one that has the text.
    pub(crate) fn validate_parameters(&self, text: &Expr, attribute: &str) -> Vec<Error> {
        let Ok(value) = string_literal(&ungroup(text.clone()), "") else { return Vec::new() };
        let known: Vec<&str> = self.paths.iter().flat_map(|path| path_parameters(path)).collect();
        let used = route_parameters(&value).unwrap_or_default();
        let unknown = used.into_iter().filter(|name| !known.contains(name));
        unknown
            .map(|name| Error::new_spanned(text, self.unknown_parameter(name, &known, attribute)))
            .collect()
    }

    fn unknown_parameter(&self, name: &str, known: &[&str], attribute: &str) -> String {
        let paths: Vec<String> = self.paths.iter().map(|path| format!("{path:?}")).collect();
        let known: Vec<String> = known.iter().map(|name| format!("`{{{name}}}`")).collect();
        let have = if paths.len() == 1 { "has" } else { "have" };
        let fix = match known.is_empty() {
            true => "remove it".to_owned(),
            false => format!("write {}", known.join(" or ")),
        };
        format!(
            "{} {have} no parameter `{{{name}}}`; {fix}, or, for a parameter of an enclosing scope, move `#[{attribute}]` below `#[{}]`",
            paths.join(" and "),
            self.last
        )
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    WRITING.into_iter().chain(OTHERS)
}

/// Returns whether an identifier is among the arguments of an attribute.
pub(crate) fn contains_word(attribute: &Attribute, word: &str) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    list.tokens.clone().into_iter().any(|token| matches!(token, TokenTree::Ident(ident) if ident == word))
}

/// Returns the parameter names of a route such as `/posts/{id:\d{4}}/{tail}*`, as actix-web parses it.
fn path_parameters(path: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (position, char) in path.char_indices() {
        match char {
            '{' => {
                depth += 1;
                if depth == 1 {
                    start = position + 1;
                }
            }
            '}' => {
                if depth == 1 {
                    names.extend(path[start..position].split(':').next());
                }
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
    }
    names
}
